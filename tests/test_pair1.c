/* PAIR version 1: the rules of every pair, the hop word, raw, polyamorous (wire.md 5). */
#include <nng/protocol/pair1/pair.h>

#include "fail_alloc.h"
#include "pair_rules.h"

#include <stdlib.h>
#include <string.h>

enum { POLY_QUEUE_MAX = 2 };

static void setup_cooked(void)
{
    static const struct pair_kind kind = {nng_pair1_open, "junk", "\0\0\0\1", "\0\0\0\1", 4, 4};

    pair_open(&kind);
}

static void setup_raw(void)
{
    static const struct pair_kind kind = {nng_pair1_open_raw, "\0\0\0\4", "\0\0\0\5",
                                          "\0\0\0\2",         4,          4};

    pair_open(&kind);
}

static void setup_poly(void)
{
    static const struct pair_kind kind = {nng_pair1_open_poly, "junk", "\0\0\0\1",
                                          "\0\0\0\1",          4,      4};

    pair_open(&kind);
}

/* ---- all three ---- */

START_TEST(its_numbers_and_names)
{
    ck_assert_uint_eq(pair_socket.protocol->self, 0x11);
    ck_assert_uint_eq(pair_socket.protocol->peer, 0x11);
    ck_assert_str_eq(pair_socket.protocol->self_name, "pair1");
    ck_assert_str_eq(pair_socket.protocol->peer_name, "pair1");
    ck_assert(!pair_socket.protocol->contexts);
}
END_TEST

START_TEST(ttl_max_is_1_to_15_and_8_at_first)
{
    int ttl = 0;

    ck_assert_int_eq(fake_get_int(&pair_socket, NNG_OPT_MAXTTL, &ttl), 0);
    ck_assert_int_eq(ttl, 8);
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_MAXTTL, 0), NNG_EINVAL);
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_MAXTTL, 16), NNG_EINVAL);
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_MAXTTL, 1), 0);
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_MAXTTL, 15), 0);
}
END_TEST

/* `word` comes with a body; it is delivered in the header, as it came. */
static void arrive_word(struct fake_pipe *pipe, const char *word)
{
    char bytes[8];

    memcpy(bytes, word, 4);
    memcpy(bytes + 4, "body", 4);
    fake_receive(pipe, bytes, 8);
}

static void expect_word(const char *word)
{
    static struct fake_request receive;

    pair_begin_receive(&receive);
    fake_expect_result(&receive, 0);
    ck_assert_uint_eq(nng_msg_header_len(receive.request.msg), 4);
    ck_assert_mem_eq(nng_msg_header(receive.request.msg), word, 4);
    ck_assert(fake_body_is(receive.request.msg, "body"));
    nng_msg_free(receive.request.msg);
}

START_TEST(hops_from_0_to_ttl_max_are_delivered_in_the_header)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    for (char hops = 0; hops <= 8; hops++) {
        arrive_word(pipe, (char[]){0, 0, 0, hops});
        expect_word((char[]){0, 0, 0, hops});
    }
}
END_TEST

START_TEST(more_hops_than_ttl_max_are_dropped_and_the_pipe_kept)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    arrive_word(pipe, "\0\0\0\x09");
    arrive_word(pipe, "\0\0\0\xfe");
    arrive_word(pipe, "\0\0\0\xff");
    pair_expect_nothing();
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_MAXTTL, 1), 0);
    arrive_word(pipe, "\0\0\0\2");
    arrive_word(pipe, "\0\0\0\1");
    expect_word("\0\0\0\1");
    pair_expect_nothing();
    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_MAXTTL, 15), 0);
    arrive_word(pipe, "\0\0\0\x0f");
    expect_word("\0\0\0\x0f");
    ck_assert(fake_is_open(pipe));
}
END_TEST

