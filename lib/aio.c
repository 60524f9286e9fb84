/* The life of an aio and of the operations on it. */
#include "aio.h"

#include "alloc.h"
#include "loop.h"

#include <string.h>

/* What a callback thread is to do for it, in this order. */
enum aio_due { DUE_CANCEL = 1, DUE_CALLBACK = 2 };

enum { NS_PER_MS = 1000000 };

/* Nothing is under way, and no callback due or running. */
static bool aio_idle(const nng_aio *aio)
{
    return !aio->started && !aio->tasked;
}

/* This thread is in the aio's own callback, and must not wait for its end. */
static bool aio_inside(const nng_aio *aio)
{
    return spry_caller_inside(aio->loop, &aio->task);
}

static void aio_release(nng_aio *aio)
{
    struct loop *loop = aio->loop;

    spry_free(aio, sizeof(*aio));
    spry_loop_release(loop);
}

/* Something is over: those who wait are told when all is. Frees an aio that was reaped. */
static void aio_check(nng_aio *aio)
{
    struct list *first;

    if (!aio_idle(aio))
        return;
    while ((first = spry_list_first(&aio->waiters)) != NULL)
        spry_request_finish(SPRY_CONTAINER(first, struct request, node), 0);
    if (aio->reaped)
        aio_release(aio);
}

static void aio_task(nng_aio *aio, enum aio_due due)
{
    aio->due |= (uint8_t)due;
    if (aio->tasked)
        return;
    aio->tasked = true;
    spry_loop_callback(aio->loop, &aio->task);
}

/* On a callback thread: one of what is due, without the lock. */
static void aio_run(struct task *task)
{
    nng_aio *aio = SPRY_CONTAINER(task, struct nng_aio, task);
    struct loop *loop = aio->loop;

    if ((aio->due & DUE_CANCEL) != 0) {
        nng_aio_cancelfn cancel = aio->cancel;
        void *argument = aio->cancel_argument;
        int error = aio->cancel_error;

        aio->due &= (uint8_t)~DUE_CANCEL;
        spry_loop_unlock(loop);
        cancel(aio, argument, error);
        spry_loop_lock(loop);
    } else if ((aio->due & DUE_CALLBACK) != 0) {
        aio->due &= (uint8_t)~DUE_CALLBACK;
        spry_loop_unlock(loop);
        aio->callback(aio->argument);
        spry_loop_lock(loop);
    }
    aio->tasked = aio->due != 0;
    if (aio->tasked)
        spry_loop_callback(loop, &aio->task);
    else
        aio_check(aio);
}

/* The request's end, by whoever brings it about. */
static void aio_finished(struct request *request)
{
    nng_aio *aio = SPRY_CONTAINER(request, struct nng_aio, request);

    aio->started = false;
    aio->expires = false;
    aio->due &= (uint8_t)~DUE_CANCEL;
    aio->cancel = NULL;
    aio->result = request->result;
    if (aio->ended != NULL)
        aio->ended(aio);
    if (aio->callback != NULL) {
        aio->loop->asyncs--;
        aio_task(aio, DUE_CALLBACK);
    }
    aio_check(aio);
}

bool spry_aio_begin(nng_aio *aio, void (*ended)(nng_aio *aio))
{
    if (aio->stopped) {
        aio->result = NNG_ECANCELED;
        return false;
    }
    if (aio->started || (aio->due & DUE_CALLBACK) != 0)
        return false;
    spry_request_init(&aio->request, &aio->loop->timers, aio_finished);
    aio->ended = ended;
    aio->started = true;
    aio->result = 0;
    aio->count = 0;
    aio->cancel = NULL;
    aio->cancel_error = 0;
    memset(aio->outputs, 0, sizeof(aio->outputs));
    if (aio->callback != NULL)
        aio->loop->asyncs++;
    return true;
}

/* SPRY_NEVER: no limit. */
static uint64_t aio_deadline(const nng_aio *aio, uint64_t now_ns, nng_duration default_ms)
{
    nng_duration limit_ms = aio->timeout_ms == NNG_DURATION_DEFAULT ? default_ms : aio->timeout_ms;

    if (!aio->expires)
        return spry_deadline(now_ns, limit_ms);
    return aio->expire_ms < SPRY_NEVER / NS_PER_MS ? aio->expire_ms * NS_PER_MS : SPRY_NEVER;
}

