/* Threads, clock and random numbers of Windows. */
#include "thread.h"

#include "timeout.h"

#include <nng/nng.h>

#include <windows.h>

#include <bcrypt.h>
#include <process.h>

enum { JOIN_MS = 50 };

_Static_assert(sizeof(SRWLOCK) == sizeof(struct mutex), "an SRWLOCK is a pointer");
_Static_assert(sizeof(CONDITION_VARIABLE) == sizeof(struct cond), "so is a condition variable");

static SRWLOCK *lock_of(struct mutex *mutex)
{
    return (SRWLOCK *)&mutex->system;
}

static CONDITION_VARIABLE *condition_of(struct seat *seat)
{
    return (CONDITION_VARIABLE *)&seat->cond.system;
}

void spry_mutex_lock(struct mutex *mutex)
{
    AcquireSRWLockExclusive(lock_of(mutex));
}

void spry_mutex_unlock(struct mutex *mutex)
{
    ReleaseSRWLockExclusive(lock_of(mutex));
}

void spry_seat_init(struct seat *seat)
{
    InitializeConditionVariable(condition_of(seat));
}

void spry_seat_fini(struct seat *seat)
{
    (void)seat; /* has nothing to give back */
}

void spry_seat_wake(struct seat *seat)
{
    WakeConditionVariable(condition_of(seat));
}

void spry_seat_sleep(struct seat *seat, struct mutex *mutex, uint64_t deadline_ns)
{
    (void)SleepConditionVariableSRW(condition_of(seat), lock_of(mutex),
                                    (DWORD)spry_timeout_ms(deadline_ns), 0);
}

static unsigned __stdcall thread_main(void *argument)
{
    struct thread *thread = argument;

    thread->run(thread->argument);
    return 0;
}

int spry_thread_start(struct thread *thread)
{
    thread->handle.system =
        (void *)_beginthreadex(NULL, 0, thread_main, thread, 0, &thread->handle.id);
    return thread->handle.system != NULL ? 0 : NNG_ENOMEM;
}

void spry_thread_join(struct thread *thread)
{
    if (!spry_thread_is_self(thread))
        (void)WaitForSingleObject(thread->handle.system, JOIN_MS);
    (void)CloseHandle(thread->handle.system);
}

void spry_thread_detach(struct thread *thread)
{
    (void)CloseHandle(thread->handle.system);
}

void spry_thread_self(struct thread *thread)
{
    thread->handle.id = GetCurrentThreadId();
}

bool spry_thread_is_self(const struct thread *thread)
{
    return thread->handle.id == GetCurrentThreadId();
}

/* Whole seconds apart, since a count of ticks times 10^9 does not fit for long. */
uint64_t spry_clock_ns(void)
{
    LARGE_INTEGER count;
    LARGE_INTEGER frequency;
    uint64_t ticks;
    uint64_t rate;

    (void)QueryPerformanceFrequency(&frequency);
    (void)QueryPerformanceCounter(&count);
    ticks = (uint64_t)count.QuadPart;
    rate = (uint64_t)frequency.QuadPart;
    return ticks / rate * 1000000000U + ticks % rate * 1000000000U / rate;
}

uint32_t spry_random(void)
{
    uint32_t value;

    if (BCryptGenRandom(NULL, (PUCHAR)&value, sizeof(value), BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0)
        value = (uint32_t)(spry_clock_ns() * 2654435761U >> 7);
    return value;
}
