/*
 * What both versions of PAIR share: the messages, sends and receives that wait, between the socket
 * and the pipe of its one peer, or of its longest-connected peer where several are allowed.
 *
 * Sending: a message goes to the pipe when that has room, else into the send buffer; a send that
 * finds the buffer full waits. Nothing overtakes, and what waits survives the loss of the peer.
 * Receiving: a pipe is asked for its next message while the receive buffer has room, and may bring
 * one message more. What was received survives the loss of the peer, too.
 * A smaller buffer than is in use takes nothing away: it only takes nothing new.
 *
 * Called     with the loop lock held.
 */
#ifndef SPRY_PAIR_H
#define SPRY_PAIR_H

#include "list.h"
#include "msg.h"
#include "protocol.h"

#include <nng/nng.h>

enum { PAIR_BUFFER_MAX = 8192 }; /* messages; nng's limit */

/* What version 1 shows in its statistics. */
enum pair_count {
    PAIR_ALREADY, /* pipes: there was a peer */
    PAIR_TTL_DROP,
    PAIR_SEND_DROP, /* polyamorous: no such peer, or its queue was full */
    PAIR_RECEIVE_MALFORMED,
    PAIR_SEND_MALFORMED, /* raw */
    PAIR_COUNTS,
};

struct pair {
    int ttl_max; /* of version 1; first, for BACKTRACE_TTL_OPTION */
    int send_max;
    int receive_max;
    bool many;                   /* more than one peer is allowed */
    void (*stamp)(nng_msg *msg); /* makes the header; cannot fail */
    const struct protocol_host *host;
    struct list pipes;        /* the longest connected first */
    struct msg_queue sending; /* not stamped yet */
    struct list sends;        /* requests that wait; only while `sending` is full */
    struct msg_queue received;
    struct list receives; /* requests that wait; only while `received` is empty */
    struct list stalled;  /* pipes that are not asked for more, the first to be asked first */
    size_t stalled_count;
    uint64_t counts[PAIR_COUNTS];
};

struct pair_pipe {
    struct pair *pair;
    struct pipe *pipe;
    struct list node;         /* among the pipes */
    struct list stalled_node; /* among the stalled; in no list: the pipe was asked */
};

struct pair_context {
    struct pair *pair;
};

void spry_pair_init(struct pair *pair, const struct protocol_host *host,
                    void (*stamp)(nng_msg *msg));

/* NULL: no peer. */
struct pair_pipe *spry_pair_first(const struct pair *pair);

/* A send without a destination of its own would be taken. */
bool spry_pair_may_send(const struct pair *pair);

/* Messages or sends wait that are older than any that comes now. */
bool spry_pair_backlog(const struct pair *pair);

/* Takes the message of a send, stamped, which ends well. */
nng_msg *spry_pair_take(struct pair *pair, struct request *request);

/* A good message from the pipe: to a receive that waits, or into the buffer. */
void spry_pair_deliver(struct pair_pipe *pipe, nng_msg *msg);

/* ---- entries of the protocol tables; the states begin with what is declared above ---- */

int spry_pair_join(void *pipe, void *pair, struct pipe *link, uint64_t now_ns); /* or NNG_EBUSY */
void spry_pair_leave(void *pipe, uint64_t now_ns);
void spry_pair_sent(void *pipe, uint64_t now_ns);
void spry_pair_send(void *context, struct request *request, uint64_t now_ns);
void spry_pair_receive(void *context, struct request *request, uint64_t now_ns);
unsigned spry_pair_ready(void *context);
int spry_pair_context_init(void *context, void *pair);
void spry_pair_context_fini(void *context);
void spry_pair_fini(void *pair);

// clang-format off
#define PAIR_BUFFER_OPTIONS                                                                        \
    {NNG_OPT_SENDBUF, OPTION_INT, spry_pair_get_send_max, spry_pair_set_send_max,                  \
     0, PAIR_BUFFER_MAX},                                                                          \
    {NNG_OPT_RECVBUF, OPTION_INT, spry_pair_get_receive_max, spry_pair_set_receive_max,            \
     0, PAIR_BUFFER_MAX}
// clang-format on

int spry_pair_get_send_max(void *pair, union option_value *value);
int spry_pair_set_send_max(void *pair, const union option_value *value);
int spry_pair_get_receive_max(void *pair, union option_value *value);
int spry_pair_set_receive_max(void *pair, const union option_value *value);

#endif
