/*
 * The library without a thread of its own: what the program's calls do in its place, what they do not, and
 * that its own poll misses nothing. Nothing but spry_run moves the library here, so a wake-up that is lost
 * is a test that does not end.
 */
#include <spry.h>

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "host.h"
#include "link.h"
#include "loop.h"
#include "probe.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = LINK_INPROC + 1, REQUESTS = 50, RUNNERS = 2, SERVERS = 4 };

static struct link_holdings before;

static void threads(unsigned count)
{
    spry_options options = SPRY_OPTIONS_INITIALIZER;

    options.threads = count;
    ck_assert_int_eq(spry_init(&options), 0);
}

static void setup(void)
{
    link_setup();
    threads(0);
    link_warm_up();
    before = link_holdings();
}

static void teardown(void)
{
    ck_assert_int_eq(spry_init(NULL), 0);
    link_teardown();
}

/* ---- waiting by spry_run ---- */

/* Until the fact is so; fails the test when it does not become so. */
static void run_until(bool (*fact)(void *argument), void *argument)
{
    double limit = link_seconds() + LINK_DEADLINE_MS / 1000.0;

    while (!fact(argument)) {
        int rv = spry_run(100);

        ck_assert_msg(rv == 0 || rv == NNG_ETIMEDOUT, "spry_run: %s", nng_strerror(rv));
        ck_assert_msg(link_seconds() < limit, "it does not happen");
    }
}

static bool returned_once(void *argument)
{
    return atomic_load(&((struct probe *)argument)->returned) > 0;
}

/* All that is due is done, and the library is as it was before its first socket. */
static void expect_gone(void)
{
    double limit = link_seconds() + LINK_DEADLINE_MS / 1000.0;

    while (spry_run(100) != NNG_ECLOSED)
        ck_assert_msg(link_seconds() < limit, "the library does not end");
    ck_assert(link_holdings_are(&before));
}

static void expect_quiet(void)
{
    double limit = link_seconds() + LINK_DEADLINE_MS / 1000.0;

    while (spry_run(0) == 0)
        ck_assert_msg(link_seconds() < limit, "it goes on and on");
}

/* ---- a server of aios ---- */

struct server {
    nng_socket rep;
    nng_ctx context;
    nng_aio *aio;
    bool answers;
    atomic_int inside;
    atomic_int served;
    atomic_bool overlaps;
};

/* Answers each request with itself, until the socket is closed. */
static void server_turn(void *argument)
{
    struct server *server = argument;

    if (atomic_fetch_add(&server->inside, 1) != 0)
        atomic_store(&server->overlaps, true);
    if (nng_aio_result(server->aio) != 0) {
        if (server->answers)
            nng_msg_free(nng_aio_get_msg(server->aio));
    } else if (server->answers) {
        atomic_fetch_add(&server->served, 1);
        server->answers = false;
        nng_ctx_recv(server->context, server->aio);
    } else {
        server->answers = true;
        nng_ctx_send(server->context, server->aio);
    }
    atomic_fetch_sub(&server->inside, 1);
}

static void server_open(struct server *server, nng_socket rep)
{
    memset(server, 0, sizeof(*server));
    server->rep = rep;
    ck_assert_int_eq(nng_ctx_open(&server->context, rep), 0);
    ck_assert_int_eq(nng_aio_alloc(&server->aio, server_turn, server), 0);
    nng_ctx_recv(server->context, server->aio);
}

static void server_close(struct server *server)
{
    nng_aio_free(server->aio);
    ck_assert(!atomic_load(&server->overlaps));
}

/* ---- no thread ---- */

