/*
 * Every public call, in every kind of callback, with the socket in every state: it returns, answers as
 * it may, each operation has its one callback, and nothing is left. With --list, the calls by name.
 */
#include "support/calls.h"
#include "support/scene.h"

#include "support/host.h"

#include <nng/nng.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

static struct scene scene;
static const struct call *current; /* NULL: all that change nothing, one after the other */

/* What the callback found wrong; main looks when it is over. */
static struct {
    const struct call *call;
    int result;
} fault;

static int dead_result(enum call_on on)
{
    switch (on) {
    case ON_SOCKET:
    case ON_CONTEXT:
        return NNG_ECLOSED;
    case ON_DIALER:
    case ON_LISTENER:
    case ON_PIPE:
        return NNG_ENOENT;
    case ON_NOTHING:
        break;
    }
    return 0;
}

static bool result_is_allowed(const struct call *call, int rv)
{
    bool allowed = rv >= 0 && rv < 32 && (call->allowed >> rv & 1) != 0;
    int dead = dead_result(call->on);
    bool pipe_is_cued = scene.cue >= CUE_ADD_PRE;

    if (call->on == ON_NOTHING)
        return allowed;
    if (call->on == ON_CONTEXT && scene.ctx.id == 0)
        return rv == dead;
    if (call->on == ON_PIPE && pipe_is_cued)
        return allowed || (scene.state == STATE_CLOSING && rv == dead);
    if (call->on == ON_PIPE && scene.state == STATE_DESERTED)
        return allowed || rv == dead; /* it goes at its own time */
    if (call->on == ON_PIPE && atomic_load(&scene.pipe) == 0)
        return rv == dead;
    if (scene.state == STATE_CLOSED)
        return rv == dead;
    return allowed || (scene.state == STATE_CLOSING && rv == dead);
}

static void make(const struct call *call)
{
    int rv = call->run(&scene);

    if (fault.call == NULL && !result_is_allowed(call, rv)) {
        fault.call = call;
        fault.result = rv;
    }
}

/* In the callback. */
static void act(struct scene *s)
{
    if (current != NULL) {
        if ((current->flags & CALL_BEGINS_OWN) != 0 && s->cue != CUE_CANCEL)
            s->begun++; /* there, one is under way */
        make(current);
        return;
    }
    for (size_t i = 0; i < calls_count; i++) {
        if ((calls[i].flags & CALL_CHANGES) == 0)
            make(&calls[i]);
    }
}

static const char *where(void)
{
    static char text[300];

    (void)snprintf(text, sizeof(text), "%s in the callback of %s, socket %s %s, transport %d",
                   current != NULL ? current->names : "what changes nothing",
                   scene_cue_name(scene.cue), scene_role_name(scene.role),
                   scene_state_name(scene.state), (int)scene.kind);
    return text;
}

static bool pending_result_is_allowed(void)
{
    switch (scene.pending.result) {
    case 0:
    case NNG_ECLOSED:
    case NNG_ECANCELED:
        return true;
    case NNG_EINTR:
        return current != NULL && strcmp(current->names, "nng_aio_abort") == 0;
    default:
        return false;
    }
}

static void cell(enum scene_role role, enum scene_state state, enum scene_cue cue)
{
    unsigned flags = current != NULL ? current->flags : 0;
    bool pended;

    fault.call = NULL;
    scene_open(&scene, role, state);
    pended = scene.is_pending;
    calls_open();
    scene_cue(&scene, cue, act);
    scene_go(&scene);
    if (state == STATE_CLOSING)
        (void)nng_close(scene.own);
    if ((flags & CALL_WAITS) != 0)
        nng_aio_cancel(scene.pending.aio);
    if ((flags & CALL_BLOCKS) != 0)
        (void)nng_close(scene.own);
    ck_assert_msg(scene_await(&scene), "no return: %s", where());
    ck_assert_msg(fault.call == NULL, "%s gave %d: %s", fault.call->names, fault.result, where());
    ck_assert_msg(!atomic_load(&scene.misplaced), "on a thread in a call: %s", where());
    scene_close(&scene);
    calls_close((flags & CALL_BEGINS_OTHER) != 0 ? 1 : 0);
    ck_assert_msg(!pended || pending_result_is_allowed(), "pending ended with %d: %s",
                  scene.pending.result, where());
}

static bool call_fits(const struct call *call, enum scene_cue cue)
{
    if ((call->flags & CALL_CHANGES) == 0)
        return false;
    if ((call->flags & CALL_OWN_AIO) != 0 && cue >= CUE_ADD_PRE)
        return false;
    return (call->flags & CALL_PENDING) == 0 || scene.is_pending;
}

static bool state_is_pending(enum scene_state state)
{
    return state == STATE_RECEIVING || state == STATE_SENDING || state == STATE_FULL;
}

static void every_call(enum scene_role role, enum link_kind kind, enum scene_state state)
{
    scene_urls(&scene, kind);
    for (int cue = 0; cue < CUES; cue++) {
        if (!scene_can_cue(role, state, (enum scene_cue)cue))
            continue;
        current = NULL;
        cell(role, state, (enum scene_cue)cue);
        for (size_t i = 0; i < calls_count; i++) {
            scene.is_pending = state_is_pending(state);
            if (!call_fits(&calls[i], (enum scene_cue)cue))
                continue;
            current = &calls[i];
            cell(role, state, (enum scene_cue)cue);
        }
    }
}

