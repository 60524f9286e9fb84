/*
 * The real loop: who polls when, what is told to whom, and that nothing is left when the last socket
 * closes. Time only ever limits how long a test waits for an event, but in the tests of idleness.
 */
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "loop.h"
#include "offload.h"
#include "support/host.h"
#include "support/raw_peer.h"

enum { THREADS = 6, LIMIT_MS = 6000 };

#define HELD(fact) held(__LINE__, fact)

/* ---- looking at the loop ---- */

static struct loop *look(void)
{
    return spry_loop_enter();
}

static void look_away(struct loop *loop)
{
    spry_mutex_unlock(&loop->lock);
}

static bool is_gone(void)
{
    struct loop *loop = look();
    bool gone = loop->watchman_state == WATCHMAN_NONE;

    look_away(loop);
    return gone;
}

static bool watchman_polls(void)
{
    struct loop *loop = look();
    bool fact = loop->poller == &loop->watchman && loop->watchman.place == WAITER_POLLING;

    look_away(loop);
    return fact;
}

static bool watchman_sleeps(void)
{
    struct loop *loop = look();
    bool fact = loop->watchman_state == WATCHMAN_ASLEEP;

    look_away(loop);
    return fact;
}

static bool thread_polls(void)
{
    struct loop *loop = look();
    bool fact = loop->poller != NULL && loop->poller != &loop->watchman &&
                loop->poller->place == WAITER_POLLING;

    look_away(loop);
    return fact;
}

static bool thread_waits_for_nothing(void)
{
    struct loop *loop = look();
    bool fact = loop->poller != NULL && loop->poller != &loop->watchman &&
                loop->poller->place == WAITER_ASLEEP;

    look_away(loop);
    return fact;
}

static size_t sleepers(void)
{
    struct loop *loop = look();
    size_t n = 0;

    for (struct list *node = loop->sleepers.next; node != &loop->sleepers; node = node->next)
        n++;
    look_away(loop);
    return n;
}

/* Waits for a fact; fails the test when it does not come. */
static void held(int line, bool (*fact)(void))
{
    uint64_t limit_ns = spry_clock_ns() + LIMIT_MS * UINT64_C(1000000);

    while (!fact()) {
        if (spry_clock_ns() > limit_ns)
            ck_abort_msg("line %d: it does not happen", line);
        usleep(200);
    }
}

/* ---- sockets ---- */

static nng_socket rep_at(char *url, size_t room)
{
    nng_listener listener;
    nng_socket rep;
    int port = 0;

    ck_assert_int_eq(nng_rep0_open(&rep), 0);
    ck_assert_int_eq(nng_listen(rep, "tcp://127.0.0.1:0", &listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    snprintf(url, room, "tcp://127.0.0.1:%d", port);
    return rep;
}

struct blocked {
    pthread_t thread;
    nng_socket socket;
    nng_duration timeout_ms;
    int result;
    uint64_t took_ns;
    atomic_bool over;
};

static void *block_main(void *argument)
{
    struct blocked *blocked = argument;
    uint64_t began_ns = spry_clock_ns();
    char text[8];
    size_t bytes = sizeof(text);

    blocked->result = nng_recv(blocked->socket, text, &bytes, 0);
    blocked->took_ns = spry_clock_ns() - began_ns;
    atomic_store(&blocked->over, true);
    return NULL;
}

static void block(struct blocked *blocked, nng_socket socket, nng_duration timeout_ms)
{
    *blocked = (struct blocked){.socket = socket, .timeout_ms = timeout_ms};
    ck_assert_int_eq(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, timeout_ms), 0);
    ck_assert_int_eq(pthread_create(&blocked->thread, NULL, block_main, blocked), 0);
}

static int unblock(struct blocked *blocked)
{
    uint64_t limit_ns = spry_clock_ns() + LIMIT_MS * UINT64_C(1000000);

    while (!atomic_load(&blocked->over)) {
        ck_assert_msg(spry_clock_ns() < limit_ns, "a thread does not come back");
        usleep(100);
    }
    pthread_join(blocked->thread, NULL);
    return blocked->result;
}

/* Sends one request; its socket stays open until the test is over. */
static nng_socket ask(const char *url)
{
    nng_socket req;

    ck_assert_int_eq(nng_req0_open(&req), 0);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, LIMIT_MS), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    ck_assert_int_eq(nng_send(req, (char[]){"hello"}, 6, 0), 0);
    return req;
}

