/*
 * A request: what a caller waits for, one send or one receive on a context. It is told its result
 * exactly once, by spry_request_finish, whoever gets there first: the protocol, the time limit, a
 * cancel or a close. It never owns anything of the kernel's.
 */
#ifndef SPRY_REQUEST_H
#define SPRY_REQUEST_H

#include "list.h"
#include "timer.h"

#include <nng/nng.h>

struct request {
    struct list node; /* in the queue of the protocol that holds the request */
    nng_msg *msg;     /* send: the message until it is taken; receive: the message on success */
    int result;       /* 0 or NNG_E*, once `finished` was called */
    bool done;
    /*
     * Set by the protocol when it keeps the request: takes it out of the protocol's state and
     * finishes it with `error`. For a send the message is still in `msg`.
     */
    void (*cancel)(struct request *request, int error);
    void *owner;           /* for `cancel`: the protocol's context */
    struct timers *timers; /* of the loop */
    struct timer limit;    /* the caller's time limit */
    /* Tells the caller, once; called with the loop lock held, calls nothing of the caller's. */
    void (*finished)(struct request *request);
};

void spry_request_init(struct request *request, struct timers *timers,
                       void (*finished)(struct request *));

/* The protocol keeps the request until it finishes it. */
void spry_request_hold(struct request *request, void *owner, void (*cancel)(struct request *, int));

/*
 * Ends the request. The request leaves the list it is in and its time limit is cancelled.
 *
 * Ownership  a send that succeeds: the protocol took `request->msg` and set it to NULL before.
 *            a receive that succeeds: the protocol put the message there; the caller owns it.
 */
void spry_request_finish(struct request *request, int result);

/* Asks the holder to end the request with `error`; nothing when it is done already. */
void spry_request_cancel(struct request *request, int error);

/* Cancels with NNG_ETIMEDOUT at `deadline_ns` unless done before. */
void spry_request_limit(struct request *request, uint64_t deadline_ns);

#endif
