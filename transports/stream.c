/*
 * The life of a stream. Everything here runs with the loop lock held, except the four functions
 * that name and take buffers (op_work): they have their op in hand and need nothing else.
 */
#include "stream.h"

#include "alloc.h"
#include "frame.h"
#include "loop.h"
#include "msg.h"
#include "pool.h"
#include "socket.h"

#include <string.h>

/* From connected to the end of the exchange of hellos; docs/wire.md section 1. */
#define HANDSHAKE_NS (10 * (uint64_t)1000000000)

/*
 * What may wait to be written: enough that a burst of small messages leaves in few calls, not so
 * much that a stalled peer holds memory.
 */
enum { BATCH_MAX = 64, BATCH_BYTES_MAX = 64 << 10 };

/* Messages that leave together. The second one makes it take a block for BATCH_MAX. */
struct batch {
    nng_msg *one;
    nng_msg **many;
    size_t count;
    size_t bytes; /* of all frames */
};

enum stream_phase { STREAM_CONNECTING, STREAM_GREETING, STREAM_OPEN, STREAM_CLOSED };

struct stream {
    struct carrier carrier;
    struct loop *loop;
    struct descriptor descriptor;
    struct op read;
    struct op write; /* the connect, then the writes */
    struct task work;
    struct timer limit; /* of the handshake */
    struct retired retired;
    union {
        struct net_address *peer; /* while connecting */
        void *owner;              /* for carrier.ops->gone, where there is one */
    };

    /* The read op's while it is in flight. */
    struct reader reader;
    size_t place_bytes;     /* of the body's room that the system call was offered */
    struct msg_queue inbox; /* whole messages, not yet handed on */
    int read_error;

    /* The write op's while it is in flight. */
    struct batch writing;
    size_t write_index;  /* the first message that has not left whole */
    size_t write_offset; /* how much of it has left; before the hello is out: of the hello */
    uint8_t hello[HELLO_BYTES];
    bool hello_sent;

    struct batch waiting; /* for the write op to come back */
    uint8_t phase;        /* enum stream_phase */
    bool lead;
    bool wanted; /* the pipe asked for a message */
    bool posted; /* `work` is in the loop's queue */
};

static struct stream *stream_of(struct carrier *carrier)
{
    return SPRY_CONTAINER(carrier, struct stream, carrier);
}

/* ---- batches ---- */

static nng_msg *batch_get(const struct batch *batch, size_t index)
{
    return batch->many != NULL ? batch->many[index] : batch->one;
}

static bool batch_has_room(struct batch *batch)
{
    if (batch->count == 0)
        return true;
    if (batch->count == BATCH_MAX || batch->bytes >= BATCH_BYTES_MAX)
        return false;
    if (batch->many == NULL) {
        batch->many = spry_alloc(BATCH_MAX * sizeof(nng_msg *));
        if (batch->many == NULL)
            return false;
        batch->many[0] = batch->one;
    }
    return true;
}

static void batch_push(struct batch *batch, nng_msg *msg, bool lead)
{
    if (batch->many != NULL)
        batch->many[batch->count] = msg;
    else
        batch->one = msg;
    batch->count++;
    batch->bytes += spry_frame_bytes(msg, lead);
}

static void batch_flush(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        nng_msg_free(batch_get(batch, i));
    spry_free(batch->many, BATCH_MAX * sizeof(nng_msg *));
    *batch = (struct batch){0};
}

/* ---- buffers of the ops: no lock held ---- */

static size_t read_spans(struct op *op, struct span *spans, uint8_t *scratch)
{
    struct stream *stream = SPRY_CONTAINER(op, struct stream, read);
    size_t count;

    if (spry_reader_lacks(&stream->reader) > 0)
        spry_reader_grow(&stream->reader, spry_port_pending(&stream->descriptor));
    count = spry_reader_place(&stream->reader, &spans[0]) ? 1 : 0;
    stream->place_bytes = count > 0 ? spans[0].bytes : 0;
    spans[count] = (struct span){scratch, OP_SCRATCH_BYTES};
    return count + 1;
}

static bool read_moved(struct op *op, size_t bytes, const uint8_t *scratch)
{
    struct stream *stream = SPRY_CONTAINER(op, struct stream, read);
    bool greeting = stream->reader.phase == READER_HELLO;
    size_t placed = bytes < stream->place_bytes ? bytes : stream->place_bytes;

    if (placed > 0) {
        spry_reader_placed(&stream->reader, placed, &stream->inbox);
        bytes -= placed;
    }
    stream->read_error = spry_reader_feed(&stream->reader, scratch, bytes, &stream->inbox);
    return stream->read_error != 0 || stream->inbox.head != NULL ||
           (greeting && stream->reader.phase != READER_HELLO);
}

