/* REQ, cooked: wire.md 4.1 and 4.2, one promise per test. */
#include <nng/protocol/reqrep0/req.h>
#include <spry.h>

#include "fail_alloc.h"
#include "fake_pipe.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_MS = 60000, MINUTES_PER_DAY = 1440, FIRST_ID = 0x12345 };

#define TOP_BIT 0x80000000U

static struct fake_socket s;
static void *own; /* the socket's own context */

static void setup(void)
{
    fake_open(&s, nng_req0_open, FIRST_ID);
    own = s.contexts[0];
}

static void teardown(void)
{
    fake_close(&s);
}

/* The id of a message that is a request with this body. */
static uint32_t request_id(nng_msg *msg, const char *text)
{
    uint32_t id;

    ck_assert_ptr_nonnull(msg);
    ck_assert(fake_body_is(msg, text));
    ck_assert_uint_eq(nng_msg_header_len(msg), 4);
    id = (uint32_t)((uint8_t *)nng_msg_header(msg))[0] << 24 |
         (uint32_t)((uint8_t *)nng_msg_header(msg))[1] << 16 |
         (uint32_t)((uint8_t *)nng_msg_header(msg))[2] << 8 | ((uint8_t *)nng_msg_header(msg))[3];
    ck_assert_uint_ge(id, TOP_BIT);
    return id;
}

/* Takes one request from the pipe, which may then send the next. */
static uint32_t take_request(struct fake_pipe *pipe, const char *text)
{
    nng_msg *msg = fake_take(pipe);
    uint32_t id = request_id(msg, text);

    nng_msg_free(msg);
    fake_flush(pipe);
    return id;
}

static void expect_nothing_sent(struct fake_pipe *pipe)
{
    ck_assert_uint_eq(pipe->sent.count, 0);
}

static void reply(struct fake_pipe *pipe, uint32_t id, const char *text)
{
    uint8_t bytes[64] = {(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

    memcpy(bytes + 4, text, strlen(text));
    fake_receive(pipe, bytes, 4 + strlen(text));
}

static void expect_no_request(void *context)
{
    static struct fake_request receive;

    fake_begin_receive(&s, context, &receive);
    fake_expect_result(&receive, NNG_ESTATE);
}

/* ---- requests ---- */

START_TEST(a_request_is_an_id_with_the_top_bit_and_the_body)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    fake_send(&s, own, &send, "hello");
    ck_assert_uint_eq(take_request(pipe, "hello"), TOP_BIT | FIRST_ID);
}
END_TEST

START_TEST(each_request_has_the_next_id_whatever_the_context)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send;

    for (uint32_t i = 0; i < 10; i++) {
        fake_send(&s, i % 3 == 0 ? other : own, &send, "x");
        ck_assert_uint_eq(take_request(pipe, "x"), (TOP_BIT | FIRST_ID) + i);
    }
}
END_TEST

START_TEST(after_the_highest_id_comes_the_lowest)
{
    struct fake_socket socket;
    static struct fake_request send;
    struct fake_pipe *pipe;

    teardown();
    fake_open(&socket, nng_req0_open, 0xffffffff);
    pipe = fake_join(&socket);
    fake_send(&socket, socket.contexts[0], &send, "x");
    ck_assert_uint_eq(take_request(pipe, "x"), 0xffffffff);
    fake_send(&socket, socket.contexts[0], &send, "x");
    ck_assert_uint_eq(take_request(pipe, "x"), TOP_BIT);
    fake_close(&socket);
    setup();
}
END_TEST

START_TEST(a_send_ends_when_a_pipe_has_the_request)
{
    static struct fake_request send;

    fake_join(&s);
    fake_send(&s, own, &send, "x");
    fake_expect_result(&send, 0);
    ck_assert_ptr_null(send.request.msg);
}
END_TEST

START_TEST(without_a_pipe_a_send_waits_for_one)
{
    static struct fake_request send;
    struct fake_pipe *pipe;

    fake_send(&s, own, &send, "x");
    fake_expect_waiting(&send);
    pipe = fake_join(&s);
    fake_expect_result(&send, 0);
    take_request(pipe, "x");
}
END_TEST

START_TEST(contexts_are_served_first_come_first_served)
{
    void *b = fake_context_open(&s);
    void *c = fake_context_open(&s);
    static struct fake_request send[3];
    struct fake_pipe *pipe;

    fake_send(&s, b, &send[0], "b");
    fake_send(&s, own, &send[1], "own");
    fake_send(&s, c, &send[2], "c");
    pipe = fake_join(&s);
    take_request(pipe, "b");
    take_request(pipe, "own");
    take_request(pipe, "c");
}
END_TEST

