/* Timers against a plain list of deadlines. */
#include "timer.h"

#include <check.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { MANY = 100000, SPAN = 64, STEPS = 20000 };

struct counted {
    struct timer timer;
    uint64_t fired_ns;
    unsigned fired;
};

static struct timers timers;
static struct counted many[MANY];
static uint64_t last_deadline;

static void count_fire(struct timer *timer, uint64_t now_ns)
{
    struct counted *counted = (struct counted *)(void *)timer;

    ck_assert(!spry_timer_armed(timer));
    counted->fired++;
    counted->fired_ns = now_ns;
}

static void setup(void)
{
    timers.root = NULL;
    for (size_t i = 0; i < MANY; i++) {
        spry_timer_init(&many[i].timer, count_fire);
        many[i].fired = 0;
    }
}

START_TEST(without_a_timer_there_is_no_deadline)
{
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
    spry_timers_run(&timers, UINT64_MAX);
}
END_TEST

START_TEST(a_timer_fires_once_and_not_before_its_time)
{
    spry_timer_set(&timers, &many[0].timer, 100);
    ck_assert(spry_timer_armed(&many[0].timer));
    ck_assert_uint_eq(spry_timers_next(&timers), 100);
    spry_timers_run(&timers, 99);
    ck_assert_uint_eq(many[0].fired, 0);
    spry_timers_run(&timers, 100);
    spry_timers_run(&timers, 200);
    ck_assert_uint_eq(many[0].fired, 1);
    ck_assert_uint_eq(many[0].fired_ns, 100);
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
}
END_TEST

START_TEST(setting_again_moves_the_deadline)
{
    spry_timer_set(&timers, &many[0].timer, 100);
    spry_timer_set(&timers, &many[1].timer, 200);
    spry_timer_set(&timers, &many[0].timer, 300);
    ck_assert_uint_eq(spry_timers_next(&timers), 200);
    spry_timer_set(&timers, &many[0].timer, 50);
    ck_assert_uint_eq(spry_timers_next(&timers), 50);
    spry_timers_run(&timers, 1000);
    ck_assert_uint_eq(many[0].fired, 1);
}
END_TEST

START_TEST(never_leaves_a_timer_idle)
{
    spry_timer_set(&timers, &many[0].timer, 100);
    spry_timer_set(&timers, &many[0].timer, SPRY_NEVER);
    ck_assert(!spry_timer_armed(&many[0].timer));
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
    spry_timers_run(&timers, UINT64_MAX);
    ck_assert_uint_eq(many[0].fired, 0);
}
END_TEST

START_TEST(an_idle_timer_may_be_cancelled)
{
    spry_timer_set(&timers, &many[1].timer, 100);
    spry_timer_cancel(&timers, &many[0].timer);
    spry_timer_cancel(&timers, &many[1].timer);
    spry_timer_cancel(&timers, &many[1].timer);
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
}
END_TEST

static size_t disorder; /* counted, for Check keeps a record of each assertion */

static void expect_ascending(struct timer *timer, uint64_t now_ns)
{
    struct counted *counted = (struct counted *)(void *)timer;

    disorder += counted->fired_ns > now_ns || counted->fired_ns < last_deadline;
    last_deadline = counted->fired_ns;
    counted->fired++;
}

/* Rising, falling, and one that mixes; depth and length must cost no stack. */
START_TEST(very_many_fire_in_order)
{
    last_deadline = 0;
    disorder = 0;
    for (uint64_t i = 0; i < MANY; i++) {
        uint64_t deadline = _i == 0 ? i : _i == 1 ? MANY - i : i * 7919 % MANY;

        spry_timer_init(&many[i].timer, expect_ascending);
        many[i].fired_ns = deadline;
        spry_timer_set(&timers, &many[i].timer, deadline);
    }
    spry_timers_run(&timers, MANY);
    for (size_t i = 0; i < MANY; i++)
        disorder += many[i].fired != 1;
    ck_assert_uint_eq(disorder, 0);
}
END_TEST

START_TEST(very_many_are_cancelled_from_the_outside_in)
{
    for (uint64_t i = 0; i < MANY; i++)
        spry_timer_set(&timers, &many[i].timer, i * 7919 % MANY);
    spry_timers_run(&timers, 0); /* brings the heap into its form */
    for (uint64_t i = 0; i < MANY; i++)
        spry_timer_cancel(&timers, &many[i].timer);
    ck_assert_uint_eq(spry_timers_next(&timers), SPRY_NEVER);
}
END_TEST

static void set_again(struct timer *timer, uint64_t now_ns)
{
    count_fire(timer, now_ns);
    if (many[0].fired < 10)
        spry_timer_set(&timers, timer, now_ns + 10);
}

START_TEST(a_fired_timer_may_set_itself)
{
    spry_timer_init(&many[0].timer, set_again);
    spry_timer_set(&timers, &many[0].timer, 10);
    for (uint64_t now = 0; now <= 1000; now++)
        spry_timers_run(&timers, now);
    ck_assert_uint_eq(many[0].fired, 10);
    ck_assert_uint_eq(many[0].fired_ns, 100);
}
END_TEST

