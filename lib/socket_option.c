/* Options of sockets, endpoints and pipes: which tables are asked, in which order. */
#include "alloc.h"
#include "api.h"
#include "loop.h"
#include "pipe.h"
#include "pollable.h"
#include "socket.h"
#include "transport.h"

#include <string.h>

enum { BUFFER_MAX = 8192 }; /* messages; nng's limit */

/* ---- what a socket keeps for its endpoints: the object is a struct endpoint_options ---- */

static int get_recv_max(void *object, union option_value *value)
{
    value->size = ((struct endpoint_options *)object)->recv_size_max;
    return 0;
}

static int set_recv_max(void *object, const union option_value *value)
{
    if (value->size > UINT32_MAX)
        return NNG_EINVAL;
    ((struct endpoint_options *)object)->recv_size_max = value->size;
    return 0;
}

static int get_reconnect_min(void *object, union option_value *value)
{
    value->ms = ((struct endpoint_options *)object)->reconnect_min_ms;
    return 0;
}

static int set_reconnect_min(void *object, const union option_value *value)
{
    ((struct endpoint_options *)object)->reconnect_min_ms = value->ms;
    return 0;
}

static int get_reconnect_max(void *object, union option_value *value)
{
    value->ms = ((struct endpoint_options *)object)->reconnect_max_ms;
    return 0;
}

static int set_reconnect_max(void *object, const union option_value *value)
{
    ((struct endpoint_options *)object)->reconnect_max_ms = value->ms;
    return 0;
}

static int get_nodelay(void *object, union option_value *value)
{
    value->truth = ((struct endpoint_options *)object)->tcp_nodelay;
    return 0;
}

static int set_nodelay(void *object, const union option_value *value)
{
    ((struct endpoint_options *)object)->tcp_nodelay = value->truth;
    return 0;
}

static int get_keepalive(void *object, union option_value *value)
{
    value->truth = ((struct endpoint_options *)object)->tcp_keepalive;
    return 0;
}

static int set_keepalive(void *object, const union option_value *value)
{
    ((struct endpoint_options *)object)->tcp_keepalive = value->truth;
    return 0;
}

static int set_permissions(void *object, const union option_value *value)
{
    ((struct endpoint_options *)object)->ipc_permissions = value->integer;
    return 0;
}

static const struct option any_options[] = {
    {.name = NNG_OPT_RECVMAXSZ, .type = OPTION_SIZE, .get = get_recv_max, .set = set_recv_max},
    {.name = NULL},
};

static const struct option dial_options[] = {
    {.name = NNG_OPT_RECONNMINT,
     .type = OPTION_MS,
     .get = get_reconnect_min,
     .set = set_reconnect_min},
    {.name = NNG_OPT_RECONNMAXT,
     .type = OPTION_MS,
     .get = get_reconnect_max,
     .set = set_reconnect_max},
    {.name = NULL},
};

static const struct option tcp_options[] = {
    {.name = NNG_OPT_TCP_NODELAY, .type = OPTION_BOOL, .get = get_nodelay, .set = set_nodelay},
    {.name = NNG_OPT_TCP_KEEPALIVE,
     .type = OPTION_BOOL,
     .get = get_keepalive,
     .set = set_keepalive},
    {.name = NULL},
};

/* A listener's own is in its transport, which knows when it is too late. */
static const struct option ipc_options[] = {
    {.name = NNG_OPT_IPC_PERMISSIONS, .type = OPTION_INT, .set = set_permissions, .max = 07777},
    {.name = NULL},
};

enum { SHARED_ANY = 1, SHARED_DIAL = 2, SHARED_TCP = 4, SHARED_IPC = 8, SHARED_ALL = 15 };

static const struct option *const shared_tables[] = {any_options, dial_options, tcp_options,
                                                     ipc_options};

/* `groups`: which of the tables, by bit. */
static int shared_set(struct endpoint_options *options, unsigned groups, const char *name,
                      const struct option_in *in)
{
    int rv = NNG_ENOTSUP;

    for (size_t i = 0; i < sizeof(shared_tables) / sizeof(shared_tables[0]); i++) {
        if ((groups >> i & 1) != 0 && rv == NNG_ENOTSUP)
            rv = spry_option_set(shared_tables[i], options, name, in);
    }
    return rv;
}

static int shared_get(struct endpoint_options *options, unsigned groups, const char *name,
                      const struct option_out *out)
{
    int rv = NNG_ENOTSUP;

    for (size_t i = 0; i < sizeof(shared_tables) / sizeof(shared_tables[0]); i++) {
        if ((groups >> i & 1) != 0 && rv == NNG_ENOTSUP)
            rv = spry_option_get(shared_tables[i], options, name, out);
    }
    return rv;
}

/* ---- what every socket has ---- */