START_TEST(idle_pipes_take_turns)
{
    struct fake_pipe *pipes[3];
    static struct fake_request send;

    for (size_t i = 0; i < 3; i++)
        pipes[i] = fake_join(&s);
    for (size_t i = 0; i < 9; i++) {
        fake_send(&s, own, &send, "x");
        take_request(pipes[i % 3], "x");
    }
}
END_TEST

START_TEST(a_pipe_in_transit_gets_no_other_request)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send[2];

    pipe->room = 2;
    fake_send(&s, own, &send[0], "first");
    fake_send(&s, other, &send[1], "second");
    fake_expect_waiting(&send[1]);
    take_request(pipe, "first");
    fake_expect_result(&send[1], 0);
    take_request(pipe, "second");
}
END_TEST

START_TEST(a_pipe_that_took_from_the_queue_is_in_transit)
{
    static struct fake_request send[2];
    struct fake_pipe *pipe;

    fake_send(&s, own, &send[0], "first");
    pipe = fake_join(&s);
    fake_send(&s, fake_context_open(&s), &send[1], "second");
    fake_expect_waiting(&send[1]);
    take_request(pipe, "first");
    take_request(pipe, "second");
}
END_TEST

START_TEST(a_free_pipe_takes_as_many_waiting_requests_as_have_room)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send[5];

    pipe->room = 2;
    for (size_t i = 0; i < 5; i++)
        fake_send(&s, i == 0 ? own : fake_context_open(&s), &send[i], "x");
    ck_assert_uint_eq(pipe->sent.count, 1);
    fake_flush(pipe);
    ck_assert_uint_eq(pipe->sent.count, 2);
    fake_flush(pipe);
    ck_assert_uint_eq(pipe->sent.count, 2);
    fake_expect_result(&send[4], 0);
}
END_TEST

START_TEST(a_pipe_that_is_told_twice_that_it_is_free_is_free_once)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send[2];

    fake_flush(pipe);
    fake_flush(pipe);
    fake_send(&s, own, &send[0], "first");
    fake_send(&s, other, &send[1], "second");
    fake_expect_waiting(&send[1]);
}
END_TEST

/* ---- replies ---- */

START_TEST(a_reply_goes_to_the_receive_of_its_request)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send;
    static struct fake_request receive[2];
    uint32_t id[2];

    fake_send(&s, own, &send, "1");
    id[0] = take_request(pipe, "1");
    fake_send(&s, other, &send, "2");
    id[1] = take_request(pipe, "2");
    fake_begin_receive(&s, own, &receive[0]);
    fake_begin_receive(&s, other, &receive[1]);
    reply(pipe, id[1], "two");
    fake_expect_waiting(&receive[0]);
    ck_assert_uint_eq(receive[1].request.msg->pipe_id, pipe->id);
    fake_expect_received(&receive[1], "two");
    reply(pipe, id[0], "one");
    fake_expect_received(&receive[0], "one");
}
END_TEST

START_TEST(a_reply_may_come_from_any_pipe)
{
    struct fake_pipe *asked = fake_join(&s);
    struct fake_pipe *answers = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    reply(answers, take_request(asked, "x"), "y");
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(an_early_reply_waits_for_the_receive)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    reply(pipe, take_request(pipe, "x"), "y");
    fake_begin_receive(&s, own, &receive);
    fake_expect_received(&receive, "y");
    expect_no_request(own);
}
END_TEST

START_TEST(four_bytes_are_an_empty_reply)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    reply(pipe, take_request(pipe, "x"), "");
    fake_begin_receive(&s, own, &receive);
    fake_expect_received(&receive, "");
}
END_TEST

START_TEST(less_than_four_bytes_close_the_pipe)
{
    struct fake_pipe *pipe = fake_join(&s);

    fake_receive(pipe, "\x80\0\0", (size_t)_i);
    ck_assert(!fake_is_open(pipe));
}
END_TEST

/* Each of them: no such id, a former request's id, no top bit, a hop word before the id. */
START_TEST(what_answers_no_request_is_dropped_and_the_pipe_kept)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    uint8_t hop[12] = {0, 0, 0, 1};
    uint32_t former;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    former = take_request(pipe, "x");
    fake_send(&s, own, &send, "x");
    id = take_request(pipe, "x");
    fake_begin_receive(&s, own, &receive);
    memcpy(hop + 4,
           (uint8_t[4]){(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id},
           4);
    reply(pipe, id + 1, "stray");
    reply(pipe, former, "late");
    reply(pipe, id & ~TOP_BIT, "no top bit");
    fake_receive(pipe, hop, sizeof(hop));
    fake_expect_waiting(&receive);
    ck_assert(fake_is_open(pipe) && pipe->asked);
    reply(pipe, id, "y");
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(the_second_of_two_replies_is_dropped)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    id = take_request(pipe, "x");
    reply(pipe, id, "first");
    reply(pipe, id, "second");
    fake_begin_receive(&s, own, &receive);
    fake_expect_received(&receive, "first");
    reply(pipe, id, "third");
    expect_no_request(own);
}
END_TEST

