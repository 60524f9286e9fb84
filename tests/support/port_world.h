/*
 * A port with nothing round it: a mutex plays the loop lock, jobs are ops with buffers and counters.
 * Waiting for a job drives the port on the calling thread, with a time limit that fails the test.
 */
#ifndef SPRY_TESTS_PORT_WORLD_H
#define SPRY_TESTS_PORT_WORLD_H

#include "port.h"
#include "thread.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_address;

struct world {
    struct mutex lock;
    struct port port;
    struct task_queue completed;
    bool settles; /* takes further what completions start: on Windows, where a call is made again */
};

/* An op and what it moves. The counters change with the op in hand, or with the lock held. */
struct job {
    struct op op;
    struct world *world;
    uint8_t *bytes;
    size_t want;
    size_t have;
    size_t piece;   /* of one system call at most; 0: all */
    bool any;       /* a read: complete with whatever came */
    unsigned calls; /* of `spans`: attempts at a system call */
    unsigned submitted;
    unsigned completed;
    int result;                      /* of the last completion */
    void (*called)(struct job *job); /* from inside `spans`, no lock held; may be NULL */
};

void world_open(struct world *world);
void world_close(struct world *world);

/* One turn of the poller. */
void world_turn(struct world *world, uint64_t deadline_ns);

/* Turns for a while, so that whatever the system has to tell is told. */
void world_soak(struct world *world, unsigned ms);

void job_read(struct job *job, struct world *world, struct descriptor *descriptor, void *bytes,
              size_t want);
void job_write(struct job *job, struct world *world, struct descriptor *descriptor, void *bytes,
               size_t count);
void job_accept(struct job *job, struct world *world, struct descriptor *descriptor);
void job_connect(struct job *job, struct world *world, struct descriptor *descriptor,
                 const struct net_address *address);

/* Submits; `job_run` makes the system calls, `job_start` is both. */
void job_submit(struct job *job);
void job_run(struct job *job);
void job_start(struct job *job);
void job_cancel(struct job *job);

/* Turns until the job has completed as often as it was submitted; its result. */
int job_wait(struct job *job);

void attach_as(struct world *world, struct descriptor *descriptor, intptr_t handle,
               enum attach_kind kind);
void detach(struct world *world, struct descriptor *descriptor);

uint64_t after_ms(unsigned ms);

#endif
