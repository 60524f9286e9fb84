/* Blocking sockets with time limits, and named pipes whose calls are given up after the same time. */
#include "raw_peer.h"

#include <winsock2.h>

#include <windows.h>
#include <ws2tcpip.h>

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <check.h>

#include "host.h"

enum { PIPE_BYTES = 64 << 10, GRACE_MS = 100 };

/* What raw_peer.fd points to: a socket or a pipe, or what listens for pipes. */
struct end {
    SOCKET socket; /* INVALID_SOCKET: a pipe */
    HANDLE pipe;
    wchar_t name[300];
    OVERLAPPED connecting; /* of a listener's pipe; its event says that the call has ended */
    bool arrived;          /* the client was there before the call, or came and left */
    bool finished;
};

static struct end *end_of(const struct raw_peer *peer)
{
    return (struct end *)peer->fd; /* NOLINT: made from a pointer */
}

static bool is_pipe(const char *url)
{
    return strncmp(url, "ipc://", 6) == 0;
}

static struct raw_peer end_make(SOCKET s, HANDLE pipe)
{
    struct end *end = calloc(1, sizeof(*end));
    DWORD limit_ms = RAW_DEADLINE_MS;

    ck_assert_ptr_nonnull(end);
    end->socket = s;
    end->pipe = pipe;
    if (s != INVALID_SOCKET) {
        (void)setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, (const char *)&limit_ms, sizeof(limit_ms));
        (void)setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, (const char *)&limit_ms, sizeof(limit_ms));
        (void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (const char *)&(BOOL){TRUE}, sizeof(BOOL));
    }
    return (struct raw_peer){(intptr_t)end, s == INVALID_SOCKET};
}

static struct sockaddr_in address_of(const char *url)
{
    const char *port = strrchr(url, ':');
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[64] = "";

    ck_assert_int_eq(strncmp(url, "tcp://", 6), 0);
    strncat(host, url + 6, (size_t)(port - url - 6));
    address.sin_port = htons((uint16_t)atoi(port + 1));
    ck_assert_int_eq(inet_pton(AF_INET, host, &address.sin_addr), 1);
    return address;
}

static void name_of(const char *url, wchar_t name[300])
{
    wcscpy(name, L"\\\\.\\pipe\\");
    ck_assert_int_gt(MultiByteToWideChar(CP_UTF8, 0, url + 6, -1, name + wcslen(name), 280), 0);
}

struct raw_peer raw_socket(const char *url)
{
    SOCKET s;

    if (is_pipe(url))
        return end_make(INVALID_SOCKET, INVALID_HANDLE_VALUE);
    s = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_msg(s != INVALID_SOCKET, "no socket: %d", WSAGetLastError());
    return end_make(s, INVALID_HANDLE_VALUE);
}

/* A listener that has no instance free for a moment is as good as a backlog that is full. */
static HANDLE pipe_open(const wchar_t *name)
{
    double limit = host_seconds() + RAW_DEADLINE_MS / 1000.0;

    for (;;) {
        HANDLE pipe = CreateFileW(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                                  FILE_FLAG_OVERLAPPED, NULL);

        if (pipe != INVALID_HANDLE_VALUE || GetLastError() != ERROR_PIPE_BUSY ||
            host_seconds() > limit)
            return pipe;
        Sleep(1);
    }
}

void raw_connect_to(const struct raw_peer *peer, const char *url)
{
    struct end *end = end_of(peer);

    if (is_pipe(url)) {
        name_of(url, end->name);
        end->pipe = pipe_open(end->name);
        ck_assert_msg(end->pipe != INVALID_HANDLE_VALUE, "open %s: %lu", url, GetLastError());
    } else {
        struct sockaddr_in address = address_of(url);

        ck_assert_msg(connect(end->socket, (struct sockaddr *)&address, sizeof(address)) == 0,
                      "connect %s: %d", url, WSAGetLastError());
    }
}

