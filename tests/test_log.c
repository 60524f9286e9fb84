/* The log: what passes, how it looks, and who gets it. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>

enum { TEXT_MAX = 1023, THREADS = 4, ROUNDS = 20000 };

static struct {
    unsigned count;
    nng_log_level level;
    nng_log_facility facility;
    char id[32];
    bool has_id;
    char text[4096];
} last;

static void recording(nng_log_level level, nng_log_facility facility, const char *id,
                      const char *text)
{
    last.count++;
    last.level = level;
    last.facility = facility;
    last.has_id = id != NULL;
    (void)snprintf(last.id, sizeof(last.id), "%s", id != NULL ? id : "");
    (void)snprintf(last.text, sizeof(last.text), "%s", text);
}

/* As it is when a program begins; tests may share a process. */
static void setup(void)
{
    memset(&last, 0, sizeof(last));
    nng_log_set_logger(recording);
}

static void teardown(void)
{
    nng_log_set_logger(NULL);
    nng_log_set_level(NNG_LOG_NOTICE);
    nng_log_set_facility(NNG_LOG_USER);
}

START_TEST(a_program_begins_with_notices_of_a_user)
{
    ck_assert_int_eq(nng_log_get_level(), NNG_LOG_NOTICE);
    nng_log_notice("ID", "%d %s", 5, "five");
    ck_assert_uint_eq(last.count, 1);
    ck_assert_int_eq(last.level, NNG_LOG_NOTICE);
    ck_assert_int_eq(last.facility, NNG_LOG_USER);
    ck_assert_str_eq(last.id, "ID");
    ck_assert_str_eq(last.text, "5 five");
    nng_log_info("ID", "not seen");
    ck_assert_uint_eq(last.count, 1);
    nng_log_set_facility(NNG_LOG_LOCAL3);
    nng_log_err(NULL, "seen");
    ck_assert_uint_eq(last.count, 2);
    ck_assert_int_eq(last.facility, NNG_LOG_LOCAL3);
    ck_assert(!last.has_id);
}
END_TEST

static unsigned logged_at_all_levels(void)
{
    last.count = 0;
    nng_log_err(NULL, "e");
    nng_log_warn(NULL, "w");
    nng_log_notice(NULL, "n");
    nng_log_info(NULL, "i");
    nng_log_debug(NULL, "d");
    return last.count;
}

START_TEST(a_level_lets_through_what_is_not_above_it)
{
    static const struct {
        nng_log_level level;
        unsigned count;
    } levels[] = {{NNG_LOG_NONE, 0},   {NNG_LOG_ERR, 1},  {NNG_LOG_WARN, 2},
                  {NNG_LOG_NOTICE, 3}, {NNG_LOG_INFO, 4}, {NNG_LOG_DEBUG, 5}};

    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        nng_log_set_level(levels[i].level);
        ck_assert_int_eq(nng_log_get_level(), levels[i].level);
        ck_assert_uint_eq(logged_at_all_levels(), levels[i].count);
    }
    ck_assert_int_eq(last.level, NNG_LOG_DEBUG);
}
END_TEST

START_TEST(messages_of_security_have_their_own_facility)
{
    nng_log_set_facility(NNG_LOG_DAEMON);
    nng_log_auth(NNG_LOG_WARN, "A", "%c", 'x');
    ck_assert_int_eq(last.level, NNG_LOG_WARN);
    ck_assert_int_eq(last.facility, NNG_LOG_AUTH);
    ck_assert_str_eq(last.text, "x");
    nng_log_auth(NNG_LOG_DEBUG, "A", "above the level");
    nng_log_auth(NNG_LOG_NONE, "A", "of no level");
    ck_assert_uint_eq(last.count, 1);
}
END_TEST

