/* A program that forks while its sockets are open; for systems that can. */
#include "support/link.h"
#include "support/probe.h"
#include "support/raw_peer.h"

#include "support/host.h"

#include "spare.h"

#include <spry.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

/* A fork of the program that does nothing keeps the descriptors open: nobody must notice. */
START_TEST(a_fork_of_the_host_does_not_disturb)
{
    struct link_holdings before = link_holdings();
    char url[LINK_URL_BYTES];
    struct raw_peer client = {-1, false};
    nng_socket rep;
    nng_socket req;
    pid_t child;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    link_exchange(req, rep, 10);
    if (_i < LINK_RAW) {
        client = raw_connect(url);
        raw_greet(&client, RAW_REQ, RAW_REP);
    }
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    link_exchange(req, rep, 1 << 20);
    ck_assert_int_eq(nng_close(rep), 0);
    if (_i < LINK_RAW) { /* it sees the end although the child has the connection open */
        raw_expect_close(&client);
        raw_close(&client);
    }
    if (_i != LINK_ABSTRACT) { /* whose name the child holds */
        rep = link_rep(url);
        link_exchange(req, rep, 10);
        ck_assert_int_eq(nng_close(rep), 0);
    }
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert(link_wait(link_holdings_are, &before));
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

/* ---- what the child may do with what its parent has open ---- */

enum { FORKS = 20 };

/*
 * The thread sanitizer ends a process that starts threads after a fork. The address sanitizer's heap is
 * copied with its locks as they are, and with them held by a thread that is not there, perhaps.
 */
#if defined(__SANITIZE_THREAD__)
enum { CHILD_THREADS = 0, CHILD_HEAP = 1 };
#elif defined(__SANITIZE_ADDRESS__)
enum { CHILD_THREADS = 0, CHILD_HEAP = 0 };
#else
enum { CHILD_THREADS = 1, CHILD_HEAP = 1 };
#endif

static struct {
    nng_socket rep;
    nng_socket req;
    nng_ctx ctx;
    nng_dialer dialer; /* retries */
    nng_listener listener;
    struct probe receive; /* under way on ctx */
    struct probe sleep;
    nng_aio *idle;
    int descriptor;
    char url[LINK_URL_BYTES];
} parents;

/* Ends the child, with the line as its status. */
#define CHILD_CHECK(fact)                                                                          \
    do {                                                                                           \
        if (!(fact))                                                                               \
            _exit(1 + __LINE__ % 250);                                                             \
    } while (0)

static void child_finds_no_handles(bool heap)
{
    nng_duration ms;
    nng_msg *msg;

    CHILD_CHECK(nng_recvmsg(parents.rep, &msg, 0) == NNG_ECLOSED);
    CHILD_CHECK(nng_ctx_recvmsg(parents.ctx, &msg, 0) == NNG_ECLOSED);
    CHILD_CHECK(nng_socket_get_ms(parents.req, NNG_OPT_RECVTIMEO, &ms) == NNG_ECLOSED);
    if (heap) {
        CHILD_CHECK(link_send(parents.req, "x", 1, 0) == NNG_ECLOSED);
        CHILD_CHECK(nng_dial(parents.req, parents.url, NULL, 0) == NNG_ECLOSED);
    }
    CHILD_CHECK(nng_ctx_close(parents.ctx) == NNG_ECLOSED);
    CHILD_CHECK(nng_dialer_close(parents.dialer) == NNG_ENOENT);
    CHILD_CHECK(nng_listener_close(parents.listener) == NNG_ENOENT);
    CHILD_CHECK(nng_close(parents.rep) == NNG_ECLOSED);
    CHILD_CHECK(nng_close(parents.req) == NNG_ECLOSED);
    (void)host_polls(parents.descriptor, 0);
}

/* One of the parent's is as if it were stopped, and what was under way has ended for the child. */
static void child_drops_aio(struct probe *probe)
{
    int calls = atomic_load(&probe->calls);

    nng_aio_cancel(probe->aio);
    nng_aio_wait(probe->aio);
    CHILD_CHECK(!nng_aio_busy(probe->aio));
    CHILD_CHECK(nng_aio_result(probe->aio) == NNG_ECLOSED);
    nng_sleep_aio(0, probe->aio);
    CHILD_CHECK(nng_aio_result(probe->aio) == NNG_ECANCELED);
    CHILD_CHECK(!nng_aio_begin(probe->aio));
    nng_aio_stop(probe->aio);
    if (CHILD_HEAP)
        nng_aio_free(probe->aio);
    CHILD_CHECK(atomic_load(&probe->calls) == calls);
}

/* The library is as before its first socket; the address is the parent's still, but in inproc. */
static void child_opens_its_own(enum link_kind kind)
{
    struct probe probe;
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();

    link_url(kind, url);
    CHILD_CHECK(nng_listen(rep, kind == LINK_INPROC ? parents.url : url, NULL, 0) == 0);
    CHILD_CHECK(nng_dial(req, kind == LINK_INPROC ? parents.url : url, NULL, 0) == 0);
    probe_open(&probe, NULL, NULL);
    nng_recv_aio(rep, probe.aio);
    CHILD_CHECK(link_send(req, "mine", 4, 0) == 0);
    nng_aio_wait(probe.aio);
    CHILD_CHECK(probe.result == 0 && nng_msg_len(probe.msg) == 4);
    CHILD_CHECK(atomic_load(&probe.calls) == 1);
    nng_msg_free(probe.msg);
    nng_aio_free(probe.aio);
    CHILD_CHECK(nng_close(req) == 0);
    CHILD_CHECK(nng_close(rep) == 0);
}

static void child_main(enum link_kind kind, int round)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)alarm(20); /* it may hang */
    if (round % 2 == 0)
        child_finds_no_handles(CHILD_HEAP);
    child_drops_aio(&parents.receive);
    child_drops_aio(&parents.sleep);
    if (CHILD_HEAP)
        nng_aio_reap(parents.idle);
    if (CHILD_THREADS && round % 4 < 2)
        child_opens_its_own(kind);
    nng_fini();
    _exit(0);
}

