/* REQ and REP, raw: wire.md 4.4, one promise per test. */
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "fail_alloc.h"
#include "fake_pipe.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE_MAX = 64 };

static struct fake_socket s;

/* The first pipe of the fake has the id 100, which is "d". */
static void setup_req(void)
{
    fake_open(&s, nng_req0_open_raw, 1);
}

static void setup_rep(void)
{
    fake_open(&s, nng_rep0_open_raw, 1);
}

static void teardown(void)
{
    fake_close(&s);
}

static void begin_receive(struct fake_request *receive)
{
    fake_begin_receive(&s, s.contexts[0], receive);
}

/* A receive ended well; header and body are as given. Frees the message. */
static void expect_raw(struct fake_request *receive, const void *header, size_t header_bytes,
                       const char *body)
{
    nng_msg *msg = receive->request.msg;

    fake_expect_result(receive, 0);
    ck_assert_uint_eq(nng_msg_header_len(msg), header_bytes);
    ck_assert_mem_eq(nng_msg_header(msg), header, header_bytes);
    ck_assert(fake_body_is(msg, body));
    nng_msg_free(msg);
}

/* Takes a message from the pipe; header and body are as given. */
static void expect_sent(struct fake_pipe *pipe, const void *header, size_t header_bytes,
                        const char *body)
{
    nng_msg *msg = fake_take(pipe);

    ck_assert_ptr_nonnull(msg);
    ck_assert_uint_eq(nng_msg_header_len(msg), header_bytes);
    if (header_bytes > 0)
        ck_assert_mem_eq(nng_msg_header(msg), header, header_bytes);
    ck_assert(fake_body_is(msg, body));
    nng_msg_free(msg);
}

static void receive_now(const void *header, size_t header_bytes, const char *body)
{
    static struct fake_request receive;

    begin_receive(&receive);
    expect_raw(&receive, header, header_bytes, body);
}

static void send_now(const void *header, size_t header_bytes, const char *body)
{
    static struct fake_request send;

    fake_send_raw(&s, &send, header, header_bytes, body);
    fake_expect_result(&send, 0);
    ck_assert_ptr_null(send.request.msg);
}

/* ---- both ---- */

START_TEST(it_is_raw_and_has_no_further_contexts)
{
    ck_assert(s.protocol->raw);
    ck_assert(!s.protocol->contexts);
}
END_TEST

START_TEST(ttl_max_is_1_to_15)
{
    int ttl = 0;

    ck_assert_int_eq(fake_get_int(&s, NNG_OPT_MAXTTL, &ttl), 0);
    ck_assert_int_eq(ttl, 8);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 0), NNG_EINVAL);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 16), NNG_EINVAL);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 15), 0);
}
END_TEST

START_TEST(several_receives_wait_first_come_first_served)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive[3];

    for (size_t i = 0; i < 3; i++)
        begin_receive(&receive[i]);
    spry_request_cancel(&receive[1].request, NNG_ETIMEDOUT);
    fake_expect_result(&receive[1], NNG_ETIMEDOUT);
    fake_receive_traced(pipe, "\x81", "first");
    fake_receive_traced(pipe, "\x81", "second");
    ck_assert(fake_body_is(receive[0].request.msg, "first"));
    ck_assert(fake_body_is(receive[2].request.msg, "second"));
    nng_msg_free(receive[0].request.msg);
    nng_msg_free(receive[2].request.msg);
}
END_TEST

START_TEST(one_message_is_held_per_pipe_and_pipes_are_served_in_order_of_arrival)
{
    struct fake_pipe *a = fake_join(&s);
    struct fake_pipe *b = fake_join(&s);
    static const char *const order[] = {"b1", "a1", "b2"};
    static struct fake_request receive;

    fake_receive_traced(b, "\x81", "b1");
    fake_receive_traced(a, "\x81", "a1");
    ck_assert(!a->asked && !b->asked);
    for (size_t i = 0; i < 3; i++) {
        begin_receive(&receive);
        fake_expect_result(&receive, 0);
        ck_assert(fake_body_is(receive.request.msg, order[i]));
        nng_msg_free(receive.request.msg);
        if (i == 0)
            fake_receive_traced(b, "\x81", "b2");
    }
    ck_assert(a->asked && b->asked);
}
END_TEST