START_TEST(a_word_above_ff_closes_the_pipe)
{
    static const char *const words[] = {"\0\0\1\0", "\0\1\0\1", "\1\0\0\1", "\x80\0\0\1",
                                        "\xff\xff\xff\xff"};
    struct fake_pipe *pipe = fake_join(&pair_socket);

    arrive_word(pipe, words[_i]);
    ck_assert(!fake_is_open(pipe));
    pair_expect_nothing();
    pipe = fake_join(&pair_socket);
    pair_arrive(pipe, "next");
    pair_receive_now("next");
}
END_TEST

START_TEST(less_than_a_word_closes_the_pipe)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    fake_receive(pipe, "\0\0\0", (size_t)_i);
    ck_assert(!fake_is_open(pipe));
    pair_expect_nothing();
}
END_TEST

START_TEST(the_word_alone_is_an_empty_message)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    pair_arrive(pipe, "");
    pair_receive_now("");
}
END_TEST

START_TEST(a_dropped_message_is_not_counted_as_buffered)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    for (int i = 0; i < 5; i++) {
        arrive_word(pipe, "\0\0\0\x09");
        ck_assert(pipe->asked);
    }
}
END_TEST

/* ---- cooked, raw ---- */

START_TEST(cooked_is_not_raw)
{
    ck_assert(!pair_socket.protocol->raw);
}
END_TEST

START_TEST(raw_is_raw)
{
    ck_assert(pair_socket.protocol->raw);
}
END_TEST

START_TEST(a_raw_message_goes_out_with_one_hop_more)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);
    static const char given[] = {0, 1, 8, 15, '\xfe'}; /* as much as may be */
    static struct fake_request send;

    for (size_t i = 0; i < sizeof(given); i++) {
        nng_msg *msg;

        ck_assert(fake_send_raw(&pair_socket, &send, (char[]){0, 0, 0, given[i]}, 4, "x"));
        fake_expect_result(&send, 0);
        msg = fake_take(pipe);
        ck_assert_uint_eq(nng_msg_header_len(msg), 4);
        ck_assert_mem_eq(nng_msg_header(msg), ((char[]){0, 0, 0, (char)(given[i] + 1)}), 4);
        ck_assert(fake_body_is(msg, "x"));
        nng_msg_free(msg);
        fake_flush(pipe);
    }
}
END_TEST

static const struct {
    const char *bytes;
    size_t count;
} bad_headers[] = {
    {"", 0},           {"\0\0\0", 3},   {"\0\0\0\1\0", 5}, {"\0\0\0\1\0\0\0\1", 8},
    {"\0\0\0\xff", 4}, {"\0\0\1\0", 4}, {"\0\1\0\0", 4},   {"\x80\0\0\1", 4},
};

START_TEST(a_raw_send_with_another_header_is_refused_and_comes_back_as_it_was)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);
    static struct fake_request send;
    size_t count = bad_headers[_i].count;

    ck_assert(fake_send_raw(&pair_socket, &send, bad_headers[_i].bytes, count, "x"));
    fake_expect_result(&send, NNG_EPROTO);
    ck_assert_uint_eq(nng_msg_header_len(send.request.msg), count);
    if (count > 0)
        ck_assert_mem_eq(nng_msg_header(send.request.msg), bad_headers[_i].bytes, count);
    ck_assert(fake_body_is(send.request.msg, "x"));
    nng_msg_free(send.request.msg);
    ck_assert_uint_eq(pipe->sent.count, 0);
}
END_TEST

/* ---- polyamorous: the first pipe has the id 100 ---- */

static void send_to(struct fake_pipe *pipe, const char *text)
{
    static struct fake_request send;

    ck_assert(fake_send_to(&pair_socket, &send, pipe == NULL ? 0 : pipe->id, "junk", 4, text));
    fake_expect_result(&send, 0);
    ck_assert_ptr_null(send.request.msg);
}

START_TEST(it_says_so_and_cannot_be_made_not_to)
{
    bool value = false;

    ck_assert(!pair_socket.protocol->raw);
    ck_assert_int_eq(fake_get_bool(&pair_socket, NNG_OPT_PAIR1_POLY, &value), 0);
    ck_assert(value);
    ck_assert_int_eq(spry_option_set(pair_socket.protocol->socket_options, pair_socket.state,
                                     NNG_OPT_PAIR1_POLY,
                                     &(struct option_in){OPTION_BOOL, &value, 0}),
                     NNG_EREADONLY);
}
END_TEST

