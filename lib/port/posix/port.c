/*
 * Completions made from readiness: the part that epoll and poll share. Runs system calls, parks
 * ops that would block in the side of their descriptor and takes them out again on an event.
 */
#include "backend.h"

#include "net.h"
#include "thread.h"
#include "timer.h"

#include <nng/nng.h>

#include <errno.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/*
 * System calls in a row for one op: after these it completes with what it has, so that one busy
 * stream cannot keep its thread from the others. 32 calls move 2 to 8 MiB on loopback.
 */
enum { CALLS_MAX = 32 };

enum attempt { ATTEMPT_DONE, ATTEMPT_BLOCKED };

static enum side_index op_side(const struct op *op)
{
    return op->kind == OP_READ || op->kind == OP_ACCEPT ? SIDE_IN : SIDE_OUT;
}

/* The next op on this side is to try at once: there may be more where the last call got its from. */
static void side_latch(struct descriptor *descriptor, enum side_index index)
{
    atomic_store_explicit(&descriptor->sides[index].state, SIDE_READY, memory_order_release);
}

/* What becomes of an op whose call would block. */
enum parking { PARKING_DONE, PARKING_AGAIN, PARKING_CANCELED };

/* PARKING_DONE: the op and its descriptor are no longer the caller's. */
static enum parking side_park(struct descriptor *descriptor, struct op *op)
{
    struct side *side = &descriptor->sides[op_side(op)];
    unsigned char expected = SIDE_EMPTY;

    side->parked = op;
    if (atomic_compare_exchange_strong(&side->state, &expected, SIDE_PARKED))
        return PARKING_DONE;
    if (atomic_exchange(&side->state, SIDE_EMPTY) != SIDE_CANCELED)
        return PARKING_AGAIN;
    side_latch(descriptor, op_side(op)); /* the cancel may hide an event from the next op */
    return PARKING_CANCELED;
}

/*
 * The op that was parked there, now the caller's; NULL when there is none. Who it is may be asked
 * only after it was taken out: before, its owner may just be parking it.
 */
static struct op *side_unpark(struct side *side)
{
    unsigned char expected = SIDE_PARKED;

    if (atomic_compare_exchange_strong(&side->state, &expected, SIDE_EMPTY))
        return side->parked;
    return NULL;
}

/* The same for a cancel; when none is parked, leaves word for one whose call is being made. */
static struct op *side_cancel(struct side *side)
{
    for (;;) {
        struct op *op = side_unpark(side);
        unsigned char word = atomic_load(&side->state);

        if (op != NULL)
            return op;
        if (word != SIDE_PARKED &&
            atomic_compare_exchange_strong(&side->state, &word, SIDE_CANCELED))
            return NULL;
    }
}

/* A cancel that the last op did not meet is not for the next one. */
static void side_begin(struct descriptor *descriptor, enum side_index index)
{
    struct side *side = &descriptor->sides[index];

    if (atomic_load_explicit(&side->state, memory_order_relaxed) == SIDE_CANCELED)
        side_latch(descriptor, index);
}

static bool would_block(int code)
{
#if EAGAIN != EWOULDBLOCK
    if (code == EWOULDBLOCK)
        return true;
#endif
    return code == EAGAIN;
}

static enum attempt attempt_fail(struct op *op, int code)
{
    if (would_block(code))
        return ATTEMPT_BLOCKED;
    op->result = spry_system_error(code);
    return ATTEMPT_DONE;
}

static size_t to_iovec(struct iovec *vector, const struct span *spans, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        vector[i].iov_base = spans[i].data;
        vector[i].iov_len = spans[i].bytes;
        bytes += spans[i].bytes;
    }
    return bytes;
}

static ssize_t read_spans(int fd, struct iovec *vector, size_t count)
{
    ssize_t got;

    do {
        got = count == 1 ? read(fd, vector[0].iov_base, vector[0].iov_len)
                         : readv(fd, vector, (int)count);
    } while (got < 0 && errno == EINTR);
    return got;
}

/*
 * A read that filled less than it offered has emptied the socket, so that the next call can wait
 * for an event; unless the peer's end was seen, whose event has come and comes no more.
 */
static enum attempt attempt_read(struct op *op)
{
    struct descriptor *descriptor = op->descriptor;
    uint8_t scratch[OP_SCRATCH_BYTES];
    struct span spans[OP_SPANS_MAX];
    struct iovec vector[OP_SPANS_MAX];

