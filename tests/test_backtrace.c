/* The backtrace: the reject table of wire.md 4.3, row by row. */
#include "backtrace.h"

#include "msg.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* `hops` words, then the end word if asked, then `rest` bytes: in a block of just that size. */
static enum backtrace scan(size_t hops, bool end, size_t rest, unsigned words_max, size_t *trace)
{
    size_t count = (hops + (end ? 1 : 0)) * 4 + rest;
    uint8_t *bytes = malloc(count == 0 ? 1 : count);
    enum backtrace found;

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 0x7f, count);
    if (end)
        bytes[hops * 4] = 0x80;
    found = spry_backtrace_scan(count == 0 ? NULL : bytes, count, words_max, trace);
    free(bytes);
    return found;
}

START_TEST(up_to_ttl_max_words_are_whole)
{
    unsigned ttl = (unsigned)_i;
    size_t trace = 0;

    for (size_t hops = 0; hops < ttl; hops++) {
        for (size_t rest = 0; rest < 9; rest++) {
            ck_assert_int_eq(scan(hops, true, rest, ttl, &trace), BACKTRACE_WHOLE);
            ck_assert_uint_eq(trace, (hops + 1) * 4);
        }
    }
}
END_TEST

START_TEST(one_word_more_is_too_long)
{
    unsigned ttl = (unsigned)_i;
    size_t trace = 99;

    ck_assert_int_eq(scan(ttl, true, 0, ttl, &trace), BACKTRACE_TOO_LONG);
    ck_assert_int_eq(scan(ttl + 40, true, 5, ttl, &trace), BACKTRACE_TOO_LONG);
    ck_assert_uint_eq(trace, 99);
}
END_TEST

START_TEST(bytes_that_end_before_the_end_word_are_malformed)
{
    unsigned ttl = (unsigned)_i;
    size_t trace = 99;

    for (size_t hops = 0; hops < ttl; hops++) {
        for (size_t rest = 0; rest < 4; rest++)
            ck_assert_int_eq(scan(hops, false, rest, ttl, &trace), BACKTRACE_MALFORMED);
    }
    ck_assert_uint_eq(trace, 99);
}
END_TEST

START_TEST(too_long_comes_before_malformed)
{
    unsigned ttl = (unsigned)_i;
    size_t trace;

    for (size_t rest = 0; rest < 4; rest++)
        ck_assert_int_eq(scan(ttl, false, rest, ttl, &trace), BACKTRACE_TOO_LONG);
}
END_TEST

START_TEST(only_the_top_bit_of_the_first_byte_ends_it)
{
    static const uint8_t hops_then_end[] = {0x7f, 0xff, 0xff, 0xff, 0x00, 0x80,
                                            0x80, 0x80, 0x80, 0x00, 0x00, 0x00};
    size_t trace = 0;

    ck_assert_int_eq(spry_backtrace_scan(hops_then_end, 12, 8, &trace), BACKTRACE_WHOLE);
    ck_assert_uint_eq(trace, 12);
}
END_TEST

static nng_msg *message(const void *body, size_t count)
{
    nng_msg *msg;

    ck_assert_int_eq(spry_msg_alloc(&msg, count), 0);
    memcpy(nng_msg_body(msg), body, count);
    return msg;
}

START_TEST(pulling_moves_the_words_behind_what_the_header_has)
{
    nng_msg *msg = message("\1abc\x80xyzbody", 12);

    ck_assert_int_eq(nng_msg_header_append(msg, "pipe", 4), 0);
    ck_assert_int_eq(spry_backtrace_pull(msg, 2), BACKTRACE_WHOLE);
    ck_assert_uint_eq(nng_msg_header_len(msg), 12);
    ck_assert_mem_eq(nng_msg_header(msg), "pipe\1abc\x80xyz", 12);
    ck_assert_uint_eq(nng_msg_len(msg), 4);
    ck_assert_mem_eq(nng_msg_body(msg), "body", 4);
    nng_msg_free(msg);
}
END_TEST

START_TEST(what_is_not_whole_is_left_as_it_was)
{
    nng_msg *msg = message("\1abc\2def\3gh", 11);

    ck_assert_int_eq(spry_backtrace_pull(msg, 2), BACKTRACE_TOO_LONG);
    ck_assert_int_eq(spry_backtrace_pull(msg, 3), BACKTRACE_MALFORMED);
    ck_assert_uint_eq(nng_msg_header_len(msg), 0);
    ck_assert_uint_eq(nng_msg_len(msg), 11);
    ck_assert_mem_eq(nng_msg_body(msg), "\1abc\2def\3gh", 11);
    nng_msg_free(msg);
}
END_TEST

START_TEST(the_header_holds_the_longest_backtrace_and_a_pipe_id)
{
    ck_assert_int_le((BACKTRACE_TTL_MAX + 1) * BACKTRACE_WORD, SPRY_HEADER_MAX);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backtrace");
    TCase *tc = tcase_create("backtrace");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, up_to_ttl_max_words_are_whole, 1, BACKTRACE_TTL_MAX + 2);
    tcase_add_loop_test(tc, one_word_more_is_too_long, 1, BACKTRACE_TTL_MAX + 2);
    tcase_add_loop_test(tc, bytes_that_end_before_the_end_word_are_malformed, 1,
                        BACKTRACE_TTL_MAX + 2);
    tcase_add_loop_test(tc, too_long_comes_before_malformed, 1, BACKTRACE_TTL_MAX + 2);
    tcase_add_test(tc, only_the_top_bit_of_the_first_byte_ends_it);
    tcase_add_test(tc, pulling_moves_the_words_behind_what_the_header_has);
    tcase_add_test(tc, what_is_not_whole_is_left_as_it_was);
    tcase_add_test(tc, the_header_holds_the_longest_backtrace_and_a_pipe_id);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
