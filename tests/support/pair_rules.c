/* What holds for every PAIR socket with one peer: wire.md 5, one promise per test. */
#include "pair_rules.h"

#include "fail_alloc.h"

#include <string.h>

struct fake_socket pair_socket;
static const struct pair_kind *kind;

enum { MANY = 6 };

static const char *const texts[MANY] = {"0", "1", "2", "3", "4", "5"};

void pair_open(const struct pair_kind *which)
{
    kind = which;
    fake_open(&pair_socket, kind->open, 1);
}

void pair_close(void)
{
    fake_close(&pair_socket);
}

/* ---- steps ---- */

void pair_send(struct fake_request *send, const char *text)
{
    ck_assert(fake_send_raw(&pair_socket, send, kind->given, kind->given_bytes, text));
}

void pair_send_now(const char *text)
{
    static struct fake_request send;

    pair_send(&send, text);
    fake_expect_result(&send, 0);
    ck_assert_ptr_null(send.request.msg);
}

void pair_begin_receive(struct fake_request *receive)
{
    fake_begin_receive(&pair_socket, pair_socket.contexts[0], receive);
}

void pair_arrive(struct fake_pipe *pipe, const char *text)
{
    char bytes[64];

    memcpy(bytes, kind->arrives, kind->header_bytes);
    memcpy(bytes + kind->header_bytes, text, strlen(text));
    fake_receive(pipe, bytes, kind->header_bytes + strlen(text));
}

static void expect_message(nng_msg *msg, const char *header, const char *text)
{
    ck_assert_ptr_nonnull(msg);
    ck_assert(fake_body_is(msg, text));
    ck_assert_uint_eq(nng_msg_header_len(msg), kind->header_bytes);
    if (kind->header_bytes > 0)
        ck_assert_mem_eq(nng_msg_header(msg), header, kind->header_bytes);
}

void pair_expect_received(struct fake_request *receive, const char *text)
{
    fake_expect_result(receive, 0);
    expect_message(receive->request.msg, kind->arrives, text);
    nng_msg_free(receive->request.msg);
    receive->request.msg = NULL;
}

void pair_receive_now(const char *text)
{
    static struct fake_request receive;

    pair_begin_receive(&receive);
    pair_expect_received(&receive, text);
}

void pair_expect_nothing(void)
{
    static struct fake_request receive;

    pair_begin_receive(&receive);
    spry_request_cancel(&receive.request, NNG_EAGAIN);
    fake_expect_result(&receive, NNG_EAGAIN);
}

void pair_expect_sent(struct fake_pipe *pipe, const char *text)
{
    nng_msg *msg = fake_take(pipe);

    expect_message(msg, kind->written, text);
    nng_msg_free(msg);
    pair_socket.protocol->pipe_sent(pipe->state, pair_socket.now_ns);
}

static void set_buffers(int send_max, int receive_max)
{
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_SENDBUF, send_max), 0);
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_RECVBUF, receive_max), 0);
}

/* ---- options ---- */

START_TEST(buffers_are_0_to_8192_and_0_at_first)
{
    static const char *const names[] = {NNG_OPT_SENDBUF, NNG_OPT_RECVBUF};

    for (size_t i = 0; i < 2; i++) {
        int value = -1;

        ck_assert_int_eq(fake_get_int(&pair_socket, names[i], &value), 0);
        ck_assert_int_eq(value, 0);
        ck_assert_int_eq(fake_set_int(&pair_socket, names[i], -1), NNG_EINVAL);
        ck_assert_int_eq(fake_set_int(&pair_socket, names[i], 8193), NNG_EINVAL);
        ck_assert_int_eq(fake_set_int(&pair_socket, names[i], 8192), 0);
        ck_assert_int_eq(fake_get_int(&pair_socket, names[i], &value), 0);
        ck_assert_int_eq(value, 8192);
    }
}
END_TEST

START_TEST(it_is_not_polyamorous_and_has_no_further_contexts)
{
    bool value;

    ck_assert_int_eq(fake_get_bool(&pair_socket, "pair1:polyamorous", &value), NNG_ENOTSUP);
    ck_assert(!pair_socket.protocol->contexts);
}
END_TEST

/* ---- peers ---- */

START_TEST(a_further_peer_is_refused_and_the_first_goes_on)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    ck_assert_int_eq(fake_join_refused(&pair_socket), NNG_EBUSY);
    pair_arrive(pipe, "in");
    pair_receive_now("in");
    pair_send_now("out");
    pair_expect_sent(pipe, "out");
}
END_TEST

START_TEST(a_peer_that_left_makes_room_for_another)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    fake_leave(pipe);
    pipe = fake_join(&pair_socket);
    pair_send_now("out");
    pair_expect_sent(pipe, "out");
    pair_arrive(pipe, "in");
    pair_receive_now("in");
}
END_TEST

