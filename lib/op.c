/* The state table of an op: all cases on one screen. */
#include "op.h"

#include <nng/nng.h>

/* Cancelling never changes the state: the completion still comes, exactly once. */
// clang-format off
static const uint8_t op_next[OP_STATES][OP_EVENTS] = {
    /*                  SUBMIT        CANCEL        FINISH        DEQUEUE */
    [OP_IDLE]      = { OP_IN_FLIGHT, OP_IDLE,      OP_BUG,       OP_BUG  },
    [OP_IN_FLIGHT] = { OP_BUG,       OP_IN_FLIGHT, OP_COMPLETED, OP_BUG  },
    [OP_COMPLETED] = { OP_BUG,       OP_COMPLETED, OP_BUG,       OP_IDLE },
};
// clang-format on

void spry_op_init(struct op *op, enum op_kind kind, struct descriptor *descriptor,
                  void (*complete)(struct task *task))
{
    *op = (struct op){.task = {.run = complete}, .descriptor = descriptor, .kind = (uint8_t)kind};
}

bool spry_op_idle(struct op *op)
{
    return atomic_load_explicit(&op->state, memory_order_relaxed) == OP_IDLE;
}

int spry_op_step(struct op *op, enum op_event event)
{
    uint8_t now = atomic_load_explicit(&op->state, memory_order_relaxed);
    uint8_t next = op_next[now][event];

    if (next == OP_BUG)
        return NNG_EINTERNAL;
    if (next != now) /* a cancel stores nothing: the op may be finishing in other hands */
        atomic_store_explicit(&op->state, next, memory_order_relaxed);
    return 0;
}
