/*
 * REP, cooked (wire.md 4.3): a context receives a request, remembers the way back, and sends the
 * answer to the pipe the request came from and to no other.
 */
#include <nng/protocol/reqrep0/rep.h>

#include "backtrace.h"
#include "inbox.h"
#include "msg.h"
#include "protocol.h"
#include "socket.h"

#include <string.h>

struct rep_socket {
    int ttl_max; /* first, for BACKTRACE_TTL_OPTION */
    const struct protocol_host *host;
    struct inbox inbox;
    struct list blocked; /* pipes for which answers wait, or did */
};

struct rep_pipe {
    struct rep_socket *socket;
    struct inbox_slot slot; /* the request's backtrace is in its header */
    struct list sends;      /* requests whose answer waits for room; `owner` is the context */
    struct list blocked_node;
};

struct rep_context {
    struct rep_socket *socket;
    struct request *receive;
    uint32_t pipe_id; /* where the last request came from; 0: answered, or there was none */
    uint8_t trace_bytes;
    uint8_t trace[SPRY_HEADER_MAX];
};

/* ---- requests in ---- */

/* The context gets the request; the way back is the context's, the body the caller's. */
static void context_deliver(struct rep_context *context, struct request *receive, nng_msg *msg)
{
    size_t trace_bytes = nng_msg_header_len(msg);

    memcpy(context->trace, nng_msg_header(msg), trace_bytes);
    context->trace_bytes = (uint8_t)trace_bytes;
    context->pipe_id = msg->pipe_id;
    context->receive = NULL;
    nng_msg_header_clear(msg);
    receive->msg = msg;
    spry_request_finish(receive, 0);
}

static void receive_cancel(struct request *request, int error)
{
    struct rep_context *context = request->owner;

    context->receive = NULL;
    spry_request_finish(request, error);
}

static void rep_receive(void *state, struct request *request, uint64_t now_ns)
{
    struct rep_context *context = state;
    nng_msg *msg;

    (void)now_ns;
    if (context->receive != NULL) {
        spry_request_finish(request, NNG_ESTATE);
        return;
    }
    msg = spry_inbox_take(&context->socket->inbox);
    if (msg != NULL) {
        context_deliver(context, request, msg);
        return;
    }
    context->receive = request;
    spry_request_hold(request, context, receive_cancel);
    spry_list_push(&context->socket->inbox.receives, &request->node);
}

static void pipe_accept(struct rep_pipe *pipe, nng_msg *msg)
{
    struct request *receive = spry_inbox_receive_first(&pipe->socket->inbox);

    if (receive == NULL) {
        spry_inbox_put(&pipe->socket->inbox, &pipe->slot, msg);
        return;
    }
    spry_pipe_receive(pipe->slot.pipe);
    context_deliver(receive->owner, receive, msg);
}

static void rep_pipe_received(void *state, nng_msg *msg, uint64_t now_ns)
{
    struct rep_pipe *pipe = state;

    (void)now_ns;
    switch (spry_backtrace_pull(msg, (unsigned)pipe->socket->ttl_max)) {
    case BACKTRACE_WHOLE:
        pipe_accept(pipe, msg);
        return;
    case BACKTRACE_TOO_LONG:
        nng_msg_free(msg);
        spry_pipe_receive(pipe->slot.pipe);
        return;
    case BACKTRACE_MALFORMED:
        nng_msg_free(msg);
        spry_pipe_close(pipe->slot.pipe);
        return;
    }
}

/* ---- answers out ---- */

/* The answer's requester is gone, which is no error of the one who answers. */
static void send_drop(struct request *request)
{
    nng_msg_free(request->msg);
    request->msg = NULL;
    spry_request_finish(request, 0);
}

static void pipe_transmit(struct rep_pipe *pipe, struct request *request)
{
    nng_msg *msg = request->msg;

    request->msg = NULL;
    spry_request_finish(request, 0);
    spry_pipe_send(pipe->slot.pipe, msg);
}

static void send_cancel(struct request *request, int error)
{
    nng_msg_header_clear(request->msg);
    spry_request_finish(request, error);
}

static bool pipe_free(const struct rep_pipe *pipe)
{
    return spry_list_empty(&pipe->sends) && spry_pipe_can_send(pipe->slot.pipe);
}

static void rep_send(void *state, struct request *request, uint64_t now_ns)
{
    struct rep_context *context = state;
    struct rep_socket *socket = context->socket;
    uint32_t pipe_id = context->pipe_id;
    struct rep_pipe *pipe;

    (void)now_ns;
    nng_msg_header_clear(request->msg);
    if (pipe_id == 0) {
        spry_request_finish(request, NNG_ESTATE);
        return;
    }
    context->pipe_id = 0;
    pipe = socket->host->find_pipe(socket->host, pipe_id);
    if (pipe == NULL) {
        send_drop(request);
        return;
    }
    /* Cannot fail: the header is empty and has room for any trace. */
    (void)nng_msg_header_append(request->msg, context->trace, context->trace_bytes);
    if (pipe_free(pipe)) {
        pipe_transmit(pipe, request);
        return;
    }
    spry_request_hold(request, context, send_cancel);
    spry_list_push(&pipe->sends, &request->node);
    spry_list_remove(&pipe->blocked_node);
    spry_list_push(&socket->blocked, &pipe->blocked_node);
}

