/* Dialers, listeners and pipes of the public API: by id. */
#include "loop.h"
#include "pipe.h"
#include "socket.h"

/* Enters the loop and finds an open object; NULL: there is none and the loop was left again. */
static void *object_enter(enum handle_kind kind, uint32_t id)
{
    struct loop *loop = spry_loop_enter();
    void *object = spry_handle_find(&loop->handles, kind, id);

    if (object == NULL)
        spry_loop_leave(loop);
    return object;
}

static int endpoint_create(enum handle_kind kind, nng_socket s, const char *url, uint32_t *id)
{
    struct endpoint *endpoint;
    int rv = spry_endpoint_open(&endpoint, s.id, url, kind);

    if (rv != 0)
        return rv;
    *id = endpoint->handle.id;
    spry_loop_leave(endpoint->loop);
    return 0;
}

static int endpoint_close(enum handle_kind kind, uint32_t id)
{
    struct endpoint *endpoint = object_enter(kind, id);
    struct loop *loop;

    if (endpoint == NULL)
        return NNG_ENOENT;
    loop = endpoint->loop;
    spry_endpoint_close(endpoint);
    spry_loop_end(loop);
    spry_loop_leave(loop);
    return 0;
}

static int endpoint_url(enum handle_kind kind, uint32_t id, const nng_url **url)
{
    struct endpoint *endpoint = object_enter(kind, id);

    if (endpoint == NULL)
        return NNG_ENOENT;
    *url = endpoint->url;
    spry_loop_leave(endpoint->loop);
    return 0;
}

/* ---- dialers ---- */

int nng_dialer_create(nng_dialer *dialer, nng_socket s, const char *url)
{
    return endpoint_create(HANDLE_DIALER, s, url, &dialer->id);
}

static int start_and_wait(struct endpoint *dialer)
{
    struct loop *loop = dialer->loop;
    struct waiter waiter;
    int rv;

    spry_waiter_init(&waiter, loop);
    rv = spry_dialer_start(dialer, &waiter.request);
    if (rv != 0)
        spry_request_finish(&waiter.request, rv);
    return spry_waiter_wait(loop, &waiter);
}

int nng_dialer_start(nng_dialer d, int flags)
{
    struct endpoint *dialer = object_enter(HANDLE_DIALER, d.id);
    struct loop *loop;
    int rv;

    if (dialer == NULL)
        return NNG_ENOENT;
    loop = dialer->loop;
    if (((unsigned)flags & NNG_FLAG_NONBLOCK) != 0)
        rv = spry_dialer_start(dialer, NULL);
    else
        rv = start_and_wait(dialer);
    spry_loop_leave(loop);
    return rv;
}

int nng_dial(nng_socket s, const char *url, nng_dialer *out, int flags)
{
    nng_dialer dialer;
    int rv = nng_dialer_create(&dialer, s, url);

    if (rv != 0)
        return rv;
    rv = nng_dialer_start(dialer, flags);
    if (rv != 0)
        (void)nng_dialer_close(dialer);
    else if (out != NULL)
        *out = dialer;
    return rv == NNG_ENOENT ? NNG_ECLOSED : rv; /* closed in between */
}

int nng_dialer_close(nng_dialer d)
{
    return endpoint_close(HANDLE_DIALER, d.id);
}

int nng_dialer_id(nng_dialer d)
{
    return spry_handle_number(d.id);
}

int nng_dialer_get_url(nng_dialer d, const nng_url **url)
{
    return endpoint_url(HANDLE_DIALER, d.id, url);
}

/* ---- listeners ---- */

int nng_listener_create(nng_listener *listener, nng_socket s, const char *url)
{
    return endpoint_create(HANDLE_LISTENER, s, url, &listener->id);
}

int nng_listener_start(nng_listener l, int flags)
{
    struct endpoint *listener = object_enter(HANDLE_LISTENER, l.id);
    int rv;

    (void)flags;
    if (listener == NULL)
        return NNG_ENOENT;
    rv = spry_listener_start(listener);
    spry_loop_leave(listener->loop);
    return rv;
}

int nng_listen(nng_socket s, const char *url, nng_listener *out, int flags)
{
    nng_listener listener;
    int rv = nng_listener_create(&listener, s, url);

    if (rv != 0)
        return rv;
    rv = nng_listener_start(listener, flags);
    if (rv != 0)
        (void)nng_listener_close(listener);
    else if (out != NULL)
        *out = listener;
    return rv;
}

int nng_listener_close(nng_listener l)
{
    return endpoint_close(HANDLE_LISTENER, l.id);
}

int nng_listener_id(nng_listener l)
{
    return spry_handle_number(l.id);
}

int nng_listener_get_url(nng_listener l, const nng_url **url)
{
    return endpoint_url(HANDLE_LISTENER, l.id, url);
}

/* ---- pipes ---- */

int nng_pipe_close(nng_pipe p)
{
    struct pipe *pipe = object_enter(HANDLE_PIPE, p.id);
    struct loop *loop;

    if (pipe == NULL)
        return NNG_ENOENT;
    loop = pipe->socket->loop;
    if (pipe->state == PIPE_ANNOUNCED)
        spry_pipe_reject(pipe);
    else
        spry_pipe_close(pipe);
    spry_loop_leave(loop);
    return 0;
}

int nng_pipe_id(nng_pipe p)
{
    return spry_handle_number(p.id);
}

nng_socket nng_pipe_socket(nng_pipe p)
{
    struct pipe *pipe = object_enter(HANDLE_PIPE, p.id);
    nng_socket socket = NNG_SOCKET_INITIALIZER;

    if (pipe == NULL)
        return socket;
    socket.id = pipe->socket->handle.id;
    spry_loop_leave(pipe->socket->loop);
    return socket;
}

/* The id of the pipe's endpoint when it is of that kind, else 0. */
static uint32_t pipe_endpoint(nng_pipe p, enum handle_kind kind)
{
    struct pipe *pipe = object_enter(HANDLE_PIPE, p.id);
    uint32_t id;

    if (pipe == NULL)
        return 0;
    id = pipe->endpoint->handle.kind == kind ? pipe->endpoint->handle.id : 0;
    spry_loop_leave(pipe->socket->loop);
    return id;
}

nng_dialer nng_pipe_dialer(nng_pipe p)
{
    return (nng_dialer){pipe_endpoint(p, HANDLE_DIALER)};
}

nng_listener nng_pipe_listener(nng_pipe p)
{
    return (nng_listener){pipe_endpoint(p, HANDLE_LISTENER)};
}

int nng_pipe_notify(nng_socket s, nng_pipe_ev event, nng_pipe_cb call, void *argument)
{
    struct socket *socket;
    int rv = spry_socket_enter(s.id, &socket);

    if (rv != 0)
        return rv;
    if (event >= NNG_PIPE_EV_ADD_PRE && event < NNG_PIPE_EV_NUM) {
        socket->notify[event].call = call;
        socket->notify[event].argument = argument;
    }
    spry_loop_leave(socket->loop);
    return 0;
}
