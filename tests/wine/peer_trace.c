/*
 * What a peer asked of its library and what the library asked of Windows, kept in a file that can
 * be read after the peer was killed. It tells whose fault a hang is; see peers.
 *
 * Linked into both peers, Spry's and nng's, in the same way: the application's calls come here
 * because peer.c is compiled with -Dnng_send=peer_send and so on, the library's calls because of
 * ld's --wrap=__imp_NAME: __imp_NAME is the pointer through which a function of a DLL is called.
 *
 * The file is mapped memory: one record is a few stores, no system call, so the trace changes
 * little in what it watches. Its layout is known to peers too.
 */
#define _WIN32_WINNT 0x0602
#include <winsock2.h>

#include <windows.h>

#include <nng/nng.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    RECORDS = 1 << 14, /* the last ones are kept */
    CALLS = 256,       /* OVERLAPPEDs known at a time */
};

enum kind {
    KIND_NONE,
    KIND_APP_SEND, /* value: how many sends began before; the rest likewise */
    KIND_APP_SENT,
    KIND_APP_RECEIVE,
    KIND_APP_RECEIVED,
    KIND_WRITE, /* value: bytes wanted */
    KIND_READ,
    KIND_RETURN, /* of the call with that OVERLAPPED; value: 0 or the error */
    KIND_PACKET, /* of the call with that OVERLAPPED; value: bytes; detail: error or NTSTATUS */
    KIND_CONNECT,
    KIND_CANCEL,
    KIND_CLOSE,
};

struct record {
    uint64_t ticks;
    uint64_t id; /* OVERLAPPED, or handle */
    uint64_t value;
    uint32_t detail; /* of READ, WRITE: the handle */
    uint16_t kind;
    uint16_t thread;
};

struct header {
    uint64_t ticks_per_second;
    uint64_t begun; /* records, also those that were overwritten */
    uint64_t written, read; /* bytes in completed calls */
    uint64_t sends, sents, receives, receiveds; /* calls of the application, begun and ended */
    uint64_t writing, reading; /* calls that wait for their packet */
    uint64_t unknown; /* packets of calls not seen here: accept, connect */
    uint64_t overflow; /* calls that found no room in the table: the trace is no proof then */
    uint64_t spare[4];
};

static struct file {
    struct header header;
    struct record records[RECORDS];
} fallback, *file = &fallback;

/* The call in flight of each OVERLAPPED. */
static struct call {
    void *id;
    enum kind kind;
} calls[CALLS];
static HANDLE silent[CALLS]; /* handles that queue no packet for success at once */
static SRWLOCK lock = SRWLOCK_INIT;

static void count(uint64_t *counter, uint64_t by)
{
    __atomic_fetch_add(counter, by, __ATOMIC_RELAXED);
}

static void record(enum kind kind, const void *id, uint64_t value, uint32_t detail)
{
    uint64_t number = __atomic_fetch_add(&file->header.begun, 1, __ATOMIC_RELAXED);
    struct record *r = &file->records[number % RECORDS];
    LARGE_INTEGER now;

    QueryPerformanceCounter(&now);
    r->kind = KIND_NONE;
    r->ticks = (uint64_t)now.QuadPart;
    r->id = (uintptr_t)id;
    r->value = value;
    r->detail = detail;
    r->thread = (uint16_t)GetCurrentThreadId();
    r->kind = (uint16_t)kind;
}

static struct call *call_find(const void *id)
{
    for (int i = 0; i < CALLS; i++)
        if (calls[i].id == id)
            return &calls[i];
    return NULL;
}

static void call_begin(void *id, enum kind kind, uint64_t bytes, uintptr_t handle)
{
    struct call *call;

    record(kind, id, bytes, (uint32_t)handle);
    if (id == NULL)
        return;
    AcquireSRWLockExclusive(&lock);
    call = call_find(NULL);
    if (call != NULL)
        *call = (struct call){id, kind};
    else
        file->header.overflow++;
    ReleaseSRWLockExclusive(&lock);
    count(kind == KIND_WRITE ? &file->header.writing : &file->header.reading, 1);
}

