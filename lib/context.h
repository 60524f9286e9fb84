/*
 * A context: one conversation of a socket, with its own state of the protocol and its own time limits.
 * Every socket has one that is the socket itself; a protocol may allow more.
 */
#ifndef SPRY_CONTEXT_H
#define SPRY_CONTEXT_H

#include "handle.h"
#include "list.h"
#include "request.h"

#include <nng/nng.h>

struct socket;

struct context {
    struct handle handle; /* not open for the socket's own */
    struct socket *socket;
    struct list node; /* in socket->contexts, not the socket's own */
    nng_duration send_timeout_ms;
    nng_duration receive_timeout_ms;
    void *state; /* the protocol's, in the same block */
};

/*
 * Begins a send (`request->msg` is set, or NULL: NNG_EINVAL) or a receive, whatever waits for it.
 * NNG_ENOTSUP if the protocol has no such direction; always told through the request. Lock held.
 */
void spry_context_send(struct context *context, struct request *request);
void spry_context_receive(struct context *context, struct request *request);

/*
 * The calls that block, on a context found by entering the loop, which they leave: as nng_sendmsg
 * and nng_recvmsg.
 */
int spry_exchange_send(struct context *context, nng_msg *msg, int flags);
int spry_exchange_receive(struct context *context, nng_msg **msg, int flags);

/*
 * Enters the loop and finds an open context. NNG_ECLOSED: there is none and the loop was left again;
 * else the caller leaves it.
 */
int spry_context_enter(uint32_t id, struct context **out);

/* Ends what is under way on it with NNG_ECLOSED, and frees it. Not the socket's own. Lock held. */
void spry_context_close(struct context *context);

#endif
