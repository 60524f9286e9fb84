/* tcp, tcp4, tcp6: names, addresses and options; what flows is stream.c's. docs/wire.md section 3. */
#include "acceptor.h"
#include "alloc.h"
#include "loop.h"
#include "net.h"
#include "offload.h"
#include "stream.h"
#include "transport.h"

#include <nng/transport/tcp/tcp.h>
#include <stdio.h>
#include <string.h>

enum { HOST_BYTES = 256, PORT_BYTES = 32 }; /* with the NUL; a DNS name has at most 253 */

/* A name lookup in flight; it owns all that it touches and outlives a dialer that closes. */
struct lookup {
    struct offload offload;
    struct endpoint *dialer; /* NULL: nobody waits for it any more */
    enum net_family family;
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    struct net_address found[NET_ADDRESSES_MAX];
    size_t count;
    int result;
};

struct tcp_dialer {
    bool numeric; /* the address needs no lookup */
    bool has_source;
    struct net_address source;
    struct net_address addresses[NET_ADDRESSES_MAX];
    size_t count;
    size_t next; /* the address to try if the present attempt fails */
    struct lookup *lookup;
};

struct tcp_listener {
    struct net_address address;
    struct acceptor *acceptor;
};

/* ---- addresses ---- */

static enum net_family url_family(const nng_url *url)
{
    if (strcmp(url->u_scheme, "tcp4") == 0)
        return NET_V4;
    return strcmp(url->u_scheme, "tcp6") == 0 ? NET_V6 : NET_ANY;
}

static bool blank(const char *text)
{
    return text == NULL || text[0] == '\0';
}

/* Nothing but host and port makes sense. */
static int url_check(const nng_url *url)
{
    if (!blank(url->u_userinfo) || !blank(url->u_query) || !blank(url->u_fragment) ||
        !(blank(url->u_path) || strcmp(url->u_path, "/") == 0))
        return NNG_EADDRINVAL;
    if (url->u_hostname == NULL || strlen(url->u_hostname) >= HOST_BYTES ||
        (url->u_port != NULL && strlen(url->u_port) >= PORT_BYTES))
        return NNG_EADDRINVAL;
    return 0;
}

/* One address for a name or number; may block. */
static int address_now(struct net_address *out, enum net_family family, const char *host,
                       const char *port)
{
    struct net_address found[NET_ADDRESSES_MAX];
    size_t count;
    int rv = spry_net_numeric(out, family, host, port);

    if (rv != NNG_ENOENT)
        return rv;
    rv = spry_net_resolve(found, &count, family, host, port, true);
    if (rv == 0)
        *out = found[0];
    return rv;
}

/* ---- connections ---- */

static int get_local(void *object, union option_value *value)
{
    struct net_address address;
    int rv = spry_net_local(spry_stream_handle(object), &address);

    if (rv == 0)
        spry_net_export(&address, &value->address);
    return rv;
}

static int get_remote(void *object, union option_value *value)
{
    struct net_address address;
    int rv = spry_net_remote(spry_stream_handle(object), &address);

    if (rv == 0)
        spry_net_export(&address, &value->address);
    return rv;
}

static const struct option pipe_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_local},
    {.name = NNG_OPT_REMADDR, .type = OPTION_ADDRESS, .get = get_remote},
    {.name = NULL},
};

static const struct carrier_ops tcp_ops = {
    .send = spry_stream_send,
    .can_send = spry_stream_can_send,
    .receive = spry_stream_receive,
    .close = spry_stream_close,
    .options = pipe_options,
};

static void tune(const struct endpoint *endpoint, intptr_t handle)
{
    spry_net_tune_tcp(handle, endpoint->options.tcp_nodelay, endpoint->options.tcp_keepalive);
}

/* ---- dialling ---- */

static int dial_address(struct endpoint *dialer, const struct net_address *address)
{
    struct tcp_dialer *tcp = dialer->state;
    intptr_t handle;
    int rv = spry_net_socket(address, &handle);

    if (rv != 0)
        return rv;
    tune(dialer, handle);
    if (tcp->has_source)
        rv = spry_net_bind(handle, &tcp->source);
    if (rv == 0)
        rv = spry_stream_open(dialer, &(struct stream_start){.ops = &tcp_ops,
                                                             .handle = handle,
                                                             .peer = address,
                                                             .kind = ATTACH_CONNECTING});
    if (rv != 0)
        spry_net_close(handle);
    return rv;
}

/* Tries addresses until one attempt is under way; the error of the last when none is. */
static int dial_from(struct endpoint *dialer, size_t first)
{
    struct tcp_dialer *tcp = dialer->state;
    int rv = NNG_EADDRINVAL;

    for (tcp->next = first; tcp->next < tcp->count && rv != 0; tcp->next++)
        rv = dial_address(dialer, &tcp->addresses[tcp->next]);
    return rv;
}

static bool tcp_dial_next(struct endpoint *dialer, int error)
{
    struct tcp_dialer *tcp = dialer->state;

    if (error == NNG_EPROTO || error == NNG_ECONNSHUT || tcp->next >= tcp->count)
        return false;
    return dial_from(dialer, tcp->next) == 0;
}