static atomic_bool busy;

/* Calls that have the lock, or wait in the library, at any moment of a fork. */
static void *busy_main(void *argument)
{
    nng_socket req = *(nng_socket *)argument;
    nng_msg *msg;

    while (atomic_load(&busy)) {
        if (link_send(req, "busy", 4, 0) == 0 && nng_recvmsg(req, &msg, 0) == 0)
            nng_msg_free(msg);
    }
    return NULL;
}

static void open_parents(enum link_kind kind)
{
    link_url(kind, parents.url);
    parents.rep = link_open_rep();
    ck_assert_int_eq(nng_listen(parents.rep, parents.url, &parents.listener, 0), 0);
    parents.req = link_req(parents.url);
    link_exchange(parents.req, parents.rep, 10);
    ck_assert_int_eq(nng_dial(parents.req, "inproc://nobody", &parents.dialer, NNG_FLAG_NONBLOCK),
                     0);
    ck_assert_int_eq(nng_ctx_open(&parents.ctx, parents.req), 0);
    probe_open(&parents.receive, NULL, NULL);
    probe_open(&parents.sleep, NULL, NULL);
    ck_assert_int_eq(nng_aio_alloc(&parents.idle, NULL, NULL), 0);
    ck_assert_int_eq(nng_socket_get_int(parents.rep, NNG_OPT_RECVFD, &parents.descriptor), 0);
    nng_aio_set_msg(parents.receive.aio, probe_msg("question"));
    nng_ctx_send(parents.ctx, parents.receive.aio);
    probe_await(&parents.receive, 1);
    nng_ctx_recv(parents.ctx, parents.receive.aio);
    nng_sleep_aio(60000, parents.sleep.aio);
}