static void call_end(void *id, uint64_t bytes)
{
    enum kind kind = KIND_NONE;
    struct call *call;

    AcquireSRWLockExclusive(&lock);
    call = call_find(id);
    if (call != NULL) {
        kind = call->kind;
        call->id = NULL;
    }
    ReleaseSRWLockExclusive(&lock);
    if (kind == KIND_WRITE) {
        count(&file->header.written, bytes);
        count(&file->header.writing, (uint64_t)-1);
    } else if (kind == KIND_READ) {
        count(&file->header.read, bytes);
        count(&file->header.reading, (uint64_t)-1);
    } else {
        count(&file->header.unknown, 1);
    }
}

static bool handle_is_silent(HANDLE handle)
{
    bool found = false;

    AcquireSRWLockShared(&lock);
    for (int i = 0; i < CALLS && !found; i++)
        found = silent[i] == handle;
    ReleaseSRWLockShared(&lock);
    return found;
}

static void handle_set_silent(HANDLE handle, bool on)
{
    AcquireSRWLockExclusive(&lock);
    for (int i = 0; i < CALLS; i++) {
        if (silent[i] == (on ? NULL : handle)) {
            silent[i] = on ? handle : NULL;
            break;
        }
    }
    ReleaseSRWLockExclusive(&lock);
}

/* After the system call: the thread's error code is kept for the caller. */
static void call_returned(HANDLE handle, OVERLAPPED *id, bool good)
{
    DWORD error = good ? 0 : GetLastError();

    record(KIND_RETURN, id, error, 0);
    if (id == NULL) {
        /* A synchronous call is not the library's. */
    } else if (good && handle_is_silent(handle)) {
        call_end(id, id->InternalHigh);
    } else if (!good && error != ERROR_IO_PENDING) {
        call_end(id, 0);
    }
    SetLastError(error);
}

static void packet(OVERLAPPED *id, uint64_t bytes, uint32_t error)
{
    if (id == NULL)
        return;
    record(KIND_PACKET, id, bytes, error);
    call_end(id, bytes);
}

