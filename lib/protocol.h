/*
 * What a protocol is to the library: a state machine of three parts (socket, context, pipe), told
 * of events and answering with effects. It never sees a transport, a thread, a lock or a clock:
 * time is an argument. All functions are called with the loop lock held and may not block.
 *
 * The effects it may use: spry_pipe_* (pipe.h), spry_request_* (request.h), spry_timer_* (timer.h),
 * spry_msg_* and nng_msg_* (msg.h).
 */
#ifndef SPRY_PROTOCOL_H
#define SPRY_PROTOCOL_H

#include "option.h"
#include "pipe.h"
#include "request.h"
#include "stat.h"

#include <nng/nng.h>

/* What a socket of any protocol has from the library. */
struct protocol_host {
    struct timers *timers; /* the loop's */
    uint32_t random;       /* a random number, new for each socket */
    /* The pipe state of `protocol` for an open pipe of this socket, NULL when it is gone. */
    void *(*find_pipe)(const struct protocol_host *host, uint32_t pipe_id);
    uint64_t mismatched; /* pipes to peers of another protocol, which it was not told of */
};

/* What a program may poll for. `ready` answers with a bit for each: 1U << direction. */
enum ready_direction { READY_RECEIVE, READY_SEND, READY_DIRECTIONS };

static inline unsigned spry_ready(bool receive, bool send)
{
    return (receive ? 1U << READY_RECEIVE : 0U) | (send ? 1U << READY_SEND : 0U);
}

struct protocol {
    uint16_t self; /* SP protocol numbers */
    uint16_t peer;
    const char *self_name;
    const char *peer_name;
    bool raw;
    bool contexts; /* more than the socket's own context may be opened */
    size_t socket_bytes;
    size_t context_bytes;
    size_t pipe_bytes;
    const struct option *socket_options;  /* NULL or a table; `object` is the socket state */
    const struct option *context_options; /* the same of contexts that a program opens */

    /* `socket` is zeroed storage of socket_bytes; contexts and pipes come later and go before. */
    int (*socket_init)(void *socket, const struct protocol_host *host);
    void (*socket_fini)(void *socket);

    /* `context` is zeroed storage. The first context is the socket's own. */
    int (*context_init)(void *context, void *socket);
    /* Ends all requests of the context with NNG_ECLOSED and forgets it. */
    void (*context_fini)(void *context);

    /*
     * A pipe to a peer of the right protocol is there; `state` is zeroed storage of pipe_bytes.
     * Nonzero refuses it: the library closes it and pipe_leave is not called.
     */
    int (*pipe_join)(void *state, void *socket, struct pipe *pipe, uint64_t now_ns);
    /* The pipe is gone; the last event of the pipe. Its storage is freed afterwards. */
    void (*pipe_leave)(void *state, uint64_t now_ns);
    /* The answer to one spry_pipe_receive. The protocol owns `msg`; all of it is in the body. */
    void (*pipe_received)(void *state, nng_msg *msg, uint64_t now_ns);
    /* Messages sent before have left; spry_pipe_can_send is true. */
    void (*pipe_sent)(void *state, uint64_t now_ns);

    /*
     * A send (`request->msg` is set) or a receive on a context. Finishes the request at once, or
     * keeps it with spry_request_hold. NULL: the direction does not exist (NNG_ENOTSUP).
     */
    void (*send)(void *context, struct request *request, uint64_t now_ns);
    void (*receive)(void *context, struct request *request, uint64_t now_ns);

    /*
     * Which of the two would end well if it came now (spry_ready): the state's answer, without effect.
     * A receive that would be told once of a loss counts as well. Asked often, so it is to be cheap.
     * NULL: nothing to poll for (NNG_ENOTSUP).
     */
    unsigned (*ready)(void *context);

    /* Statistics besides those of every socket, all numbers: NULL, or a table and the value of each. */
    const struct stat_about *stats;
    uint64_t (*stat)(const void *socket, size_t index);
};

#endif
