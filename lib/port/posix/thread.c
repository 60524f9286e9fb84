/* Threads, clock and random numbers of POSIX systems. */
#include "thread.h"

#include "timer.h"

#include <nng/nng.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

void spry_mutex_lock(struct mutex *mutex)
{
    pthread_mutex_lock(&mutex->system);
}

void spry_mutex_unlock(struct mutex *mutex)
{
    pthread_mutex_unlock(&mutex->system);
}

/* Allocates nothing: the first use of the heap by a thread costs it an arena of its own. */
static void *thread_main(void *argument)
{
    struct thread *thread = argument;

    thread->run(thread->argument);
    return NULL;
}

int spry_thread_start(struct thread *thread)
{
    /* What a thread does to itself; blocked, it ends the process without the program's handler. */
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
    sigset_t all;
    sigset_t before;
    int rv;

    sigfillset(&all);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&all, faults[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = pthread_create(&thread->handle.system, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rv == 0 ? 0 : NNG_ENOMEM;
}

void spry_thread_join(struct thread *thread)
{
    if (spry_thread_is_self(thread))
        pthread_detach(thread->handle.system);
    else
        pthread_join(thread->handle.system, NULL);
}

void spry_thread_detach(struct thread *thread)
{
    pthread_detach(thread->handle.system);
}

void spry_thread_self(struct thread *thread)
{
    thread->handle.system = pthread_self();
}

bool spry_thread_is_self(const struct thread *thread)
{
    return pthread_equal(thread->handle.system, pthread_self()) != 0;
}

uint64_t spry_clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

uint32_t spry_random(void)
{
    uint32_t value;

    /* getentropy fails only where the system has no such call at all; then the clock must do. */
    if (getentropy(&value, sizeof(value)) != 0)
        value = (uint32_t)(spry_clock_ns() * 2654435761U >> 7);
    return value;
}
