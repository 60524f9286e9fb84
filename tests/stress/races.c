/*
 * Races of what ends an operation before its time against what completes it, of each kind against
 * each: there is one callback, with one of the two results, and no message is lost or comes twice.
 * Usage: races [ROUNDS], of them in all; the last line counts them.
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "racer.h"

enum { ROUNDS_DEFAULT = 20000, OPEN_COST = 10, QUEUE_MAX = 256, CALL_MS = 20000 };

/* Turns of an empty loop. */
enum { LEAD_STEP = 50, LEAD_MAX = 100000 };

/* What is under way, and what completes it. */
enum work { WORK_SLEEP, WORK_PROVIDE, WORK_RECEIVE, WORK_SEND, WORK_CONTEXT, WORKS };
static const char *const work_names[WORKS] = {"sleep", "provider", "receive", "send", "context"};

/* What ends it. */
enum ender { BY_CANCEL, BY_ABORT, BY_STOP, BY_FREE, BY_REAP, BY_TIMEOUT, BY_CLOSE, ENDERS };
static const char *const ender_names[ENDERS] = {"cancel", "abort",   "stop", "free",
                                                "reap",   "timeout", "close"};

static struct {
    enum work work;
    enum ender ender;
    uint32_t round; /* in the message that is sent in it */
    nng_time expires;

    nng_aio *aio;
    atomic_int calls; /* callbacks, of the aio that there is now */
    int begun;
    int result; /* what the callback saw */
    nng_msg *msg;
    atomic_bool owned; /* the provider's operation is to be finished */

    nng_socket own;
    nng_socket peer;
    nng_ctx ctx;
    uint32_t queue[QUEUE_MAX]; /* what was sent and not yet received */
    uint32_t queue_first;
    uint32_t queue_end;
    int lead;   /* of the completion over the end; negative: of the end */
    int streak; /* rounds in a row that had the same winner */
    bool was_completed;
} race;

static uint64_t completed[WORKS][ENDERS];
static uint64_t ended[WORKS][ENDERS];

static _Noreturn void fail(const char *what, long value)
{
    fprintf(stderr, "races: %s (%ld): %s against %s, round %" PRIu32 "\n", what, value,
            work_names[race.work], ender_names[race.ender], race.round);
    abort();
}

static void must(const char *what, int rv)
{
    if (rv != 0)
        fail(what, rv);
}

static nng_msg *numbered(uint32_t number)
{
    nng_msg *msg;

    must("a message", nng_msg_alloc(&msg, 0));
    must("its number", nng_msg_append_u32(msg, number));
    return msg;
}

static void check_number(nng_msg *msg, uint32_t expected)
{
    uint32_t number;

    if (msg == NULL || nng_msg_trim_u32(msg, &number) != 0)
        fail("no message", 0);
    if (number != expected)
        fail("another message", (long)number);
    nng_msg_free(msg);
}

/* ---- the aio ---- */

static void called(void *argument)
{
    (void)argument;
    race.result = nng_aio_result(race.aio);
    race.msg = nng_aio_get_msg(race.aio);
    nng_aio_set_msg(race.aio, NULL);
    atomic_fetch_add(&race.calls, 1);
}

static void aio_open(void)
{
    must("an aio", nng_aio_alloc(&race.aio, called, NULL));
    nng_aio_set_timeout(race.aio, NNG_DURATION_INFINITE);
    atomic_store(&race.calls, 0);
    race.begun = 0;
}

/* One for ever, or one for each race when the end is the aio's, too. */
static bool ends_aio(enum ender ender)
{
    return ender == BY_STOP || ender == BY_FREE || ender == BY_REAP;
}

/* ---- sockets ---- */

static void sockets_open(void)
{
    bool context = race.work == WORK_CONTEXT;
    nng_msg *msg;

    must("own", context ? nng_rep0_open(&race.own) : nng_pair1_open(&race.own));
    must("peer", context ? nng_req0_open(&race.peer) : nng_pair1_open(&race.peer));
    must("time limit", nng_socket_set_ms(race.own, NNG_OPT_RECVTIMEO, CALL_MS));
    must("time limit", nng_socket_set_ms(race.own, NNG_OPT_SENDTIMEO, CALL_MS));
    must("time limit", nng_socket_set_ms(race.peer, NNG_OPT_RECVTIMEO, CALL_MS));
    must("time limit", nng_socket_set_ms(race.peer, NNG_OPT_SENDTIMEO, CALL_MS));
    must("listen", nng_listen(race.own, "inproc://races", NULL, 0));
    must("dial", nng_dial(race.peer, "inproc://races", NULL, 0));
    if (context)
        must("context", nng_ctx_open(&race.ctx, race.own));
    race.queue_first = 0;
    race.queue_end = 0;
    if (context)
        return;
    must("a message", nng_sendmsg(race.own, numbered(0), 0)); /* both have their pipe then */
    must("a message", nng_recvmsg(race.peer, &msg, 0));
    check_number(msg, 0);
}

