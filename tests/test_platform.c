/* Time, threads and locks as programs get them. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/supplemental/util/platform.h>

#include "fail_alloc.h"
#include "host.h"

enum { THREADS = 4, ROUNDS = 20000, WAITERS = 3 };

static void setup(void)
{
    fail_alloc_install(0);
}

static void teardown(void)
{
    fail_alloc_finish();
}

static nng_thread *started(void (*run)(void *), void *argument)
{
    nng_thread *thread;

    ck_assert_int_eq(nng_thread_create(&thread, run, argument), 0);
    return thread;
}

START_TEST(the_clock_counts_milliseconds)
{
    nng_time before = nng_clock();
    double seconds = host_seconds();
    nng_time ms;

    nng_msleep(50);
    ms = nng_clock() - before;
    seconds = host_seconds() - seconds;
    ck_assert_uint_ge(ms, 49); /* both readings are cut to whole ones */
    ck_assert_double_le((double)ms, seconds * 1000 + 20);
    ck_assert_double_ge(seconds, 0.049);
}
END_TEST

START_TEST(no_time_is_no_sleep)
{
    nng_time before = nng_clock();

    nng_msleep(0);
    nng_msleep(-1);
    nng_msleep(NNG_DURATION_DEFAULT);
    nng_msleep(INT32_MIN);
    ck_assert_uint_le(nng_clock() - before, 5000);
}
END_TEST

START_TEST(random_numbers_differ)
{
    uint32_t set = 0;
    uint32_t clear = 0;

    for (int i = 0; i < 64; i++) {
        uint32_t number = nng_random();

        set |= number;
        clear |= ~number;
    }
    ck_assert_uint_eq(set, UINT32_MAX);
    ck_assert_uint_eq(clear, UINT32_MAX);
}
END_TEST

static void sleep_and_tell(void *argument)
{
    nng_msleep(200); /* longer than the library waits for a thread of its own on Windows */
    atomic_store((atomic_int *)argument, 1);
}

START_TEST(destroying_a_thread_waits_for_its_end)
{
    atomic_int told;
    nng_thread *thread;

    atomic_init(&told, 0);
    thread = started(sleep_and_tell, &told);
    nng_thread_set_name(thread, "spry");
    nng_thread_set_name(thread, "a name that is longer than any system wants to have it, really");
    nng_thread_set_name(thread, "");
    nng_thread_set_name(thread, NULL);
    nng_thread_set_name(NULL, "self");
    nng_thread_destroy(thread);
    ck_assert_int_eq(atomic_load(&told), 1);
    nng_thread_destroy(NULL);
}
END_TEST

struct shared {
    nng_mtx *mtx;
    nng_cv *cv;
    nng_thread *thread;
    unsigned count;
    bool go;
    unsigned waiting;
};

static void shared_init(struct shared *shared)
{
    memset(shared, 0, sizeof(*shared));
    ck_assert_int_eq(nng_mtx_alloc(&shared->mtx), 0);
    ck_assert_int_eq(nng_cv_alloc(&shared->cv, shared->mtx), 0);
}

static void shared_fini(struct shared *shared)
{
    nng_cv_free(shared->cv);
    nng_mtx_free(shared->mtx);
}

static void destroy_itself(void *argument)
{
    struct shared *shared = argument;

    nng_mtx_lock(shared->mtx);
    while (shared->thread == NULL)
        nng_cv_wait(shared->cv);
    nng_mtx_unlock(shared->mtx);
    nng_thread_destroy(shared->thread);
    nng_mtx_lock(shared->mtx);
    shared->count = 1;
    nng_cv_wake(shared->cv);
    nng_mtx_unlock(shared->mtx);
}

START_TEST(a_thread_may_destroy_itself)
{
    struct shared shared;
    nng_thread *thread;

    shared_init(&shared);
    thread = started(destroy_itself, &shared);
    nng_mtx_lock(shared.mtx);
    shared.thread = thread;
    nng_cv_wake(shared.cv);
    while (shared.count == 0)
        nng_cv_wait(shared.cv);
    nng_mtx_unlock(shared.mtx);
    shared_fini(&shared);
}
END_TEST

static void count_up(void *argument)
{
    struct shared *shared = argument;

    for (int i = 0; i < ROUNDS; i++) {
        nng_mtx_lock(shared->mtx);
        shared->count++;
        nng_mtx_unlock(shared->mtx);
    }
}

START_TEST(a_mutex_lets_one_thread_in)
{
    struct shared shared;
    nng_thread *threads[THREADS];

    shared_init(&shared);
    for (int i = 0; i < THREADS; i++)
        threads[i] = started(count_up, &shared);
    for (int i = 0; i < THREADS; i++)
        nng_thread_destroy(threads[i]);
    ck_assert_uint_eq(shared.count, THREADS * ROUNDS);
    shared_fini(&shared);
}
END_TEST

/* Waits until it may go on, takes one of `count`. */
static void wait_and_take(void *argument)
{
    struct shared *shared = argument;

    nng_mtx_lock(shared->mtx);
    shared->waiting++;
    while (shared->count == 0)
        nng_cv_wait(shared->cv);
    shared->count--;
    shared->waiting--;
    nng_mtx_unlock(shared->mtx);
}

static void await_waiting(struct shared *shared, unsigned waiting)
{
    nng_mtx_lock(shared->mtx);
    while (shared->waiting != waiting) {
        nng_mtx_unlock(shared->mtx);
        nng_msleep(1);
        nng_mtx_lock(shared->mtx);
    }
    nng_mtx_unlock(shared->mtx);
}