START_TEST(a_server_of_callbacks_runs_on_the_programs_thread)
{
    char url[LINK_URL_BYTES];
    struct server server;
    struct probe probe;
    nng_socket req;

    link_url((enum link_kind)_i, url);
    server_open(&server, link_rep(url));
    req = link_req(url);
    probe_open(&probe, NULL, NULL);
    for (int i = 1; i <= REQUESTS; i++) {
        atomic_store(&probe.returned, 0);
        nng_aio_set_msg(probe.aio, probe_msg("ask"));
        nng_send_aio(req, probe.aio);
        run_until(returned_once, &probe);
        ck_assert_int_eq(probe.result, 0);
        atomic_store(&probe.returned, 0);
        nng_recv_aio(req, probe.aio);
        run_until(returned_once, &probe);
        ck_assert_int_eq(probe.result, 0);
        ck_assert_mem_eq(nng_msg_body(probe.msg), "ask", 3);
        nng_msg_free(probe.msg);
        ck_assert(pthread_equal(probe.thread, pthread_self()));
        ck_assert_uint_eq(link_threads(), before.threads);
    }
    nng_aio_free(probe.aio);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(server.rep), 0);
    server_close(&server);
    expect_gone();
}
END_TEST

START_TEST(nothing_is_left_when_the_last_close_returns)
{
    char url[LINK_URL_BYTES];

    link_url((enum link_kind)_i, url);
    for (int round = 0; round < 3; round++) {
        nng_socket rep = link_rep(url);
        nng_socket req = link_req(url);

        link_exchange(req, rep, 3);
        link_exchange(req, rep, 300000);
        ck_assert_int_eq(spry_init(NULL), NNG_EBUSY);
        ck_assert_uint_eq(link_threads(), before.threads);
        ck_assert_int_eq(nng_close(req), 0);
        ck_assert_int_eq(nng_close(rep), 0);
        ck_assert_int_eq(spry_run(0), NNG_ECLOSED);
        ck_assert(link_holdings_are(&before));
        threads(0);
    }
}
END_TEST

/* ---- who runs callbacks ---- */

START_TEST(a_call_that_blocks_runs_no_callback)
{
    char url[LINK_URL_BYTES];
    struct probe probe;
    nng_socket rep;
    nng_msg *msg;

    link_url(LINK_TCP, url);
    rep = link_rep(url);
    probe_open(&probe, NULL, NULL);
    ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, 30), 0);
    nng_sleep_aio(5, probe.aio);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), NNG_ETIMEDOUT);
    ck_assert_int_eq(atomic_load(&probe.calls), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(atomic_load(&probe.calls), 0);
    ck_assert_int_eq(spry_run(0), 0);
    ck_assert_int_eq(atomic_load(&probe.calls), 1);
    probe_close(&probe, 1);
    expect_gone();
}
END_TEST

static bool rem_post_came(void *argument)
{
    return link_count(argument, NNG_PIPE_EV_REM_POST) == 1;
}

START_TEST(pipe_events_are_told_by_spry_run)
{
    static struct link_events events;
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    size_t joined;

    link_url((enum link_kind)_i, url);
    rep = link_open_rep();
    link_record(&events, rep);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    req = link_req(url);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_uint_eq(events.count, 0);
    run_until(rem_post_came, &events);
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_ADD_PRE), 1);
    joined = link_count(&events, NNG_PIPE_EV_ADD_POST); /* the peer had gone, or had not */
    req = link_req(url);
    while (link_count(&events, NNG_PIPE_EV_ADD_POST) == joined)
        ck_assert_int_eq(spry_run(NNG_DURATION_INFINITE), 0);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    expect_gone(); /* after the last event */
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_REM_POST), 2);
}
END_TEST

enum waiting { BY_WAIT, BY_STOP, BY_FREE, WAITINGS };

START_TEST(who_waits_for_a_callback_runs_it)
{
    struct probe probe;
    struct probe other;

    probe_open(&probe, NULL, NULL);
    probe_open(&other, NULL, NULL);
    nng_sleep_aio(0, other.aio);
    nng_sleep_aio(_i == BY_WAIT ? 5 : 0, probe.aio);
    ck_assert_int_eq(atomic_load(&probe.calls) + atomic_load(&other.calls), 0);
    if (_i == BY_WAIT)
        nng_aio_wait(probe.aio);
    else if (_i == BY_STOP)
        nng_aio_stop(probe.aio);
    if (_i != BY_FREE)
        ck_assert_int_eq(atomic_load(&probe.returned), 1);
    probe_close(&probe, 1);
    probe_close(&other, 1);
    expect_gone();
}
END_TEST