START_TEST(a_reply_to_a_request_that_was_never_sent_is_dropped)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send[2];
    static struct fake_request receive;
    uint32_t id;

    fake_send(&s, own, &send[0], "first");
    fake_send(&s, other, &send[1], "second");
    fake_begin_receive(&s, other, &receive);
    reply(pipe, (TOP_BIT | FIRST_ID) + 1, "guessed");
    fake_expect_waiting(&receive);
    fake_expect_waiting(&send[1]);
    take_request(pipe, "first");
    id = take_request(pipe, "second");
    ck_assert_uint_eq(id, (TOP_BIT | FIRST_ID) + 1);
    reply(pipe, id, "y");
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(a_reply_ends_a_request_that_is_queued_again)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    nng_msg *msg;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    msg = fake_take(pipe);
    id = request_id(msg, "x");
    nng_msg_free(msg);
    fake_begin_receive(&s, own, &receive);
    fake_advance(&s, MINUTE_MS); /* the pipe is still in transit */
    reply(pipe, id, "y");
    fake_expect_received(&receive, "y");
    fake_flush(pipe);
    expect_nothing_sent(pipe);
}
END_TEST

/* ---- the order of calls ---- */

START_TEST(a_receive_without_a_request_is_a_wrong_state)
{
    fake_join(&s);
    expect_no_request(own);
}
END_TEST

START_TEST(a_second_receive_is_a_wrong_state_and_leaves_the_first)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    expect_no_request(own);
    reply(pipe, take_request(pipe, "x"), "y");
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(a_new_send_cancels_the_waiting_receive)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    uint32_t id;

    fake_send(&s, own, &send, "1");
    id = take_request(pipe, "1");
    fake_begin_receive(&s, own, &receive);
    fake_send(&s, own, &send, "2");
    fake_expect_result(&receive, NNG_ECANCELED);
    ck_assert_ptr_null(receive.request.msg);
    fake_begin_receive(&s, own, &receive);
    reply(pipe, id, "stale");
    fake_expect_waiting(&receive);
    reply(pipe, take_request(pipe, "2"), "y");
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(a_new_send_gives_the_queued_one_its_message_back)
{
    static struct fake_request send[2];
    struct fake_pipe *pipe;

    fake_send(&s, own, &send[0], "1");
    fake_send(&s, own, &send[1], "2");
    fake_expect_returned(&send[0], NNG_ECANCELED, "1");
    pipe = fake_join(&s);
    take_request(pipe, "2");
    expect_nothing_sent(pipe);
}
END_TEST

START_TEST(a_new_send_drops_the_unread_reply)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "1");
    reply(pipe, take_request(pipe, "1"), "one");
    fake_send(&s, own, &send, "2");
    fake_begin_receive(&s, own, &receive);
    fake_expect_waiting(&receive);
    reply(pipe, take_request(pipe, "2"), "two");
    fake_expect_received(&receive, "two");
}
END_TEST

START_TEST(a_receive_that_times_out_abandons_the_request)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    id = take_request(pipe, "x");
    fake_begin_receive(&s, own, &receive);
    spry_request_limit(&receive.request, spry_deadline(s.now_ns, 50));
    fake_advance(&s, 49);
    fake_expect_waiting(&receive);
    fake_advance(&s, 1);
    fake_expect_result(&receive, NNG_ETIMEDOUT);
    reply(pipe, id, "stale");
    expect_no_request(own);
    fake_advance(&s, MINUTE_MS);
    expect_nothing_sent(pipe);
}
END_TEST

START_TEST(a_receive_that_ends_while_the_request_is_queued_again_abandons_it)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    fake_leave(pipe);
    spry_request_cancel(&receive.request, NNG_ETIMEDOUT);
    fake_expect_result(&receive, NNG_ETIMEDOUT);
    expect_nothing_sent(fake_join(&s));
    expect_no_request(own);
}
END_TEST

START_TEST(a_receive_that_is_cancelled_takes_the_queued_send_with_it)
{
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    spry_request_cancel(&receive.request, NNG_ECANCELED);
    fake_expect_result(&receive, NNG_ECANCELED);
    fake_expect_returned(&send, NNG_ECANCELED, "x");
    expect_nothing_sent(fake_join(&s));
}
END_TEST

