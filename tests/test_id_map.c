/* The program's maps of 64-bit ids. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>
#include <nng/supplemental/util/idhash.h>

#include "fail_alloc.h"

enum { KEYS = 512, STEPS = 100000, MANY = 20000 };

static char things[KEYS];

static void setup(void)
{
    fail_alloc_install(0);
}

static void teardown(void)
{
    fail_alloc_finish();
}

static nng_id_map *new_map(uint64_t lo, uint64_t hi, int flags)
{
    nng_id_map *map;

    ck_assert_int_eq(nng_id_map_alloc(&map, lo, hi, flags), 0);
    return map;
}

static uint64_t allocated(nng_id_map *map)
{
    uint64_t id = 0;

    ck_assert_int_eq(nng_id_alloc(map, &id, things), 0);
    ck_assert_ptr_eq(nng_id_get(map, id), things);
    return id;
}

START_TEST(an_empty_map_has_nothing)
{
    nng_id_map *map = new_map(0, 0, 0);
    uint32_t cursor = 0;
    uint64_t id;
    void *value;

    ck_assert_ptr_null(nng_id_get(map, 0));
    ck_assert_ptr_null(nng_id_get(map, 1));
    ck_assert_int_eq(nng_id_remove(map, 1), NNG_ENOENT);
    ck_assert(!nng_id_visit(map, &id, &value, &cursor));
    nng_id_map_free(map);
    nng_id_map_free(NULL);
}
END_TEST

START_TEST(a_value_is_found_under_its_id_alone)
{
    static const uint64_t ids[] = {0, 1, 2, UINT32_MAX, UINT64_C(1) << 32, UINT64_MAX};
    enum { IDS = sizeof(ids) / sizeof(ids[0]) };
    nng_id_map *map = new_map(10, 20, 0);

    for (size_t i = 0; i < IDS; i++)
        ck_assert_int_eq(nng_id_set(map, ids[i], &things[i]), 0);
    for (size_t i = 0; i < IDS; i++)
        ck_assert_ptr_eq(nng_id_get(map, ids[i]), &things[i]);
    ck_assert_ptr_null(nng_id_get(map, 3));
    ck_assert_int_eq(nng_id_set(map, 2, &things[9]), 0);
    ck_assert_ptr_eq(nng_id_get(map, 2), &things[9]);
    ck_assert_int_eq(nng_id_remove(map, 2), 0);
    ck_assert_ptr_null(nng_id_get(map, 2));
    ck_assert_int_eq(nng_id_remove(map, 2), NNG_ENOENT);
    nng_id_map_free(map);
}
END_TEST

START_TEST(a_null_value_takes_its_id)
{
    nng_id_map *map = new_map(5, 6, 0);
    uint32_t cursor = 0;
    uint64_t id;
    void *value = things;

    ck_assert_int_eq(nng_id_set(map, 5, NULL), 0);
    ck_assert(nng_id_visit(map, &id, &value, &cursor));
    ck_assert_uint_eq(id, 5);
    ck_assert_ptr_null(value);
    ck_assert_uint_eq(allocated(map), 6);
    ck_assert_int_eq(nng_id_remove(map, 5), 0);
    nng_id_map_free(map);
}
END_TEST

START_TEST(ids_go_round_the_range_and_skip_those_in_use)
{
    nng_id_map *map = new_map(10, 13, 0);
    uint64_t id = 99;

    ck_assert_uint_eq(allocated(map), 10);
    ck_assert_int_eq(nng_id_set(map, 11, things), 0);
    ck_assert_int_eq(nng_id_set(map, 9, things), 0); /* not of the range, takes no place in it */
    ck_assert_uint_eq(allocated(map), 12);
    ck_assert_int_eq(nng_id_remove(map, 10), 0);
    ck_assert_uint_eq(allocated(map), 13);
    ck_assert_uint_eq(allocated(map), 10);
    ck_assert_int_eq(nng_id_alloc(map, &id, things), NNG_ENOMEM);
    ck_assert_uint_eq(id, 99);
    ck_assert_int_eq(nng_id_remove(map, 9), 0);
    ck_assert_int_eq(nng_id_alloc(map, &id, things), NNG_ENOMEM);
    ck_assert_int_eq(nng_id_remove(map, 12), 0);
    ck_assert_uint_eq(allocated(map), 12);
    nng_id_map_free(map);
}
END_TEST

