/*
 * What a protocol says of its readiness is what then happens: a random walk over all that can befall
 * a socket, in which every non-blocking call must end as `ready` said the moment before.
 */
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "fake_pipe.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 400, WALKS = 60, HELD_MAX = 5, ROOM_MAX = 3 };

/* A protocol, the header that a send is given and what a peer's message begins with. */
static const struct kind {
    int (*open)(nng_socket *);
    const char *header;
    size_t header_bytes;
    const char *arrives;
    size_t arrives_bytes;
    bool many; /* peers */
} kinds[] = {
    {nng_pair0_open, "", 0, "", 0, false},
    {nng_pair0_open_raw, "", 0, "", 0, false},
    {nng_pair1_open, "", 0, "\0\0\0\1", 4, false},
    {nng_pair1_open_raw, "\0\0\0", 4, "\0\0\0\1", 4, false},
    {nng_pair1_open_poly, "", 0, "\0\0\0\1", 4, true},
    {nng_req0_open, "", 0, NULL, 0, true},
    {nng_rep0_open, "", 0, "\x81\0\0\1", 4, true},
    {nng_req0_open_raw, "\x81\0\0\1", 4, "\x81\0\0\1", 4, true},
    {nng_rep0_open_raw, "\0\0\0\x64\x81\0\0\1", 8, "\x81\0\0\1", 4, true},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static const struct kind *kind;
static struct fake_socket sock;
static void *other; /* a second context, where there may be one */
static uint32_t state;
static uint8_t last_id[4]; /* of a request on its way */
static struct {
    struct fake_request request;
    bool held;
} calls[HELD_MAX];
static unsigned told[READY_DIRECTIONS][2]; /* how often each answer was put to the test */

static uint32_t chance(uint32_t limit)
{
    state = state * 1664525U + 1013904223U;
    return (state >> 8) % limit;
}

static unsigned ready(enum ready_direction direction)
{
    return sock.protocol->ready(sock.contexts[0]) >> direction & 1;
}

static struct fake_pipe *some_pipe(void)
{
    struct fake_pipe *pipe;

    if (sock.pipe_count == 0)
        return NULL;
    pipe = sock.pipes[chance((uint32_t)sock.pipe_count)];
    return fake_is_open(pipe) ? pipe : NULL;
}

static void join(void)
{
    struct fake_pipe *pipe;
    bool alone = true;

    for (size_t i = 0; i < sock.pipe_count; i++)
        alone = alone && !fake_is_open(sock.pipes[i]);
    if (sock.pipe_count == FAKE_PIPES_MAX || !(alone || kind->many))
        return;
    pipe = fake_join(&sock);
    pipe->room = 1 + chance(ROOM_MAX);
    fake_flush(pipe);
}

static void leave(void)
{
    struct fake_pipe *pipe = some_pipe();

    if (pipe != NULL && chance(6) == 0)
        fake_leave(pipe);
}

static void arrive(void)
{
    struct fake_pipe *pipe = some_pipe();
    uint8_t bytes[8] = "........";

    if (pipe == NULL || !pipe->asked)
        return;
    if (kind->arrives == NULL)
        memcpy(bytes, last_id, sizeof(last_id));
    else
        memcpy(bytes, kind->arrives, kind->arrives_bytes);
    fake_receive(pipe, bytes, sizeof(bytes));
}

/* The id of a request is remembered, so that it may be answered. */
static void flush(void)
{
    struct fake_pipe *pipe = some_pipe();
    nng_msg *msg = pipe == NULL ? NULL : fake_take(pipe);

    if (msg != NULL && nng_msg_header_len(msg) == sizeof(last_id))
        memcpy(last_id, nng_msg_header(msg), sizeof(last_id));
    nng_msg_free(msg);
    if (pipe != NULL)
        fake_flush(pipe);
}

static void call_ended(struct fake_request *call)
{
    nng_msg_free(call->request.msg);
    call->request.msg = NULL;
}

static void send_now(void)
{
    static struct fake_request send;
    unsigned expected = ready(READY_SEND);

    ck_assert(fake_send_to(&sock, &send, 0, kind->header, kind->header_bytes, "text"));
    spry_request_cancel(&send.request, NNG_EAGAIN);
    ck_assert_uint_eq(send.request.result == 0, expected);
    told[READY_SEND][expected]++;
    call_ended(&send);
}

static void receive_now(void)
{
    static struct fake_request receive;
    unsigned expected = ready(READY_RECEIVE);

    fake_begin_receive(&sock, sock.contexts[0], &receive);
    spry_request_cancel(&receive.request, NNG_EAGAIN);
    ck_assert_uint_eq(receive.request.result == 0 || receive.request.result == NNG_ECONNRESET,
                      expected);
    told[READY_RECEIVE][expected]++;
    call_ended(&receive);
}

/* Begins a call that may wait, on either context, or ends one that does. */
static void call_held(void)
{
    size_t i = chance(HELD_MAX);
    void *context = other != NULL && chance(2) == 0 ? other : sock.contexts[0];

    if (calls[i].held)
        spry_request_cancel(&calls[i].request.request, NNG_ETIMEDOUT);
    else if (chance(2) == 0)
        fake_begin_receive(&sock, context, &calls[i].request);
    else if (context == other)
        ck_assert(fake_send(&sock, context, &calls[i].request, "held"));
    else
        ck_assert(
            fake_send_to(&sock, &calls[i].request, 0, kind->header, kind->header_bytes, "held"));
    calls[i].held = true;
}

static void calls_sweep(void)
{
    for (size_t i = 0; i < HELD_MAX; i++) {
        if (!calls[i].held || !calls[i].request.request.done)
            continue;
        call_ended(&calls[i].request);
        calls[i].held = false;
    }
}

static void change(void)
{
    (void)fake_set_int(&sock, NNG_OPT_SENDBUF, (int)chance(3));
    (void)fake_set_int(&sock, NNG_OPT_RECVBUF, (int)chance(3));
    (void)fake_set_ms(&sock, NNG_OPT_REQ_RESENDTIME, (nng_duration)chance(2) * 50);
}

static void step(void)
{
    switch (chance(12)) {
    case 0:
        join();
        break;
    case 1:
        leave();
        break;
    case 2:
    case 3:
        arrive();
        break;
    case 4:
    case 5:
        flush();
        break;
    case 6:
        call_held();
        break;
    case 7:
        if (chance(4) == 0)
            change();
        break;
    case 8:
        fake_advance(&sock, chance(40));
        break;
    case 9:
        send_now();
        break;
    default:
        receive_now();
        break;
    }
    calls_sweep();
}

static void walk(uint32_t seed)
{
    state = seed;
    memset(calls, 0, sizeof(calls));
    fake_open(&sock, kind->open, 1);
    other = sock.protocol->contexts ? fake_context_open(&sock) : NULL;
    for (int i = 0; i < STEPS; i++)
        step();
    fake_close(&sock);
}

START_TEST(readiness_tells_how_a_call_ends)
{
    const char *given = getenv("SPRY_SEED");
    uint32_t first = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : 1;

    kind = &kinds[_i];
    memset(told, 0, sizeof(told));
    for (uint32_t seed = first; seed < first + WALKS; seed++)
        walk(seed);
    for (int i = 0; i < READY_DIRECTIONS; i++) {
        ck_assert_uint_gt(told[i][true], 50);
        if (kind->open != nng_rep0_open_raw || i == READY_RECEIVE) /* whose sends never wait */
            ck_assert_uint_gt(told[i][false], 50);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ready");
    TCase *tc = tcase_create("ready");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, readiness_tells_how_a_call_ends, 0, KINDS);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