START_TEST(a_look_for_the_reply_leaves_the_request_as_it_is)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    spry_request_cancel(&receive.request, NNG_EAGAIN);
    fake_expect_result(&receive, NNG_EAGAIN);
    reply(pipe, take_request(pipe, "x"), "y");
    fake_begin_receive(&s, own, &receive);
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(a_send_that_ends_unsent_abandons_the_request)
{
    static const int errors[] = {NNG_EAGAIN, NNG_ETIMEDOUT, NNG_ECANCELED};
    static struct fake_request send;
    static struct fake_request receive;

    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    spry_request_cancel(&send.request, errors[_i]);
    fake_expect_returned(&send, errors[_i], "x");
    fake_expect_result(&receive, NNG_ECANCELED);
    expect_no_request(own);
    expect_nothing_sent(fake_join(&s));
}
END_TEST

START_TEST(closing_a_context_ends_its_requests_and_no_others)
{
    void *other = fake_context_open(&s);
    static struct fake_request send[2];
    static struct fake_request receive[2];

    fake_send(&s, own, &send[0], "own");
    fake_send(&s, other, &send[1], "other");
    fake_begin_receive(&s, own, &receive[0]);
    fake_begin_receive(&s, other, &receive[1]);
    fake_context_close(&s, other);
    fake_expect_returned(&send[1], NNG_ECLOSED, "other");
    fake_expect_result(&receive[1], NNG_ECLOSED);
    fake_expect_waiting(&receive[0]);
    take_request(fake_join(&s), "own");
}
END_TEST

/* ---- asking again ---- */

START_TEST(for_a_day_an_unanswered_request_is_sent_once_a_minute)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    id = take_request(pipe, "x");
    for (int minute = 0; minute < MINUTES_PER_DAY; minute++) {
        fake_advance(&s, MINUTE_MS - 1);
        expect_nothing_sent(pipe);
        fake_advance(&s, 1);
        ck_assert_uint_eq(take_request(pipe, "x"), id);
    }
    reply(pipe, id, "y");
    fake_advance(&s, MINUTE_MS);
    expect_nothing_sent(pipe);
}
END_TEST

START_TEST(the_tick_is_no_more_than_a_value)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    nng_duration tick = 0;

    ck_assert_int_eq(fake_get_ms(&s, NNG_OPT_REQ_RESENDTICK, &tick), 0);
    ck_assert_int_eq(tick, 1000);
    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTICK, 7), 0);
    ck_assert_int_eq(fake_get_ms(&s, NNG_OPT_REQ_RESENDTICK, &tick), 0);
    ck_assert_int_eq(tick, 7);
    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, 10), 0);
    fake_send(&s, own, &send, "x");
    take_request(pipe, "x");
    fake_advance(&s, 9);
    expect_nothing_sent(pipe);
    fake_advance(&s, 1);
    take_request(pipe, "x");
}
END_TEST

START_TEST(with_resending_off_a_request_is_sent_once)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    nng_msg *msg;

    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, _i), 0);
    fake_send(&s, own, &send, "x");
    msg = fake_take(pipe);
    ck_assert_uint_eq(msg->refs, 1);
    nng_msg_free(msg);
    fake_flush(pipe);
    fake_advance(&s, (uint64_t)MINUTES_PER_DAY * MINUTE_MS);
    expect_nothing_sent(pipe);
}
END_TEST

START_TEST(the_time_to_ask_again_begins_with_each_sending)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send[2];

    fake_send(&s, other, &send[0], "blocks");
    fake_send(&s, own, &send[1], "x");
    fake_advance(&s, MINUTE_MS - 1); /* what waits for its pipe is not due */
    take_request(pipe, "blocks");
    take_request(pipe, "x");
    fake_context_close(&s, other);
    fake_advance(&s, MINUTE_MS - 1);
    expect_nothing_sent(pipe);
    fake_advance(&s, 1);
    take_request(pipe, "x");
}
END_TEST

START_TEST(a_request_due_without_a_pipe_is_queued_once)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    id = take_request(pipe, "x");
    fake_leave(pipe);
    fake_advance(&s, 10 * MINUTE_MS);
    pipe = fake_join(&s);
    ck_assert_uint_eq(take_request(pipe, "x"), id);
    expect_nothing_sent(pipe);
}
END_TEST

