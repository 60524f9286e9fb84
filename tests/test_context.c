/* Contexts: conversations of one socket that know nothing of each other. */
#include "support/fail_alloc.h"
#include "support/link.h"
#include "support/probe.h"

#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/host.h"

enum { MANY = 20, SHORTAGE_MS = 300 };

static nng_ctx open_context(nng_socket socket)
{
    nng_ctx context;

    ck_assert_int_eq(nng_ctx_open(&context, socket), 0);
    ck_assert_int_gt(nng_ctx_id(context), 0);
    return context;
}

static void send_number(nng_ctx context, uint32_t number)
{
    nng_msg *msg;

    ck_assert_int_eq(nng_msg_alloc(&msg, 0), 0);
    ck_assert_int_eq(nng_msg_append_u32(msg, number), 0);
    ck_assert_int_eq(nng_ctx_sendmsg(context, msg, 0), 0);
}

static uint32_t receive_number(nng_ctx context)
{
    uint32_t number;
    nng_msg *msg;

    ck_assert_int_eq(nng_ctx_recvmsg(context, &msg, 0), 0);
    ck_assert_int_eq(nng_msg_trim_u32(msg, &number), 0);
    ck_assert_uint_eq(nng_msg_len(msg), 0);
    nng_msg_free(msg);
    return number;
}

/* All questions are out before the first answer, and the answers come in another order. */
START_TEST(each_context_gets_its_own_answer)
{
    char url[LINK_URL_BYTES];
    nng_ctx ask[MANY];
    nng_ctx answer[MANY];
    uint32_t asked[MANY];
    nng_socket rep;
    nng_socket req;
    nng_msg *msg;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    for (uint32_t i = 0; i < MANY; i++) {
        ask[i] = open_context(req);
        answer[i] = open_context(rep);
    }
    for (uint32_t round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            send_number(ask[i], round * 100 + i);
            asked[i] = receive_number(answer[i]);
        }
        for (uint32_t i = MANY; i-- > 0;)
            send_number(answer[(i * 7) % MANY], asked[(i * 7) % MANY] + 1000000);
        for (uint32_t i = 0; i < MANY; i++)
            ck_assert_uint_eq(receive_number(ask[(i * 3) % MANY]),
                              1000000 + round * 100 + (i * 3) % MANY);
    }
    /* The socket itself is none of them. */
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), NNG_ESTATE);
    ck_assert_int_eq(link_send(rep, "x", 1, 0), NNG_ESTATE);
    link_exchange(req, rep, 5);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(one_contexts_turn_is_not_anothers)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    nng_ctx one;
    nng_ctx two;
    nng_ctx answers;
    nng_msg *msg;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    one = open_context(req);
    two = open_context(req);
    answers = open_context(rep);
    ck_assert_int_ne(nng_ctx_id(one), nng_ctx_id(two));
    ck_assert_int_eq(nng_ctx_recvmsg(one, &msg, 0), NNG_ESTATE);
    ck_assert_int_eq(nng_ctx_sendmsg(one, NULL, 0), NNG_EINVAL);
    ck_assert_int_eq(nng_ctx_recvmsg(answers, &msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    msg = probe_msg("x");
    ck_assert_int_eq(nng_ctx_sendmsg(answers, msg, 0), NNG_ESTATE);
    nng_msg_free(msg);
    send_number(one, 1);
    ck_assert_int_eq(nng_ctx_recvmsg(two, &msg, 0), NNG_ESTATE);
    ck_assert_uint_eq(receive_number(answers), 1);
    send_number(two, 2); /* does not take the place of the first */
    send_number(answers, 11);
    ck_assert_uint_eq(receive_number(answers), 2);
    ck_assert_uint_eq(receive_number(one), 11);
    ck_assert_int_eq(nng_ctx_close(one), 0); /* nor does a close */
    send_number(answers, 12);
    ck_assert_uint_eq(receive_number(two), 12);
    ck_assert_int_eq(nng_ctx_close(two), 0);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_ctx_close(answers), NNG_ECLOSED);
}
END_TEST

static nng_duration get_ms(nng_ctx context, const char *name)
{
    nng_duration ms;

    ck_assert_int_eq(nng_ctx_get_ms(context, name, &ms), 0);
    return ms;
}

