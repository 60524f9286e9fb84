/* Sends and receives on an aio. */
#include "aio.h"
#include "loop.h"
#include "msg.h"
#include "socket.h"

static void send_ended(nng_aio *aio)
{
    if (aio->request.result != 0)
        aio->count = 0;
    aio->msg = aio->request.msg; /* NULL when it was taken */
}

static void receive_ended(nng_aio *aio)
{
    if (aio->request.result != 0)
        return;
    aio->msg = aio->request.msg;
    spry_msg_settle(aio->msg);
    aio->count = nng_msg_len(aio->msg);
}

/* `context` is NULL when there is none: that too is told by the callback. */
static void send_begin(struct context *context, nng_aio *aio)
{
    nng_msg *msg = aio->msg;

    if (!spry_aio_begin(aio, send_ended))
        return;
    aio->request.msg = msg;
    aio->count = msg != NULL ? nng_msg_len(msg) : 0;
    if (context == NULL) {
        spry_request_finish(&aio->request, NNG_ECLOSED);
        return;
    }
    spry_context_send(context, &aio->request);
    spry_aio_limit(aio, context->send_timeout_ms);
}

static void receive_begin(struct context *context, nng_aio *aio)
{
    if (!spry_aio_begin(aio, receive_ended))
        return;
    if (context == NULL) {
        spry_request_finish(&aio->request, NNG_ECLOSED);
        return;
    }
    spry_context_receive(context, &aio->request);
    spry_aio_limit(aio, context->receive_timeout_ms);
}

static struct context *socket_context(const struct loop *loop, uint32_t id)
{
    struct socket *socket = spry_handle_find(&loop->handles, HANDLE_SOCKET, id);

    return socket != NULL ? &socket->own : NULL;
}

void nng_send_aio(nng_socket s, nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();

    send_begin(socket_context(loop, s.id), aio);
    spry_loop_leave(loop);
}

void nng_recv_aio(nng_socket s, nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();

    receive_begin(socket_context(loop, s.id), aio);
    spry_loop_leave(loop);
}

void nng_sock_send(nng_socket s, nng_aio *aio)
{
    nng_send_aio(s, aio);
}

void nng_sock_recv(nng_socket s, nng_aio *aio)
{
    nng_recv_aio(s, aio);
}

void nng_ctx_send(nng_ctx c, nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();

    send_begin(spry_handle_find(&loop->handles, HANDLE_CONTEXT, c.id), aio);
    spry_loop_leave(loop);
}

void nng_ctx_recv(nng_ctx c, nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();

    receive_begin(spry_handle_find(&loop->handles, HANDLE_CONTEXT, c.id), aio);
    spry_loop_leave(loop);
}
