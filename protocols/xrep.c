/*
 * REP, raw (wire.md 4.4): the header of a request begins with the id of its pipe, and the answer's
 * header names the pipe in the same place. No state but the queues.
 */
#include <nng/protocol/reqrep0/rep.h>

#include "backtrace.h"
#include "inbox.h"
#include "msg.h"
#include "protocol.h"
#include "socket.h"

enum { XREP_QUEUE_MAX = 64 }; /* answers that wait for one pipe */

struct xrep_socket {
    int ttl_max; /* first, for BACKTRACE_TTL_OPTION */
    const struct protocol_host *host;
    struct inbox inbox;
};

struct xrep_pipe {
    struct xrep_socket *socket;
    struct inbox_slot slot;
    struct msg_queue queue; /* not empty only while the pipe has no room */
};

struct xrep_context {
    struct xrep_socket *socket;
};

static void xrep_pipe_received(void *state, nng_msg *msg, uint64_t now_ns)
{
    struct xrep_pipe *pipe = state;
    struct pipe *link = pipe->slot.pipe;

    (void)now_ns;
    /* Cannot fail: a received message has no header yet. It holds this and 15 words more. */
    (void)nng_msg_header_append_u32(msg, spry_pipe_id(link));
    switch (spry_backtrace_pull(msg, (unsigned)pipe->socket->ttl_max)) {
    case BACKTRACE_WHOLE:
        spry_inbox_deliver(&pipe->socket->inbox, &pipe->slot, msg);
        return;
    case BACKTRACE_TOO_LONG:
        nng_msg_free(msg);
        spry_pipe_receive(link);
        return;
    case BACKTRACE_MALFORMED:
        nng_msg_free(msg);
        spry_pipe_close(link);
        return;
    }
}

static void xrep_receive(void *state, struct request *request, uint64_t now_ns)
{
    struct xrep_context *context = state;

    (void)now_ns;
    spry_inbox_receive(&context->socket->inbox, request);
}

/* The message goes out, waits its turn, or is dropped. */
static void pipe_push(struct xrep_pipe *pipe, nng_msg *msg)
{
    if (pipe->queue.count == 0 && spry_pipe_can_send(pipe->slot.pipe))
        spry_pipe_send(pipe->slot.pipe, msg);
    else if (pipe->queue.count < XREP_QUEUE_MAX)
        spry_msg_queue_push(&pipe->queue, msg);
    else
        nng_msg_free(msg);
}

static void xrep_send(void *state, struct request *request, uint64_t now_ns)
{
    const struct protocol_host *host = ((struct xrep_context *)state)->socket->host;
    nng_msg *msg = request->msg;
    struct xrep_pipe *pipe = NULL;
    uint32_t pipe_id;

    (void)now_ns;
    request->msg = NULL;
    spry_request_finish(request, 0);
    if (nng_msg_header_trim_u32(msg, &pipe_id) == 0)
        pipe = host->find_pipe(host, pipe_id);
    if (pipe == NULL)
        nng_msg_free(msg);
    else
        pipe_push(pipe, msg);
}

/* A send never waits. */
static unsigned xrep_ready(void *state)
{
    return spry_ready(spry_inbox_ready(&((struct xrep_context *)state)->socket->inbox), true);
}

static void xrep_pipe_sent(void *state, uint64_t now_ns)
{
    struct xrep_pipe *pipe = state;

    (void)now_ns;
    while (pipe->queue.count > 0 && spry_pipe_can_send(pipe->slot.pipe))
        spry_pipe_send(pipe->slot.pipe, spry_msg_queue_pop(&pipe->queue));
}

static int xrep_pipe_join(void *state, void *socket, struct pipe *pipe, uint64_t now_ns)
{
    struct xrep_pipe *xrep = state;

    (void)now_ns;
    xrep->socket = socket;
    spry_msg_queue_init(&xrep->queue);
    spry_inbox_join(&xrep->slot, pipe);
    return 0;
}

static void xrep_pipe_leave(void *state, uint64_t now_ns)
{
    struct xrep_pipe *pipe = state;

    (void)now_ns;
    spry_msg_queue_flush(&pipe->queue);
    spry_inbox_leave(&pipe->slot);
}

static int xrep_context_init(void *state, void *socket)
{
    struct xrep_context *context = state;

    context->socket = socket;
    return 0;
}

static void xrep_context_fini(void *state)
{
    struct xrep_context *context = state;

    spry_inbox_close(&context->socket->inbox, NNG_ECLOSED);
}

static int xrep_socket_init(void *state, const struct protocol_host *host)
{
    struct xrep_socket *socket = state;

    socket->host = host;
    socket->ttl_max = BACKTRACE_TTL_DEFAULT;
    spry_inbox_init(&socket->inbox);
    return 0;
}

static void xrep_socket_fini(void *socket)
{
    (void)socket;
}

static const struct option xrep_options[] = {BACKTRACE_TTL_OPTION, {.name = NULL}};

static const struct protocol xrep_protocol = {
    .self = NNG_REP0_SELF,
    .peer = NNG_REP0_PEER,
    .self_name = NNG_REP0_SELF_NAME,
    .peer_name = NNG_REP0_PEER_NAME,
    .raw = true,
    .contexts = false,
    .socket_bytes = sizeof(struct xrep_socket),
    .context_bytes = sizeof(struct xrep_context),
    .pipe_bytes = sizeof(struct xrep_pipe),
    .socket_options = xrep_options,
    .socket_init = xrep_socket_init,
    .socket_fini = xrep_socket_fini,
    .context_init = xrep_context_init,
    .context_fini = xrep_context_fini,
    .pipe_join = xrep_pipe_join,
    .pipe_leave = xrep_pipe_leave,
    .pipe_received = xrep_pipe_received,
    .pipe_sent = xrep_pipe_sent,
    .send = xrep_send,
    .receive = xrep_receive,
    .ready = xrep_ready,
};

int nng_rep0_open_raw(nng_socket *socket)
{
    return spry_socket_open(socket, &xrep_protocol);
}