/* Long enough for each of them to be due, one after the other. */
START_TEST(a_queued_request_keeps_its_place_however_long_it_waits)
{
    static struct fake_request send[3];
    struct fake_pipe *pipe = fake_join(&s);

    fake_send(&s, own, &send[0], "sent before");
    take_request(pipe, "sent before");
    fake_leave(pipe);
    fake_advance(&s, 1000);
    fake_send(&s, fake_context_open(&s), &send[1], "new");
    fake_advance(&s, 1000);
    fake_send(&s, fake_context_open(&s), &send[2], "newer");
    fake_advance(&s, MINUTE_MS - 1000);
    pipe = fake_join(&s);
    take_request(pipe, "sent before");
    take_request(pipe, "new");
    take_request(pipe, "newer");
}
END_TEST

START_TEST(what_is_in_transit_is_not_sent_a_second_time_but_copied)
{
    struct fake_pipe *slow = fake_join(&s);
    struct fake_pipe *fast = fake_join(&s);
    static struct fake_request send;
    nng_msg *first;
    nng_msg *second;

    fake_send(&s, own, &send, "x");
    fake_advance(&s, MINUTE_MS);
    first = fake_take(slow);
    second = fake_take(fast);
    ck_assert_ptr_ne(first, second);
    ck_assert_uint_eq(request_id(first, "x"), request_id(second, "x"));
    nng_msg_free(first);
    nng_msg_free(second);
}
END_TEST

START_TEST(what_has_left_is_sent_again_without_a_copy)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    fake_send(&s, own, &send, "x");
    take_request(pipe, "x");
    fail_alloc_at(1);
    fake_advance(&s, MINUTE_MS);
    take_request(pipe, "x");
    ck_assert_uint_eq(fail_alloc_calls(), 0);
}
END_TEST

START_TEST(a_resend_without_memory_is_tried_when_next_due)
{
    struct fake_pipe *slow = fake_join(&s);
    struct fake_pipe *fast = fake_join(&s);
    static struct fake_request send;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    fail_alloc_at(1); /* the copy */
    fake_advance(&s, MINUTE_MS);
    expect_nothing_sent(fast);
    fail_alloc_at(0);
    fake_advance(&s, MINUTE_MS);
    id = take_request(fast, "x");
    ck_assert_uint_eq(take_request(slow, "x"), id);
}
END_TEST

START_TEST(requests_of_a_lost_pipe_go_to_the_next_at_once_in_their_order)
{
    struct fake_pipe *lost = fake_join(&s);
    static struct fake_request send[3];
    struct fake_pipe *next;
    uint32_t id[3];

    fake_send(&s, own, &send[0], "0");
    id[0] = take_request(lost, "0");
    fake_send(&s, fake_context_open(&s), &send[1], "1");
    id[1] = take_request(lost, "1");
    fake_send(&s, fake_context_open(&s), &send[2], "2");
    id[2] = take_request(lost, "2");
    fake_advance(&s, 1000);
    fake_leave(lost);
    next = fake_join(&s);
    ck_assert_uint_eq(take_request(next, "0"), id[0]);
    ck_assert_uint_eq(take_request(next, "1"), id[1]);
    ck_assert_uint_eq(take_request(next, "2"), id[2]);
    fake_advance(&s, MINUTE_MS - 1);
    expect_nothing_sent(next);
    fake_advance(&s, 1);
    take_request(next, "0");
}
END_TEST

START_TEST(a_lost_pipe_with_its_request_in_transit_hands_it_on)
{
    struct fake_pipe *lost = fake_join(&s);
    struct fake_pipe *next = fake_join(&s);
    static struct fake_request send;

    fake_send(&s, own, &send, "x");
    fake_leave(lost);
    take_request(next, "x");
}
END_TEST

START_TEST(losing_a_pipe_that_no_longer_has_the_request_changes_nothing)
{
    struct fake_pipe *first = fake_join(&s);
    struct fake_pipe *second = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    uint32_t id;

    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    take_request(first, "x");
    fake_advance(&s, MINUTE_MS);
    id = take_request(second, "x");
    fake_leave(first);
    expect_nothing_sent(second);
    reply(second, id, "y");
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(with_resending_off_a_lost_pipe_fails_the_waiting_receive)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, -1), 0);
    fake_send(&s, own, &send, "x");
    take_request(pipe, "x");
    fake_begin_receive(&s, own, &receive);
    fake_leave(pipe);
    fake_expect_result(&receive, NNG_ECONNRESET);
    expect_no_request(own);
    expect_nothing_sent(fake_join(&s));
}
END_TEST

START_TEST(with_resending_off_a_lost_pipe_fails_the_next_receive_once)
{
    struct fake_pipe *pipe = fake_join(&s);
    struct fake_pipe *other = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    uint32_t id;

    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, 0), 0);
    fake_send(&s, own, &send, "x");
    id = take_request(pipe, "x");
    fake_leave(pipe);
    reply(other, id, "stale");
    fake_begin_receive(&s, own, &receive);
    fake_expect_result(&receive, NNG_ECONNRESET);
    expect_no_request(own);
}
END_TEST

