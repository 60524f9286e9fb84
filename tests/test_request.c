/* Requests: told once, whoever gets there first. */
#include "request.h"

#include <check.h>
#include <stdlib.h>

static struct timers timers;
static struct list queue;
static struct request request;
static unsigned finished;
static unsigned cancelled;

static void on_finished(struct request *done)
{
    ck_assert_ptr_eq(done, &request);
    ck_assert(done->done);
    ck_assert(spry_list_empty(&done->node));
    ck_assert(!spry_timer_armed(&done->limit));
    finished++;
}

static void on_cancel(struct request *held, int error)
{
    ck_assert_ptr_eq(held->owner, &queue);
    cancelled++;
    spry_request_finish(held, error);
}

/* A holder that has its reasons. */
static void refuse_cancel(struct request *held, int error)
{
    (void)held;
    (void)error;
    cancelled++;
}

static void setup(void)
{
    timers.root = NULL;
    finished = 0;
    cancelled = 0;
    spry_list_init(&queue);
    spry_request_init(&request, &timers, on_finished);
}

static void hold(void)
{
    spry_request_hold(&request, &queue, on_cancel);
    spry_list_push(&queue, &request.node);
}

START_TEST(a_new_request_is_not_done_and_has_no_message)
{
    ck_assert(!request.done);
    ck_assert_ptr_null(request.msg);
    ck_assert(spry_list_empty(&request.node));
}
END_TEST

START_TEST(finishing_at_once_tells_the_result)
{
    spry_request_finish(&request, NNG_ESTATE);
    ck_assert_int_eq(request.result, NNG_ESTATE);
    ck_assert_uint_eq(finished, 1);
}
END_TEST

START_TEST(a_held_request_leaves_its_queue_when_it_is_finished)
{
    hold();
    spry_request_finish(&request, 0);
    ck_assert(spry_list_empty(&queue));
    ck_assert_uint_eq(finished, 1);
}
END_TEST

START_TEST(a_cancel_asks_the_holder)
{
    hold();
    spry_request_cancel(&request, NNG_ECANCELED);
    ck_assert_uint_eq(cancelled, 1);
    ck_assert_int_eq(request.result, NNG_ECANCELED);
    ck_assert(spry_list_empty(&queue));
}
END_TEST

START_TEST(a_cancel_after_the_end_changes_nothing)
{
    hold();
    spry_request_finish(&request, 0);
    spry_request_cancel(&request, NNG_ECANCELED);
    ck_assert_uint_eq(cancelled, 0);
    ck_assert_uint_eq(finished, 1);
    ck_assert_int_eq(request.result, 0);
}
END_TEST

START_TEST(the_limit_cancels_with_timed_out)
{
    hold();
    spry_request_limit(&request, 100);
    spry_timers_run(&timers, 99);
    ck_assert(!request.done);
    spry_timers_run(&timers, 100);
    ck_assert_int_eq(request.result, NNG_ETIMEDOUT);
    ck_assert_uint_eq(finished, 1);
}
END_TEST

START_TEST(a_finished_request_has_no_limit_any_more)
{
    hold();
    spry_request_limit(&request, 100);
    spry_request_finish(&request, 0);
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
    spry_request_limit(&request, 200);
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
}
END_TEST

START_TEST(a_limit_that_never_comes_arms_nothing)
{
    hold();
    spry_request_limit(&request, SPRY_NEVER);
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
}
END_TEST

START_TEST(the_holder_decides_what_a_cancel_means)
{
    hold();
    spry_request_hold(&request, &queue, refuse_cancel);
    spry_request_cancel(&request, NNG_ECANCELED);
    ck_assert_uint_eq(cancelled, 1);
    ck_assert(!request.done);
    spry_request_finish(&request, 0);
    ck_assert_int_eq(request.result, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("request");
    TCase *tc = tcase_create("request");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_new_request_is_not_done_and_has_no_message);
    tcase_add_test(tc, finishing_at_once_tells_the_result);
    tcase_add_test(tc, a_held_request_leaves_its_queue_when_it_is_finished);
    tcase_add_test(tc, a_cancel_asks_the_holder);
    tcase_add_test(tc, a_cancel_after_the_end_changes_nothing);
    tcase_add_test(tc, the_limit_cancels_with_timed_out);
    tcase_add_test(tc, a_finished_request_has_no_limit_any_more);
    tcase_add_test(tc, a_limit_that_never_comes_arms_nothing);
    tcase_add_test(tc, the_holder_decides_what_a_cancel_means);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