static size_t write_spans(struct op *op, struct span *spans, uint8_t *scratch)
{
    struct stream *stream = SPRY_CONTAINER(op, struct stream, write);
    size_t offset = stream->write_offset;
    size_t count = 0;

    (void)scratch;
    if (!stream->hello_sent) {
        spans[0] = (struct span){stream->hello + offset, HELLO_BYTES - offset};
        return 1;
    }
    for (size_t i = stream->write_index; i < stream->writing.count; i++) {
        if (count + 2 > OP_SPANS_MAX)
            break;
        count +=
            spry_frame_spans(batch_get(&stream->writing, i), stream->lead, offset, spans + count);
        offset = 0;
    }
    return count;
}

static bool write_moved(struct op *op, size_t bytes, const uint8_t *scratch)
{
    struct stream *stream = SPRY_CONTAINER(op, struct stream, write);
    size_t offset = stream->write_offset + bytes;

    (void)scratch;
    if (!stream->hello_sent) {
        stream->hello_sent = offset == HELLO_BYTES;
        stream->write_offset = stream->hello_sent ? 0 : offset;
        return stream->hello_sent;
    }
    while (stream->write_index < stream->writing.count) {
        nng_msg *msg = batch_get(&stream->writing, stream->write_index);
        size_t frame_bytes = spry_frame_bytes(msg, stream->lead);

        if (offset < frame_bytes)
            break;
        offset -= frame_bytes;
        stream->write_index++;
    }
    stream->write_offset = offset;
    return stream->write_index == stream->writing.count;
}

static const struct op_work read_work = {read_spans, read_moved};
static const struct op_work write_work = {write_spans, write_moved};

/* ---- end ---- */

static void stream_free(struct retired *retired)
{
    struct stream *stream = SPRY_CONTAINER(retired, struct stream, retired);

    spry_pool_free(stream, sizeof(*stream));
}

/* Frees a closed stream once nothing of it is under way. */
static void stream_reap(struct stream *stream)
{
    if (stream->phase != STREAM_CLOSED || stream->posted || !spry_op_idle(&stream->read) ||
        !spry_op_idle(&stream->write))
        return;
    spry_port_detach(&stream->loop->port, &stream->descriptor);
    batch_flush(&stream->writing);
    batch_flush(&stream->waiting);
    spry_msg_queue_flush(&stream->inbox);
    spry_reader_fini(&stream->reader);
    if (stream->carrier.ops->gone != NULL)
        stream->carrier.ops->gone(stream->owner);
    else
        spry_free(stream->peer, sizeof(*stream->peer));
    spry_loop_retire(stream->loop, &stream->retired);
}

static void stream_post(struct stream *stream)
{
    if (stream->posted)
        return;
    stream->posted = true;
    spry_loop_post(stream->loop, &stream->work);
}

void spry_stream_close(struct carrier *carrier)
{
    struct stream *stream = stream_of(carrier);
    struct loop *loop = stream->loop;

    if (stream->phase == STREAM_GREETING)
        spry_endpoint_greeted(carrier->endpoint, carrier);
    stream->phase = STREAM_CLOSED;
    carrier->pipe = NULL;
    carrier->endpoint = NULL;
    spry_list_remove(&carrier->node);
    spry_timer_cancel(&loop->timers, &stream->limit);
    spry_port_shutdown(&loop->port, &stream->descriptor);
    spry_port_cancel(&loop->port, &stream->read, &loop->completed);
    spry_port_cancel(&loop->port, &stream->write, &loop->completed);
    stream_post(stream); /* callers still use the stream; the last to come back frees it */
}

/* The connection is of no more use: ends the pipe, or tells the endpoint that there will be none. */
static void stream_fail(struct stream *stream, int error)
{
    struct carrier *carrier = &stream->carrier;
    struct endpoint *endpoint = carrier->endpoint;

    if (carrier->pipe != NULL) {
        if (error == NNG_ENOMEM)
            endpoint->counts[COUNT_OOM]++; /* ours, not the peer's, so it is worth a number */
        spry_pipe_close(carrier->pipe);
        return;
    }
    carrier->ops->close(carrier);
    /* Its own close is what a dialer stops for, the peer's is not. */
    spry_endpoint_failed(endpoint, error == NNG_ECLOSED ? NNG_ECONNSHUT : error);
}

