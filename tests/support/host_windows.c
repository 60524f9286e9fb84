/*
 * Windows and Wine. Before main, the output is made to appear as it is written, so that a test that
 * hangs or crashes leaves what it said, and dialogs about crashes are turned off.
 */
#include "host.h"

#include <winsock2.h>

#include <windows.h>
#include <ws2tcpip.h>

#include <psapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <tlhelp32.h>

__attribute__((constructor(200))) static void host_start(void)
{
    WSADATA data;

    (void)setvbuf(stdout, NULL, _IONBF, 0);
    (void)setvbuf(stderr, NULL, _IONBF, 0);
    (void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX | SEM_NOOPENFILEERRORBOX);
    (void)WSAStartup(MAKEWORD(2, 2), &data);
}

/* One that has ended is in the list until its last handle is closed, and a little longer. */
static bool thread_lives(DWORD id)
{
    HANDLE thread = OpenThread(SYNCHRONIZE, FALSE, id);
    bool lives = thread != NULL && WaitForSingleObject(thread, 0) == WAIT_TIMEOUT;

    if (thread != NULL)
        (void)CloseHandle(thread);
    return lives;
}

size_t host_threads(void)
{
    THREADENTRY32 entry = {.dwSize = sizeof(entry)};
    HANDLE snapshot = CreateToolhelp32Snapshot(TH32CS_SNAPTHREAD, 0);
    DWORD process = GetCurrentProcessId();
    size_t count = 0;

    if (snapshot == INVALID_HANDLE_VALUE)
        return 0;
    for (BOOL more = Thread32First(snapshot, &entry); more; more = Thread32Next(snapshot, &entry)) {
        if (entry.th32OwnerProcessID == process && thread_lives(entry.th32ThreadID))
            count++;
    }
    (void)CloseHandle(snapshot);
    return count;
}

/* Wine answers 0 without counting: there every value that a handle may have is tried. */
size_t host_descriptors(void)
{
    enum { STEP = 4, GAP = 4096 };
    DWORD count = 0;
    uintptr_t last = 0;

    if (GetProcessHandleCount(GetCurrentProcess(), &count) && count > 0)
        return count;
    for (uintptr_t value = STEP; value < last + GAP; value += STEP) {
        DWORD flags;

        if (GetHandleInformation((HANDLE)value, &flags)) {
            count++;
            last = value;
        }
    }
    return count;
}

static double seconds_of(const FILETIME *time)
{
    return ((double)time->dwHighDateTime * 4294967296.0 + (double)time->dwLowDateTime) / 1e7;
}

double host_cpu_seconds(void)
{
    FILETIME created;
    FILETIME ended;
    FILETIME kernel;
    FILETIME user;

    if (!GetProcessTimes(GetCurrentProcess(), &created, &ended, &kernel, &user))
        return 0;
    return seconds_of(&kernel) + seconds_of(&user);
}

long host_peak_kib(void)
{
    PROCESS_MEMORY_COUNTERS counters;

    if (!GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof(counters)))
        return 0;
    return (long)(counters.PeakWorkingSetSize / 1024);
}

bool host_limits_descriptors(void)
{
    return false;
}

void host_descriptors_max(size_t wanted)
{
    (void)wanted;
}

void host_descriptors_exhaust(void)
{
}

bool host_signals_are_default(void)
{
    return true;
}

double host_seconds(void)
{
    LARGE_INTEGER now;
    LARGE_INTEGER per_second;

    (void)QueryPerformanceCounter(&now);
    (void)QueryPerformanceFrequency(&per_second);
    return (double)now.QuadPart / (double)per_second.QuadPart;
}

void host_sleep_ms(unsigned ms)
{
    Sleep(ms);
}

size_t host_bytes_while_read(void)
{
    return 8 << 10;
}

bool host_has_ip6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    SOCKET s = socket(AF_INET6, SOCK_STREAM, 0);
    bool possible =
        s != INVALID_SOCKET && bind(s, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (s != INVALID_SOCKET)
        (void)closesocket(s);
    return possible;
}

bool host_has_unix_sockets(void)
{
    return false;
}

bool host_user(uint64_t *uid, uint64_t *gid)
{
    *uid = 0;
    *gid = 0;
    return false;
}

int host_thread(void)
{
    return (int)GetCurrentThreadId();
}

/* Nobody tells: 20 ms are enough to get into a call that waits. */
bool host_thread_sleeps(int thread)
{
    (void)thread;
    Sleep(20);
    return true;
}

bool host_switches(unsigned long *switches)
{
    *switches = 0;
    return false;
}

/* Named pipes have no directory. */
void host_directory_make(char *path, size_t room)
{
    (void)snprintf(path, room, "spry-test-%lu", GetCurrentProcessId());
}

void host_directory_remove(const char *path)
{
    (void)path;
}

bool host_pair(intptr_t ends[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int bytes = sizeof(address);
    SOCKET listener = socket(AF_INET, SOCK_STREAM, 0);
    SOCKET first = socket(AF_INET, SOCK_STREAM, 0);
    SOCKET second = INVALID_SOCKET;
    u_long nonblocking = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        listen(listener, 1) == 0 &&
        getsockname(listener, (struct sockaddr *)&address, &bytes) == 0 &&
        connect(first, (struct sockaddr *)&address, sizeof(address)) == 0)
        second = accept(listener, NULL, NULL);
    (void)closesocket(listener);
    if (second == INVALID_SOCKET) {
        (void)closesocket(first);
        return false;
    }
    (void)ioctlsocket(first, (long)FIONBIO, &nonblocking);
    (void)ioctlsocket(second, (long)FIONBIO, &nonblocking);
    ends[0] = (intptr_t)first;
    ends[1] = (intptr_t)second;
    return true;
}

bool host_send(intptr_t end, const void *data, size_t bytes)
{
    return send((SOCKET)end, data, (int)bytes, 0) == (int)bytes;
}

void host_close(intptr_t end)
{
    (void)closesocket((SOCKET)end);
}

bool host_polls(int descriptor, int timeout_ms)
{
    struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    fd_set set = {.fd_count = 1, .fd_array = {(SOCKET)descriptor}};

    return select(0, &set, NULL, NULL, &limit) != 0; /* closed by another thread counts, as there */
}
