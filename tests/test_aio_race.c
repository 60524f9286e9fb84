/* Ends of an operation that meet: whoever gets there first, there is one end and one callback. */
#include "support/link.h"
#include "support/probe.h"
#include "support/racer.h"

#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

enum { ROUNDS = 3000, SOCKET_ROUNDS = 150 };

/*
 * Who is first is the scheduler's: it may be the same one each time (valgrind runs one thread at a
 * time). So some rounds have an order, and what they end with is known; the others are races.
 */
enum order { CANCEL_FIRST, END_FIRST, RACE };

static enum order order_of(unsigned round)
{
    return round % 4 == 0 ? CANCEL_FIRST : round % 4 == 1 ? END_FIRST : RACE;
}

static void check_canceled(enum order order, int result)
{
    if (order == RACE)
        ck_assert(result == 0 || result == NNG_ECANCELED);
    else
        ck_assert_int_eq(result, order == CANCEL_FIRST ? NNG_ECANCELED : 0);
}

static void run_cancel(void *argument)
{
    nng_aio_cancel(argument);
}

static void run_stop(void *argument)
{
    nng_aio_stop(argument);
}

START_TEST(a_cancel_meets_the_end_of_a_sleep)
{
    struct racer racer;
    struct probe probe;

    probe_open(&probe, NULL, NULL);
    ck_assert(racer_start(&racer, run_cancel, probe.aio));
    for (unsigned round = 1; round <= ROUNDS; round++) {
        enum order order = order_of(round);

        if (order == RACE && round % 8 == 2)
            racer_go(&racer, round);
        nng_sleep_aio(order == CANCEL_FIRST ? 60000 : 0, probe.aio);
        if (order == END_FIRST)
            nng_aio_wait(probe.aio);
        racer_go(&racer, round);
        nng_aio_wait(probe.aio);
        racer_await(&racer, round);
        ck_assert_int_eq(atomic_load(&probe.calls), (int)round);
        check_canceled(order, probe.result);
    }
    racer_end(&racer);
    probe_close(&probe, ROUNDS);
}
END_TEST

/* Each message goes to the receive or stays for the next: none is lost, none comes twice. */
START_TEST(a_cancel_meets_a_message)
{
    char url[LINK_URL_BYTES];
    struct racer racer;
    struct probe probe;
    nng_socket one;
    nng_socket two;

    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_pair1_open(&one), 0);
    ck_assert_int_eq(nng_pair1_open(&two), 0);
    ck_assert_int_eq(nng_listen(one, url, NULL, 0), 0);
    ck_assert_int_eq(nng_dial(two, url, NULL, 0), 0);
    probe_open(&probe, NULL, NULL);
    ck_assert(racer_start(&racer, run_cancel, probe.aio));
    for (unsigned round = 1; round <= ROUNDS; round++) {
        enum order order = order_of(round);
        uint32_t number;
        int rv;

        nng_recv_aio(one, probe.aio);
        if (order != END_FIRST)
            racer_go(&racer, round);
        if (order == CANCEL_FIRST)
            racer_await(&racer, round);
        rv = link_send(two, &round, sizeof(round), 0);
        ck_assert_int_eq(rv, 0);
        nng_aio_wait(probe.aio);
        racer_go(&racer, round);
        racer_await(&racer, round);
        ck_assert_int_eq(atomic_load(&probe.calls), (int)round);
        check_canceled(order, probe.result);
        if (probe.result == 0) {
            memcpy(&number, nng_msg_body(probe.msg), sizeof(number));
            nng_msg_free(probe.msg);
            nng_aio_set_msg(probe.aio, NULL);
        } else {
            size_t bytes = sizeof(number);

            ck_assert_ptr_null(probe.msg);
            ck_assert_int_eq(nng_recv(one, &number, &bytes, 0), 0);
        }
        ck_assert_uint_eq(number, round);
    }
    racer_end(&racer);
    probe_close(&probe, ROUNDS);
    ck_assert_int_eq(nng_close(one), 0);
    ck_assert_int_eq(nng_close(two), 0);
}
END_TEST

struct provider {
    pthread_mutex_t lock;
    bool owned;
    nng_aio *aio;
    int cancels;
};

static bool provider_take(struct provider *provider)
{
    bool owned;

    pthread_mutex_lock(&provider->lock);
    owned = provider->owned;
    provider->owned = false;
    pthread_mutex_unlock(&provider->lock);
    return owned;
}

static void provider_cancel(nng_aio *aio, void *argument, int error)
{
    struct provider *provider = argument;

    provider->cancels++; /* callbacks of one aio never run at once */
    if (provider_take(provider))
        nng_aio_finish(aio, error);
}

static void run_finish(void *argument)
{
    struct provider *provider = argument;

    if (provider_take(provider))
        nng_aio_finish(provider->aio, 0);
}