/* An answer to a requester that is gone is dropped, at once. */
static bool context_may_answer(const struct rep_context *context)
{
    const struct protocol_host *host = context->socket->host;
    const struct rep_pipe *pipe;

    if (context->pipe_id == 0)
        return false;
    pipe = host->find_pipe(host, context->pipe_id);
    return pipe == NULL || pipe_free(pipe);
}

static unsigned rep_ready(void *state)
{
    const struct rep_context *context = state;

    return spry_ready(spry_inbox_ready(&context->socket->inbox), context_may_answer(context));
}

static void rep_pipe_sent(void *state, uint64_t now_ns)
{
    struct rep_pipe *pipe = state;
    struct list *first;

    (void)now_ns;
    while ((first = spry_list_first(&pipe->sends)) != NULL && spry_pipe_can_send(pipe->slot.pipe))
        pipe_transmit(pipe, SPRY_CONTAINER(first, struct request, node));
    if (first == NULL)
        spry_list_remove(&pipe->blocked_node);
}

/* ---- pipes ---- */

static int rep_pipe_join(void *state, void *socket, struct pipe *pipe, uint64_t now_ns)
{
    struct rep_pipe *rep = state;

    (void)now_ns;
    rep->socket = socket;
    spry_list_init(&rep->sends);
    spry_list_init(&rep->blocked_node);
    spry_inbox_join(&rep->slot, pipe);
    return 0;
}

static void rep_pipe_leave(void *state, uint64_t now_ns)
{
    struct rep_pipe *pipe = state;
    struct list *first;

    (void)now_ns;
    while ((first = spry_list_first(&pipe->sends)) != NULL)
        send_drop(SPRY_CONTAINER(first, struct request, node));
    spry_list_remove(&pipe->blocked_node);
    spry_inbox_leave(&pipe->slot);
}

/* ---- contexts ---- */

static int rep_context_init(void *state, void *socket)
{
    struct rep_context *context = state;

    context->socket = socket;
    return 0;
}

/* Ends the context's answers among those that wait for the pipe. */
static void pipe_cancel_sends(struct rep_pipe *pipe, const struct rep_context *context)
{
    struct list *node = pipe->sends.next;

    while (node != &pipe->sends) {
        struct request *send = SPRY_CONTAINER(node, struct request, node);

        node = node->next;
        if (send->owner == context)
            send_cancel(send, NNG_ECLOSED);
    }
}

static void rep_context_fini(void *state)
{
    struct rep_context *context = state;
    struct list *blocked = &context->socket->blocked;

    for (struct list *node = blocked->next; node != blocked; node = node->next)
        pipe_cancel_sends(SPRY_CONTAINER(node, struct rep_pipe, blocked_node), context);
    if (context->receive != NULL)
        receive_cancel(context->receive, NNG_ECLOSED);
    context->pipe_id = 0;
}

/* ---- the socket ---- */

static int rep_socket_init(void *state, const struct protocol_host *host)
{
    struct rep_socket *socket = state;

    socket->host = host;
    socket->ttl_max = BACKTRACE_TTL_DEFAULT;
    spry_inbox_init(&socket->inbox);
    spry_list_init(&socket->blocked);
    return 0;
}

static void rep_socket_fini(void *socket)
{
    (void)socket;
}

static const struct option rep_options[] = {BACKTRACE_TTL_OPTION, {.name = NULL}};

static const struct protocol rep_protocol = {
    .self = NNG_REP0_SELF,
    .peer = NNG_REP0_PEER,
    .self_name = NNG_REP0_SELF_NAME,
    .peer_name = NNG_REP0_PEER_NAME,
    .raw = false,
    .contexts = true,
    .socket_bytes = sizeof(struct rep_socket),
    .context_bytes = sizeof(struct rep_context),
    .pipe_bytes = sizeof(struct rep_pipe),
    .socket_options = rep_options,
    .socket_init = rep_socket_init,
    .socket_fini = rep_socket_fini,
    .context_init = rep_context_init,
    .context_fini = rep_context_fini,
    .pipe_join = rep_pipe_join,
    .pipe_leave = rep_pipe_leave,
    .pipe_received = rep_pipe_received,
    .pipe_sent = rep_pipe_sent,
    .send = rep_send,
    .receive = rep_receive,
    .ready = rep_ready,
};

int nng_rep0_open(nng_socket *socket)
{
    return spry_socket_open(socket, &rep_protocol);
}
