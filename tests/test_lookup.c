/* Name lookups that take their time or find several addresses: getaddrinfo is support/fake_lookup's. */
#include <nng/nng.h>

#include "fail_alloc.h"
#include "fake_lookup.h"
#include "link.h"

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool asked; /* for slow.test */
static bool released;
static uint32_t listening; /* the second address of two.test */

/* slow.test waits to be released; two.test and none.test have two addresses, others none. */
size_t fake_lookup(const char *name, uint32_t addresses[FAKE_LOOKUP_MAX])
{
    addresses[0] = link_ip4("127.0.0.2");
    addresses[1] = strcmp(name, "two.test") == 0 ? listening : link_ip4("127.0.0.3");
    if (strcmp(name, "two.test") == 0 || strcmp(name, "none.test") == 0)
        return 2;
    pthread_mutex_lock(&lock);
    if (strcmp(name, "slow.test") == 0) {
        asked = true;
        pthread_cond_broadcast(&changed);
        while (!released)
            pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    return 0;
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

START_TEST(the_next_address_is_tried_when_one_refuses)
{
    char url[LINK_URL_BYTES], named[LINK_URL_BYTES];
    nng_socket rep = link_open_rep(), req = link_open_req();
    nng_listener listener;
    nng_sockaddr address;
    const char *port;

    link_url(LINK_TCP, url);
    port = strrchr(url, ':');
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), 0);
    listening = address.s_in.sa_addr;
    (void)snprintf(named, sizeof(named), "tcp://two.test%s", port);
    ck_assert_int_eq(nng_dial(req, named, NULL, 0), 0);
    link_exchange(req, rep, 100);
    ck_assert_int_eq(nng_close(req), 0);
    req = link_open_req();
    (void)snprintf(named, sizeof(named), "tcp://none.test%s", port);
    ck_assert_int_eq(nng_dial(req, named, NULL, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(without_memory_nothing_is_looked_up)
{
    nng_socket req;
    nng_dialer dialer;
    int rv;

    fail_alloc_install(0);
    req = link_open_req();
    ck_assert_int_eq(nng_dialer_create(&dialer, req, "tcp://fast.test:9"), 0);
    fail_alloc_at(1);
    rv = nng_dialer_start(dialer, 0);
    fail_alloc_at(0);
    ck_assert_int_eq(rv, NNG_ENOMEM);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_close(req), 0);
    link_teardown();
    link_setup();
    fail_alloc_finish();
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
    tcase_add_test(tc, the_next_address_is_tried_when_one_refuses);
    tcase_add_test(tc, without_memory_nothing_is_looked_up);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
