/* The error rules of api.md section 3, and the typed accessors on top of them. */
#include "option.h"

#include "api.h"
#include "fail_alloc.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What all options of the table read and write. */
static union option_value stored;
static char stored_string[64];
static unsigned sets;
static int verdict; /* of get and set */

static int get(void *object, union option_value *value)
{
    ck_assert_ptr_eq(object, &stored);
    *value = stored;
    return verdict;
}

static int set(void *object, const union option_value *value)
{
    ck_assert_ptr_eq(object, &stored);
    stored = *value;
    sets++;
    return verdict;
}

static int set_string(void *object, const union option_value *value)
{
    ck_assert_uint_lt(strlen(value->string), sizeof(stored_string));
    strcpy(stored_string, value->string);
    (void)set(object, &(union option_value){.string = stored_string});
    return verdict;
}

static const struct option table[] = {
    {"bool", OPTION_BOOL, get, set, 0, 0},       {"int", OPTION_INT, get, set, 0, 0},
    {"int-range", OPTION_INT, get, set, -3, 15}, {"size", OPTION_SIZE, get, set, 0, 0},
    {"u64", OPTION_U64, get, set, 0, 0},         {"ms", OPTION_MS, get, set, 0, 0},
    {"ms-range", OPTION_MS, get, set, 10, 20},   {"string", OPTION_STRING, get, set_string, 0, 0},
    {"pointer", OPTION_POINTER, get, set, 0, 0}, {"address", OPTION_ADDRESS, get, set, 0, 0},
    {"opaque", OPTION_OPAQUE, get, set, 0, 0},   {"read-only", OPTION_INT, get, NULL, 0, 0},
    {"write-only", OPTION_INT, NULL, set, 0, 0}, {NULL, OPTION_OPAQUE, NULL, NULL, 0, 0},
};

/* The options of fixed size, by type. */
static const struct {
    const char *name;
    enum option_type type;
    size_t bytes;
} fixed[] = {
    {"bool", OPTION_BOOL, sizeof(bool)},
    {"int", OPTION_INT, sizeof(int)},
    {"size", OPTION_SIZE, sizeof(size_t)},
    {"u64", OPTION_U64, sizeof(uint64_t)},
    {"ms", OPTION_MS, sizeof(nng_duration)},
    {"pointer", OPTION_POINTER, sizeof(void *)},
    {"address", OPTION_ADDRESS, sizeof(nng_sockaddr)},
};

enum { FIXED = sizeof(fixed) / sizeof(fixed[0]) };

static void setup(void)
{
    memset(&stored, 0, sizeof(stored));
    sets = 0;
    verdict = 0;
    fail_alloc_install(0);
}

static void teardown(void)
{
    fail_alloc_finish();
}

static int put(const char *name, enum option_type type, const void *data, size_t bytes)
{
    return spry_option_set(table, &stored, name, &(struct option_in){type, data, bytes});
}

static int take(const char *name, enum option_type type, void *data, size_t *bytes)
{
    return spry_option_get(table, &stored, name, &(struct option_out){type, data, bytes});
}

START_TEST(an_unknown_name_is_not_supported)
{
    int value = 1;

    ck_assert_int_eq(put("nothing", OPTION_INT, &value, 0), NNG_ENOTSUP);
    ck_assert_int_eq(put("in", OPTION_INT, &value, 0), NNG_ENOTSUP);
    ck_assert_int_eq(take("nothing", OPTION_INT, &value, NULL), NNG_ENOTSUP);
    ck_assert_int_eq(spry_option_set(NULL, NULL, "int", &(struct option_in){OPTION_INT, &value, 0}),
                     NNG_ENOTSUP);
    ck_assert_int_eq(
        spry_option_get(NULL, NULL, "int", &(struct option_out){OPTION_INT, &value, NULL}),
        NNG_ENOTSUP);
}
END_TEST

START_TEST(what_cannot_be_set_is_read_only_and_what_cannot_be_read_write_only)
{
    int value = 1;
    bool wrong_type = true;
    size_t bytes = sizeof(value);

    ck_assert_int_eq(put("read-only", OPTION_INT, &value, 0), NNG_EREADONLY);
    ck_assert_int_eq(put("read-only", OPTION_BOOL, &wrong_type, 0), NNG_EREADONLY);
    ck_assert_int_eq(take("read-only", OPTION_INT, &value, NULL), 0);
    ck_assert_int_eq(take("write-only", OPTION_INT, &value, NULL), NNG_EWRITEONLY);
    ck_assert_int_eq(take("write-only", OPTION_OPAQUE, &value, &bytes), NNG_EWRITEONLY);
    ck_assert_int_eq(put("write-only", OPTION_INT, &value, 0), 0);
}
END_TEST

