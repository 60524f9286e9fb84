/*
 * A pipe: one SP link to one peer, after the handshake, as protocols see it. What carries its
 * messages (a stream connection, an inproc pair) is behind `struct carrier`.
 */
#ifndef SPRY_PIPE_H
#define SPRY_PIPE_H

#include "handle.h"
#include "list.h"
#include "option.h"
#include "task.h"

#include <nng/nng.h>

struct carrier;
struct kept;
struct endpoint;
struct pipe;
struct socket;

/* ---- for protocols; called with the loop lock held ---- */

/*
 * Queues `msg` (header, then body). Legal only while spry_pipe_can_send; the pipe owns msg. It
 * leaves when the caller's event is over, together with what else was queued by then.
 */
void spry_pipe_send(struct pipe *pipe, nng_msg *msg);

/* There is room for one more message. When not: the protocol's pipe_sent tells of room. */
bool spry_pipe_can_send(struct pipe *pipe);

/* Asks for one message; pipe_received brings it, never from inside this call. Ask once at a time. */
void spry_pipe_receive(struct pipe *pipe);

/* Ends the pipe: the protocol's pipe_leave is called at once, from inside this call. */
void spry_pipe_close(struct pipe *pipe);

uint32_t spry_pipe_id(const struct pipe *pipe);

/* ---- for carriers ---- */

/* What carries a pipe's messages. All called with the loop lock held; none calls back from inside. */
struct carrier_ops {
    void (*send)(struct carrier *carrier, nng_msg *msg);
    bool (*can_send)(struct carrier *carrier);
    void (*receive)(struct carrier *carrier);
    /* The owner lets go: the carrier forgets pipe and endpoint, and frees itself when it can. */
    void (*close)(struct carrier *carrier);
    /*
     * The first op, a connect, is over: 0 or NNG_E*. Before anything comes of it; not after close.
     * May be NULL.
     */
    void (*connected)(struct endpoint *endpoint, int result);
    /*
     * Nothing of the connection is left, neither its handle nor an op; the last word of the carrier.
     * `owner` is what it was started with. May be NULL.
     */
    void (*gone)(void *owner);
    /* Options of the connection; the object given to their functions is the carrier. May be NULL. */
    const struct option *options;
};

struct carrier {
    const struct carrier_ops *ops;
    struct endpoint *endpoint; /* NULL once closed */
    struct pipe *pipe;         /* NULL until the handshake is over, and once closed */
    struct list node;          /* among the endpoint's carriers */
    struct list greeting_node; /* among those that exchange hellos */
};

/* The peer sent `msg`, asked for with ops->receive. The pipe owns it. */
void spry_pipe_received(struct pipe *pipe, nng_msg *msg);

/* ops->can_send has become true, or messages have left. */
void spry_pipe_sent(struct pipe *pipe);

/* ---- for endpoints and sockets ---- */

/* What went through a pipe, in messages and in bytes of header and body; frame heads do not count. */
struct traffic {
    uint64_t sent_messages;
    uint64_t sent_bytes;
    uint64_t received_messages;
    uint64_t received_bytes;
};

static inline void spry_traffic_add(struct traffic *to, const struct traffic *from)
{
    to->sent_messages += from->sent_messages;
    to->sent_bytes += from->sent_bytes;
    to->received_messages += from->received_messages;
    to->received_bytes += from->received_bytes;
}

enum pipe_state {
    PIPE_ANNOUNCED, /* the add-pre callback is due or running */
    PIPE_JOINED,    /* the protocol has it */
    PIPE_CLOSED,    /* its id stays valid until the rem-post callback is over */
};

/* In `events`, beside a bit per nng_pipe_ev: in the callback queue, or its callback is running. */
enum { PIPE_NOTIFYING = 1U << NNG_PIPE_EV_NUM };

/* In an order without holes: of a rep's pipe another word would be one more unit of the pool. */
struct pipe {
    struct handle handle;
    uint16_t peer;             /* the peer's protocol number */
    uint8_t state;             /* enum pipe_state */
    uint8_t events;            /* bit per nng_pipe_ev whose callback is due, and PIPE_NOTIFYING */
    struct socket *socket;     /* held */
    struct endpoint *endpoint; /* held */
    struct carrier *carrier;   /* NULL once closed */
    struct kept *kept;         /* what the connection knew, for a rem-post callback; or NULL */
    struct task notify;        /* in the loop's callback queue while an event is due */
    struct traffic traffic;
    max_align_t protocol[]; /* the protocol's pipe state */
};

/*
 * Makes a pipe of `carrier`, whose handshake told the peer's protocol number. A peer of the wrong
 * protocol, or one that the protocol or a callback refuses, is closed again; that is no error.
 * NNG_ENOMEM: nothing was made and the carrier is as before.
 */
int spry_pipe_open(struct carrier *carrier, uint16_t peer);

/* Ends a pipe that the socket or the program does not want; only before it has joined. */
void spry_pipe_reject(struct pipe *pipe);

/*
 * An option of the pipe's connection; after its end, for a rem-post callback, as it was then.
 * NNG_ENOTSUP: it has no such option.
 */
int spry_pipe_option(struct pipe *pipe, const char *name, const struct option_out *out);

void spry_pipe_hold(struct pipe *pipe);
void spry_pipe_release(struct pipe *pipe);

#endif