/* In decimal. Not with printf, which a program may not need otherwise: it is 192 KiB of libc. */
static void name_from_id(char *name, uint32_t id)
{
    char digits[10];
    size_t count = 0;

    for (; id > 0; id /= 10)
        digits[count++] = (char)('0' + id % 10);
    while (count > 0)
        *name++ = digits[--count];
    *name = '\0';
}

static int get_name(void *object, union option_value *value)
{
    struct socket *socket = object;

    if (socket->name[0] == '\0')
        name_from_id(socket->name, socket->handle.id);
    value->string = socket->name;
    return 0;
}

static int set_name(void *object, const union option_value *value)
{
    struct socket *socket = object;
    size_t bytes = strlen(value->string) + 1;

    if (bytes > sizeof(socket->name))
        return NNG_EINVAL;
    memcpy(socket->name, value->string, bytes);
    return 0;
}

static int get_raw(void *object, union option_value *value)
{
    value->truth = ((struct socket *)object)->protocol->raw;
    return 0;
}

static int get_protocol(void *object, union option_value *value)
{
    value->integer = ((struct socket *)object)->protocol->self;
    return 0;
}

static int get_peer(void *object, union option_value *value)
{
    value->integer = ((struct socket *)object)->protocol->peer;
    return 0;
}

static int get_protocol_name(void *object, union option_value *value)
{
    value->string = ((struct socket *)object)->protocol->self_name;
    return 0;
}

static int get_peer_name(void *object, union option_value *value)
{
    value->string = ((struct socket *)object)->protocol->peer_name;
    return 0;
}

static int get_send_timeout(void *object, union option_value *value)
{
    value->ms = ((struct socket *)object)->own.send_timeout_ms;
    return 0;
}

static int set_send_timeout(void *object, const union option_value *value)
{
    ((struct socket *)object)->own.send_timeout_ms = value->ms;
    return 0;
}

static int get_receive_timeout(void *object, union option_value *value)
{
    value->ms = ((struct socket *)object)->own.receive_timeout_ms;
    return 0;
}

static int set_receive_timeout(void *object, const union option_value *value)
{
    ((struct socket *)object)->own.receive_timeout_ms = value->ms;
    return 0;
}

static int get_send_buffer(void *object, union option_value *value)
{
    value->integer = ((struct socket *)object)->send_buffer;
    return 0;
}

static int set_send_buffer(void *object, const union option_value *value)
{
    ((struct socket *)object)->send_buffer = value->integer;
    return 0;
}

static int get_receive_buffer(void *object, union option_value *value)
{
    value->integer = ((struct socket *)object)->receive_buffer;
    return 0;
}

static int set_receive_buffer(void *object, const union option_value *value)
{
    ((struct socket *)object)->receive_buffer = value->integer;
    return 0;
}

static int get_receive_descriptor(void *object, union option_value *value)
{
    return spry_pollable_get(object, READY_RECEIVE, &value->integer);
}

static int get_send_descriptor(void *object, union option_value *value)
{
    return spry_pollable_get(object, READY_SEND, &value->integer);
}

static const struct option socket_options[] = {
    {.name = NNG_OPT_SOCKNAME, .type = OPTION_STRING, .get = get_name, .set = set_name},
    {.name = NNG_OPT_RAW, .type = OPTION_BOOL, .get = get_raw},
    {.name = NNG_OPT_PROTO, .type = OPTION_INT, .get = get_protocol},
    {.name = NNG_OPT_PEER, .type = OPTION_INT, .get = get_peer},
    {.name = NNG_OPT_PROTONAME, .type = OPTION_STRING, .get = get_protocol_name},
    {.name = NNG_OPT_PEERNAME, .type = OPTION_STRING, .get = get_peer_name},
    {.name = NNG_OPT_SENDTIMEO,
     .type = OPTION_MS,
     .get = get_send_timeout,
     .set = set_send_timeout},
    {.name = NNG_OPT_RECVTIMEO,
     .type = OPTION_MS,
     .get = get_receive_timeout,
     .set = set_receive_timeout},
    {.name = NNG_OPT_SENDBUF,
     .type = OPTION_INT,
     .get = get_send_buffer,
     .set = set_send_buffer,
     .max = BUFFER_MAX},
    {.name = NNG_OPT_RECVBUF,
     .type = OPTION_INT,
     .get = get_receive_buffer,
     .set = set_receive_buffer,
     .max = BUFFER_MAX},
    {.name = NNG_OPT_RECVFD, .type = OPTION_INT, .get = get_receive_descriptor},
    {.name = NNG_OPT_SENDFD, .type = OPTION_INT, .get = get_send_descriptor},
    {.name = NULL},
};

/* ---- one object at a time: the lock is held ---- */

/* The protocol first: what it has itself, such as real buffers, hides what every socket has. */
static int socket_get(struct socket *socket, const char *name, const struct option_out *out)
{
    int rv = spry_option_get(socket->protocol->socket_options, socket->state, name, out);

    if (rv == NNG_ENOTSUP)
        rv = spry_option_get(socket_options, socket, name, out);
    if (rv == NNG_ENOTSUP)
        rv = shared_get(&socket->options, SHARED_ALL, name, out);
    return rv;
}