START_TEST(a_range_may_be_anything_in_order)
{
    nng_id_map *map = new_map(0, 0, 0);

    ck_assert_uint_eq(allocated(map), 1);
    nng_id_map_free(map);
    map = new_map(7, 0, 0);
    ck_assert_uint_eq(allocated(map), 7);
    nng_id_map_free(map);
    map = new_map(0, UINT64_MAX, 0);
    ck_assert_uint_eq(allocated(map), 0);
    nng_id_map_free(map);
    map = new_map(UINT64_MAX, UINT64_MAX, NNG_MAP_RANDOM);
    ck_assert_uint_eq(allocated(map), UINT64_MAX);
    nng_id_map_free(map);
    map = NULL;
    ck_assert_int_eq(nng_id_map_alloc(&map, 2, 1, 0), NNG_EINVAL);
    ck_assert_ptr_null(map);
}
END_TEST

START_TEST(a_random_start_is_in_the_range_and_each_time_another)
{
    uint64_t same = 0;
    uint64_t last = 0;

    for (int i = 0; i < 64; i++) {
        nng_id_map *map = new_map(1000, 1999, NNG_MAP_RANDOM);
        uint64_t id = allocated(map);

        ck_assert_uint_ge(id, 1000);
        ck_assert_uint_le(id, 1999);
        ck_assert_uint_eq(allocated(map), id == 1999 ? 1000 : id + 1);
        same += id == last ? 1 : 0;
        last = id;
        nng_id_map_free(map);
    }
    ck_assert_uint_lt(same, 8);
}
END_TEST

/* Whether the map says of every key what the array says. */
static bool agrees(nng_id_map *map, void *const *expected, unsigned shift)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (nng_id_get(map, (uint64_t)i << shift) != expected[i])
            return false;
    }
    return true;
}

/*
 * Of each map, what a plain array of the same keys says. Keys of step 2^n collide in a poor hash. An
 * assertion costs a write, so that there are few.
 */
START_TEST(a_random_life_agrees_with_an_array)
{
    unsigned shift = (unsigned)_i * 11;
    nng_id_map *map = new_map(0, 0, 0);
    void *expected[KEYS] = {NULL};
    uint32_t random = 1;
    bool right = true;

    for (int step = 0; step < STEPS && right; step++) {
        size_t key;
        uint64_t id;

        random = random * 1664525U + 1013904223U;
        key = random >> 23; /* 9 bits */
        id = (uint64_t)key << shift;
        /* Long stretches of mostly adding and mostly removing, so that the table changes its size. */
        if ((random >> 8 & 7) < (step / 5000 % 2 == 0 ? 6U : 2U)) {
            right = nng_id_set(map, id, &things[random % KEYS]) == 0;
            expected[key] = &things[random % KEYS];
        } else {
            right = nng_id_remove(map, id) == (expected[key] != NULL ? 0 : NNG_ENOENT);
            expected[key] = NULL;
        }
        right = right && (step % 100 != 0 || agrees(map, expected, shift));
    }
    ck_assert(right);
    nng_id_map_free(map);
}
END_TEST

static size_t visited(nng_id_map *map, bool remove)
{
    unsigned char seen[KEYS] = {0};
    uint32_t cursor = 0;
    size_t count = 0;
    uint64_t id;
    void *value;

    while (nng_id_visit(map, &id, &value, &cursor)) {
        ck_assert_uint_lt(id, KEYS);
        ck_assert_ptr_eq(value, &things[id]);
        ck_assert_uint_eq(seen[id], 0);
        seen[id] = 1;
        count++;
        if (remove && id % 3 != 0)
            ck_assert_int_eq(nng_id_remove(map, id), 0);
    }
    ck_assert(!nng_id_visit(map, &id, &value, &cursor));
    return count;
}

START_TEST(a_visit_sees_each_entry_once_and_may_remove_it)
{
    nng_id_map *map = new_map(0, 0, 0);

    for (size_t i = 0; i < KEYS; i++)
        ck_assert_int_eq(nng_id_set(map, i, &things[i]), 0);
    ck_assert_uint_eq(visited(map, false), KEYS);
    ck_assert_uint_eq(visited(map, true), KEYS);
    ck_assert_uint_eq(visited(map, false), (KEYS + 2) / 3);
    nng_id_map_free(map);
}
END_TEST

