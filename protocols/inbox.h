/*
 * The inbox of a protocol that receives from many pipes: one message is held per pipe, and pipes are
 * served in order of arrival. A pipe is asked for its next message only when the one it has was taken:
 * that is the back-pressure. Receives that find nothing wait in turn.
 *
 * Called     with the loop lock held.
 */
#ifndef SPRY_INBOX_H
#define SPRY_INBOX_H

#include "list.h"
#include "pipe.h"
#include "request.h"

struct inbox {
    struct list receives; /* requests that wait; not empty only while `filled` is */
    struct list filled;   /* slots with a message, the oldest first */
};

/* What a pipe's state has in it. */
struct inbox_slot {
    struct pipe *pipe;
    nng_msg *msg; /* NULL: the pipe was asked for one */
    struct list node;
};

void spry_inbox_init(struct inbox *inbox);

/* Asks the pipe for its first message. */
void spry_inbox_join(struct inbox_slot *slot, struct pipe *pipe);

/* Drops what is held. */
void spry_inbox_leave(struct inbox_slot *slot);

/* Holds a message that nobody waits for; the slot is empty. */
void spry_inbox_put(struct inbox *inbox, struct inbox_slot *slot, nng_msg *msg);

/* A receive would find a message. */
bool spry_inbox_ready(const struct inbox *inbox);

/* The oldest message, now the caller's; its pipe is asked for the next one. NULL: none. */
nng_msg *spry_inbox_take(struct inbox *inbox);

/* The receive that has waited longest; it stays in `receives` until it is finished. NULL: none. */
struct request *spry_inbox_receive_first(struct inbox *inbox);

/* ---- for protocols whose receive is no more than that ---- */

/* A message arrived: it goes to the receive that has waited longest or is held. */
void spry_inbox_deliver(struct inbox *inbox, struct inbox_slot *slot, nng_msg *msg);

/* Finishes the receive with the oldest message or lets it wait; any cancel just ends it. */
void spry_inbox_receive(struct inbox *inbox, struct request *request);

/* Ends all that wait. */
void spry_inbox_close(struct inbox *inbox, int error);

#endif
