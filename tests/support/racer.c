/* Two threads that meet, round after round. */
#include "racer.h"

#include <limits.h>
#include <sched.h>

void racer_spin(unsigned round)
{
    for (volatile unsigned spin = 0; spin < round % 97 * 8; spin++) {
    }
}

static void *racer_main(void *argument)
{
    struct racer *racer = argument;

    for (unsigned round = 1;; round++) {
        unsigned go;

        while ((go = atomic_load(&racer->go)) < round)
            sched_yield();
        if (go == UINT_MAX)
            return NULL;
        atomic_store(&racer->begun, round);
        racer_spin(round);
        racer->run(racer->argument);
        atomic_store(&racer->done, round);
    }
}

bool racer_start(struct racer *racer, void (*run)(void *argument), void *argument)
{
    atomic_init(&racer->go, 0);
    atomic_init(&racer->begun, 0);
    atomic_init(&racer->done, 0);
    racer->run = run;
    racer->argument = argument;
    return pthread_create(&racer->thread, NULL, racer_main, racer) == 0;
}

void racer_go(struct racer *racer, unsigned round)
{
    atomic_store(&racer->go, round);
}

void racer_meet(struct racer *racer, unsigned round)
{
    racer_go(racer, round);
    while (atomic_load(&racer->begun) < round)
        sched_yield();
}

void racer_await(struct racer *racer, unsigned round)
{
    while (atomic_load(&racer->done) < round)
        sched_yield();
}

void racer_end(struct racer *racer)
{
    racer_go(racer, UINT_MAX);
    pthread_join(racer->thread, NULL);
}