START_TEST(any_other_type_is_a_bad_type)
{
    static const enum option_type types[] = {OPTION_BOOL,    OPTION_INT,   OPTION_SIZE,
                                             OPTION_U64,     OPTION_MS,    OPTION_POINTER,
                                             OPTION_ADDRESS, OPTION_STRING};
    nng_sockaddr room;

    memset(&room, 0, sizeof(room));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (types[i] == fixed[_i].type)
            continue;
        ck_assert_int_eq(put(fixed[_i].name, types[i], &room, 0), NNG_EBADTYPE);
        ck_assert_int_eq(take(fixed[_i].name, types[i], &room, NULL), NNG_EBADTYPE);
        if (types[i] != OPTION_STRING)
            ck_assert_int_eq(put("string", types[i], &room, 0), NNG_EBADTYPE);
    }
    ck_assert_uint_eq(sets, 0);
}
END_TEST

START_TEST(a_typed_value_comes_back_as_it_was)
{
    uint8_t in[sizeof(nng_sockaddr)];
    uint8_t out[sizeof(nng_sockaddr)];

    memset(in, 1, sizeof(in));
    memset(out, 0, sizeof(out));
    ck_assert_int_eq(put(fixed[_i].name, fixed[_i].type, in, 0), 0);
    ck_assert_int_eq(take(fixed[_i].name, fixed[_i].type, out, NULL), 0);
    ck_assert_mem_eq(out, in, fixed[_i].bytes);
    ck_assert_uint_eq(out[fixed[_i].bytes % sizeof(out)], _i == FIXED - 1 ? 1 : 0);
}
END_TEST

START_TEST(the_untyped_form_wants_the_exact_size)
{
    uint8_t in[sizeof(nng_sockaddr) + 1];
    uint8_t out[sizeof(nng_sockaddr) + 1];
    size_t bytes = fixed[_i].bytes;

    memset(in, 1, sizeof(in));
    ck_assert_int_eq(put(fixed[_i].name, OPTION_OPAQUE, in, bytes - 1), NNG_EINVAL);
    ck_assert_int_eq(put(fixed[_i].name, OPTION_OPAQUE, in, bytes + 1), NNG_EINVAL);
    ck_assert_int_eq(put(fixed[_i].name, OPTION_OPAQUE, in, 0), NNG_EINVAL);
    ck_assert_uint_eq(sets, 0);
    ck_assert_int_eq(put(fixed[_i].name, OPTION_OPAQUE, in, bytes), 0);
    memset(out, 0, sizeof(out));
    bytes = sizeof(out);
    ck_assert_int_eq(take(fixed[_i].name, OPTION_OPAQUE, out, &bytes), 0);
    ck_assert_uint_eq(bytes, fixed[_i].bytes);
    ck_assert_mem_eq(out, in, bytes);
    ck_assert_uint_eq(out[bytes], 0);
}
END_TEST

START_TEST(an_untyped_get_with_too_little_room_gets_what_fits_and_the_full_size)
{
    uint8_t out[sizeof(nng_sockaddr)];
    size_t bytes = fixed[_i].bytes - 1;

    memset(&stored, 1, sizeof(stored));
    memset(out, 7, sizeof(out));
    ck_assert_int_eq(take(fixed[_i].name, OPTION_OPAQUE, out, &bytes), NNG_EINVAL);
    ck_assert_uint_eq(bytes, fixed[_i].bytes);
    if (bytes > 1)
        ck_assert_uint_eq(out[bytes - 2], 1);
    ck_assert_uint_eq(out[bytes - 1], 7);
    bytes = 0;
    ck_assert_int_eq(take(fixed[_i].name, OPTION_OPAQUE, NULL, &bytes), NNG_EINVAL);
    ck_assert_uint_eq(bytes, fixed[_i].bytes);
}
END_TEST

START_TEST(any_byte_that_is_not_0_is_true)
{
    unsigned char byte = 2;
    bool value = false;

    ck_assert_int_eq(put("bool", OPTION_OPAQUE, &byte, 1), 0);
    ck_assert_int_eq(take("bool", OPTION_BOOL, &value, NULL), 0);
    ck_assert(value);
    byte = 0;
    ck_assert_int_eq(put("bool", OPTION_OPAQUE, &byte, 1), 0);
    ck_assert(!stored.truth);
}
END_TEST

