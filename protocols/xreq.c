/*
 * REQ, raw (wire.md 4.4): messages go to whichever pipe is free with the header the application gave
 * them, and come back with the backtrace in the header. No ids, no state, no resending.
 */
#include <nng/protocol/reqrep0/req.h>

#include "backtrace.h"
#include "inbox.h"
#include "msg.h"
#include "protocol.h"
#include "socket.h"

/* The hop limit does not hold for answers; what the header has room for does. */
enum { XREQ_WORDS_MAX = SPRY_HEADER_MAX / BACKTRACE_WORD };

struct xreq_socket {
    int ttl_max; /* without effect; first, for BACKTRACE_TTL_OPTION */
    struct inbox inbox;
    struct list sends; /* requests that wait for a pipe; not empty only while */
    struct list ready; /* pipes with nothing in transit; is */
};

struct xreq_pipe {
    struct xreq_socket *socket;
    struct inbox_slot slot;
    struct list ready_node;
};

struct xreq_context {
    struct xreq_socket *socket;
};

static void pipe_transmit(struct xreq_pipe *pipe, struct request *request)
{
    nng_msg *msg = request->msg;

    request->msg = NULL;
    spry_request_finish(request, 0);
    spry_pipe_send(pipe->slot.pipe, msg);
}

static void xreq_send(void *state, struct request *request, uint64_t now_ns)
{
    struct xreq_context *context = state;
    struct xreq_socket *socket = context->socket;
    struct list *first = spry_list_first(&socket->ready);

    (void)now_ns;
    if (first != NULL) {
        spry_list_remove(first);
        pipe_transmit(SPRY_CONTAINER(first, struct xreq_pipe, ready_node), request);
        return;
    }
    spry_request_hold(request, context, spry_request_finish);
    spry_list_push(&socket->sends, &request->node);
}

/* Nothing is in transit on the pipe: it takes what it can of the sends, or waits for one. */
static void pipe_ready(struct xreq_pipe *pipe)
{
    struct xreq_socket *socket = pipe->socket;
    struct list *first;
    bool busy = false;

    while ((first = spry_list_first(&socket->sends)) != NULL &&
           spry_pipe_can_send(pipe->slot.pipe)) {
        pipe_transmit(pipe, SPRY_CONTAINER(first, struct request, node));
        busy = true;
    }
    if (!busy && spry_list_empty(&pipe->ready_node))
        spry_list_push(&socket->ready, &pipe->ready_node);
}

static void xreq_pipe_sent(void *state, uint64_t now_ns)
{
    (void)now_ns;
    pipe_ready(state);
}

static void xreq_receive(void *state, struct request *request, uint64_t now_ns)
{
    struct xreq_context *context = state;

    (void)now_ns;
    spry_inbox_receive(&context->socket->inbox, request);
}

static unsigned xreq_ready(void *state)
{
    const struct xreq_socket *socket = ((struct xreq_context *)state)->socket;

    return spry_ready(spry_inbox_ready(&socket->inbox), !spry_list_empty(&socket->ready));
}

static void xreq_pipe_received(void *state, nng_msg *msg, uint64_t now_ns)
{
    struct xreq_pipe *pipe = state;

    (void)now_ns;
    switch (spry_backtrace_pull(msg, XREQ_WORDS_MAX)) {
    case BACKTRACE_WHOLE:
        spry_inbox_deliver(&pipe->socket->inbox, &pipe->slot, msg);
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

static int xreq_pipe_join(void *state, void *socket, struct pipe *pipe, uint64_t now_ns)
{
    struct xreq_pipe *xreq = state;

    (void)now_ns;
    xreq->socket = socket;
    spry_list_init(&xreq->ready_node);
    spry_inbox_join(&xreq->slot, pipe);
    pipe_ready(xreq);
    return 0;
}

static void xreq_pipe_leave(void *state, uint64_t now_ns)
{
    struct xreq_pipe *pipe = state;

    (void)now_ns;
    spry_list_remove(&pipe->ready_node);
    spry_inbox_leave(&pipe->slot);
}

static int xreq_context_init(void *state, void *socket)
{
    struct xreq_context *context = state;

    context->socket = socket;
    return 0;
}

static void xreq_context_fini(void *state)
{
    struct xreq_context *context = state;
    struct list *first;

    while ((first = spry_list_first(&context->socket->sends)) != NULL)
        spry_request_finish(SPRY_CONTAINER(first, struct request, node), NNG_ECLOSED);
    spry_inbox_close(&context->socket->inbox, NNG_ECLOSED);
}

static int xreq_socket_init(void *state, const struct protocol_host *host)
{
    struct xreq_socket *socket = state;

    (void)host;
    socket->ttl_max = BACKTRACE_TTL_DEFAULT;
    spry_inbox_init(&socket->inbox);
    spry_list_init(&socket->sends);
    spry_list_init(&socket->ready);
    return 0;
}

static void xreq_socket_fini(void *socket)
{
    (void)socket;
}

static const struct option xreq_options[] = {BACKTRACE_TTL_OPTION, {.name = NULL}};

static const struct protocol xreq_protocol = {
    .self = NNG_REQ0_SELF,
    .peer = NNG_REQ0_PEER,
    .self_name = NNG_REQ0_SELF_NAME,
    .peer_name = NNG_REQ0_PEER_NAME,
    .raw = true,
    .contexts = false,
    .socket_bytes = sizeof(struct xreq_socket),
    .context_bytes = sizeof(struct xreq_context),
    .pipe_bytes = sizeof(struct xreq_pipe),
    .socket_options = xreq_options,
    .socket_init = xreq_socket_init,
    .socket_fini = xreq_socket_fini,
    .context_init = xreq_context_init,
    .context_fini = xreq_context_fini,
    .pipe_join = xreq_pipe_join,
    .pipe_leave = xreq_pipe_leave,
    .pipe_received = xreq_pipe_received,
    .pipe_sent = xreq_pipe_sent,
    .send = xreq_send,
    .receive = xreq_receive,
    .ready = xreq_ready,
};

int nng_req0_open_raw(nng_socket *socket)
{
    return spry_socket_open(socket, &xreq_protocol);
}
