/*
 * The port on POSIX systems: completions made from readiness. A read or a write that would block
 * is parked in its side of the descriptor; the readiness event takes it out again and runs it.
 */
#ifndef SPRY_PORT_OS_H
#define SPRY_PORT_OS_H

#include "list.h"
#include "task.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct op;

/*
 * A side's mailbox. One op at a time uses a side, so: only its owner parks (EMPTY to PARKED), only
 * an event or a cancel takes out (PARKED to EMPTY), and an event that finds nobody leaves word
 * (EMPTY to READY), so that none is lost between a call that would block and the parking. A cancel
 * that finds nobody leaves word too (CANCELED): the op whose call is being made must not park.
 */
enum side_state { SIDE_EMPTY, SIDE_PARKED, SIDE_READY, SIDE_CANCELED };

enum side_index { SIDE_IN, SIDE_OUT, SIDES };

struct side {
    _Atomic(unsigned char) state; /* enum side_state */
    struct op *parked;
};

struct descriptor {
    int fd;
    bool watched;     /* the system tells of its events; set before a second op can be on it */
    bool armed;       /* epoll: writability is watched; changed by the owner of SIDE_OUT's op */
    atomic_bool hung; /* the peer's end or an error was seen: reads go on until they say so */
    struct side sides[SIDES];
    struct list node; /* among the port's descriptors */
};

static inline intptr_t spry_descriptor_handle(const struct descriptor *descriptor)
{
    return descriptor->fd;
}

struct port {
    struct task_queue started; /* ops whose system call is still to be made */
    size_t attached;
    size_t
        in_flight;   /* ops submitted and not yet dequeued, calls being made: the port stays open */
    int wait_fd;     /* epoll */
    int wake_fds[2]; /* what spry_port_wake makes readable: an eventfd, or a pipe */
    atomic_bool waking;      /* a wake-up is on its way */
    atomic_bool waiting;     /* poll: the waiter has looked, or is looking, at who is parked */
    struct list descriptors; /* attached ones */
    struct watch *watches;   /* poll: what the waiter asks the system */
    size_t watch_count;
    size_t watch_room;
    bool watch_short; /* not all found room: wait a short time only */
};

#endif