static void cancel_second(struct timer *timer, uint64_t now_ns)
{
    count_fire(timer, now_ns);
    spry_timer_cancel(&timers, &many[1].timer);
    spry_timer_set(&timers, &many[2].timer, now_ns);
}

START_TEST(a_fired_timer_may_cancel_and_set_others_that_are_due)
{
    spry_timer_init(&many[0].timer, cancel_second);
    spry_timer_set(&timers, &many[0].timer, 10);
    spry_timer_set(&timers, &many[1].timer, 11);
    spry_timer_set(&timers, &many[3].timer, 12);
    spry_timers_run(&timers, 20);
    ck_assert_uint_eq(many[1].fired, 0);
    ck_assert_uint_eq(many[2].fired, 1);
    ck_assert_uint_eq(many[3].fired, 1);
}
END_TEST

static uint64_t seed(int i)
{
    const char *given = getenv("SPRY_SEED");
    uint64_t value = given != NULL ? strtoull(given, NULL, 0) : 4711 + (uint64_t)i;

    printf("SPRY_SEED=%" PRIu64 "\n", value);
    return value;
}

static uint64_t random_next(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

/* An assertion of Check per timer and step would cost more than all the rest. */
static bool deadlines_are(const uint64_t *deadlines)
{
    for (size_t i = 0; i < SPAN; i++) {
        if (many[i].timer.deadline_ns != deadlines[i])
            return false;
    }
    return true;
}

static uint64_t earliest(void)
{
    uint64_t least = SPRY_NEVER;

    for (size_t i = 0; i < SPAN; i++)
        least = many[i].timer.deadline_ns < least ? many[i].timer.deadline_ns : least;
    return least;
}

START_TEST(a_long_random_life_agrees_with_a_list)
{
    uint64_t state = seed(_i);
    uint64_t deadlines[SPAN];
    uint64_t now = 0;

    for (size_t i = 0; i < SPAN; i++)
        deadlines[i] = SPRY_NEVER;
    for (int step = 0; step < STEPS; step++) {
        size_t i = random_next(&state) % SPAN;

        switch (random_next(&state) % 4) {
        case 0:
        case 1:
            deadlines[i] = now + random_next(&state) % 500;
            spry_timer_set(&timers, &many[i].timer, deadlines[i]);
            break;
        case 2:
            deadlines[i] = SPRY_NEVER;
            spry_timer_cancel(&timers, &many[i].timer);
            break;
        default:
            now += random_next(&state) % 20;
            spry_timers_run(&timers, now);
            for (size_t k = 0; k < SPAN; k++) {
                if (many[k].fired != (deadlines[k] <= now ? 1 : 0))
                    ck_abort_msg("timer %zu fired %u times", k, many[k].fired);
                many[k].fired = 0;
                if (deadlines[k] <= now)
                    deadlines[k] = SPRY_NEVER;
            }
            break;
        }
        ck_assert_uint_eq(spry_timers_next(&timers), earliest());
        ck_assert(deadlines_are(deadlines));
    }
}
END_TEST

START_TEST(a_deadline_is_so_many_milliseconds_later_and_never_wraps)
{
    ck_assert_uint_eq(spry_deadline(5, 0), 5);
    ck_assert_uint_eq(spry_deadline(5, 3), 3000005);
    ck_assert_uint_eq(spry_deadline(5, -1), SPRY_NEVER);
    ck_assert_uint_eq(spry_deadline(5, INT32_MIN), SPRY_NEVER);
    ck_assert_uint_eq(spry_deadline(0, INT32_MAX), UINT64_C(2147483647000000));
    ck_assert_uint_eq(spry_deadline(SPRY_NEVER - 1000000, 1), SPRY_NEVER - 1);
    ck_assert_uint_eq(spry_deadline(SPRY_NEVER - 5, INT32_MAX), SPRY_NEVER - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timer");
    TCase *tc = tcase_create("timer");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, without_a_timer_there_is_no_deadline);
    tcase_add_test(tc, a_timer_fires_once_and_not_before_its_time);
    tcase_add_test(tc, setting_again_moves_the_deadline);
    tcase_add_test(tc, never_leaves_a_timer_idle);
    tcase_add_test(tc, an_idle_timer_may_be_cancelled);
    tcase_add_loop_test(tc, very_many_fire_in_order, 0, 3);
    tcase_add_test(tc, very_many_are_cancelled_from_the_outside_in);
    tcase_add_test(tc, a_fired_timer_may_set_itself);
    tcase_add_test(tc, a_fired_timer_may_cancel_and_set_others_that_are_due);
    tcase_add_loop_test(tc, a_long_random_life_agrees_with_a_list, 0, 6);
    tcase_add_test(tc, a_deadline_is_so_many_milliseconds_later_and_never_wraps);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
