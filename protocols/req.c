/*
 * REQ, cooked (wire.md 4.1, 4.2): a request per context, sent to whichever pipe is free, and again
 * when its answer does not come in time or its pipe is lost. Answers are told apart by the
 * request's id alone.
 */
#include <nng/protocol/reqrep0/req.h>
#include <spry.h>

#include "backtrace.h"
#include "idmap.h"
#include "list.h"
#include "msg.h"
#include "protocol.h"
#include "socket.h"

#define REQ_ID_MIN 0x80000000U /* the top bit ends the backtrace */
#define REQ_ID_MAX 0xffffffffU

enum { RESEND_TIME_MS = 60000, RESEND_TICK_MS = 1000 };

struct req_socket {
    int ttl_max; /* without effect; first, for BACKTRACE_TTL_OPTION */
    nng_duration resend_ms;
    bool once;            /* SPRY_OPT_REQ_AT_MOST_ONCE */
    nng_duration tick_ms; /* without effect: each resend has a timer of its own */
    const struct protocol_host *host;
    struct req_context *own; /* the context that is the socket itself */
    struct idmap ids;        /* contexts whose request may still be answered */
    struct list queue;       /* contexts whose request waits for a pipe; not empty only while */
    struct list ready;       /* pipes with nothing in transit; is */
};

struct req_pipe {
    struct req_socket *socket;
    struct pipe *pipe;
    struct list ready_node;
    struct list sent; /* contexts whose request last went here */
};

enum req_state {
    REQ_IDLE,    /* no request */
    REQ_QUEUED,  /* waits for a pipe; for the first time while `send` is there */
    REQ_SENT,    /* waits for its answer */
    REQ_REPLIED, /* the answer waits for a receive */
    REQ_LOST,    /* the pipe was lost and the request with it: the next receive is told */
};

struct req_context {
    struct req_socket *socket;
    struct list node; /* QUEUED: in socket->queue; SENT: in the pipe's `sent` */
    enum req_state state;
    uint32_t id;             /* of the request; 0: it can be answered no more */
    nng_duration resend_ms;  /* for the next request */
    bool once;               /* the same: as if that were 0 */
    nng_duration again_ms;   /* for this one; 0 or less: sent at most once */
    struct request *send;    /* not handed to a pipe yet */
    struct request *receive; /* waits for the answer */
    nng_msg *msg; /* SENT, QUEUED again: the request, if it is resent; REPLIED: the answer */
    struct timer resend;
};

/* Forgets the request and what came of it; its send and receive, if they wait, end as told. */
static void context_clear(struct req_context *context, int send_result, int receive_result)
{
    struct request *send = context->send;
    struct request *receive = context->receive;

    if (context->id != 0)
        spry_idmap_remove(&context->socket->ids, context->id);
    context->id = 0;
    context->state = REQ_IDLE;
    context->send = NULL;
    context->receive = NULL;
    spry_list_remove(&context->node);
    spry_timer_cancel(context->socket->host->timers, &context->resend);
    nng_msg_free(context->msg);
    context->msg = NULL;
    if (send != NULL)
        spry_request_finish(send, send_result);
    if (receive != NULL)
        spry_request_finish(receive, receive_result);
}

/* ---- from the queue to a pipe ---- */

/* The message of a first sending; nobody but the pipe needs it if there will be no second. */
static nng_msg *context_take_send(struct req_context *context)
{
    struct request *send = context->send;
    nng_msg *msg = send->msg;

    /* Cannot fail: the header is empty. */
    (void)nng_msg_header_append_u32(msg, context->id);
    if (context->again_ms > 0)
        context->msg = msg;
    context->send = NULL;
    send->msg = NULL;
    spry_request_finish(send, 0);
    return msg;
}

/*
 * Sends the first request of the queue. False: for want of memory nothing was sent; the request
 * counts as sent, and its timer will try again.
 */