START_TEST(a_visit_sees_nothing_that_was_removed)
{
    nng_id_map *map = new_map(0, 0, 0);
    uint32_t cursor = 0;
    uint64_t doomed = 0;
    uint64_t id;
    void *value;

    for (size_t i = 0; i < KEYS; i++)
        ck_assert_int_eq(nng_id_set(map, i, &things[i]), 0);
    while (nng_id_visit(map, &id, &value, &cursor)) {
        ck_assert_ptr_nonnull(nng_id_get(map, id));
        for (int i = 0; i < 3; i++)
            (void)nng_id_remove(map, doomed++);
    }
    nng_id_map_free(map);
}
END_TEST

START_TEST(memory_follows_the_entries)
{
    nng_id_map *map = new_map(0, 0, NNG_MAP_RANDOM);
    uint64_t first = allocated(map);
    size_t few = fail_alloc_live_bytes();
    uint64_t id = first;
    int rv = 0;

    for (uint64_t i = 1; i < MANY && rv == 0; i++)
        rv = nng_id_alloc(map, &id, things);
    ck_assert_int_eq(rv, 0);
    ck_assert_uint_eq(id, first + MANY - 1);
    ck_assert_uint_le(fail_alloc_live_bytes(), MANY * 64);
    for (uint64_t i = 1; i < MANY && rv == 0; i++)
        rv = nng_id_remove(map, first + i);
    ck_assert_int_eq(rv, 0);
    ck_assert_uint_le(fail_alloc_live_bytes(), 2 * few);
    ck_assert_ptr_eq(nng_id_get(map, first), things);
    /* Around a steady count nothing is allocated, for ever. */
    fail_alloc_at(0);
    for (int i = 0; i < MANY && rv == 0; i++) {
        rv = nng_id_alloc(map, &id, things);
        if (rv == 0)
            rv = nng_id_remove(map, id);
    }
    ck_assert_int_eq(rv, 0);
    ck_assert_uint_eq(fail_alloc_calls(), 0);
    nng_id_map_free(map);
}
END_TEST

START_TEST(without_memory_the_map_is_as_it_was)
{
    nng_id_map *map = NULL;
    uint64_t id = 0;
    uint64_t count = 0;

    fail_alloc_at(1);
    ck_assert_int_eq(nng_id_map_alloc(&map, 1, 1000, 0), NNG_ENOMEM);
    fail_alloc_at(0);
    map = new_map(1, 1000, 0);
    for (int failures = 0; failures < 4; failures++) {
        fail_alloc_at(1);
        while (nng_id_alloc(map, &id, things) == 0)
            ck_assert_uint_eq(id, ++count);
        fail_alloc_at(1);
        ck_assert_int_eq(nng_id_set(map, 2000, things), NNG_ENOMEM);
        ck_assert_ptr_null(nng_id_get(map, 2000));
        fail_alloc_at(0);
        ck_assert_uint_eq(allocated(map), ++count);
    }
    for (uint64_t i = 1; i <= count; i++) {
        fail_alloc_at(1); /* it stays large, then */
        ck_assert_int_eq(nng_id_remove(map, i), 0);
    }
    fail_alloc_at(0);
    ck_assert_ptr_null(nng_id_get(map, 1));
    nng_id_map_free(map);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("id_map");
    TCase *tc = tcase_create("id_map");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, an_empty_map_has_nothing);
    tcase_add_test(tc, a_value_is_found_under_its_id_alone);
    tcase_add_test(tc, a_null_value_takes_its_id);
    tcase_add_test(tc, ids_go_round_the_range_and_skip_those_in_use);
    tcase_add_test(tc, a_range_may_be_anything_in_order);
    tcase_add_test(tc, a_random_start_is_in_the_range_and_each_time_another);
    tcase_add_loop_test(tc, a_random_life_agrees_with_an_array, 0, 6);
    tcase_add_test(tc, a_visit_sees_each_entry_once_and_may_remove_it);
    tcase_add_test(tc, a_visit_sees_nothing_that_was_removed);
    tcase_add_test(tc, memory_follows_the_entries);
    tcase_add_test(tc, without_memory_the_map_is_as_it_was);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
