/* Locks of POSIX threads; see thread.h. */
#ifndef SPRY_THREAD_OS_H
#define SPRY_THREAD_OS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

struct mutex {
    pthread_mutex_t system;
};

struct cond {
    pthread_cond_t system;
};

/* seat_futex.c or seat_cond.c. */
struct seat {
    union {
        _Atomic uint32_t word;
        struct cond cond;
    } as;
};

struct thread_handle {
    pthread_t system;
};

#define SPRY_MUTEX_INIT                                                                            \
    {                                                                                              \
        PTHREAD_MUTEX_INITIALIZER                                                                  \
    }

#endif