START_TEST(a_held_message_goes_with_its_pipe)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;

    fake_receive_traced(pipe, "\x81", "held");
    fake_leave(pipe);
    begin_receive(&receive);
    fake_expect_waiting(&receive);
}
END_TEST

START_TEST(bytes_that_end_before_the_end_word_close_the_pipe)
{
    static const uint8_t hops[28];
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive(pipe, hops, (size_t)_i);
    ck_assert(!fake_is_open(pipe));
}
END_TEST

/* ---- REQ ---- */

START_TEST(a_header_goes_out_as_it_is)
{
    struct fake_pipe *pipe = fake_join(&s);

    send_now("\1\2\3\4\x80\0\0\5", 8, "x");
    expect_sent(pipe, "\1\2\3\4\x80\0\0\5", 8, "x");
    fake_flush(pipe);
    send_now("", 0, "none");
    expect_sent(pipe, "", 0, "none");
}
END_TEST

START_TEST(sends_go_to_any_free_pipe_in_turn_and_wait_for_one)
{
    struct fake_pipe *a = fake_join(&s);
    struct fake_pipe *b = fake_join(&s);
    static struct fake_request send[3];

    send_now("", 0, "1");
    send_now("", 0, "2");
    for (size_t i = 0; i < 3; i++)
        fake_send_raw(&s, &send[i], "\x80\0\0\1", 4, i == 0 ? "3" : i == 1 ? "4" : "5");
    fake_expect_waiting(&send[0]);
    expect_sent(a, "", 0, "1");
    b->room = 2;
    fake_flush(b);
    fake_expect_result(&send[0], 0);
    fake_expect_result(&send[1], 0);
    fake_expect_waiting(&send[2]);
    expect_sent(b, "\x80\0\0\1", 4, "3");
    expect_sent(b, "\x80\0\0\1", 4, "4");
    fake_flush(a);
    fake_expect_result(&send[2], 0);
    expect_sent(a, "\x80\0\0\1", 4, "5");
}
END_TEST

START_TEST(a_pipe_told_twice_that_it_is_free_is_free_once)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    fake_flush(pipe);
    fake_flush(pipe);
    send_now("", 0, "1");
    fake_send_raw(&s, &send, "", 0, "2");
    fake_expect_waiting(&send);
    fake_leave(pipe);
    fake_expect_waiting(&send);
    pipe = fake_join(&s);
    expect_sent(pipe, "", 0, "2");
}
END_TEST

START_TEST(a_pipe_that_took_a_waiting_send_is_in_transit)
{
    static struct fake_request send[2];
    struct fake_pipe *pipe;

    fake_send_raw(&s, &send[0], "", 0, "first");
    pipe = fake_join(&s);
    fake_send_raw(&s, &send[1], "", 0, "second");
    fake_expect_waiting(&send[1]);
    expect_sent(pipe, "", 0, "first");
    fake_flush(pipe);
    expect_sent(pipe, "", 0, "second");
}
END_TEST

START_TEST(a_free_pipe_that_left_gets_nothing)
{
    struct fake_pipe *left = fake_join(&s);
    static struct fake_request send;

    fake_leave(left);
    fake_send_raw(&s, &send, "", 0, "x");
    fake_expect_waiting(&send);
    expect_sent(fake_join(&s), "", 0, "x");
}
END_TEST

START_TEST(a_send_that_ends_unsent_gives_its_message_back_with_its_header)
{
    static struct fake_request send;

    fake_send_raw(&s, &send, "\x80\0\0\1", 4, "x");
    spry_request_cancel(&send.request, NNG_EAGAIN);
    fake_expect_result(&send, NNG_EAGAIN);
    ck_assert_uint_eq(nng_msg_header_len(send.request.msg), 4);
    nng_msg_free(send.request.msg);
    ck_assert_uint_eq(fake_join(&s)->sent.count, 0);
}
END_TEST

