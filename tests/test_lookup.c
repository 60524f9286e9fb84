/* Name lookups that take their time: getaddrinfo is support/fake_lookup's. */
#include <nng/nng.h>

#include "fake_lookup.h"
#include "link.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool asked; /* for slow.test */
static bool released;

/* slow.test waits to be released; no name is known. */
void fake_lookup(const char *name)
{
    pthread_mutex_lock(&lock);
    if (strcmp(name, "slow.test") == 0) {
        asked = true;
        pthread_cond_broadcast(&changed);
        while (!released)
            pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void await_asked(void)
{
    pthread_mutex_lock(&lock);
    while (!asked)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static void release(void)
{
    pthread_mutex_lock(&lock);
    released = true;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static nng_socket dial_slowly(void)
{
    nng_socket req = link_open_req();

    ck_assert_int_eq(nng_dial(req, "tcp://slow.test:9", NULL, NNG_FLAG_NONBLOCK), 0);
    await_asked();
    return req;
}

START_TEST(a_slow_name_holds_up_no_other)
{
    nng_socket slow = dial_slowly();
    nng_socket req = link_open_req();

    ck_assert_int_eq(nng_dial(req, "tcp://fast.test:9", NULL, 0), NNG_EADDRINVAL);
    release();
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(slow), 0);
}
END_TEST

START_TEST(close_does_not_wait_for_a_slow_name)
{
    nng_socket slow = dial_slowly();

    ck_assert_int_eq(nng_close(slow), 0);
    release();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lookup");
    TCase *tc = tcase_create("lookup");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 20);
    tcase_add_test(tc, a_slow_name_holds_up_no_other);
    tcase_add_test(tc, close_does_not_wait_for_a_slow_name);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