void spry_aio_limit(nng_aio *aio, nng_duration default_ms)
{
    uint64_t now_ns = spry_clock_ns();
    uint64_t deadline_ns;

    if (aio->request.done)
        return;
    deadline_ns = aio_deadline(aio, now_ns, default_ms);
    if (deadline_ns <= now_ns)
        spry_request_cancel(&aio->request, NNG_ETIMEDOUT);
    else if (deadline_ns != SPRY_NEVER)
        spry_request_limit(&aio->request, deadline_ns);
}

/* ---- beginning and end ---- */

int nng_aio_alloc(nng_aio **out, void (*callback)(void *), void *argument)
{
    nng_aio *aio = spry_zalloc(sizeof(*aio));
    struct loop *loop;
    int rv;

    if (aio == NULL)
        return NNG_ENOMEM;
    loop = spry_loop_enter();
    rv = spry_loop_hold(loop);
    spry_loop_leave(loop);
    if (rv != 0) {
        spry_free(aio, sizeof(*aio));
        return rv;
    }
    aio->loop = loop;
    aio->callback = callback;
    aio->argument = argument;
    aio->timeout_ms = NNG_DURATION_DEFAULT;
    aio->task.run = aio_run;
    spry_list_init(&aio->waiters);
    *out = aio;
    return 0;
}

/* Until nothing is under way. Lock held. */
static void aio_wait(nng_aio *aio)
{
    struct waiter waiter;
    struct runner runner;

    if (aio_idle(aio) || aio_inside(aio))
        return;
    spry_waiter_init(&waiter, aio->loop);
    spry_runner_begin(aio->loop, &runner, &waiter);
    spry_list_push(&aio->waiters, &waiter.request.node);
    (void)spry_waiter_wait(aio->loop, &waiter);
    spry_runner_end(&runner);
}

static void aio_stop(nng_aio *aio)
{
    aio->stopped = true;
    if (aio->started)
        spry_request_cancel(&aio->request, NNG_ECANCELED);
}

void nng_aio_wait(nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();

    aio_wait(aio);
    spry_loop_leave(loop);
}

void nng_aio_stop(nng_aio *aio)
{
    struct loop *loop;

    if (aio == NULL)
        return;
    loop = spry_loop_enter();
    aio_stop(aio);
    aio_wait(aio);
    spry_loop_leave(loop);
}

/* Frees it now, or when what is under way is over. */
static void aio_reap(nng_aio *aio)
{
    aio->reaped = true;
    if (aio_idle(aio))
        aio_release(aio);
    else
        aio_stop(aio);
}

void nng_aio_free(nng_aio *aio)
{
    struct loop *loop;

    if (aio == NULL)
        return;
    loop = spry_loop_enter();
    if (aio_inside(aio)) {
        aio_reap(aio);
    } else {
        aio_stop(aio);
        aio_wait(aio);
        aio_release(aio);
        spry_loop_end(loop);
    }
    spry_loop_leave(loop);
}

void nng_aio_reap(nng_aio *aio)
{
    struct loop *loop;

    if (aio == NULL)
        return;
    loop = spry_loop_enter();
    aio_reap(aio);
    spry_loop_leave(loop);
}

void nng_aio_abort(nng_aio *aio, int error)
{
    struct loop *loop = spry_loop_enter();

    /* 0 would tell of a success that brought nothing. */
    if (aio->started)
        spry_request_cancel(&aio->request, error != 0 ? error : NNG_ECANCELED);
    spry_loop_leave(loop);
}

void nng_aio_cancel(nng_aio *aio)
{
    nng_aio_abort(aio, NNG_ECANCELED);
}

bool nng_aio_busy(nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();
    bool busy = !aio_idle(aio);

    spry_loop_leave(loop);
    return busy;
}

/* ---- operations that the program provides ---- */

/* A cancel function runs on a callback thread, like the program's other code. */
static void provider_cancel(struct request *request, int error)
{
    nng_aio *aio = SPRY_CONTAINER(request, struct nng_aio, request);

    if (aio->cancel_error != 0)
        return;
    aio->cancel_error = error;
    if (aio->cancel != NULL)
        aio_task(aio, DUE_CANCEL);
}

