/* Encoding and decoding of the SP byte stream. */
#include "frame.h"

#include <string.h>

/*
 * How far the memory for a body runs ahead of what has come of it: eight times, so that a long
 * message is copied only in the few steps 4 KiB, 32 KiB, 256 KiB..., and a peer that promises much
 * must first send an eighth of what it makes us take.
 */
enum { BODY_FIRST = 4 << 10, BODY_AHEAD = 8 };

/* No process has more to give: half a 32-bit address space, or the 47 bits that 64-bit systems map. */
#define BODY_MAX (sizeof(size_t) > 4 ? (uint64_t)1 << 47 : (uint64_t)SIZE_MAX / 2)

void spry_hello_encode(uint8_t hello[HELLO_BYTES], uint16_t protocol)
{
    memcpy(hello, "\0SP\0", 4);
    hello[4] = (uint8_t)(protocol >> 8);
    hello[5] = (uint8_t)protocol;
    hello[6] = 0;
    hello[7] = 0;
}

int spry_hello_decode(const uint8_t hello[HELLO_BYTES], uint16_t *protocol)
{
    if (memcmp(hello, "\0SP\0", 4) != 0 || hello[6] != 0 || hello[7] != 0)
        return NNG_EPROTO;
    *protocol = (uint16_t)(hello[4] << 8 | hello[5]);
    return 0;
}

void spry_frame_seal(nng_msg *msg)
{
    uint8_t head[FRAME_HEAD_MAX] = {FRAME_LEAD};
    uint64_t length = spry_msg_total(msg);

    for (int i = FRAME_HEAD_MAX - 1; i > 0; i--, length >>= 8)
        head[i] = (uint8_t)length;
    if (memcmp(msg->frame, head, sizeof(head)) != 0)
        memcpy(msg->frame, head, sizeof(head));
}

static size_t head_bytes(bool lead)
{
    return lead ? FRAME_HEAD_MAX : FRAME_LENGTH_BYTES;
}

size_t spry_frame_bytes(const nng_msg *msg, bool lead)
{
    return head_bytes(lead) + spry_msg_total(msg);
}

size_t spry_frame_spans(nng_msg *msg, bool lead, size_t offset, struct span *spans)
{
    size_t front_bytes = head_bytes(lead) + msg->header_bytes;
    uint8_t *front = msg->frame + FRAME_HEAD_MAX - head_bytes(lead);
    size_t count = 0;

    if (offset < front_bytes) {
        spans[count++] = (struct span){front + offset, front_bytes - offset};
        offset = front_bytes;
    }
    offset -= front_bytes;
    if (offset < msg->body_bytes)
        spans[count++] = (struct span){msg->body + offset, msg->body_bytes - offset};
    return count;
}

void spry_reader_init(struct reader *reader, bool lead, size_t size_max)
{
    *reader = (struct reader){.lead = lead, .size_max = size_max};
}

void spry_reader_fini(struct reader *reader)
{
    nng_msg_free(reader->msg);
    reader->msg = NULL;
}

static void reader_expect_head(struct reader *reader)
{
    reader->phase = READER_HEAD;
    reader->have = 0;
    reader->msg = NULL;
}

static size_t reader_want(const struct reader *reader)
{
    return reader->phase == READER_HELLO ? HELLO_BYTES : head_bytes(reader->lead);
}

static int reader_hello(struct reader *reader)
{
    int rv = spry_hello_decode(reader->head, &reader->peer);

    if (rv == 0)
        reader_expect_head(reader);
    return rv;
}

/* Room in the message's block behind the bytes that have come. */
static size_t body_room(const nng_msg *msg)
{
    return nng_msg_capacity((nng_msg *)(uintptr_t)msg) - msg->body_bytes;
}

size_t spry_reader_lacks(const struct reader *reader)
{
    size_t room;

    if (reader->phase != READER_BODY)
        return 0;
    room = body_room(reader->msg);
    return room < reader->body_left ? reader->body_left - room : 0;
}

