/* Accepts for ever; what the system is short of it gets a pause for. */
#include "acceptor.h"

#include "alloc.h"
#include "loop.h"
#include "net.h"

/* After an error that trying again at once would only repeat; wire.md section 9. */
#define PAUSE_NS (10 * (uint64_t)1000000)

struct acceptor {
    struct endpoint *listener; /* NULL once closed */
    struct loop *loop;
    int (*accepted)(struct endpoint *listener, intptr_t handle);
    struct descriptor descriptor;
    struct op op;
    struct timer pause;
    struct retired retired;
};

/* Only now is the address free: a thread in poll(2) holds the socket until it comes back. */
static void acceptor_free(struct retired *retired)
{
    struct acceptor *acceptor = SPRY_CONTAINER(retired, struct acceptor, retired);

    spry_loop_unlistened(acceptor->loop);
    spry_free(acceptor, sizeof(*acceptor));
}

static void acceptor_reap(struct acceptor *acceptor)
{
    if (acceptor->listener != NULL || !spry_op_idle(&acceptor->op))
        return;
    spry_port_detach(&acceptor->loop->port, &acceptor->descriptor);
    spry_loop_retire(acceptor->loop, &acceptor->retired);
}

/* The peer's doing, not a lack of something: the next one in the queue may be good. */
static bool worth_another(int error)
{
    return error == 0 || error == NNG_ECONNABORTED || error == NNG_ECONNRESET ||
           error == NNG_ETIMEDOUT || error == NNG_EINTR || error == NNG_EPROTO;
}

static void accept_again(struct timer *timer, uint64_t now_ns)
{
    struct acceptor *acceptor = SPRY_CONTAINER(timer, struct acceptor, pause);

    (void)now_ns;
    spry_port_submit(&acceptor->loop->port, &acceptor->op);
}

static void accept_done(struct task *task)
{
    struct acceptor *acceptor = SPRY_CONTAINER(task, struct acceptor, op.task);
    struct loop *loop = acceptor->loop;
    int rv = spry_port_dequeue(&loop->port, &acceptor->op);

    if (acceptor->listener == NULL) {
        if (rv == 0)
            spry_net_close(acceptor->op.accepted);
        acceptor_reap(acceptor);
        return;
    }
    if (rv == 0) {
        rv = acceptor->accepted(acceptor->listener, acceptor->op.accepted);
        if (rv != 0)
            spry_net_close(acceptor->op.accepted);
    }
    if (rv != 0)
        spry_endpoint_failed(acceptor->listener, rv);
    if (worth_another(rv))
        spry_port_submit(&loop->port, &acceptor->op);
    else
        spry_timer_set(&loop->timers, &acceptor->pause, spry_clock_ns() + PAUSE_NS);
}

int spry_acceptor_open(struct acceptor **out, struct endpoint *listener, intptr_t handle,
                       int (*accepted)(struct endpoint *listener, intptr_t handle))
{
    struct acceptor *acceptor = spry_zalloc(sizeof(*acceptor));
    int rv;

    if (acceptor == NULL)
        return NNG_ENOMEM;
    rv = spry_port_attach(&listener->loop->port, &acceptor->descriptor, handle, ATTACH_CONNECTED);
    if (rv != 0) {
        spry_free(acceptor, sizeof(*acceptor));
        return rv;
    }
    acceptor->listener = listener;
    acceptor->loop = listener->loop;
    acceptor->accepted = accepted;
    acceptor->retired.free = acceptor_free;
    spry_timer_init(&acceptor->pause, accept_again);
    spry_op_init(&acceptor->op, OP_ACCEPT, &acceptor->descriptor, accept_done);
    spry_port_submit(&acceptor->loop->port, &acceptor->op);
    *out = acceptor;
    return 0;
}

void spry_acceptor_close(struct acceptor *acceptor)
{
    struct loop *loop = acceptor->loop;

    acceptor->listener = NULL;
    loop->unlistened++;
    spry_timer_cancel(&loop->timers, &acceptor->pause);
    spry_port_shutdown(&loop->port, &acceptor->descriptor);
    spry_port_cancel(&loop->port, &acceptor->op, &loop->completed);
    acceptor_reap(acceptor);
}

intptr_t spry_acceptor_handle(const struct acceptor *acceptor)
{
    return spry_descriptor_handle(&acceptor->descriptor);
}