START_TEST(its_buffers_are_1_and_0_at_first)
{
    int value = -1;

    ck_assert_int_eq(fake_get_int(&pair_socket, NNG_OPT_RECVBUF, &value), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(fake_get_int(&pair_socket, NNG_OPT_SENDBUF, &value), 0);
    ck_assert_int_eq(value, 0);
}
END_TEST

START_TEST(a_message_goes_to_the_pipe_set_on_it)
{
    struct fake_pipe *a = fake_join(&pair_socket);
    struct fake_pipe *b = fake_join(&pair_socket);
    struct fake_pipe *c = fake_join(&pair_socket);

    send_to(b, "to b");
    send_to(c, "to c");
    send_to(a, "to a");
    pair_expect_sent(a, "to a");
    pair_expect_sent(b, "to b");
    pair_expect_sent(c, "to c");
}
END_TEST

START_TEST(a_received_message_sent_back_goes_where_it_came_from)
{
    static struct fake_request receive;
    struct fake_pipe *a = fake_join(&pair_socket);
    struct fake_pipe *b = fake_join(&pair_socket);
    uint32_t pipe_id;

    pair_arrive(b, "from b");
    pair_begin_receive(&receive);
    pipe_id = nng_msg_get_pipe(receive.request.msg).id;
    ck_assert_uint_eq(pipe_id, b->id);
    pair_expect_received(&receive, "from b");
    ck_assert(fake_send_to(&pair_socket, &receive, pipe_id, "", 0, "answer"));
    fake_expect_result(&receive, 0);
    ck_assert_uint_eq(a->sent.count, 0);
    pair_expect_sent(b, "answer");
}
END_TEST

START_TEST(without_a_pipe_set_it_goes_to_the_longest_connected)
{
    struct fake_pipe *a = fake_join(&pair_socket);
    struct fake_pipe *b = fake_join(&pair_socket);
    struct fake_pipe *c = fake_join(&pair_socket);

    send_to(NULL, "1");
    pair_expect_sent(a, "1");
    send_to(NULL, "2");
    pair_expect_sent(a, "2");
    fake_leave(a);
    send_to(NULL, "3");
    pair_expect_sent(b, "3");
    fake_leave(b);
    send_to(NULL, "4");
    pair_expect_sent(c, "4");
}
END_TEST

START_TEST(a_message_for_a_pipe_that_is_gone_or_never_was_is_dropped_with_success)
{
    struct fake_pipe *gone = fake_join(&pair_socket);
    struct fake_pipe *stays = fake_join(&pair_socket);
    static struct fake_request send;

    fake_leave(gone);
    send_to(gone, "lost");
    ck_assert(fake_send_to(&pair_socket, &send, 7, "", 0, "lost, too"));
    fake_expect_result(&send, 0);
    fake_leave(stays);
    send_to(gone, "and with no peer at all");
    stays = fake_join(&pair_socket);
    ck_assert_uint_eq(stays->sent.count, 0);
}
END_TEST

/* In transit, two in the queue, no more; whether the destination was named or not. */
START_TEST(a_busy_pipe_queues_2_and_drops_the_rest)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);
    static const char *const texts[] = {"0", "1", "2", "3", "4"};

    for (size_t i = 0; i < 5; i++)
        send_to(_i == 0 ? pipe : NULL, texts[i]);
    for (size_t i = 0; i < 1 + POLY_QUEUE_MAX; i++)
        pair_expect_sent(pipe, texts[i]);
    ck_assert_uint_eq(pipe->sent.count, 0);
    send_to(pipe, "free again");
    pair_expect_sent(pipe, "free again");
}
END_TEST

START_TEST(a_slow_pipe_does_not_hold_up_the_others)
{
    struct fake_pipe *slow = fake_join(&pair_socket);
    struct fake_pipe *fast = fake_join(&pair_socket);

    for (int i = 0; i < 10; i++) {
        send_to(slow, "slow");
        send_to(fast, "fast");
        pair_expect_sent(fast, "fast");
    }
}
END_TEST

