/* Who goes on, and what time it is. */
#include "kernel.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIBERS_MAX = 128, STEPS_MAX = 600000, TIME_FIRST_NS = 100000000 };

struct fiber *sim_self;
uint64_t sim_now_ns;
uint64_t sim_steps;
bool sim_verbose;
uint64_t sim_fails;

static struct fiber *fibers[FIBERS_MAX];
static size_t fiber_count;
static uint32_t fiber_ids;
static struct fiber *dead; /* by `joiner` */

void sim_note(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    printf("%7llu %11.6f ms %-10s ", (unsigned long long)sim_steps, (double)sim_now_ns / 1e6,
           sim_self == NULL ? "-" : sim_self->name);
    (void)vprintf(format, arguments);
    (void)putchar('\n');
    va_end(arguments);
}

struct fiber *sim_fiber_start(const char *name, unsigned (*main)(void *argument), void *argument)
{
    struct fiber *fiber = calloc(1, sizeof(*fiber));

    if (fiber == NULL || fiber_count == FIBERS_MAX)
        sim_fail("more than %d threads", FIBERS_MAX);
    fiber->name = name;
    fiber->id = ++fiber_ids;
    fiber->main = main;
    fiber->argument = argument;
    fiber->deadline_ns = SIM_NEVER;
    sim_fiber_prepare(fiber);
    fibers[fiber_count++] = fiber;
    return fiber;
}

static void report_waits(void)
{
    sim_ios_list();
    for (size_t i = 0; i < fiber_count; i++)
        printf("  thread %u %s waits for %s\n", fibers[i]->id, fibers[i]->name,
               fibers[i]->waits_for == NULL ? "nothing" : fibers[i]->waits_for);
}

static bool fiber_ready(struct fiber *fiber)
{
    if (fiber->waits_for == NULL || fiber->deadline_ns <= sim_now_ns)
        return true;
    if (fiber->ready != NULL && fiber->ready(fiber->ready_argument))
        return true;
    return fiber->spurious && sim_chance(KNOB_SPURIOUS_WAKE);
}

/* Forward to the first moment that anyone waits for, if it is not too far; false: there is none. */
static bool time_pass(uint64_t far_ns)
{
    uint64_t first = sim_kernel_deadline();

    for (size_t i = 0; i < fiber_count; i++) {
        if (fibers[i]->deadline_ns < first)
            first = fibers[i]->deadline_ns;
    }
    if (first == SIM_NEVER || (first > sim_now_ns && first - sim_now_ns > far_ns))
        return false;
    if (first > sim_now_ns)
        sim_now_ns = first + sim_below((uint32_t)sim_temper.step_max_ns + 1);
    return true;
}

/* NULL: all are over and nothing is under way. */
static struct fiber *pick(void)
{
    struct fiber *ready[FIBERS_MAX];

    for (;;) {
        size_t count = 0;

        if (++sim_steps > STEPS_MAX) {
            report_waits();
            sim_fail("it goes on for ever");
        }
        for (size_t i = 0; i < fiber_count; i++) {
            if (fiber_ready(fibers[i]))
                ready[count++] = fibers[i];
        }
        if (count > 0)
            return ready[sim_below((uint32_t)count)];
        if (sim_chance(KNOB_TIME_FIRST) && time_pass(TIME_FIRST_NS))
            continue;
        if (sim_kernel_step() || time_pass(SIM_NEVER))
            continue;
        if (fiber_count == 0)
            return NULL;
        report_waits();
        sim_fail("deadlock");
    }
}

static void go_on(void)
{
    struct fiber *next = pick();

    if (next != sim_self)
        sim_fiber_switch(next);
}

void sim_point(void)
{
    sim_steps++;
    if (sim_temper.step_max_ns != 0)
        sim_now_ns += sim_below((uint32_t)sim_temper.step_max_ns);
    if (sim_self == NULL)
        return;
    for (int i = 0; i < 8 && sim_chance(KNOB_KERNEL); i++)
        (void)sim_kernel_step();
    if (sim_chance(KNOB_SWITCH))
        go_on();
}

static bool wait_for(const char *what, bool (*ready)(void *argument), void *argument,
                     uint64_t deadline_ns, bool loosely)
{
    struct fiber *self = sim_self;

    self->waits_for = what;
    self->ready = ready;
    self->ready_argument = argument;
    self->deadline_ns = deadline_ns;
    self->spurious = loosely;
    go_on();
    self->waits_for = NULL;
    self->ready = NULL;
    self->deadline_ns = SIM_NEVER;
    self->spurious = false;
    return ready != NULL && ready(argument);
}

bool sim_block(const char *what, bool (*ready)(void *argument), void *argument,
               uint64_t deadline_ns)
{
    return wait_for(what, ready, argument, deadline_ns, false);
}

bool sim_block_loosely(const char *what, bool (*ready)(void *argument), void *argument,
                       uint64_t deadline_ns)
{
    return wait_for(what, ready, argument, deadline_ns, true);
}

void sim_fiber_main(void)
{
    struct fiber *self = sim_self;

    (void)self->main(self->argument);
    if (self->locks > 0)
        sim_fail("thread %s ends with a lock held", self->name);
    self->over = true;
    if (self->thread != NULL)
        self->thread->fiber = NULL;
    for (size_t i = 0; i < fiber_count; i++) {
        if (fibers[i] == self)
            fibers[i] = fibers[--fiber_count];
    }
    sim_fiber_forget(self);
    self->joiner = dead;
    dead = self;
    sim_fiber_switch(pick());
    abort();
}

void sim_run(void)
{
    struct fiber *first = pick();

    fiber_ids = 0;
    if (first != NULL)
        sim_fiber_enter(first);
    while (dead != NULL) {
        struct fiber *fiber = dead;

        dead = fiber->joiner;
        free(fiber);
    }
}
