/* REP, cooked: wire.md 4.3, one promise per test. */
#include <nng/protocol/reqrep0/rep.h>

#include "fail_alloc.h"
#include "fake_pipe.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct fake_socket s;
static void *own; /* the socket's own context */

static void setup(void)
{
    fake_open(&s, nng_rep0_open, 1);
    own = s.contexts[0];
}

static void teardown(void)
{
    fake_close(&s);
}

/* Takes an answer from the pipe; its header is the words of `trace`. */
static void take_answer(struct fake_pipe *pipe, const char *trace, const char *text)
{
    nng_msg *msg = fake_take(pipe);
    const uint8_t *header;

    ck_assert_ptr_nonnull(msg);
    header = nng_msg_header(msg);
    ck_assert(fake_body_is(msg, text));
    ck_assert_uint_eq(nng_msg_header_len(msg), strlen(trace) * 4);
    for (size_t i = 0; i < strlen(trace); i++) {
        uint8_t mark = (uint8_t)trace[i];

        ck_assert_mem_eq(header + 4 * i, ((uint8_t[4]){mark, 0, 0, mark}), 4);
    }
    nng_msg_free(msg);
}

static void expect_send_state(void *context)
{
    static struct fake_request send;

    fake_send(&s, context, &send, "x");
    fake_expect_returned(&send, NNG_ESTATE, "x");
}

/* Receives the request at hand. */
static void receive_now(void *context, const char *text)
{
    static struct fake_request receive;

    fake_begin_receive(&s, context, &receive);
    fake_expect_received(&receive, text);
}

/* The context receives a request from the pipe. */
static void take_request(void *context, struct fake_pipe *pipe, const char *trace)
{
    fake_receive_traced(pipe, trace, "q");
    receive_now(context, "q");
}

static void send_now(void *context, const char *text)
{
    static struct fake_request send;

    fake_send(&s, context, &send, text);
    fake_expect_result(&send, 0);
    ck_assert_ptr_null(send.request.msg);
}

/* ---- what is accepted ---- */

/* An id alone, the lowest id, hop words before it, up to seven; the body may be empty. */
START_TEST(the_answer_has_the_words_of_the_request_in_their_order)
{
    static const char *const traces[] = {"\x81", "\x80", "\1\x81", "\x7f\1\2\3\4\5\6\xff"};
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive_traced(pipe, traces[_i], "");
    receive_now(own, "");
    send_now(own, "a");
    take_answer(pipe, traces[_i], "a");
}
END_TEST

START_TEST(a_backtrace_of_more_words_than_ttl_max_is_dropped_and_the_pipe_kept)
{
    static const char words[] = "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20";
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;
    char trace[20];
    size_t ttl = (size_t)_i;

    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, _i), 0);
    fake_begin_receive(&s, own, &receive);
    memcpy(trace, words, ttl);
    strcpy(trace + ttl, "\x80");
    fake_receive_traced(pipe, trace, "q");
    trace[ttl] = '\0';
    fake_receive_traced(pipe, trace, "abc"); /* nor an end word: the limit is tested first */
    fake_expect_waiting(&receive);
    ck_assert(fake_is_open(pipe));
    strcpy(trace + ttl - 1, "\x80");
    fake_receive_traced(pipe, trace, "just enough");
    fake_expect_received(&receive, "just enough");
    send_now(own, "a");
    take_answer(pipe, trace, "a");
}
END_TEST

START_TEST(bytes_that_end_before_the_end_word_close_the_pipe)
{
    static const uint8_t hops[28]; /* seven hop words, within the default ttl */
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;

    fake_begin_receive(&s, own, &receive);
    fake_receive(pipe, hops, (size_t)_i);
    ck_assert(!fake_is_open(pipe));
    fake_expect_waiting(&receive);
}
END_TEST

START_TEST(ttl_max_is_1_to_15)
{
    int ttl = 0;

    ck_assert_int_eq(fake_get_int(&s, NNG_OPT_MAXTTL, &ttl), 0);
    ck_assert_int_eq(ttl, 8);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 0), NNG_EINVAL);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 16), NNG_EINVAL);
}
END_TEST