/* ---- the role ---- */

START_TEST(the_role_goes_round_as_its_holders_leave)
{
    struct blocked blocked[THREADS];
    char urls[THREADS][64];
    nng_socket reps[THREADS];
    nng_socket req;

    for (size_t i = 0; i < THREADS; i++) {
        reps[i] = rep_at(urls[i], sizeof(urls[i]));
        block(&blocked[i], reps[i], NNG_DURATION_INFINITE);
    }
    for (size_t i = 0; i + 1 < THREADS; i++) {
        HELD(thread_polls);
        nng_close(reps[i]);
        ck_assert_int_eq(unblock(&blocked[i]), NNG_ECLOSED);
    }
    HELD(thread_polls);
    req = ask(urls[THREADS - 1]);
    ck_assert_int_eq(unblock(&blocked[THREADS - 1]), 0);
    nng_close(req);
    nng_close(reps[THREADS - 1]);
    HELD(is_gone);
}
END_TEST

START_TEST(time_limits_of_many_threads_all_come)
{
    struct blocked blocked[THREADS];
    char url[64];
    nng_socket reps[THREADS];

    for (int i = 0; i < THREADS; i++) {
        reps[i] = rep_at(url, sizeof(url));
        block(&blocked[i], reps[i], 20 + (i * 37) % THREADS * 15);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(unblock(&blocked[i]), NNG_ETIMEDOUT);
        ck_assert_uint_ge(blocked[i].took_ns, (uint64_t)blocked[i].timeout_ms * 1000000);
        nng_close(reps[i]);
    }
    HELD(is_gone);
}
END_TEST

/* The poller sleeps in the kernel for ever; someone else's limit is sooner. */
START_TEST(an_earlier_timer_rouses_the_poller)
{
    struct blocked forever;
    struct blocked soon;
    char url[64];
    nng_socket a = rep_at(url, sizeof(url));
    nng_socket b = rep_at(url, sizeof(url));

    block(&forever, a, NNG_DURATION_INFINITE);
    HELD(thread_polls);
    block(&soon, b, 30);
    ck_assert_int_eq(unblock(&soon), NNG_ETIMEDOUT);
    nng_close(a);
    ck_assert_int_eq(unblock(&forever), NNG_ECLOSED);
    nng_close(b);
    HELD(is_gone);
}
END_TEST

START_TEST(the_watchman_takes_over_and_gives_the_role_up)
{
    struct blocked blocked;
    char url[64];
    nng_socket rep = rep_at(url, sizeof(url));
    nng_socket req = ask(url);
    size_t bytes = sizeof(url);

    ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, LIMIT_MS), 0);
    ck_assert_int_eq(nng_recv(rep, url, &bytes, 0), 0);
    for (int i = 0; i < 20; i++) {
        HELD(watchman_polls);
        block(&blocked, rep,
              NNG_DURATION_INFINITE); /* no timer of its own that would rouse anyone */
        HELD(thread_polls);
        ck_assert_int_eq(nng_send(req, (char[]){"again"}, 6, 0), 0);
        ck_assert_int_eq(unblock(&blocked), 0);
    }
    HELD(watchman_polls);
    block(&blocked, rep, NNG_DURATION_INFINITE);
    HELD(thread_polls);
    nng_close(rep);
    ck_assert_int_eq(unblock(&blocked), NNG_ECLOSED);
    nng_close(req);
    HELD(is_gone);
}
END_TEST