START_TEST(ranges_hold_for_both_forms)
{
    static const struct {
        const char *name;
        enum option_type type;
        int value;
        int result;
    } rows[] = {
        {"int", OPTION_INT, INT_MIN, 0},
        {"int", OPTION_INT, INT_MAX, 0},
        {"int-range", OPTION_INT, -4, NNG_EINVAL},
        {"int-range", OPTION_INT, -3, 0},
        {"int-range", OPTION_INT, 15, 0},
        {"int-range", OPTION_INT, 16, NNG_EINVAL},
        {"ms", OPTION_MS, INT_MIN, NNG_EINVAL},
        {"ms", OPTION_MS, -2, NNG_EINVAL},
        {"ms", OPTION_MS, -1, 0},
        {"ms", OPTION_MS, 0, 0},
        {"ms", OPTION_MS, INT_MAX, 0},
        {"ms-range", OPTION_MS, 9, NNG_EINVAL},
        {"ms-range", OPTION_MS, 10, 0},
        {"ms-range", OPTION_MS, 20, 0},
        {"ms-range", OPTION_MS, 21, NNG_EINVAL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ck_assert_int_eq(put(rows[i].name, rows[i].type, &rows[i].value, 0), rows[i].result);
        ck_assert_int_eq(put(rows[i].name, OPTION_OPAQUE, &rows[i].value, sizeof(int)),
                         rows[i].result);
    }
}
END_TEST

START_TEST(a_string_is_set_with_its_nul)
{
    ck_assert_int_eq(put("string", OPTION_STRING, "typed", 0), 0);
    ck_assert_str_eq(stored_string, "typed");
    ck_assert_int_eq(put("string", OPTION_OPAQUE, "untyped", 8), 0);
    ck_assert_str_eq(stored_string, "untyped");
    ck_assert_int_eq(put("string", OPTION_OPAQUE, "spare\0room", 10), 0);
    ck_assert_str_eq(stored_string, "spare");
    ck_assert_int_eq(put("string", OPTION_OPAQUE, "no nul", 6), NNG_EINVAL);
    ck_assert_int_eq(put("string", OPTION_OPAQUE, "", 0), NNG_EINVAL);
    ck_assert_int_eq(put("string", OPTION_OPAQUE, NULL, 0), NNG_EINVAL);
    ck_assert_str_eq(stored_string, "spare");
}
END_TEST

START_TEST(a_typed_string_comes_as_a_copy)
{
    char *copy = NULL;

    stored.string = "text";
    ck_assert_int_eq(take("string", OPTION_STRING, &copy, NULL), 0);
    ck_assert_str_eq(copy, "text");
    ck_assert_ptr_ne(copy, stored.string);
    nng_strfree(copy);
    fail_alloc_at(1);
    ck_assert_int_eq(take("string", OPTION_STRING, &copy, NULL), NNG_ENOMEM);
}
END_TEST

START_TEST(an_untyped_string_counts_its_nul)
{
    char room[5] = "7777";
    size_t bytes = 5;

    stored.string = "text";
    ck_assert_int_eq(take("string", OPTION_OPAQUE, room, &bytes), 0);
    ck_assert_uint_eq(bytes, 5);
    ck_assert_str_eq(room, "text");
    strcpy(room, "7777");
    bytes = 2;
    ck_assert_int_eq(take("string", OPTION_OPAQUE, room, &bytes), NNG_EINVAL);
    ck_assert_uint_eq(bytes, 5);
    ck_assert_str_eq(room, "te77");
}
END_TEST

START_TEST(an_opaque_option_takes_bytes_or_a_string_without_its_nul)
{
    char room[8];
    size_t bytes = sizeof(room);

    ck_assert_int_eq(put("opaque", OPTION_OPAQUE, "a\0b", 4), 0);
    ck_assert_uint_eq(stored.opaque.bytes, 4);
    ck_assert_int_eq(take("opaque", OPTION_OPAQUE, room, &bytes), 0);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_mem_eq(room, "a\0b", 4);
    ck_assert_int_eq(put("opaque", OPTION_STRING, "topic", 0), 0);
    ck_assert_uint_eq(stored.opaque.bytes, 5);
    ck_assert_int_eq(put("opaque", OPTION_OPAQUE, NULL, 0), 0);
    ck_assert_uint_eq(stored.opaque.bytes, 0);
    ck_assert_int_eq(take("opaque", OPTION_STRING, room, NULL), NNG_EBADTYPE);
    ck_assert_int_eq(put("opaque", OPTION_INT, &bytes, 0), NNG_EBADTYPE);
}
END_TEST

START_TEST(what_the_option_itself_says_is_the_result)
{
    char *copy = NULL;
    int value = 5;

    verdict = NNG_EBUSY;
    stored.string = "x";
    ck_assert_int_eq(put("int", OPTION_INT, &value, 0), NNG_EBUSY);
    value = 9;
    ck_assert_int_eq(take("int", OPTION_INT, &value, NULL), NNG_EBUSY);
    ck_assert_int_eq(value, 9);
    ck_assert_int_eq(take("string", OPTION_STRING, &copy, NULL), NNG_EBUSY);
    ck_assert_ptr_null(copy);
}
END_TEST

/* ---- the accessors of the public API ---- */

enum { SOCKET_ID = 1, DIALER_ID, LISTENER_ID, PIPE_ID };

static int set_of(uint32_t id, uint32_t wanted, const char *name, const struct option_in *in)
{
    ck_assert_uint_eq(id, wanted);
    return spry_option_set(table, &stored, name, in);
}

static int get_of(uint32_t id, uint32_t wanted, const char *name, const struct option_out *out)
{
    ck_assert_uint_eq(id, wanted);
    return spry_option_get(table, &stored, name, out);
}

int spry_socket_option_set(uint32_t id, const char *name, const struct option_in *in)
{
    return set_of(id, SOCKET_ID, name, in);
}

int spry_socket_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    return get_of(id, SOCKET_ID, name, out);
}

