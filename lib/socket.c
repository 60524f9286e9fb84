/* The life of a socket, and the options of every socket. */
#include "socket.h"

#include "alloc.h"
#include "loop.h"
#include "pollable.h"

/* The socket, its protocol's state and its own context in one block. */
static size_t socket_bytes(const struct protocol *protocol)
{
    return spry_aligned(sizeof(struct socket)) + spry_aligned(protocol->socket_bytes) +
           protocol->context_bytes;
}

static void *host_find_pipe(const struct protocol_host *host, uint32_t pipe_id)
{
    /* The host is never made apart from its socket; the cast only drops a const of our own. */
    const struct socket *socket =
        (const void *)((const char *)host - offsetof(struct socket, host));
    struct pipe *pipe = spry_handle_find(&socket->loop->handles, HANDLE_PIPE, pipe_id);

    if (pipe == NULL || pipe->socket != socket || pipe->state != PIPE_JOINED)
        return NULL;
    return pipe->protocol;
}

static void socket_init(struct socket *socket, struct loop *loop, const struct protocol *protocol)
{
    socket->loop = loop;
    socket->protocol = protocol;
    socket->state = (unsigned char *)socket + spry_aligned(sizeof(*socket));
    socket->own.socket = socket;
    socket->own.state = (unsigned char *)socket->state + spry_aligned(protocol->socket_bytes);
    socket->own.send_timeout_ms = NNG_DURATION_INFINITE;
    socket->own.receive_timeout_ms = NNG_DURATION_INFINITE;
    spry_list_init(&socket->contexts);
    socket->host = (struct protocol_host){
        .timers = &loop->timers, .random = spry_random(), .find_pipe = host_find_pipe};
    spry_list_init(&socket->endpoints);
    spry_endpoint_options_init(&socket->options);
    socket->receive_buffer = 1;
}

/* The part that needs the loop; the caller frees the block on an error. */
static int socket_start(struct socket *socket)
{
    const struct protocol *protocol = socket->protocol;
    int rv;

    rv = spry_handle_open(&socket->loop->handles, &socket->handle, HANDLE_SOCKET);
    if (rv != 0)
        return rv;
    rv = protocol->socket_init(socket->state, &socket->host);
    if (rv != 0)
        goto close_handle;
    rv = protocol->context_init(socket->own.state, socket->state);
    if (rv != 0)
        goto fini_state;
    return 0;

fini_state:
    protocol->socket_fini(socket->state);
close_handle:
    spry_handle_close(&socket->loop->handles, &socket->handle);
    return rv;
}

int spry_socket_open(nng_socket *out, const struct protocol *protocol)
{
    struct socket *socket = spry_zalloc(socket_bytes(protocol));
    struct loop *loop;
    int rv;

    if (socket == NULL)
        return NNG_ENOMEM;
    loop = spry_loop_enter();
    rv = spry_loop_hold(loop);
    if (rv == 0) {
        socket_init(socket, loop, protocol);
        rv = socket_start(socket);
        if (rv == 0)
            out->id = socket->handle.id;
        else
            spry_loop_release(loop);
    }
    spry_loop_leave(loop);
    if (rv != 0)
        spry_free(socket, socket_bytes(protocol));
    return rv;
}

int spry_socket_enter(uint32_t id, struct socket **out)
{
    struct loop *loop = spry_loop_enter();

    *out = spry_handle_find(&loop->handles, HANDLE_SOCKET, id);
    if (*out != NULL)
        return 0;
    spry_loop_leave(loop);
    return NNG_ECLOSED;
}

void spry_socket_hold(struct socket *socket)
{
    socket->handle.refs++;
}

/* The last holder may be a pipe whose last callback is over; then the protocol has nothing left. */
void spry_socket_release(struct socket *socket)
{
    struct loop *loop = socket->loop;

    if (--socket->handle.refs > 0)
        return;
    socket->protocol->socket_fini(socket->state);
    spry_free(socket, socket_bytes(socket->protocol));
    spry_loop_release(loop);
}

/* Callers first, so that they learn of the close and not of its consequences; a pipe has an endpoint. */
static void socket_close(struct socket *socket)
{
    spry_handle_close(&socket->loop->handles, &socket->handle);
    spry_pollable_close(socket);
    socket->protocol->context_fini(socket->own.state);
    while (!spry_list_empty(&socket->contexts))
        spry_context_close(
            SPRY_CONTAINER(spry_list_first(&socket->contexts), struct context, node));
    while (!spry_list_empty(&socket->endpoints))
        spry_endpoint_close(
            SPRY_CONTAINER(spry_list_first(&socket->endpoints), struct endpoint, socket_node));
    spry_socket_release(socket);
}

int nng_socket_close(nng_socket s)
{
    struct socket *socket;
    struct loop *loop;
    int rv = spry_socket_enter(s.id, &socket);

    if (rv != 0)
        return rv;
    loop = socket->loop;
    socket_close(socket);
    spry_loop_end(loop);
    spry_loop_leave(loop);
    return 0;
}

int nng_close(nng_socket s)
{
    return nng_socket_close(s);
}

int nng_socket_id(nng_socket s)
{
    return spry_handle_number(s.id);
}