START_TEST(waiting_for_inproc_alone_needs_no_kernel_poll)
{
    struct blocked blocked;
    nng_socket rep;
    nng_socket req;

    ck_assert_int_eq(nng_rep0_open(&rep), 0);
    ck_assert_int_eq(nng_req0_open(&req), 0);
    ck_assert_int_eq(nng_listen(rep, "inproc://loop", NULL, 0), 0);
    block(&blocked, rep, NNG_DURATION_INFINITE);
    HELD(thread_waits_for_nothing);
    ck_assert_int_eq(nng_dial(req, "inproc://loop", NULL, 0), 0);
    ck_assert_int_eq(nng_send(req, (char[]){"hello"}, 6, 0), 0);
    ck_assert_int_eq(unblock(&blocked), 0);
    nng_close(req);
    nng_close(rep);
    HELD(is_gone);
}
END_TEST

/* Who waits on a condition must hear of the first descriptor. */
START_TEST(the_first_descriptor_sends_the_poller_into_the_kernel)
{
    struct blocked blocked;
    struct blocked other;
    char url[64];
    nng_socket inproc;
    nng_socket tcp;
    nng_socket req;

    ck_assert_int_eq(nng_rep0_open(&inproc), 0);
    ck_assert_int_eq(nng_listen(inproc, "inproc://first", NULL, 0), 0);
    block(&blocked, inproc, NNG_DURATION_INFINITE);
    HELD(thread_waits_for_nothing);
    tcp = rep_at(url, sizeof(url));
    HELD(thread_polls);
    block(&other, tcp, NNG_DURATION_INFINITE);
    req = ask(url);
    ck_assert_int_eq(unblock(&other), 0);
    nng_close(req);
    nng_close(tcp);
    nng_close(inproc);
    ck_assert_int_eq(unblock(&blocked), NNG_ECLOSED);
    HELD(is_gone);
}
END_TEST

/* ---- callbacks ---- */

static atomic_int added;
static atomic_int removed;
static pthread_t caller;
static nng_socket blocking_socket;
static atomic_int inner_result;

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    char text[8];
    size_t bytes = sizeof(text);

    (void)argument;
    caller = pthread_self();
    ck_assert_int_gt(nng_pipe_id(pipe), 0);
    if (event == NNG_PIPE_EV_REM_POST) {
        atomic_fetch_add(&removed, 1);
        return;
    }
    if (nng_socket_id(blocking_socket) > 0)
        atomic_store(&inner_result, nng_recv(blocking_socket, text, &bytes, 0));
    atomic_fetch_add(&added, 1);
}

static bool was_added(void)
{
    return atomic_load(&added) > 0;
}

static bool was_removed(void)
{
    return atomic_load(&removed) > 0;
}

static void notify(nng_socket socket)
{
    atomic_store(&added, 0);
    atomic_store(&removed, 0);
    ck_assert_int_eq(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, on_pipe, NULL), 0);
    ck_assert_int_eq(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, NULL), 0);
}

/* Nobody blocks: the dialer's timer fires, the connection comes, the callbacks run. */
START_TEST(callbacks_and_timers_run_though_nobody_blocks)
{
    char url[64];
    nng_socket rep = rep_at(url, sizeof(url));
    nng_socket req;
    nng_listener listener;

    nng_close(rep);
    ck_assert_int_eq(nng_req0_open(&req), 0);
    notify(req);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECONNMINT, 5), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, NNG_FLAG_NONBLOCK), 0);
    usleep(20000);
    ck_assert_int_eq(nng_rep0_open(&rep), 0);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    HELD(was_added);
    ck_assert(!pthread_equal(caller, pthread_self()));
    nng_close(rep);
    HELD(was_removed);
    nng_close(req);
    HELD(is_gone);
}
END_TEST

