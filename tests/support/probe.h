/*
 * An aio with a callback that notes what it sees: how often it was called, and what the aio said each
 * time. For tests that wait for an end and want to know that there was exactly one.
 */
#ifndef SPRY_TESTS_PROBE_H
#define SPRY_TESTS_PROBE_H

#include <nng/nng.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct probe {
    nng_aio *aio;
    atomic_int calls;     /* callbacks that have noted what they saw */
    atomic_int returned;  /* callbacks that are over, but for their return */
    atomic_int inside;    /* callbacks under way: never two */
    atomic_bool overlaps; /* there were two */
    /* What the last callback saw. */
    int result;
    size_t count;
    nng_msg *msg;
    pthread_t thread;
    /* Called by the callback then; may be NULL. */
    void (*act)(struct probe *probe);
    void *argument;
};

/* Allocates the aio; `act` may be NULL. */
void probe_open(struct probe *probe, void (*act)(struct probe *probe), void *argument);

/* Until the callback was called `calls` times; fails the test if it was called more often. */
void probe_await(struct probe *probe, int calls);

/* Frees the aio, after which `calls` callbacks have come and returned. */
void probe_close(struct probe *probe, int calls);

/* A message of `text`, which fails the test when there is none. */
nng_msg *probe_msg(const char *text);

#endif
