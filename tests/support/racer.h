/* A thread that does its part at the same moment as the caller, round after round. */
#ifndef SPRY_TESTS_RACER_H
#define SPRY_TESTS_RACER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

/* Two threads meet at a gate; the second spins a little longer each round. */
struct racer {
    atomic_uint go;    /* the round that may run */
    atomic_uint begun; /* the last round that has begun */
    atomic_uint done;  /* the last round that is over */
    void (*run)(void *argument);
    void *argument;
    pthread_t thread;
};

/* False: there is no thread to be had. */
bool racer_start(struct racer *racer, void (*run)(void *argument), void *argument);

/* Lets it run `round`, 1 for the first; once more for the same round is nothing. */
void racer_go(struct racer *racer, unsigned round);

/* The same, and it runs on return. */
void racer_meet(struct racer *racer, unsigned round);

/* Until its part of `round` is over. */
void racer_await(struct racer *racer, unsigned round);

void racer_end(struct racer *racer);

/* A short time, another one each round. */
void racer_spin(unsigned round);

#endif
