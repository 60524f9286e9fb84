/*
 * Everything that can be closed, in every state of its socket, by everyone who can: it returns within
 * 100 ms, what is under way ends as it should, and nothing is left.
 */
#include "support/scene.h"

#include "support/host.h"

#include <nng/nng.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

enum { CLOSE_MS = 100, TRIES = 3 };

enum object { OBJECT_SOCKET, OBJECT_CONTEXT, OBJECT_DIALER, OBJECT_LISTENER, OBJECT_PIPE, OBJECTS };

static const char *const object_names[OBJECTS] = {"socket", "context", "dialer", "listener",
                                                  "pipe"};

/* Who closes: this thread, another one, two at once; from here on each kind of callback. */
enum closer { BY_MAIN, BY_THREAD, BY_TWO_THREADS, BY_CUE };
enum { CLOSERS = BY_CUE + CUES };

struct result {
    int rv;
    double seconds;
};

static struct scene scene;
static enum object object;
static struct result results[2];
static struct probe context_pending;
static bool context_receives;

static int object_close(void)
{
    switch (object) {
    case OBJECT_SOCKET:
        return nng_close(scene.own);
    case OBJECT_CONTEXT:
        return nng_ctx_close(scene.ctx);
    case OBJECT_DIALER:
        return nng_dialer_close(scene.dialer);
    case OBJECT_LISTENER:
        return nng_listener_close(scene.listener);
    case OBJECT_PIPE:
        return nng_pipe_close((nng_pipe){atomic_load(&scene.pipe)});
    case OBJECTS:
        break;
    }
    return -1;
}

static void timed_close(struct result *result)
{
    double before = link_seconds();

    result->rv = object_close();
    result->seconds = link_seconds() - before;
}

/* ---- who closes ---- */

static void close_in_callback(struct scene *s)
{
    (void)s;
    timed_close(&results[0]);
}

/* Threads that close begin together. */
static atomic_int awaited;

static void *closer_main(void *argument)
{
    scene_call_begins();
    atomic_fetch_sub(&awaited, 1);
    while (atomic_load(&awaited) > 0)
        sched_yield();
    timed_close(argument);
    scene_call_ends();
    return NULL;
}

static void close_by_threads(int count)
{
    pthread_t threads[2];

    atomic_store(&awaited, count);
    for (int i = 0; i < count; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, closer_main, &results[i]), 0);
    if (scene.state == STATE_CLOSING)
        (void)nng_close(scene.own);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static int close_by(int closer)
{
    switch (closer) {
    case BY_MAIN:
        timed_close(&results[0]);
        return 1;
    case BY_THREAD:
        close_by_threads(1);
        return 1;
    case BY_TWO_THREADS:
        close_by_threads(2);
        return 2;
    default:
        break;
    }
    scene_cue(&scene, (enum scene_cue)(closer - BY_CUE), close_in_callback);
    scene_go(&scene);
    if (scene.state == STATE_CLOSING)
        (void)nng_close(scene.own);
    ck_assert(scene_await(&scene));
    return 1;
}

static bool closer_fits(enum scene_role role, enum scene_state state, int closer)
{
    if (closer >= BY_CUE)
        return scene_can_cue(role, state, (enum scene_cue)(closer - BY_CUE));
    return closer != BY_MAIN || state != STATE_CLOSING;
}

static const char *where(int closer)
{
    static char text[200];

    (void)snprintf(text, sizeof(text), "%s of %s %s, transport %d, closed by %s",
                   object_names[object], scene_role_name(scene.role), scene_state_name(scene.state),
                   (int)scene.kind,
                   closer == BY_MAIN          ? "main"
                   : closer == BY_THREAD      ? "a thread"
                   : closer == BY_TWO_THREADS ? "two threads"
                                              : scene_cue_name((enum scene_cue)(closer - BY_CUE)));
    return text;
}

/* ---- what is under way on the context ---- */

static bool finds_nobody(enum scene_state state)
{
    return state == STATE_FRESH || state == STATE_LISTENING || state == STATE_RETRYING ||
           state == STATE_SENDING || state == STATE_DESERTED;
}

