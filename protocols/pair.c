/* What waits between a PAIR socket and its peer, in both directions. */
#include "pair.h"

void spry_pair_init(struct pair *pair, const struct protocol_host *host,
                    void (*stamp)(nng_msg *msg))
{
    pair->host = host;
    pair->stamp = stamp;
    spry_list_init(&pair->pipes);
    spry_msg_queue_init(&pair->sending);
    spry_list_init(&pair->sends);
    spry_msg_queue_init(&pair->received);
    spry_list_init(&pair->receives);
    spry_list_init(&pair->stalled);
}

void spry_pair_fini(void *state)
{
    struct pair *pair = state;

    spry_msg_queue_flush(&pair->sending);
    spry_msg_queue_flush(&pair->received);
}

int spry_pair_context_init(void *state, void *pair)
{
    struct pair_context *context = state;

    context->pair = pair;
    return 0;
}

static struct request *request_first(const struct list *requests)
{
    struct list *first = spry_list_first(requests);

    return first == NULL ? NULL : SPRY_CONTAINER(first, struct request, node);
}

static void requests_close(struct list *requests)
{
    struct request *request;

    while ((request = request_first(requests)) != NULL)
        spry_request_finish(request, NNG_ECLOSED);
}

void spry_pair_context_fini(void *state)
{
    struct pair_context *context = state;

    requests_close(&context->pair->sends);
    requests_close(&context->pair->receives);
}

/* ---- sending ---- */

struct pair_pipe *spry_pair_first(const struct pair *pair)
{
    struct list *first = spry_list_first(&pair->pipes);

    return first == NULL ? NULL : SPRY_CONTAINER(first, struct pair_pipe, node);
}

bool spry_pair_backlog(const struct pair *pair)
{
    return pair->sending.count > 0 || !spry_list_empty(&pair->sends);
}

static nng_msg *request_take(struct request *request)
{
    nng_msg *msg = request->msg;

    request->msg = NULL;
    spry_request_finish(request, 0);
    return msg;
}

nng_msg *spry_pair_take(struct pair *pair, struct request *request)
{
    nng_msg *msg = request_take(request);

    pair->stamp(msg);
    return msg;
}

/* The oldest message that waits; there is a backlog. */
static nng_msg *backlog_take(struct pair *pair)
{
    nng_msg *msg = spry_msg_queue_pop(&pair->sending);

    if (msg == NULL)
        msg = request_take(request_first(&pair->sends));
    pair->stamp(msg);
    return msg;
}

/* What waits goes to the first pipe as far as that has room, and into the buffer. */
static void pair_pump(struct pair *pair)
{
    struct pair_pipe *pipe = spry_pair_first(pair);
    struct request *send;

    while (pipe != NULL && spry_pair_backlog(pair) && spry_pipe_can_send(pipe->pipe))
        spry_pipe_send(pipe->pipe, backlog_take(pair));
    while (pair->sending.count < (size_t)pair->send_max &&
           (send = request_first(&pair->sends)) != NULL)
        spry_msg_queue_push(&pair->sending, request_take(send));
}

void spry_pair_send(void *state, struct request *request, uint64_t now_ns)
{
    struct pair *pair = ((struct pair_context *)state)->pair;

    (void)now_ns;
    spry_request_hold(request, pair, spry_request_finish);
    spry_list_push(&pair->sends, &request->node);
    pair_pump(pair);
}

bool spry_pair_may_send(const struct pair *pair)
{
    const struct pair_pipe *pipe = spry_pair_first(pair);

    if (pipe != NULL && !spry_pair_backlog(pair) && spry_pipe_can_send(pipe->pipe))
        return true;
    return spry_list_empty(&pair->sends) && pair->sending.count < (size_t)pair->send_max;
}

unsigned spry_pair_ready(void *state)
{
    const struct pair *pair = ((struct pair_context *)state)->pair;

    return spry_ready(pair->received.count > 0, spry_pair_may_send(pair));
}

