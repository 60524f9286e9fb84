/* Locks of Windows (slim locks), opaque so that the system's headers stay out; see thread.h. */
#ifndef SPRY_THREAD_OS_H
#define SPRY_THREAD_OS_H

/* An SRWLOCK: SRWLOCK_INIT is all zero. */
struct mutex {
    void *system;
};

/* A CONDITION_VARIABLE. */
struct cond {
    void *system;
};

struct seat {
    struct cond cond;
};

struct thread_handle {
    void *system;
    unsigned id;
};

#define SPRY_MUTEX_INIT                                                                            \
    {                                                                                              \
        0                                                                                          \
    }

#endif