START_TEST(a_message_names_the_pipe_it_came_by)
{
    static struct fake_request receive;

    pair_arrive(fake_join(&pair_socket), "in");
    pair_begin_receive(&receive);
    ck_assert_int_eq(nng_msg_get_pipe(receive.request.msg).id, 100);
    pair_expect_received(&receive, "in");
}
END_TEST

START_TEST(the_pipe_set_on_a_message_means_nothing)
{
    static struct fake_request send;
    struct fake_pipe *pipe = fake_join(&pair_socket);

    ck_assert(fake_send_to(&pair_socket, &send, 12345, kind->given, kind->given_bytes,
                           "here all the same"));
    fake_expect_result(&send, 0);
    pair_expect_sent(pipe, "here all the same");
}
END_TEST

/* ---- sending ---- */

START_TEST(without_a_peer_a_send_waits_for_one)
{
    static struct fake_request send;

    pair_send(&send, "x");
    fake_expect_waiting(&send);
    pair_expect_sent(fake_join(&pair_socket), "x");
    fake_expect_result(&send, 0);
    ck_assert_ptr_null(send.request.msg);
}
END_TEST

START_TEST(a_send_waits_while_the_pipe_has_no_room)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);
    static struct fake_request send;

    pair_send_now("first");
    pair_send(&send, "second");
    fake_expect_waiting(&send);
    ck_assert_uint_eq(pipe->sent.count, 1);
    pair_expect_sent(pipe, "first");
    fake_expect_result(&send, 0);
    pair_expect_sent(pipe, "second");
}
END_TEST

START_TEST(a_pipe_takes_all_that_it_has_room_for)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    pipe->room = 3;
    for (size_t i = 0; i < 3; i++)
        pair_send_now(texts[i]);
    for (size_t i = 0; i < 3; i++)
        pair_expect_sent(pipe, texts[i]);
}
END_TEST

START_TEST(the_send_buffer_takes_so_many_and_then_sends_wait)
{
    static struct fake_request send;

    set_buffers(_i, 0);
    for (int i = 0; i < _i; i++)
        pair_send_now(texts[i]);
    pair_send(&send, "too many");
    fake_expect_waiting(&send);
}
END_TEST

START_TEST(order_is_kept_from_the_buffer_and_from_waiting_sends)
{
    static struct fake_request sends[2];
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(2, 0);
    for (size_t i = 0; i < 3; i++)
        pair_send_now(texts[i]);
    pair_send(&sends[0], texts[3]);
    pair_send(&sends[1], texts[4]);
    pair_expect_sent(pipe, texts[0]);
    fake_expect_result(&sends[0], 0); /* the buffer has room for it now */
    fake_expect_waiting(&sends[1]);
    for (size_t i = 1; i < 5; i++)
        pair_expect_sent(pipe, texts[i]);
    fake_expect_result(&sends[1], 0);
}
END_TEST

START_TEST(a_new_send_does_not_overtake_when_the_pipe_has_room_again)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(2, 0);
    pair_send_now(texts[0]);
    pair_send_now(texts[1]);
    pipe->room = 3; /* the pipe has not told yet */
    pair_send_now(texts[2]);
    for (size_t i = 0; i < 3; i++)
        pair_expect_sent(pipe, texts[i]);
}
END_TEST

START_TEST(a_bigger_send_buffer_takes_waiting_sends_at_once)
{
    static struct fake_request sends[3];
    struct fake_pipe *pipe;

    for (size_t i = 0; i < 3; i++)
        pair_send(&sends[i], texts[i]);
    set_buffers(2, 0);
    fake_expect_result(&sends[0], 0);
    fake_expect_result(&sends[1], 0);
    fake_expect_waiting(&sends[2]);
    pipe = fake_join(&pair_socket);
    for (size_t i = 0; i < 3; i++)
        pair_expect_sent(pipe, texts[i]);
}
END_TEST

START_TEST(a_smaller_send_buffer_loses_nothing)
{
    static struct fake_request send;
    struct fake_pipe *pipe;

    set_buffers(4, 0);
    for (size_t i = 0; i < 4; i++)
        pair_send_now(texts[i]);
    set_buffers(1, 0);
    pair_send(&send, texts[4]);
    fake_expect_waiting(&send);
    pipe = fake_join(&pair_socket);
    for (size_t i = 0; i < 3; i++) {
        fake_expect_waiting(&send);
        pair_expect_sent(pipe, texts[i]);
    }
    fake_expect_result(&send, 0);
    pair_expect_sent(pipe, texts[3]);
    pair_expect_sent(pipe, texts[4]);
}
END_TEST