void spry_pair_sent(void *state, uint64_t now_ns)
{
    struct pair_pipe *pipe = state;

    (void)now_ns;
    pair_pump(pipe->pair);
}

/* ---- receiving ---- */

static void pipe_stall(struct pair_pipe *pipe)
{
    spry_list_push(&pipe->pair->stalled, &pipe->stalled_node);
    pipe->pair->stalled_count++;
}

static void pipe_unstall(struct pair_pipe *pipe)
{
    if (spry_list_empty(&pipe->stalled_node))
        return;
    spry_list_remove(&pipe->stalled_node);
    pipe->pair->stalled_count--;
}

/* The pipe may bring a message: one for each stalled pipe is there beyond the buffer. */
static void pipe_ask(struct pair_pipe *pipe)
{
    struct pair *pair = pipe->pair;

    if (pair->received.count > (size_t)pair->receive_max + pair->stalled_count)
        pipe_stall(pipe);
    else
        spry_pipe_receive(pipe->pipe);
}

/* There is more room than there was: stalled pipes are asked again, in turn. */
static void pair_ask(struct pair *pair)
{
    struct list *first;

    while ((first = spry_list_first(&pair->stalled)) != NULL &&
           pair->received.count < (size_t)pair->receive_max + pair->stalled_count) {
        struct pair_pipe *pipe = SPRY_CONTAINER(first, struct pair_pipe, stalled_node);

        pipe_unstall(pipe);
        spry_pipe_receive(pipe->pipe);
    }
}

void spry_pair_deliver(struct pair_pipe *pipe, nng_msg *msg)
{
    struct request *receive = request_first(&pipe->pair->receives);

    if (receive == NULL) {
        spry_msg_queue_push(&pipe->pair->received, msg);
        pipe_ask(pipe);
        return;
    }
    spry_pipe_receive(pipe->pipe);
    receive->msg = msg;
    spry_request_finish(receive, 0);
}

void spry_pair_receive(void *state, struct request *request, uint64_t now_ns)
{
    struct pair *pair = ((struct pair_context *)state)->pair;

    (void)now_ns;
    request->msg = spry_msg_queue_pop(&pair->received);
    if (request->msg != NULL) {
        pair_ask(pair);
        spry_request_finish(request, 0);
        return;
    }
    spry_request_hold(request, pair, spry_request_finish);
    spry_list_push(&pair->receives, &request->node);
}

/* ---- peers ---- */

int spry_pair_join(void *state, void *socket, struct pipe *link, uint64_t now_ns)
{
    struct pair_pipe *pipe = state;
    struct pair *pair = socket;

    (void)now_ns;
    if (!pair->many && !spry_list_empty(&pair->pipes)) {
        pair->counts[PAIR_ALREADY]++;
        return NNG_EBUSY;
    }
    pipe->pair = pair;
    pipe->pipe = link;
    spry_list_init(&pipe->node);
    spry_list_init(&pipe->stalled_node);
    spry_list_push(&pair->pipes, &pipe->node);
    pipe_ask(pipe);
    pair_pump(pair);
    return 0;
}

void spry_pair_leave(void *state, uint64_t now_ns)
{
    struct pair_pipe *pipe = state;

    (void)now_ns;
    spry_list_remove(&pipe->node);
    pipe_unstall(pipe);
    pair_pump(pipe->pair);
}

/* ---- options ---- */

int spry_pair_get_send_max(void *state, union option_value *value)
{
    value->integer = ((const struct pair *)state)->send_max;
    return 0;
}

int spry_pair_set_send_max(void *state, const union option_value *value)
{
    struct pair *pair = state;

    pair->send_max = value->integer;
    pair_pump(pair);
    return 0;
}

int spry_pair_get_receive_max(void *state, union option_value *value)
{
    value->integer = ((const struct pair *)state)->receive_max;
    return 0;
}

int spry_pair_set_receive_max(void *state, const union option_value *value)
{
    struct pair *pair = state;

    pair->receive_max = value->integer;
    pair_ask(pair);
    return 0;
}
