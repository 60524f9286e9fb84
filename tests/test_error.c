/* Error texts, the version, and the public memory functions. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>
#include <pthread.h>

#include <nng/nng.h>

#include "alloc.h"
#include "fail_alloc.h"

START_TEST(texts_that_programs_compare_are_exact)
{
    ck_assert_str_eq(nng_strerror(NNG_ECLOSED), "Object closed");
    ck_assert_str_eq(nng_strerror(NNG_ETIMEDOUT), "Timed out");
}
END_TEST

START_TEST(every_named_code_has_its_own_text)
{
    for (int i = 0; i <= NNG_ECONNSHUT; i++) {
        ck_assert_ptr_nonnull(nng_strerror(i));
        ck_assert_ptr_null(strstr(nng_strerror(i), "Unknown"));
        for (int k = 0; k < i; k++)
            ck_assert_str_ne(nng_strerror(i), nng_strerror(k));
    }
    ck_assert_ptr_null(strstr(nng_strerror(NNG_EINTERNAL), "Unknown"));
}
END_TEST

START_TEST(any_int_has_a_text)
{
    static const int codes[] = {INT_MIN,         -1,     NNG_ECONNSHUT + 1, 999, 1001,
                                NNG_ESYSERR - 1, INT_MAX};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        const char *text = nng_strerror(codes[i]);

        ck_assert_ptr_nonnull(text);
        ck_assert_uint_gt(strlen(text), 0);
    }
    ck_assert_str_eq(nng_strerror(-1), "Unknown error #-1");
    ck_assert_str_eq(nng_strerror(1001), "Unknown error #1001");
}
END_TEST

START_TEST(system_errors_have_the_systems_text)
{
    ck_assert_str_eq(nng_strerror(NNG_ESYSERR + EIO), strerror(EIO));
}
END_TEST

START_TEST(transport_errors_show_their_number)
{
    ck_assert_str_eq(nng_strerror(NNG_ETRANERR + 42), "Transport error #42");
    ck_assert_str_eq(nng_strerror(INT_MAX), "Transport error #1610612735");
}
END_TEST

static void *ask_for_another_code(void *arg)
{
    (void)arg;
    return nng_strerror(5002) == NULL ? arg : NULL;
}

START_TEST(a_text_outlives_the_questions_of_other_threads)
{
    const char *text = nng_strerror(5001);
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, ask_for_another_code, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_str_eq(text, "Unknown error #5001");
}
END_TEST

START_TEST(the_version_is_what_nng_1_12_says)
{
    ck_assert_str_eq(nng_version(), "1.11.0");
}
END_TEST

START_TEST(memory_functions_pair_and_accept_null)
{
    char *text;
    void *block;

    fail_alloc_install(0);
    block = nng_alloc(100);
    ck_assert_ptr_nonnull(block);
    memset(block, 1, 100);
    ck_assert_uint_eq(fail_alloc_live_bytes(), 100);
    nng_free(block, 100);
    nng_free(NULL, 0);
    text = nng_strdup("seven");
    ck_assert_str_eq(text, "seven");
    nng_strfree(text);
    nng_strfree(NULL);
    fail_alloc_finish();
}
END_TEST

START_TEST(memory_functions_give_null_without_memory)
{
    fail_alloc_install(1);
    ck_assert_ptr_null(nng_alloc(1));
    fail_alloc_at(1);
    ck_assert_ptr_null(nng_strdup("x"));
    fail_alloc_at(1);
    ck_assert_ptr_null(spry_zalloc(1));
    fail_alloc_finish();
}
END_TEST

START_TEST(zeroed_memory_is_zero_and_realloc_keeps_the_old_block_on_failure)
{
    uint8_t *block;

    fail_alloc_install(0);
    block = spry_zalloc(64);
    for (size_t i = 0; i < 64; i++)
        ck_assert_uint_eq(block[i], 0);
    block[0] = 7;
    fail_alloc_at(1);
    ck_assert_ptr_null(spry_realloc(block, 64, 128));
    ck_assert_uint_eq(block[0], 7);
    fail_alloc_at(0);
    block = spry_realloc(block, 64, 128);
    ck_assert_uint_eq(block[0], 7);
    spry_free(block, 128);
    spry_free(NULL, 0);
    block = spry_realloc(NULL, 0, 8);
    ck_assert_ptr_nonnull(block);
    spry_free(block, 8);
    fail_alloc_finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("error");
    TCase *tc = tcase_create("error");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_test(tc, texts_that_programs_compare_are_exact);
    tcase_add_test(tc, every_named_code_has_its_own_text);
    tcase_add_test(tc, any_int_has_a_text);
    tcase_add_test(tc, system_errors_have_the_systems_text);
    tcase_add_test(tc, transport_errors_show_their_number);
    tcase_add_test(tc, a_text_outlives_the_questions_of_other_threads);
    tcase_add_test(tc, the_version_is_what_nng_1_12_says);
    tcase_add_test(tc, memory_functions_pair_and_accept_null);
    tcase_add_test(tc, memory_functions_give_null_without_memory);
    tcase_add_test(tc, zeroed_memory_is_zero_and_realloc_keeps_the_old_block_on_failure);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