static void dial_first(struct endpoint *dialer)
{
    int rv = dial_from(dialer, 0);

    if (rv != 0)
        spry_endpoint_failed(dialer, rv);
}

static void lookup_call(struct offload *offload)
{
    struct lookup *lookup = SPRY_CONTAINER(offload, struct lookup, offload);

    lookup->result = spry_net_resolve(lookup->found, &lookup->count, lookup->family, lookup->host,
                                      lookup->port, false);
}

static void lookup_done(struct task *task)
{
    struct lookup *lookup = SPRY_CONTAINER(task, struct lookup, offload.task);
    struct endpoint *dialer = lookup->dialer;
    int rv = lookup->result;

    if (dialer != NULL) {
        struct tcp_dialer *tcp = dialer->state;

        tcp->lookup = NULL;
        tcp->count = rv == 0 ? lookup->count : 0;
        memcpy(tcp->addresses, lookup->found, sizeof(tcp->addresses));
    }
    spry_free(lookup, sizeof(*lookup));
    if (dialer != NULL && rv == 0)
        dial_first(dialer);
    else if (dialer != NULL)
        spry_endpoint_failed(dialer, rv);
}

static const char *remote_host(const nng_url *url)
{
    const char *mark = strchr(url->u_hostname, ';');

    return mark != NULL ? mark + 1 : url->u_hostname;
}

static int lookup_start(struct endpoint *dialer)
{
    struct tcp_dialer *tcp = dialer->state;
    struct lookup *lookup = spry_zalloc(sizeof(*lookup));
    int rv;

    if (lookup == NULL)
        return NNG_ENOMEM;
    lookup->dialer = dialer;
    lookup->family = url_family(dialer->url);
    (void)snprintf(lookup->host, sizeof(lookup->host), "%s", remote_host(dialer->url));
    (void)snprintf(lookup->port, sizeof(lookup->port), "%s", dialer->url->u_port);
    lookup->offload.task.run = lookup_done;
    lookup->offload.call = lookup_call;
    rv = spry_offload(dialer->loop, &lookup->offload);
    if (rv != 0) {
        spry_free(lookup, sizeof(*lookup));
        return rv;
    }
    tcp->lookup = lookup;
    return 0;
}

static void tcp_dial(struct endpoint *dialer)
{
    struct tcp_dialer *tcp = dialer->state;
    int rv;

    if (tcp->numeric) {
        dial_first(dialer);
        return;
    }
    tcp->count = 0;
    tcp->next = 0;
    rv = lookup_start(dialer);
    if (rv != 0)
        spry_endpoint_failed(dialer, rv);
}

/* `tcp://source;host:port`: the part in front of the semicolon is where to dial from. */
static int dialer_source(struct endpoint *dialer, struct tcp_dialer *tcp)
{
    const char *mark = strchr(dialer->url->u_hostname, ';');
    char source[HOST_BYTES];
    int rv;

    if (mark == NULL)
        return 0;
    (void)snprintf(source, sizeof(source), "%.*s", (int)(mark - dialer->url->u_hostname),
                   dialer->url->u_hostname);
    rv = address_now(&tcp->source, url_family(dialer->url), source, "0");
    tcp->has_source = rv == 0;
    return rv == NNG_ENOMEM ? rv : rv != 0 ? NNG_EADDRINVAL : 0;
}

static int tcp_dialer_init(struct endpoint *dialer)
{
    const nng_url *url = dialer->url;
    struct tcp_dialer *tcp;
    int rv = url_check(url);

    if (rv != 0)
        return rv;
    if (blank(remote_host(url)) || blank(url->u_port))
        return NNG_EADDRINVAL;
    tcp = spry_zalloc(sizeof(*tcp));
    if (tcp == NULL)
        return NNG_ENOMEM;
    dialer->state = tcp;
    rv = dialer_source(dialer, tcp);
    if (rv != 0)
        return rv;
    /* What is neither a number nor a name is told at the start, like a name nobody knows. */
    rv = spry_net_numeric(&tcp->addresses[0], url_family(url), remote_host(url), url->u_port);
    tcp->numeric = rv == 0;
    tcp->count = rv == 0 ? 1 : 0;
    return 0;
}

/* ---- listening ---- */

static int tcp_accepted(struct endpoint *listener, intptr_t handle)
{
    tune(listener, handle);
    return spry_stream_open(listener, &(struct stream_start){.ops = &tcp_ops, .handle = handle});
}

static int tcp_listener_init(struct endpoint *listener)
{
    const nng_url *url = listener->url;
    struct tcp_listener *tcp;
    int rv = url_check(url);

    if (rv != 0)
        return rv;
    if (blank(url->u_host))
        return NNG_EADDRINVAL;
    tcp = spry_zalloc(sizeof(*tcp));
    if (tcp == NULL)
        return NNG_ENOMEM;
    listener->state = tcp;
    return address_now(&tcp->address, url_family(url), url->u_hostname, url->u_port);
}