START_TEST(a_new_send_forgets_that_the_last_was_lost)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, 0), 0);
    fake_send(&s, own, &send, "x");
    fake_leave(pipe);
    pipe = fake_join(&s);
    fake_send(&s, own, &send, "x");
    fake_begin_receive(&s, own, &receive);
    reply(pipe, take_request(pipe, "x"), "y");
    fake_expect_received(&receive, "y");
}
END_TEST

START_TEST(a_queued_request_outlives_the_pipes_it_waited_for)
{
    struct fake_pipe *busy = fake_join(&s);
    void *other = fake_context_open(&s);
    static struct fake_request send[2];
    struct fake_pipe *next;

    fake_send(&s, own, &send[0], "first");
    fake_send(&s, other, &send[1], "second");
    fake_leave(busy);
    fake_expect_waiting(&send[1]);
    next = fake_join(&s);
    take_request(next, "second");
    take_request(next, "first");
}
END_TEST

/* ---- options ---- */

/* A resend time, set before or after, changes nothing; it counts again when the option is off. */
START_TEST(at_most_once_holds_whatever_the_resend_time_says)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;
    bool once = true;
    nng_duration ms = 0;

    ck_assert_int_eq(fake_get_bool(&s, SPRY_OPT_REQ_AT_MOST_ONCE, &once), 0);
    ck_assert(!once);
    ck_assert_int_eq(fake_set_bool(&s, SPRY_OPT_REQ_AT_MOST_ONCE, true), 0);
    ck_assert_int_eq(fake_get_bool(&s, SPRY_OPT_REQ_AT_MOST_ONCE, &once), 0);
    ck_assert(once);
    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, 10), 0);
    ck_assert_int_eq(fake_get_ms(&s, NNG_OPT_REQ_RESENDTIME, &ms), 0);
    ck_assert_int_eq(ms, 10);
    fake_send(&s, own, &send, "x");
    take_request(pipe, "x");
    fake_advance(&s, MINUTE_MS);
    expect_nothing_sent(pipe);
    fake_begin_receive(&s, own, &receive);
    fake_leave(pipe);
    fake_expect_result(&receive, NNG_ECONNRESET);
    pipe = fake_join(&s);
    expect_nothing_sent(pipe);
    ck_assert_int_eq(fake_set_bool(&s, SPRY_OPT_REQ_AT_MOST_ONCE, false), 0);
    fake_send(&s, own, &send, "y");
    take_request(pipe, "y");
    fake_advance(&s, 10);
    take_request(pipe, "y");
}
END_TEST

/* The option is for the next request: the one that is out keeps what it was sent with. */
START_TEST(at_most_once_is_for_the_next_request)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    fake_send(&s, own, &send, "x");
    ck_assert_int_eq(fake_set_bool(&s, SPRY_OPT_REQ_AT_MOST_ONCE, true), 0);
    take_request(pipe, "x");
    fake_leave(pipe);
    take_request(fake_join(&s), "x");
}
END_TEST

/* It was never on a pipe, so it waits for the next. */
START_TEST(at_most_once_is_at_least_tried)
{
    static struct fake_request send;

    ck_assert_int_eq(fake_set_bool(&s, SPRY_OPT_REQ_AT_MOST_ONCE, true), 0);
    fake_send(&s, own, &send, "x");
    fake_advance(&s, MINUTE_MS);
    fake_expect_waiting(&send);
    take_request(fake_join(&s), "x");
    fake_expect_result(&send, 0);
}
END_TEST

START_TEST(the_resend_time_of_the_socket_reaches_its_own_and_later_contexts)
{
    struct fake_pipe *pipe = fake_join(&s);
    void *before = fake_context_open(&s);
    static struct fake_request send;
    nng_duration ms = 0;
    void *after;

    ck_assert_int_eq(fake_get_ms(&s, NNG_OPT_REQ_RESENDTIME, &ms), 0);
    ck_assert_int_eq(ms, MINUTE_MS);
    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, 10), 0);
    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, -2), NNG_EINVAL);
    ck_assert_int_eq(fake_get_ms(&s, NNG_OPT_REQ_RESENDTIME, &ms), 0);
    ck_assert_int_eq(ms, 10);
    after = fake_context_open(&s);
    fake_send(&s, before, &send, "before");
    take_request(pipe, "before");
    fake_advance(&s, 10);
    expect_nothing_sent(pipe);
    fake_send(&s, own, &send, "own");
    take_request(pipe, "own");
    fake_send(&s, after, &send, "after");
    take_request(pipe, "after");
    fake_advance(&s, 10);
    take_request(pipe, "own");
    take_request(pipe, "after");
}
END_TEST

