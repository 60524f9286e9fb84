/*
 * Round trips over a named pipe between two processes: bare overlapped I/O on a completion port, or
 * a program of nng's API on the same machine.
 *
 *   pingpong bare-server NAME            pingpong bare-client NAME ROUNDS
 *   pingpong sp-server ipc://NAME        pingpong sp-client ipc://NAME ROUNDS
 *
 * A client prints the median in microseconds and ends; a server answers until it is killed. The bare
 * frames are as long as those of a 64-byte request: 9 bytes of head and 4 of request id.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

enum { BODY = 64, FRAME = 9 + 4 + BODY, WARM = 200 };

static void need(int ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s: error %lu\n", what, GetLastError());
    exit(1);
}

static double now_us(void)
{
    LARGE_INTEGER count;
    LARGE_INTEGER rate;

    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&rate);
    return (double)count.QuadPart * 1e6 / (double)rate.QuadPart;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Runs `trip` WARM + `rounds` times. */
static void measure(void (*trip)(void), int rounds)
{
    double *took = malloc((size_t)rounds * sizeof(*took));

    need(took != NULL, "malloc");
    for (int i = 0; i < WARM; i++)
        trip();
    for (int i = 0; i < rounds; i++) {
        double start = now_us();

        trip();
        took[i] = now_us() - start;
    }
    qsort(took, (size_t)rounds, sizeof(*took), by_value);
    printf("%.1f\n", took[rounds / 2]);
    free(took);
}

/* ---- bare ---- */

static HANDLE bare;
static HANDLE port;
static char frame[FRAME];

static void bare_attach(void)
{
    port = CreateIoCompletionPort(bare, NULL, 0, 0);
    need(port != NULL, "completion port");
    need(SetFileCompletionNotificationModes(bare, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS), "modes");
}

/* One call to its end: at once, or by its packet. */
static DWORD bare_end(BOOL ok, DWORD bytes)
{
    OVERLAPPED_ENTRY packet;
    ULONG count;

    if (ok)
        return bytes;
    need(GetLastError() == ERROR_IO_PENDING, "overlapped call");
    need(GetQueuedCompletionStatusEx(port, &packet, 1, &count, INFINITE, FALSE), "packet");
    return packet.dwNumberOfBytesTransferred;
}

static void bare_write(void)
{
    OVERLAPPED overlapped = {0};
    DWORD bytes = 0;
    BOOL ok = WriteFile(bare, frame, FRAME, &bytes, &overlapped);

    need(bare_end(ok, bytes) == FRAME, "write");
}

static void bare_read(void)
{
    for (DWORD have = 0; have < FRAME;) {
        OVERLAPPED overlapped = {0};
        DWORD bytes = 0;
        BOOL ok = ReadFile(bare, frame + have, FRAME - have, &bytes, &overlapped);

        bytes = bare_end(ok, bytes);
        if (bytes == 0)
            exit(0);
        have += bytes;
    }
}

static void bare_trip(void)
{
    bare_write();
    bare_read();
}

static void pipe_name(char *out, size_t room, const char *name)
{
    (void)snprintf(out, room, "\\\\.\\pipe\\%s", name);
}

static int bare_server(const char *name)
{
    char path[200];
    OVERLAPPED overlapped = {0};
    DWORD bytes = 0;
    BOOL ok;

    pipe_name(path, sizeof(path), name);
    bare = CreateNamedPipeA(path, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE, 1, 65536, 65536, 0, NULL);
    need(bare != INVALID_HANDLE_VALUE, "create pipe");
    bare_attach();
    ok = ConnectNamedPipe(bare, &overlapped);
    if (!ok && GetLastError() != ERROR_PIPE_CONNECTED)
        (void)bare_end(ok, bytes);
    for (;;) {
        bare_read();
        bare_write();
    }
}

static int bare_client(const char *name, int rounds)
{
    char path[200];

    pipe_name(path, sizeof(path), name);
    for (int i = 0; i < 200; i++) {
        bare = CreateFileA(path, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                           FILE_FLAG_OVERLAPPED, NULL);
        if (bare != INVALID_HANDLE_VALUE)
            break;
        Sleep(20);
    }
    need(bare != INVALID_HANDLE_VALUE, "open pipe");
    bare_attach();
    measure(bare_trip, rounds);
    return 0;
}

/* ---- SP ---- */

static nng_socket sp;

static void fine(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
    exit(1);
}

static int sp_server(const char *url)
{
    fine(nng_rep0_open(&sp), "open");
    fine(nng_listen(sp, url, NULL, 0), "listen");
    for (;;) {
        nng_msg *msg;

        fine(nng_recvmsg(sp, &msg, 0), "receive");
        fine(nng_sendmsg(sp, msg, 0), "send");
    }
}

static void sp_trip(void)
{
    nng_msg *msg;

    fine(nng_msg_alloc(&msg, BODY), "message");
    fine(nng_sendmsg(sp, msg, 0), "send");
    fine(nng_recvmsg(sp, &msg, 0), "receive");
    nng_msg_free(msg);
}

static int sp_client(const char *url, int rounds)
{
    fine(nng_req0_open(&sp), "open");
    fine(nng_socket_set_ms(sp, NNG_OPT_RECONNMINT, 20), "reconnect time");
    fine(nng_dial(sp, url, NULL, NNG_FLAG_NONBLOCK), "dial");
    measure(sp_trip, rounds);
    fine(nng_close(sp), "close");
    return 0;
}

int main(int argc, char **argv)
{
    int rounds = argc > 3 ? atoi(argv[3]) : 0;

    if (argc == 3 && strcmp(argv[1], "bare-server") == 0)
        return bare_server(argv[2]);
    if (argc == 3 && strcmp(argv[1], "sp-server") == 0)
        return sp_server(argv[2]);
    if (rounds > 0 && strcmp(argv[1], "bare-client") == 0)
        return bare_client(argv[2], rounds);
    if (rounds > 0 && strcmp(argv[1], "sp-client") == 0)
        return sp_client(argv[2], rounds);
    fprintf(stderr, "usage: pingpong bare-server|sp-server NAME, bare-client|sp-client NAME ROUNDS\n");
    return 2;
}