START_TEST(what_waits_survives_the_peer_and_what_is_in_transit_does_not)
{
    static struct fake_request send;
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(2, 0);
    for (size_t i = 0; i < 3; i++)
        pair_send_now(texts[i]);
    pair_send(&send, texts[3]);
    fake_leave(pipe);
    fake_expect_waiting(&send);
    pipe = fake_join(&pair_socket);
    for (size_t i = 1; i < 4; i++)
        pair_expect_sent(pipe, texts[i]);
}
END_TEST

START_TEST(a_send_that_ends_unsent_gives_its_message_back)
{
    static const int errors[] = {NNG_EAGAIN, NNG_ETIMEDOUT, NNG_ECANCELED};
    static struct fake_request sends[3];

    for (size_t i = 0; i < 3; i++)
        pair_send(&sends[i], texts[i]);
    spry_request_cancel(&sends[1].request, errors[_i]);
    fake_expect_result(&sends[1], errors[_i]);
    ck_assert(fake_body_is(sends[1].request.msg, texts[1]));
    ck_assert_uint_eq(nng_msg_header_len(sends[1].request.msg), kind->given_bytes);
    nng_msg_free(sends[1].request.msg);
    sends[1].request.msg = NULL;
    set_buffers(8, 0);
    fake_expect_result(&sends[0], 0);
    fake_expect_result(&sends[2], 0);
}
END_TEST

START_TEST(a_send_that_waits_ends_at_its_time_limit)
{
    static struct fake_request send;

    pair_send(&send, "late");
    spry_request_limit(&send.request, pair_socket.now_ns + 1000);
    fake_advance(&pair_socket, 1);
    fake_expect_result(&send, NNG_ETIMEDOUT);
    nng_msg_free(send.request.msg);
    ck_assert_uint_eq(fake_join(&pair_socket)->sent.count, 0);
}
END_TEST

/* ---- receiving ---- */

START_TEST(the_receive_buffer_and_one_more_then_the_pipe_is_not_read)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(0, _i);
    for (int i = 0; i <= _i; i++)
        pair_arrive(pipe, texts[i]);
    ck_assert(!pipe->asked);
    for (int i = 0; i <= _i; i++) {
        pair_receive_now(texts[i]);
        ck_assert(pipe->asked);
    }
    pair_expect_nothing();
}
END_TEST

START_TEST(each_message_taken_makes_room_for_one)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(0, 1);
    pair_arrive(pipe, texts[0]);
    pair_arrive(pipe, texts[1]);
    for (size_t i = 2; i < MANY; i++) {
        pair_receive_now(texts[i - 2]);
        pair_arrive(pipe, texts[i]);
        ck_assert(!pipe->asked);
    }
}
END_TEST

START_TEST(receives_that_wait_are_served_in_turn)
{
    static struct fake_request receives[3];
    struct fake_pipe *pipe = fake_join(&pair_socket);

    for (size_t i = 0; i < 3; i++)
        pair_begin_receive(&receives[i]);
    spry_request_cancel(&receives[1].request, NNG_ETIMEDOUT);
    fake_expect_result(&receives[1], NNG_ETIMEDOUT);
    pair_arrive(pipe, "first");
    fake_expect_waiting(&receives[2]);
    pair_arrive(pipe, "second");
    pair_expect_received(&receives[0], "first");
    pair_expect_received(&receives[2], "second");
    ck_assert(pipe->asked);
}
END_TEST

START_TEST(a_bigger_receive_buffer_reads_on_at_once)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    pair_arrive(pipe, texts[0]);
    ck_assert(!pipe->asked);
    set_buffers(0, 1);
    pair_arrive(pipe, texts[1]);
    ck_assert(!pipe->asked);
    pair_receive_now(texts[0]);
    pair_receive_now(texts[1]);
}
END_TEST

START_TEST(a_smaller_receive_buffer_loses_nothing)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(0, 4);
    for (size_t i = 0; i < 4; i++)
        pair_arrive(pipe, texts[i]);
    set_buffers(0, 1);
    pair_arrive(pipe, texts[4]); /* it had been asked for */
    ck_assert(!pipe->asked);
    for (size_t i = 0; i < 3; i++) {
        ck_assert(!pipe->asked);
        pair_receive_now(texts[i]);
    }
    pair_receive_now(texts[3]);
    ck_assert(pipe->asked);
    pair_receive_now(texts[4]);
}
END_TEST

START_TEST(what_was_received_survives_the_peer)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(0, 1);
    pair_arrive(pipe, texts[0]);
    pair_arrive(pipe, texts[1]);
    fake_leave(pipe);
    pair_receive_now(texts[0]);
    pair_receive_now(texts[1]);
    pair_expect_nothing();
}
END_TEST

