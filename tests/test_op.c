/* The state table of an op: all states, all events. */
#include <stdlib.h>

#include <check.h>

#include <nng/nng.h>

#include "op.h"

static void complete(struct task *task)
{
    (void)task;
}

static struct op op_in(enum op_state state)
{
    struct descriptor *none = NULL;
    struct op op;

    spry_op_init(&op, OP_READ, none, complete);
    op.state = (uint8_t)state;
    return op;
}

START_TEST(an_op_begins_idle)
{
    int somewhere;
    struct descriptor *descriptor = (void *)&somewhere;

    for (int kind = OP_ACCEPT; kind <= OP_WRITE; kind++) {
        struct op op;

        spry_op_init(&op, (enum op_kind)kind, descriptor, complete);
        ck_assert_uint_eq(op.state, OP_IDLE);
        ck_assert_uint_eq(op.kind, (unsigned)kind);
        ck_assert_ptr_eq(op.descriptor, descriptor);
        ck_assert(op.task.run == complete);
        ck_assert_ptr_null(op.task.next);
        ck_assert_int_eq(op.result, 0);
    }
}
END_TEST

/* Written down here a second time, from the design and not from the table. */
START_TEST(every_event_in_every_state)
{
    static const struct {
        enum op_state from;
        enum op_event event;
        int rv;
        enum op_state to;
    } cases[] = {
        {OP_IDLE, OP_SUBMIT, 0, OP_IN_FLIGHT},
        {OP_IDLE, OP_CANCEL, 0, OP_IDLE},
        {OP_IDLE, OP_FINISH, NNG_EINTERNAL, OP_IDLE},
        {OP_IDLE, OP_DEQUEUE, NNG_EINTERNAL, OP_IDLE},
        {OP_IN_FLIGHT, OP_SUBMIT, NNG_EINTERNAL, OP_IN_FLIGHT},
        {OP_IN_FLIGHT, OP_CANCEL, 0, OP_IN_FLIGHT},
        {OP_IN_FLIGHT, OP_FINISH, 0, OP_COMPLETED},
        {OP_IN_FLIGHT, OP_DEQUEUE, NNG_EINTERNAL, OP_IN_FLIGHT},
        {OP_COMPLETED, OP_SUBMIT, NNG_EINTERNAL, OP_COMPLETED},
        {OP_COMPLETED, OP_CANCEL, 0, OP_COMPLETED},
        {OP_COMPLETED, OP_FINISH, NNG_EINTERNAL, OP_COMPLETED},
        {OP_COMPLETED, OP_DEQUEUE, 0, OP_IDLE},
    };

    ck_assert_uint_eq(sizeof(cases) / sizeof(cases[0]), (size_t)OP_STATES * OP_EVENTS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct op op = op_in(cases[i].from);

        ck_assert_msg(spry_op_step(&op, cases[i].event) == cases[i].rv, "case %zu: result", i);
        ck_assert_msg(op.state == cases[i].to, "case %zu: state %u", i, (unsigned)op.state);
    }
}
END_TEST

/* Whatever is asked for, in any order: one completion for each submission. */
START_TEST(any_walk_dequeues_once_per_submission)
{
    struct op op = op_in(OP_IDLE);
    unsigned submitted = 0;
    unsigned dequeued = 0;
    uint32_t random = 12345;

    for (int i = 0; i < 100000; i++) {
        enum op_event event;

        random = random * 1664525U + 1013904223U;
        event = (enum op_event)((random >> 16) % OP_EVENTS);
        if (spry_op_step(&op, event) != 0)
            continue;
        submitted += event == OP_SUBMIT;
        dequeued += event == OP_DEQUEUE;
        ck_assert_uint_eq(submitted - dequeued, op.state != OP_IDLE);
    }
    ck_assert_uint_gt(dequeued, 1000);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("op");
    TCase *tc = tcase_create("op");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tc, an_op_begins_idle);
    tcase_add_test(tc, every_event_in_every_state);
    tcase_add_test(tc, any_walk_dequeues_once_per_submission);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