/* A callback that blocks in the library polls itself: the message it waits for can come. */
START_TEST(a_callback_may_block_in_the_library)
{
    char url[64];
    char other[64];
    nng_socket rep = rep_at(url, sizeof(url));
    nng_socket asker;
    nng_socket req;

    blocking_socket = rep_at(other, sizeof(other));
    notify(rep);
    atomic_store(&inner_result, -1);
    ck_assert_int_eq(nng_req0_open(&req), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    HELD(thread_polls); /* the callback's own waiter */
    ck_assert(!was_added());
    asker = ask(other);
    HELD(was_added);
    ck_assert_int_eq(atomic_load(&inner_result), 0);
    nng_close(asker);
    nng_close(blocking_socket);
    nng_close(req);
    nng_close(rep);
    HELD(is_gone);
}
END_TEST

/* A program may hold its own lock when it calls, and take it in its callback. */
START_TEST(a_lock_of_the_program_round_a_call_is_no_deadlock)
{
    char url[64];
    nng_socket rep = rep_at(url, sizeof(url));
    struct blocked blocked;
    nng_socket req;

    blocking_socket = (nng_socket)NNG_SOCKET_INITIALIZER;
    notify(rep);
    block(&blocked, rep, NNG_DURATION_INFINITE); /* is the poller */
    HELD(thread_polls);
    HELD(watchman_sleeps);
    ck_assert_int_eq(nng_req0_open(&req), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    HELD(was_added);
    ck_assert(!pthread_equal(caller, blocked.thread));
    nng_close(rep);
    ck_assert_int_eq(unblock(&blocked), NNG_ECLOSED);
    HELD(was_removed);
    nng_close(req);
    HELD(is_gone);
}
END_TEST

/* ---- work ---- */

struct chain {
    struct task task;
    int left;
    int order[8];
    int count;
};

/* Posted work runs before its poster leaves, and what that posts does too. */
static struct loop *chain_loop;

static void chain_step(struct task *task)
{
    struct chain *chain = SPRY_CONTAINER(task, struct chain, task);

    chain->order[chain->count++] = chain->left;
    if (--chain->left > 0)
        spry_loop_post(chain_loop, task);
}

START_TEST(posted_work_is_done_before_its_poster_leaves)
{
    struct chain chain = {.task = {.run = chain_step}, .left = 5};
    nng_socket rep;

    ck_assert_int_eq(nng_rep0_open(&rep), 0);
    chain_loop = spry_loop_enter();
    spry_loop_post(chain_loop, &chain.task);
    ck_assert_int_eq(chain.count, 0);
    spry_loop_leave(chain_loop);
    ck_assert_int_eq(chain.count, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(chain.order[i], 5 - i);
    nng_close(rep);
    HELD(is_gone);
}
END_TEST

static atomic_int freed;

static void count_free(struct retired *memory)
{
    (void)memory;
    atomic_fetch_add(&freed, 1);
}

static bool both_freed(void)
{
    return atomic_load(&freed) == 2;
}

START_TEST(memory_retires_only_when_the_poller_has_left_the_kernel)
{
    struct retired a = {.free = count_free};
    struct retired b = {.free = count_free};
    struct retired at_once = {.free = count_free};
    struct blocked blocked;
    struct loop *loop;
    char url[64];
    nng_socket rep;

    atomic_store(&freed, 0);
    loop = spry_loop_enter();
    spry_loop_retire(loop, &at_once);
    ck_assert_int_eq(atomic_load(&freed), 1);
    spry_loop_leave(loop);
    rep = rep_at(url, sizeof(url));
    block(&blocked, rep, NNG_DURATION_INFINITE);
    HELD(thread_polls);
    atomic_store(&freed, 0);
    loop = spry_loop_enter();
    ck_assert(loop->poller->place == WAITER_POLLING);
    spry_loop_retire(loop, &a);
    spry_loop_retire(loop, &b);
    ck_assert_int_eq(atomic_load(&freed), 0);
    spry_loop_leave(loop);
    HELD(both_freed);
    nng_close(rep);
    ck_assert_int_eq(unblock(&blocked), NNG_ECLOSED);
    HELD(is_gone);
}
END_TEST

/* ---- a peer that never stops ---- */

static atomic_bool flood_stop;

/* A reply to nobody: dropped, and the next one asked for. */
static const uint8_t junk_frame[] = {0, 0, 0, 0, 0, 0, 0, 8, 0x80, 0, 0, 1, 'j', 'u', 'n', 'k'};
static uint8_t junk[sizeof(junk_frame) * 4096];

static void *flood_main(void *argument)
{
    const struct raw_peer *peer = argument;

    raw_greet(peer, RAW_REP, RAW_REQ);
    while (!atomic_load(&flood_stop) && raw_try_send(peer, junk, sizeof(junk))) {
    }
    return NULL;
}

/* Its time limit and its turn come all the same; _i: how many such peers. */
START_TEST(a_flood_holds_nobody_up)
{
    struct raw_peer peers[3];
    struct blocked blocked;
    pthread_t threads[3];
    nng_listener listener;
    nng_socket req;
    char url[64];
    int port = 0;

    ck_assert_int_eq(nng_req0_open(&req), 0);
    ck_assert_int_eq(nng_listen(req, "tcp://127.0.0.1:0", &listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    snprintf(url, sizeof(url), "tcp://127.0.0.1:%d", port);
    atomic_store(&flood_stop, false);
    for (size_t i = 0; i < sizeof(junk); i += sizeof(junk_frame))
        memcpy(junk + i, junk_frame, sizeof(junk_frame));
    for (int i = 0; i < _i; i++) {
        peers[i] = raw_connect(url);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, flood_main, &peers[i]), 0);
    }
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, LIMIT_MS), 0);
        ck_assert_int_eq(nng_send(req, (char[]){"question"}, 9, 0), 0);
        block(&blocked, req, 50);
        ck_assert_int_eq(unblock(&blocked), NNG_ETIMEDOUT);
    }
    nng_close(req);
    HELD(is_gone);
    atomic_store(&flood_stop, true);
    for (int i = 0; i < _i; i++) {
        pthread_join(threads[i], NULL);
        raw_close(&peers[i]);
    }
}
END_TEST