static bool pipe_transmit(struct req_pipe *pipe, uint64_t now_ns)
{
    struct req_context *context =
        SPRY_CONTAINER(spry_list_first(&pipe->socket->queue), struct req_context, node);
    nng_msg *msg = NULL;

    spry_list_remove(&context->node);
    spry_list_push(&pipe->sent, &context->node);
    context->state = REQ_SENT;
    spry_timer_set(pipe->socket->host->timers, &context->resend,
                   context->again_ms > 0 ? spry_deadline(now_ns, context->again_ms) : SPRY_NEVER);
    if (context->send != NULL)
        msg = context_take_send(context);
    else if (spry_msg_unshare(&context->msg) == 0) /* the last pipe may still have it in transit */
        msg = context->msg;
    if (msg == NULL)
        return false;
    if (context->msg != NULL)
        spry_msg_hold(msg);
    spry_pipe_send(pipe->pipe, msg);
    return true;
}

/* Queued requests go to ready pipes, one each, both in turn. */
static void socket_dispatch(struct req_socket *socket, uint64_t now_ns)
{
    struct list *first;

    while (!spry_list_empty(&socket->queue) && (first = spry_list_first(&socket->ready)) != NULL) {
        struct req_pipe *pipe = SPRY_CONTAINER(first, struct req_pipe, ready_node);

        spry_list_remove(first);
        if (!pipe_transmit(pipe, now_ns))
            spry_list_push(&socket->ready, first);
    }
}

/* Nothing is in transit on the pipe: it takes what it can of the queue, or waits for a request. */
static void pipe_ready(struct req_pipe *pipe, uint64_t now_ns)
{
    bool busy = false;

    while (!spry_list_empty(&pipe->socket->queue) && spry_pipe_can_send(pipe->pipe))
        busy = pipe_transmit(pipe, now_ns) || busy;
    if (!busy && spry_list_empty(&pipe->ready_node))
        spry_list_push(&pipe->socket->ready, &pipe->ready_node);
}

/* Queues a request that is to be sent again. */
static void context_requeue(struct req_context *context)
{
    spry_timer_cancel(context->socket->host->timers, &context->resend);
    spry_list_remove(&context->node);
    spry_list_push(&context->socket->queue, &context->node);
    context->state = REQ_QUEUED;
}

static void context_resend(struct timer *timer, uint64_t now_ns)
{
    struct req_context *context = SPRY_CONTAINER(timer, struct req_context, resend);

    context_requeue(context);
    socket_dispatch(context->socket, now_ns);
}

/* ---- contexts ---- */

static int req_context_init(void *state, void *socket_state)
{
    struct req_context *context = state;
    struct req_socket *socket = socket_state;

    context->socket = socket;
    context->resend_ms = socket->resend_ms;
    context->once = socket->once;
    spry_list_init(&context->node);
    spry_timer_init(&context->resend, context_resend);
    if (socket->own == NULL)
        socket->own = context;
    return 0;
}

static void req_context_fini(void *state)
{
    struct req_context *context = state;

    context_clear(context, NNG_ECLOSED, NNG_ECLOSED);
    if (context->socket->own == context)
        context->socket->own = NULL;
}

static void send_cancel(struct request *request, int error)
{
    context_clear(request->owner, error, NNG_ECANCELED);
}

static void receive_cancel(struct request *request, int error)
{
    struct req_context *context = request->owner;

    if (error != NNG_EAGAIN) {
        context_clear(context, NNG_ECANCELED, error);
        return;
    }
    /* A look at whether the answer is there leaves the request as it is. */
    context->receive = NULL;
    spry_request_finish(request, error);
}

static void req_send(void *state, struct request *request, uint64_t now_ns)
{
    struct req_context *context = state;
    struct req_socket *socket = context->socket;
    uint32_t id;
    int rv;

    context_clear(context, NNG_ECANCELED, NNG_ECANCELED);
    nng_msg_header_clear(request->msg);
    rv = spry_idmap_add(&socket->ids, context, &id);
    if (rv != 0) {
        spry_request_finish(request, rv);
        return;
    }
    context->id = id;
    context->state = REQ_QUEUED;
    context->again_ms = context->once ? 0 : context->resend_ms;
    context->send = request;
    spry_list_push(&socket->queue, &context->node);
    spry_request_hold(request, context, send_cancel);
    socket_dispatch(socket, now_ns);
}

