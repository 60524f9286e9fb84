/* The id map against a plain list of what should be in it. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>

#include "fail_alloc.h"
#include "idmap.h"

enum { MANY = 3000 };

static int values[MANY];

START_TEST(an_entry_is_two_words)
{
    ck_assert_uint_le(sizeof(struct idmap_entry), 16);
}
END_TEST

START_TEST(an_empty_map_has_nothing_and_allocates_nothing)
{
    struct idmap map;
    uint32_t cursor = 0;

    fail_alloc_install(1);
    spry_idmap_init(&map, 1, 0x7fffffff, 5);
    ck_assert_ptr_null(spry_idmap_find(&map, 5));
    spry_idmap_remove(&map, 5);
    ck_assert_ptr_null(spry_idmap_next(&map, &cursor));
    spry_idmap_fini(&map);
    spry_idmap_fini(&map);
    ck_assert_uint_eq(fail_alloc_calls(), 0);
    fail_alloc_finish();
}
END_TEST

START_TEST(ids_ascend_from_the_start_and_wrap_in_the_range)
{
    struct idmap map;
    uint32_t id = 0;

    fail_alloc_install(0);
    spry_idmap_init(&map, 0x80000000, 0xffffffff, 0x7ffffffe);
    for (uint32_t i = 0; i < 2; i++) {
        ck_assert_int_eq(spry_idmap_add(&map, &values[i], &id), 0);
        ck_assert_uint_eq(id, UINT32_C(0xfffffffe) + i);
    }
    ck_assert_int_eq(spry_idmap_add(&map, &values[2], &id), 0);
    ck_assert_uint_eq(id, UINT32_C(0x80000000));
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

START_TEST(any_start_falls_into_the_range)
{
    struct idmap map;
    uint32_t id = 0;

    fail_alloc_install(0);
    spry_idmap_init(&map, 10, 12, UINT32_MAX);
    ck_assert_int_eq(spry_idmap_add(&map, &values[0], &id), 0);
    ck_assert_uint_ge(id, 10);
    ck_assert_uint_le(id, 12);
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_freed_id_is_the_last_to_come_again)
{
    struct idmap map;
    uint32_t id;

    fail_alloc_install(0);
    spry_idmap_init(&map, 1, 100, 0);
    for (uint32_t i = 1; i <= 100; i++) {
        ck_assert_int_eq(spry_idmap_add(&map, &values[0], &id), 0);
        ck_assert_uint_eq(id, i);
        spry_idmap_remove(&map, id);
        ck_assert_ptr_null(spry_idmap_find(&map, id));
    }
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_full_range_gives_enomem_and_skips_what_is_used)
{
    struct idmap map;
    uint32_t id = 0;

    fail_alloc_install(0);
    spry_idmap_init(&map, 5, 24, 3);
    for (uint32_t i = 0; i < 20; i++)
        ck_assert_int_eq(spry_idmap_add(&map, &values[i], &id), 0);
    id = 77;
    ck_assert_int_eq(spry_idmap_add(&map, &values[0], &id), NNG_ENOMEM);
    ck_assert_uint_eq(id, 77);
    spry_idmap_remove(&map, 11);
    ck_assert_int_eq(spry_idmap_add(&map, &values[0], &id), 0);
    ck_assert_uint_eq(id, 11);
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

START_TEST(the_walk_meets_every_value_once)
{
    static bool met[MANY];
    struct idmap map;
    uint32_t cursor = 0;
    uint32_t id;
    int *value;
    size_t n = 0;

    fail_alloc_install(0);
    memset(met, 0, sizeof(met));
    spry_idmap_init(&map, 1, 0x7fffffff, 999);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(spry_idmap_add(&map, &values[i], &id), 0);
    ck_assert_uint_le(fail_alloc_live_bytes(), 2 * MANY * sizeof(struct idmap_entry));
    while ((value = spry_idmap_next(&map, &cursor)) != NULL) {
        ck_assert(!met[value - values]);
        met[value - values] = true;
        n++;
    }
    ck_assert_uint_eq(n, MANY);
    ck_assert_ptr_null(spry_idmap_next(&map, &cursor));
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

START_TEST(a_steady_count_allocates_nothing)
{
    struct idmap map;
    uint32_t ids[256];
    size_t n = (size_t)_i;
    size_t failures = 0; /* counted, because Check writes a record for each assertion */

    fail_alloc_install(0);
    spry_idmap_init(&map, 0x80000000, 0xffffffff, 1);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(spry_idmap_add(&map, &values[i], &ids[i]), 0);
    /* One add and remove may meet the point where the table grows; after that it never does. */
    for (size_t round = 0; round < 2000; round++) {
        uint32_t id = 0;

        if (round == 1)
            fail_alloc_at(0);
        failures += spry_idmap_add(&map, &values[n], &id) != 0;
        spry_idmap_remove(&map, ids[round % n]);
        ids[round % n] = id;
    }
    ck_assert_uint_eq(failures, 0);
    ck_assert_uint_eq(fail_alloc_calls(), 0);
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