/* A stream that has always more: each completion puts the next byte there before it asks for it. */
struct spring {
    struct descriptor descriptor;
    struct op op;
    intptr_t peer;
    char byte;
    struct loop *loop;
};

static struct spring spring;
static atomic_bool spring_stop;
static atomic_uint spring_turns;

static size_t spring_spans(struct op *op, struct span *spans, uint8_t *scratch)
{
    (void)op;
    (void)scratch;
    spans[0] = (struct span){&spring.byte, 1};
    return 1;
}

static bool spring_moved(struct op *op, size_t bytes, const uint8_t *scratch)
{
    (void)op;
    (void)bytes;
    (void)scratch;
    return true;
}

static void spring_flow(struct task *task)
{
    struct spring *self = SPRY_CONTAINER(task, struct spring, op.task);

    if (!spry_op_idle(&self->op))
        (void)spry_port_dequeue(&self->loop->port, &self->op);
    atomic_fetch_add(&spring_turns, 1);
    if (atomic_load(&spring_stop)) {
        spry_port_detach(&self->loop->port, &self->descriptor);
        return;
    }
    if (host_send(self->peer, "x", 1))
        spry_port_submit(&self->loop->port, &self->op);
}

static void *spring_main(void *argument)
{
    static const struct op_work work = {spring_spans, spring_moved};
    struct loop *loop = spry_loop_enter();
    intptr_t ends[2];

    if (host_pair(ends) &&
        spry_port_attach(&loop->port, &spring.descriptor, ends[0], ATTACH_CONNECTED) == 0) {
        spring.loop = loop;
        spring.peer = ends[1];
        spry_op_init(&spring.op, OP_READ, &spring.descriptor, spring_flow);
        spring.op.work = &work;
        spry_loop_post(loop, &spring.op.task);
    }
    spry_loop_leave(loop);
    return argument;
}

static bool spring_flows(void)
{
    return atomic_load(&spring_turns) > 1000;
}