static void begin_context(void)
{
    if (scene.ctx.id == 0)
        return;
    probe_open(&context_pending, NULL, NULL);
    nng_aio_set_timeout(context_pending.aio, NNG_DURATION_INFINITE);
    context_receives = true;
    if (scene.role == ROLE_REQ) {
        nng_aio_set_msg(context_pending.aio, probe_msg("context"));
        nng_ctx_send(scene.ctx, context_pending.aio);
        context_receives = !finds_nobody(scene.state) && scene.state != STATE_CLOSED;
        if (!context_receives)
            return;
        nng_aio_wait(context_pending.aio);
        ck_assert_int_eq(nng_aio_result(context_pending.aio), 0);
    }
    nng_ctx_recv(scene.ctx, context_pending.aio);
}

/* The callback has come by now, once for each operation. */
static void end_context(int closer)
{
    /* A peer that loses its connection asks again. */
    bool may_succeed =
        !context_receives ||
        (scene.role == ROLE_REP && scene.state == STATE_REQUESTED && object > OBJECT_CONTEXT);
    bool begun_again =
        closer == BY_CUE + CUE_CONTEXT_SEND || closer == BY_CUE + CUE_CONTEXT_RECEIVE;
    int calls;
    int result;
    nng_msg *msg;

    if (scene.ctx.id == 0)
        return;
    calls = scene.role == ROLE_REQ && context_receives ? 2 : 1;
    nng_aio_wait(context_pending.aio);
    result = context_pending.result;
    msg = nng_aio_get_msg(context_pending.aio);
    probe_close(&context_pending, calls);
    nng_msg_free(msg);
    ck_assert_msg(result == NNG_ECLOSED || (may_succeed && result == 0) ||
                      (begun_again && result == NNG_ECANCELED),
                  "on the context: %d: %s", result, where(closer));
}

/* ---- what must be ---- */

static int dead_result(void)
{
    return object == OBJECT_SOCKET || object == OBJECT_CONTEXT ? NNG_ECLOSED : NNG_ENOENT;
}

static bool object_exists(void)
{
    switch (object) {
    case OBJECT_SOCKET:
        return scene.state != STATE_CLOSED;
    case OBJECT_CONTEXT:
        return scene.ctx.id != 0 && scene.state != STATE_CLOSED;
    case OBJECT_DIALER:
    case OBJECT_LISTENER:
        return scene.state != STATE_CLOSED;
    case OBJECT_PIPE:
        return atomic_load(&scene.pipe) != 0 && scene.state != STATE_CLOSED;
    case OBJECTS:
        break;
    }
    return false;
}

/* By itself, or with the socket that another thread closes. */
static bool object_may_go(void)
{
    return scene.state == STATE_CLOSING || (scene.state == STATE_DESERTED && object == OBJECT_PIPE);
}

static void check_results(int closer, int count, bool existed)
{
    int closed = 0;

    for (int i = 0; i < count; i++) {
        ck_assert_msg(results[i].rv == 0 || results[i].rv == dead_result(), "%d: %s", results[i].rv,
                      where(closer));
        closed += results[i].rv == 0 ? 1 : 0;
    }
    if (!existed)
        ck_assert_msg(closed == 0, "it closed again: %s", where(closer));
    else if (!object_may_go())
        ck_assert_msg(closed == 1 || (closed == 2 && object == OBJECT_PIPE), "%d closed: %s",
                      closed, where(closer));
    if (object != OBJECT_PIPE) /* whose id is good until its last callback is over */
        ck_assert_msg(object_close() == dead_result(), "not closed: %s", where(closer));
}

/* Cues do more than close: one is a peer for what waits to be sent, one a second operation. */
static bool is_allowed_at_the_end(int result, int closer)
{
    int cue = closer - BY_CUE;

    if (result == 0)
        return (scene.state == STATE_SENDING && cue >= CUE_ADD_PRE) ||
               (scene.state == STATE_FULL && object > OBJECT_CONTEXT); /* a new one has room */
    return result == NNG_ECANCELED && (cue == CUE_RECEIVE || cue == CUE_SEND);
}

