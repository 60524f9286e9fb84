/* The library with its thread, without, or with one of the test's. */
#include "mode.h"

#include "host.h"

#include <spry.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

enum { END_SECONDS = 20 };

static pthread_t worker;
static bool working;
static atomic_bool stop;

static bool mode_is(const char *name)
{
    const char *threads = getenv("SPRY_TEST_THREADS");

    return threads != NULL && strcmp(threads, name) == 0;
}

bool mode_threadless(void)
{
    return mode_is("0");
}

bool mode_watched(void)
{
    return !mode_is("0") && !mode_is("own");
}

static void *worker_main(void *argument)
{
    while (!atomic_load(&stop)) {
        if (spry_run(NNG_DURATION_INFINITE) == NNG_ECLOSED)
            host_sleep_ms(1);
    }
    return argument;
}

void mode_begin(void)
{
    spry_options options = SPRY_OPTIONS_INITIALIZER;

    if (mode_watched())
        return;
    options.threads = 0;
    ck_assert_int_eq(spry_init(&options), 0);
    if (mode_threadless())
        return;
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&worker, NULL, worker_main, NULL), 0);
    working = true;
}

void mode_pause(unsigned ms)
{
    if (!mode_threadless() || spry_run((nng_duration)ms) == NNG_ECLOSED)
        host_sleep_ms(ms);
}

void mode_end(void)
{
    double limit = host_seconds() + END_SECONDS;

    while (!mode_watched() && spry_run(100) != NNG_ECLOSED)
        ck_assert_msg(host_seconds() < limit, "the library does not end");
    if (!working)
        return;
    atomic_store(&stop, true);
    pthread_join(worker, NULL);
    working = false;
}

bool mode_polls(int descriptor, int timeout_ms)
{
    double limit = host_seconds() + timeout_ms / 1000.0;

    if (!mode_threadless())
        return host_polls(descriptor, timeout_ms);
    while (!host_polls(descriptor, 0)) {
        if (host_seconds() > limit)
            return false;
        mode_pause(1);
    }
    return true;
}
