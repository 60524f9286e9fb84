/* PAIR version 0, cooked and raw: the rules of every pair, and what is its own (wire.md 5). */
#include <nng/protocol/pair0/pair.h>

#include "pair_rules.h"

#include <stdlib.h>

static void setup_cooked(void)
{
    static const struct pair_kind kind = {nng_pair0_open, "junk", "", "", 0, 4};

    pair_open(&kind);
}

static void setup_raw(void)
{
    static const struct pair_kind kind = {nng_pair0_open_raw, "\0\0\0\1", "", "", 0, 4};

    pair_open(&kind);
}

START_TEST(its_numbers_and_names)
{
    ck_assert_uint_eq(pair_socket.protocol->self, 0x10);
    ck_assert_uint_eq(pair_socket.protocol->peer, 0x10);
    ck_assert_str_eq(pair_socket.protocol->self_name, "pair");
    ck_assert_str_eq(pair_socket.protocol->peer_name, "pair");
}
END_TEST

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

START_TEST(it_has_no_hop_limit)
{
    int ttl;

    ck_assert_int_eq(fake_get_int(&pair_socket, NNG_OPT_MAXTTL, &ttl), NNG_ENOTSUP);
}
END_TEST

/* Any bytes are a message, and all of them are the body. */
START_TEST(an_empty_message_is_delivered)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    pair_arrive(pipe, "");
    pair_receive_now("");
    pair_send_now("");
    pair_expect_sent(pipe, "");
}
END_TEST

START_TEST(bytes_that_look_like_a_header_are_the_body)
{
    struct fake_pipe *pipe = fake_join(&pair_socket);

    pair_arrive(pipe, "\x81\x82\x83\x84z");
    pair_receive_now("\x81\x82\x83\x84z");
}
END_TEST

static TCase *add_case(Suite *suite, const char *name, void (*setup)(void))
{
    TCase *tc = tcase_create(name);

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, pair_close);
    pair_rules_add(tc);
    tcase_add_test(tc, its_numbers_and_names);
    tcase_add_test(tc, it_has_no_hop_limit);
    tcase_add_test(tc, an_empty_message_is_delivered);
    tcase_add_test(tc, bytes_that_look_like_a_header_are_the_body);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("pair0");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(add_case(suite, "cooked", setup_cooked), cooked_is_not_raw);
    tcase_add_test(add_case(suite, "raw", setup_raw), raw_is_raw);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