    for (int calls = 0; calls < CALLS_MAX; calls++) {
        size_t count = op->work->spans(op, spans, scratch);
        size_t offered = to_iovec(vector, spans, count);
        ssize_t got = read_spans(descriptor->fd, vector, count);
        bool emptied;

        if (got < 0)
            return attempt_fail(op, errno);
        if (got == 0) {
            op->result = NNG_ECONNSHUT;
            side_latch(descriptor, SIDE_IN); /* its event does not come again */
            return ATTEMPT_DONE;
        }
        emptied =
            (size_t)got < offered && !atomic_load_explicit(&descriptor->hung, memory_order_relaxed);
        if (op->work->moved(op, (size_t)got, scratch)) {
            if (!emptied)
                side_latch(descriptor, SIDE_IN);
            return ATTEMPT_DONE;
        }
        if (emptied)
            return ATTEMPT_BLOCKED;
    }
    side_latch(descriptor, SIDE_IN);
    return ATTEMPT_DONE;
}

/*
 * A write that moved less than it offered has filled the socket: asking again would only say so.
 * Should it have had another reason, arming anew looks at the present state.
 */
static enum attempt attempt_write(struct op *op)
{
    struct span spans[OP_SPANS_MAX];
    struct iovec vector[OP_SPANS_MAX];
    struct msghdr message = {.msg_iov = vector};

    for (;;) {
        size_t count = op->work->spans(op, spans, NULL);
        size_t offered = to_iovec(vector, spans, count);
        ssize_t put;

        message.msg_iovlen = count; /* an int on some systems: at most OP_SPANS_MAX */
        put = sendmsg(op->descriptor->fd, &message, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return attempt_fail(op, errno);
        if (op->work->moved(op, (size_t)put, NULL))
            return ATTEMPT_DONE;
        if ((size_t)put < offered) {
            op->descriptor->armed = false;
            return ATTEMPT_BLOCKED;
        }
    }
}

static enum attempt attempt_accept(struct op *op)
{
    int fd = spry_net_accept(op->descriptor->fd);

    if (fd < 0 && would_block(errno))
        return ATTEMPT_BLOCKED;
    if (fd < 0)
        op->result = spry_system_error(errno);
    side_latch(op->descriptor, SIDE_IN); /* others may wait, and their event has come */
    op->accepted = fd;
    return ATTEMPT_DONE;
}

/*
 * Asking again tells how a connect in progress went. A full backlog of a unix socket is EAGAIN,
 * which no event ends: it completes as NNG_EAGAIN and the dialer's timer tries again.
 */
static enum attempt attempt_connect(struct op *op)
{
    int code = spry_net_connect(op->descriptor->fd, op->address) == 0 ? 0 : errno;

    if (code == EINPROGRESS || code == EALREADY || code == EINTR)
        return ATTEMPT_BLOCKED;
    op->result = code == 0 || code == EISCONN ? 0 : spry_system_error(code);
    return ATTEMPT_DONE;
}

static enum attempt op_attempt(struct op *op)
{
    switch ((enum op_kind)op->kind) {
    case OP_ACCEPT:
        return attempt_accept(op);
    case OP_READ:
        return attempt_read(op);
    case OP_CONNECT:
        return attempt_connect(op);
    case OP_WRITE:
        return attempt_write(op);
    }
    op->result = NNG_EINTERNAL;
    return ATTEMPT_DONE;
}

static void op_finish(struct op *op, struct task_queue *completed)
{
    (void)spry_op_step(op, OP_FINISH);
    spry_tasks_push(completed, &op->task);
}

/* A connecting socket is watched only from here: before it connects, its events mean nothing. */
static bool op_watch(struct port *port, struct op *op, enum attempt attempt)
{
    struct descriptor *descriptor = op->descriptor;
    int rv;

    if (descriptor->watched || op->result != 0)
        return true;
    rv = spry_backend_watch(port, descriptor, attempt == ATTEMPT_BLOCKED);
    if (rv != 0)
        op->result = rv;
    return rv == 0;
}

/* Makes the op's system call, again while there is reason to; completes it or parks it. */
static void op_run(struct port *port, struct op *op, struct task_queue *completed)
{
    struct descriptor *descriptor = op->descriptor;
    bool out = op_side(op) == SIDE_OUT;

    for (;;) {
        enum attempt attempt = op_attempt(op);
        enum parking parking;

        if (!op_watch(port, op, attempt))
            attempt = ATTEMPT_DONE;
        if (attempt == ATTEMPT_DONE)
            break;
        if (out)
            spry_backend_arm(port, descriptor);
        parking = side_park(descriptor, op);
        if (parking == PARKING_DONE) {
            spry_backend_parked(port);
            return;
        }
        if (parking == PARKING_CANCELED) {
            op->result = NNG_ECANCELED;
            break;
        }
    }
    if (out)
        spry_backend_disarm(port, descriptor);
    op_finish(op, completed);
}

void spry_side_event(struct port *port, struct descriptor *descriptor, enum side_index index,
                     struct task_queue *completed)
{
    struct side *side = &descriptor->sides[index];
    unsigned char expected = SIDE_EMPTY;

