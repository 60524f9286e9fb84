/* Callbacks that follow one another, or hold each other up: the rest of the library goes on. */
#include <nng/protocol/pair0/pair.h>

#include "link.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { KINDS = LINK_INPROC + 1 };

/* Waited for without a call into the library, which could do the work itself. */
static bool is_set(atomic_bool *flag)
{
    double limit = link_seconds() + LINK_DEADLINE_MS / 1000.0;

    while (!atomic_load(flag) && link_seconds() < limit)
        usleep(500);
    return atomic_load(flag);
}

/* ---- a chain that never ends ---- */

struct chain {
    nng_aio *aio;
    atomic_bool stop;
};

static void chain_next(void *argument)
{
    struct chain *chain = argument;

    if (!atomic_load(&chain->stop))
        nng_sleep_aio(0, chain->aio);
}

static void set_flag(void *argument)
{
    atomic_store((atomic_bool *)argument, true);
}

START_TEST(a_timer_fires_beside_callbacks_that_follow_at_once)
{
    struct chain chain = {NULL, false};
    atomic_bool fired = false;
    nng_aio *later;

    ck_assert_int_eq(nng_aio_alloc(&chain.aio, chain_next, &chain), 0);
    ck_assert_int_eq(nng_aio_alloc(&later, set_flag, &fired), 0);
    nng_sleep_aio(50, later);
    nng_sleep_aio(0, chain.aio);
    ck_assert(is_set(&fired));
    atomic_store(&chain.stop, true);
    nng_aio_free(chain.aio);
    nng_aio_free(later);
}
END_TEST

/* Two devices that each send back what they get: the message goes round without end. */
START_TEST(a_ring_of_devices_can_be_closed)
{
    nng_socket none = NNG_SOCKET_INITIALIZER;
    char url[LINK_URL_BYTES];
    nng_socket ends[2];
    nng_aio *devices[2];
    nng_msg *msg;

    link_url((enum link_kind)_i, url);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(nng_pair0_open_raw(&ends[i]), 0);
        ck_assert_int_eq(nng_aio_alloc(&devices[i], NULL, NULL), 0);
    }
    ck_assert_int_eq(nng_listen(ends[0], url, NULL, 0), 0);
    ck_assert_int_eq(nng_dial(ends[1], url, NULL, 0), 0);
    ck_assert_int_eq(nng_msg_alloc(&msg, 5), 0);
    ck_assert_int_eq(nng_sendmsg(ends[0], msg, 0), 0);
    for (int i = 0; i < 2; i++)
        nng_device_aio(devices[i], ends[i], none);
    usleep(20000);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(nng_close(ends[i]), 0);
    for (int i = 0; i < 2; i++) {
        nng_aio_wait(devices[i]);
        ck_assert_int_eq(nng_aio_result(devices[i]), NNG_ECLOSED);
        nng_aio_free(devices[i]);
    }
}
END_TEST

/* ---- one that sends, and one behind it that takes long ---- */

struct pairing {
    nng_socket near;
    nng_socket far;
    nng_aio *gate;
    nng_aio *sender;
    nng_aio *sending;
    nng_aio *waiter;
    atomic_bool entered;
    atomic_bool open;
    atomic_bool heard;
    bool in_time;
};

static void gate_run(void *argument)
{
    struct pairing *p = argument;

    atomic_store(&p->entered, true);
    (void)is_set(&p->open);
}

/* Quick, so that what it does is settled together with the next one. */
static void sender_run(void *argument)
{
    struct pairing *p = argument;

    nng_send_aio(p->near, p->sending);
}

static void waiter_run(void *argument)
{
    struct pairing *p = argument;

    p->in_time = is_set(&p->heard);
}

static void *hear_main(void *argument)
{
    struct pairing *p = argument;
    nng_msg *msg;

    ck_assert_int_eq(nng_recvmsg(p->far, &msg, 0), 0);
    nng_msg_free(msg);
    atomic_store(&p->heard, true);
    return NULL;
}