START_TEST(a_reply_has_its_words_in_the_header)
{
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive_traced(pipe, "\1\2\x83", "body");
    receive_now("\1\0\0\1\2\0\0\2\x83\0\0\x83", 12, "body");
}
END_TEST

START_TEST(no_hop_limit_holds_for_replies_but_the_room_in_the_header)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;

    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 1), 0);
    begin_receive(&receive);
    fake_receive_traced(pipe, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\x80", "17 words");
    fake_expect_waiting(&receive);
    fake_receive_traced(pipe, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\x80", "16 words");
    fake_expect_result(&receive, 0);
    ck_assert_uint_eq(nng_msg_header_len(receive.request.msg), 64);
    nng_msg_free(receive.request.msg);
}
END_TEST

START_TEST(closing_req_ends_what_waits)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    send_now("", 0, "in transit");
    fake_send_raw(&s, &send, "", 0, "waits");
    fake_receive_traced(pipe, "\x81", "taken");
    receive_now("\x81\0\0\x81", 4, "taken");
    fake_receive_traced(pipe, "\x81", "held");
    receive_now("\x81\0\0\x81", 4, "held");
    begin_receive(&receive);
    fake_close(&s);
    fake_expect_result(&send, NNG_ECLOSED);
    fake_expect_result(&receive, NNG_ECLOSED);
    setup_req();
}
END_TEST

/* ---- REP ---- */

START_TEST(a_request_has_its_pipe_and_its_words_in_the_header)
{
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive_traced(pipe, "\1\x82", "body");
    receive_now("\0\0\0d\1\0\0\1\x82\0\0\x82", 12, "body");
}
END_TEST

START_TEST(the_longest_backtrace_fits_behind_the_pipe)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;

    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 15), 0);
    begin_receive(&receive);
    fake_receive_traced(pipe, "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\x80", "15 words");
    fake_expect_result(&receive, 0);
    ck_assert_uint_eq(nng_msg_header_len(receive.request.msg), 64);
    nng_msg_free(receive.request.msg);
}
END_TEST

START_TEST(more_words_than_ttl_max_are_dropped_and_the_pipe_kept)
{
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive_traced(pipe, "\1\1\1\1\1\1\1\1\x80", "nine");
    fake_receive_traced(pipe, "\1\1\1\1\1\1\1\1", "no end word either");
    fake_receive_traced(pipe, "\x81", "q");
    receive_now("\0\0\0d\x81\0\0\x81", 8, "q");
}
END_TEST

START_TEST(the_first_word_of_an_answer_names_its_pipe)
{
    struct fake_pipe *other = fake_join(&s);
    struct fake_pipe *pipe = fake_join(&s);

    send_now("\0\0\0e\1\0\0\1\x82\0\0\x82", 12, "a");
    expect_sent(pipe, "\1\0\0\1\x82\0\0\x82", 8, "a");
    ck_assert_uint_eq(other->sent.count, 0);
}
END_TEST

START_TEST(an_answer_that_can_go_nowhere_is_dropped_with_success)
{
    struct fake_pipe *pipe = fake_join(&s);
    struct fake_pipe *gone = fake_join(&s);

    fake_leave(gone);
    send_now("\0\0\0e\x82\0\0\x82", 8, "its pipe has left");
    send_now("\0\0\0f\x82\0\0\x82", 8, "there was no such pipe");
    send_now("\0\0d", 3, "short header");
    send_now("", 0, "no header");
    ck_assert_uint_eq(pipe->sent.count, 0);
}
END_TEST

START_TEST(a_busy_pipe_queues_64_answers_and_drops_the_rest)
{
    struct fake_pipe *pipe = fake_join(&s);
    char text[8] = "0";

    for (int i = 0; i < 1 + QUEUE_MAX + 3; i++) {
        text[0] = (char)('0' + i);
        send_now("\0\0\0d\x80\0\0\1", 8, text);
    }
    pipe->room = 4;
    for (int i = 0; i < 1 + QUEUE_MAX; i++) {
        if (pipe->sent.count == 0)
            fake_flush(pipe);
        text[0] = (char)('0' + i);
        expect_sent(pipe, "\x80\0\0\1", 4, text);
    }
    fake_flush(pipe);
    ck_assert_uint_eq(pipe->sent.count, 0);
    send_now("\0\0\0d\x80\0\0\1", 8, "free again");
    expect_sent(pipe, "\x80\0\0\1", 4, "free again");
}
END_TEST