/* What the parent had is as it was: the question waits for its answer, and gets it. */
static void close_parents(void)
{
    nng_msg *msg;

    ck_assert(nng_aio_busy(parents.receive.aio));
    ck_assert(nng_aio_busy(parents.sleep.aio));
    ck_assert(host_polls(parents.descriptor, 0));
    ck_assert_int_eq(nng_recvmsg(parents.rep, &msg, 0), 0);
    ck_assert_int_eq(nng_sendmsg(parents.rep, msg, 0), 0);
    probe_await(&parents.receive, 2);
    ck_assert_int_eq(parents.receive.result, 0);
    ck_assert_uint_eq(nng_msg_len(parents.receive.msg), 8);
    nng_msg_free(parents.receive.msg);
    link_exchange(parents.req, parents.rep, 10);
    nng_aio_cancel(parents.sleep.aio);
    probe_await(&parents.sleep, 1);
    probe_close(&parents.receive, 2);
    probe_close(&parents.sleep, 1);
    nng_aio_free(parents.idle);
    ck_assert_int_eq(nng_close(parents.req), 0);
    ck_assert_int_eq(nng_close(parents.rep), 0);
}

START_TEST(a_child_gets_errors_and_can_drop_everything)
{
    struct link_holdings before = link_holdings();
    char url[LINK_URL_BYTES];
    nng_socket echo;
    nng_socket asks;
    pthread_t echoing;
    pthread_t asking;

    link_url(LINK_INPROC, url);
    echo = link_rep(url);
    asks = link_req(url);
    open_parents((enum link_kind)_i);
    echoing = link_echo(&echo);
    atomic_store(&busy, true);
    ck_assert_int_eq(pthread_create(&asking, NULL, busy_main, &asks), 0);
    for (int round = 0; round < FORKS; round++) {
        pid_t child = fork();
        int status;

        if (child == 0)
            child_main((enum link_kind)_i, round);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "round %d: status %x, line %d",
                      round, (unsigned)status, WEXITSTATUS(status) - 1);
    }
    atomic_store(&busy, false);
    pthread_join(asking, NULL);
    ck_assert_int_eq(nng_close(asks), 0);
    ck_assert_int_eq(nng_close(echo), 0);
    pthread_join(echoing, NULL);
    close_parents();
    ck_assert(link_wait(link_holdings_are, &before));
}
END_TEST

/* ---- children that fork ---- */

enum { GENERATIONS = 4 };

static void no_threads(void)
{
    spry_options options = SPRY_OPTIONS_INITIALIZER;

    options.threads = 0;
    CHILD_CHECK(spry_init(&options) == 0);
}

/* The first of them forks at once, as a daemon does; the next one has had sockets of its own. */
static void generations_main(enum link_kind kind)
{
    int input = fcntl(STDIN_FILENO, F_GETFD);

    no_threads();
    for (int generation = 1; generation < GENERATIONS; generation++) {
        pid_t child;
        int status;

        (void)alarm(20);
        if (generation == 2)
            child_opens_its_own(kind);
        child = fork();
        if (child != 0) {
            CHILD_CHECK(waitpid(child, &status, 0) == child);
            _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
        }
    }
    CHILD_CHECK(fcntl(STDIN_FILENO, F_GETFD) == input);
    child_opens_its_own(kind);
    _exit(0);
}

START_TEST(a_child_may_fork)
{
    pid_t child;
    int status;

    open_parents((enum link_kind)_i);
    child = fork();
    if (child == 0)
        generations_main((enum link_kind)_i);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x, line %d",
                  (unsigned)status, WEXITSTATUS(status) - 1);
    close_parents();
}
END_TEST

/* ---- memory ---- */

enum { BUDGET = 16 << 10, BODY = 1500 };

static void bounded(void)
{
    spry_options options = SPRY_OPTIONS_INITIALIZER;

    options.threads = 0;
    options.receive_budget = BUDGET;
    CHILD_CHECK(spry_init(&options) == 0);
}

static uint64_t lacks(nng_listener listener)
{
    nng_stat *all;
    uint64_t count;

    ck_assert_int_eq(nng_stats_get(&all), 0);
    count = nng_stat_value(nng_stat_find(nng_stat_find_listener(all, listener), "oom"));
    nng_stats_free(all);
    return count;
}