/* ---- receiving ---- */

START_TEST(waiting_contexts_are_served_first_come_first_served)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request receive[2];

    fake_begin_receive(&s, other, &receive[0]);
    fake_begin_receive(&s, own, &receive[1]);
    fake_receive_traced(pipe, "\x81", "first");
    fake_expect_waiting(&receive[1]);
    ck_assert_uint_eq(receive[0].request.msg->pipe_id, pipe->id);
    fake_expect_received(&receive[0], "first");
    fake_receive_traced(pipe, "\x82", "second");
    fake_expect_received(&receive[1], "second");
    send_now(own, "2");
    take_answer(pipe, "\x82", "2");
    fake_flush(pipe);
    send_now(other, "1");
    take_answer(pipe, "\x81", "1");
}
END_TEST

START_TEST(a_pipe_is_not_asked_for_more_than_the_one_request_it_holds)
{
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive_traced(pipe, "\x81", "held");
    ck_assert(!pipe->asked);
    receive_now(own, "held");
    ck_assert(pipe->asked);
}
END_TEST

START_TEST(pipes_with_a_request_are_served_in_order_of_arrival)
{
    struct fake_pipe *pipes[3];

    for (size_t i = 0; i < 3; i++)
        pipes[i] = fake_join(&s);
    fake_receive_traced(pipes[1], "\x81", "first");
    fake_receive_traced(pipes[2], "\x81", "second");
    fake_receive_traced(pipes[0], "\x81", "third");
    receive_now(own, "first");
    fake_receive_traced(pipes[1], "\x81", "fourth");
    receive_now(own, "second");
    receive_now(own, "third");
    receive_now(own, "fourth");
}
END_TEST

START_TEST(a_second_receive_is_a_wrong_state_and_leaves_the_first)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive[2];

    fake_begin_receive(&s, own, &receive[0]);
    fake_begin_receive(&s, own, &receive[1]);
    fake_expect_result(&receive[1], NNG_ESTATE);
    fake_receive_traced(pipe, "\x81", "q");
    fake_expect_received(&receive[0], "q");
}
END_TEST

START_TEST(a_receive_that_ends_empty_may_be_begun_again)
{
    static const int errors[] = {NNG_EAGAIN, NNG_ETIMEDOUT, NNG_ECANCELED};
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;

    fake_begin_receive(&s, own, &receive);
    spry_request_cancel(&receive.request, errors[_i]);
    fake_expect_result(&receive, errors[_i]);
    ck_assert_ptr_null(receive.request.msg);
    fake_receive_traced(pipe, "\x81", "q");
    receive_now(own, "q");
}
END_TEST

START_TEST(a_request_of_a_pipe_that_left_is_not_delivered)
{
    struct fake_pipe *gone = fake_join(&s);
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive_traced(gone, "\x81", "gone");
    fake_receive_traced(pipe, "\x81", "q");
    fake_leave(gone);
    receive_now(own, "q");
}
END_TEST

/* ---- answering ---- */

START_TEST(an_answer_without_a_request_is_a_wrong_state)
{
    fake_join(&s);
    expect_send_state(own);
}
END_TEST

START_TEST(a_request_is_answered_once)
{
    struct fake_pipe *pipe = fake_join(&s);

    take_request(own, pipe, "\x81");
    send_now(own, "a");
    expect_send_state(own);
}
END_TEST

START_TEST(the_next_request_replaces_the_one_before)
{
    struct fake_pipe *first = fake_join(&s);
    struct fake_pipe *second = fake_join(&s);

    take_request(own, first, "\1\2\x81");
    take_request(own, second, "\x82");
    send_now(own, "a");
    take_answer(second, "\x82", "a");
    ck_assert_uint_eq(first->sent.count, 0);
}
END_TEST

START_TEST(a_receive_that_ends_empty_leaves_the_request_before_to_be_answered)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request receive;

    take_request(own, pipe, "\x81");
    fake_begin_receive(&s, own, &receive);
    spry_request_cancel(&receive.request, NNG_ETIMEDOUT);
    send_now(own, "a");
    take_answer(pipe, "\x81", "a");
}
END_TEST