static void sockets_close(void)
{
    (void)nng_close(race.own);
    (void)nng_close(race.peer);
}

static void queue_push(uint32_t number)
{
    race.queue[race.queue_end++ % QUEUE_MAX] = number;
}

/* Fills the pipe, so that the next send waits until the peer receives. */
static void fill(void)
{
    for (;;) {
        uint32_t number = race.round + UINT32_C(0x80000000) + race.queue_end;
        nng_msg *msg = numbered(number);

        if (nng_sendmsg(race.own, msg, NNG_FLAG_NONBLOCK) != 0) {
            nng_msg_free(msg);
            return;
        }
        queue_push(number);
        if (race.queue_end - race.queue_first == QUEUE_MAX)
            fail("no end of room", QUEUE_MAX);
    }
}

/* ---- one race ---- */

static void spin(int turns)
{
    for (volatile int turn = 0; turn < turns; turn++) {
    }
}

/* On the other thread. With a timeout, when the time has come. */
static void complete(void *argument)
{
    nng_msg *msg;

    (void)argument;
    spin(-race.lead);
    while (race.ender == BY_TIMEOUT && nng_clock() < race.expires)
        racer_spin(50);
    switch (race.work) {
    case WORK_PROVIDE:
        if (atomic_exchange(&race.owned, false))
            nng_aio_finish(race.aio, 0);
        break;
    case WORK_RECEIVE:
    case WORK_CONTEXT:
        msg = numbered(race.round);
        if (nng_sendmsg(race.peer, msg, 0) != 0)
            nng_msg_free(msg);
        break;
    case WORK_SEND:
        if (nng_recvmsg(race.peer, &msg, 0) == 0)
            check_number(msg, race.queue[race.queue_first++ % QUEUE_MAX]);
        break;
    case WORK_SLEEP:
    case WORKS:
        break;
    }
}

static void provider_cancel(nng_aio *aio, void *argument, int error)
{
    (void)argument;
    if (atomic_exchange(&race.owned, false))
        nng_aio_finish(aio, error);
}

static void begin(void)
{
    race.begun++;
    if (race.ender == BY_TIMEOUT) {
        race.expires = nng_clock() + 1;
        nng_aio_set_expire(race.aio, race.expires);
    }
    switch (race.work) {
    case WORK_SLEEP:
        nng_sleep_aio(race.ender == BY_TIMEOUT || race.round % 4 == 0 ? 1 : 0, race.aio);
        break;
    case WORK_PROVIDE:
        atomic_store(&race.owned, true);
        if (!nng_aio_begin(race.aio))
            fail("not begun", 0);
        nng_aio_defer(race.aio, provider_cancel, NULL);
        break;
    case WORK_RECEIVE:
        nng_recv_aio(race.own, race.aio);
        break;
    case WORK_SEND:
        fill();
        nng_aio_set_msg(race.aio, numbered(race.round));
        nng_send_aio(race.own, race.aio);
        break;
    case WORK_CONTEXT:
        nng_ctx_recv(race.ctx, race.aio);
        break;
    case WORKS:
        break;
    }
}

static int end(void)
{
    switch (race.ender) {
    case BY_CANCEL:
        nng_aio_cancel(race.aio);
        break;
    case BY_ABORT:
        nng_aio_abort(race.aio, NNG_EINTR);
        return NNG_EINTR;
    case BY_STOP:
        nng_aio_stop(race.aio);
        break;
    case BY_FREE:
        nng_aio_free(race.aio);
        break;
    case BY_REAP:
        nng_aio_reap(race.aio);
        break;
    case BY_TIMEOUT:
        return NNG_ETIMEDOUT;
    case BY_CLOSE:
        if (race.work == WORK_CONTEXT) {
            must("close", nng_ctx_close(race.ctx));
        } else {
            must("close", nng_close(race.own));
            must("close", nng_close(race.peer)); /* which would wait for another */
        }
        return NNG_ECLOSED;
    case ENDERS:
        break;
    }
    return NNG_ECANCELED;
}

/* Until the callback is over: free has seen to that itself. */
static void await_end(void)
{
    if (race.ender == BY_REAP) {
        while (atomic_load(&race.calls) < race.begun)
            nng_msleep(0);
    } else if (race.ender != BY_FREE) {
        nng_aio_wait(race.aio);
    }
    if (atomic_load(&race.calls) != race.begun)
        fail("callbacks", atomic_load(&race.calls));
}

