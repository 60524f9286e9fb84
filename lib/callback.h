/*
 * The program's callbacks: they run one after the other on the watchman, without the lock. When one of
 * them waits inside the library, perhaps for what another callback does, others run on a thread that
 * stands in until they are through.
 */
#ifndef SPRY_CALLBACK_H
#define SPRY_CALLBACK_H

#include "list.h"
#include "task.h"
#include "thread.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A thread that runs callbacks. */
struct caller {
    struct list node; /* in loop->callers while it runs one */
    struct thread *thread;
    struct task *task;  /* the one that it runs */
    uint64_t since_ns;  /* when the first of the unsettled was over */
    uint16_t unsettled; /* callbacks since it last settled the loop */
    bool waits;         /* in the library, inside the callback */
};

/*
 * Puts a callback: `task->run` runs with the lock held and releases it around the program's code, before
 * it has changed what an onlooker looks at. Lock held.
 */
void spry_loop_callback(struct loop *loop, struct task *task);

/* With the loop's port, open and closed. */
void spry_callers_init(struct loop *loop);
void spry_callers_fini(struct loop *loop);

/* Runs a task that was taken from the loop's callbacks. Lock held at call and return. */
void spry_caller_run(struct loop *loop, struct caller *caller, struct task *task);

/*
 * Instead of taking the lock, for a thread that comes back from the program's code: when the process is
 * by now the child of a fork, what called it is not there any more. `forks` is what loop->forks was.
 */
void spry_caller_return(struct loop *loop, uint32_t forks);

/*
 * After a callback: the caller has to settle the loop. Not yet when more of them are due, within
 * bounds, so that the system calls of all are made together.
 */
bool spry_caller_settles(struct loop *loop, struct caller *caller);

/* This thread is in a callback after which others come, and settles what it changes after those. */
bool spry_caller_settles_later(const struct loop *loop);

/* This thread is in the callback that `task` is, perhaps with others inside it. Lock held. */
bool spry_caller_inside(const struct loop *loop, const struct task *task);

/* This thread may run one more callback inside those that it is in. Lock held. */
bool spry_caller_nests(const struct loop *loop);

/* The caller that this thread is; NULL: it is in no callback. Lock held. */
struct caller *spry_caller_self(const struct loop *loop);

/* Callbacks are due: if all that could run them wait inside one, starts another. Lock held. */
void spry_callers_check(struct loop *loop);

#endif
