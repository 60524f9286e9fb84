/*
 * PAIR, version 1 (wire.md 5): a word in front of each message counts the sockets that have sent it
 * on. Cooked writes 1, raw one more than it was given. Polyamorous: many peers, each message to the
 * one whose pipe is set on it.
 */
#include <nng/protocol/pair1/pair.h>

#include "backtrace.h"
#include "pair.h"
#include "socket.h"

enum { HOPS_BYTES = 4, HOPS_MAX = 0xff, POLY_QUEUE_MAX = 2, POLY_RECEIVE_MAX = 1 };

/* ---- the header; the room for it is there in any message ---- */

static void cooked_stamp(nng_msg *msg)
{
    nng_msg_header_clear(msg);
    (void)nng_msg_header_append_u32(msg, 1);
}

/* The header was judged when the send came. */
static void raw_stamp(nng_msg *msg)
{
    uint32_t hops = 0;

    (void)nng_msg_header_trim_u32(msg, &hops);
    (void)nng_msg_header_append_u32(msg, hops + 1);
}

static bool raw_header_valid(nng_msg *msg)
{
    const uint8_t *word = nng_msg_header(msg);

    return nng_msg_header_len(msg) == HOPS_BYTES && word[0] == 0 && word[1] == 0 && word[2] == 0 &&
           word[3] < HOPS_MAX;
}

static void pair1_pipe_received(void *state, nng_msg *msg, uint64_t now_ns)
{
    struct pair_pipe *pipe = state;
    const uint8_t *word = nng_msg_body(msg);

    (void)now_ns;
    if (nng_msg_len(msg) < HOPS_BYTES || word[0] != 0 || word[1] != 0 || word[2] != 0) {
        pipe->pair->counts[PAIR_RECEIVE_MALFORMED]++;
        nng_msg_free(msg);
        spry_pipe_close(pipe->pipe);
        return;
    }
    if (word[3] > pipe->pair->ttl_max) {
        pipe->pair->counts[PAIR_TTL_DROP]++;
        nng_msg_free(msg);
        spry_pipe_receive(pipe->pipe);
        return;
    }
    spry_msg_pull_header(msg, HOPS_BYTES);
    spry_pair_deliver(pipe, msg);
}

static void raw_send(void *state, struct request *request, uint64_t now_ns)
{
    if (raw_header_valid(request->msg)) {
        spry_pair_send(state, request, now_ns);
        return;
    }
    ((struct pair_context *)state)->pair->counts[PAIR_SEND_MALFORMED]++;
    spry_request_finish(request, NNG_EPROTO);
}

/* ---- polyamorous: a short queue for each pipe; what is too much for it is dropped ---- */

struct poly_pipe {
    struct pair_pipe pair;  /* first, for the functions of pair.h */
    struct msg_queue queue; /* stamped; not empty only while the pipe has no room */
};

static void poly_drop(struct pair *pair, nng_msg *msg)
{
    pair->counts[PAIR_SEND_DROP]++;
    nng_msg_free(msg);
}

static void poly_push(struct poly_pipe *pipe, nng_msg *msg)
{
    if (pipe->queue.count == 0 && spry_pipe_can_send(pipe->pair.pipe))
        spry_pipe_send(pipe->pair.pipe, msg);
    else if (pipe->queue.count < POLY_QUEUE_MAX)
        spry_msg_queue_push(&pipe->queue, msg);
    else
        poly_drop(pipe->pair.pair, msg);
}

/* Without a destination: the longest-connected peer; what waited for one to come goes first. */
static struct poly_pipe *poly_destination(const struct pair *pair, uint32_t pipe_id)
{
    struct pair_pipe *first = spry_pair_first(pair);

    if (pipe_id != 0)
        return pair->host->find_pipe(pair->host, pipe_id);
    return first == NULL ? NULL : SPRY_CONTAINER(first, struct poly_pipe, pair);
}

static void poly_send(void *state, struct request *request, uint64_t now_ns)
{
    struct pair *pair = ((struct pair_context *)state)->pair;
    uint32_t pipe_id = request->msg->pipe_id;
    struct poly_pipe *pipe = poly_destination(pair, pipe_id);
    nng_msg *msg;

    if (pipe_id == 0 && (pipe == NULL || spry_pair_backlog(pair))) {
        spry_pair_send(state, request, now_ns);
        return;
    }
    msg = spry_pair_take(pair, request);
    if (pipe == NULL)
        poly_drop(pair, msg);
    else
        poly_push(pipe, msg);
}

/* A message with a destination is always taken; this is about one without. */
static unsigned poly_ready(void *state)
{
    const struct pair *pair = ((struct pair_context *)state)->pair;
    bool direct = spry_pair_first(pair) != NULL && !spry_pair_backlog(pair);

    return spry_ready(pair->received.count > 0, direct || spry_pair_may_send(pair));
}

static void poly_pipe_sent(void *state, uint64_t now_ns)
{
    struct poly_pipe *pipe = state;

    while (pipe->queue.count > 0 && spry_pipe_can_send(pipe->pair.pipe))
        spry_pipe_send(pipe->pair.pipe, spry_msg_queue_pop(&pipe->queue));
    spry_pair_sent(state, now_ns);
}

static void poly_pipe_leave(void *state, uint64_t now_ns)
{
    struct poly_pipe *pipe = state;

    spry_msg_queue_flush(&pipe->queue);
    spry_pair_leave(state, now_ns);
}

/* ---- the sockets ---- */

static int cooked_socket_init(void *state, const struct protocol_host *host)
{
    struct pair *pair = state;

    spry_pair_init(pair, host, cooked_stamp);
    pair->ttl_max = BACKTRACE_TTL_DEFAULT;
    return 0;
}

