/*
 * The loop: one lock, one port, the timers and the queues; all that sockets, pipes and endpoints
 * have changes only under its lock. Whoever waits, works: a thread that blocks in the library
 * takes the poller role, and a background thread, the watchman, only when nobody is blocked.
 *
 * There is one loop, in static storage; it has a port and a thread only while a socket is open.
 */
#ifndef SPRY_LOOP_H
#define SPRY_LOOP_H

#include "callback.h"
#include "idmap.h"
#include "port.h"
#include "request.h"
#include "task.h"
#include "thread.h"
#include "timer.h"

#include <stdbool.h>
#include <stdint.h>

/* Memory that an event in the poller's hands may still name; see spry_port_detach. */
struct retired {
    struct retired *next;
    void (*free)(struct retired *retired);
};

/* Who looks at what has come of changes, each time the lock is about to be free (spry_loop_leave). */
struct onlooker {
    struct list node;                        /* among the loop's */
    void (*look)(struct onlooker *onlooker); /* changes nothing that another one looks at */
};

/* Where a thread that blocks is: what it takes to make it look again. */
enum waiter_place { WAITER_AWAKE, WAITER_ASLEEP, WAITER_POLLING };

/* A thread that blocks in the library, on its own stack. */
struct waiter {
    struct request request;
    struct lasting_seat *lent; /* what it sleeps on */
    struct seat own;           /* ... when none can be lent to it */
    struct list node;          /* among the loop's sleepers */
    struct runner *runner;     /* NULL: it runs no callbacks while it waits */
    uint8_t place;             /* enum waiter_place */
};

/*
 * A seat that is never freed, so that its thread can be woken when the lock is free again: woken before,
 * it would meet the lock. By then it may have left, and another one have the seat: it is woken for nothing.
 */
struct lasting_seat {
    struct seat seat;
    struct lasting_seat *next; /* among the free */
};

enum { LOOP_SEATS = 16, LOOP_WAKES = 16 };

/* What a waiter of a loop without watchman needs to run callbacks while it waits; on its stack. */
struct runner {
    struct list node; /* among the loop's runners */
    struct waiter *waiter;
    struct thread thread; /* names the waiter's */
    struct caller caller;
};

/* WATCHMAN_NONE: the loop has no port. WATCHMAN_AWAY: it has, and the program does its work. */
enum watchman_state {
    WATCHMAN_NONE,
    WATCHMAN_AWAKE,
    WATCHMAN_DOZING,
    WATCHMAN_ASLEEP,
    WATCHMAN_AWAY
};

struct loop {
    struct mutex lock;
    struct port port;
    struct timers timers;
    struct task_queue completed; /* to be run under the lock, by whoever has it */
    struct task_queue callbacks; /* the program's code, which runs off the lock: callback.h */
    struct idmap handles;
    struct retired *retired;
    struct list onlookers;
    /* Ends what the program polls of the loop, with the loop; NULL: it does not poll. */
    void (*unexpose)(struct loop *loop);

    struct waiter *poller; /* who has the role, NULL: nobody */
    uint64_t poll_deadline_ns;
    struct list sleepers; /* waiters who are not the poller */
    struct lasting_seat seats[LOOP_SEATS];
    struct lasting_seat *seats_free;
    struct lasting_seat *wakes[LOOP_WAKES]; /* to be woken when the lock is free */
    uint8_t wakes_count;
    uint32_t polls; /* counts takings and leavings of the role, to see that time went by without */
    uint32_t done;  /* counts tasks and timers, to see that there were any */

    bool threadless;        /* spry_init: the program does the watchman's work, in spry_run */
    struct waiter watchman; /* its request is not used, and no seat is lent to it */
    struct thread watchman_thread;
    uint8_t watchman_state; /* enum watchman_state */
    struct list callers;    /* threads that are in a callback of the program's, callback.h */
    struct list runners;    /* waiters that run callbacks */
    struct timer standin_again;
    uint32_t standins; /* threads that run callbacks, besides the watchman */
    uint32_t asyncs;   /* operations under way that end with a callback, for which nobody waits */
    uint32_t sockets;
    uint32_t offloads; /* calls that block, out on their thread */
    uint32_t
        unlistened; /* closed listening handles that a thread still has in a call, or a packet */
    struct list enders; /* threads in spry_loop_end: one of them joins the watchman */
    bool watchman_left; /* it has left the loop, and waits to be joined */
};

/* The loop, locked. */
struct loop *spry_loop_enter(void);

/* For the time of a callback, after which the lock is taken again. */
void spry_loop_unlock(struct loop *loop);
void spry_loop_lock(struct loop *loop);

/*
 * Runs what the caller's changes led to, system calls without the lock, then unlocks. Every
 * spry_loop_enter ends here, or in spry_loop_pass.
 */
void spry_loop_leave(struct loop *loop);

/*
 * Unlocks and leaves the work to other threads, for one that is about to end: not on every system
 * does a call survive the thread that made it (docs/windows.md).
 */
void spry_loop_pass(struct loop *loop);

/* Counts an open socket; the first opens the port and starts the watchman. NNG_ENOMEM, NNG_ENOFILES. */
int spry_loop_hold(struct loop *loop);
/* The last one lets the watchman close the port and end, as soon as no op is in flight. */
void spry_loop_release(struct loop *loop);

/*
 * After a close: lets other threads come out of the calls in which they have the closed listeners, so
 * that each address is free again; and after the last socket's, lets the watchman end, so that
 * thread, descriptors and memory are gone when close returns. It waits a few ms at most, and not for
 * callbacks or lookups: then they go when that is over. After a spry_loop_hold. Lock held.
 */
void spry_loop_end(struct loop *loop);

/* One of loop->unlistened is through. Lock held. */
void spry_loop_unlistened(struct loop *loop);

/* Prepares `waiter` for one blocking call; spry_waiter_wait or spry_waiter_fini follows. Lock held. */
void spry_waiter_init(struct waiter *waiter, struct loop *loop);
void spry_waiter_fini(struct waiter *waiter, struct loop *loop);

/* Returns when the waiter's request is done: its result. Lock held at call and return. */
int spry_waiter_wait(struct loop *loop, struct waiter *waiter);

/*
 * Around a wait for what a callback does: without a watchman the waiter runs those that are due, unless
 * it is too deep inside others already. Lock held.
 */
void spry_runner_begin(struct loop *loop, struct runner *runner, struct waiter *waiter);
void spry_runner_end(struct runner *runner);

/*
 * A loop without a watchman: does what is to be done, a bounded part, when there is something before
 * `until_ns`. 0, NNG_ETIMEDOUT, NNG_ECLOSED: as spry_run. Lock held at call and return.
 */
int spry_loop_run(struct loop *loop, uint64_t until_ns);

/* There is something to be done at once, of which the system has no event. Lock held. */
bool spry_loop_due(const struct loop *loop);

/* Puts work after what is going on; it runs with the lock held before the lock holder leaves. */
static inline void spry_loop_post(struct loop *loop, struct task *task)
{
    spry_tasks_push(&loop->completed, task);
}

/*
 * After a callback on a thread that runs callbacks: settles the loop, or looks to the next one first
 * (spry_caller_settles). Lock held.
 */
void spry_loop_called(struct loop *loop, struct caller *caller);

/* Frees `retired` when no waiter in the kernel can have an event that names it. Lock held. */
void spry_loop_retire(struct loop *loop, struct retired *retired);

#endif