static void wait_for_other(struct probe *probe)
{
    nng_aio_wait(((struct probe *)probe->argument)->aio);
}

static void free_other(struct probe *probe)
{
    nng_aio_free(((struct probe *)probe->argument)->aio);
}

START_TEST(a_callback_may_wait_for_another)
{
    struct probe outer;
    struct probe inner;

    probe_open(&inner, NULL, NULL);
    probe_open(&outer, wait_for_other, &inner);
    nng_sleep_aio(0, outer.aio);
    nng_sleep_aio(5, inner.aio);
    run_until(returned_once, &outer);
    ck_assert_int_eq(atomic_load(&inner.returned), 1);
    probe_close(&outer, 1);
    probe_close(&inner, 1);
    expect_gone();
}
END_TEST

/* Inside outer's wait for inner another callback frees outer, which is further up the same stack. */
START_TEST(a_callback_further_up_is_not_waited_for)
{
    struct probe outer;
    struct probe inner;
    struct probe between;

    probe_open(&inner, NULL, NULL);
    probe_open(&outer, wait_for_other, &inner);
    probe_open(&between, free_other, &outer);
    nng_sleep_aio(0, outer.aio);
    nng_sleep_aio(0, between.aio);
    nng_sleep_aio(0, inner.aio);
    run_until(returned_once, &outer);
    ck_assert_int_eq(atomic_load(&between.returned), 1);
    probe_close(&between, 1);
    probe_close(&inner, 1);
    expect_gone();
}
END_TEST

static void run_more(struct probe *probe)
{
    ck_assert_int_eq(spry_run(0), 0);
    ck_assert_int_eq(atomic_load(&((struct probe *)probe->argument)->returned), 1);
}

START_TEST(a_callback_may_call_spry_run)
{
    struct probe outer;
    struct probe inner;

    probe_open(&inner, NULL, NULL);
    probe_open(&outer, run_more, &inner);
    nng_sleep_aio(0, outer.aio);
    nng_sleep_aio(0, inner.aio);
    run_until(returned_once, &outer);
    probe_close(&outer, 1);
    probe_close(&inner, 1);
    expect_gone();
}
END_TEST

struct last {
    nng_socket rep;
    nng_aio *aio;
    int closed;
};

static void close_all(void *argument)
{
    struct last *last = argument;

    last->closed = nng_close(last->rep);
    nng_aio_free(last->aio);
}

START_TEST(a_callback_may_close_all_there_is)
{
    char url[LINK_URL_BYTES];
    struct last last = {.closed = -1};

    link_url((enum link_kind)_i, url);
    last.rep = link_rep(url);
    ck_assert_int_eq(nng_aio_alloc(&last.aio, close_all, &last), 0);
    nng_recv_aio(last.rep, last.aio);
    nng_aio_cancel(last.aio);
    ck_assert_int_eq(last.closed, -1);
    ck_assert_int_eq(spry_run(0), 0);
    ck_assert_int_eq(last.closed, 0);
    expect_gone();
}
END_TEST

START_TEST(a_reaped_aio_goes_after_its_callback)
{
    struct probe probe;

    probe_open(&probe, NULL, NULL);
    nng_sleep_aio(1000000, probe.aio);
    nng_aio_reap(probe.aio);
    ck_assert_int_eq(atomic_load(&probe.calls), 0);
    ck_assert_int_eq(spry_run(0), 0);
    ck_assert_int_eq(probe.calls, 1);
    ck_assert_int_eq(spry_run(0), NNG_ECLOSED);
    ck_assert(link_holdings_are(&before));
}
END_TEST