START_TEST(a_new_resend_time_is_for_the_next_request)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    fake_send(&s, own, &send, "x");
    ck_assert_int_eq(fake_set_ms(&s, NNG_OPT_REQ_RESENDTIME, 0), 0);
    take_request(pipe, "x");
    fake_advance(&s, MINUTE_MS);
    take_request(pipe, "x");
    fake_leave(pipe);
    take_request(fake_join(&s), "x");
}
END_TEST

START_TEST(ttl_max_is_1_to_15)
{
    int ttl = 0;

    ck_assert_int_eq(fake_get_int(&s, NNG_OPT_MAXTTL, &ttl), 0);
    ck_assert_int_eq(ttl, 8);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 0), NNG_EINVAL);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 16), NNG_EINVAL);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 1), 0);
    ck_assert_int_eq(fake_set_int(&s, NNG_OPT_MAXTTL, 15), 0);
    ck_assert_int_eq(fake_get_int(&s, NNG_OPT_MAXTTL, &ttl), 0);
    ck_assert_int_eq(ttl, 15);
}
END_TEST

/* ---- memory ---- */

START_TEST(a_round_trip_allocates_its_two_messages)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;
    static struct fake_request receive;

    for (int i = 0; i < 100; i++) {
        fail_alloc_at(0);
        fake_send(&s, own, &send, "x");
        fake_begin_receive(&s, own, &receive);
        reply(pipe, take_request(pipe, "x"), "y");
        fake_expect_received(&receive, "y");
        if (i > 0)
            ck_assert_uint_eq(fail_alloc_calls(), 2);
    }
}
END_TEST

START_TEST(a_send_without_memory_for_its_id_gives_the_message_back)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send;

    fail_alloc_at(2); /* the message, then the table of ids */
    fake_send(&s, own, &send, "x");
    fake_expect_returned(&send, NNG_ENOMEM, "x");
    expect_no_request(own);
    fake_send(&s, own, &send, "x");
    take_request(pipe, "x");
}
END_TEST

/* Many contexts, a lost pipe, a resend of what is in transit; the _i-th request for memory fails. */
START_TEST(no_shortage_of_memory_leaks_or_stops_the_socket)
{
    struct fake_pipe *lost = fake_join(&s);
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send[FAKE_CONTEXTS_MAX];
    static struct fake_request last;

    fail_alloc_at((size_t)_i);
    for (size_t i = 0; i < FAKE_CONTEXTS_MAX; i++) {
        void *context = i == 0 ? own : fake_context_open(&s);

        if (fake_send(&s, context, &send[i], "x") && send[i].request.done &&
            send[i].request.result != 0)
            fake_expect_returned(&send[i], NNG_ENOMEM, "x");
    }
    fake_advance(&s, MINUTE_MS);
    fake_leave(lost);
    fake_advance(&s, MINUTE_MS);
    for (size_t i = 0; i < 2 * FAKE_CONTEXTS_MAX; i++)
        fake_flush(pipe);
    fail_alloc_at(0);
    fake_send(&s, own, &last, "last");
    fake_expect_result(&last, 0);
}
END_TEST