START_TEST(a_message_does_not_overtake_the_queue_of_its_pipe)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    send_to(pipe, "1");
    send_to(pipe, "2");
    pipe->room = 3; /* the pipe has not told yet */
    send_to(NULL, "3");
    ck_assert_uint_eq(pipe->sent.count, 1);
    pair_expect_sent(pipe, "1");
    pair_expect_sent(pipe, "2");
    pair_expect_sent(pipe, "3");
}
END_TEST

START_TEST(the_queue_of_a_pipe_goes_with_it)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);
    struct fake_pipe *other = fake_join(&pair_socket);

    for (int i = 0; i < 3; i++)
        send_to(pipe, "lost");
    fake_leave(pipe);
    ck_assert_uint_eq(other->sent.count, 0);
}
END_TEST

START_TEST(without_a_peer_what_has_no_pipe_set_waits_for_one_and_none_is_dropped)
{
    static struct fake_request sends[4];
    static const char *const texts[] = {"0", "1", "2", "3", "4", "5", "6"};
    struct fake_pipe *pipe;

    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_SENDBUF, 3), 0);
    for (size_t i = 0; i < 3; i++)
        send_to(NULL, texts[i]);
    for (size_t i = 0; i < 3; i++)
        pair_send(&sends[i], texts[3 + i]);
    fake_expect_waiting(&sends[0]);
    pipe = fake_join(&pair_socket);
    fake_expect_result(&sends[0], 0);
    fake_expect_waiting(&sends[1]);
    pair_send(&sends[3], texts[6]);
    fake_expect_waiting(&sends[3]);
    for (size_t i = 0; i < 7; i++)
        pair_expect_sent(pipe, texts[i]);
}
END_TEST

START_TEST(what_waited_goes_to_the_next_peer_when_the_first_leaves)
{
    struct fake_pipe *a;
    struct fake_pipe *b;

    ck_assert_int_eq(fake_set_int(&pair_socket, NNG_OPT_SENDBUF, 2), 0);
    send_to(NULL, "1");
    send_to(NULL, "2");
    a = fake_join(&pair_socket);
    b = fake_join(&pair_socket);
    ck_assert_uint_eq(b->sent.count, 0);
    fake_leave(a);
    pair_expect_sent(b, "2");
}
END_TEST

START_TEST(every_pipe_may_bring_one_message_beyond_the_buffer)
{
    struct fake_pipe *pipes[3];
    static const char *const texts[] = {"0", "1", "2", "3"};

    for (size_t i = 0; i < 3; i++)
        pipes[i] = fake_join(&pair_socket);
    pair_arrive(pipes[2], texts[0]);
    ck_assert(pipes[2]->asked);
    pair_arrive(pipes[2], texts[1]);
    pair_arrive(pipes[0], texts[2]);
    pair_arrive(pipes[1], texts[3]);
    for (size_t i = 0; i < 3; i++)
        ck_assert(!pipes[i]->asked);
    pair_receive_now(texts[0]);
    ck_assert(pipes[2]->asked && !pipes[0]->asked && !pipes[1]->asked);
    pair_receive_now(texts[1]);
    ck_assert(pipes[0]->asked && !pipes[1]->asked);
    pair_receive_now(texts[2]);
    ck_assert(pipes[1]->asked);
    pair_receive_now(texts[3]);
    pair_expect_nothing();
}
END_TEST

START_TEST(a_bad_message_closes_only_its_own_pipe)
{
    struct fake_pipe *bad = fake_join(&pair_socket);
    struct fake_pipe *good = fake_join(&pair_socket);

    fake_receive(bad, "\1\0\0\1", 4);
    ck_assert(!fake_is_open(bad));
    pair_arrive(good, "fine");
    pair_receive_now("fine");
}
END_TEST

