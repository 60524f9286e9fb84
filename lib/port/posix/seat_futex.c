/*
 * Where a thread sleeps, on Linux: pthread's condition leaves the mutex marked as wanted by others, so
 * that each sleep costs its thread one more system call.
 */
#define _GNU_SOURCE /* syscall */

#include "thread.h"

#include "timer.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000 };

enum { EMPTY, TAKEN, WOKEN };

void spry_seat_init(struct seat *seat)
{
    atomic_init(&seat->as.word, EMPTY);
}

void spry_seat_fini(struct seat *seat)
{
    (void)seat; /* has nothing to give back */
}

void spry_seat_wake(struct seat *seat)
{
    if (atomic_exchange(&seat->as.word, WOKEN) == TAKEN)
        (void)syscall(SYS_futex, &seat->as.word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* The older call takes the C library's `long` seconds; where that is short there is a newer one. */
static void futex_wait(_Atomic uint32_t *word, uint64_t deadline_ns)
{
    enum { OPERATION = FUTEX_WAIT_BITSET_PRIVATE };
    struct {
        long s;
        long ns;
    } until = {(long)(deadline_ns / NS_PER_S), (long)(deadline_ns % NS_PER_S)};
    bool for_ever = deadline_ns == SPRY_NEVER;

#ifdef SYS_futex_time64
    struct {
        int64_t s;
        int64_t ns;
    } until64 = {(int64_t)(deadline_ns / NS_PER_S), (int64_t)(deadline_ns % NS_PER_S)};

    if (syscall(SYS_futex_time64, word, OPERATION, TAKEN, for_ever ? NULL : &until64, NULL,
                FUTEX_BITSET_MATCH_ANY) == 0 ||
        errno != ENOSYS)
        return;
#endif
    (void)syscall(SYS_futex, word, OPERATION, TAKEN, for_ever ? NULL : &until, NULL,
                  FUTEX_BITSET_MATCH_ANY);
}

void spry_seat_sleep(struct seat *seat, struct mutex *mutex, uint64_t deadline_ns)
{
    atomic_store(&seat->as.word, TAKEN);
    spry_mutex_unlock(mutex);
    futex_wait(&seat->as.word, deadline_ns);
    spry_mutex_lock(mutex);
    atomic_store(&seat->as.word, EMPTY);
}
