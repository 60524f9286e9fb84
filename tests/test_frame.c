/* The hello and the frames of a byte stream, in whatever pieces they come. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>

#include "fail_alloc.h"
#include "frame.h"

enum { STREAM_MAX = 1 << 20 };

static uint8_t stream[STREAM_MAX];
static size_t stream_bytes;

static uint8_t body_byte(size_t at)
{
    return (uint8_t)(at * 7 + (at >> 8));
}

static void stream_begin(uint16_t protocol)
{
    spry_hello_encode(stream, protocol);
    stream_bytes = HELLO_BYTES;
}

static void stream_head(bool lead, uint64_t length)
{
    if (lead)
        stream[stream_bytes++] = FRAME_LEAD;
    for (int shift = 56; shift >= 0; shift -= 8)
        stream[stream_bytes++] = (uint8_t)(length >> shift);
}

static void stream_frame(bool lead, size_t length)
{
    stream_head(lead, length);
    for (size_t i = 0; i < length; i++)
        stream[stream_bytes++] = body_byte(i);
}

static void check_message(nng_msg *msg, size_t length)
{
    const uint8_t *body;
    size_t good = 0;

    if (msg == NULL || nng_msg_len(msg) != length || nng_msg_header_len(msg) != 0)
        ck_abort_msg("not a message of %zu bytes", length);
    body = nng_msg_body(msg);
    while (good < length && body[good] == body_byte(good))
        good++;
    if (good < length)
        ck_abort_msg("byte %zu of %zu is wrong", good, length);
    nng_msg_free(msg);
}

static void check_messages(struct msg_queue *out, const size_t *lengths, size_t count)
{
    if (out->count != count)
        ck_abort_msg("%zu messages, not %zu", out->count, count);
    for (size_t i = 0; i < count; i++)
        check_message(spry_msg_queue_pop(out), lengths[i]);
    if (spry_msg_queue_pop(out) != NULL)
        ck_abort_msg("one message too many");
}

/* As the stream transport does it: into the place there is, the rest fed. */
static int deliver(struct reader *reader, const uint8_t *bytes, size_t count, struct msg_queue *out)
{
    struct span place;

    if (spry_reader_place(reader, &place)) {
        size_t placed = count < place.bytes ? count : place.bytes;

        memcpy(place.data, bytes, placed);
        spry_reader_placed(reader, placed, out);
        bytes += placed;
        count -= placed;
    }
    return spry_reader_feed(reader, bytes, count, out);
}

/* ---- hello ---- */

START_TEST(a_hello_names_the_protocol)
{
    uint8_t hello[HELLO_BYTES];
    uint16_t protocol = 0;

    spry_hello_encode(hello, 0x1234);
    ck_assert_mem_eq(hello, "\0SP\0\x12\x34\0\0", HELLO_BYTES);
    ck_assert_int_eq(spry_hello_decode(hello, &protocol), 0);
    ck_assert_uint_eq(protocol, 0x1234);
}
END_TEST

START_TEST(every_other_byte_of_a_hello_is_fixed)
{
    for (int at = 0; at < HELLO_BYTES; at++) {
        for (int value = 0; value < 256; value++) {
            uint8_t hello[HELLO_BYTES];
            uint16_t protocol = 7;
            bool good;

            spry_hello_encode(hello, 0x3031);
            good = at == 4 || at == 5 || hello[at] == value;
            hello[at] = (uint8_t)value;
            ck_assert_int_eq(spry_hello_decode(hello, &protocol), good ? 0 : NNG_EPROTO);
            ck_assert_uint_eq(protocol == 7, !good);
        }
    }
}
END_TEST

/* ---- reading ---- */

static const size_t lengths[] = {0, 1, 5, 0, 0, 130, 3, 256, 0, 17};
enum { LENGTHS = sizeof(lengths) / sizeof(lengths[0]) };

static void stream_all(bool lead)
{
    stream_begin(0x30);
    for (size_t i = 0; i < LENGTHS; i++)
        stream_frame(lead, lengths[i]);
}

