/* Calls of the system that block and cannot be asked not to (a name lookup), away from the poller. */
#ifndef SPRY_OFFLOAD_H
#define SPRY_OFFLOAD_H

#include "task.h"
#include "thread.h"

struct loop;

struct offload {
    struct task task; /* task.run: the completion, with the loop lock held, once */
    void (*call)(struct offload *offload); /* runs without the lock, on a thread of its own */
    struct loop *loop;
    struct thread thread;
};

/*
 * Makes the call, on a thread that lives as long as it. The offload is in flight until its
 * completion: it owns all that `call` touches. Lock held. NNG_ENOMEM.
 */
int spry_offload(struct loop *loop, struct offload *offload);

#endif
