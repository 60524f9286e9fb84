/*
 * The message: a header (the backtrace) and a body (the application's).
 *
 * A small body lives behind the struct, in the same block; a larger one in a block of its own,
 * which can grow, be taken over from the application and be handed to it without a copy.
 *
 * Ownership  a message has `refs` holders. With more than one, header and body are read-only for
 *            all of them; an application only ever gets a message with one.
 * Called     by the one owner; with more than one holder, with the loop lock held.
 */
#ifndef SPRY_MSG_H
#define SPRY_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nng/nng.h>

/* FRAME_HEAD_MAX: what a stream transport puts before a message, at most; wire.md section 2. */
enum { FRAME_HEAD_MAX = 9, SPRY_HEADER_MAX = 64 };

struct nng_msg {
    struct nng_msg *next; /* link of whichever queue owns the message */
    uint8_t *body;        /* first byte of the body, inside store */
    size_t body_bytes;
    uint8_t *store; /* the block the body lives in: inline_store or a block of its own */
    size_t store_bytes;
    uint32_t refs;
    uint32_t pipe_id;      /* 0: never received */
    uint16_t inline_bytes; /* room in inline_store, used or not; part of the block's size */
    uint8_t header_bytes;
    bool
        apart; /* store is a block of its own: an address cannot tell, it may lie right behind this one */
    bool charged;                    /* its blocks count in the receive budget */
    uint8_t frame[FRAME_HEAD_MAX];   /* filled from its end: it and header leave as one span */
    uint8_t header[SPRY_HEADER_MAX]; /* directly behind frame */
    _Alignas(uint64_t) uint8_t inline_store[];
};

/* A message with one holder, no header and a body of bytes of any value (nng_msg_alloc: zero). */
int spry_msg_alloc(nng_msg **out, size_t body_bytes);

/* The same for what a peer sends: charged, if there is a receive budget, and NNG_ENOMEM beyond it. */
int spry_msg_alloc_received(nng_msg **out, size_t body_bytes);

/* The message goes to the program, or is otherwise no longer of the peer's making. */
void spry_msg_settle(nng_msg *msg);

/* Adds a holder; nng_msg_free takes one away, the last one frees. */
void spry_msg_hold(nng_msg *msg);

/*
 * Makes `*msg` a message of which the caller is the only holder: with others about, a copy, for
 * which the hold on the original is given up. On NNG_ENOMEM nothing has changed.
 */
int spry_msg_unshare(nng_msg **msg);

/*
 * A message whose body is a block from nng_alloc(bytes); NULL with 0 is an empty body.
 *
 * Ownership  on 0 the message owns the block; on NNG_ENOMEM the caller still does.
 */
int spry_msg_adopt(nng_msg **out, void *block, size_t bytes);

/*
 * Makes the body a block to be freed with nng_free(*block, *bytes), NULL for an empty body; the
 * header is lost. Copies only what is small or has other holders.
 *
 * Ownership  on 0 the message is gone and the block the caller's; on NNG_ENOMEM msg is intact.
 */
int spry_msg_detach(nng_msg *msg, void **block, size_t *bytes);

/* Moves n bytes from the front of the body to the end of the header; the caller knows they fit. */
void spry_msg_pull_header(nng_msg *msg, size_t n);

/*
 * Makes room for a body of `capacity` bytes, in place where the body has a block of its own; no
 * spare room beyond it. NNG_ENOMEM: nothing has changed.
 */
int spry_msg_extend(nng_msg *msg, size_t capacity);

/* What the message counts on the wire, without the frame head. */
static inline size_t spry_msg_total(const nng_msg *msg)
{
    return msg->header_bytes + msg->body_bytes;
}

/*
 * First in, first out; owns the messages in it. Zeroed or initialised is empty. A message is in one
 * queue at a time, however many holders it has.
 */
struct msg_queue {
    nng_msg *head;
    nng_msg *tail; /* meaningless while head is NULL */
    size_t count;
    size_t bytes; /* the sum of spry_msg_total */
};

static inline void spry_msg_queue_init(struct msg_queue *queue)
{
    queue->head = NULL;
    queue->tail = NULL;
    queue->count = 0;
    queue->bytes = 0;
}

/* While queued, a message must not change in length. */
static inline void spry_msg_queue_push(struct msg_queue *queue, nng_msg *msg)
{
    msg->next = NULL;
    if (queue->head == NULL)
        queue->head = msg;
    else
        queue->tail->next = msg;
    queue->tail = msg;
    queue->count++;
    queue->bytes += spry_msg_total(msg);
}

/* The oldest message, now the caller's; NULL if there is none. */
static inline nng_msg *spry_msg_queue_pop(struct msg_queue *queue)
{
    nng_msg *msg = queue->head;

    if (msg == NULL)
        return NULL;
    queue->head = msg->next;
    msg->next = NULL;
    queue->count--;
    queue->bytes -= spry_msg_total(msg);
    return msg;
}

/* Gives up every message in it. */
static inline void spry_msg_queue_flush(struct msg_queue *queue)
{
    nng_msg *msg;

    while ((msg = spry_msg_queue_pop(queue)) != NULL)
        nng_msg_free(msg);
}

#endif