START_TEST(every_cut_in_three_gives_the_same_messages)
{
    bool lead = _i == 1;

    fail_alloc_install(0);
    stream_all(lead);
    for (size_t a = 0; a <= stream_bytes; a++) {
        for (size_t b = a; b <= stream_bytes; b += 1 + b % 11) {
            struct msg_queue out = {0};
            struct reader reader;

            spry_reader_init(&reader, lead, 0);
            if (deliver(&reader, stream, a, &out) != 0 ||
                deliver(&reader, stream + a, b - a, &out) != 0 ||
                deliver(&reader, stream + b, stream_bytes - b, &out) != 0 || reader.peer != 0x30 ||
                reader.phase != READER_HEAD)
                ck_abort_msg("cut at %zu and %zu", a, b);
            check_messages(&out, lengths, LENGTHS);
            spry_reader_fini(&reader);
        }
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(pieces_of_any_one_size_give_the_same_messages)
{
    fail_alloc_install(0);
    for (int lead = 0; lead < 2; lead++) {
        stream_all(lead == 1);
        for (size_t piece = 1; piece <= stream_bytes; piece++) {
            struct msg_queue out = {0};
            struct reader reader;

            spry_reader_init(&reader, lead == 1, 0);
            for (size_t at = 0; at < stream_bytes; at += piece) {
                size_t left = stream_bytes - at;
                size_t count = piece < left ? piece : left;

                if ((_i == 0 ? deliver(&reader, stream + at, count, &out)
                             : spry_reader_feed(&reader, stream + at, count, &out)) != 0)
                    ck_abort_msg("at %zu in pieces of %zu", at, piece);
            }
            check_messages(&out, lengths, LENGTHS);
            spry_reader_fini(&reader);
        }
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(long_bodies_survive_growing)
{
    static const size_t sizes[] = {4095,  4096,  4097,   5000,   32767,
                                   32768, 32769, 262144, 300000, 900000};

    fail_alloc_install(0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (size_t piece = 997; piece < 100000; piece *= 3) {
            struct msg_queue out = {0};
            struct reader reader;

            stream_begin(1);
            stream_frame(false, sizes[i]);
            spry_reader_init(&reader, false, 0);
            for (size_t at = 0; at < stream_bytes; at += piece) {
                size_t left = stream_bytes - at;

                if (piece % 2 == 0 && spry_reader_lacks(&reader) > 0)
                    spry_reader_grow(&reader, left);
                ck_assert_int_eq(deliver(&reader, stream + at, piece < left ? piece : left, &out),
                                 0);
            }
            check_messages(&out, &sizes[i], 1);
            spry_reader_fini(&reader);
        }
    }
    fail_alloc_finish();
}
END_TEST

/* ---- memory ---- */

START_TEST(memory_grows_with_what_came_not_with_what_was_promised)
{
    static const uint64_t promises[] = {UINT64_C(1) << 20, UINT64_C(1) << 30, UINT64_C(1) << 40,
                                        UINT64_C(1) << 44};
    struct msg_queue out = {0};
    struct reader reader;
    uint8_t bytes[1000] = {0};

    fail_alloc_install(0);
    stream_begin(1);
    stream_head(false, promises[_i]);
    spry_reader_init(&reader, false, 0);
    ck_assert_int_eq(deliver(&reader, stream, stream_bytes, &out), 0);
    ck_assert_uint_le(fail_alloc_live_bytes(), 8192);
    for (size_t come = 0; come < 500000; come += sizeof(bytes)) {
        size_t limit = 8 * (come + sizeof(bytes)) + 8192;

        ck_assert_int_eq(deliver(&reader, bytes, sizeof(bytes), &out), 0);
        ck_assert_msg(fail_alloc_live_bytes() <= limit, "%zu bytes held for %zu that came",
                      fail_alloc_live_bytes(), come + sizeof(bytes));
    }
    spry_reader_grow(&reader, 1000);
    ck_assert_uint_le(fail_alloc_live_bytes(), 8 * 501000 + 8192);
    spry_reader_fini(&reader);
    spry_reader_fini(&reader);
    fail_alloc_finish();
}
END_TEST

START_TEST(room_is_never_more_than_the_frame)
{
    struct msg_queue out = {0};
    struct reader reader;
    struct span place;

    fail_alloc_install(0);
    for (size_t length = 1; length < 10000; length += 97) {
        stream_begin(1);
        stream_head(true, length);
        spry_reader_init(&reader, true, 0);
        ck_assert(!spry_reader_place(&reader, &place));
        ck_assert_uint_eq(spry_reader_lacks(&reader), 0);
        ck_assert_int_eq(spry_reader_feed(&reader, stream, stream_bytes, &out), 0);
        ck_assert(spry_reader_place(&reader, &place));
        ck_assert_uint_ge(place.bytes, 1);
        ck_assert_uint_le(place.bytes, length);
        ck_assert_uint_eq(place.bytes + spry_reader_lacks(&reader), length);
        spry_reader_fini(&reader);
    }
    fail_alloc_finish();
}
END_TEST

/* What was whole before the failure is good; nothing leaks, and the error says what it was. */
START_TEST(memory_may_fail_at_any_request)
{
    size_t failures = 0;

    for (size_t n = 1;; n++) {
        struct msg_queue out = {0};
        struct reader reader;
        size_t whole = 0;
        nng_msg *msg;
        int rv = 0;

        fail_alloc_install(n);
        stream_all(false);
        stream_frame(false, 100000);
        stream_frame(false, 3);
        spry_reader_init(&reader, false, 0);
        for (size_t at = 0; at < stream_bytes && rv == 0; at += 3000) {
            size_t left = stream_bytes - at;

            rv = deliver(&reader, stream + at, left < 3000 ? left : 3000, &out);
        }
        ck_assert(rv == 0 || rv == NNG_ENOMEM);
        if (rv != 0)
            ck_assert_ptr_null(reader.msg); /* what there was of a body is given up at once */
        while ((msg = spry_msg_queue_pop(&out)) != NULL) {
            check_message(msg, whole < LENGTHS ? lengths[whole] : whole == LENGTHS ? 100000 : 3);
            whole++;
        }
        if (rv == 0)
            ck_assert_uint_eq(whole, LENGTHS + 2);
        failures += rv != 0;
        spry_reader_fini(&reader);
        if (fail_alloc_calls() < n)
            break;
        fail_alloc_finish();
    }
    fail_alloc_finish();
    ck_assert_uint_gt(failures, LENGTHS);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(the_size_limit_is_exact)
{
    for (size_t limit = 1; limit < 300; limit += 13) {
        for (size_t length = limit - 1; length <= limit + 1; length++) {
            struct msg_queue out = {0};
            struct reader reader;

            fail_alloc_install(0);
            stream_begin(1);
            stream_frame(false, 1);
            stream_frame(false, length);
            spry_reader_init(&reader, false, limit);
            ck_assert_int_eq(spry_reader_feed(&reader, stream, stream_bytes, &out),
                             length > limit ? NNG_EMSGSIZE : 0);
            check_message(spry_msg_queue_pop(&out), 1);
            if (length <= limit)
                check_message(spry_msg_queue_pop(&out), length);
            spry_reader_fini(&reader);
            fail_alloc_finish();
        }
    }
}
END_TEST

START_TEST(a_length_no_memory_can_hold_is_refused)
{
    static const uint64_t absurd[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63,
                                      (uint64_t)SIZE_MAX / 2 + 1};
    struct msg_queue out = {0};
    struct reader reader;

    fail_alloc_install(0);
    stream_begin(1);
    stream_head(_i >= 4, absurd[_i % 4]);
    spry_reader_init(&reader, _i >= 4, 0);
    ck_assert_int_eq(spry_reader_feed(&reader, stream, stream_bytes, &out), NNG_EMSGSIZE);
    ck_assert_uint_eq(fail_alloc_calls(), 0);
    spry_reader_fini(&reader);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_wrong_lead_byte_is_refused)
{
    fail_alloc_install(0);
    for (int value = 0; value < 256; value++) {
        struct msg_queue out = {0};
        struct reader reader;

        stream_begin(1);
        stream_frame(true, 4);
        stream[HELLO_BYTES] = (uint8_t)value;
        spry_reader_init(&reader, true, 0);
        ck_assert_int_eq(spry_reader_feed(&reader, stream, stream_bytes, &out),
                         value == FRAME_LEAD ? 0 : NNG_EPROTO);
        ck_assert_uint_eq(out.count, value == FRAME_LEAD);
        spry_msg_queue_flush(&out);
        spry_reader_fini(&reader);
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(a_bad_hello_ends_the_stream)
{
    struct msg_queue out = {0};
    struct reader reader;

    fail_alloc_install(0);
    stream_begin(1);
    stream[1] = 'X';
    stream_frame(false, 4);
    spry_reader_init(&reader, false, 0);
    ck_assert_int_eq(spry_reader_feed(&reader, stream, stream_bytes, &out), NNG_EPROTO);
    ck_assert_uint_eq(out.count, 0);
    spry_reader_fini(&reader);
    fail_alloc_finish();
}
END_TEST

/* ---- writing ---- */

static nng_msg *sealed(size_t header_bytes, size_t body_bytes)
{
    uint8_t header[SPRY_HEADER_MAX];
    nng_msg *msg;

    memset(header, 0xbb, sizeof(header));
    ck_assert_int_eq(spry_msg_alloc(&msg, body_bytes), 0);
    for (size_t i = 0; i < body_bytes; i++)
        ((uint8_t *)nng_msg_body(msg))[i] = body_byte(i);
    ck_assert_int_eq(nng_msg_header_append(msg, header, header_bytes), 0);
    spry_frame_seal(msg);
    return msg;
}

/* The whole frame, from any offset on, is the end of the frame from 0. */
START_TEST(spans_from_every_offset)
{
    static const size_t headers[] = {0, 4, 60, 64};
    static const size_t bodies[] = {0, 1, 100, 3000};

    fail_alloc_install(0);
    for (int lead = 0; lead < 2; lead++) {
        for (int n = 0; n < 16; n++) {
            size_t header_bytes = headers[n / 4];
            size_t body_bytes = bodies[n % 4];
            nng_msg *msg = sealed(header_bytes, body_bytes);
            size_t whole = spry_frame_bytes(msg, lead == 1);

            stream_bytes = 0;
            stream_head(lead == 1, header_bytes + body_bytes);
            memset(stream + stream_bytes, 0xbb, header_bytes);
            stream_bytes += header_bytes;
            for (size_t i = 0; i < body_bytes; i++)
                stream[stream_bytes++] = body_byte(i);
            ck_assert_uint_eq(whole, stream_bytes);
            for (size_t offset = 0; offset <= whole; offset++) {
                struct span spans[2];
                size_t count = spry_frame_spans(msg, lead == 1, offset, spans);
                size_t at = offset;

                ck_assert_uint_le(count, 2);
                for (size_t i = 0; i < count; i++) {
                    if (spans[i].bytes == 0 || at + spans[i].bytes > whole ||
                        memcmp(spans[i].data, stream + at, spans[i].bytes) != 0)
                        ck_abort_msg("span %zu from %zu", i, offset);
                    at += spans[i].bytes;
                }
                ck_assert_uint_eq(at, whole);
            }
            nng_msg_free(msg);
        }
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(what_is_written_can_be_read)
{
    fail_alloc_install(0);
    for (size_t length = 0; length < 2000; length += 37) {
        nng_msg *msg = sealed(0, length);
        struct msg_queue out = {0};
        struct reader reader;
        struct span spans[2];
        size_t count = spry_frame_spans(msg, true, 0, spans);

        stream_begin(1);
        spry_frame_seal(msg); /* again, as for a second pipe */
        spry_reader_init(&reader, true, length);
        ck_assert_int_eq(spry_reader_feed(&reader, stream, stream_bytes, &out), 0);
        for (size_t i = 0; i < count; i++)
            ck_assert_int_eq(spry_reader_feed(&reader, spans[i].data, spans[i].bytes, &out), 0);
        check_messages(&out, &length, 1);
        spry_reader_fini(&reader);
        nng_msg_free(msg);
    }
    fail_alloc_finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frame");
    TCase *tc = tcase_create("frame");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_hello_names_the_protocol);
    tcase_add_test(tc, every_other_byte_of_a_hello_is_fixed);
    tcase_add_loop_test(tc, every_cut_in_three_gives_the_same_messages, 0, 2);
    tcase_add_loop_test(tc, pieces_of_any_one_size_give_the_same_messages, 0, 2);
    tcase_add_test(tc, long_bodies_survive_growing);
    tcase_add_loop_test(tc, memory_grows_with_what_came_not_with_what_was_promised, 0, 4);
    tcase_add_test(tc, room_is_never_more_than_the_frame);
    tcase_add_test(tc, memory_may_fail_at_any_request);
    tcase_add_test(tc, the_size_limit_is_exact);
    tcase_add_loop_test(tc, a_length_no_memory_can_hold_is_refused, 0, 8);
    tcase_add_test(tc, a_wrong_lead_byte_is_refused);
    tcase_add_test(tc, a_bad_hello_ends_the_stream);
    tcase_add_test(tc, spans_from_every_offset);
    tcase_add_test(tc, what_is_written_can_be_read);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