START_TEST(a_long_message_is_cut_and_no_message_is_none)
{
    char text[3000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    nng_log_err("L", "%s", text);
    ck_assert_uint_eq(strlen(last.text), TEXT_MAX);
    nng_log_err("L", NULL);
    ck_assert_uint_eq(last.count, 1);
}
END_TEST

START_TEST(without_a_logger_nothing_is_written)
{
    nng_log_set_logger(NULL);
    ck_assert_uint_eq(logged_at_all_levels(), 0);
    nng_log_set_logger(nng_null_logger);
    ck_assert_uint_eq(logged_at_all_levels(), 0);
    nng_null_logger(NNG_LOG_ERR, NNG_LOG_USER, NULL, NULL);
}
END_TEST

/* The stream goes to a file for good, so this is the last test of a process. */
START_TEST(the_standard_error_stream_gets_a_line_without_colours)
{
    static const nng_log_level levels[] = {NNG_LOG_NONE,   NNG_LOG_ERR,  NNG_LOG_WARN,
                                           NNG_LOG_NOTICE, NNG_LOG_INFO, NNG_LOG_DEBUG};
    static const char name[] = "test_log.out";
    char lines[300] = "";
    FILE *file;

    (void)fflush(stderr);
    ck_assert_ptr_nonnull(freopen(name, "w", stderr));
    nng_log_set_logger(nng_stderr_logger);
    nng_log_warn("ID", "one %d", 1);
    nng_log_err(NULL, "two");
    nng_log_debug(NULL, "three");
    nng_stderr_logger((nng_log_level)55, NNG_LOG_USER, NULL, NULL);
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        nng_stderr_logger(levels[i], NNG_LOG_USER, NULL, "each");
    (void)fflush(stderr);
    file = fopen(name, "r");
    ck_assert_ptr_nonnull(file);
    (void)fread(lines, 1, sizeof(lines) - 1, file);
    (void)fclose(file);
    (void)fclose(stderr);
    (void)remove(name);
    ck_assert_str_eq(lines, "[WARN] ID: one 1\n[ERROR] two\n[LOG] \n"
                            "[NONE] each\n[ERROR] each\n[WARN] each\n[NOTICE] each\n"
                            "[INFO] each\n[DEBUG] each\n");
}
END_TEST

START_TEST(the_system_log_takes_any_numbers)
{
    nng_system_logger(NNG_LOG_DEBUG, NNG_LOG_LOCAL7, "ID", "spry's test_log: %s is no format");
    nng_system_logger((nng_log_level)1234, (nng_log_facility)5678, NULL, NULL);
}
END_TEST

static atomic_uint counted;

static void counting(nng_log_level level, nng_log_facility facility, const char *id,
                     const char *text)
{
    (void)level;
    (void)facility;
    (void)id;
    if (strcmp(text, "12345") == 0)
        atomic_fetch_add(&counted, 1);
}

static void *log_much(void *argument)
{
    for (int i = 0; i < ROUNDS; i++)
        nng_log_err(argument, "%d", 12345);
    return NULL;
}

START_TEST(any_thread_may_log_and_set_the_log)
{
    pthread_t threads[THREADS];

    atomic_store(&counted, 0);
    nng_log_set_logger(counting);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, log_much, NULL), 0);
    for (int i = 0; i < ROUNDS; i++) {
        nng_log_set_level(i % 2 == 0 ? NNG_LOG_DEBUG : NNG_LOG_ERR);
        nng_log_set_facility(i % 2 == 0 ? NNG_LOG_USER : NNG_LOG_DAEMON);
        nng_log_set_logger(counting);
    }
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(atomic_load(&counted), THREADS * ROUNDS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_program_begins_with_notices_of_a_user);
    tcase_add_test(tc, a_level_lets_through_what_is_not_above_it);
    tcase_add_test(tc, messages_of_security_have_their_own_facility);
    tcase_add_test(tc, a_long_message_is_cut_and_no_message_is_none);
    tcase_add_test(tc, without_a_logger_nothing_is_written);
    tcase_add_test(tc, the_system_log_takes_any_numbers);
    tcase_add_test(tc, any_thread_may_log_and_set_the_log);
    tcase_add_test(tc, the_standard_error_stream_gets_a_line_without_colours);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