/* Each message has come here or waits for the next receive; each that was sent will be received. */
static void check_messages(void)
{
    bool closed = race.ender == BY_CLOSE && race.work != WORK_CONTEXT;
    nng_msg *msg;

    switch (race.work) {
    case WORK_RECEIVE:
    case WORK_CONTEXT:
        msg = race.msg;
        if ((msg != NULL) != (race.result == 0))
            fail("a message without success, or success without", race.result);
        if (msg == NULL && !closed)
            must("the message that is left", nng_recvmsg(race.own, &msg, 0));
        if (msg != NULL)
            check_number(msg, race.round);
        break;
    case WORK_SEND:
        if ((race.msg == NULL) != (race.result == 0))
            fail("a message sent and given back, or neither", race.result);
        if (race.result == 0)
            queue_push(race.round);
        nng_msg_free(race.msg);
        break;
    case WORK_SLEEP:
    case WORK_PROVIDE:
    case WORKS:
        break;
    }
}

/* Whoever came first begins later the next time, much later after many such rounds in a row. */
static void handicap(bool was_completed)
{
    int step;

    race.streak = was_completed == race.was_completed ? race.streak + 1 : 0;
    race.was_completed = was_completed;
    step = LEAD_STEP << (race.streak < 32 ? race.streak / 4 : 8);
    race.lead += was_completed ? -step : step;
    if (race.lead > LEAD_MAX)
        race.lead = LEAD_MAX;
    if (race.lead < -LEAD_MAX)
        race.lead = -LEAD_MAX;
}

static void run_one(struct racer *racer, uint32_t round)
{
    int error;

    race.round = round;
    if (race.ender == BY_CLOSE && race.work != WORK_CONTEXT)
        sockets_open();
    else if (race.ender == BY_CLOSE)
        must("context", nng_ctx_open(&race.ctx, race.own));
    if (ends_aio(race.ender))
        aio_open();
    begin();
    racer_meet(racer, round);
    spin(race.lead);
    racer_spin(round * 7);
    error = end();
    await_end();
    racer_await(racer, round);
    if (race.result != 0 && race.result != error)
        fail("result", race.result);
    (race.result == 0 ? completed : ended)[race.work][race.ender]++;
    handicap(race.result == 0);
    check_messages();
    if (race.ender == BY_STOP)
        nng_aio_free(race.aio);
}

static bool fits(enum work work, enum ender ender)
{
    return ender != BY_CLOSE || work >= WORK_RECEIVE;
}

/* A socket of its own for each race is dear. */
static uint32_t share(enum work work, enum ender ender, uint32_t rounds)
{
    return ender == BY_CLOSE && work != WORK_CONTEXT ? rounds / OPEN_COST : rounds;
}

static void run(enum work work, enum ender ender, uint32_t rounds)
{
    bool socket = work >= WORK_RECEIVE && (ender != BY_CLOSE || work == WORK_CONTEXT);
    struct racer racer;

    memset(&race, 0, sizeof(race));
    race.work = work;
    race.ender = ender;
    if (!racer_start(&racer, complete, NULL))
        fail("no thread", 0);
    if (socket)
        sockets_open();
    if (socket && ender == BY_CLOSE)
        must("close", nng_ctx_close(race.ctx));
    if (!ends_aio(ender))
        aio_open();
    for (uint32_t round = 1; round <= rounds; round++)
        run_one(&racer, round);
    if (!ends_aio(ender))
        nng_aio_free(race.aio);
    if (socket)
        sockets_close();
    racer_end(&racer);
    printf("%s against %s: %" PRIu64 " completed, %" PRIu64 " ended\n", work_names[work],
           ender_names[ender], completed[work][ender], ended[work][ender]);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : ROUNDS_DEFAULT;
    uint32_t shares = 0; /* OPEN_COST for each kind but the dear ones */
    uint64_t all[2] = {0, 0};

    for (int work = 0; work < WORKS; work++) {
        for (int ender = 0; ender < ENDERS; ender++) {
            if (fits((enum work)work, (enum ender)ender))
                shares += share((enum work)work, (enum ender)ender, OPEN_COST);
        }
    }
    for (int work = 0; work < WORKS; work++) {
        for (int ender = 0; ender < ENDERS; ender++) {
            if (!fits((enum work)work, (enum ender)ender))
                continue;
            run((enum work)work, (enum ender)ender,
                share((enum work)work, (enum ender)ender, (rounds / shares + 1) * OPEN_COST));
            all[0] += completed[work][ender];
            all[1] += ended[work][ender];
        }
    }
    printf("%" PRIu64 " races: %" PRIu64 " completed, %" PRIu64 " ended before, each once\n",
           all[0] + all[1], all[0], all[1]);
    return all[0] > 0 && all[1] > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
