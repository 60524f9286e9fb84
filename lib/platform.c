/* Time, threads and locks for programs: the port's, in blocks of the library's memory. */
#include "platform.h"
#include "alloc.h"
#include "timer.h"

#include <nng/nng.h>

enum { NS_PER_MS = 1000000 };

/* No clock of ours gets there, and the seconds of any system can tell it. */
static const uint64_t far_ms = (uint64_t)INT32_MAX * 1000;

struct nng_thread {
    struct thread thread;
};

struct nng_mtx {
    struct mutex mutex;
};

struct nng_cv {
    struct cond cond;
    struct mutex *mutex;
};

nng_time nng_clock(void)
{
    return spry_clock_ns() / NS_PER_MS;
}

void nng_msleep(nng_duration ms)
{
    uint64_t deadline_ns;

    if (ms <= 0)
        return;
    deadline_ns = spry_clock_ns() + (uint64_t)ms * NS_PER_MS;
    while (spry_clock_ns() < deadline_ns)
        spry_sleep_until(deadline_ns);
}

uint32_t nng_random(void)
{
    return spry_random();
}

int nng_socket_pair(int ends[2])
{
    return spry_socket_pair(ends);
}

int nng_thread_create(nng_thread **out, void (*run)(void *), void *argument)
{
    nng_thread *thread;
    int rv;

    if (run == NULL)
        return NNG_EINVAL;
    thread = spry_zalloc(sizeof(*thread));
    if (thread == NULL)
        return NNG_ENOMEM;
    thread->thread.run = run;
    thread->thread.argument = argument;
    rv = spry_thread_start(&thread->thread);
    if (rv != 0) {
        spry_free(thread, sizeof(*thread));
        return rv;
    }
    *out = thread;
    return 0;
}

void nng_thread_destroy(nng_thread *thread)
{
    if (thread == NULL)
        return;
    spry_thread_await(&thread->thread);
    spry_free(thread, sizeof(*thread));
}

void nng_thread_set_name(nng_thread *thread, const char *name)
{
    if (name != NULL)
        spry_thread_name(thread != NULL ? &thread->thread : NULL, name);
}

int nng_mtx_alloc(nng_mtx **out)
{
    nng_mtx *mtx = spry_alloc(sizeof(*mtx));

    if (mtx == NULL)
        return NNG_ENOMEM;
    mtx->mutex = (struct mutex)SPRY_MUTEX_INIT;
    *out = mtx;
    return 0;
}

void nng_mtx_free(nng_mtx *mtx)
{
    if (mtx == NULL)
        return;
    spry_mutex_fini(&mtx->mutex);
    spry_free(mtx, sizeof(*mtx));
}

void nng_mtx_lock(nng_mtx *mtx)
{
    spry_mutex_lock(&mtx->mutex);
}

void nng_mtx_unlock(nng_mtx *mtx)
{
    spry_mutex_unlock(&mtx->mutex);
}

int nng_cv_alloc(nng_cv **out, nng_mtx *mtx)
{
    nng_cv *cv;

    if (mtx == NULL)
        return NNG_EINVAL;
    cv = spry_alloc(sizeof(*cv));
    if (cv == NULL)
        return NNG_ENOMEM;
    spry_cond_init(&cv->cond);
    cv->mutex = &mtx->mutex;
    *out = cv;
    return 0;
}

void nng_cv_free(nng_cv *cv)
{
    if (cv == NULL)
        return;
    spry_cond_fini(&cv->cond);
    spry_free(cv, sizeof(*cv));
}

void nng_cv_wait(nng_cv *cv)
{
    (void)spry_cond_wait_until(&cv->cond, cv->mutex, SPRY_NEVER);
}

int nng_cv_until(nng_cv *cv, nng_time when)
{
    uint64_t deadline_ns = when < far_ms ? when * NS_PER_MS : SPRY_NEVER;

    return spry_cond_wait_until(&cv->cond, cv->mutex, deadline_ns) ? 0 : NNG_ETIMEDOUT;
}

void nng_cv_wake(nng_cv *cv)
{
    spry_cond_broadcast(&cv->cond);
}

void nng_cv_wake1(nng_cv *cv)
{
    spry_cond_signal(&cv->cond);
}