/* Requests that nobody receives, each from a client of its own, until one finds no room. */
static void spend_budget(const char *url, nng_listener listener, nng_socket *clients, int count)
{
    double limit = link_seconds() + LINK_DEADLINE_MS / 1000.0;
    char body[BODY] = {0};

    for (int i = 0; i < count; i++) {
        clients[i] = link_open_req();
        ck_assert_int_eq(nng_dial(clients[i], url, NULL, 0), 0);
        ck_assert_int_eq(link_send(clients[i], body, sizeof(body), 0), 0);
    }
    while (lacks(listener) == 0) {
        (void)spry_run(100);
        ck_assert_msg(link_seconds() < limit, "there is room for all");
    }
}

/* What its parent holds is none of its business. */
START_TEST(a_child_has_the_whole_budget)
{
    enum { CLIENTS = BUDGET / BODY + 1 };
    nng_socket clients[CLIENTS];
    char url[LINK_URL_BYTES];
    nng_listener listener;
    nng_socket rep;
    pid_t child;
    int status;

    link_url(LINK_IPC, url);
    bounded();
    rep = link_open_rep();
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    spend_budget(url, listener, clients, CLIENTS);
    child = fork();
    if (child == 0) {
        (void)alarm(20);
        bounded();
        link_url(LINK_IPC, url);
        rep = link_rep(url);
        link_exchange(link_req(url), rep, BUDGET / 4);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(nng_close(clients[i]), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(spry_init(NULL), 0);
}
END_TEST

/* Spare blocks come from what was the allocator then, and nobody would drop those that it keeps. */
START_TEST(a_child_keeps_no_spare_blocks)
{
    size_t bytes = SPARE_MIN;
    nng_socket rep;
    pid_t child;
    int status;

    no_threads(); /* one of the library's would drop them */
    rep = link_open_rep();
    spry_spare_enable(true);
    ck_assert(spry_spare_give(nng_alloc(bytes), bytes));
    child = fork();
    if (child == 0) {
        CHILD_CHECK(spry_spare_take(&bytes) == NULL);
        CHILD_CHECK(!spry_spare_give(nng_alloc(bytes), bytes));
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(spry_init(NULL), 0);
}
END_TEST

/* The callback's thread is the child's only one; its return is the end of the process. */
static atomic_int forked;

static void end_well(void)
{
    _exit(0);
}

static void fork_inside(struct probe *probe)
{
    pid_t child = fork();

    if (child != 0) {
        atomic_store(&forked, (int)child);
        return;
    }
    (void)alarm(20);
    child_finds_no_handles(true); /* no other thread is in the heap */
    nng_sleep_aio(0, probe->aio);
    if (*(int *)probe->argument != 0)
        nng_aio_free(probe->aio);
    CHILD_CHECK(atexit(end_well) == 0); /* before the leak checker, which misses main's stack */
}

static bool has_forked(void *argument)
{
    (void)argument;
    return atomic_load(&forked) != 0;
}

START_TEST(a_callback_may_fork)
{
    struct probe probe;
    int frees = _i / 2;
    int status;

    open_parents(_i % 2 == 0 ? LINK_TCP : LINK_INPROC);
    atomic_store(&forked, 0);
    probe_open(&probe, fork_inside, &frees);
    nng_sleep_aio(0, probe.aio);
    ck_assert(link_wait(has_forked, NULL));
    ck_assert_int_eq(waitpid((pid_t)atomic_load(&forked), &status, 0), atomic_load(&forked));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x", (unsigned)status);
    probe_close(&probe, 1);
    close_parents();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fork");
    TCase *tc = tcase_create("fork");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_fork_of_the_host_does_not_disturb, 0, LINKS);
    tcase_add_loop_test(tc, a_child_gets_errors_and_can_drop_everything, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, a_child_may_fork, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_child_has_the_whole_budget);
    tcase_add_test(tc, a_child_keeps_no_spare_blocks);
    tcase_add_loop_test(tc, a_callback_may_fork, 0, 4);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
