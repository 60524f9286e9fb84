/* The message: its two byte strings, its block of memory, its holders, and queues of it. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>

#include "fail_alloc.h"
#include "msg.h"

enum { SMALL = 100, LARGE = 5000, VERY_LARGE = 64 << 10, PAGE = 4096 };

static nng_msg *message(const char *header, size_t body_bytes)
{
    nng_msg *msg = NULL;

    ck_assert_int_eq(spry_msg_alloc(&msg, body_bytes), 0);
    ck_assert_int_eq(nng_msg_header_append(msg, header, strlen(header)), 0);
    for (size_t i = 0; i < body_bytes; i++)
        msg->body[i] = (uint8_t)(i * 7);
    return msg;
}

/*
 * The body is `bytes` bytes of the pattern above, beginning with the `first` one. One assertion for
 * all of them: Check writes a record for each.
 */
static void check_body(const void *body, size_t bytes, size_t first)
{
    const uint8_t *is = body;
    size_t same = 0;

    while (same < bytes && is[same] == (uint8_t)((first + same) * 7))
        same++;
    ck_assert_uint_eq(same, bytes);
}

/* Every byte of the body is `byte`. */
static void check_filled(nng_msg *msg, int byte)
{
    const uint8_t *is = nng_msg_body(msg);
    size_t same = 0;

    while (same < nng_msg_len(msg) && is[same] == byte)
        same++;
    ck_assert_uint_eq(same, nng_msg_len(msg));
}

static void check_text(nng_msg *msg, const char *header, const char *body)
{
    ck_assert_uint_eq(nng_msg_header_len(msg), strlen(header));
    ck_assert_mem_eq(nng_msg_header(msg), header, strlen(header));
    ck_assert_uint_eq(nng_msg_len(msg), strlen(body));
    ck_assert_mem_eq(nng_msg_body(msg), body, strlen(body));
}

