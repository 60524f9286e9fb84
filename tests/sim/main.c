/* Runs seeds, one after the other, in one process; the first that fails ends it. */
#include "kernel.h"
#include "scenario.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void __sanitizer_set_death_callback(void (*callback)(void));
const char *__asan_default_options(void);
const char *__ubsan_default_options(void);

static uint64_t seed;
struct sim_totals sim_totals;

/* The quarantine is small, since a seed is over soon; leaks are the allocator's to find. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0:quarantine_size_mb=8:malloc_context_size=12:handle_abort=1:"
           "detect_stack_use_after_return=0:allocator_may_return_null=1";
}

/* So that the address sanitizer shows where, and the seed is told. */
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=0";
}

static void say_seed(void)
{
    (void)fflush(stdout);
    (void)fprintf(stdout, "FAIL seed %llu step %llu\n", (unsigned long long)seed,
                  (unsigned long long)sim_steps);
    (void)fflush(stdout);
}

void sim_fail(const char *format, ...)
{
    va_list arguments;

    (void)fflush(stdout);
    va_start(arguments, format);
    printf("REPORT thread %s at %.6f ms: ", sim_self == NULL ? "-" : sim_self->name,
           (double)sim_now_ns / 1e6);
    (void)vprintf(format, arguments);
    (void)putchar('\n');
    va_end(arguments);
    (void)fflush(stdout);
    abort(); /* the sanitizer shows where */
}

/* A seed that never comes back to the scheduler. */
static void on_alarm(int number)
{
    static const char text[] = "REPORT a loop that makes no call\n";

    (void)number;
    (void)!write(1, text, sizeof(text) - 1);
    abort();
}

static void seed_run(void)
{
    uint64_t stack[2] = {0, 0}; /* keeps the frame apart from the fibers' */

    (void)stack;
    (void)alarm(60);
    sim_seed(seed);
    sim_steps = 0;
    sim_fails = 0;
    sim_now_ns = 1000000000 + (uint64_t)sim_random() * 1000;
    sim_heap_begin(sim_below(8) == 0);
    sim_scenario_start();
    sim_run();
    sim_ios_check();
    sim_heap_check();
    sim_sockets_check();
    sim_objects_check();
    sim_names_check();
    sim_channels_free();
}

static uint64_t number(const char *text)
{
    return text == NULL ? 0 : strtoull(text, NULL, 10);
}

int main(int argc, char **argv)
{
    uint64_t first = 1;
    uint64_t count = 1;
    uint64_t steps = 0;

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--verbose") == 0)
            sim_verbose = true;
        else if (strcmp(argv[i], "--starved") == 0)
            sim_starved = true;
        else if (strcmp(argv[i], "--seed") == 0 || strcmp(argv[i], "--first") == 0)
            first = number(argv[++i]);
        else if (strcmp(argv[i], "--seeds") == 0)
            count = number(argv[++i]);
        else
            return 2;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    (void)signal(SIGALRM, on_alarm);
    __sanitizer_set_death_callback(say_seed);
    for (uint64_t i = 0; i < count; i++) {
        seed = first + i;
        seed_run();
        steps += sim_steps;
        if (sim_verbose)
            printf("seed %llu: %llu steps, %llu faults, end %llu ns\n", (unsigned long long)seed,
                   (unsigned long long)sim_steps, (unsigned long long)sim_fails,
                   (unsigned long long)sim_now_ns);
    }
    printf("ok %llu seeds, %llu steps, %llu requests, %llu answers, %llu closes, %llu strict\n",
           (unsigned long long)count, (unsigned long long)steps,
           (unsigned long long)sim_totals.requests, (unsigned long long)sim_totals.answers,
           (unsigned long long)sim_totals.closes, (unsigned long long)sim_totals.strict);
    return 0;
}
