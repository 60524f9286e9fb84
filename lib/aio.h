/*
 * An aio: a request whose end is told by a callback, or found by whoever waits for it. What the kernel
 * writes to is never in here: a send or receive is a request of a context, like one of a thread.
 */
#ifndef SPRY_AIO_H
#define SPRY_AIO_H

#include "request.h"
#include "task.h"

#include <nng/nng.h>

enum { AIO_IOV_MAX = 8, AIO_VALUES = 4 }; /* nng's limits: api.md 4.3 */

struct loop;

struct nng_aio {
    struct loop *loop;
    struct request request; /* the operation under way */
    /* Its end, before the callback; `request.result` says how. May be NULL. */
    void (*ended)(struct nng_aio *aio);

    struct task task; /* in the loop's callbacks while `due` is not 0, or running */
    uint8_t due;      /* enum aio_due */
    bool tasked;
    bool started;        /* an operation is under way */
    bool stopped;        /* for good */
    bool reaped;         /* to be freed as soon as nothing is under way */
    bool forgotten;      /* a fork's parent has the loop that it held */
    uint32_t forks;      /* the loop's when it was allocated */
    struct list waiters; /* requests of threads in nng_aio_wait */

    void (*callback)(void *argument);
    void *argument;
    nng_aio_cancelfn cancel; /* a provider's */
    void *cancel_argument;
    int cancel_error; /* what it is told; before there is one: what it will be told at once */
    uint64_t wake_ns; /* of nng_sleep_aio */
    bool wakes;       /* that comes before the time limit, however late it is noticed */

    nng_duration timeout_ms;
    nng_time expire_ms; /* instead of the timeout, once */
    bool expires;
    int result;
    size_t count;
    nng_msg *msg;
    unsigned iov_count;
    nng_iov iov[AIO_IOV_MAX];
    void *inputs[AIO_VALUES];
    void *outputs[AIO_VALUES];
};

/*
 * Begins an operation: result, count and outputs are cleared. False: the aio was stopped, or one is
 * under way already (the caller's mistake): nothing begins and no callback comes. Lock held.
 */
bool spry_aio_begin(nng_aio *aio, void (*ended)(nng_aio *aio));

/*
 * Sets the operation's time limit, once it is known whether it had to wait at all. `default_ms` stands
 * for NNG_DURATION_DEFAULT. Lock held.
 */
void spry_aio_limit(nng_aio *aio, nng_duration default_ms);

#endif