/* An operation on the socket waits for other peers when a connection or what makes them is closed. */
static void check_pending(int closer)
{
    if (!scene.is_pending)
        return;
    if (object == OBJECT_SOCKET) {
        nng_aio_wait(scene.pending.aio);
        ck_assert_msg(nng_aio_result(scene.pending.aio) == NNG_ECLOSED ||
                          is_allowed_at_the_end(nng_aio_result(scene.pending.aio), closer),
                      "pending: %d: %s", nng_aio_result(scene.pending.aio), where(closer));
    } else if (scene.state == STATE_RECEIVING && closer < BY_CUE) {
        ck_assert_msg(nng_aio_busy(scene.pending.aio), "pending ended: %s", where(closer));
    }
}

/* Seconds of the slowest close. */
static double cell(enum scene_role role, enum scene_state state, int closer)
{
    double worst = 0;
    bool pended;
    bool existed;
    int count;

    scene_open(&scene, role, state);
    begin_context();
    pended = scene.is_pending;
    existed = object_exists();
    count = close_by(closer);
    check_results(closer, count, existed);
    check_pending(closer);
    if (object == OBJECT_CONTEXT)
        end_context(closer);
    scene_close(&scene);
    if (object != OBJECT_CONTEXT)
        end_context(closer);
    if (pended)
        ck_assert_msg(scene.pending.result == NNG_ECLOSED ||
                          is_allowed_at_the_end(scene.pending.result, closer),
                      "pending ended with %d: %s", scene.pending.result, where(closer));
    for (int i = 0; i < count; i++)
        worst = results[i].seconds > worst ? results[i].seconds : worst;
    return worst;
}

/* The machine may take its time now and then; what the library waits for it waits for each time. */
static void timed_cell(enum scene_role role, enum scene_state state, int closer)
{
    double took = 0;

    for (int i = 0; i < TRIES; i++) {
        took = cell(role, state, closer);
        if (took * 1000 < CLOSE_MS)
            return;
    }
    ck_abort_msg("%f s: %s", took, where(closer));
}

static const struct {
    enum link_kind kind;
    enum scene_role role;
} casts[] = {
    {LINK_INPROC, ROLE_REQ},       {LINK_INPROC, ROLE_REP}, {LINK_INPROC, ROLE_PAIR0},
    {LINK_INPROC, ROLE_PAIR1},     {LINK_TCP, ROLE_REQ},    {LINK_TCP, ROLE_REP},
    {LINK_TCP, ROLE_PAIR1},        {LINK_IPC, ROLE_REQ},    {LINK_IPC, ROLE_REP},
    {LINK_INPROC, ROLE_RAW_PAIR1},
};
enum { CASTS = sizeof(casts) / sizeof(casts[0]) };

/* Every object closed in that state, in every way. */
static void every_close(enum scene_role role, enum scene_state state)
{
    for (int which = 0; which < OBJECTS; which++) {
        object = (enum object)which;
        for (int closer = 0; closer < CLOSERS; closer++) {
            if (closer_fits(role, state, closer))
                timed_cell(role, state, closer);
        }
    }
}

/*
 * What Wine keeps for as many threads as ever closed at once (docs/windows.md) is there then. Where each test is a
 * process of its own, there is no Wine.
 */
static bool warm;

static void warm_up(void)
{
    size_t threads = link_threads();

    if (warm)
        return;
    warm = true;
    link_warm_up();
    scene_urls(&scene, LINK_INPROC);
    every_close(ROLE_REQ, STATE_CONNECTED);
    ck_assert(link_wait(link_is_over, &threads));
}

START_TEST(a_close_returns_soon_whatever_goes_on)
{
    enum scene_role role = casts[_i].role;
    struct link_holdings before = link_holdings();

    scene_urls(&scene, casts[_i].kind);
    for (int state = 0; state < STATES; state++) {
        if (scene_possible(role, casts[_i].kind, (enum scene_state)state))
            every_close(role, (enum scene_state)state);
    }
    ck_assert_msg(link_wait(link_holdings_are, &before),
                  "%zu descriptors and %zu threads, not %zu and %zu", link_descriptors(),
                  link_threads(), before.descriptors, before.threads);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("close matrix");
    TCase *tc = tcase_create("close matrix");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_add_checked_fixture(tc, warm_up, NULL);
    tcase_set_timeout(tc, 100);
    tcase_add_loop_test(tc, a_close_returns_soon_whatever_goes_on, 0, CASTS);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    warm = srunner_fork_status(runner) != CK_NOFORK;
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