static void req_receive(void *state, struct request *request, uint64_t now_ns)
{
    struct req_context *context = state;

    (void)now_ns;
    if (context->receive != NULL) {
        spry_request_finish(request, NNG_ESTATE);
        return;
    }
    switch (context->state) {
    case REQ_IDLE:
        spry_request_finish(request, NNG_ESTATE);
        return;
    case REQ_QUEUED:
    case REQ_SENT:
        context->receive = request;
        spry_request_hold(request, context, receive_cancel);
        return;
    case REQ_REPLIED:
        request->msg = context->msg;
        context->msg = NULL;
        context->state = REQ_IDLE;
        spry_request_finish(request, 0);
        return;
    case REQ_LOST:
        context->state = REQ_IDLE;
        spry_request_finish(request, NNG_ECONNRESET);
        return;
    }
}

static unsigned req_ready(void *state)
{
    const struct req_context *context = state;

    return spry_ready(context->state == REQ_REPLIED || context->state == REQ_LOST,
                      !spry_list_empty(&context->socket->ready));
}

/* ---- pipes ---- */

static int req_pipe_join(void *state, void *socket, struct pipe *pipe, uint64_t now_ns)
{
    struct req_pipe *req = state;

    req->socket = socket;
    req->pipe = pipe;
    spry_list_init(&req->ready_node);
    spry_list_init(&req->sent);
    spry_pipe_receive(pipe);
    pipe_ready(req, now_ns);
    return 0;
}

/* The request went to a pipe that is lost. */
static void context_pipe_lost(struct req_context *context)
{
    bool told = context->receive != NULL;

    if (context->again_ms > 0) {
        context_requeue(context);
        return;
    }
    context_clear(context, 0, NNG_ECONNRESET);
    if (!told)
        context->state = REQ_LOST;
}

static void req_pipe_leave(void *state, uint64_t now_ns)
{
    struct req_pipe *pipe = state;
    struct list *first;

    spry_list_remove(&pipe->ready_node);
    while ((first = spry_list_first(&pipe->sent)) != NULL)
        context_pipe_lost(SPRY_CONTAINER(first, struct req_context, node));
    socket_dispatch(pipe->socket, now_ns);
}

static void req_pipe_sent(void *state, uint64_t now_ns)
{
    pipe_ready(state, now_ns);
}

/* The answer to the context's request, without its id. */
static void context_reply(struct req_context *context, nng_msg *msg)
{
    struct request *receive = context->receive;

    context->receive = NULL;
    context_clear(context, 0, 0);
    if (receive == NULL) {
        context->state = REQ_REPLIED;
        context->msg = msg;
        return;
    }
    receive->msg = msg;
    spry_request_finish(receive, 0);
}

static void req_pipe_received(void *state, nng_msg *msg, uint64_t now_ns)
{
    struct req_pipe *pipe = state;
    struct req_context *context;
    uint32_t id;

    (void)now_ns;
    if (nng_msg_trim_u32(msg, &id) != 0) {
        nng_msg_free(msg);
        spry_pipe_close(pipe->pipe);
        return;
    }
    spry_pipe_receive(pipe->pipe);
    context = spry_idmap_find(&pipe->socket->ids, id);
    /* Nobody can know the id of a request that was not sent: that answer is forged. */
    if (context == NULL || context->send != NULL)
        nng_msg_free(msg);
    else
        context_reply(context, msg);
}

/* ---- the socket ---- */

static int req_socket_init(void *state, const struct protocol_host *host)
{
    struct req_socket *socket = state;

    socket->host = host;
    socket->ttl_max = BACKTRACE_TTL_DEFAULT;
    socket->resend_ms = RESEND_TIME_MS;
    socket->tick_ms = RESEND_TICK_MS;
    spry_idmap_init(&socket->ids, REQ_ID_MIN, REQ_ID_MAX, host->random);
    spry_list_init(&socket->queue);
    spry_list_init(&socket->ready);
    return 0;
}

