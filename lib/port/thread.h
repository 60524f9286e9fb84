/* Threads, locks, the clock and random numbers, by system. */
#ifndef SPRY_THREAD_H
#define SPRY_THREAD_H

#include "thread_os.h" /* struct mutex, seat, cond, thread_handle, SPRY_MUTEX_INIT */

#include <stdbool.h>
#include <stdint.h>

/* A mutex initialised with SPRY_MUTEX_INIT needs no other call. Not recursive. */
void spry_mutex_lock(struct mutex *mutex);
void spry_mutex_unlock(struct mutex *mutex);

/*
 * What one thread at a time sleeps on. Whoever wakes it has changed before, with the mutex, what it
 * sleeps for, and need not have the mutex any more. Cannot fail; init costs no system call.
 */
void spry_seat_init(struct seat *seat);
void spry_seat_fini(struct seat *seat);
void spry_seat_wake(struct seat *seat);

/* Releases the mutex and sleeps until it is woken or `deadline_ns` (SPRY_NEVER: no limit). May return early. */
void spry_seat_sleep(struct seat *seat, struct mutex *mutex, uint64_t deadline_ns);

/* What a thread runs; the storage stays until the thread has begun and was joined or detached. */
struct thread {
    void (*run)(void *argument);
    void *argument;
    struct thread_handle handle;
};

/*
 * Starts a thread with the system's usual stack, since callbacks of the program's run on it. All
 * signals but faults are blocked in it, so that its handlers run on its own threads. Exactly one of join and
 * detach follows. NNG_ENOMEM.
 */
int spry_thread_start(struct thread *thread);

/*
 * Waits until the thread has ended. From the thread itself, which destructors of the program's may be
 * running on, it only lets go; so it does on Windows after 50 ms, since a thread cannot end while the
 * caller has the loader's lock.
 */
void spry_thread_join(struct thread *thread);

/* Nobody is going to join the thread; it may say so itself. */
void spry_thread_detach(struct thread *thread);

/* Makes `thread` a name of the calling thread, for spry_thread_is_self alone. */
void spry_thread_self(struct thread *thread);

/* The calling thread is this one, which has been started. */
bool spry_thread_is_self(const struct thread *thread);

/* Monotonic time in ns. */
uint64_t spry_clock_ns(void);

/* From the system's strong source. */
uint32_t spry_random(void);

#endif
