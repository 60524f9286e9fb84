/*
 * The port on Windows: a completion port. A descriptor has a call for each direction: the OVERLAPPED
 * and what else a system call needs of its own. docs/windows.md tells the way of a call.
 */
#ifndef SPRY_PORT_OS_H
#define SPRY_PORT_OS_H

#include "task.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct descriptor;
struct op;
struct port;

enum call_index { CALL_IN, CALL_OUT, CALLS };

/* The op's from its submission to its completion; what the kernel has of it nobody looks into. */
struct call {
    uintptr_t
        overlapped[5]; /* an OVERLAPPED, first; opaque so that the system's headers stay out */
    struct descriptor *descriptor;
    struct op *op;
    struct task again; /* to make the call once more, with the lock held */
    uint8_t *room;  /* OP_SCRATCH_BYTES: reads, gathered writes, addresses; NULL: not needed yet */
    uint32_t error; /* of the call that was made last, a Win32 code */
    uint32_t bytes; /* that it moved */
    uint16_t empties; /* reads of a pipe in a row that brought nothing */
    bool waiting;     /* a read of no bytes, which ends when there are some */
    bool canceled;    /* not to be made again; with the lock held */
};

struct descriptor {
    intptr_t handle; /* SPRY_NO_HANDLE once closed; used with the lock held */
    struct port *port;
    struct call calls[CALLS];
    uint8_t kind; /* enum attach_kind */
    bool quiet;   /* success at once queues no packet */
};

struct port {
    struct task_queue started; /* ops whose call was done when it returned */
    size_t attached;
    size_t in_flight; /* ops submitted and not yet dequeued, and whoever else needs the port open */
    void *completions;
    uint32_t
        batch; /* packets to ask for: more when as many came, since asking in vain has a price */
    atomic_bool waking; /* a wake-up is on its way */
    atomic_bool owed;   /* one could not be posted */
};

static inline intptr_t spry_descriptor_handle(const struct descriptor *descriptor)
{
    return descriptor->handle;
}

#endif