static unsigned endpoint_groups(const struct endpoint *endpoint)
{
    return SHARED_ANY | (endpoint->handle.kind == HANDLE_DIALER ? SHARED_DIAL : 0U) |
           (endpoint->transport->tcp ? SHARED_TCP : 0U);
}

static const struct option *transport_options(const struct endpoint *endpoint)
{
    return endpoint->handle.kind == HANDLE_DIALER ? endpoint->transport->dialer_options
                                                  : endpoint->transport->listener_options;
}

static int endpoint_set(struct endpoint *endpoint, const char *name, const struct option_in *in)
{
    int rv = spry_option_set(transport_options(endpoint), endpoint, name, in);

    if (rv == NNG_ENOTSUP)
        rv = spry_option_set(spry_endpoint_own_options, endpoint, name, in);
    if (rv != NNG_ENOTSUP)
        return rv;
    rv = shared_set(&endpoint->options, endpoint_groups(endpoint), name, in);
    if (rv == 0)
        endpoint->backoff_ms = endpoint->options.reconnect_min_ms; /* new times count from now */
    return rv;
}

static int endpoint_get(struct endpoint *endpoint, const char *name, const struct option_out *out)
{
    int rv = spry_option_get(transport_options(endpoint), endpoint, name, out);

    if (rv == NNG_ENOTSUP)
        rv = spry_option_get(spry_endpoint_own_options, endpoint, name, out);
    if (rv == NNG_ENOTSUP)
        rv = shared_get(&endpoint->options, endpoint_groups(endpoint), name, out);
    return rv != NNG_ENOTSUP ? rv : socket_get(endpoint->socket, name, out);
}

/* What an endpoint cannot take, for want of the option or of time, stays as it is there. */
static int socket_set(struct socket *socket, const char *name, const struct option_in *in)
{
    int rv = spry_option_set(socket->protocol->socket_options, socket->state, name, in);

    if (rv == NNG_ENOTSUP)
        rv = spry_option_set(socket_options, socket, name, in);
    if (rv != NNG_ENOTSUP)
        return rv;
    rv = shared_set(&socket->options, SHARED_ALL, name, in);
    if (rv != 0)
        return rv;
    for (struct list *node = socket->endpoints.next; node != &socket->endpoints; node = node->next)
        (void)endpoint_set(SPRY_CONTAINER(node, struct endpoint, socket_node), name, in);
    return 0;
}

/* ---- by id ---- */

int spry_socket_option_set(uint32_t id, const char *name, const struct option_in *in)
{
    struct socket *socket;
    int rv = spry_socket_enter(id, &socket);

    if (rv != 0)
        return rv;
    rv = socket_set(socket, name, in);
    spry_loop_leave(socket->loop);
    return rv;
}

int spry_socket_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    struct socket *socket;
    int rv = spry_socket_enter(id, &socket);

    if (rv != 0)
        return rv;
    rv = socket_get(socket, name, out);
    spry_loop_leave(socket->loop);
    return rv;
}

static int option_set(enum handle_kind kind, uint32_t id, const char *name,
                      const struct option_in *in)
{
    struct loop *loop = spry_loop_enter();
    struct endpoint *endpoint = spry_handle_find(&loop->handles, kind, id);
    int rv = endpoint != NULL ? endpoint_set(endpoint, name, in) : NNG_ENOENT;

    spry_loop_leave(loop);
    return rv;
}

static int option_get(enum handle_kind kind, uint32_t id, const char *name,
                      const struct option_out *out)
{
    struct loop *loop = spry_loop_enter();
    struct endpoint *endpoint = spry_handle_find(&loop->handles, kind, id);
    int rv = endpoint != NULL ? endpoint_get(endpoint, name, out) : NNG_ENOENT;

    spry_loop_leave(loop);
    return rv;
}

int spry_dialer_option_set(uint32_t id, const char *name, const struct option_in *in)
{
    return option_set(HANDLE_DIALER, id, name, in);
}

int spry_dialer_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    return option_get(HANDLE_DIALER, id, name, out);
}

int spry_listener_option_set(uint32_t id, const char *name, const struct option_in *in)
{
    return option_set(HANDLE_LISTENER, id, name, in);
}

int spry_listener_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    return option_get(HANDLE_LISTENER, id, name, out);
}

int spry_pipe_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    struct loop *loop = spry_loop_enter();
    struct pipe *pipe = spry_handle_find(&loop->handles, HANDLE_PIPE, id);
    int rv = NNG_ENOENT;

    if (pipe != NULL) {
        rv = spry_pipe_option(pipe, name, out);
        if (rv == NNG_ENOTSUP)
            rv = endpoint_get(pipe->endpoint, name, out);
    }
    spry_loop_leave(loop);
    return rv;
}
