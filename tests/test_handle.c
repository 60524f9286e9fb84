/* Handles: names that find their object while it is open, and only then. */
#include "handle.h"

#include "fail_alloc.h"

#include <check.h>
#include <nng/nng.h>
#include <stdlib.h>

static struct idmap table;
static struct handle objects[100];

static void setup(void)
{
    fail_alloc_install(0);
    spry_idmap_init(&table, 1, 0x7fffffff, 0x7ffffffe);
}

static void teardown(void)
{
    spry_idmap_fini(&table);
    fail_alloc_finish();
}

START_TEST(an_open_object_is_found_by_its_id)
{
    for (size_t i = 0; i < 100; i++)
        ck_assert_int_eq(spry_handle_open(&table, &objects[i], HANDLE_PIPE), 0);
    for (size_t i = 0; i < 100; i++) {
        ck_assert(objects[i].open);
        ck_assert_uint_ge(objects[i].id, 1);
        ck_assert_uint_le(objects[i].id, 0x7fffffff);
        ck_assert_ptr_eq(spry_handle_find(&table, HANDLE_PIPE, objects[i].id), &objects[i]);
    }
}
END_TEST

START_TEST(the_table_holds_one_reference)
{
    ck_assert_int_eq(spry_handle_open(&table, &objects[0], HANDLE_SOCKET), 0);
    ck_assert_uint_eq(objects[0].refs, 1);
    spry_handle_close(&table, &objects[0]);
    ck_assert_uint_eq(objects[0].refs, 1);
}
END_TEST

START_TEST(an_id_finds_only_objects_of_its_kind)
{
    ck_assert_int_eq(spry_handle_open(&table, &objects[0], (enum handle_kind)_i), 0);
    for (int kind = HANDLE_SOCKET; kind <= HANDLE_PIPE; kind++) {
        void *found = spry_handle_find(&table, (enum handle_kind)kind, objects[0].id);

        ck_assert_ptr_eq(found, kind == _i ? &objects[0] : NULL);
    }
}
END_TEST

START_TEST(a_stale_id_finds_nothing)
{
    uint32_t id;

    ck_assert_int_eq(spry_handle_open(&table, &objects[0], HANDLE_DIALER), 0);
    id = objects[0].id;
    spry_handle_close(&table, &objects[0]);
    ck_assert(!objects[0].open);
    ck_assert_uint_eq(objects[0].id, id);
    ck_assert_int_eq(spry_handle_open(&table, &objects[1], HANDLE_DIALER), 0);
    ck_assert_uint_ne(objects[1].id, id);
    ck_assert_ptr_null(spry_handle_find(&table, HANDLE_DIALER, id));
    ck_assert_ptr_null(spry_handle_find(&table, HANDLE_DIALER, 0));
}
END_TEST

START_TEST(without_memory_the_object_is_as_before)
{
    struct handle handle = {0};

    fail_alloc_at(1);
    ck_assert_int_eq(spry_handle_open(&table, &handle, HANDLE_SOCKET), NNG_ENOMEM);
    ck_assert(!handle.open);
    ck_assert_uint_eq(handle.refs, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handle");
    TCase *tc = tcase_create("handle");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_open_object_is_found_by_its_id);
    tcase_add_test(tc, the_table_holds_one_reference);
    tcase_add_loop_test(tc, an_id_finds_only_objects_of_its_kind, HANDLE_SOCKET, HANDLE_PIPE + 1);
    tcase_add_test(tc, a_stale_id_finds_nothing);
    tcase_add_test(tc, without_memory_the_object_is_as_before);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