START_TEST(an_emptied_map_gives_its_memory_back)
{
    struct idmap map;
    uint32_t ids[MANY];

    fail_alloc_install(0);
    spry_idmap_init(&map, 1, 0x7fffffff, 1);
    for (size_t i = 0; i < MANY; i++)
        ck_assert_int_eq(spry_idmap_add(&map, &values[i], &ids[i]), 0);
    for (size_t i = 0; i < MANY; i++)
        spry_idmap_remove(&map, ids[i]);
    ck_assert_uint_le(fail_alloc_live_bytes(), 8 * sizeof(struct idmap_entry));
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

/* Fails the _i-th request; both growing and shrinking pass through every n. */
START_TEST(a_failed_request_loses_nothing)
{
    struct idmap map;
    uint32_t ids[200];
    size_t n = 0;
    int rv = 0;

    fail_alloc_install((size_t)_i);
    spry_idmap_init(&map, 1, 0x7fffffff, 40);
    while (n < 200 && rv == 0) {
        rv = spry_idmap_add(&map, &values[n], &ids[n]);
        if (rv == 0)
            n++;
    }
    ck_assert(rv == 0 || rv == NNG_ENOMEM);
    ck_assert_int_eq(rv != 0, n < 200);
    while (n < 200) {
        ck_assert_int_eq(spry_idmap_add(&map, &values[n], &ids[n]), 0);
        n++;
    }
    for (size_t i = 0; i < 200; i++)
        ck_assert_ptr_eq(spry_idmap_find(&map, ids[i]), &values[i]);
    for (size_t i = 0; i < 200; i++) {
        spry_idmap_remove(&map, ids[i]);
        ck_assert_ptr_null(spry_idmap_find(&map, ids[i]));
        if (i < 199)
            ck_assert_ptr_eq(spry_idmap_find(&map, ids[199]), &values[199]);
    }
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

static uint32_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

/* A range hardly larger than the count makes ids wrap, collide and fill the table in all ways. */
START_TEST(a_long_random_life_agrees_with_a_list)
{
    enum { SPAN = 300 };
    int *expected[SPAN] = {NULL};
    const char *given = getenv("SPRY_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 4711u + (uint64_t)_i;
    uint64_t state = seed;
    struct idmap map;
    uint32_t lo = _i % 2 == 0 ? 1 : UINT32_MAX - SPAN + 1;
    uint32_t count = 0;
    size_t wrong = 0;

    (void)fprintf(stderr, "SPRY_SEED=%" PRIu64 "\n", seed);
    fail_alloc_install(0);
    spry_idmap_init(&map, lo, lo + SPAN - 1, random_next(&state));
    for (size_t step = 0; step < 20000; step++) {
        uint32_t at = random_next(&state) % SPAN;
        uint32_t mood = (uint32_t)(step / 2000) % 2 == 0 ? 3 : 1; /* fills, then empties */

        if (random_next(&state) % 4 < mood) {
            int *value = &values[random_next(&state) % MANY];
            uint32_t id = 0;
            int rv = spry_idmap_add(&map, value, &id);

            wrong += rv != (count == SPAN ? NNG_ENOMEM : 0);
            if (rv != 0)
                continue;
            ck_assert(id - lo < SPAN && expected[id - lo] == NULL);
            expected[id - lo] = value;
            count++;
        } else {
            spry_idmap_remove(&map, lo + at);
            count -= expected[at] != NULL;
            expected[at] = NULL;
        }
        if (step % 16 == 0) {
            uint32_t same = 0; /* one assertion for all: Check writes a record for each */

            while (same < SPAN && spry_idmap_find(&map, lo + same) == expected[same])
                same++;
            ck_assert_uint_eq(same, SPAN);
        }
        wrong += map.count != count;
    }
    ck_assert_uint_eq(wrong, 0);
    spry_idmap_fini(&map);
    fail_alloc_finish();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("idmap");
    TCase *tc = tcase_create("idmap");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_entry_is_two_words);
    tcase_add_test(tc, an_empty_map_has_nothing_and_allocates_nothing);
    tcase_add_test(tc, ids_ascend_from_the_start_and_wrap_in_the_range);
    tcase_add_test(tc, any_start_falls_into_the_range);
    tcase_add_test(tc, a_freed_id_is_the_last_to_come_again);
    tcase_add_test(tc, a_full_range_gives_enomem_and_skips_what_is_used);
    tcase_add_test(tc, the_walk_meets_every_value_once);
    tcase_add_loop_test(tc, a_steady_count_allocates_nothing, 1, 200);
    tcase_add_test(tc, an_emptied_map_gives_its_memory_back);
    tcase_add_loop_test(tc, a_failed_request_loses_nothing, 1, 14);
    tcase_add_loop_test(tc, a_long_random_life_agrees_with_a_list, 0, 6);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