/* A limit of the listener's: the peer has done nothing wrong, and is told nothing. */
static void stream_reject(struct stream *stream)
{
    spry_endpoint_reject(stream->carrier.endpoint);
    stream->carrier.ops->close(&stream->carrier);
}

static void handshake_late(struct timer *timer, uint64_t now_ns)
{
    (void)now_ns;
    stream_fail(SPRY_CONTAINER(timer, struct stream, limit), NNG_ETIMEDOUT);
}

/* ---- traffic ---- */

/* Hands on what was asked for; the end of the stream comes after its last message. */
static void stream_deliver(struct stream *stream)
{
    while (stream->wanted && stream->inbox.head != NULL && stream->phase == STREAM_OPEN) {
        stream->wanted = false;
        spry_pipe_received(stream->carrier.pipe, spry_msg_queue_pop(&stream->inbox));
    }
    if (stream->phase != STREAM_OPEN || stream->inbox.head != NULL)
        return;
    if (stream->read_error != 0)
        stream_fail(stream, stream->read_error);
    else if (stream->wanted)
        spry_port_submit(&stream->loop->port, &stream->read);
}

static void stream_flush(struct stream *stream)
{
    if (stream->waiting.count == 0)
        return;
    stream->writing = stream->waiting;
    stream->waiting = (struct batch){0};
    stream->write_index = 0;
    spry_port_submit(&stream->loop->port, &stream->write);
}

/* Asked for by the pipe's sends and receives, so that all of one event are done at once. */
static void stream_work(struct task *task)
{
    struct stream *stream = SPRY_CONTAINER(task, struct stream, work);

    stream->posted = false;
    if (stream->phase == STREAM_OPEN && spry_op_idle(&stream->write))
        stream_flush(stream);
    if (stream->phase == STREAM_OPEN && spry_op_idle(&stream->read))
        stream_deliver(stream);
    stream_reap(stream);
}

void spry_stream_send(struct carrier *carrier, nng_msg *msg)
{
    struct stream *stream = stream_of(carrier);

    spry_frame_seal(msg);
    batch_push(&stream->waiting, msg, stream->lead);
    stream_post(stream);
}

bool spry_stream_can_send(struct carrier *carrier)
{
    return batch_has_room(&stream_of(carrier)->waiting);
}

void spry_stream_receive(struct carrier *carrier)
{
    struct stream *stream = stream_of(carrier);

    stream->wanted = true;
    stream_post(stream);
}

/* ---- handshake ---- */

/* Both hellos are through: the pipe begins, with whatever came behind the hello. */
static void stream_greeted(struct stream *stream)
{
    struct endpoint *endpoint = stream->carrier.endpoint;
    int rv;

    if (!spry_op_idle(&stream->read) || !spry_op_idle(&stream->write))
        return;
    if (spry_endpoint_is_full(endpoint)) {
        stream_reject(stream);
        return;
    }
    spry_timer_cancel(&stream->loop->timers, &stream->limit);
    spry_endpoint_greeted(endpoint, &stream->carrier);
    stream->phase = STREAM_OPEN;
    spry_endpoint_connected(endpoint);
    rv = spry_pipe_open(&stream->carrier, stream->reader.peer);
    if (rv != 0)
        stream_fail(stream, rv);
    else
        stream_post(stream);
}

static void read_done(struct task *task)
{
    struct stream *stream = SPRY_CONTAINER(task, struct stream, read.task);
    int rv = spry_port_dequeue(&stream->loop->port, &stream->read);

    if (stream->read_error == 0)
        stream->read_error = rv;
    switch ((enum stream_phase)stream->phase) {
    case STREAM_GREETING:
        if (stream->reader.phase == READER_HELLO && stream->read_error != 0)
            stream_fail(stream, stream->read_error);
        else if (stream->reader.phase == READER_HELLO)
            spry_port_submit(&stream->loop->port, &stream->read);
        else
            stream_greeted(stream);
        break;
    case STREAM_OPEN:
        stream_deliver(stream);
        break;
    case STREAM_CONNECTING:
    case STREAM_CLOSED:
        break;
    }
    stream_reap(stream);
}

/*
 * Both sides greet at once, and neither waits for the other. The limit of a message's size is the
 * endpoint's of this moment: an instance of a named pipe may have waited for long.
 */