/* The near end's one message is in `sending`. */
static void pairing_open(struct pairing *p)
{
    nng_msg *msg;

    ck_assert_int_eq(nng_pair0_open(&p->near), 0);
    ck_assert_int_eq(nng_pair0_open(&p->far), 0);
    ck_assert_int_eq(nng_aio_alloc(&p->gate, gate_run, p), 0);
    ck_assert_int_eq(nng_aio_alloc(&p->sender, sender_run, p), 0);
    ck_assert_int_eq(nng_aio_alloc(&p->sending, NULL, NULL), 0);
    ck_assert_int_eq(nng_aio_alloc(&p->waiter, waiter_run, p), 0);
    ck_assert_int_eq(nng_msg_alloc(&msg, 1), 0);
    nng_aio_set_msg(p->sending, msg);
}

static void pairing_close(struct pairing *p)
{
    nng_aio_free(p->gate);
    nng_aio_free(p->sender);
    nng_aio_free(p->waiter);
    nng_aio_free(p->sending);
    ck_assert(p->in_time);
    ck_assert_int_eq(nng_close(p->near), 0);
    ck_assert_int_eq(nng_close(p->far), 0);
}

START_TEST(what_a_callback_sends_leaves_though_the_next_takes_long)
{
    struct pairing p = {.in_time = false};
    char url[LINK_URL_BYTES];
    pthread_t hears;

    link_url((enum link_kind)_i, url);
    pairing_open(&p);
    ck_assert_int_eq(nng_listen(p.near, url, NULL, 0), 0);
    ck_assert_int_eq(nng_dial(p.far, url, NULL, 0), 0);
    ck_assert_int_eq(pthread_create(&hears, NULL, hear_main, &p), 0);
    nng_sleep_aio(0, p.gate); /* until both others are due behind it */
    ck_assert(is_set(&p.entered));
    nng_sleep_aio(0, p.sender);
    nng_sleep_aio(0, p.waiter);
    usleep(50000); /* the other thread blocks by then, or does the work itself when it comes */
    atomic_store(&p.open, true);
    ck_assert_int_eq(pthread_join(hears, NULL), 0);
    pairing_close(&p);
}
END_TEST

/* The next callback becomes due inside, so that it follows at once. */
static void joining(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct pairing *p = argument;

    (void)pipe;
    (void)event;
    (void)is_set(&p->open);
    nng_sleep_aio(0, p->waiter);
}

/* The pipe joins after its callback, and so takes the message that waits for it. */
START_TEST(what_leaves_after_a_callback_does_so_though_the_next_takes_long)
{
    struct pairing p = {.in_time = false};
    char url[LINK_URL_BYTES];
    pthread_t hears;

    link_url((enum link_kind)_i, url);
    pairing_open(&p);
    ck_assert_int_eq(nng_pipe_notify(p.near, NNG_PIPE_EV_ADD_PRE, joining, &p), 0);
    ck_assert_int_eq(nng_listen(p.near, url, NULL, 0), 0);
    nng_send_aio(p.near, p.sending);
    ck_assert_int_eq(nng_dial(p.far, url, NULL, 0), 0);
    ck_assert_int_eq(pthread_create(&hears, NULL, hear_main, &p), 0);
    usleep(50000); /* the other thread blocks by then, or does the work itself when it comes */
    atomic_store(&p.open, true);
    ck_assert_int_eq(pthread_join(hears, NULL), 0);
    pairing_close(&p);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("callback");
    TCase *tc = tcase_create("callback");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_timer_fires_beside_callbacks_that_follow_at_once);
    tcase_add_loop_test(tc, a_ring_of_devices_can_be_closed, 0, KINDS);
    tcase_add_loop_test(tc, what_a_callback_sends_leaves_though_the_next_takes_long, 0, KINDS);
    tcase_add_loop_test(tc, what_leaves_after_a_callback_does_so_though_the_next_takes_long, 0,
                        KINDS);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
