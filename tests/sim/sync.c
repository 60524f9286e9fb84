/* Locks, condition variables, threads, the clock: each use is a scheduling point. */
#include "kernel.h"

#include <stdlib.h>

struct sleeper {
    struct sleeper *next;
    bool woken;
};

void sim_may_wait(const char *call)
{
    if (sim_self != NULL && sim_self->locks > 0)
        sim_fail("%s may wait, and is called with a lock held", call);
}

/* ---- locks ---- */

static bool lock_free(void *argument)
{
    const SRWLOCK *lock = argument;

    return lock->Ptr == NULL;
}

static void lock_take(PSRWLOCK lock)
{
    struct fiber *owner = lock->Ptr;

    if (owner == sim_self)
        sim_fail("a lock is taken twice by one thread");
    if (sim_self->joiner != NULL && owner == sim_self->joiner)
        sim_fail("a thread that is joined with a lock held wants that lock");
    while (lock->Ptr != NULL)
        (void)sim_block("a lock", lock_free, lock, SIM_NEVER);
    lock->Ptr = sim_self;
    sim_self->locks++;
}

void InitializeSRWLock(PSRWLOCK lock)
{
    lock->Ptr = NULL;
}

void AcquireSRWLockExclusive(PSRWLOCK lock)
{
    sim_point();
    lock_take(lock);
}

BOOLEAN TryAcquireSRWLockExclusive(PSRWLOCK lock)
{
    sim_point();
    if (lock->Ptr != NULL)
        return FALSE;
    lock_take(lock);
    return TRUE;
}

static void lock_release(PSRWLOCK lock)
{
    if (lock->Ptr != sim_self)
        sim_fail("a lock is released by who does not hold it");
    lock->Ptr = NULL;
    sim_self->locks--;
}

void ReleaseSRWLockExclusive(PSRWLOCK lock)
{
    lock_release(lock);
    sim_point();
}

/* ---- condition variables ---- */

void InitializeConditionVariable(PCONDITION_VARIABLE condition)
{
    condition->Ptr = NULL;
}

static bool sleeper_woken(void *argument)
{
    const struct sleeper *sleeper = argument;

    return sleeper->woken;
}

static void sleeper_remove(PCONDITION_VARIABLE condition, struct sleeper *sleeper)
{
    struct sleeper **at = (struct sleeper **)&condition->Ptr;

    while (*at != NULL && *at != sleeper)
        at = &(*at)->next;
    if (*at == NULL)
        sim_fail("a condition variable was made anew while a thread waits on it");
    *at = sleeper->next;
}

static uint64_t deadline_of(DWORD timeout_ms)
{
    return timeout_ms == INFINITE ? SIM_NEVER : sim_now_ns + (uint64_t)timeout_ms * 1000000;
}

BOOL SleepConditionVariableSRW(PCONDITION_VARIABLE condition, PSRWLOCK lock, DWORD timeout_ms,
                               ULONG flags)
{
    struct sleeper self = {condition->Ptr, false};
    uint64_t deadline_ns = deadline_of(timeout_ms);

    if (flags != 0)
        sim_fail("SleepConditionVariableSRW with flags");
    if (sim_self->locks != 1)
        sim_fail("a thread sleeps with another lock held");
    condition->Ptr = &self;
    lock_release(lock);
    (void)sim_block_loosely("a condition variable", sleeper_woken, &self, deadline_ns);
    if (!self.woken)
        sleeper_remove(condition, &self);
    lock_take(lock);
    if (!self.woken && deadline_ns <= sim_now_ns)
        return sim_error(ERROR_TIMEOUT);
    return sim_ok();
}

static void wake_one(PCONDITION_VARIABLE condition)
{
    struct sleeper *chosen = condition->Ptr;
    uint32_t count = 0;

    for (struct sleeper *s = condition->Ptr; s != NULL; s = s->next) {
        if (sim_below(++count) == 0)
            chosen = s;
    }
    if (chosen == NULL)
        return;
    sleeper_remove(condition, chosen);
    chosen->woken = true;
}

void WakeConditionVariable(PCONDITION_VARIABLE condition)
{
    sim_point();
    wake_one(condition);
}

void WakeAllConditionVariable(PCONDITION_VARIABLE condition)
{
    sim_point();
    while (condition->Ptr != NULL)
        wake_one(condition);
}

/* ---- threads ---- */

uintptr_t _beginthreadex(void *security, unsigned stack, unsigned (*start)(void *), void *argument,
                         unsigned flags, unsigned *id)
{
    struct object *object;

    (void)stack;
    sim_point();
    if (security != NULL || flags != 0)
        sim_fail("_beginthreadex with security or flags");
    if (sim_chance(KNOB_THREAD_FAIL)) {
        (void)SIM_FAULT(KNOB_THREAD_FAIL, ERROR_NOT_ENOUGH_MEMORY);
        return 0;
    }
    object = sim_object_new(OBJECT_THREAD);
    object->fiber = sim_fiber_start("library", start, argument);
    object->fiber->thread = object;
    if (id != NULL)
        *id = object->fiber->id;
    SIM_NOTE("starts thread %u", object->fiber->id);
    return (uintptr_t)sim_handle_open(object);
}

static bool thread_over(void *argument)
{
    const struct object *object = argument;

    return object->fiber == NULL;
}

/* With a lock held it may only wait for a thread that needs no lock any more. */
DWORD WaitForSingleObject(HANDLE handle, DWORD timeout_ms)
{
    struct object *object = sim_object(handle, OBJECT_THREAD, "WaitForSingleObject");
    bool over;

    sim_point();
    if (object->fiber == sim_self)
        sim_fail("a thread joins itself");
    if (object->fiber != NULL && sim_self->locks > 0) {
        if (object->fiber->locks > 0 || object->fiber->waits_for != NULL)
            sim_fail("a thread is joined with a lock held before it has left its last lock");
        object->fiber->joiner = sim_self;
    }
    over = sim_block("the end of a thread", thread_over, object, deadline_of(timeout_ms));
    (void)sim_ok();
    return over ? WAIT_OBJECT_0 : WAIT_TIMEOUT;
}

void Sleep(DWORD ms)
{
    sim_point();
    if (ms > 0)
        sim_fail("Sleep(%u)", ms);
}

BOOL SwitchToThread(void)
{
    sim_point();
    return TRUE;
}

DWORD GetCurrentThreadId(void)
{
    return sim_self->id;
}

DWORD GetCurrentProcessId(void)
{
    return 4711;
}

/* ---- time ---- */

BOOL QueryPerformanceCounter(LARGE_INTEGER *count)
{
    sim_point();
    count->QuadPart = (LONGLONG)(sim_now_ns / 100);
    return TRUE;
}

BOOL QueryPerformanceFrequency(LARGE_INTEGER *frequency)
{
    frequency->QuadPart = 10000000;
    return TRUE;
}

ULONGLONG GetTickCount64(void)
{
    sim_point();
    return sim_now_ns / 1000000;
}