bool nng_aio_begin(nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();
    bool begun = spry_aio_begin(aio, NULL);

    if (begun) {
        spry_request_hold(&aio->request, aio, provider_cancel);
        spry_aio_limit(aio, NNG_DURATION_INFINITE);
    }
    spry_loop_leave(loop);
    return begun;
}

void nng_aio_defer(nng_aio *aio, nng_aio_cancelfn cancel, void *argument)
{
    struct loop *loop = spry_loop_enter();

    if (aio->started && aio->cancel == NULL && cancel != NULL) {
        aio->cancel = cancel;
        aio->cancel_argument = argument;
        if (aio->cancel_error != 0)
            aio_task(aio, DUE_CANCEL);
    }
    spry_loop_leave(loop);
}

void nng_aio_finish(nng_aio *aio, int result)
{
    struct loop *loop = spry_loop_enter();

    if (aio->started)
        spry_request_finish(&aio->request, result);
    spry_loop_leave(loop);
}

/* ---- time ---- */

static void sleep_cancel(struct request *request, int error)
{
    const nng_aio *aio = SPRY_CONTAINER(request, struct nng_aio, request);
    bool over = error == NNG_ETIMEDOUT && aio->wakes && spry_clock_ns() >= aio->wake_ns;

    spry_request_finish(request, over ? 0 : error);
}

void nng_sleep_aio(nng_duration duration_ms, nng_aio *aio)
{
    struct loop *loop = spry_loop_enter();

    if (spry_aio_begin(aio, NULL)) {
        uint64_t now_ns = spry_clock_ns();
        uint64_t until_ns = aio_deadline(aio, now_ns, NNG_DURATION_INFINITE);

        aio->wake_ns = spry_deadline(now_ns, duration_ms);
        spry_request_hold(&aio->request, aio, sleep_cancel);
        aio->wakes = aio->wake_ns <= until_ns;
        if (aio->wakes)
            until_ns = aio->wake_ns;
        if (until_ns <= now_ns)
            spry_request_cancel(&aio->request, NNG_ETIMEDOUT);
        else if (until_ns != SPRY_NEVER)
            spry_request_limit(&aio->request, until_ns);
    }
    spry_loop_leave(loop);
}

/* ---- what the program puts in and takes out while nothing is under way ---- */

int nng_aio_result(nng_aio *aio)
{
    return aio->result;
}

size_t nng_aio_count(nng_aio *aio)
{
    return aio->count;
}

void nng_aio_set_msg(nng_aio *aio, nng_msg *msg)
{
    aio->msg = msg;
}

nng_msg *nng_aio_get_msg(nng_aio *aio)
{
    return aio->msg;
}

void nng_aio_set_timeout(nng_aio *aio, nng_duration timeout_ms)
{
    aio->timeout_ms = timeout_ms;
}

void nng_aio_set_expire(nng_aio *aio, nng_time expire_ms)
{
    aio->expire_ms = expire_ms;
    aio->expires = true;
}

int nng_aio_set_iov(nng_aio *aio, unsigned count, const nng_iov *iov)
{
    if (count > AIO_IOV_MAX)
        return NNG_EINVAL;
    if (count > 0)
        memcpy(aio->iov, iov, count * sizeof(*iov));
    aio->iov_count = count;
    return 0;
}

int nng_aio_set_input(nng_aio *aio, unsigned index, void *value)
{
    if (index >= AIO_VALUES)
        return NNG_EINVAL;
    aio->inputs[index] = value;
    return 0;
}

int nng_aio_set_output(nng_aio *aio, unsigned index, void *value)
{
    if (index >= AIO_VALUES)
        return NNG_EINVAL;
    aio->outputs[index] = value;
    return 0;
}

void *nng_aio_get_input(nng_aio *aio, unsigned index)
{
    return index < AIO_VALUES ? aio->inputs[index] : NULL;
}

void *nng_aio_get_output(nng_aio *aio, unsigned index)
{
    return index < AIO_VALUES ? aio->outputs[index] : NULL;
}
