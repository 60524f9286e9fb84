/* Spare blocks: kept while told to, never longer; a block is in one hand or in one slot. */
#include "spare.h"

#include "alloc.h"
#include "fail_alloc.h"

#include <check.h>
#include <stdlib.h>

static const size_t LARGE = 1 << 20;

static void *block(size_t bytes)
{
    void *new = spry_alloc(bytes);

    ck_assert_ptr_nonnull(new);
    return new;
}

static void begin(void)
{
    fail_alloc_install(0);
    spry_spare_enable(true);
}

static void end(void)
{
    spry_spare_enable(false);
    fail_alloc_finish();
}

START_TEST(a_block_given_is_taken_again)
{
    void *given = block(LARGE);
    size_t bytes = LARGE - 100;

    ck_assert(spry_spare_give(given, LARGE));
    ck_assert_ptr_eq(spry_spare_take(&bytes), given);
    ck_assert_uint_eq(bytes, LARGE);
    ck_assert_ptr_null(spry_spare_take(&bytes));
    spry_free(given, LARGE);
}
END_TEST

START_TEST(what_does_not_fit_is_left)
{
    size_t more = LARGE + 1;
    size_t much_less = LARGE / 2 - 1;
    size_t bytes = LARGE;

    ck_assert(spry_spare_give(block(LARGE), LARGE));
    ck_assert_ptr_null(spry_spare_take(&more));
    ck_assert_ptr_null(spry_spare_take(&much_less));
    ck_assert(spry_spare_give(spry_spare_take(&bytes), LARGE));
}
END_TEST

START_TEST(small_and_huge_blocks_are_not_kept)
{
    void *small = block(SPARE_MIN - 1);
    void *huge = block(SPARE_MAX + 1);

    ck_assert(!spry_spare_give(small, SPARE_MIN - 1));
    ck_assert(!spry_spare_give(huge, SPARE_MAX + 1));
    spry_free(small, SPARE_MIN - 1);
    spry_free(huge, SPARE_MAX + 1);
}
END_TEST

START_TEST(many_blocks_are_not_hoarded)
{
    for (int i = 0; i < 20; i++)
        ck_assert(spry_spare_give(block(LARGE), LARGE));
    ck_assert_uint_le(fail_alloc_live_blocks(), 3);
}
END_TEST

START_TEST(nothing_is_kept_when_it_is_over)
{
    void *late = block(LARGE);

    ck_assert(spry_spare_give(block(LARGE), LARGE));
    spry_spare_enable(false);
    ck_assert_uint_eq(fail_alloc_live_blocks(), 1);
    ck_assert(!spry_spare_give(late, LARGE));
    spry_free(late, LARGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("spare");
    TCase *tc = tcase_create("spare");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, begin, end);
    tcase_add_test(tc, a_block_given_is_taken_again);
    tcase_add_test(tc, what_does_not_fit_is_left);
    tcase_add_test(tc, small_and_huge_blocks_are_not_kept);
    tcase_add_test(tc, many_blocks_are_not_hoarded);
    tcase_add_test(tc, nothing_is_kept_when_it_is_over);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
