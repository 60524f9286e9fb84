/*
 * Takes URLs apart (wire.md section 3, api.md 4.9). All strings of an nng_url live in the block
 * that holds the struct, so that one allocation makes it and one free ends it.
 */
#include "url.h"

#include <stdbool.h>
#include <string.h>

#include "alloc.h"

struct url_block {
    nng_url url;  /* first: what the program holds is this block */
    size_t bytes; /* of the whole block */
    char text[];
};

/* A piece of the URL as given. */
struct span {
    const char *first;
    size_t bytes;
};

/* The room each part may need on top of its share of the URL: NULs, and a default port. */
enum { URL_SPARE = 16 };

static const struct {
    const char *scheme;
    const char *port;
} default_ports[] = {
    {"http", "80"},   {"https", "443"}, {"ws", "80"},  {"wss", "443"},
    {"gopher", "70"}, {"git", "9418"},  {"ssh", "22"}, {"telnet", "23"},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_alnum(char c)
{
    char lower = to_lower(c);

    return is_digit(c) || (lower >= 'a' && lower <= 'z');
}

/* RFC 3986 section 2.3: escaped or not, these mean the same. */
static bool is_unreserved(char c)
{
    return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

/* -1: not a hexadecimal digit. */
static int hex_value(char c)
{
    char lower = to_lower(c);

    if (is_digit(lower))
        return lower - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* The byte that %xx at `text` stands for, -1 if it is no escape; reads no further than a NUL. */
static int escape_value(const char *text)
{
    int high = hex_value(text[1]);
    int low = high < 0 ? -1 : hex_value(text[2]);

    return low < 0 ? -1 : high * 16 + low;
}

int spry_url_decode(const char *text, uint8_t *out, size_t capacity, size_t *bytes)
{
    size_t n = 0;

    for (; *text != '\0'; text++, n++) {
        if (n == capacity)
            return NNG_EADDRINVAL;
        if (*text == '%') {
            int value = escape_value(text);

            if (value < 0)
                return NNG_EADDRINVAL;
            out[n] = (uint8_t)value;
            text += 2;
        } else {
            out[n] = (uint8_t)*text;
        }
    }
    *bytes = n;
    return 0;
}

/* Checks UTF-8 byte by byte: what the bytes of one character still have to be. */
struct utf8 {
    unsigned missing;         /* continuation bytes */
    uint8_t next_lo, next_hi; /* the range of the next of them: no overlong form, no surrogate */
};

static bool utf8_lead(struct utf8 *utf8, uint8_t byte)
{
    utf8->next_lo = 0x80;
    utf8->next_hi = 0xbf;
    if (byte < 0x80) {
        utf8->missing = 0;
        return true;
    }
    if (byte < 0xc2 || byte > 0xf4)
        return false;
    utf8->missing = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte == 0xe0)
        utf8->next_lo = 0xa0;
    if (byte == 0xed)
        utf8->next_hi = 0x9f;
    if (byte == 0xf0)
        utf8->next_lo = 0x90;
    if (byte == 0xf4)
        utf8->next_hi = 0x8f;
    return true;
}

static bool utf8_step(struct utf8 *utf8, uint8_t byte)
{
    if (utf8->missing == 0)
        return utf8_lead(utf8, byte);
    if (byte < utf8->next_lo || byte > utf8->next_hi)
        return false;
    utf8->missing--;
    utf8->next_lo = 0x80;
    utf8->next_hi = 0xbf;
    return true;
}

/*
 * Writes a part with its escapes in one form: as plain text where that means the same, else in
 * upper case. NNG_EINVAL: a bad escape, or bytes that are no UTF-8 once unescaped.
 */
static int part_canonify(char **next, struct span part, char **out)
{
    static const char digits[] = "0123456789ABCDEF";
    struct utf8 utf8 = {0, 0, 0};
    char *to = *next;

    *out = to;
    for (size_t i = 0; i < part.bytes; i++) {
        bool escaped = part.first[i] == '%';
        int value = escaped ? escape_value(part.first + i) : (uint8_t)part.first[i];

        if (value < 0 || !utf8_step(&utf8, (uint8_t)value))
            return NNG_EINVAL;
        if (escaped)
            i += 2; /* an escape cannot reach into the next part: its digits are no delimiters */
        if (!escaped || is_unreserved((char)value)) {
            *to++ = (char)value;
        } else {
            *to++ = '%';
            *to++ = digits[value / 16];
            *to++ = digits[value % 16];
        }
    }
    *to++ = '\0';
    *next = to;
    return utf8.missing == 0 ? 0 : NNG_EINVAL;
}

/* Resolves `.` and `..` as RFC 3986 section 5.2.4 does, and drops empty segments. */
static void path_resolve(char *path)
{
    char *in = path;
    char *out = path;

    while (*in != '\0') {
        size_t n;
        bool last;

        in += strspn(in, "/");
        n = strcspn(in, "/");
        last = in[n] == '\0';
        if (n == 2 && in[0] == '.' && in[1] == '.') {
            while (out > path && *--out != '/')
                continue;
            if (last)
                *out++ = '/';
        } else if (n == 1 && in[0] == '.') {
            if (last)
                *out++ = '/';
        } else {
            *out++ = '/';
            memmove(out, in, n);
            out += n;
        }
        in += n;
    }
    *out = '\0';
}

static char *text_put(char **next, struct span span)
{
    char *text = *next;

    memcpy(text, span.first, span.bytes);
    text[span.bytes] = '\0';
    *next = text + span.bytes + 1;
    return text;
}

static char *text_put_lower(char **next, struct span span)
{
    char *text = text_put(next, span);

    for (size_t i = 0; i < span.bytes; i++)
        text[i] = to_lower(text[i]);
    return text;
}

static struct span span_of(const char *text)
{
    struct span span = {text, strlen(text)};

    return span;
}

/* Cuts the span at the first of `stops` and gives what lies before; without a stop, all of it. */
static struct span span_cut(struct span *span, const char *stops)
{
    struct span head = {span->first, 0};

    while (head.bytes < span->bytes && strchr(stops, span->first[head.bytes]) == NULL)
        head.bytes++;
    span->first += head.bytes;
    span->bytes -= head.bytes;
    return head;
}

static bool span_is(struct span span, const char *text)
{
    return span.bytes == strlen(text) && memcmp(span.first, text, span.bytes) == 0;
}

/* Drops the delimiter a cut stopped at. */
static void span_skip(struct span *span)
{
    span->first++;
    span->bytes--;
}

/* The default port of a scheme, of which ws4 and the like are variants; "" if it has none. */
static const char *scheme_port(const char *scheme)
{
    struct span base = span_of(scheme);

    if (base.bytes > 0 && (base.first[base.bytes - 1] == '4' || base.first[base.bytes - 1] == '6'))
        base.bytes--;
    for (size_t i = 0; i < sizeof(default_ports) / sizeof(default_ports[0]); i++) {
        if (span_is(base, default_ports[i].scheme))
            return default_ports[i].port;
    }
    return "";
}

/* Userinfo, host and port: all between `://` and the path. */
static int url_parse_authority(nng_url *url, char **next, struct span authority)
{
    struct span host = authority;
    struct span name = span_cut(&host, "@");
    struct span userinfo = {authority.first, 0};

    if (host.bytes > 0) {
        userinfo = name;
        span_skip(&host);
        if (memchr(host.first, '@', host.bytes) != NULL)
            return NNG_EINVAL;
    } else {
        host = authority;
    }
    url->u_userinfo = text_put(next, userinfo);
    url->u_host = text_put_lower(next, host);

    if (host.bytes > 0 && host.first[0] == '[') {
        span_skip(&host);
        name = span_cut(&host, "]");
        if (host.bytes == 0)
            return NNG_EINVAL;
        span_skip(&host);
        if (host.bytes > 0 && host.first[0] != ':')
            return NNG_EINVAL;
    } else {
        name = span_cut(&host, ":");
        if (span_is(name, "*"))
            name.bytes = 0;
    }
    if (host.bytes == 1)
        return NNG_EINVAL;
    url->u_hostname = text_put_lower(next, name);
    if (host.bytes > 0)
        span_skip(&host);
    else
        host = span_of(scheme_port(url->u_scheme));
    url->u_port = text_put(next, host);
    return 0;
}

static int url_parse_rest(nng_url *url, char **next, struct span rest)
{
    struct span authority = span_cut(&rest, "/?#");
    struct span path = span_cut(&rest, "?#");
    struct span query = span_cut(&rest, "#");
    int rv;

    if (query.bytes > 0)
        span_skip(&query);
    if (rest.bytes > 0)
        span_skip(&rest);
    rv = url_parse_authority(url, next, authority);
    if (rv == 0)
        rv = part_canonify(next, path, &url->u_path);
    if (rv == 0)
        rv = part_canonify(next, query, &url->u_query);
    if (rv == 0)
        rv = part_canonify(next, rest, &url->u_fragment);
    if (rv != 0)
        return rv;
    path_resolve(url->u_path);

    url->u_requri = text_put(next, span_of(url->u_path));
    if (url->u_query[0] != '\0') {
        (*next)[-1] = '?'; /* in place of the NUL */
        (void)text_put(next, span_of(url->u_query));
    }
    return 0;
}

/* All that follows `://` is one name: no host, nothing to decode. */
static bool scheme_is_path_style(const char *scheme)
{
    return strcmp(scheme, "ipc") == 0 || strcmp(scheme, "unix") == 0 ||
           strcmp(scheme, "abstract") == 0 || strcmp(scheme, "inproc") == 0;
}

static bool span_is_scheme(struct span span)
{
    for (size_t i = 0; i < span.bytes; i++) {
        char c = span.first[i];

        if (!is_alnum(c) && c != '+' && c != '-' && c != '.')
            return false;
    }
    return span.bytes > 0;
}

/* A block with room for text_bytes of text. */
static struct url_block *url_block_new(size_t text_bytes)
{
    struct url_block *block = spry_zalloc(sizeof(*block) + text_bytes);

    if (block != NULL)
        block->bytes = sizeof(*block) + text_bytes;
    return block;
}

int nng_url_parse(nng_url **out, const char *text)
{
    struct span raw = span_of(text);
    struct span rest = raw;
    struct span scheme = span_cut(&rest, ":");
    struct url_block *block;
    char *next;
    int rv = 0;

    if (rest.bytes < 3 || memcmp(rest.first, "://", 3) != 0 || !span_is_scheme(scheme))
        return NNG_EINVAL;
    rest.first += 3;
    rest.bytes -= 3;

    /* At most three copies of each byte: the whole, its part, and hostname, port or requri. */
    if (raw.bytes > (SIZE_MAX - sizeof(*block) - URL_SPARE) / 3)
        return NNG_ENOMEM;
    block = url_block_new(3 * raw.bytes + URL_SPARE);
    if (block == NULL)
        return NNG_ENOMEM;
    next = block->text;
    block->url.u_rawurl = text_put(&next, raw);
    block->url.u_scheme = text_put_lower(&next, scheme);
    if (scheme_is_path_style(block->url.u_scheme))
        block->url.u_path = text_put(&next, rest);
    else
        rv = url_parse_rest(&block->url, &next, rest);
    if (rv != 0)
        goto free_block;
    *out = &block->url;
    return 0;

free_block:
    nng_url_free(&block->url);
    return rv;
}

int nng_url_clone(nng_url **out, const nng_url *url)
{
    const char *const from[] = {url->u_rawurl,   url->u_scheme, url->u_userinfo, url->u_host,
                                url->u_hostname, url->u_port,   url->u_path,     url->u_query,
                                url->u_fragment, url->u_requri};
    enum { FIELDS = sizeof(from) / sizeof(from[0]) };
    char *to[FIELDS] = {NULL};
    struct url_block *block;
    size_t bytes = 0;
    char *next;

    for (size_t i = 0; i < FIELDS; i++)
        bytes += from[i] == NULL ? 0 : strlen(from[i]) + 1;
    block = url_block_new(bytes);
    if (block == NULL)
        return NNG_ENOMEM;
    next = block->text;
    for (size_t i = 0; i < FIELDS; i++) {
        if (from[i] != NULL)
            to[i] = text_put(&next, span_of(from[i]));
    }
    block->url = (nng_url){to[0], to[1], to[2], to[3], to[4], to[5], to[6], to[7], to[8], to[9]};
    *out = &block->url;
    return 0;
}

void nng_url_free(nng_url *url)
{
    struct url_block *block = (struct url_block *)url;

    if (block != NULL)
        spry_free(block, block->bytes);
}
