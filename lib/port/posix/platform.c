/* What programs get of POSIX threads and sockets. */
#include "platform.h"

#include "backend.h"
#include "timer.h"

#include <errno.h>
#include <sys/socket.h>
#include <time.h>

enum { NS_PER_S = 1000000000 };

void spry_mutex_fini(struct mutex *mutex)
{
    pthread_mutex_destroy(&mutex->system);
}

void spry_cond_init(struct cond *cond)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&cond->system, &attributes);
    pthread_condattr_destroy(&attributes);
}

void spry_cond_fini(struct cond *cond)
{
    pthread_cond_destroy(&cond->system);
}

void spry_cond_signal(struct cond *cond)
{
    pthread_cond_signal(&cond->system);
}

void spry_cond_broadcast(struct cond *cond)
{
    pthread_cond_broadcast(&cond->system);
}

bool spry_cond_wait_until(struct cond *cond, struct mutex *mutex, uint64_t deadline_ns)
{
    struct timespec until;

    if (deadline_ns == SPRY_NEVER)
        return pthread_cond_wait(&cond->system, &mutex->system) != ETIMEDOUT;
    until.tv_sec = (time_t)(deadline_ns / NS_PER_S);
    until.tv_nsec = (long)(deadline_ns % NS_PER_S);
    return pthread_cond_timedwait(&cond->system, &mutex->system, &until) != ETIMEDOUT;
}

void spry_thread_await(struct thread *thread)
{
    spry_thread_join(thread);
}

void spry_sleep_until(uint64_t deadline_ns)
{
    uint64_t now_ns = spry_clock_ns();
    struct timespec rest;

    if (now_ns >= deadline_ns)
        return;
    rest.tv_sec = (time_t)((deadline_ns - now_ns) / NS_PER_S);
    rest.tv_nsec = (long)((deadline_ns - now_ns) % NS_PER_S);
    (void)nanosleep(&rest, NULL);
}

int spry_socket_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 ? 0 : spry_system_error(errno);
}
