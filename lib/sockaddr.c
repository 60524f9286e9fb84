/*
 * Addresses as text: for people and logs, and for IPv6 in the form of RFC 5952, so that it can be
 * pasted into a URL.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <nng/nng.h>

/* Text that is cut off where the buffer ends, always with a NUL if there is room for one. */
struct text {
    char *out;
    size_t room;
};

static void text_add(struct text *text, const char *piece, size_t bytes)
{
    if (text->room == 0)
        return;
    if (bytes > text->room - 1)
        bytes = text->room - 1;
    memcpy(text->out, piece, bytes);
    text->out += bytes;
    text->room -= bytes;
    *text->out = '\0';
}

static void text_add_string(struct text *text, const char *piece)
{
    text_add(text, piece, strlen(piece));
}

static void text_add_number(struct text *text, unsigned long number)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%lu", number);
    text_add_string(text, digits);
}

/* A field of NNG_MAXADDRLEN bytes; a program may have left out the NUL. */
static void text_add_field(struct text *text, const char *field)
{
    const char *end = memchr(field, '\0', NNG_MAXADDRLEN);

    text_add(text, field, end == NULL ? NNG_MAXADDRLEN : (size_t)(end - field));
}

/* `port` in network byte order. */
static void text_add_port(struct text *text, uint16_t port)
{
    uint8_t bytes[2];

    memcpy(bytes, &port, sizeof(bytes));
    text_add_string(text, ":");
    text_add_number(text, (unsigned long)bytes[0] << 8 | bytes[1]);
}

static void text_add_in(struct text *text, const nng_sockaddr_in *in)
{
    uint8_t bytes[4];

    memcpy(bytes, &in->sa_addr, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i > 0)
            text_add_string(text, ".");
        text_add_number(text, bytes[i]);
    }
    text_add_port(text, in->sa_port);
}

/* The longest run of two or more zero words, the first of equals; 0 words if there is none. */
static size_t zero_run(const uint16_t *words, size_t *first)
{
    size_t longest = 0;
    size_t run = 0;

    *first = 0;
    for (size_t i = 0; i < 8; i++) {
        run = words[i] == 0 ? run + 1 : 0;
        if (run > 1 && run > longest) {
            longest = run;
            *first = i + 1 - run;
        }
    }
    return longest;
}

static void text_add_in6(struct text *text, const nng_sockaddr_in6 *in6)
{
    uint16_t words[8];
    size_t zero_first;
    size_t zeros;

    for (size_t i = 0; i < 8; i++)
        words[i] = (uint16_t)(in6->sa_addr[2 * i] << 8 | in6->sa_addr[2 * i + 1]);
    zeros = zero_run(words, &zero_first);
    text_add_string(text, "[");
    for (size_t i = 0; i < 8; i++) {
        char digits[8];

        if (zeros > 0 && i == zero_first) {
            text_add_string(text, "::");
            i += zeros - 1;
            continue;
        }
        if (i > 0 && !(zeros > 0 && i == zero_first + zeros))
            text_add_string(text, ":");
        (void)snprintf(digits, sizeof(digits), "%x", (unsigned)words[i]);
        text_add_string(text, digits);
    }
    if (in6->sa_scope != 0) {
        text_add_string(text, "%");
        text_add_number(text, in6->sa_scope);
    }
    text_add_string(text, "]");
    text_add_port(text, in6->sa_port);
}

/* As in an abstract:// URL: whatever is not plain text is escaped. */
static void text_add_abstract(struct text *text, const nng_sockaddr_abstract *abstract)
{
    size_t bytes = abstract->sa_len;

    if (bytes > sizeof(abstract->sa_name))
        bytes = sizeof(abstract->sa_name);
    text_add_string(text, "abstract[");
    for (size_t i = 0; i < bytes; i++) {
        uint8_t byte = abstract->sa_name[i];
        char piece[4];

        if (byte <= ' ' || byte >= 0x7f || byte == '%' || byte == '[' || byte == ']')
            (void)snprintf(piece, sizeof(piece), "%%%02X", (unsigned)byte);
        else
            (void)snprintf(piece, sizeof(piece), "%c", byte);
        text_add_string(text, piece);
    }
    text_add_string(text, "]");
}

const char *nng_str_sockaddr(const nng_sockaddr *address, char *buffer, size_t bytes)
{
    struct text text = {buffer, bytes};

    if (bytes > 0)
        *buffer = '\0';
    switch (address->s_family) {
    case NNG_AF_INPROC:
        text_add_string(&text, "inproc[");
        text_add_field(&text, address->s_inproc.sa_name);
        text_add_string(&text, "]");
        return buffer;
    case NNG_AF_IPC:
        text_add_field(&text, address->s_ipc.sa_path);
        return buffer;
    case NNG_AF_INET:
        text_add_in(&text, &address->s_in);
        return buffer;
    case NNG_AF_INET6:
        text_add_in6(&text, &address->s_in6);
        return buffer;
    case NNG_AF_ABSTRACT:
        text_add_abstract(&text, &address->s_abstract);
        return buffer;
    default: /* the family is the program's number, not an enum of ours */
        return "unknown";
    }
}
