/* Contexts that programs open, besides the one that each socket is. */
#include "context.h"

#include "alloc.h"
#include "loop.h"
#include "socket.h"

static size_t context_bytes(const struct protocol *protocol)
{
    return spry_aligned(sizeof(struct context)) + protocol->context_bytes;
}

static int context_start(struct context *context)
{
    struct socket *socket = context->socket;
    struct idmap *handles = &socket->loop->handles;
    int rv = spry_handle_open(handles, &context->handle, HANDLE_CONTEXT);

    if (rv != 0)
        return rv;
    context->state = (unsigned char *)context + spry_aligned(sizeof(*context));
    context->send_timeout_ms = socket->own.send_timeout_ms;
    context->receive_timeout_ms = socket->own.receive_timeout_ms;
    rv = socket->protocol->context_init(context->state, socket->state);
    if (rv != 0) {
        spry_handle_close(handles, &context->handle);
        return rv;
    }
    spry_list_init(&context->node);
    spry_list_push(&socket->contexts, &context->node);
    return 0;
}

static int context_open(struct socket *socket, nng_ctx *out)
{
    struct context *context;
    int rv;

    if (!socket->protocol->contexts)
        return NNG_ENOTSUP;
    context = spry_zalloc(context_bytes(socket->protocol));
    if (context == NULL)
        return NNG_ENOMEM;
    context->socket = socket;
    rv = context_start(context);
    if (rv == 0)
        out->id = context->handle.id;
    else
        spry_free(context, context_bytes(socket->protocol));
    return rv;
}

int nng_ctx_open(nng_ctx *out, nng_socket s)
{
    struct socket *socket;
    int rv = spry_socket_enter(s.id, &socket);

    if (rv != 0)
        return rv;
    rv = context_open(socket, out);
    spry_loop_leave(socket->loop);
    return rv;
}

/* Nobody keeps a pointer to a context beyond the requests that end here. */
void spry_context_close(struct context *context)
{
    const struct protocol *protocol = context->socket->protocol;

    spry_handle_close(&context->socket->loop->handles, &context->handle);
    spry_list_remove(&context->node);
    protocol->context_fini(context->state);
    spry_free(context, context_bytes(protocol));
}

int spry_context_enter(uint32_t id, struct context **out)
{
    struct loop *loop = spry_loop_enter();

    *out = spry_handle_find(&loop->handles, HANDLE_CONTEXT, id);
    if (*out != NULL)
        return 0;
    spry_loop_leave(loop);
    return NNG_ECLOSED;
}

int nng_ctx_close(nng_ctx c)
{
    struct context *context;
    struct loop *loop;
    int rv = spry_context_enter(c.id, &context);

    if (rv != 0)
        return rv;
    loop = context->socket->loop;
    spry_context_close(context);
    spry_loop_leave(loop);
    return 0;
}

int nng_ctx_id(nng_ctx c)
{
    return spry_handle_number(c.id);
}

int nng_ctx_sendmsg(nng_ctx c, nng_msg *msg, int flags)
{
    struct context *context;
    int rv;

    if (msg == NULL)
        return NNG_EINVAL;
    rv = spry_context_enter(c.id, &context);
    return rv != 0 ? rv : spry_exchange_send(context, msg, flags);
}

int nng_ctx_recvmsg(nng_ctx c, nng_msg **msg, int flags)
{
    struct context *context;
    int rv = spry_context_enter(c.id, &context);

    return rv != 0 ? rv : spry_exchange_receive(context, msg, flags);
}