/* Work that never ends keeps no thread that has done its own, and no timer from firing. */
START_TEST(endless_work_holds_nobody_up)
{
    struct blocked blocked;
    pthread_t thread;
    char url[64];
    nng_socket rep = rep_at(url, sizeof(url));
    unsigned turns;

    ck_assert_int_eq(pthread_create(&thread, NULL, spring_main, NULL), 0);
    HELD(spring_flows);
    pthread_join(thread, NULL);
    turns = atomic_load(&spring_turns);
    while (atomic_load(&spring_turns) < turns + 1000) /* it goes on, with the watchman */
        usleep(100);
    for (int i = 0; i < 3; i++) {
        block(&blocked, rep, 30);
        ck_assert_int_eq(unblock(&blocked), NNG_ETIMEDOUT);
    }
    atomic_store(&spring_stop, true);
    nng_close(rep);
    HELD(is_gone);
    host_close(spring.peer);
}
END_TEST

/* ---- the end ---- */

START_TEST(nothing_is_left_after_the_last_socket)
{
    struct blocked blocked[3];
    char url[64];
    nng_socket sockets[3];

    for (int n = 0; n < 20; n++) {
        for (int i = 0; i < 3; i++) {
            if (_i == 0) {
                sockets[i] = rep_at(url, sizeof(url));
            } else {
                ck_assert_int_eq(nng_rep0_open(&sockets[i]), 0);
            }
            block(&blocked[i], sockets[i], NNG_DURATION_INFINITE);
        }
        if (n % 2 == 0)
            HELD(watchman_sleeps); /* as soon as it has seen that somebody else polls */
        for (int i = 0; i < 3; i++)
            nng_close(sockets[i]);
        for (int i = 0; i < 3; i++)
            ck_assert_int_eq(unblock(&blocked[i]), NNG_ECLOSED);
        HELD(is_gone);
    }
}
END_TEST

struct slow_call {
    struct offload offload;
    atomic_bool running;
    atomic_bool go;
    atomic_bool done;
};

static void slow_call_run(struct offload *offload)
{
    struct slow_call *call = SPRY_CONTAINER(offload, struct slow_call, offload);

    atomic_store(&call->running, true);
    while (!atomic_load(&call->go))
        usleep(100);
}

static void slow_call_done(struct task *task)
{
    struct slow_call *call = SPRY_CONTAINER(task, struct slow_call, offload.task);

    atomic_store(&call->done, true);
}

/* The loop stays for a call that cannot be hurried, and ends with it. */
START_TEST(an_offloaded_call_outlives_the_last_socket)
{
    static struct slow_call calls[2];
    struct loop *loop;
    nng_socket rep;

    for (int n = 0; n < 5; n++) {
        ck_assert_int_eq(nng_rep0_open(&rep), 0);
        loop = spry_loop_enter();
        for (int i = 0; i < 2; i++) {
            calls[i] =
                (struct slow_call){.offload = {.task.run = slow_call_done, .call = slow_call_run}};
            ck_assert_int_eq(spry_offload(loop, &calls[i].offload), 0);
        }
        spry_loop_leave(loop);
        while (!atomic_load(&calls[0].running))
            usleep(100);
        nng_close(rep);
        if (n > 0)
            usleep(5000); /* the watchman has looked, and cannot end yet */
        ck_assert(!is_gone());
        ck_assert(!atomic_load(&calls[0].done));
        for (int i = 0; i < 2; i++)
            atomic_store(&calls[i].go, true);
        HELD(is_gone);
        ck_assert(atomic_load(&calls[0].done) && atomic_load(&calls[1].done));
    }
}
END_TEST

START_TEST(sockets_close_while_names_are_looked_up)
{
    for (int n = 0; n < 30; n++) {
        nng_socket req;

        ck_assert_int_eq(nng_req0_open(&req), 0);
        ck_assert_int_eq(nng_dial(req, "tcp://localhost:1", NULL, NNG_FLAG_NONBLOCK), 0);
        if (n % 3 == 0)
            usleep(300);
        nng_close(req);
        if (n % 4 == 0)
            HELD(is_gone);
    }
    HELD(is_gone);
}
END_TEST

static void *cycle_main(void *argument)
{
    for (int i = 0; i < *(int *)argument; i++) {
        nng_socket socket;

        if (nng_rep0_open(&socket) != 0 || nng_close(socket) != 0)
            return argument;
    }
    return NULL;
}