START_TEST(waking_one_wakes_one_and_waking_all_wakes_all)
{
    struct shared shared;
    nng_thread *threads[WAITERS];

    shared_init(&shared);
    for (int i = 0; i < WAITERS; i++)
        threads[i] = started(wait_and_take, &shared);
    await_waiting(&shared, WAITERS);
    nng_mtx_lock(shared.mtx);
    shared.count = 1;
    nng_cv_wake1(shared.cv);
    nng_mtx_unlock(shared.mtx);
    await_waiting(&shared, WAITERS - 1);
    nng_mtx_lock(shared.mtx);
    shared.count = WAITERS - 1;
    nng_cv_wake(shared.cv);
    nng_mtx_unlock(shared.mtx);
    for (int i = 0; i < WAITERS; i++)
        nng_thread_destroy(threads[i]);
    ck_assert_uint_eq(shared.count, 0);
    shared_fini(&shared);
}
END_TEST

static int wait_till_timeout(struct shared *shared, nng_time when)
{
    int rv;

    nng_mtx_lock(shared->mtx);
    do {
        rv = nng_cv_until(shared->cv, when);
    } while (rv == 0);
    nng_mtx_unlock(shared->mtx);
    return rv;
}

START_TEST(a_wait_ends_at_its_time_and_not_before)
{
    struct shared shared;
    nng_time when = nng_clock() + 30;

    shared_init(&shared);
    ck_assert_int_eq(wait_till_timeout(&shared, when), NNG_ETIMEDOUT);
    ck_assert_uint_ge(nng_clock(), when);
    ck_assert_int_eq(wait_till_timeout(&shared, 0), NNG_ETIMEDOUT);
    ck_assert_int_eq(wait_till_timeout(&shared, nng_clock()), NNG_ETIMEDOUT);
    shared_fini(&shared);
}
END_TEST

static void set_and_wake(void *argument)
{
    struct shared *shared = argument;

    nng_mtx_lock(shared->mtx);
    shared->go = true;
    nng_cv_wake(shared->cv);
    nng_mtx_unlock(shared->mtx);
}

START_TEST(a_wait_ends_when_woken_before_its_time)
{
    nng_time whens[] = {nng_clock() + 100000, (nng_time)INT32_MAX * 1000, UINT64_MAX / 1000000,
                        UINT64_MAX / 1000000 + 1, UINT64_MAX};

    for (size_t i = 0; i < sizeof(whens) / sizeof(whens[0]); i++) {
        struct shared shared;
        nng_thread *thread;
        int rv = 0;

        shared_init(&shared);
        nng_mtx_lock(shared.mtx);
        thread = started(set_and_wake, &shared);
        while (!shared.go && rv == 0)
            rv = nng_cv_until(shared.cv, whens[i]);
        nng_mtx_unlock(shared.mtx);
        ck_assert_int_eq(rv, 0);
        nng_thread_destroy(thread);
        shared_fini(&shared);
    }
}
END_TEST

static void do_nothing(void *argument)
{
    (void)argument;
}

START_TEST(wrong_calls_and_want_of_memory_are_told)
{
    nng_thread *thread = NULL;
    nng_mtx *mtx = NULL;
    nng_cv *cv = NULL;

    ck_assert_int_eq(nng_thread_create(&thread, NULL, NULL), NNG_EINVAL);
    ck_assert_int_eq(nng_cv_alloc(&cv, NULL), NNG_EINVAL);
    nng_mtx_free(NULL);
    nng_cv_free(NULL);
    fail_alloc_at(1);
    ck_assert_int_eq(nng_thread_create(&thread, do_nothing, NULL), NNG_ENOMEM);
    fail_alloc_at(1);
    ck_assert_int_eq(nng_mtx_alloc(&mtx), NNG_ENOMEM);
    fail_alloc_at(0);
    ck_assert_ptr_null(thread);
    ck_assert_ptr_null(mtx);
    ck_assert_int_eq(nng_mtx_alloc(&mtx), 0);
    fail_alloc_at(1);
    ck_assert_int_eq(nng_cv_alloc(&cv, mtx), NNG_ENOMEM);
    ck_assert_ptr_null(cv);
    nng_mtx_free(mtx);
}
END_TEST

START_TEST(the_ends_of_a_socket_pair_are_connected)
{
    int ends[2] = {-1, -1};
    int rv = nng_socket_pair(ends);

    if (rv == 0) {
        ck_assert(host_send(ends[0], "x", 1));
        ck_assert(host_send(ends[1], "y", 1));
        host_close(ends[0]);
        host_close(ends[1]);
        return;
    }
    ck_assert_int_eq(rv, NNG_ENOTSUP);
    ck_assert(!host_has_unix_sockets());
    ck_assert_int_eq(ends[0], -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("platform");
    TCase *tc = tcase_create("platform");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_clock_counts_milliseconds);
    tcase_add_test(tc, no_time_is_no_sleep);
    tcase_add_test(tc, random_numbers_differ);
    tcase_add_test(tc, destroying_a_thread_waits_for_its_end);
    tcase_add_test(tc, a_thread_may_destroy_itself);
    tcase_add_test(tc, a_mutex_lets_one_thread_in);
    tcase_add_test(tc, waking_one_wakes_one_and_waking_all_wakes_all);
    tcase_add_test(tc, a_wait_ends_at_its_time_and_not_before);
    tcase_add_test(tc, a_wait_ends_when_woken_before_its_time);
    tcase_add_test(tc, wrong_calls_and_want_of_memory_are_told);
    tcase_add_test(tc, the_ends_of_a_socket_pair_are_connected);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