static int raw_socket_init(void *state, const struct protocol_host *host)
{
    struct pair *pair = state;

    spry_pair_init(pair, host, raw_stamp);
    pair->ttl_max = BACKTRACE_TTL_DEFAULT;
    return 0;
}

static int poly_socket_init(void *state, const struct protocol_host *host)
{
    struct pair *pair = state;

    pair->many = true;
    pair->receive_max = POLY_RECEIVE_MAX;
    return cooked_socket_init(pair, host);
}

static int poly_get(void *state, union option_value *value)
{
    (void)state;
    value->truth = true;
    return 0;
}

static const struct option pair1_options[] = {
    BACKTRACE_TTL_OPTION, PAIR_BUFFER_OPTIONS, {.name = NULL}};

static const struct option poly_options[] = {
    BACKTRACE_TTL_OPTION,
    PAIR_BUFFER_OPTIONS,
    {.name = NNG_OPT_PAIR1_POLY, .type = OPTION_BOOL, .get = poly_get},
    {.name = NULL},
};

/* ---- statistics; nng's names and order ---- */

enum { STAT_POLY, STAT_RAW, STAT_MISMATCH, STAT_COUNTS };

static const struct stat_about pair1_stats[] = {
    [STAT_POLY] = {"poly", "several peers are allowed", NNG_STAT_BOOLEAN, NNG_UNIT_NONE},
    [STAT_RAW] = {"raw", "the program makes the header", NNG_STAT_BOOLEAN, NNG_UNIT_NONE},
    [STAT_MISMATCH] = {"mismatch", "peers of another protocol", NNG_STAT_COUNTER, NNG_UNIT_NONE},
    [STAT_COUNTS + PAIR_ALREADY] = {"already", "peers too many", NNG_STAT_COUNTER, NNG_UNIT_NONE},
    [STAT_COUNTS + PAIR_TTL_DROP] = {"ttl_drop", "dropped after too many hops", NNG_STAT_COUNTER,
                                     NNG_UNIT_MESSAGES},
    [STAT_COUNTS + PAIR_SEND_DROP] = {"tx_drop", "dropped for want of a peer or of room",
                                      NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
    [STAT_COUNTS + PAIR_RECEIVE_MALFORMED] = {"rx_malformed", "malformed, received",
                                              NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
    [STAT_COUNTS + PAIR_SEND_MALFORMED] = {"tx_malformed", "malformed, refused to send",
                                           NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
    [STAT_COUNTS + PAIR_COUNTS] = {.name = NULL},
};

static uint64_t pair1_stat(const void *state, size_t index)
{
    const struct pair *pair = state;

    switch (index) {
    case STAT_POLY:
        return pair->many;
    case STAT_RAW:
        return pair->stamp == raw_stamp;
    case STAT_MISMATCH:
        return pair->host->mismatched;
    default:
        return pair->counts[index - STAT_COUNTS];
    }
}

/* ---- the three protocols ---- */

/* What the three have in common. */
// clang-format off
#define PAIR1_PROTOCOL                                                                             \
    .self = NNG_PAIR1_SELF,                                                                        \
    .peer = NNG_PAIR1_PEER,                                                                        \
    .self_name = NNG_PAIR1_SELF_NAME,                                                              \
    .peer_name = NNG_PAIR1_PEER_NAME,                                                              \
    .contexts = false,                                                                             \
    .socket_bytes = sizeof(struct pair),                                                           \
    .context_bytes = sizeof(struct pair_context),                                                  \
    .socket_fini = spry_pair_fini,                                                                 \
    .context_init = spry_pair_context_init,                                                        \
    .context_fini = spry_pair_context_fini,                                                        \
    .pipe_join = spry_pair_join,                                                                   \
    .pipe_received = pair1_pipe_received,                                                          \
    .receive = spry_pair_receive,                                                                  \
    .stats = pair1_stats,                                                                          \
    .stat = pair1_stat
// clang-format on

static const struct protocol pair1_protocol = {
    PAIR1_PROTOCOL,
    .raw = false,
    .pipe_bytes = sizeof(struct pair_pipe),
    .socket_options = pair1_options,
    .socket_init = cooked_socket_init,
    .pipe_leave = spry_pair_leave,
    .pipe_sent = spry_pair_sent,
    .send = spry_pair_send,
    .ready = spry_pair_ready,
};

static const struct protocol pair1_raw_protocol = {
    PAIR1_PROTOCOL,
    .raw = true,
    .pipe_bytes = sizeof(struct pair_pipe),
    .socket_options = pair1_options,
    .socket_init = raw_socket_init,
    .pipe_leave = spry_pair_leave,
    .pipe_sent = spry_pair_sent,
    .send = raw_send,
    .ready = spry_pair_ready,
};

static const struct protocol pair1_poly_protocol = {
    PAIR1_PROTOCOL,
    .raw = false,
    .pipe_bytes = sizeof(struct poly_pipe),
    .socket_options = poly_options,
    .socket_init = poly_socket_init,
    .pipe_leave = poly_pipe_leave,
    .pipe_sent = poly_pipe_sent,
    .send = poly_send,
    .ready = poly_ready,
};

int nng_pair1_open(nng_socket *socket)
{
    return spry_socket_open(socket, &pair1_protocol);
}

int nng_pair1_open_raw(nng_socket *socket)
{
    return spry_socket_open(socket, &pair1_raw_protocol);
}

int nng_pair1_open_poly(nng_socket *socket)
{
    return spry_socket_open(socket, &pair1_poly_protocol);
}