/*
 * What Wine keeps for as many threads as there ever were at once (docs/windows.md) is there then. Where each test
 * is a process of its own, there is no Wine.
 */
static bool warm;

static void warm_up(void)
{
    size_t threads = link_threads();

    if (warm)
        return;
    warm = true;
    link_warm_up();
    every_call(ROLE_REQ, LINK_INPROC, STATE_CONNECTED);
    ck_assert(link_wait(link_is_over, &threads));
}

static void row(enum scene_role role, enum link_kind kind, enum scene_state state)
{
    struct link_holdings before = link_holdings();

    if (!scene_possible(role, kind, state))
        return;
    every_call(role, kind, state);
    ck_assert_msg(link_wait(link_holdings_are, &before),
                  "%zu descriptors and %zu threads, not %zu and %zu", link_descriptors(),
                  link_threads(), before.descriptors, before.threads);
}

/*
 * Which socket over what, in which states: those of the protocols in one process, those of a
 * connection over a transport that has some, and what is different for raw ones.
 */
enum {
    ALL = (1 << STATES) - 1,
    CONNECTING = 1 << STATE_LISTENING | 1 << STATE_RETRYING | 1 << STATE_CONNECTED |
                 1 << STATE_DESERTED | 1 << STATE_CLOSING,
    ENDING = 1 << STATE_CONNECTED | 1 << STATE_CLOSING | 1 << STATE_CLOSED
};

static const struct {
    enum link_kind kind;
    enum scene_role role;
    unsigned states;
} casts[] = {
    {LINK_INPROC, ROLE_REQ, ALL},          {LINK_INPROC, ROLE_REP, ALL},
    {LINK_INPROC, ROLE_PAIR0, ALL},        {LINK_INPROC, ROLE_PAIR1, ALL},
    {LINK_INPROC, ROLE_RAW_REQ, ENDING},   {LINK_INPROC, ROLE_RAW_REP, ENDING},
    {LINK_INPROC, ROLE_RAW_PAIR1, ENDING}, {LINK_TCP, ROLE_REQ, CONNECTING},
    {LINK_TCP, ROLE_REP, CONNECTING},      {LINK_IPC, ROLE_PAIR0, ENDING},
};
enum { CASTS = sizeof(casts) / sizeof(casts[0]) };

START_TEST(every_call_is_legal_in_every_callback)
{
    for (int state = 0; state < STATES; state++) {
        if ((casts[_i].states >> state & 1) != 0)
            row(casts[_i].role, casts[_i].kind, (enum scene_state)state);
    }
}
END_TEST

/* ---- no lock is held ---- */

/* Another thread makes a call of each kind, and the callback waits for it outside the library. */
static struct {
    atomic_bool wanted;
    atomic_bool made;
    bool in_time;
} errand;

static void *errand_main(void *argument)
{
    nng_duration ms;
    nng_aio *aio;

    (void)argument;
    while (!atomic_load(&errand.wanted))
        host_sleep_ms(1);
    scene_call_begins();
    (void)nng_socket_get_ms(scene.own, NNG_OPT_RECVTIMEO, &ms);
    if (nng_aio_alloc(&aio, NULL, NULL) == 0)
        nng_aio_free(aio);
    (void)nng_close(scene.own);
    scene_call_ends();
    atomic_store(&errand.made, true);
    return NULL;
}

static bool errand_is_made(void *argument)
{
    (void)argument;
    return atomic_load(&errand.made);
}

static void send_errand(struct scene *s)
{
    (void)s;
    atomic_store(&errand.wanted, true);
    errand.in_time = link_wait(errand_is_made, NULL);
}

START_TEST(a_callback_runs_under_no_lock)
{
    enum scene_cue cue = (enum scene_cue)(_i % CUES);
    enum scene_role role = cue == CUE_DEVICE ? ROLE_RAW_REP : ROLE_REP;
    pthread_t thread;

    scene_urls(&scene, _i < CUES ? LINK_INPROC : LINK_TCP);
    atomic_store(&errand.wanted, false);
    atomic_store(&errand.made, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, errand_main, NULL), 0);
    scene_open(&scene, role, STATE_CONNECTED);
    scene_cue(&scene, cue, send_errand);
    scene_go(&scene);
    ck_assert(scene_await(&scene));
    pthread_join(thread, NULL);
    ck_assert(errand.in_time);
    scene_close(&scene);
}
END_TEST

static int list_calls(void)
{
    for (size_t i = 0; i < calls_count; i++)
        puts(calls[i].names);
    for (const struct call_omitted *omitted = calls_omitted; omitted->name != NULL; omitted++)
        puts(omitted->name);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    SRunner *runner;
    Suite *suite;
    TCase *tc;
    int failed;

    if (argc > 1 && strcmp(argv[1], "--list") == 0)
        return list_calls();
    suite = suite_create("call matrix");
    tc = tcase_create("call matrix");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_add_checked_fixture(tc, warm_up, NULL);
    tcase_set_timeout(tc, 100);
    tcase_add_loop_test(tc, every_call_is_legal_in_every_callback, 0, CASTS);
    tcase_add_loop_test(tc, a_callback_runs_under_no_lock, 0, 2 * CUES);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    warm = srunner_fork_status(runner) != CK_NOFORK;
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