START_TEST(an_answer_does_not_overtake_the_queue)
{
    struct fake_pipe *pipe = fake_join(&s);

    send_now("\0\0\0d\x80\0\0\1", 8, "1");
    send_now("\0\0\0d\x80\0\0\1", 8, "2");
    pipe->room = 2; /* there is room, but the pipe has not told yet */
    send_now("\0\0\0d\x80\0\0\1", 8, "3");
    ck_assert_uint_eq(pipe->sent.count, 1);
    fake_flush(pipe);
    expect_sent(pipe, "\x80\0\0\1", 4, "2");
    expect_sent(pipe, "\x80\0\0\1", 4, "3");
}
END_TEST

START_TEST(closing_rep_ends_what_waits)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;

    send_now("\0\0\0d\x80\0\0\1", 8, "in transit");
    send_now("\0\0\0d\x80\0\0\1", 8, "queued");
    begin_receive(&receive);
    fake_close(&s);
    fake_expect_result(&receive, NNG_ECLOSED);
    setup_rep();
    pipe = fake_join(&s);
    fake_receive_traced(pipe, "\x81", "held");
}
END_TEST

START_TEST(a_pipe_costs_little)
{
    ck_assert_uint_le(s.protocol->pipe_bytes, 120);
}
END_TEST

static void add_common(TCase *tc)
{
    tcase_add_test(tc, it_is_raw_and_has_no_further_contexts);
    tcase_add_test(tc, ttl_max_is_1_to_15);
    tcase_add_test(tc, several_receives_wait_first_come_first_served);
    tcase_add_test(tc, one_message_is_held_per_pipe_and_pipes_are_served_in_order_of_arrival);
    tcase_add_test(tc, a_held_message_goes_with_its_pipe);
    tcase_add_loop_test(tc, bytes_that_end_before_the_end_word_close_the_pipe, 0, 29);
    tcase_add_test(tc, a_pipe_costs_little);
}

int main(void)
{
    Suite *suite = suite_create("xreqrep");
    TCase *req = tcase_create("xreq");
    TCase *rep = tcase_create("xrep");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, req);
    tcase_add_checked_fixture(req, setup_req, teardown);
    add_common(req);
    tcase_add_test(req, a_header_goes_out_as_it_is);
    tcase_add_test(req, sends_go_to_any_free_pipe_in_turn_and_wait_for_one);
    tcase_add_test(req, a_pipe_told_twice_that_it_is_free_is_free_once);
    tcase_add_test(req, a_pipe_that_took_a_waiting_send_is_in_transit);
    tcase_add_test(req, a_free_pipe_that_left_gets_nothing);
    tcase_add_test(req, a_send_that_ends_unsent_gives_its_message_back_with_its_header);
    tcase_add_test(req, a_reply_has_its_words_in_the_header);
    tcase_add_test(req, no_hop_limit_holds_for_replies_but_the_room_in_the_header);
    tcase_add_test(req, closing_req_ends_what_waits);
    suite_add_tcase(suite, rep);
    tcase_add_checked_fixture(rep, setup_rep, teardown);
    add_common(rep);
    tcase_add_test(rep, a_request_has_its_pipe_and_its_words_in_the_header);
    tcase_add_test(rep, the_longest_backtrace_fits_behind_the_pipe);
    tcase_add_test(rep, more_words_than_ttl_max_are_dropped_and_the_pipe_kept);
    tcase_add_test(rep, the_first_word_of_an_answer_names_its_pipe);
    tcase_add_test(rep, an_answer_that_can_go_nowhere_is_dropped_with_success);
    tcase_add_test(rep, a_busy_pipe_queues_64_answers_and_drops_the_rest);
    tcase_add_test(rep, an_answer_does_not_overtake_the_queue);
    tcase_add_test(rep, closing_rep_ends_what_waits);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