START_TEST(a_device_forwards_by_whoever_waits)
{
    char urls[2][LINK_URL_BYTES];
    struct probe probe;
    nng_socket ends[2];
    nng_socket rep;
    nng_socket req;

    link_url((enum link_kind)_i, urls[0]);
    link_url((enum link_kind)_i, urls[1]);
    ck_assert_int_eq(nng_rep0_open_raw(&ends[0]), 0);
    ck_assert_int_eq(nng_req0_open_raw(&ends[1]), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(nng_listen(ends[i], urls[i], NULL, 0), 0);
    probe_open(&probe, NULL, NULL);
    nng_device_aio(probe.aio, ends[0], ends[1]);
    rep = link_open_rep();
    ck_assert_int_eq(nng_dial(rep, urls[1], NULL, 0), 0);
    req = link_req(urls[0]);
    for (int i = 0; i < REQUESTS; i++)
        link_exchange(req, rep, 100);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(nng_close(ends[i]), 0);
    run_until(returned_once, &probe);
    ck_assert_int_eq(probe.result, NNG_ECLOSED);
    probe_close(&probe, 1);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    expect_gone();
}
END_TEST

static bool is_lit(void *argument)
{
    return host_polls(*(int *)argument, 0);
}

START_TEST(a_sockets_own_descriptor_follows)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    nng_msg *msg;
    int fd = -1;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    ck_assert_int_eq(nng_socket_get_int(rep, NNG_OPT_RECVFD, &fd), 0);
    expect_quiet();
    ck_assert(!is_lit(&fd));
    ck_assert_int_eq(link_send(req, "ask", 4, 0), 0);
    run_until(is_lit, &fd);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, NNG_FLAG_NONBLOCK), 0);
    nng_msg_free(msg);
    ck_assert(!is_lit(&fd));
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    expect_gone();
}
END_TEST

/* ---- how long a call is ---- */

START_TEST(spry_run_ends_with_the_first_thing_done_or_in_time)
{
    double began = link_seconds();
    nng_duration ms = -7;
    struct probe probe;

    probe_open(&probe, NULL, NULL);
    ck_assert_int_eq(spry_run(0), NNG_ETIMEDOUT);
    ck_assert_int_eq(spry_run(30), NNG_ETIMEDOUT);
    ck_assert(link_seconds() - began >= 0.03);
    ck_assert_int_eq(spry_run(NNG_DURATION_DEFAULT), NNG_EINVAL);
    ck_assert_int_eq(spry_timeout(&ms), 0);
    ck_assert_int_eq(ms, NNG_DURATION_INFINITE);
    began = link_seconds();
    nng_sleep_aio(30, probe.aio);
    ck_assert_int_eq(spry_timeout(&ms), 0);
    ck_assert(ms >= 0 && ms <= 30);
    ck_assert_int_eq(spry_run(NNG_DURATION_INFINITE), 0);
    ck_assert(link_seconds() - began >= 0.03);
    ck_assert_int_eq(atomic_load(&probe.calls), 1);
    nng_sleep_aio(0, probe.aio);
    ck_assert_int_eq(spry_timeout(&ms), 0);
    ck_assert_int_eq(ms, 0);
    probe_close(&probe, 2);
    expect_gone();
}
END_TEST

static void sleep_again(struct probe *probe)
{
    if (!atomic_load((atomic_bool *)probe->argument))
        nng_sleep_aio(0, probe->aio);
}

START_TEST(a_call_has_an_end_though_the_work_has_none)
{
    atomic_bool stop = false;
    struct probe chain;
    struct probe timer;

    probe_open(&chain, sleep_again, &stop);
    probe_open(&timer, NULL, NULL);
    nng_sleep_aio(20, timer.aio);
    nng_sleep_aio(0, chain.aio);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(spry_run(0), 0);
    run_until(returned_once, &timer);
    atomic_store(&stop, true);
    nng_aio_free(chain.aio);
    probe_close(&timer, 1);
    expect_gone();
}
END_TEST