START_TEST(ten_thousand_times_open_and_close)
{
    pthread_t threads[4];
    int each = 10000 / _i;

    for (int i = 0; i < _i; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, cycle_main, &each), 0);
    for (int i = 0; i < _i; i++) {
        void *failed;

        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
    HELD(is_gone);
}
END_TEST

/* ---- idle ---- */

/* Of all threads of the process but the caller. */
static unsigned long switches(void)
{
    unsigned long sum = 0;

    (void)host_switches(&sum);
    return sum;
}

static unsigned long switches_while_idle(void)
{
    unsigned long before;

    usleep(50000);
    before = switches();
    usleep(300000);
    return switches() - before;
}

/*
 * Sanitizers have threads of their own, so it is compared with what there is without a socket.
 * _i: 0 the watchman polls, 1 a thread does, 2 the same and a second one sleeps.
 */
START_TEST(idle_means_no_wake_ups)
{
    struct blocked blocked[2];
    char url[64];
    nng_socket reps[2];
    unsigned long without = switches_while_idle();
    unsigned long quiet = ULONG_MAX;

    for (int i = 0; i < 2; i++)
        reps[i] = rep_at(url, sizeof(url));

    for (int i = 0; i < _i; i++)
        block(&blocked[i], reps[i], NNG_DURATION_INFINITE);
    if (_i == 0) {
        HELD(watchman_polls);
    } else {
        HELD(thread_polls);
        HELD(watchman_sleeps);
    }
    while (_i == 2 && sleepers() < 1)
        usleep(100);
    for (int attempt = 0; attempt < 5 && quiet > 2 * without; attempt++)
        quiet = switches_while_idle();
    ck_assert_uint_le(quiet, 2 * without);
    for (int i = 0; i < 2; i++)
        nng_close(reps[i]);
    for (int i = 0; i < _i; i++)
        ck_assert_int_eq(unblock(&blocked[i]), NNG_ECLOSED);
    HELD(is_gone);
}
END_TEST

static void add(Suite *suite, TCase *tc)
{
    tcase_set_timeout(tc, 40);
    suite_add_tcase(suite, tc);
}

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *role = tcase_create("role");
    TCase *callbacks = tcase_create("callbacks");
    TCase *work = tcase_create("work");
    TCase *end = tcase_create("end");
    TCase *idle = tcase_create("idle");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(role, the_role_goes_round_as_its_holders_leave);
    tcase_add_test(role, time_limits_of_many_threads_all_come);
    tcase_add_test(role, an_earlier_timer_rouses_the_poller);
    tcase_add_test(role, the_watchman_takes_over_and_gives_the_role_up);
    tcase_add_test(role, waiting_for_inproc_alone_needs_no_kernel_poll);
    tcase_add_test(role, the_first_descriptor_sends_the_poller_into_the_kernel);
    add(suite, role);
    tcase_add_test(callbacks, callbacks_and_timers_run_though_nobody_blocks);
    tcase_add_test(callbacks, a_callback_may_block_in_the_library);
    tcase_add_test(callbacks, a_lock_of_the_program_round_a_call_is_no_deadlock);
    add(suite, callbacks);
    tcase_add_test(work, posted_work_is_done_before_its_poster_leaves);
    tcase_add_test(work, memory_retires_only_when_the_poller_has_left_the_kernel);
    tcase_add_test(work, endless_work_holds_nobody_up);
    tcase_add_loop_test(work, a_flood_holds_nobody_up, 1, 4);
    add(suite, work);
    tcase_add_loop_test(end, nothing_is_left_after_the_last_socket, 0, 2);
    tcase_add_test(end, an_offloaded_call_outlives_the_last_socket);
    tcase_add_test(end, sockets_close_while_names_are_looked_up);
    tcase_add_loop_test(end, ten_thousand_times_open_and_close, 1, 2);
    tcase_add_loop_test(end, ten_thousand_times_open_and_close, 4, 5);
    add(suite, end);
    tcase_add_loop_test(idle, idle_means_no_wake_ups, 0, 3);
    if (host_switches(&(unsigned long){0}))
        add(suite, idle);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