static void pipe_call(struct end *end)
{
    ck_assert(ResetEvent(end->connecting.hEvent));
    end->arrived =
        !ConnectNamedPipe(end->pipe, &end->connecting) && GetLastError() != ERROR_IO_PENDING;
    if (end->arrived)
        (void)SetEvent(end->connecting.hEvent);
}

/* The next instance of a listener's pipe, and a client called for. */
static void pipe_arm(struct end *end, bool first)
{
    DWORD once = first ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0;

    end->pipe = CreateNamedPipeW(end->name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | once,
                                 PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT,
                                 PIPE_UNLIMITED_INSTANCES, PIPE_BYTES, PIPE_BYTES, 0, NULL);
    ck_assert_msg(end->pipe != INVALID_HANDLE_VALUE, "make a pipe: %lu", GetLastError());
    pipe_call(end);
}

/* A call ends with the thread that made it, unless its handle has a completion port. */
static bool pipe_came(struct end *end, int timeout_ms)
{
    double limit = host_seconds() + timeout_ms / 1000.0;

    for (;;) {
        double left = limit - host_seconds();
        DWORD bytes;

        if (WaitForSingleObject(end->connecting.hEvent, left > 0 ? (DWORD)(left * 1000) : 0) != 0)
            return false;
        if (end->arrived || GetOverlappedResult(end->pipe, &end->connecting, &bytes, FALSE) ||
            GetLastError() != ERROR_OPERATION_ABORTED)
            return true;
        pipe_call(end);
    }
}

struct raw_peer raw_listen(const char *url)
{
    if (is_pipe(url)) {
        struct raw_peer peer = end_make(INVALID_SOCKET, INVALID_HANDLE_VALUE);
        struct end *end = end_of(&peer);

        name_of(url, end->name);
        end->connecting.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL);
        pipe_arm(end, true);
        return peer;
    } else {
        struct raw_peer peer = raw_socket(url);
        SOCKET s = end_of(&peer)->socket;
        struct sockaddr_in address = address_of(url);

        (void)setsockopt(s, SOL_SOCKET, SO_REUSEADDR, (const char *)&(BOOL){TRUE}, sizeof(BOOL));
        ck_assert_msg(bind(s, (struct sockaddr *)&address, sizeof(address)) == 0, "bind %s: %d",
                      url, WSAGetLastError());
        ck_assert_int_eq(listen(s, 128), 0);
        return peer;
    }
}

bool raw_readable(const struct raw_peer *peer, int timeout_ms)
{
    struct end *end = end_of(peer);

    if (end->socket == INVALID_SOCKET) {
        double limit = host_seconds() + timeout_ms / 1000.0;

        for (;;) {
            DWORD bytes = 0;

            if (!PeekNamedPipe(end->pipe, NULL, 0, NULL, &bytes, NULL) || bytes > 0)
                return true;
            if (host_seconds() >= limit)
                return false;
            Sleep(1);
        }
    } else {
        struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
        fd_set set = {.fd_count = 1, .fd_array = {end->socket}};

        return select(0, &set, NULL, NULL, &limit) == 1;
    }
}

bool raw_may_accept(const struct raw_peer *listener, int timeout_ms)
{
    struct end *end = end_of(listener);

    if (end->socket != INVALID_SOCKET)
        return raw_readable(listener, timeout_ms);
    return pipe_came(end, timeout_ms);
}

struct raw_peer raw_accept(const struct raw_peer *listener)
{
    struct end *end = end_of(listener);
    HANDLE pipe = end->pipe;
    SOCKET s;

    ck_assert_msg(raw_may_accept(listener, RAW_DEADLINE_MS), "nobody connected");
    if (end->socket == INVALID_SOCKET) {
        pipe_arm(end, false);
        return end_make(INVALID_SOCKET, pipe);
    }
    s = accept(end->socket, NULL, NULL);
    ck_assert_msg(s != INVALID_SOCKET, "accept: %d", WSAGetLastError());
    return end_make(s, INVALID_HANDLE_VALUE);
}