/* The listener's URL with the port that the system chose. */
static int url_with_port(nng_url **out, const nng_url *given, uint16_t port)
{
    const char *open = strchr(given->u_hostname, ':') != NULL ? "[" : "";
    const char *close = open[0] != '\0' ? "]" : "";
    char text[HOST_BYTES + 32];

    (void)snprintf(text, sizeof(text), "%s://%s%s%s:%u", given->u_scheme, open,
                   blank(given->u_hostname) ? "*" : given->u_hostname, close, (unsigned)port);
    return nng_url_parse(out, text);
}

static int listen_on(struct endpoint *listener, intptr_t handle)
{
    struct tcp_listener *tcp = listener->state;
    struct net_address bound;
    nng_url *url = NULL;
    int rv;

    spry_net_reuse(handle);
    rv = spry_net_bind(handle, &tcp->address);
    if (rv == 0)
        rv = spry_net_listen(handle);
    if (rv == 0)
        rv = spry_net_local(handle, &bound);
    if (rv == 0 && spry_net_port(&tcp->address) == 0)
        rv = url_with_port(&url, listener->url, spry_net_port(&bound));
    if (rv == 0)
        rv = spry_acceptor_open(&tcp->acceptor, listener, handle, tcp_accepted);
    if (rv != 0)
        nng_url_free(url);
    else if (url != NULL)
        spry_listener_renamed(listener, url);
    return rv;
}

static int tcp_listen(struct endpoint *listener)
{
    struct tcp_listener *tcp = listener->state;
    intptr_t handle;
    int rv = spry_net_socket(&tcp->address, &handle);

    if (rv != 0)
        return rv;
    rv = listen_on(listener, handle);
    if (rv != 0)
        spry_net_close(handle);
    return rv;
}

/* ---- end ---- */

static void tcp_stop(struct endpoint *endpoint)
{
    if (endpoint->handle.kind == HANDLE_DIALER) {
        struct tcp_dialer *tcp = endpoint->state;

        if (tcp->lookup != NULL)
            tcp->lookup->dialer = NULL;
        tcp->lookup = NULL;
    } else {
        struct tcp_listener *tcp = endpoint->state;

        if (tcp->acceptor != NULL)
            spry_acceptor_close(tcp->acceptor);
        tcp->acceptor = NULL;
    }
}

static void tcp_fini(struct endpoint *endpoint)
{
    spry_free(endpoint->state, endpoint->handle.kind == HANDLE_DIALER
                                   ? sizeof(struct tcp_dialer)
                                   : sizeof(struct tcp_listener));
}

/* ---- options of endpoints ---- */

/* Where it listens; before the start, where it is going to. */
static int bound_address(const struct endpoint *listener, struct net_address *address)
{
    const struct tcp_listener *tcp = listener->state;

    if (tcp->acceptor != NULL)
        return spry_net_local(spry_acceptor_handle(tcp->acceptor), address);
    *address = tcp->address;
    return 0;
}

static int get_bound_address(void *object, union option_value *value)
{
    struct net_address address;
    int rv = bound_address(object, &address);

    if (rv == 0)
        spry_net_export(&address, &value->address);
    return rv;
}

static int get_bound_port(void *object, union option_value *value)
{
    struct endpoint *listener = object;
    struct net_address address;
    int rv = bound_address(listener, &address);

    if (!listener->started)
        return NNG_ESTATE;
    if (rv == 0)
        value->integer = spry_net_port(&address);
    return rv;
}

/* Where to dial from; all zero: the system chooses. */
static int get_source(void *object, union option_value *value)
{
    const struct tcp_dialer *tcp = ((struct endpoint *)object)->state;

    memset(&value->address, 0, sizeof(value->address));
    if (tcp->has_source)
        spry_net_export(&tcp->source, &value->address);
    return 0;
}

static int set_source(void *object, const union option_value *value)
{
    struct endpoint *dialer = object;
    struct tcp_dialer *tcp = dialer->state;
    struct net_address source;
    int rv;

    if (dialer->started)
        return NNG_EBUSY;
    rv = spry_net_import(&source, &value->address);
    if (rv != 0)
        return rv;
    tcp->source = source;
    tcp->has_source = true;
    return 0;
}

static const struct option dialer_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_source, .set = set_source},
    {.name = NULL},
};

static const struct option listener_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_bound_address},
    {.name = NNG_OPT_TCP_BOUND_PORT, .type = OPTION_INT, .get = get_bound_port},
    LISTENER_LIMIT_OPTIONS,
    {.name = NULL},
};

const struct transport spry_tcp = {
    .schemes = (const char *const[]){"tcp", "tcp4", "tcp6", NULL},
    .dialer_init = tcp_dialer_init,
    .listener_init = tcp_listener_init,
    .dial = tcp_dial,
    .dial_next = tcp_dial_next,
    .listen = tcp_listen,
    .stop = tcp_stop,
    .fini = tcp_fini,
    .dialer_options = dialer_options,
    .listener_options = listener_options,
    .tcp = true,
};

int nng_tcp_register(void)
{
    return 0;
}