static void stream_greet(struct stream *stream)
{
    struct endpoint *endpoint = stream->carrier.endpoint;
    struct carrier *surplus;

    if (spry_endpoint_is_full(endpoint)) {
        stream_reject(stream);
        return;
    }
    stream->reader.size_max = endpoint->options.recv_size_max;
    stream->phase = STREAM_GREETING;
    spry_endpoint_greets(endpoint, &stream->carrier);
    surplus = spry_endpoint_surplus(endpoint);
    if (surplus != NULL)
        stream_reject(stream_of(surplus));
    spry_timer_set(&stream->loop->timers, &stream->limit, spry_clock_ns() + HANDSHAKE_NS);
    spry_op_init(&stream->write, OP_WRITE, &stream->descriptor, stream->write.task.run);
    stream->write.work = &write_work;
    if (stream->carrier.ops->gone == NULL) {
        spry_free(stream->peer, sizeof(*stream->peer));
        stream->peer = NULL;
    }
    spry_port_submit(&stream->loop->port, &stream->write);
    spry_port_submit(&stream->loop->port, &stream->read);
}

static void stream_written(struct stream *stream)
{
    batch_flush(&stream->writing);
    stream_flush(stream);
    spry_pipe_sent(stream->carrier.pipe);
}

static void write_done(struct task *task)
{
    struct stream *stream = SPRY_CONTAINER(task, struct stream, write.task);
    int rv = spry_port_dequeue(&stream->loop->port, &stream->write);

    if (stream->phase == STREAM_CONNECTING && stream->carrier.ops->connected != NULL)
        stream->carrier.ops->connected(stream->carrier.endpoint, rv);
    if (rv != 0 && stream->phase != STREAM_CLOSED) {
        stream_fail(stream, rv);
    } else {
        switch ((enum stream_phase)stream->phase) {
        case STREAM_CONNECTING:
            stream_greet(stream);
            break;
        case STREAM_GREETING:
            if (spry_op_idle(&stream->read))
                stream_greeted(stream);
            break;
        case STREAM_OPEN:
            stream_written(stream);
            break;
        case STREAM_CLOSED:
            break;
        }
    }
    stream_reap(stream);
}

static void stream_init(struct stream *stream, struct endpoint *endpoint,
                        const struct stream_start *start)
{
    stream->loop = endpoint->loop;
    stream->lead = start->lead;
    stream->work.run = stream_work;
    stream->retired.free = stream_free;
    stream->carrier.ops = start->ops;
    stream->carrier.endpoint = endpoint;
    spry_list_init(&stream->carrier.node);
    spry_list_init(&stream->carrier.greeting_node);
    spry_list_push(&endpoint->carriers, &stream->carrier.node);
    spry_timer_init(&stream->limit, handshake_late);
    spry_reader_init(&stream->reader, start->lead, 0);
    spry_hello_encode(stream->hello, endpoint->socket->protocol->self);
    spry_op_init(&stream->read, OP_READ, &stream->descriptor, read_done);
    stream->read.work = &read_work;
    spry_op_init(&stream->write, OP_CONNECT, &stream->descriptor, write_done);
}

/* The first op is a connect; of a named pipe's instance, to whoever comes. */
static bool starts_with_connect(const struct stream_start *start)
{
    return start->kind == ATTACH_CONNECTING || start->kind == ATTACH_INSTANCE;
}

int spry_stream_open(struct endpoint *endpoint, const struct stream_start *start)
{
    struct stream *stream = spry_pool_alloc(sizeof(*stream));
    struct net_address *peer = NULL;
    int rv = NNG_ENOMEM;

    if (stream == NULL)
        return NNG_ENOMEM;
    if (start->kind == ATTACH_CONNECTING) {
        peer = spry_alloc(sizeof(*peer));
        if (peer == NULL)
            goto free_stream;
        *peer = *start->peer;
    }
    rv = spry_port_attach(&endpoint->loop->port, &stream->descriptor, start->handle, start->kind);
    if (rv != 0)
        goto free_peer;
    stream_init(stream, endpoint, start);
    if (start->ops->gone != NULL)
        stream->owner = start->owner;
    else
        stream->peer = peer;
    if (starts_with_connect(start)) {
        stream->write.address = peer;
        spry_port_submit(&stream->loop->port, &stream->write);
    } else {
        stream_greet(stream);
    }
    return 0;

free_peer:
    spry_free(peer, sizeof(*peer));
free_stream:
    spry_pool_free(stream, sizeof(*stream));
    return rv;
}

intptr_t spry_stream_handle(struct carrier *carrier)
{
    return spry_descriptor_handle(&stream_of(carrier)->descriptor);
}