void raw_close(struct raw_peer *peer)
{
    struct end *end = end_of(peer);

    if (end->connecting.hEvent != NULL) { /* the OVERLAPPED is the kernel's until that has ended */
        DWORD bytes;

        (void)CancelIoEx(end->pipe, &end->connecting);
        if (!end->arrived)
            (void)GetOverlappedResult(end->pipe, &end->connecting, &bytes, TRUE);
        (void)CloseHandle(end->connecting.hEvent);
    }
    if (end->socket != INVALID_SOCKET)
        ck_assert_int_eq(closesocket(end->socket), 0);
    else if (end->pipe != INVALID_HANDLE_VALUE)
        ck_assert(CloseHandle(end->pipe));
    free(end);
    peer->fd = -1;
}

void raw_reset(struct raw_peer *peer)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    SOCKET s = end_of(peer)->socket;

    if (s != INVALID_SOCKET)
        (void)setsockopt(s, SOL_SOCKET, SO_LINGER, (const char *)&linger, sizeof(linger));
    raw_close(peer);
}

void raw_finish(const struct raw_peer *peer)
{
    struct end *end = end_of(peer);

    if (end->socket != INVALID_SOCKET)
        (void)shutdown(end->socket, SD_SEND);
    else
        end->finished = true;
}

/* Reads or writes on a pipe within the limit: the bytes, or a Win32 error. */
static DWORD pipe_move(HANDLE pipe, bool write, void *data, DWORD bytes, DWORD *moved)
{
    OVERLAPPED call = {.hEvent = CreateEventW(NULL, TRUE, FALSE, NULL)};
    BOOL ok = write ? WriteFile(pipe, data, bytes, NULL, &call)
                    : ReadFile(pipe, data, bytes, NULL, &call);
    DWORD error = ok ? 0 : GetLastError();

    *moved = 0;
    if (error == ERROR_IO_PENDING && WaitForSingleObject(call.hEvent, RAW_DEADLINE_MS) != 0)
        (void)CancelIoEx(pipe, &call);
    if (error == 0 || error == ERROR_IO_PENDING)
        error = GetOverlappedResult(pipe, &call, moved, TRUE) ? 0 : GetLastError();
    (void)CloseHandle(call.hEvent);
    return error;
}

bool raw_try_send(const struct raw_peer *peer, const void *data, size_t bytes)
{
    struct end *end = end_of(peer);
    const char *at = data;

    while (bytes > 0) {
        DWORD put;

        if (end->socket != INVALID_SOCKET) {
            int n = send(end->socket, at, (int)bytes, 0);

            if (n <= 0)
                return false;
            put = (DWORD)n;
        } else if (pipe_move(end->pipe, true, (void *)(uintptr_t)at, (DWORD)bytes, &put) != 0) {
            return false;
        }
        at += put;
        bytes -= put;
    }
    return true;
}

static ssize_t pipe_read(struct end *end, void *data, size_t bytes)
{
    DWORD got;
    DWORD error;

    do {
        error = pipe_move(end->pipe, false, data, (DWORD)bytes, &got);
    } while (error == 0 && got == 0); /* an empty write of the other side */
    if (error == ERROR_BROKEN_PIPE)
        return 0;
    if (error == ERROR_PIPE_NOT_CONNECTED || error == ERROR_NO_DATA)
        return -1;
    ck_assert_msg(error == 0, "read: %lu", error);
    return (ssize_t)got;
}

ssize_t raw_try_read(const struct raw_peer *peer, void *data, size_t bytes)
{
    struct end *end = end_of(peer);
    int got;

    if (end->socket == INVALID_SOCKET) {
        if (end->finished && !raw_readable(peer, GRACE_MS)) {
            (void)CloseHandle(end->pipe);
            end->pipe = INVALID_HANDLE_VALUE;
        }
        return end->pipe == INVALID_HANDLE_VALUE ? 0 : pipe_read(end, data, bytes);
    }
    got = recv(end->socket, data, (int)bytes, 0);
    ck_assert_msg(got >= 0 || WSAGetLastError() == WSAECONNRESET ||
                      WSAGetLastError() == WSAECONNABORTED,
                  "read: %d", WSAGetLastError());
    return got < 0 ? -1 : got;
}