int spry_dialer_option_set(uint32_t id, const char *name, const struct option_in *in)
{
    return set_of(id, DIALER_ID, name, in);
}

int spry_dialer_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    return get_of(id, DIALER_ID, name, out);
}

int spry_listener_option_set(uint32_t id, const char *name, const struct option_in *in)
{
    return set_of(id, LISTENER_ID, name, in);
}

int spry_listener_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    return get_of(id, LISTENER_ID, name, out);
}

int spry_pipe_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    return get_of(id, PIPE_ID, name, out);
}

static nng_sockaddr address(uint16_t port)
{
    nng_sockaddr made;

    memset(&made, 0, sizeof(made));
    made.s_in.sa_family = NNG_AF_INET;
    made.s_in.sa_port = port;
    return made;
}

#define SET_THEN_GET(object, handle, suffix, option, ctype, value)                                 \
    do {                                                                                           \
        ctype got;                                                                                 \
        ck_assert_int_eq(nng_##object##_set_##suffix(handle, option, value), 0);                   \
        ck_assert_int_eq(nng_##object##_get_##suffix(handle, option, &got), 0);                    \
        ck_assert(got == (value));                                                                 \
    } while (0)

#define ALL_SET_THEN_GET(object, handle)                                                           \
    do {                                                                                           \
        nng_sockaddr in = address(99);                                                             \
        nng_sockaddr out = address(0);                                                             \
        int untyped = 0;                                                                           \
        size_t bytes = sizeof(untyped);                                                            \
        char *copy = NULL;                                                                         \
        SET_THEN_GET(object, handle, bool, "bool", bool, true);                                    \
        SET_THEN_GET(object, handle, int, "int", int, -7);                                         \
        SET_THEN_GET(object, handle, ms, "ms", nng_duration, 1234);                                \
        SET_THEN_GET(object, handle, size, "size", size_t, SIZE_MAX);                              \
        SET_THEN_GET(object, handle, uint64, "u64", uint64_t, UINT64_MAX - 1);                     \
        SET_THEN_GET(object, handle, ptr, "pointer", void *, (void *)&stored);                     \
        ck_assert_int_eq(nng_##object##_set_addr(handle, "address", &in), 0);                      \
        ck_assert_int_eq(nng_##object##_get_addr(handle, "address", &out), 0);                     \
        ck_assert_uint_eq(out.s_in.sa_port, 99);                                                   \
        ck_assert_int_eq(nng_##object##_set_string(handle, "string", "text"), 0);                  \
        ck_assert_int_eq(nng_##object##_get_string(handle, "string", &copy), 0);                   \
        ck_assert_str_eq(copy, "text");                                                            \
        nng_strfree(copy);                                                                         \
        ck_assert_int_eq(nng_##object##_set(handle, "int", &(int){42}, sizeof(int)), 0);           \
        ck_assert_int_eq(nng_##object##_get(handle, "int", &untyped, &bytes), 0);                  \
        ck_assert_int_eq(untyped, 42);                                                             \
        ck_assert_int_eq(nng_##object##_set_bool(handle, "int", true), NNG_EBADTYPE);              \
        ck_assert_int_eq(nng_##object##_set(handle, "int", &untyped, 1), NNG_EINVAL);              \
        ck_assert_int_eq(nng_##object##_get_int(handle, "none", &untyped), NNG_ENOTSUP);           \
    } while (0)

START_TEST(every_accessor_of_a_socket_carries_its_type)
{
    ALL_SET_THEN_GET(socket, (nng_socket){SOCKET_ID});
}
END_TEST

START_TEST(every_accessor_of_a_dialer_carries_its_type)
{
    ALL_SET_THEN_GET(dialer, (nng_dialer){DIALER_ID});
}
END_TEST

START_TEST(every_accessor_of_a_listener_carries_its_type)
{
    ALL_SET_THEN_GET(listener, (nng_listener){LISTENER_ID});
}
END_TEST

#define PUT_THEN_GET(suffix, option, option_type, ctype, value)                                    \
    do {                                                                                           \
        ctype given = value;                                                                       \
        ctype got;                                                                                 \
        ck_assert_int_eq(put(option, option_type, &given, 0), 0);                                  \
        ck_assert_int_eq(nng_pipe_get_##suffix(pipe, option, &got), 0);                            \
        ck_assert_mem_eq(&got, &given, sizeof(got));                                               \
    } while (0)

START_TEST(every_getter_of_a_pipe_carries_its_type)
{
    nng_pipe pipe = {PIPE_ID};
    char *copy = NULL;
    int untyped = 0;
    size_t bytes = sizeof(untyped);

    PUT_THEN_GET(bool, "bool", OPTION_BOOL, bool, true);
    PUT_THEN_GET(int, "int", OPTION_INT, int, -7);
    PUT_THEN_GET(ms, "ms", OPTION_MS, nng_duration, 1234);
    PUT_THEN_GET(size, "size", OPTION_SIZE, size_t, SIZE_MAX);
    PUT_THEN_GET(uint64, "u64", OPTION_U64, uint64_t, UINT64_MAX - 1);
    PUT_THEN_GET(ptr, "pointer", OPTION_POINTER, void *, (void *)&stored);
    PUT_THEN_GET(addr, "address", OPTION_ADDRESS, nng_sockaddr, address(99));
    stored.string = "text";
    ck_assert_int_eq(nng_pipe_get_string(pipe, "string", &copy), 0);
    ck_assert_str_eq(copy, "text");
    nng_strfree(copy);
    stored.integer = 42;
    ck_assert_int_eq(nng_pipe_get(pipe, "int", &untyped, &bytes), 0);
    ck_assert_int_eq(untyped, 42);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("option");
    TCase *tc = tcase_create("option");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_unknown_name_is_not_supported);
    tcase_add_test(tc, what_cannot_be_set_is_read_only_and_what_cannot_be_read_write_only);
    tcase_add_loop_test(tc, any_other_type_is_a_bad_type, 0, FIXED);
    tcase_add_loop_test(tc, a_typed_value_comes_back_as_it_was, 0, FIXED);
    tcase_add_loop_test(tc, the_untyped_form_wants_the_exact_size, 0, FIXED);
    tcase_add_loop_test(tc, an_untyped_get_with_too_little_room_gets_what_fits_and_the_full_size, 0,
                        FIXED);
    tcase_add_test(tc, any_byte_that_is_not_0_is_true);
    tcase_add_test(tc, ranges_hold_for_both_forms);
    tcase_add_test(tc, a_string_is_set_with_its_nul);
    tcase_add_test(tc, a_typed_string_comes_as_a_copy);
    tcase_add_test(tc, an_untyped_string_counts_its_nul);
    tcase_add_test(tc, an_opaque_option_takes_bytes_or_a_string_without_its_nul);
    tcase_add_test(tc, what_the_option_itself_says_is_the_result);
    tcase_add_test(tc, every_accessor_of_a_socket_carries_its_type);
    tcase_add_test(tc, every_accessor_of_a_dialer_carries_its_type);
    tcase_add_test(tc, every_accessor_of_a_listener_carries_its_type);
    tcase_add_test(tc, every_getter_of_a_pipe_carries_its_type);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