START_TEST(closing_ends_and_frees_all)
{
    struct fake_pipe *a;
    static struct fake_request send;
    static struct fake_request receive;

    pair_send(&send, "waits");
    pair_begin_receive(&receive);
    pair_close();
    fake_expect_result(&send, NNG_ECLOSED);
    fake_expect_result(&receive, NNG_ECLOSED);
    setup_poly();
    a = fake_join(&pair_socket);
    (void)fake_join(&pair_socket);
    for (int i = 0; i < 3; i++)
        send_to(a, "queued");
    pair_arrive(a, "unread");
}
END_TEST

START_TEST(dropping_and_queueing_need_no_memory)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);
    size_t calls = fail_alloc_calls();

    for (int i = 0; i < 5; i++)
        send_to(pipe, "x");
    ck_assert_uint_eq(fail_alloc_calls() - calls, 5); /* the test's own messages */
}
END_TEST

static TCase *add_case(Suite *suite, const char *name, void (*setup)(void))
{
    TCase *tc = tcase_create(name);

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, pair_close);
    tcase_add_test(tc, its_numbers_and_names);
    tcase_add_test(tc, ttl_max_is_1_to_15_and_8_at_first);
    tcase_add_test(tc, hops_from_0_to_ttl_max_are_delivered_in_the_header);
    tcase_add_test(tc, more_hops_than_ttl_max_are_dropped_and_the_pipe_kept);
    tcase_add_loop_test(tc, a_word_above_ff_closes_the_pipe, 0, 5);
    tcase_add_loop_test(tc, less_than_a_word_closes_the_pipe, 0, 4);
    tcase_add_test(tc, the_word_alone_is_an_empty_message);
    tcase_add_test(tc, a_dropped_message_is_not_counted_as_buffered);
    return tc;
}

static void add_poly(TCase *tc)
{
    tcase_add_test(tc, it_says_so_and_cannot_be_made_not_to);
    tcase_add_test(tc, its_buffers_are_1_and_0_at_first);
    tcase_add_test(tc, a_message_goes_to_the_pipe_set_on_it);
    tcase_add_test(tc, a_received_message_sent_back_goes_where_it_came_from);
    tcase_add_test(tc, without_a_pipe_set_it_goes_to_the_longest_connected);
    tcase_add_test(tc, a_message_for_a_pipe_that_is_gone_or_never_was_is_dropped_with_success);
    tcase_add_loop_test(tc, a_busy_pipe_queues_2_and_drops_the_rest, 0, 2);
    tcase_add_test(tc, a_slow_pipe_does_not_hold_up_the_others);
    tcase_add_test(tc, a_message_does_not_overtake_the_queue_of_its_pipe);
    tcase_add_test(tc, the_queue_of_a_pipe_goes_with_it);
    tcase_add_test(tc, without_a_peer_what_has_no_pipe_set_waits_for_one_and_none_is_dropped);
    tcase_add_test(tc, what_waited_goes_to_the_next_peer_when_the_first_leaves);
    tcase_add_test(tc, every_pipe_may_bring_one_message_beyond_the_buffer);
    tcase_add_test(tc, a_bad_message_closes_only_its_own_pipe);
    tcase_add_test(tc, closing_ends_and_frees_all);
    tcase_add_test(tc, dropping_and_queueing_need_no_memory);
}

int main(void)
{
    Suite *suite = suite_create("pair1");
    SRunner *runner = srunner_create(suite);
    TCase *cooked = add_case(suite, "cooked", setup_cooked);
    TCase *raw = add_case(suite, "raw", setup_raw);
    int failed;

    pair_rules_add(cooked);
    tcase_add_test(cooked, cooked_is_not_raw);
    pair_rules_add(raw);
    tcase_add_test(raw, raw_is_raw);
    tcase_add_test(raw, a_raw_message_goes_out_with_one_hop_more);
    tcase_add_loop_test(raw, a_raw_send_with_another_header_is_refused_and_comes_back_as_it_was, 0,
                        (int)(sizeof(bad_headers) / sizeof(bad_headers[0])));
    add_poly(add_case(suite, "poly", setup_poly));
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
