/*
 * The SP byte stream of tcp, ipc and tls: the 8-byte hello each side sends once, then frames.
 * docs/wire.md sections 1 and 2. Bytes in, messages out: no I/O, no clock, no lock.
 */
#ifndef SPRY_FRAME_H
#define SPRY_FRAME_H

#include "msg.h"
#include "op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HELLO_BYTES = 8,
    FRAME_LENGTH_BYTES = 8, /* the head of a frame on tcp */
    FRAME_LEAD = 1          /* ipc: the byte in front of the length */
};

void spry_hello_encode(uint8_t hello[HELLO_BYTES], uint16_t protocol);

/* NNG_EPROTO: not SP, another version, or reserved bytes that are not zero. */
int spry_hello_decode(const uint8_t hello[HELLO_BYTES], uint16_t *protocol);

/*
 * Writes the head of the message's frame in front of its header, so that both leave as one span.
 * Harmless while the same message is being written elsewhere: nothing changes then.
 */
void spry_frame_seal(nng_msg *msg);

/* The sealed frame from byte `offset` on, as one or two spans; returns how many. */
size_t spry_frame_spans(nng_msg *msg, bool lead, size_t offset, struct span *spans);

/* How long the sealed frame is. */
size_t spry_frame_bytes(const nng_msg *msg, bool lead);

/* ---- receiving ---- */

enum reader_phase { READER_HELLO, READER_HEAD, READER_BODY };

struct reader {
    nng_msg *msg;     /* being filled, in READER_BODY; its body holds what has come */
    size_t body_left; /* bytes of it to come */
    size_t size_max;  /* of a message; 0: no limit */
    uint16_t peer;    /* the protocol number of the peer's hello, once past it */
    uint8_t phase;    /* enum reader_phase */
    bool lead;        /* frames begin with FRAME_LEAD */
    uint8_t have;     /* bytes in head */
    uint8_t head[FRAME_HEAD_MAX];
};

void spry_reader_init(struct reader *reader, bool lead, size_t size_max);
void spry_reader_fini(struct reader *reader);

/*
 * How many bytes of the body there is no memory for yet; 0 outside a body. Whoever knows how many
 * bytes have come already but were not read can have memory for eight times as much.
 */
size_t spry_reader_lacks(const struct reader *reader);

/* Makes room as `pending` more bytes justify. Failing is no error: there will be less room. */
void spry_reader_grow(struct reader *reader, size_t pending);

/*
 * Where the next bytes of the stream can go without a copy: the rest of a body, as far as there
 * is memory for it. False: nowhere, feed them.
 */
bool spry_reader_place(struct reader *reader, struct span *span);

/* `bytes` have been put where spry_reader_place said. A message that is now whole goes to `out`. */
void spry_reader_placed(struct reader *reader, size_t bytes, struct msg_queue *out);

/*
 * Takes the next bytes of the stream; messages that are whole go to `out`.
 *
 * Returns    NNG_EPROTO    bad hello, or a frame that does not begin with FRAME_LEAD
 *            NNG_EMSGSIZE  a length above size_max, or above what memory can ever hold
 *            NNG_ENOMEM
 *            After an error the stream is of no more use; messages in `out` are good.
 */
int spry_reader_feed(struct reader *reader, const uint8_t *bytes, size_t count,
                     struct msg_queue *out);

#endif