START_TEST(contexts_answer_for_themselves)
{
    struct fake_pipe *first = fake_join(&s);
    struct fake_pipe *second = fake_join(&s);
    void *other = fake_context_open(&s);

    take_request(own, first, "\x81");
    expect_send_state(other);
    take_request(other, second, "\x82");
    send_now(own, "1");
    take_answer(first, "\x81", "1");
    send_now(other, "2");
    take_answer(second, "\x82", "2");
}
END_TEST

START_TEST(an_answer_to_a_pipe_that_left_is_a_success)
{
    struct fake_pipe *pipe = fake_join(&s);

    fake_join(&s);
    take_request(own, pipe, "\x81");
    fake_leave(pipe);
    send_now(own, "a");
    ck_assert_uint_eq(s.pipes[1]->sent.count, 0);
    expect_send_state(own);
}
END_TEST

START_TEST(answers_wait_their_turn_for_a_busy_pipe)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send[2];
    void *contexts[3] = {own, fake_context_open(&s), fake_context_open(&s)};

    take_request(contexts[0], pipe, "\x81");
    take_request(contexts[1], pipe, "\x82");
    take_request(contexts[2], pipe, "\x83");
    send_now(contexts[0], "1");
    fake_send(&s, contexts[2], &send[0], "3");
    fake_send(&s, contexts[1], &send[1], "2");
    fake_expect_waiting(&send[0]);
    expect_send_state(contexts[2]);
    take_answer(pipe, "\x81", "1");
    fake_expect_waiting(&send[0]);
    fake_flush(pipe);
    fake_expect_result(&send[0], 0);
    fake_expect_waiting(&send[1]);
    take_answer(pipe, "\x83", "3");
    fake_flush(pipe);
    fake_expect_result(&send[1], 0);
    take_answer(pipe, "\x82", "2");
}
END_TEST

START_TEST(a_free_pipe_takes_as_many_waiting_answers_as_have_room)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send[4];

    for (size_t i = 0; i < 4; i++) {
        void *context = i == 0 ? own : fake_context_open(&s);

        take_request(context, pipe, "\x81");
        fake_send(&s, context, &send[i], "a");
    }
    pipe->room = 2;
    fake_flush(pipe);
    ck_assert_uint_eq(pipe->sent.count, 2);
    fake_expect_result(&send[2], 0);
    fake_expect_waiting(&send[3]);
    fake_flush(pipe);
    ck_assert_uint_eq(pipe->sent.count, 1);
}
END_TEST

START_TEST(a_waiting_answer_that_is_cancelled_gives_its_message_back)
{
    static const int errors[] = {NNG_EAGAIN, NNG_ETIMEDOUT, NNG_ECANCELED};
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    take_request(own, pipe, "\x81");
    send_now(own, "1");
    take_request(own, pipe, "\x82");
    fake_send(&s, own, &send, "2");
    spry_request_cancel(&send.request, errors[_i]);
    fake_expect_returned(&send, errors[_i], "2");
    fake_flush(pipe);
    ck_assert_uint_eq(pipe->sent.count, 0);
    expect_send_state(own); /* the failed send has used the return path up */
    take_request(own, pipe, "\x83");
    send_now(own, "3");
    take_answer(pipe, "\x83", "3");
}
END_TEST

START_TEST(an_answer_that_waits_for_a_pipe_that_leaves_is_a_success)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    take_request(own, pipe, "\x81");
    send_now(own, "1");
    take_request(own, pipe, "\x82");
    fake_send(&s, own, &send, "2");
    fake_leave(pipe);
    fake_expect_result(&send, 0);
    ck_assert_ptr_null(send.request.msg);
}
END_TEST