/* __imp_NAME as the libraries see it, and as it was. */
#define WRAP(result, name, ...)                                                                    \
    extern result(WINAPI *__real___imp_##name)(__VA_ARGS__);                                       \
    static result WINAPI wrap_##name(__VA_ARGS__);                                                 \
    result(WINAPI *__wrap___imp_##name)(__VA_ARGS__) = wrap_##name;                                \
    static result WINAPI wrap_##name(__VA_ARGS__)
#define REAL(name) __real___imp_##name

WRAP(BOOL, ReadFile, HANDLE handle, void *data, DWORD size, DWORD *moved, OVERLAPPED *id)
{
    BOOL good;

    call_begin(id, KIND_READ, size, (uintptr_t)handle);
    good = REAL(ReadFile)(handle, data, size, moved, id);
    call_returned(handle, id, good);
    return good;
}

WRAP(BOOL, WriteFile, HANDLE handle, const void *data, DWORD size, DWORD *moved, OVERLAPPED *id)
{
    BOOL good;

    call_begin(id, KIND_WRITE, size, (uintptr_t)handle);
    good = REAL(WriteFile)(handle, data, size, moved, id);
    call_returned(handle, id, good);
    return good;
}

static uint64_t span_bytes(const WSABUF *spans, DWORD n)
{
    uint64_t bytes = 0;

    for (DWORD i = 0; i < n; i++)
        bytes += spans[i].len;
    return bytes;
}

WRAP(int, WSASend, SOCKET handle, WSABUF *spans, DWORD n, DWORD *moved, DWORD flags,
     OVERLAPPED *id, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    int rv;

    call_begin(id, KIND_WRITE, span_bytes(spans, n), handle);
    rv = REAL(WSASend)(handle, spans, n, moved, flags, id, routine);
    call_returned((HANDLE)handle, id, rv == 0);
    return rv;
}

WRAP(int, WSARecv, SOCKET handle, WSABUF *spans, DWORD n, DWORD *moved, DWORD *flags,
     OVERLAPPED *id, LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    int rv;

    call_begin(id, KIND_READ, span_bytes(spans, n), handle);
    rv = REAL(WSARecv)(handle, spans, n, moved, flags, id, routine);
    call_returned((HANDLE)handle, id, rv == 0);
    return rv;
}

WRAP(BOOL, GetQueuedCompletionStatus, HANDLE port, DWORD *bytes, ULONG_PTR *key, OVERLAPPED **id,
     DWORD timeout)
{
    BOOL good = REAL(GetQueuedCompletionStatus)(port, bytes, key, id, timeout);
    DWORD error = good ? 0 : GetLastError();

    packet(*id, *bytes, error);
    SetLastError(error);
    return good;
}

WRAP(BOOL, GetQueuedCompletionStatusEx, HANDLE port, OVERLAPPED_ENTRY *entries, ULONG max,
     ULONG *n, DWORD timeout, BOOL alertable)
{
    BOOL good = REAL(GetQueuedCompletionStatusEx)(port, entries, max, n, timeout, alertable);
    DWORD error = good ? 0 : GetLastError();

    for (ULONG i = 0; good && i < *n; i++) {
        OVERLAPPED *id = entries[i].lpOverlapped;

        packet(id, entries[i].dwNumberOfBytesTransferred, id != NULL ? (uint32_t)id->Internal : 0);
    }
    SetLastError(error);
    return good;
}

WRAP(BOOL, SetFileCompletionNotificationModes, HANDLE handle, UCHAR modes)
{
    BOOL good = REAL(SetFileCompletionNotificationModes)(handle, modes);

    if (good && (modes & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0)
        handle_set_silent(handle, true);
    return good;
}

WRAP(BOOL, ConnectNamedPipe, HANDLE handle, OVERLAPPED *id)
{
    BOOL good;
    DWORD error;

    record(KIND_CONNECT, id, 0, (uint32_t)(uintptr_t)handle);
    good = REAL(ConnectNamedPipe)(handle, id);
    error = GetLastError();
    record(KIND_RETURN, id, good ? 0 : error, 0);
    SetLastError(error);
    return good;
}

WRAP(BOOL, CancelIoEx, HANDLE handle, OVERLAPPED *id)
{
    record(KIND_CANCEL, id, 0, (uint32_t)(uintptr_t)handle);
    return REAL(CancelIoEx)(handle, id);
}

WRAP(BOOL, CloseHandle, HANDLE handle)
{
    record(KIND_CLOSE, handle, 0, 0);
    handle_set_silent(handle, false);
    return REAL(CloseHandle)(handle);
}

WRAP(int, closesocket, SOCKET handle)
{
    record(KIND_CLOSE, (void *)handle, 0, 0);
    handle_set_silent((HANDLE)handle, false);
    return REAL(closesocket)(handle);
}

/* Around each of the application's calls. */
#define APP(begin, begun, end, ended, call)                                                        \
    int rv;                                                                                        \
    record(begin, NULL, file->header.begun, 0);                                                    \
    count(&file->header.begun, 1);                                                                 \
    rv = call;                                                                                     \
    record(end, NULL, file->header.ended, (uint32_t)rv);                                           \
    count(&file->header.ended, 1);                                                                 \
    return rv

int peer_send(nng_socket s, void *body, size_t size, int flags)
{
    APP(KIND_APP_SEND, sends, KIND_APP_SENT, sents, nng_send(s, body, size, flags));
}

int peer_recv(nng_socket s, void *body, size_t *size, int flags)
{
    APP(KIND_APP_RECEIVE, receives, KIND_APP_RECEIVED, receiveds, nng_recv(s, body, size, flags));
}

int peer_sendmsg(nng_socket s, nng_msg *msg, int flags)
{
    APP(KIND_APP_SEND, sends, KIND_APP_SENT, sents, nng_sendmsg(s, msg, flags));
}

int peer_recvmsg(nng_socket s, nng_msg **msg, int flags)
{
    APP(KIND_APP_RECEIVE, receives, KIND_APP_RECEIVED, receiveds, nng_recvmsg(s, msg, flags));
}

/* The file's name is in the environment; without it the trace goes nowhere. */
static __attribute__((constructor)) void trace_open(void)
{
    const char *name = getenv("PEER_TRACE");
    LARGE_INTEGER frequency;
    HANDLE handle, mapping;
    void *memory;

    if (name == NULL)
        return;
    handle = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ | FILE_SHARE_WRITE,
                         NULL, CREATE_ALWAYS, FILE_ATTRIBUTE_NORMAL, NULL);
    if (handle == INVALID_HANDLE_VALUE)
        abort();
    mapping = CreateFileMappingA(handle, NULL, PAGE_READWRITE, 0, sizeof(*file), NULL);
    memory = mapping != NULL ? MapViewOfFile(mapping, FILE_MAP_WRITE, 0, 0, 0) : NULL;
    if (memory == NULL)
        abort();
    file = memory;
    QueryPerformanceFrequency(&frequency);
    file->header.ticks_per_second = (uint64_t)frequency.QuadPart;
}
