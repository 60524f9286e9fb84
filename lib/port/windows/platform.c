/* What programs get of Windows' threads. */
#include "platform.h"

#include "timeout.h"

#include <nng/nng.h>

#include <windows.h>

enum { NAME_CHARS = 64 };

void spry_mutex_fini(struct mutex *mutex)
{
    (void)mutex; /* has nothing to give back */
}

void spry_cond_init(struct cond *cond)
{
    InitializeConditionVariable((CONDITION_VARIABLE *)&cond->system);
}

void spry_cond_fini(struct cond *cond)
{
    (void)cond;
}

void spry_cond_signal(struct cond *cond)
{
    WakeConditionVariable((CONDITION_VARIABLE *)&cond->system);
}

void spry_cond_broadcast(struct cond *cond)
{
    WakeAllConditionVariable((CONDITION_VARIABLE *)&cond->system);
}

/* The system's timer may be early by part of a tick, and a long wait is cut into shorter ones. */
bool spry_cond_wait_until(struct cond *cond, struct mutex *mutex, uint64_t deadline_ns)
{
    if (SleepConditionVariableSRW((CONDITION_VARIABLE *)&cond->system, (SRWLOCK *)&mutex->system,
                                  (DWORD)spry_timeout_ms(deadline_ns), 0))
        return true;
    return spry_clock_ns() < deadline_ns;
}

void spry_thread_await(struct thread *thread)
{
    if (thread->handle.id != GetCurrentThreadId())
        (void)WaitForSingleObject(thread->handle.system, INFINITE);
    (void)CloseHandle(thread->handle.system);
}

/* The call came with Windows 10, so that it has to be looked up. */
void spry_thread_name(struct thread *thread, const char *name)
{
    union {
        FARPROC found;
        HRESULT(WINAPI *call)(HANDLE, const WCHAR *);
    } set_description;
    HMODULE module = GetModuleHandleW(L"kernel32.dll");
    WCHAR wide[NAME_CHARS];

    if (module == NULL || MultiByteToWideChar(CP_UTF8, 0, name, -1, wide, NAME_CHARS) == 0)
        return;
    set_description.found = GetProcAddress(module, "SetThreadDescription");
    if (set_description.found != NULL)
        (void)set_description.call(thread != NULL ? thread->handle.system : GetCurrentThread(),
                                   wide);
}

void spry_sleep_until(uint64_t deadline_ns)
{
    Sleep((DWORD)spry_timeout_ms(deadline_ns));
}

/* Descriptors of the C library are no sockets here. */
int spry_socket_pair(int ends[2])
{
    (void)ends;
    return NNG_ENOTSUP;
}