START_TEST(options_are_copied_when_it_is_opened)
{
    static const char *const names[] = {NNG_OPT_SENDTIMEO, NNG_OPT_RECVTIMEO,
                                        NNG_OPT_REQ_RESENDTIME};
    nng_socket req = link_open_req();
    nng_ctx before = open_context(req);
    nng_duration ms;

    for (int i = 0; i < 3; i++) {
        nng_duration old;
        nng_ctx after;

        ck_assert_int_eq(nng_socket_get_ms(req, names[i], &old), 0);
        ck_assert_int_eq(nng_socket_set_ms(req, names[i], 1234 + i), 0);
        after = open_context(req);
        ck_assert_int_eq(get_ms(before, names[i]), old);
        ck_assert_int_eq(get_ms(after, names[i]), 1234 + i);
        ck_assert_int_eq(nng_ctx_set_ms(after, names[i], 77), 0);
        ck_assert_int_eq(get_ms(after, names[i]), 77);
        ck_assert_int_eq(get_ms(before, names[i]), old);
        ck_assert_int_eq(nng_socket_get_ms(req, names[i], &ms), 0);
        ck_assert_int_eq(ms, 1234 + i);
        ck_assert_int_eq(nng_ctx_set_ms(after, names[i], NNG_DURATION_INFINITE), 0);
        ck_assert_int_eq(nng_ctx_set_ms(after, names[i], -2), NNG_EINVAL);
        ck_assert_int_eq(get_ms(after, names[i]), NNG_DURATION_INFINITE);
    }
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

START_TEST(options_have_types)
{
    nng_socket rep = link_open_rep();
    nng_ctx context = open_context(rep);
    nng_duration ms = 7;
    size_t bytes = sizeof(ms);
    int value;

    ck_assert_int_eq(nng_ctx_set_int(context, NNG_OPT_RECVTIMEO, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_set_bool(context, NNG_OPT_SENDTIMEO, true), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_set_string(context, NNG_OPT_SENDTIMEO, "1"), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_get_int(context, NNG_OPT_RECVTIMEO, &value), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_set_int(context, "nonsense", 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_ctx_get_int(context, "nonsense", &value), NNG_ENOTSUP);
    ck_assert_int_eq(nng_ctx_set_ms(context, NNG_OPT_REQ_RESENDTIME, 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_ctx_set(context, NNG_OPT_RECVTIMEO, &ms, 3), NNG_EINVAL);
    ck_assert_int_eq(nng_ctx_set(context, NNG_OPT_RECVTIMEO, &ms, sizeof(ms)), 0);
    ms = 0;
    ck_assert_int_eq(nng_ctx_get(context, NNG_OPT_RECVTIMEO, &ms, &bytes), 0);
    ck_assert_int_eq(ms, 7);
    ck_assert_int_eq(nng_ctx_close(context), 0);
    ck_assert_int_eq(nng_ctx_set_ms(context, NNG_OPT_RECVTIMEO, 1), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_get_ms(context, "nonsense", &ms), NNG_ECLOSED);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(limits_of_time_are_each_contexts_own)
{
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    nng_ctx answer = open_context(rep);
    nng_ctx ask = open_context(req);
    nng_msg *msg = probe_msg("x");
    double before = link_seconds();

    ck_assert_int_eq(nng_ctx_set_ms(answer, NNG_OPT_RECVTIMEO, 20), 0);
    ck_assert_int_eq(nng_ctx_set_ms(ask, NNG_OPT_SENDTIMEO, 20), 0);
    ck_assert_int_eq(nng_ctx_sendmsg(ask, msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    ck_assert_int_eq(nng_ctx_sendmsg(ask, msg, 0), NNG_ETIMEDOUT);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_ctx_recvmsg(answer, &msg, 0), NNG_ETIMEDOUT);
    ck_assert(link_seconds() - before >= 0.04);
    ck_assert(link_seconds() - before < 10);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* The one context asks again, the other does not. */
START_TEST(the_resend_time_is_each_contexts_own)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    nng_ctx often;
    nng_ctx once;
    uint32_t seen[3] = {0, 0, 0};
    nng_ctx answers;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    often = open_context(req);
    once = open_context(req);
    answers = open_context(rep);
    ck_assert_int_eq(nng_ctx_set_ms(often, NNG_OPT_REQ_RESENDTIME, 10), 0);
    send_number(once, 1);
    send_number(often, 2);
    for (int i = 0; i < 5; i++) {
        uint32_t number = receive_number(answers);

        ck_assert(number == 1 || number == 2);
        seen[number]++;
    }
    ck_assert_uint_eq(seen[1], 1);
    ck_assert_uint_eq(seen[2], 4);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

static void expect_no_context(nng_ctx context)
{
    nng_duration ms;
    nng_msg *msg = probe_msg("x");

    ck_assert_int_eq(nng_ctx_close(context), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_sendmsg(context, msg, 0), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_get_ms(context, NNG_OPT_RECVTIMEO, &ms), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_set_ms(context, NNG_OPT_RECVTIMEO, 1), NNG_ECLOSED);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_ctx_recvmsg(context, &msg, 0), NNG_ECLOSED);
}

START_TEST(strange_and_stale_contexts_are_harmless)
{
    static const uint32_t strange[] = {0, 0x80000000, 0xffffffff};
    nng_socket req = link_open_req();
    nng_ctx context = open_context(req);
    nng_ctx other = open_context(req);

    ck_assert_int_eq(nng_ctx_id((nng_ctx){0}), -1);
    ck_assert_int_eq(nng_ctx_id((nng_ctx){0xffffffff}), -1);
    for (int i = 0; i < 3; i++)
        expect_no_context((nng_ctx){strange[i]});
    expect_no_context((nng_ctx){req.id});
    ck_assert_int_eq(nng_close((nng_socket){context.id}), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_open(&other, (nng_socket){context.id}), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_close(context), 0);
    expect_no_context(context);
    ck_assert_int_eq(nng_close(req), 0);
    expect_no_context(other);
    ck_assert_int_eq(nng_ctx_open(&other, req), NNG_ECLOSED);
}
END_TEST

START_TEST(some_protocols_have_none)
{
    static int (*const opens[])(nng_socket *) = {
        nng_pair0_open,     nng_pair1_open,    nng_pair1_open_poly, nng_pair0_open_raw,
        nng_pair1_open_raw, nng_req0_open_raw, nng_rep0_open_raw};
    nng_ctx context = {77};
    nng_socket socket;

    for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
        ck_assert_int_eq(opens[i](&socket), 0);
        ck_assert_int_eq(nng_ctx_open(&context, socket), NNG_ENOTSUP);
        ck_assert_uint_eq(context.id, 77);
        ck_assert_int_eq(nng_close(socket), 0);
    }
}
END_TEST

/* ---- close ---- */

struct blocked {
    nng_ctx context;
    atomic_int thread;
    int result;
};

static void *receive_main(void *argument)
{
    struct blocked *blocked = argument;
    nng_msg *msg;

    atomic_store(&blocked->thread, host_thread());
    blocked->result = nng_ctx_recvmsg(blocked->context, &msg, 0);
    return NULL;
}

static bool blocked_sleeps(void *argument)
{
    int thread = atomic_load(&((struct blocked *)argument)->thread);

    return thread != 0 && host_thread_sleeps(thread);
}

/* By its own close (0) or by the socket's (1), with an aio and a thread waiting on contexts. */
START_TEST(a_close_ends_what_waits_on_contexts)
{
    bool whole = _i % 2 == 1;
    bool rep = _i / 2 == 1;
    nng_socket socket = rep ? link_open_rep() : link_open_req();
    struct blocked blocked = {.context = open_context(socket)};
    nng_ctx context = open_context(socket);
    nng_ctx idle = open_context(socket);
    struct probe probe;
    pthread_t thread = pthread_self();
    nng_msg *msg = rep ? NULL : probe_msg("x");

    probe_open(&probe, NULL, NULL);
    nng_aio_set_msg(probe.aio, msg);
    if (rep) {
        nng_ctx_recv(context, probe.aio);
        pthread_create(&thread, NULL, receive_main, &blocked);
        ck_assert(link_wait(blocked_sleeps, &blocked));
    } else {
        nng_ctx_send(context, probe.aio);
    }
    ck_assert_int_eq(atomic_load(&probe.calls), 0);
    if (whole) {
        ck_assert_int_eq(nng_close(socket), 0);
    } else {
        ck_assert_int_eq(nng_ctx_close(context), 0);
        ck_assert_int_eq(nng_ctx_close(blocked.context), 0);
    }
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, NNG_ECLOSED);
    ck_assert_ptr_eq(probe.msg, msg);
    if (rep) {
        pthread_join(thread, NULL);
        ck_assert_int_eq(blocked.result, NNG_ECLOSED);
    }
    ck_assert_int_eq(nng_ctx_close(context), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_close(blocked.context), NNG_ECLOSED);
    ck_assert_int_eq(nng_ctx_close(idle), whole ? NNG_ECLOSED : 0);
    if (!whole)
        ck_assert_int_eq(nng_close(socket), 0);
    probe_close(&probe, 1);
    nng_msg_free(msg);
}
END_TEST

/* ---- without memory ---- */

static int life_without_memory(const char *url)
{
    nng_ctx ask;
    nng_ctx answer;
    nng_socket rep;
    nng_socket req;
    nng_msg *msg;
    int rv = nng_rep0_open(&rep);

    if (rv != 0)
        return rv;
    rv = nng_req0_open(&req);
    if (rv != 0)
        goto close_rep;
    (void)nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, SHORTAGE_MS);
    (void)nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, SHORTAGE_MS);
    rv = nng_ctx_open(&ask, req);
    if (rv == 0)
        rv = nng_ctx_open(&answer, rep);
    if (rv == 0)
        rv = nng_listen(rep, url, NULL, 0);
    if (rv == 0)
        rv = nng_dial(req, url, NULL, 0);
    if (rv == 0)
        rv = nng_msg_alloc(&msg, 10);
    if (rv == 0) {
        rv = nng_ctx_sendmsg(ask, msg, 0);
        if (rv != 0)
            nng_msg_free(msg);
    }
    if (rv == 0 && nng_ctx_recvmsg(answer, &msg, 0) == 0)
        nng_msg_free(msg);
    ck_assert_int_eq(nng_close(req), 0);
close_rep:
    ck_assert_int_eq(nng_close(rep), 0);
    return rv;
}

static bool nothing_lives(void *argument)
{
    return fail_alloc_live_blocks() == 0 && link_holdings_are(argument);
}

START_TEST(every_shortage_of_memory_is_survived)
{
    struct link_holdings before = link_holdings();
    int failed = 0;

    for (size_t n = 1;; n++) {
        char url[LINK_URL_BYTES];
        bool reached;
        int rv;

        link_url((enum link_kind)_i, url);
        fail_alloc_install(n);
        rv = life_without_memory(url);
        ck_assert_msg(link_wait(nothing_lives, &before), "the %zuth: %zu blocks left", n,
                      fail_alloc_live_blocks());
        reached = fail_alloc_calls() >= n;
        fail_alloc_finish();
        ck_assert_msg(rv == 0 || reached, "the %zuth: %s", n, nng_strerror(rv));
        if (!reached)
            break;
        failed += rv != 0 ? 1 : 0;
    }
    ck_assert_int_gt(failed, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("context");
    TCase *tc = tcase_create("contexts");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, each_context_gets_its_own_answer, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, one_contexts_turn_is_not_anothers, 0, LINK_INPROC + 1);
    tcase_add_test(tc, options_are_copied_when_it_is_opened);
    tcase_add_test(tc, options_have_types);
    tcase_add_test(tc, limits_of_time_are_each_contexts_own);
    tcase_add_loop_test(tc, the_resend_time_is_each_contexts_own, 0, LINK_INPROC + 1);
    tcase_add_test(tc, strange_and_stale_contexts_are_harmless);
    tcase_add_test(tc, some_protocols_have_none);
    tcase_add_loop_test(tc, a_close_ends_what_waits_on_contexts, 0, 4);
    tcase_add_loop_test(tc, every_shortage_of_memory_is_survived, 0, LINK_INPROC + 1);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