START_TEST(a_cancel_meets_the_finish_of_a_provider)
{
    struct provider provider = {.owned = false};
    struct racer racer;
    struct probe probe;

    pthread_mutex_init(&provider.lock, NULL);
    probe_open(&probe, NULL, NULL);
    provider.aio = probe.aio;
    ck_assert(racer_start(&racer, run_finish, &provider));
    for (unsigned round = 1; round <= ROUNDS; round++) {
        int before = provider.cancels;

        nng_aio_set_timeout(probe.aio, round % 3 == 0 ? 0 : NNG_DURATION_DEFAULT);
        ck_assert(nng_aio_begin(probe.aio));
        pthread_mutex_lock(&provider.lock);
        provider.owned = true;
        pthread_mutex_unlock(&provider.lock);
        if (round % 2 == 0)
            nng_aio_defer(probe.aio, provider_cancel, &provider);
        racer_go(&racer, round);
        nng_aio_cancel(probe.aio);
        nng_aio_abort(probe.aio, NNG_EINTR);
        racer_await(&racer, round);
        nng_aio_wait(probe.aio);
        ck_assert_int_le(provider.cancels - before, round % 2 == 0 ? 1 : 0);
        ck_assert_int_eq(atomic_load(&probe.calls), (int)round);
        ck_assert(probe.result == 0 || probe.result == NNG_ECANCELED ||
                  probe.result == NNG_ETIMEDOUT || probe.result == NNG_EINTR);
    }
    racer_end(&racer);
    probe_close(&probe, ROUNDS);
    pthread_mutex_destroy(&provider.lock);
}
END_TEST

/* The callback begins again while another thread stops the aio; then it is freed at once. */
static void begin_again(struct probe *probe)
{
    nng_sleep_aio(0, probe->aio);
}

START_TEST(a_stop_meets_a_callback_that_begins_again)
{
    for (int round = 0; round < ROUNDS / 10; round++) {
        struct racer racer;
        struct probe probe;

        probe_open(&probe, begin_again, NULL);
        ck_assert(racer_start(&racer, run_stop, probe.aio));
        nng_sleep_aio(0, probe.aio);
        racer_go(&racer, 1);
        if (round % 2 == 0)
            nng_aio_stop(probe.aio);
        racer_await(&racer, 1);
        racer_end(&racer);
        ck_assert(!nng_aio_busy(probe.aio));
        ck_assert_int_eq(nng_aio_result(probe.aio), NNG_ECANCELED);
        probe_close(&probe, atomic_load(&probe.calls));
    }
}
END_TEST

struct closing {
    nng_socket socket;
    nng_ctx context;
};

static void run_close(void *argument)
{
    struct closing *closing = argument;

    if (closing->context.id != 0)
        ck_assert_int_eq(nng_ctx_close(closing->context), 0);
    else
        ck_assert_int_eq(nng_close(closing->socket), 0);
}

/* A request and its answer, and the close of either side or of a context somewhere in it. */
START_TEST(a_close_meets_an_exchange)
{
    struct closing closing;
    struct racer racer;

    ck_assert(racer_start(&racer, run_close, &closing));
    for (unsigned round = 1; round <= SOCKET_ROUNDS; round++) {
        char url[LINK_URL_BYTES];
        struct probe ask;
        struct probe answer;
        nng_socket rep;
        nng_socket req;
        nng_ctx contexts[2];
        nng_msg *msg = probe_msg("question");

        link_url((enum link_kind)_i, url);
        rep = link_rep(url);
        req = link_req(url);
        ck_assert_int_eq(nng_ctx_open(&contexts[0], req), 0);
        ck_assert_int_eq(nng_ctx_open(&contexts[1], rep), 0);
        probe_open(&ask, NULL, NULL);
        probe_open(&answer, NULL, NULL);
        closing.socket = round % 2 == 0 ? req : rep;
        closing.context = round % 4 < 2 ? contexts[1 - round % 2] : (nng_ctx){0};
        nng_aio_set_msg(ask.aio, msg);
        nng_ctx_recv(contexts[1], answer.aio);
        racer_go(&racer, round);
        nng_ctx_send(contexts[0], ask.aio);
        racer_await(&racer, round);
        nng_aio_cancel(answer.aio);
        nng_aio_cancel(ask.aio);
        nng_aio_wait(ask.aio);
        nng_aio_wait(answer.aio);
        ck_assert(ask.result == 0 || ask.result == NNG_ECLOSED || ask.result == NNG_ECANCELED);
        ck_assert_ptr_eq(ask.msg, ask.result == 0 ? NULL : msg);
        nng_msg_free(ask.msg);
        ck_assert(answer.result == 0 || answer.result == NNG_ECLOSED ||
                  answer.result == NNG_ECANCELED);
        ck_assert_int_eq(answer.msg != NULL, answer.result == 0);
        nng_msg_free(answer.msg);
        probe_close(&ask, 1);
        probe_close(&answer, 1);
        (void)nng_close(req);
        (void)nng_close(rep);
    }
    racer_end(&racer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("aio race");
    TCase *tc = tcase_create("races");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_test(tc, a_cancel_meets_the_end_of_a_sleep);
    tcase_add_loop_test(tc, a_cancel_meets_a_message, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_cancel_meets_the_finish_of_a_provider);
    tcase_add_test(tc, a_stop_meets_a_callback_that_begins_again);
    tcase_add_loop_test(tc, a_close_meets_an_exchange, 0, LINK_INPROC + 1);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