START_TEST(closing_a_context_ends_its_requests_and_no_others)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send[3];
    static struct fake_request receive[2];

    take_request(own, pipe, "\x81");
    send_now(own, "1");
    take_request(other, pipe, "\x82");
    fake_send(&s, other, &send[0], "2");
    take_request(own, pipe, "\x83");
    fake_send(&s, own, &send[1], "3");
    take_request(other, pipe, "\x84");
    fake_send(&s, other, &send[2], "4");
    fake_begin_receive(&s, other, &receive[0]);
    fake_begin_receive(&s, own, &receive[1]);
    fake_context_close(&s, other);
    fake_expect_returned(&send[0], NNG_ECLOSED, "2");
    fake_expect_returned(&send[2], NNG_ECLOSED, "4");
    fake_expect_result(&receive[0], NNG_ECLOSED);
    fake_expect_waiting(&send[1]);
    fake_flush(pipe);
    take_answer(pipe, "\x83", "3");
    fake_receive_traced(pipe, "\x85", "q");
    fake_expect_received(&receive[1], "q");
}
END_TEST

/* ---- memory ---- */

START_TEST(a_round_trip_allocates_its_two_messages)
{
    struct fake_pipe *pipe = fake_join(&s);

    fail_alloc_at(0);
    for (int i = 0; i < 100; i++) {
        take_request(own, pipe, "\1\2\x81");
        send_now(own, "a");
        fake_flush(pipe);
    }
    ck_assert_uint_eq(fail_alloc_calls(), 200);
}
END_TEST

START_TEST(closing_with_everything_under_way_leaks_nothing)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    take_request(own, pipe, "\x81");
    send_now(own, "1");
    take_request(own, pipe, "\x82");
    fake_send(&s, own, &send, "2");
    fake_receive_traced(pipe, "\x83", "held");
    fake_receive_traced(fake_join(&s), "\x84", "held");
    fake_close(&s);
    ck_assert_int_eq(send.request.result, NNG_ECLOSED);
    setup();
    fake_begin_receive(&s, own, &receive);
    fake_close(&s);
    fake_expect_result(&receive, NNG_ECLOSED);
    setup();
}
END_TEST

START_TEST(a_pipe_costs_little)
{
    ck_assert_uint_le(s.protocol->pipe_bytes, 120);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rep");
    TCase *tc = tcase_create("rep");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, the_answer_has_the_words_of_the_request_in_their_order, 0, 4);
    tcase_add_loop_test(tc, a_backtrace_of_more_words_than_ttl_max_is_dropped_and_the_pipe_kept, 1,
                        16);
    tcase_add_loop_test(tc, bytes_that_end_before_the_end_word_close_the_pipe, 0, 29);
    tcase_add_test(tc, ttl_max_is_1_to_15);
    tcase_add_test(tc, waiting_contexts_are_served_first_come_first_served);
    tcase_add_test(tc, a_pipe_is_not_asked_for_more_than_the_one_request_it_holds);
    tcase_add_test(tc, pipes_with_a_request_are_served_in_order_of_arrival);
    tcase_add_test(tc, a_second_receive_is_a_wrong_state_and_leaves_the_first);
    tcase_add_loop_test(tc, a_receive_that_ends_empty_may_be_begun_again, 0, 3);
    tcase_add_test(tc, a_request_of_a_pipe_that_left_is_not_delivered);
    tcase_add_test(tc, an_answer_without_a_request_is_a_wrong_state);
    tcase_add_test(tc, a_request_is_answered_once);
    tcase_add_test(tc, the_next_request_replaces_the_one_before);
    tcase_add_test(tc, a_receive_that_ends_empty_leaves_the_request_before_to_be_answered);
    tcase_add_test(tc, contexts_answer_for_themselves);
    tcase_add_test(tc, an_answer_to_a_pipe_that_left_is_a_success);
    tcase_add_test(tc, answers_wait_their_turn_for_a_busy_pipe);
    tcase_add_test(tc, a_free_pipe_takes_as_many_waiting_answers_as_have_room);
    tcase_add_loop_test(tc, a_waiting_answer_that_is_cancelled_gives_its_message_back, 0, 3);
    tcase_add_test(tc, an_answer_that_waits_for_a_pipe_that_leaves_is_a_success);
    tcase_add_test(tc, closing_a_context_ends_its_requests_and_no_others);
    tcase_add_test(tc, a_round_trip_allocates_its_two_messages);
    tcase_add_test(tc, closing_with_everything_under_way_leaks_nothing);
    tcase_add_test(tc, a_pipe_costs_little);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
