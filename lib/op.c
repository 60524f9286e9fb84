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

int spry_op_step(struct op *op, enum op_event event)
{
    uint8_t next = op_next[op->state][event];

    if (next == OP_BUG)
        return NNG_EINTERNAL;
    op->state = next;
    return 0;
}