START_TEST(peers_that_come_and_go_do_not_fill_more_than_the_buffer)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    pair_arrive(pipe, texts[0]);
    fake_leave(pipe);
    for (size_t i = 0; i < 4; i++) {
        pipe = fake_join(&pair_socket);
        ck_assert(!pipe->asked);
        if (i < 3)
            fake_leave(pipe);
    }
    pair_receive_now(texts[0]);
    pair_arrive(pipe, texts[1]);
    pair_receive_now(texts[1]);
}
END_TEST

/* ---- the end, and memory ---- */

START_TEST(closing_ends_what_waits)
{
    static struct fake_request sends[2];
    static struct fake_request receives[2];

    for (size_t i = 0; i < 2; i++) {
        pair_send(&sends[i], texts[i]);
        pair_begin_receive(&receives[i]);
    }
    pair_close();
    for (size_t i = 0; i < 2; i++) {
        fake_expect_result(&sends[i], NNG_ECLOSED);
        fake_expect_result(&receives[i], NNG_ECLOSED);
    }
    pair_open(kind);
}
END_TEST

START_TEST(closing_frees_what_is_buffered)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    set_buffers(3, 3);
    for (size_t i = 0; i < 4; i++) {
        pair_send_now(texts[i]);
        pair_arrive(pipe, texts[i]);
    }
    pair_close(); /* looks for what is still allocated */
    pair_open(kind);
}
END_TEST

START_TEST(it_needs_no_memory_of_its_own)
{
    static struct fake_request send;
    struct fake_pipe *pipe;
    size_t calls;

    set_buffers(1, 1);
    pair_send_now(texts[0]);
    pair_send(&send, texts[1]);
    calls = fail_alloc_calls();
    pipe = fake_join(&pair_socket);
    fail_alloc_at(1);
    pair_expect_sent(pipe, texts[0]);
    pair_expect_sent(pipe, texts[1]);
    ck_assert_uint_eq(fail_alloc_calls(), 0);
    fail_alloc_at(0);
    pair_arrive(pipe, texts[2]);
    fail_alloc_at(1);
    pair_receive_now(texts[2]);
    ck_assert_uint_eq(fail_alloc_calls(), 0);
    fail_alloc_at(0);
    ck_assert_uint_ge(calls, 2); /* the messages themselves */
}
END_TEST

START_TEST(a_pipe_costs_little)
{
    ck_assert_uint_le(pair_socket.protocol->pipe_bytes, 120);
}
END_TEST

void pair_rules_add(TCase *tc)
{
    tcase_add_test(tc, buffers_are_0_to_8192_and_0_at_first);
    tcase_add_test(tc, it_is_not_polyamorous_and_has_no_further_contexts);
    tcase_add_test(tc, a_further_peer_is_refused_and_the_first_goes_on);
    tcase_add_test(tc, a_peer_that_left_makes_room_for_another);
    tcase_add_test(tc, a_message_names_the_pipe_it_came_by);
    tcase_add_test(tc, the_pipe_set_on_a_message_means_nothing);
    tcase_add_test(tc, without_a_peer_a_send_waits_for_one);
    tcase_add_test(tc, a_send_waits_while_the_pipe_has_no_room);
    tcase_add_test(tc, a_pipe_takes_all_that_it_has_room_for);
    tcase_add_loop_test(tc, the_send_buffer_takes_so_many_and_then_sends_wait, 0, 4);
    tcase_add_test(tc, order_is_kept_from_the_buffer_and_from_waiting_sends);
    tcase_add_test(tc, a_new_send_does_not_overtake_when_the_pipe_has_room_again);
    tcase_add_test(tc, a_bigger_send_buffer_takes_waiting_sends_at_once);
    tcase_add_test(tc, a_smaller_send_buffer_loses_nothing);
    tcase_add_test(tc, what_waits_survives_the_peer_and_what_is_in_transit_does_not);
    tcase_add_loop_test(tc, a_send_that_ends_unsent_gives_its_message_back, 0, 3);
    tcase_add_test(tc, a_send_that_waits_ends_at_its_time_limit);
    tcase_add_loop_test(tc, the_receive_buffer_and_one_more_then_the_pipe_is_not_read, 0, 4);
    tcase_add_test(tc, each_message_taken_makes_room_for_one);
    tcase_add_test(tc, receives_that_wait_are_served_in_turn);
    tcase_add_test(tc, a_bigger_receive_buffer_reads_on_at_once);
    tcase_add_test(tc, a_smaller_receive_buffer_loses_nothing);
    tcase_add_test(tc, what_was_received_survives_the_peer);
    tcase_add_test(tc, peers_that_come_and_go_do_not_fill_more_than_the_buffer);
    tcase_add_test(tc, closing_ends_what_waits);
    tcase_add_test(tc, closing_frees_what_is_buffered);
    tcase_add_test(tc, it_needs_no_memory_of_its_own);
    tcase_add_test(tc, a_pipe_costs_little);
}