void spry_reader_grow(struct reader *reader, size_t pending)
{
    size_t come = reader->msg->body_bytes;
    size_t whole = come + reader->body_left;
    size_t bytes = whole;

    if (pending < whole && come + pending < whole / BODY_AHEAD)
        bytes = (come + pending) * BODY_AHEAD;
    if (bytes < BODY_FIRST)
        bytes = BODY_FIRST < whole ? BODY_FIRST : whole;
    (void)spry_msg_extend(reader->msg, bytes);
}

/* The frame's length is there: takes a message for it, with room for the `next` bytes at hand. */
static int reader_head(struct reader *reader, size_t next)
{
    const uint8_t *length = reader->head + (reader->lead ? 1 : 0);
    uint64_t bytes = 0;
    size_t first = next < BODY_FIRST ? BODY_FIRST : next;
    int rv;

    if (reader->lead && reader->head[0] != FRAME_LEAD)
        return NNG_EPROTO;
    for (int i = 0; i < FRAME_LENGTH_BYTES; i++)
        bytes = bytes << 8 | length[i];
    if (bytes > BODY_MAX || (reader->size_max != 0 && bytes > reader->size_max))
        return NNG_EMSGSIZE;
    if (first > bytes)
        first = (size_t)bytes;
    rv = spry_msg_alloc_received(&reader->msg, first);
    if (rv != 0)
        return rv;
    reader->msg->body_bytes = 0;
    reader->body_left = (size_t)bytes;
    reader->phase = READER_BODY;
    return 0;
}

void spry_reader_placed(struct reader *reader, size_t bytes, struct msg_queue *out)
{
    reader->msg->body_bytes += bytes;
    reader->body_left -= bytes;
    if (reader->body_left > 0)
        return;
    spry_msg_queue_push(out, reader->msg);
    reader_expect_head(reader);
}

bool spry_reader_place(struct reader *reader, struct span *span)
{
    nng_msg *msg = reader->msg;
    size_t room;

    if (reader->phase != READER_BODY)
        return false;
    if (body_room(msg) == 0)
        spry_reader_grow(reader, 0);
    room = body_room(msg);
    if (room == 0)
        return false; /* no memory: feeding the bytes will fail */
    *span = (struct span){msg->body + msg->body_bytes,
                          room < reader->body_left ? room : reader->body_left};
    return true;
}

/* Copies as much as is there and as there is memory for; returns how much in `taken`. */
static int reader_fill(struct reader *reader, const uint8_t *bytes, size_t count, size_t *taken,
                       struct msg_queue *out)
{
    struct span span;

    if (!spry_reader_place(reader, &span))
        return NNG_ENOMEM;
    if (count > span.bytes)
        count = span.bytes;
    memcpy(span.data, bytes, count);
    *taken = count;
    spry_reader_placed(reader, count, out);
    return 0;
}

int spry_reader_feed(struct reader *reader, const uint8_t *bytes, size_t count,
                     struct msg_queue *out)
{
    int rv = 0;

    while (count > 0 && rv == 0) {
        size_t taken;

        if (reader->phase == READER_BODY) {
            rv = reader_fill(reader, bytes, count, &taken, out);
        } else {
            taken = reader_want(reader) - reader->have;
            if (taken > count)
                taken = count;
            memcpy(reader->head + reader->have, bytes, taken);
            reader->have = (uint8_t)(reader->have + taken);
            if (reader->have < reader_want(reader))
                return 0;
            if (reader->phase == READER_HELLO)
                rv = reader_hello(reader);
            else
                rv = reader_head(reader, count - taken);
            if (rv == 0 && reader->phase == READER_BODY && reader->body_left == 0)
                spry_reader_placed(reader, 0, out);
        }
        if (rv == 0) {
            bytes += taken;
            count -= taken;
        }
    }
    if (rv != 0 && reader->phase == READER_BODY) { /* nothing more comes of what it has */
        nng_msg_free(reader->msg);
        reader_expect_head(reader);
    }
    return rv;
}
