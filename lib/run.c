/*
 * A program that does the watchman's work: spry_run, and what tells it when.
 *
 * The descriptor joins what the system says (the port) with what only the loop knows: callbacks that are
 * due, work that was left over, a timer earlier than the program was told. For the second it has a beacon,
 * which like a socket's is made to say what is true each time the lock is about to be free.
 */
#include <spry.h>

#include "loop.h"
#include "outlet.h"
#include "timeout.h"

/* What the program polls of the loop, while loop->unexpose is set. */
struct exposure {
    struct onlooker onlooker;
    struct outlet outlet;
    struct loop *loop;
    uint64_t told_ns; /* the first timer that the program knows of; 0: it never asked */
};

static struct exposure the_exposure;

static void exposure_look(struct onlooker *onlooker)
{
    struct exposure *exposure = SPRY_CONTAINER(onlooker, struct exposure, onlooker);
    const struct loop *loop = exposure->loop;

    spry_beacon_set(&exposure->outlet.beacon,
                    spry_loop_due(loop) || spry_timers_next(&loop->timers) < exposure->told_ns);
}

static void exposure_end(struct loop *loop)
{
    (void)loop;
    the_exposure.told_ns = 0;
    spry_list_remove(&the_exposure.onlooker.node);
    spry_outlet_close(&the_exposure.outlet);
}

static int exposure_begin(struct loop *loop)
{
    struct exposure *exposure = &the_exposure;
    int rv;

    if (loop->unexpose != NULL)
        return 0;
    rv = spry_outlet_open(&exposure->outlet, &loop->port);
    if (rv != 0)
        return rv;
    exposure->loop = loop;
    exposure->onlooker.look = exposure_look;
    spry_list_push(&loop->onlookers, &exposure->onlooker.node);
    loop->unexpose = exposure_end;
    return 0;
}

/* 0: there is something that the program can run. */
static int run_refusal(const struct loop *loop)
{
    if (!loop->threadless)
        return NNG_ESTATE;
    return loop->watchman_state == WATCHMAN_NONE ? NNG_ECLOSED : 0;
}

int spry_run(nng_duration timeout)
{
    struct loop *loop;
    int rv;

    if (timeout == NNG_DURATION_DEFAULT)
        return NNG_EINVAL;
    loop = spry_loop_enter();
    rv = run_refusal(loop);
    if (rv == 0)
        rv = spry_loop_run(loop, spry_deadline(spry_clock_ns(), timeout));
    spry_loop_leave(loop);
    return rv;
}

int spry_fd(int *fd)
{
    struct loop *loop = spry_loop_enter();
    int rv = run_refusal(loop);

    if (rv == 0)
        rv = exposure_begin(loop);
    if (rv == 0)
        *fd = the_exposure.outlet.fd;
    spry_loop_leave(loop);
    return rv;
}

int spry_timeout(nng_duration *timeout)
{
    struct loop *loop = spry_loop_enter();
    int rv = run_refusal(loop);

    if (rv == 0) {
        the_exposure.told_ns = spry_loop_due(loop) ? 0 : spry_timers_next(&loop->timers);
        *timeout = spry_timeout_ms(the_exposure.told_ns);
    }
    spry_loop_leave(loop);
    return rv;
}