START_TEST(closing_with_everything_under_way_leaks_nothing)
{
    struct fake_pipe *pipe = fake_join(&s);
    static struct fake_request send[4];
    static struct fake_request receive[4];
    void *contexts[4] = {own};
    uint32_t id;

    for (size_t i = 1; i < 4; i++)
        contexts[i] = fake_context_open(&s);
    fake_send(&s, contexts[0], &send[0], "answered");
    id = take_request(pipe, "answered");
    fake_send(&s, contexts[1], &send[1], "sent");
    fake_send(&s, contexts[2], &send[2], "queued");
    fake_begin_receive(&s, contexts[1], &receive[1]);
    reply(pipe, id, "unread");
    fake_close(&s);
    fake_expect_result(&receive[1], NNG_ECLOSED);
    ck_assert_int_eq(send[2].request.result, NNG_ECLOSED);
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
    Suite *suite = suite_create("req");
    TCase *tc = tcase_create("req");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_request_is_an_id_with_the_top_bit_and_the_body);
    tcase_add_test(tc, each_request_has_the_next_id_whatever_the_context);
    tcase_add_test(tc, after_the_highest_id_comes_the_lowest);
    tcase_add_test(tc, a_send_ends_when_a_pipe_has_the_request);
    tcase_add_test(tc, without_a_pipe_a_send_waits_for_one);
    tcase_add_test(tc, contexts_are_served_first_come_first_served);
    tcase_add_test(tc, idle_pipes_take_turns);
    tcase_add_test(tc, a_pipe_in_transit_gets_no_other_request);
    tcase_add_test(tc, a_pipe_that_took_from_the_queue_is_in_transit);
    tcase_add_test(tc, a_free_pipe_takes_as_many_waiting_requests_as_have_room);
    tcase_add_test(tc, a_pipe_that_is_told_twice_that_it_is_free_is_free_once);
    tcase_add_test(tc, a_reply_goes_to_the_receive_of_its_request);
    tcase_add_test(tc, a_reply_may_come_from_any_pipe);
    tcase_add_test(tc, an_early_reply_waits_for_the_receive);
    tcase_add_test(tc, four_bytes_are_an_empty_reply);
    tcase_add_loop_test(tc, less_than_four_bytes_close_the_pipe, 0, 4);
    tcase_add_test(tc, what_answers_no_request_is_dropped_and_the_pipe_kept);
    tcase_add_test(tc, the_second_of_two_replies_is_dropped);
    tcase_add_test(tc, a_reply_to_a_request_that_was_never_sent_is_dropped);
    tcase_add_test(tc, a_reply_ends_a_request_that_is_queued_again);
    tcase_add_test(tc, a_receive_without_a_request_is_a_wrong_state);
    tcase_add_test(tc, a_second_receive_is_a_wrong_state_and_leaves_the_first);
    tcase_add_test(tc, a_new_send_cancels_the_waiting_receive);
    tcase_add_test(tc, a_new_send_gives_the_queued_one_its_message_back);
    tcase_add_test(tc, a_new_send_drops_the_unread_reply);
    tcase_add_test(tc, a_receive_that_times_out_abandons_the_request);
    tcase_add_test(tc, a_receive_that_ends_while_the_request_is_queued_again_abandons_it);
    tcase_add_test(tc, a_receive_that_is_cancelled_takes_the_queued_send_with_it);
    tcase_add_test(tc, a_look_for_the_reply_leaves_the_request_as_it_is);
    tcase_add_loop_test(tc, a_send_that_ends_unsent_abandons_the_request, 0, 3);
    tcase_add_test(tc, closing_a_context_ends_its_requests_and_no_others);
    tcase_add_test(tc, for_a_day_an_unanswered_request_is_sent_once_a_minute);
    tcase_add_test(tc, the_tick_is_no_more_than_a_value);
    tcase_add_loop_test(tc, with_resending_off_a_request_is_sent_once, -1, 1);
    tcase_add_test(tc, the_time_to_ask_again_begins_with_each_sending);
    tcase_add_test(tc, a_request_due_without_a_pipe_is_queued_once);
    tcase_add_test(tc, a_queued_request_keeps_its_place_however_long_it_waits);
    tcase_add_test(tc, what_is_in_transit_is_not_sent_a_second_time_but_copied);
    tcase_add_test(tc, what_has_left_is_sent_again_without_a_copy);
    tcase_add_test(tc, a_resend_without_memory_is_tried_when_next_due);
    tcase_add_test(tc, requests_of_a_lost_pipe_go_to_the_next_at_once_in_their_order);
    tcase_add_test(tc, a_lost_pipe_with_its_request_in_transit_hands_it_on);
    tcase_add_test(tc, losing_a_pipe_that_no_longer_has_the_request_changes_nothing);
    tcase_add_test(tc, with_resending_off_a_lost_pipe_fails_the_waiting_receive);
    tcase_add_test(tc, with_resending_off_a_lost_pipe_fails_the_next_receive_once);
    tcase_add_test(tc, a_new_send_forgets_that_the_last_was_lost);
    tcase_add_test(tc, a_queued_request_outlives_the_pipes_it_waited_for);
    tcase_add_test(tc, the_resend_time_of_the_socket_reaches_its_own_and_later_contexts);
    tcase_add_test(tc, a_new_resend_time_is_for_the_next_request);
    tcase_add_test(tc, at_most_once_holds_whatever_the_resend_time_says);
    tcase_add_test(tc, at_most_once_is_for_the_next_request);
    tcase_add_test(tc, at_most_once_is_at_least_tried);
    tcase_add_test(tc, ttl_max_is_1_to_15);
    tcase_add_test(tc, a_round_trip_allocates_its_two_messages);
    tcase_add_test(tc, a_send_without_memory_for_its_id_gives_the_message_back);
    tcase_add_loop_test(tc, no_shortage_of_memory_leaks_or_stops_the_socket, 1, 24);
    tcase_add_test(tc, closing_with_everything_under_way_leaks_nothing);
    tcase_add_test(tc, a_pipe_costs_little);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