START_TEST(a_new_message_is_zero_and_belongs_to_no_pipe)
{
    static const size_t sizes[] = {0, 1, SMALL, 1024, 1025, LARGE};

    fail_alloc_install(0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        nng_msg *msg = NULL;

        ck_assert_int_eq(nng_msg_alloc(&msg, sizes[i]), 0);
        ck_assert_uint_eq(nng_msg_len(msg), sizes[i]);
        ck_assert_uint_eq(nng_msg_capacity(msg), sizes[i]);
        ck_assert_uint_eq(nng_msg_header_len(msg), 0);
        ck_assert_uint_eq(nng_msg_get_pipe(msg).id, 0);
        check_filled(msg, 0);
        nng_msg_free(msg);
    }
    nng_msg_free(NULL);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_small_message_is_one_block_without_spare_room)
{
    nng_msg *msg;

    fail_alloc_install(0);
    msg = message("", SMALL);
    ck_assert_uint_eq(fail_alloc_live_blocks(), 1);
    ck_assert_uint_eq(fail_alloc_live_bytes(), sizeof(*msg) + SMALL);
    ck_assert_uint_eq((uintptr_t)nng_msg_body(msg) % sizeof(uint64_t), 0);
    nng_msg_free(msg);
    msg = message("", LARGE);
    ck_assert_uint_eq(fail_alloc_live_blocks(), 2);
    ck_assert_uint_eq(fail_alloc_live_bytes(), sizeof(*msg) + LARGE);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(the_frame_head_lies_directly_before_the_header)
{
    nng_msg *msg = message("h", 0);

    ck_assert_ptr_eq(msg->frame + FRAME_HEAD_MAX, nng_msg_header(msg));
    nng_msg_free(msg);
}
END_TEST

START_TEST(body_bytes_come_and_go_at_both_ends)
{
    nng_msg *msg = NULL;

    fail_alloc_install(0);
    ck_assert_int_eq(nng_msg_alloc(&msg, 0), 0);
    ck_assert_int_eq(nng_msg_append(msg, "cd", 2), 0);
    ck_assert_int_eq(nng_msg_insert(msg, "ab", 2), 0);
    ck_assert_int_eq(nng_msg_append(msg, "ef", 2), 0);
    ck_assert_int_eq(nng_msg_append(msg, NULL, 0), 0);
    ck_assert_int_eq(nng_msg_insert(msg, NULL, 0), 0);
    check_text(msg, "", "abcdef");
    ck_assert_int_eq(nng_msg_trim(msg, 1), 0);
    ck_assert_int_eq(nng_msg_chop(msg, 2), 0);
    check_text(msg, "", "bcd");
    ck_assert_int_eq(nng_msg_trim(msg, 4), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_chop(msg, 4), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_trim(msg, SIZE_MAX), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_chop(msg, SIZE_MAX), NNG_EINVAL);
    check_text(msg, "", "bcd");
    ck_assert_int_eq(nng_msg_append(msg, NULL, 2), 0);
    ck_assert_int_eq(nng_msg_insert(msg, NULL, 2), 0);
    ck_assert_uint_eq(nng_msg_len(msg), 7);
    ck_assert_mem_eq((uint8_t *)nng_msg_body(msg) + 2, "bcd", 3);
    nng_msg_clear(msg);
    check_text(msg, "", "");
    ck_assert_int_eq(nng_msg_trim(msg, 0), 0);
    ck_assert_int_eq(nng_msg_trim(msg, 1), NNG_EINVAL);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(header_bytes_come_and_go_at_both_ends)
{
    nng_msg *msg = message("", SMALL);

    ck_assert_int_eq(nng_msg_header_append(msg, "cd", 2), 0);
    ck_assert_int_eq(nng_msg_header_insert(msg, "ab", 2), 0);
    ck_assert_uint_eq(nng_msg_header_len(msg), 4);
    ck_assert_mem_eq(nng_msg_header(msg), "abcd", 4);
    ck_assert_int_eq(nng_msg_header_trim(msg, 1), 0);
    ck_assert_int_eq(nng_msg_header_chop(msg, 1), 0);
    ck_assert_int_eq(nng_msg_header_trim(msg, 3), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_chop(msg, 3), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_trim(msg, SIZE_MAX), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_chop(msg, SIZE_MAX), NNG_EINVAL);
    ck_assert_uint_eq(nng_msg_header_len(msg), 2);
    ck_assert_mem_eq(nng_msg_header(msg), "bc", 2);
    nng_msg_header_clear(msg);
    ck_assert_uint_eq(nng_msg_header_len(msg), 0);
    check_body(nng_msg_body(msg), SMALL, 0);
    nng_msg_free(msg);
}
END_TEST

START_TEST(a_header_holds_64_bytes_and_no_more)
{
    nng_msg *msg = message("", 0);
    uint8_t bytes[SPRY_HEADER_MAX];

    memset(bytes, 'h', sizeof(bytes));
    ck_assert_int_eq(nng_msg_header_append(msg, bytes, 65), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_insert(msg, bytes, 65), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_append(msg, bytes, SIZE_MAX), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_append(msg, bytes, 61), 0);
    ck_assert_int_eq(nng_msg_header_append_u32(msg, 0), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_insert_u32(msg, 0), NNG_EINVAL);
    ck_assert_uint_eq(nng_msg_header_len(msg), 61);
    ck_assert_int_eq(nng_msg_header_insert(msg, bytes, 3), 0);
    ck_assert_uint_eq(nng_msg_header_len(msg), 64);
    ck_assert_mem_eq(nng_msg_header(msg), bytes, 64);
    ck_assert_int_eq(nng_msg_header_insert(msg, bytes, 1), NNG_EINVAL);
    ck_assert_int_eq(nng_msg_header_append(msg, NULL, 0), 0);
    nng_msg_free(msg);
}
END_TEST

/* Both parts, all three widths: the same promises under other names. */
#define WORD_TEST(name, part, first, bits, value)                                                  \
    START_TEST(name)                                                                               \
    {                                                                                              \
        static const uint8_t wire[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};            \
        nng_msg *msg = message("", 0);                                                             \
        uint##bits##_t is = 0;                                                                     \
                                                                                                   \
        ck_assert_int_eq(nng_msg_##part##append_u##bits(msg, 1), 0);                               \
        ck_assert_int_eq(nng_msg_##part##insert_u##bits(msg, (value)), 0);                         \
        ck_assert_int_eq(nng_msg_##part##append_u##bits(msg, (value)), 0);                         \
        ck_assert_uint_eq(nng_msg_##part##len(msg), 3 * sizeof(is));                               \
        ck_assert_mem_eq(first(msg), wire, sizeof(is));                                            \
        ck_assert_int_eq(nng_msg_##part##trim_u##bits(msg, &is), 0);                               \
        ck_assert(is == (value));                                                                  \
        is = 0;                                                                                    \
        ck_assert_int_eq(nng_msg_##part##chop_u##bits(msg, &is), 0);                               \
        ck_assert(is == (value));                                                                  \
        ck_assert_int_eq(nng_msg_##part##trim_u##bits(msg, &is), 0);                               \
        ck_assert(is == 1);                                                                        \
        ck_assert_int_eq(nng_msg_##part##append(msg, wire, sizeof(is) - 1), 0);                    \
        ck_assert_int_eq(nng_msg_##part##trim_u##bits(msg, &is), NNG_EINVAL);                      \
        ck_assert_int_eq(nng_msg_##part##chop_u##bits(msg, &is), NNG_EINVAL);                      \
        ck_assert(is == 1);                                                                        \
        ck_assert_uint_eq(nng_msg_##part##len(msg), sizeof(is) - 1);                               \
        nng_msg_free(msg);                                                                         \
    }                                                                                              \
    END_TEST

WORD_TEST(body_u16_is_big_endian, , nng_msg_body, 16, 0x0123)
WORD_TEST(body_u32_is_big_endian, , nng_msg_body, 32, 0x01234567)
WORD_TEST(body_u64_is_big_endian, , nng_msg_body, 64, UINT64_C(0x0123456789abcdef))
WORD_TEST(header_u16_is_big_endian, header_, nng_msg_header, 16, 0x0123)
WORD_TEST(header_u32_is_big_endian, header_, nng_msg_header, 32, 0x01234567)
WORD_TEST(header_u64_is_big_endian, header_, nng_msg_header, 64, UINT64_C(0x0123456789abcdef))

/* However it came to be: where in its page the body begins is what copying it costs; see msg.c. */
START_TEST(a_very_large_body_begins_well_behind_a_page)
{
    fail_alloc_install(0);
    for (size_t bytes = VERY_LARGE; bytes <= 8 * VERY_LARGE; bytes += VERY_LARGE) {
        nng_msg *msg;

        ck_assert_int_eq(nng_msg_alloc(&msg, bytes), 0);
        ck_assert_uint_eq((uintptr_t)nng_msg_body(msg) % PAGE, 256);
        nng_msg_free(msg);
        ck_assert_int_eq(nng_msg_alloc(&msg, SMALL), 0);
        ck_assert_int_eq(spry_msg_extend(msg, bytes), 0);
        ck_assert_uint_eq((uintptr_t)nng_msg_body(msg) % PAGE, 256);
        ck_assert_uint_ge(nng_msg_capacity(msg), bytes);
        nng_msg_free(msg);
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(realloc_sets_the_length_and_keeps_the_rest)
{
    static const size_t sizes[] = {SMALL, 1024, 1025, LARGE, 20 * LARGE};

    fail_alloc_install(0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        nng_msg *msg = message("h", SMALL);

        ck_assert_int_eq(nng_msg_realloc(msg, sizes[i]), 0);
        ck_assert_uint_eq(nng_msg_len(msg), sizes[i]);
        check_body(nng_msg_body(msg), SMALL, 0);
        ck_assert_int_eq(nng_msg_realloc(msg, 10), 0);
        ck_assert_uint_eq(nng_msg_len(msg), 10);
        if (sizes[i] < (size_t)VERY_LARGE)
            ck_assert_uint_eq(nng_msg_capacity(msg), sizes[i]);
        ck_assert_uint_ge(nng_msg_capacity(msg), sizes[i]);
        ck_assert_uint_lt(nng_msg_capacity(msg), sizes[i] + PAGE);
        check_body(nng_msg_body(msg), 10, 0);
        nng_msg_free(msg);
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(reserve_makes_room_once_and_never_shrinks)
{
    nng_msg *msg;

    fail_alloc_install(0);
    msg = message("", SMALL);
    ck_assert_int_eq(nng_msg_reserve(msg, LARGE), 0);
    ck_assert_uint_eq(nng_msg_len(msg), SMALL);
    ck_assert_uint_ge(nng_msg_capacity(msg), LARGE);
    ck_assert_int_eq(nng_msg_reserve(msg, 1), 0);
    ck_assert_uint_ge(nng_msg_capacity(msg), LARGE);
    fail_alloc_at(1);
    for (size_t i = SMALL; i < LARGE; i++) {
        uint8_t byte = (uint8_t)(i * 7);

        ck_assert_int_eq(nng_msg_append(msg, &byte, 1), 0);
    }
    ck_assert_uint_eq(fail_alloc_calls(), 0);
    check_body(nng_msg_body(msg), LARGE, 0);
    nng_msg_clear(msg);
    ck_assert_uint_ge(nng_msg_capacity(msg), LARGE);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(extend_keeps_what_was_pulled_off_the_front_reusable)
{
    nng_msg *msg;

    fail_alloc_install(0);
    msg = message("", LARGE);
    spry_msg_pull_header(msg, 8);
    fail_alloc_at(1);
    ck_assert_int_eq(spry_msg_extend(msg, LARGE), 0);
    ck_assert_uint_eq(nng_msg_capacity(msg), LARGE);
    check_body(nng_msg_body(msg), LARGE - 8, 8);
    ck_assert_int_eq(spry_msg_extend(msg, LARGE + 1), NNG_ENOMEM);
    check_body(nng_msg_body(msg), LARGE - 8, 8);
    ck_assert_int_eq(spry_msg_extend(msg, LARGE + 1), 0);
    ck_assert_uint_eq(nng_msg_capacity(msg), LARGE + 1);
    check_body(nng_msg_body(msg), LARGE - 8, 8);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(impossible_lengths_give_enomem_and_change_nothing)
{
    static const size_t sizes[] = {SMALL, LARGE};

    fail_alloc_install(0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        nng_msg *msg = message("h", sizes[i]);
        nng_msg *none = NULL;

        ck_assert_int_eq(nng_msg_trim(msg, 4), 0);
        for (size_t less = 0; less < 200; less++) {
            size_t bytes = SIZE_MAX - less;

            ck_assert_int_eq(nng_msg_alloc(&none, bytes), NNG_ENOMEM);
            ck_assert_int_eq(nng_msg_append(msg, NULL, bytes), NNG_ENOMEM);
            ck_assert_int_eq(nng_msg_insert(msg, NULL, bytes), NNG_ENOMEM);
            ck_assert_int_eq(nng_msg_realloc(msg, bytes), NNG_ENOMEM);
            ck_assert_int_eq(nng_msg_reserve(msg, bytes), NNG_ENOMEM);
        }
        ck_assert_ptr_null(none);
        ck_assert_uint_eq(nng_msg_len(msg), sizes[i] - 4);
        check_body(nng_msg_body(msg), sizes[i] - 4, 4);
        nng_msg_free(msg);
    }
    fail_alloc_finish();
}
END_TEST

/* The number of requests tells how often the body was copied: log2, not once per byte. */
START_TEST(growing_at_either_end_is_amortised)
{
    nng_msg *msg = NULL;
    size_t failures = 0;

    fail_alloc_install(0);
    ck_assert_int_eq(nng_msg_alloc(&msg, 0), 0);
    fail_alloc_at(0);
    for (size_t i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)i;
        bool at_end = _i == 0 || (_i == 2 && i % 2 == 0);

        failures += (at_end ? nng_msg_append : nng_msg_insert)(msg, &byte, 1) != 0;
    }
    ck_assert_uint_eq(failures, 0);
    ck_assert_uint_eq(nng_msg_len(msg), 100000);
    ck_assert_uint_le(fail_alloc_calls(), 32);
    ck_assert_uint_le(fail_alloc_live_bytes(), 4 * 100000);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_body_used_as_a_fifo_stays_small)
{
    nng_msg *msg = NULL;
    size_t failures = 0;

    fail_alloc_install(0);
    ck_assert_int_eq(nng_msg_alloc(&msg, 64), 0);
    for (uint32_t i = 0; i < 20000; i++) {
        uint32_t word = UINT32_MAX;
        int rv;

        if (_i == 0) {
            rv = nng_msg_append_u32(msg, i);
            rv += nng_msg_trim_u32(msg, &word);
        } else {
            rv = nng_msg_insert_u32(msg, i);
            rv += nng_msg_chop_u32(msg, &word);
        }
        failures += rv != 0 || word != (i < 16 ? 0 : i - 16);
    }
    ck_assert_uint_eq(failures, 0);
    ck_assert_uint_le(fail_alloc_live_bytes(), sizeof(*msg) + 1024);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_copy_is_independent)
{
    nng_msg *msg;
    nng_msg *copy = NULL;
    nng_pipe pipe = {7};

    fail_alloc_install(0);
    msg = message("head", _i == 0 ? SMALL : LARGE);
    nng_msg_set_pipe(msg, pipe);
    ck_assert_int_eq(nng_msg_dup(&copy, msg), 0);
    memset(nng_msg_body(msg), 0, nng_msg_len(msg));
    memset(nng_msg_header(msg), 0, 4);
    nng_msg_free(msg);
    ck_assert_uint_eq(nng_msg_get_pipe(copy).id, 7);
    ck_assert_uint_eq(nng_msg_header_len(copy), 4);
    ck_assert_mem_eq(nng_msg_header(copy), "head", 4);
    ck_assert_uint_eq(nng_msg_len(copy), _i == 0 ? SMALL : LARGE);
    check_body(nng_msg_body(copy), nng_msg_len(copy), 0);
    nng_msg_free(copy);
    fail_alloc_finish();
}
END_TEST

START_TEST(the_last_holder_frees)
{
    nng_msg *msg;

    fail_alloc_install(0);
    msg = message("h", LARGE);
    spry_msg_hold(msg);
    nng_msg_free(msg);
    check_body(nng_msg_body(msg), LARGE, 0);
    ck_assert_uint_eq(fail_alloc_live_blocks(), 2);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(unshare_copies_only_for_more_than_one_holder)
{
    nng_msg *original;
    nng_msg *mine;

    fail_alloc_install(0);
    original = message("h", SMALL);
    mine = original;
    fail_alloc_at(1);
    ck_assert_int_eq(spry_msg_unshare(&mine), 0);
    ck_assert_ptr_eq(mine, original);
    spry_msg_hold(original);
    ck_assert_int_eq(spry_msg_unshare(&mine), NNG_ENOMEM);
    ck_assert_ptr_eq(mine, original);
    ck_assert_uint_eq(original->refs, 2);
    ck_assert_int_eq(spry_msg_unshare(&mine), 0);
    ck_assert_ptr_ne(mine, original);
    ck_assert_uint_eq(original->refs, 1);
    ck_assert_uint_eq(mine->refs, 1);
    nng_msg_free(original);
    ck_assert_uint_eq(nng_msg_len(mine), SMALL);
    check_body(nng_msg_body(mine), SMALL, 0);
    nng_msg_free(mine);
    fail_alloc_finish();
}
END_TEST

START_TEST(an_adopted_block_is_the_body_itself)
{
    static const size_t sizes[] = {1, SMALL, LARGE};

    fail_alloc_install(0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        uint8_t *block = nng_alloc(sizes[i]);
        nng_msg *msg = NULL;
        void *back = NULL;
        size_t bytes = 0;

        for (size_t k = 0; k < sizes[i]; k++)
            block[k] = (uint8_t)(k * 7);
        ck_assert_int_eq(spry_msg_adopt(&msg, block, sizes[i]), 0);
        ck_assert_ptr_eq(nng_msg_body(msg), block);
        ck_assert_uint_eq(nng_msg_len(msg), sizes[i]);
        fail_alloc_at(1);
        ck_assert_int_eq(spry_msg_detach(msg, &back, &bytes), 0);
        fail_alloc_at(0);
        ck_assert_ptr_eq(back, block);
        ck_assert_uint_eq(bytes, sizes[i]);
        ck_assert_int_eq(spry_msg_adopt(&msg, block, sizes[i]), 0);
        ck_assert_int_eq(nng_msg_append(msg, "tail", 4), 0);
        check_body(nng_msg_body(msg), sizes[i], 0);
        nng_msg_free(msg);
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(an_empty_block_can_be_adopted)
{
    void *empty;
    nng_msg *msg = NULL;

    fail_alloc_install(0);
    ck_assert_int_eq(spry_msg_adopt(&msg, NULL, 0), 0);
    ck_assert_int_eq(nng_msg_append(msg, "a", 1), 0);
    check_text(msg, "", "a");
    nng_msg_free(msg);
    empty = nng_alloc(0);
    ck_assert_int_eq(spry_msg_adopt(&msg, empty, 0), 0);
    ck_assert_int_eq(nng_msg_insert(msg, "a", 1), 0);
    check_text(msg, "", "a");
    nng_msg_free(msg);
    empty = nng_alloc(0);
    ck_assert_int_eq(spry_msg_adopt(&msg, empty, 0), 0);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_refused_adoption_leaves_the_block_with_its_owner)
{
    nng_msg *msg = NULL;
    void *block;

    fail_alloc_install(0);
    block = nng_alloc(SMALL);
    fail_alloc_at(1);
    ck_assert_int_eq(spry_msg_adopt(&msg, block, SMALL), NNG_ENOMEM);
    ck_assert_ptr_null(msg);
    ck_assert_uint_eq(fail_alloc_live_blocks(), 1);
    nng_free(block, SMALL);
    fail_alloc_finish();
}
END_TEST

/* _i: small, large, large with bytes gone from the front, from the end, and with two holders. */
START_TEST(a_detached_body_is_a_block_of_exactly_its_length)
{
    nng_msg *msg;
    void *block = NULL;
    size_t bytes = 0;
    size_t length = _i == 0 ? SMALL : LARGE;
    size_t first = 0;

    fail_alloc_install(0);
    msg = message("h", length);
    if (_i == 2) {
        first = 4;
        length -= 4;
        ck_assert_int_eq(nng_msg_trim(msg, 4), 0);
    }
    if (_i == 3) {
        length -= 4;
        ck_assert_int_eq(nng_msg_chop(msg, 4), 0);
    }
    if (_i == 4)
        spry_msg_hold(msg);
    if (_i != 1) { /* that one needs no memory */
        fail_alloc_at(1);
        ck_assert_int_eq(spry_msg_detach(msg, &block, &bytes), NNG_ENOMEM);
        ck_assert_ptr_null(block);
        ck_assert_uint_eq(nng_msg_len(msg), length);
        check_body(nng_msg_body(msg), length, first);
    }
    ck_assert_int_eq(spry_msg_detach(msg, &block, &bytes), 0);
    ck_assert_uint_eq(bytes, length);
    check_body(block, bytes, first);
    nng_free(block, bytes);
    if (_i == 4) {
        ck_assert_uint_eq(msg->refs, 1);
        check_body(nng_msg_body(msg), length, first);
        nng_msg_free(msg);
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(an_empty_body_is_detached_as_null)
{
    nng_msg *msg;
    void *block = &msg;
    size_t bytes = 9;

    fail_alloc_install(0);
    msg = message("h", LARGE);
    nng_msg_clear(msg);
    ck_assert_int_eq(spry_msg_detach(msg, &block, &bytes), 0);
    ck_assert_ptr_null(block);
    ck_assert_uint_eq(bytes, 0);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_pulled_header_follows_the_one_there)
{
    nng_msg *msg = message("pipe", SMALL);

    spry_msg_pull_header(msg, 8);
    ck_assert_uint_eq(nng_msg_header_len(msg), 12);
    ck_assert_mem_eq(nng_msg_header(msg), "pipe", 4);
    check_body((uint8_t *)nng_msg_header(msg) + 4, 8, 0);
    ck_assert_uint_eq(nng_msg_len(msg), SMALL - 8);
    check_body(nng_msg_body(msg), SMALL - 8, 8);
    ck_assert_uint_eq(spry_msg_total(msg), 12 + SMALL - 8);
    nng_msg_free(msg);
}
END_TEST

START_TEST(a_queue_is_first_in_first_out_and_counts)
{
    struct msg_queue queue;
    nng_msg *a;
    nng_msg *b;
    nng_msg *c;

    fail_alloc_install(0);
    a = message("hh", 10);
    b = message("", 5);
    spry_msg_queue_init(&queue);
    ck_assert_ptr_null(spry_msg_queue_pop(&queue));
    spry_msg_queue_push(&queue, a);
    spry_msg_queue_push(&queue, b);
    ck_assert_uint_eq(queue.count, 2);
    ck_assert_uint_eq(queue.bytes, 17);
    ck_assert_ptr_eq(spry_msg_queue_pop(&queue), a);
    ck_assert_uint_eq(queue.count, 1);
    ck_assert_uint_eq(queue.bytes, 5);
    ck_assert_ptr_eq(spry_msg_queue_pop(&queue), b);
    ck_assert_ptr_null(spry_msg_queue_pop(&queue));
    c = message("", 1);
    spry_msg_queue_push(&queue, b);
    spry_msg_queue_push(&queue, a);
    spry_msg_queue_push(&queue, c);
    ck_assert_ptr_eq(spry_msg_queue_pop(&queue), b);
    spry_msg_queue_push(&queue, b);
    ck_assert_ptr_eq(spry_msg_queue_pop(&queue), a);
    ck_assert_ptr_eq(spry_msg_queue_pop(&queue), c);
    spry_msg_queue_push(&queue, a);
    spry_msg_queue_push(&queue, c);
    ck_assert_uint_eq(queue.count, 3);
    spry_msg_queue_flush(&queue);
    ck_assert_uint_eq(queue.count, 0);
    ck_assert_uint_eq(queue.bytes, 0);
    ck_assert_ptr_null(queue.head);
    fail_alloc_finish();
}
END_TEST

/* Fails the _i-th request of a long life; a call works or leaves the message as it was. */
START_TEST(a_failed_call_changes_nothing)
{
    static const size_t steps[] = {4, 100, 3, 900, 30, 2000, 9, 5000, 20000};
    uint8_t bytes[20000];
    size_t length = 0;
    nng_msg *msg = NULL;
    nng_msg *copy = NULL;
    void *block = NULL;

    memset(bytes, 'x', sizeof(bytes));
    fail_alloc_install((size_t)_i);
    while (nng_msg_alloc(&msg, 0) != 0)
        ck_assert_ptr_null(msg);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (nng_msg_append(msg, bytes, steps[i]) == 0)
            length += steps[i];
        ck_assert_uint_eq(nng_msg_len(msg), length);
        if (nng_msg_insert(msg, bytes, steps[i]) == 0)
            length += steps[i];
        ck_assert_uint_eq(nng_msg_len(msg), length);
        if (nng_msg_realloc(msg, length + 1) == 0) {
            ck_assert_int_eq(nng_msg_chop(msg, 1), 0);
            ck_assert_int_eq(nng_msg_trim(msg, 1), 0);
            length--;
        }
        ck_assert_uint_eq(nng_msg_len(msg), length);
        check_filled(msg, 'x');
    }
    while (nng_msg_dup(&copy, msg) != 0)
        ck_assert_ptr_null(copy);
    nng_msg_free(copy);
    while (spry_msg_detach(msg, &block, &length) != 0)
        ck_assert_uint_eq(nng_msg_len(msg), length);
    nng_free(block, length);
    ck_assert_uint_le(fail_alloc_calls(), 40); /* so the loop reaches every request */
    fail_alloc_finish();
}
END_TEST

START_TEST(growth_makes_do_with_what_is_needed_when_memory_is_short)
{
    nng_msg *msg;

    fail_alloc_install(0);
    msg = message("", LARGE);
    fail_alloc_at(1); /* the generous request */
    ck_assert_int_eq(nng_msg_append_u32(msg, 1), 0);
    ck_assert_uint_eq(fail_alloc_live_bytes(), sizeof(*msg) + LARGE + 4);
    check_body(nng_msg_body(msg), LARGE, 0);
    nng_msg_free(msg);
    fail_alloc_finish();
}
END_TEST

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
START_TEST(the_old_option_getter_knows_nothing)
{
    nng_msg *msg = message("", 0);
    size_t bytes = 0;

    ck_assert_int_eq(nng_msg_getopt(msg, 1, NULL, &bytes), NNG_ENOTSUP);
    nng_msg_free(msg);
}
END_TEST
#pragma GCC diagnostic pop

static TCase *lifetime_tests(void)
{
    TCase *tc = tcase_create("lifetime");

    tcase_add_test(tc, a_new_message_is_zero_and_belongs_to_no_pipe);
    tcase_add_test(tc, a_small_message_is_one_block_without_spare_room);
    tcase_add_loop_test(tc, a_copy_is_independent, 0, 2);
    tcase_add_test(tc, the_last_holder_frees);
    tcase_add_test(tc, unshare_copies_only_for_more_than_one_holder);
    tcase_add_test(tc, an_adopted_block_is_the_body_itself);
    tcase_add_test(tc, an_empty_block_can_be_adopted);
    tcase_add_test(tc, a_refused_adoption_leaves_the_block_with_its_owner);
    tcase_add_loop_test(tc, a_detached_body_is_a_block_of_exactly_its_length, 0, 5);
    tcase_add_test(tc, an_empty_body_is_detached_as_null);
    tcase_add_test(tc, a_queue_is_first_in_first_out_and_counts);
    tcase_add_loop_test(tc, a_failed_call_changes_nothing, 1, 40);
    return tc;
}

static TCase *bytes_tests(void)
{
    TCase *tc = tcase_create("bytes");

    tcase_add_test(tc, the_frame_head_lies_directly_before_the_header);
    tcase_add_test(tc, body_bytes_come_and_go_at_both_ends);
    tcase_add_test(tc, header_bytes_come_and_go_at_both_ends);
    tcase_add_test(tc, a_header_holds_64_bytes_and_no_more);
    tcase_add_test(tc, body_u16_is_big_endian);
    tcase_add_test(tc, body_u32_is_big_endian);
    tcase_add_test(tc, body_u64_is_big_endian);
    tcase_add_test(tc, header_u16_is_big_endian);
    tcase_add_test(tc, header_u32_is_big_endian);
    tcase_add_test(tc, header_u64_is_big_endian);
    tcase_add_test(tc, a_very_large_body_begins_well_behind_a_page);
    tcase_add_test(tc, realloc_sets_the_length_and_keeps_the_rest);
    tcase_add_test(tc, reserve_makes_room_once_and_never_shrinks);
    tcase_add_test(tc, extend_keeps_what_was_pulled_off_the_front_reusable);
    tcase_add_test(tc, impossible_lengths_give_enomem_and_change_nothing);
    tcase_add_loop_test(tc, growing_at_either_end_is_amortised, 0, 3);
    tcase_add_loop_test(tc, a_body_used_as_a_fifo_stays_small, 0, 2);
    tcase_add_test(tc, a_pulled_header_follows_the_one_there);
    tcase_add_test(tc, growth_makes_do_with_what_is_needed_when_memory_is_short);
    tcase_add_test(tc, the_old_option_getter_knows_nothing);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("msg");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, lifetime_tests());
    suite_add_tcase(suite, bytes_tests());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