START_TEST(what_spry_init_refuses)
{
    spry_options options = SPRY_OPTIONS_INITIALIZER;
    nng_duration ms = -7;
    nng_socket rep;
    nng_aio *aio;
    int fd = -7;

    ck_assert_uint_eq(options.threads, 1);
    options.threads = 2;
    ck_assert_int_eq(spry_init(&options), NNG_EINVAL);
    ck_assert_int_eq(spry_run(0), NNG_ECLOSED);
    ck_assert_int_eq(spry_fd(&fd), NNG_ECLOSED);
    ck_assert_int_eq(spry_timeout(&ms), NNG_ECLOSED);
    ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    ck_assert_int_eq(spry_init(NULL), NNG_EBUSY);
    nng_aio_free(aio);
    ck_assert_int_eq(spry_init(NULL), 0);
    rep = link_open_rep();
    ck_assert_uint_gt(link_threads(), before.threads);
    ck_assert_int_eq(spry_run(0), NNG_ESTATE);
    ck_assert_int_eq(spry_fd(&fd), NNG_ESTATE);
    ck_assert_int_eq(spry_timeout(&ms), NNG_ESTATE);
    ck_assert_int_eq(fd, -7);
    ck_assert_int_eq(ms, -7);
    options.threads = 0;
    ck_assert_int_eq(spry_init(&options), NNG_EBUSY);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* False: there is no descriptor here. */
static bool descriptor(int *fd)
{
    int rv = spry_fd(fd);

    ck_assert_msg(rv == 0 || rv == NNG_ENOTSUP, "spry_fd: %s", nng_strerror(rv));
    return rv == 0;
}

/* ---- several threads ---- */

static void *run_main(void *argument)
{
    while (spry_run(NNG_DURATION_INFINITE) != NNG_ECLOSED)
        atomic_fetch_add((atomic_int *)argument, 1);
    return NULL;
}

struct waiting_thread {
    pthread_t handle;
    atomic_int *turns;
    atomic_int id;
};

static void *wait_main(void *argument)
{
    struct waiting_thread *waiting = argument;

    atomic_store(&waiting->id, host_thread());
    return run_main(waiting->turns);
}

static bool waiting_sleeps(void *argument)
{
    int id = atomic_load(&((struct waiting_thread *)argument)->id);

    return id != 0 && host_thread_sleeps(id);
}

START_TEST(several_threads_may_run_it)
{
    char url[LINK_URL_BYTES];
    struct server servers[SERVERS];
    pthread_t runners[RUNNERS];
    atomic_int turns[RUNNERS] = {0};
    nng_socket rep;
    nng_socket req;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    for (int i = 0; i < SERVERS; i++)
        server_open(&servers[i], rep);
    for (int i = 0; i < RUNNERS; i++)
        ck_assert_int_eq(pthread_create(&runners[i], NULL, run_main, &turns[i]), 0);
    req = link_req(url);
    for (int i = 0; i < REQUESTS * 10; i++) {
        char answer[8];
        size_t bytes = sizeof(answer);

        ck_assert_int_eq(link_send(req, "ask", 4, 0), 0);
        ck_assert_int_eq(nng_recv(req, answer, &bytes, 0), 0);
        ck_assert_str_eq(answer, "ask");
    }
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    for (int i = 0; i < SERVERS; i++)
        server_close(&servers[i]);
    for (int i = 0; i < RUNNERS; i++) /* each learns of the end */
        ck_assert_int_eq(pthread_join(runners[i], NULL), 0);
    ck_assert_msg(link_wait(link_holdings_are, &before),
                  "%zu descriptors and %zu threads, not %zu and %zu", link_descriptors(),
                  link_threads(), before.descriptors, before.threads);
}
END_TEST

/* It waits in the kernel, or on its own, and nobody closes anything. */
START_TEST(who_waits_in_spry_run_learns_that_the_last_aio_is_gone)
{
    atomic_int turns = 0;
    struct waiting_thread waiting = {.turns = &turns};
    nng_aio *aio;
    int fd;

    ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    if (_i != 0)
        (void)descriptor(&fd);
    ck_assert_int_eq(pthread_create(&waiting.handle, NULL, wait_main, &waiting), 0);
    ck_assert(link_wait(waiting_sleeps, &waiting));
    nng_aio_reap(aio);
    ck_assert_int_eq(pthread_join(waiting.handle, NULL), 0);
    ck_assert(link_holdings_are(&before));
}
END_TEST

/* ---- the program's own poll ---- */

struct poller {
    pthread_t thread;
    int fd;
    atomic_bool stop;
};

/* It waits as long as it is told, so that a lost wake-up is for ever. */
static void *poll_main(void *argument)
{
    struct poller *poller = argument;

    while (!atomic_load(&poller->stop)) {
        nng_duration ms;

        ck_assert_int_eq(spry_timeout(&ms), 0);
        (void)host_polls(poller->fd, ms);
        (void)spry_run(0);
    }
    return NULL;
}

/* What the test's thread makes of work for the other. */
static void kick(struct probe *probe, nng_socket req, int round)
{
    char answer[8];
    size_t bytes = sizeof(answer);

    switch (round % 3) {
    case 0: /* a callback, at once */
        nng_sleep_aio(0, probe->aio);
        break;
    case 1: /* a timer, earlier than any */
        nng_sleep_aio(1, probe->aio);
        break;
    default: /* this thread polls, and what it finds is a callback's */
        ck_assert_int_eq(link_send(req, "ask", 4, 0), 0);
        ck_assert_int_eq(nng_recv(req, answer, &bytes, 0), 0);
        nng_sleep_aio(0, probe->aio);
        break;
    }
}

START_TEST(the_programs_own_poll_misses_nothing)
{
    struct poller poller = {.fd = -1};
    char url[LINK_URL_BYTES];
    struct server server;
    struct probe probe;
    nng_socket req;

    link_url((enum link_kind)_i, url);
    server_open(&server, link_rep(url));
    probe_open(&probe, NULL, NULL);
    if (descriptor(&poller.fd)) {
        ck_assert_int_eq(pthread_create(&poller.thread, NULL, poll_main, &poller), 0);
        req = link_req(url);
        for (int round = 0; round < REQUESTS * 6; round++) {
            kick(&probe, req, round);
            probe_await(&probe, round + 1);
        }
        atomic_store(&poller.stop, true);
        nng_sleep_aio(0, probe.aio);
        ck_assert_int_eq(pthread_join(poller.thread, NULL), 0);
        ck_assert_int_eq(nng_close(req), 0);
    }
    ck_assert_int_eq(nng_close(server.rep), 0);
    server_close(&server);
    nng_aio_free(probe.aio);
    expect_gone();
}
END_TEST

START_TEST(the_descriptor_is_dark_when_there_is_nothing_to_do)
{
    char url[LINK_URL_BYTES];
    struct probe probe;
    nng_duration ms;
    nng_socket rep;
    nng_socket req;
    int again = -1;
    int fd;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    probe_open(&probe, NULL, NULL);
    if (descriptor(&fd)) {
        req = link_req(url);
        link_exchange(req, rep, 100);
        expect_quiet();
        ck_assert_int_eq(spry_timeout(&ms), 0);
        ck_assert(!host_polls(fd, 20));
        nng_sleep_aio(10000, probe.aio); /* earlier than it was told */
        ck_assert(host_polls(fd, 0));
        ck_assert_int_eq(spry_run(0), NNG_ETIMEDOUT);
        ck_assert(host_polls(fd, 0));
        ck_assert_int_eq(spry_timeout(&ms), 0);
        ck_assert(ms > 0 && ms <= 10000);
        ck_assert(!host_polls(fd, 0));
        nng_aio_cancel(probe.aio);
        ck_assert(host_polls(fd, 0));
        ck_assert_int_eq(spry_run(0), 0);
        ck_assert_int_eq(atomic_load(&probe.calls), 1);
        ck_assert(!host_polls(fd, 0));
        ck_assert_int_eq(spry_fd(&again), 0);
        ck_assert_int_eq(again, fd);
        ck_assert_int_eq(nng_close(req), 0);
    }
    nng_aio_free(probe.aio);
    ck_assert_int_eq(nng_close(rep), 0);
    expect_gone();
}
END_TEST

/* What the poller was roused with, when it had just left: with nothing to watch, too. */
START_TEST(a_wake_up_that_comes_too_late_does_not_stay)
{
    struct loop *loop;
    nng_aio *aio;
    int fd;

    ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    if (descriptor(&fd)) {
        loop = spry_loop_enter();
        spry_port_wake(&loop->port);
        spry_loop_unlock(loop);
        ck_assert(host_polls(fd, 0));
        ck_assert_int_eq(spry_run(0), NNG_ETIMEDOUT);
        ck_assert(!host_polls(fd, 0));
    }
    nng_aio_free(aio);
    expect_gone();
}
END_TEST

struct stare {
    int fd;
    atomic_bool begun;
    bool darkened;
};

/* A thread that sleeps in poll looks once more when it is woken, at any moment of the end. */
static void *stare_main(void *argument)
{
    struct stare *stare = argument;

    atomic_store(&stare->begun, true);
    while (!host_polls(stare->fd, 0)) {
    }
    for (int looks = 0; looks < 200; looks++)
        stare->darkened = stare->darkened || !host_polls(stare->fd, 0);
    return NULL;
}

static bool has_begun(void *argument)
{
    return atomic_load(&((struct stare *)argument)->begun);
}

/* Readable until it is no descriptor any more. */
START_TEST(the_descriptor_is_lit_to_its_end)
{
    for (int round = 0; round < REQUESTS * 4; round++) {
        struct stare stare = {.darkened = false};
        pthread_t thread;
        nng_aio *aio;

        ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
        if (descriptor(&stare.fd)) {
            ck_assert_int_eq(pthread_create(&thread, NULL, stare_main, &stare), 0);
            ck_assert(link_wait(has_begun, &stare));
            nng_aio_free(aio);
            ck_assert_int_eq(pthread_join(thread, NULL), 0);
            ck_assert_msg(!stare.darkened, "in round %d", round);
        } else {
            nng_aio_free(aio);
        }
    }
}
END_TEST

START_TEST(an_event_of_the_system_lights_the_descriptor)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    int fd;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    if (descriptor(&fd)) {
        req = link_req(url);
        expect_quiet();
        ck_assert(!host_polls(fd, 0));
        ck_assert_int_eq(link_send(req, "ask", 4, 0), 0);
        ck_assert(host_polls(fd, LINK_DEADLINE_MS));
        ck_assert_int_eq(spry_run(0), 0);
        ck_assert_int_eq(nng_close(req), 0);
    }
    ck_assert_int_eq(nng_close(rep), 0);
    expect_gone();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("threadless");
    TCase *tc = tcase_create("threadless");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_server_of_callbacks_runs_on_the_programs_thread, 0, KINDS);
    tcase_add_loop_test(tc, nothing_is_left_when_the_last_close_returns, 0, KINDS);
    tcase_add_test(tc, a_call_that_blocks_runs_no_callback);
    tcase_add_loop_test(tc, pipe_events_are_told_by_spry_run, 0, KINDS);
    tcase_add_loop_test(tc, who_waits_for_a_callback_runs_it, 0, WAITINGS);
    tcase_add_test(tc, a_callback_may_wait_for_another);
    tcase_add_test(tc, a_callback_further_up_is_not_waited_for);
    tcase_add_test(tc, a_callback_may_call_spry_run);
    tcase_add_loop_test(tc, a_callback_may_close_all_there_is, 0, KINDS);
    tcase_add_test(tc, a_reaped_aio_goes_after_its_callback);
    tcase_add_loop_test(tc, a_device_forwards_by_whoever_waits, 0, KINDS);
    tcase_add_loop_test(tc, a_sockets_own_descriptor_follows, 0, KINDS);
    tcase_add_test(tc, spry_run_ends_with_the_first_thing_done_or_in_time);
    tcase_add_test(tc, a_call_has_an_end_though_the_work_has_none);
    tcase_add_test(tc, what_spry_init_refuses);
    tcase_add_loop_test(tc, several_threads_may_run_it, 0, KINDS);
    tcase_add_loop_test(tc, who_waits_in_spry_run_learns_that_the_last_aio_is_gone, 0, 2);
    tcase_add_test(tc, a_wake_up_that_comes_too_late_does_not_stay);
    tcase_add_test(tc, the_descriptor_is_lit_to_its_end);
    tcase_add_loop_test(tc, the_programs_own_poll_misses_nothing, 0, KINDS);
    tcase_add_loop_test(tc, the_descriptor_is_dark_when_there_is_nothing_to_do, 0, KINDS);
    tcase_add_loop_test(tc, an_event_of_the_system_lights_the_descriptor, 0, LINK_INPROC);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
