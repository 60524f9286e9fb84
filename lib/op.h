/*
 * An op: one system call in flight. From submission until its completion is dequeued it owns its
 * buffers and its part of the descriptor; nobody else reads, writes or frees them. Cancelling is a
 * request: exactly one completion comes either way, and it may report success.
 */
#ifndef SPRY_OP_H
#define SPRY_OP_H

#include "task.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct descriptor;
struct net_address;
struct op;

/* Who may touch an op and its buffers: its connection, the kernel, the completion queue. */
enum op_state { OP_IDLE, OP_IN_FLIGHT, OP_COMPLETED };
enum op_event { OP_SUBMIT, OP_CANCEL, OP_FINISH, OP_DEQUEUE };
enum { OP_STATES = OP_COMPLETED + 1, OP_EVENTS = OP_DEQUEUE + 1, OP_BUG = OP_STATES };

enum op_kind { OP_ACCEPT, OP_READ, OP_CONNECT, OP_WRITE };

/* Bytes in memory. */
struct span {
    void *data;
    size_t bytes;
};

enum {
    OP_SPANS_MAX = 32, /* of one system call; IOV_MAX is at least 16, and 1024 in practice */
    OP_SCRATCH_BYTES = 8 << 10 /* what the port lends a read, on POSIX on a stack: so not more */
};

/*
 * How a read or a write names its buffers and learns what moved, as often as the port calls the
 * system. Both run with the op in hand and need no lock; on Windows `spans` has it, since calls are made
 * with it there.
 */
struct op_work {
    /*
     * Fills `spans` (OP_SPANS_MAX of them) for the next system call; returns how many. A read may
     * use `scratch` (OP_SCRATCH_BYTES, gone after `moved`); a write gets NULL.
     */
    size_t (*spans)(struct op *op, struct span *spans, uint8_t *scratch);
    /* `bytes` > 0 were moved. True: the op is complete; false: more is wanted. */
    bool (*moved)(struct op *op, size_t bytes, const uint8_t *scratch);
};

struct op {
    struct task
        task; /* task.run: the completion, called with the loop lock held, once per submit */
    struct descriptor *descriptor;
    union {
        const struct op_work *work;        /* read, write */
        const struct net_address *address; /* connect: to where; owned by the op's owner */
        intptr_t accepted;                 /* accept: the new handle, the completion owns it */
    };
    int result; /* of the completion: 0 or NNG_E*; NNG_ECONNSHUT: the peer's orderly end */
    /* enum op_state. Whoever has the op steps it, others may look: OP_IDLE comes and goes only
     * under the lock. */
    _Atomic(uint8_t) state;
    uint8_t kind;
};

void spry_op_init(struct op *op, enum op_kind kind, struct descriptor *descriptor,
                  void (*complete)(struct task *task));

/* In its owner's hands. */
bool spry_op_idle(struct op *op);

/* The only writer of op->state. NNG_EINTERNAL: the port broke its contract; close the connection. */
int spry_op_step(struct op *op, enum op_event event);

#endif