static void req_socket_fini(void *state)
{
    struct req_socket *socket = state;

    spry_idmap_fini(&socket->ids);
}

static int resend_time_get(void *state, union option_value *value)
{
    const struct req_socket *socket = state;

    value->ms = socket->resend_ms;
    return 0;
}

static int resend_time_set(void *state, const union option_value *value)
{
    struct req_socket *socket = state;

    socket->resend_ms = value->ms;
    if (socket->own != NULL)
        socket->own->resend_ms = value->ms;
    return 0;
}

static int once_get(void *state, union option_value *value)
{
    value->truth = ((const struct req_socket *)state)->once;
    return 0;
}

static int once_set(void *state, const union option_value *value)
{
    struct req_socket *socket = state;

    socket->once = value->truth;
    if (socket->own != NULL)
        socket->own->once = value->truth;
    return 0;
}

static int resend_tick_get(void *state, union option_value *value)
{
    const struct req_socket *socket = state;

    value->ms = socket->tick_ms;
    return 0;
}

static int resend_tick_set(void *state, const union option_value *value)
{
    struct req_socket *socket = state;

    socket->tick_ms = value->ms;
    return 0;
}

static const struct option req_options[] = {
    BACKTRACE_TTL_OPTION,
    {.name = NNG_OPT_REQ_RESENDTIME,
     .type = OPTION_MS,
     .get = resend_time_get,
     .set = resend_time_set},
    {.name = NNG_OPT_REQ_RESENDTICK,
     .type = OPTION_MS,
     .get = resend_tick_get,
     .set = resend_tick_set},
    {.name = SPRY_OPT_REQ_AT_MOST_ONCE, .type = OPTION_BOOL, .get = once_get, .set = once_set},
    {.name = NULL},
};

static int context_resend_get(void *state, union option_value *value)
{
    const struct req_context *context = state;

    value->ms = context->resend_ms;
    return 0;
}

/* Counts from the next request on. */
static int context_resend_set(void *state, const union option_value *value)
{
    struct req_context *context = state;

    context->resend_ms = value->ms;
    return 0;
}

static int context_once_get(void *state, union option_value *value)
{
    value->truth = ((const struct req_context *)state)->once;
    return 0;
}

static int context_once_set(void *state, const union option_value *value)
{
    ((struct req_context *)state)->once = value->truth;
    return 0;
}

static const struct option req_context_options[] = {
    {.name = NNG_OPT_REQ_RESENDTIME,
     .type = OPTION_MS,
     .get = context_resend_get,
     .set = context_resend_set},
    {.name = SPRY_OPT_REQ_AT_MOST_ONCE,
     .type = OPTION_BOOL,
     .get = context_once_get,
     .set = context_once_set},
    {.name = NULL},
};

static const struct protocol req_protocol = {
    .self = NNG_REQ0_SELF,
    .peer = NNG_REQ0_PEER,
    .self_name = NNG_REQ0_SELF_NAME,
    .peer_name = NNG_REQ0_PEER_NAME,
    .raw = false,
    .contexts = true,
    .socket_bytes = sizeof(struct req_socket),
    .context_bytes = sizeof(struct req_context),
    .pipe_bytes = sizeof(struct req_pipe),
    .socket_options = req_options,
    .context_options = req_context_options,
    .socket_init = req_socket_init,
    .socket_fini = req_socket_fini,
    .context_init = req_context_init,
    .context_fini = req_context_fini,
    .pipe_join = req_pipe_join,
    .pipe_leave = req_pipe_leave,
    .pipe_received = req_pipe_received,
    .pipe_sent = req_pipe_sent,
    .send = req_send,
    .receive = req_receive,
    .ready = req_ready,
};

int nng_req0_open(nng_socket *socket)
{
    return spry_socket_open(socket, &req_protocol);
}