    for (;;) {
        struct op *op = side_unpark(side);

        if (op != NULL) {
            op_run(port, op, completed);
            return;
        }
        expected = SIDE_EMPTY;
        if (atomic_compare_exchange_strong(&side->state, &expected, SIDE_READY) ||
            expected != SIDE_PARKED)
            return;
    }
}

/* No wake-up fails here. */
void spry_port_check(struct port *port)
{
    (void)port;
}

int spry_port_open(struct port *port)
{
    *port = (struct port){.wait_fd = -1, .wake_fds = {-1, -1}};
    spry_list_init(&port->descriptors);
    return spry_backend_open(port);
}

void spry_port_close(struct port *port)
{
    spry_backend_close(port);
}

int spry_port_attach(struct port *port, struct descriptor *descriptor, intptr_t handle,
                     enum attach_kind kind)
{
    int rv = 0;

    *descriptor = (struct descriptor){.fd = (int)handle};
    spry_list_init(&descriptor->node);
    if (kind == ATTACH_CONNECTED)
        rv = spry_backend_watch(port, descriptor, false);
    if (rv != 0)
        return rv;
    spry_list_push(&port->descriptors, &descriptor->node);
    port->attached++;
    return 0;
}

void spry_port_shutdown(struct port *port, struct descriptor *descriptor)
{
    (void)port;
    (void)shutdown(descriptor->fd, SHUT_RDWR);
}

void spry_port_detach(struct port *port, struct descriptor *descriptor)
{
    /* Said aloud although close says it too: a fork of the host keeps the open file alive. */
    if (descriptor->watched)
        spry_backend_forget(port, descriptor);
    (void)close(descriptor->fd);
    descriptor->fd = -1;
    spry_list_remove(&descriptor->node);
    port->attached--;
}

size_t spry_port_pending(const struct descriptor *descriptor)
{
    return spry_net_pending(descriptor->fd);
}

bool spry_port_watching(const struct port *port)
{
    return port->attached > 0;
}

/* A read or accept with no sign of input is parked unasked: the call would only say "not yet". */
void spry_port_submit(struct port *port, struct op *op)
{
    (void)spry_op_step(op, OP_SUBMIT);
    port->in_flight++;
    op->result = 0;
    side_begin(op->descriptor, op_side(op));
    if (op_side(op) == SIDE_IN && side_park(op->descriptor, op) == PARKING_DONE)
        spry_backend_parked(port);
    else
        spry_tasks_push(&port->started, &op->task);
}

void spry_port_cancel(struct port *port, struct op *op, struct task_queue *completed)
{
    struct op *parked;

    (void)port;
    if (spry_op_step(op, OP_CANCEL) != 0 || spry_op_idle(op))
        return;
    parked = side_cancel(&op->descriptor->sides[op_side(op)]);
    if (parked == NULL)
        return; /* its call is being made; it completes instead of parking */
    parked->result = NNG_ECANCELED;
    op_finish(parked, completed);
}

int spry_port_dequeue(struct port *port, struct op *op)
{
    int rv = spry_op_step(op, OP_DEQUEUE);

    port->in_flight--;
    return rv != 0 ? rv : op->result;
}

void spry_port_run(struct port *port, struct task_queue *started, struct task_queue *completed)
{
    struct task *task;

    while ((task = spry_tasks_pop(started)) != NULL)
        op_run(port, SPRY_CONTAINER(task, struct op, task), completed);
}
