/* Blocking send and receive, with messages and with buffers. */
#include "loop.h"
#include "msg.h"
#include "socket.h"

#include <string.h>

void spry_context_send(struct context *context, struct request *request)
{
    const struct protocol *protocol = context->socket->protocol;

    if (request->msg == NULL)
        spry_request_finish(request, NNG_EINVAL);
    else if (protocol->send == NULL)
        spry_request_finish(request, NNG_ENOTSUP);
    else
        protocol->send(context->state, request, spry_clock_ns());
}

void spry_context_receive(struct context *context, struct request *request)
{
    const struct protocol *protocol = context->socket->protocol;

    if (protocol->receive == NULL)
        spry_request_finish(request, NNG_ENOTSUP);
    else
        protocol->receive(context->state, request, spry_clock_ns());
}

/* Waits for the call that `waiter` made, as its flags and the context's limit say; leaves the loop. */
static int call_finish(struct loop *loop, struct waiter *waiter, int flags, nng_duration limit_ms)
{
    struct request *request = &waiter->request;
    int rv;

    if (!request->done && ((unsigned)flags & NNG_FLAG_NONBLOCK) != 0)
        spry_request_cancel(request, NNG_EAGAIN);
    if (!request->done && limit_ms >= 0)
        spry_request_limit(request, spry_deadline(spry_clock_ns(), limit_ms));
    rv = spry_waiter_wait(loop, waiter);
    spry_loop_leave(loop);
    return rv;
}

int spry_exchange_send(struct context *context, nng_msg *msg, int flags)
{
    struct loop *loop = context->socket->loop;
    struct waiter waiter;

    spry_waiter_init(&waiter, loop);
    waiter.request.msg = msg;
    spry_context_send(context, &waiter.request);
    return call_finish(loop, &waiter, flags, context->send_timeout_ms);
}

int spry_exchange_receive(struct context *context, nng_msg **msg, int flags)
{
    struct loop *loop = context->socket->loop;
    struct waiter waiter;
    int rv;

    spry_waiter_init(&waiter, loop);
    spry_context_receive(context, &waiter.request);
    rv = call_finish(loop, &waiter, flags, context->receive_timeout_ms);
    if (rv != 0)
        return rv;
    *msg = waiter.request.msg;
    spry_msg_settle(*msg);
    return 0;
}

int nng_sendmsg(nng_socket s, nng_msg *msg, int flags)
{
    struct socket *socket;
    int rv;

    if (msg == NULL)
        return NNG_EINVAL;
    rv = spry_socket_enter(s.id, &socket);
    return rv != 0 ? rv : spry_exchange_send(&socket->own, msg, flags);
}

int nng_recvmsg(nng_socket s, nng_msg **msg, int flags)
{
    struct socket *socket;
    int rv = spry_socket_enter(s.id, &socket);

    return rv != 0 ? rv : spry_exchange_receive(&socket->own, msg, flags);
}

/* The block goes into the message as it is; on an error it comes out of it as it was. */
static int send_block(nng_socket s, void *block, size_t bytes, int flags)
{
    nng_msg *msg;
    int rv = spry_msg_adopt(&msg, block, bytes);

    if (rv != 0)
        return rv;
    rv = nng_sendmsg(s, msg, flags);
    if (rv != 0)
        (void)spry_msg_detach(msg, &block, &bytes);
    return rv;
}

static int send_copy(nng_socket s, const void *data, size_t bytes, int flags)
{
    nng_msg *msg;
    int rv = spry_msg_alloc(&msg, bytes);

    if (rv != 0)
        return rv;
    if (bytes > 0)
        memcpy(msg->body, data, bytes);
    rv = nng_sendmsg(s, msg, flags);
    if (rv != 0)
        nng_msg_free(msg);
    return rv;
}

int nng_send(nng_socket s, void *data, size_t bytes, int flags)
{
    bool give = ((unsigned)flags & NNG_FLAG_ALLOC) != 0;
    int rv;

    if (give && bytes > 0)
        return send_block(s, data, bytes, flags);
    rv = send_copy(s, data, bytes, flags);
    if (rv == 0 && give)
        nng_free(data, bytes);
    return rv;
}

/* A longer message is cut to the buffer, and `*bytes` tells how long it was: as nng does it. */
static void copy_out(nng_msg *msg, void *buffer, size_t *bytes)
{
    size_t have = msg->body_bytes;
    size_t take = *bytes < have ? *bytes : have;

    if (take > 0)
        memcpy(buffer, msg->body, take);
    *bytes = have;
    nng_msg_free(msg);
}

int nng_recv(nng_socket s, void *data, size_t *bytes, int flags)
{
    nng_msg *msg;
    int rv = nng_recvmsg(s, &msg, flags);

    if (rv != 0)
        return rv;
    if (((unsigned)flags & NNG_FLAG_ALLOC) == 0) {
        copy_out(msg, data, bytes);
        return 0;
    }
    rv = spry_msg_detach(msg, data, bytes);
    if (rv != 0)
        nng_msg_free(msg);
    return rv;
}
