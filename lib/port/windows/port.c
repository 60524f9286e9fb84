/*
 * Completions from a completion port. Win32 calls on a handle are made with the lock held and while
 * it is open; what they brought is taken further without (call_outcome).
 */
#include "port.h"

#include "alloc.h"
#include "list.h"
#include "net.h"
#include "system.h"
#include "timeout.h"

#include <nng/nng.h>

#include <winsock2.h>

#include <ws2tcpip.h>

#include <mswsock.h>
#include <windows.h>
#include <winternl.h>

#include <string.h>

/*
 * How many threads may run that have waited in the port: all. The usual limit, one for each processor,
 * counts each thread that ever blocked in the library, even while it computes, and would keep packets
 * from the one that waits.
 */
enum { THREADS_MAX = 0x7fffffff };

enum {
    PACKETS_MAX = 32,    /* of one wait */
    CHUNK_MAX = 1 << 20, /* of one call: what the kernel may have to lock or copy */
    EMPTIES_MAX = 1000,  /* a peer that writes nothing, so often, is not one of ours */
    WAKES_MAX = 100,     /* tries to post a wake-up while the system is short of memory */
    ACCEPT_ADDRESS = sizeof(struct sockaddr_storage) + 16 /* as AcceptEx wants it */
};

_Static_assert(sizeof(OVERLAPPED) <= sizeof(((struct call *)0)->overlapped), "room for it");
_Static_assert(offsetof(struct call, overlapped) == 0, "a packet names its call");
_Static_assert(_Alignof(struct call) >= _Alignof(OVERLAPPED), "and may lie where it does");
_Static_assert(2 * ACCEPT_ADDRESS <= OP_SCRATCH_BYTES, "two addresses fit");

static HANDLE handle_of(const struct descriptor *descriptor)
{
    return (HANDLE)descriptor->handle;
}

static SOCKET socket_of(const struct descriptor *descriptor)
{
    return (SOCKET)descriptor->handle;
}

static bool is_pipe(const struct descriptor *descriptor)
{
    return descriptor->kind == ATTACH_PIPE || descriptor->kind == ATTACH_INSTANCE;
}

static OVERLAPPED *overlapped_of(struct call *call)
{
    return (OVERLAPPED *)(void *)call->overlapped;
}

static struct call *call_of(const struct op *op)
{
    bool in = op->kind == OP_READ || op->kind == OP_ACCEPT;

    return &op->descriptor->calls[in ? CALL_IN : CALL_OUT];
}

/* ---- making a call: lock held ---- */

/* NULL: no memory. Until the op is complete. */
static uint8_t *call_room(struct call *call)
{
    if (call->room == NULL)
        call->room = spry_alloc(OP_SCRATCH_BYTES);
    return call->room;
}

static DWORD chunk(size_t bytes)
{
    return bytes < CHUNK_MAX ? (DWORD)bytes : CHUNK_MAX;
}

/* The result of a call as an error code; ERROR_IO_PENDING: the kernel has it. */
static DWORD file_result(BOOL ok)
{
    return ok ? ERROR_SUCCESS : GetLastError();
}

static DWORD socket_result(int rv)
{
    return rv == 0 ? ERROR_SUCCESS : (DWORD)WSAGetLastError();
}

static DWORD to_buffers(WSABUF *buffers, const struct span *spans, size_t count)
{
    DWORD used = 0;
    size_t bytes = 0;

    for (; used < count && bytes < CHUNK_MAX; used++) {
        buffers[used].buf = spans[used].data;
        buffers[used].len = chunk(spans[used].bytes);
        bytes += spans[used].bytes;
        if (buffers[used].len < spans[used].bytes)
            return used + 1; /* not whole: what comes behind must wait */
    }
    return used;
}

/*
 * A read waits as a read of no bytes, so that a connection without traffic holds no buffer; then it
 * takes what is there. `bytes` counts if no packet comes. Otherwise it is nobody's, since whoever
 * dequeues the packet may be ahead of the call's return.
 */
static DWORD call_read(struct call *call, DWORD *bytes)
{
    struct descriptor *descriptor = call->descriptor;
    struct span spans[OP_SPANS_MAX] = {{call->overlapped, 0}};
    WSABUF buffers[OP_SPANS_MAX];
    DWORD flags = 0;
    size_t count = 1;

    if (!call->waiting) {
        if (call_room(call) == NULL)
            return ERROR_NOT_ENOUGH_MEMORY;
        count = call->op->work->spans(call->op, spans, call->room);
    }
    if (is_pipe(descriptor))
        return file_result(ReadFile(handle_of(descriptor), spans[0].data, chunk(spans[0].bytes),
                                    bytes, overlapped_of(call)));
    return socket_result(WSARecv(socket_of(descriptor), buffers, to_buffers(buffers, spans, count),
                                 bytes, &flags, overlapped_of(call), NULL));
}

/* Pipes do not gather: what is small leaves together, from a block of its own. */
static struct span gather(struct call *call, const struct span *spans, size_t count)
{
    struct span all = spans[0];

    if (count == 1 || spans[0].bytes >= OP_SCRATCH_BYTES || call_room(call) == NULL)
        return all;
    all = (struct span){call->room, 0};
    for (size_t i = 0; i < count && all.bytes < OP_SCRATCH_BYTES; i++) {
        size_t left = OP_SCRATCH_BYTES - all.bytes;
        size_t bytes = spans[i].bytes < left ? spans[i].bytes : left;

        memcpy(call->room + all.bytes, spans[i].data, bytes);
        all.bytes += bytes;
    }
    return all;
}

static DWORD call_write(struct call *call, DWORD *bytes)
{
    struct descriptor *descriptor = call->descriptor;
    struct span spans[OP_SPANS_MAX];
    WSABUF buffers[OP_SPANS_MAX];
    size_t count = call->op->work->spans(call->op, spans, NULL);

    if (is_pipe(descriptor)) {
        struct span all = gather(call, spans, count);

        return file_result(WriteFile(handle_of(descriptor), all.data, chunk(all.bytes), bytes,
                                     overlapped_of(call)));
    }
    return socket_result(WSASend(socket_of(descriptor), buffers, to_buffers(buffers, spans, count),
                                 bytes, 0, overlapped_of(call), NULL));
}

/* An extension function of this socket's provider. */
static int extension(SOCKET socket, GUID id, void *function, DWORD bytes)
{
    DWORD got;

    return WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof(id), function, bytes,
                    &got, NULL, NULL);
}

/* On any outcome but success the accepting socket is closed (accept_over). */
static DWORD call_accept(struct call *call)
{
    static const GUID id = WSAID_ACCEPTEX;
    SOCKET listener = socket_of(call->descriptor);
    uint8_t *room = call_room(call);
    LPFN_ACCEPTEX accept_ex;
    DWORD got; /* no data is asked for */

    if (room == NULL)
        return ERROR_NOT_ENOUGH_MEMORY;
    if (extension(listener, id, &accept_ex, sizeof(accept_ex)) != 0)
        return (DWORD)WSAGetLastError();
    if (spry_net_socket_for((intptr_t)listener, &call->op->accepted) != 0)
        return (DWORD)WSAGetLastError();
    return socket_result(accept_ex(listener, (SOCKET)call->op->accepted, room, 0, ACCEPT_ADDRESS,
                                   ACCEPT_ADDRESS, &got, overlapped_of(call))
                             ? 0
                             : SOCKET_ERROR);
}

/* ConnectEx wants a socket that is bound; one that is already says so, and that is fine. */
static DWORD call_connect_socket(struct call *call)
{
    static const GUID id = WSAID_CONNECTEX;
    const struct net_address *address = call->op->address;
    const struct sockaddr *to = (const struct sockaddr *)(const void *)address->raw;
    struct sockaddr_storage any = {0};
    SOCKET socket = socket_of(call->descriptor);
    LPFN_CONNECTEX connect_ex;

    ((struct sockaddr *)&any)->sa_family = to->sa_family;
    if (bind(socket, (const struct sockaddr *)&any, (int)address->bytes) != 0 &&
        WSAGetLastError() != WSAEINVAL)
        return (DWORD)WSAGetLastError();
    if (extension(socket, id, &connect_ex, sizeof(connect_ex)) != 0)
        return (DWORD)WSAGetLastError();
    return socket_result(
        connect_ex(socket, to, (int)address->bytes, NULL, 0, NULL, overlapped_of(call))
            ? 0
            : SOCKET_ERROR);
}

static DWORD call_connect(struct call *call)
{
    if (!is_pipe(call->descriptor))
        return call_connect_socket(call);
    return file_result(ConnectNamedPipe(handle_of(call->descriptor), overlapped_of(call)));
}

static DWORD call_make(struct call *call, DWORD *bytes)
{
    memset(call->overlapped, 0, sizeof(call->overlapped));
    switch ((enum op_kind)call->op->kind) {
    case OP_ACCEPT:
        return call_accept(call);
    case OP_READ:
        return call_read(call, bytes);
    case OP_CONNECT:
        return call_connect(call);
    case OP_WRITE:
        return call_write(call, bytes);
    }
    return ERROR_INVALID_FUNCTION;
}

/*
 * Makes the call, and decides from its return value alone whether a packet comes. If none does, the
 * call is done, and so is a call that is not made because its time is over. A pending call may be
 * in other hands before this returns.
 */
static void call_start(struct call *call)
{
    struct descriptor *descriptor = call->descriptor;
    struct op *op = call->op;
    DWORD bytes = 0;
    DWORD error = ERROR_OPERATION_ABORTED;

    if (!call->canceled && descriptor->handle != SPRY_NO_HANDLE)
        error = call_make(call, &bytes);
    if (error == ERROR_SUCCESS && descriptor->quiet && call->waiting) {
        call->waiting = false;
        error = call_make(call, &bytes);
    }
    if (error == ERROR_IO_PENDING || (error == ERROR_SUCCESS && !descriptor->quiet))
        return;
    call->bytes = bytes;
    call->error = error == ERROR_PIPE_CONNECTED ? ERROR_SUCCESS : error;
    spry_tasks_push(&descriptor->port->started, &op->task);
}

static void call_again(struct task *task)
{
    call_start(SPRY_CONTAINER(task, struct call, again));
}

/* ---- what a call brought: no lock ---- */

/* True: the op is complete; false: its call is to be made again. */
static bool call_moved(struct call *call)
{
    struct op *op = call->op;

    if (op->kind == OP_ACCEPT || op->kind == OP_CONNECT)
        return true;
    if (call->bytes > 0) {
        call->empties = 0;
        return op->work->moved(op, call->bytes, call->room);
    }
    if (op->kind == OP_READ && is_pipe(call->descriptor) && call->empties++ < EMPTIES_MAX)
        return false; /* somebody wrote nothing */
    op->result = op->kind == OP_READ && !is_pipe(call->descriptor) ? NNG_ECONNSHUT : NNG_EPROTO;
    return true;
}

static void call_room_free(struct call *call)
{
    spry_free(call->room, OP_SCRATCH_BYTES);
    call->room = NULL;
}

static void call_outcome(struct call *call, struct task_queue *completed)
{
    struct op *op = call->op;
    bool waited = call->waiting;

    op->result = spry_system_error(call->error, (enum op_kind)op->kind);
    call->waiting = false;
    if (op->result != 0 || (!waited && call_moved(call))) {
        call_room_free(call);
        (void)spry_op_step(op, OP_FINISH);
        spry_tasks_push(completed, &op->task);
    } else {
        call->waiting = op->kind == OP_READ && !waited;
        if (call->waiting)
            call_room_free(call);
        spry_tasks_push(completed, &call->again);
    }
}

/*
 * Of a packet. Wine has one without an outcome for a call that completes while the thread that made
 * it ends: a wait is over then, and a connect tells in what follows.
 */
static DWORD packet_error(const struct call *call, NTSTATUS status)
{
    if (status == STATUS_PENDING && (call->waiting || call->op->kind == OP_CONNECT))
        return ERROR_SUCCESS;
    return status == 0 ? ERROR_SUCCESS : RtlNtStatusToDosError(status);
}

void spry_port_run(struct port *port, struct task_queue *started, struct task_queue *completed)
{
    struct task *task;

    (void)port;
    while ((task = spry_tasks_pop(started)) != NULL)
        call_outcome(call_of(SPRY_CONTAINER(task, struct op, task)), completed);
}

void spry_port_wait(struct port *port, uint64_t deadline_ns, struct task_queue *completed)
{
    OVERLAPPED_ENTRY packets[PACKETS_MAX];
    ULONG room = port->batch;
    ULONG count = 0;
    BOOL got = GetQueuedCompletionStatusEx(port->completions, packets, room, &count,
                                           (DWORD)spry_timeout_ms(deadline_ns), FALSE);

    atomic_store(&port->waking, false);
    if (!got) /* the count means nothing then */
        return;
    port->batch = count < room ? 1 : room < PACKETS_MAX ? room * 2 : PACKETS_MAX;
    for (ULONG i = 0; i < count; i++) {
        OVERLAPPED *overlapped = packets[i].lpOverlapped;
        struct call *call = (struct call *)(void *)overlapped;

        if (overlapped == NULL)
            continue; /* a wake-up */
        call->error = packet_error(call, (NTSTATUS)overlapped->Internal);
        call->bytes = packets[i].dwNumberOfBytesTransferred;
        call_outcome(call, completed);
    }
}

/* ---- the port and its descriptors ---- */

int spry_port_open(struct port *port)
{
    WSADATA data;

    *port = (struct port){.batch = 1};
    if (WSAStartup(MAKEWORD(2, 2), &data) != 0)
        return NNG_ENOMEM;
    port->completions = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, THREADS_MAX);
    if (port->completions != NULL)
        return 0;
    (void)WSACleanup();
    return NNG_ENOMEM;
}

void spry_port_close(struct port *port)
{
    atomic_store(&port->owed, false);
    (void)CloseHandle(port->completions);
    (void)WSACleanup();
}

int spry_port_attach(struct port *port, struct descriptor *descriptor, intptr_t handle,
                     enum attach_kind kind)
{
    *descriptor = (struct descriptor){.handle = handle, .port = port, .kind = (uint8_t)kind};
    for (int i = 0; i < CALLS; i++) {
        descriptor->calls[i].descriptor = descriptor;
        descriptor->calls[i].again.run = call_again;
    }
    if (CreateIoCompletionPort((HANDLE)handle, port->completions, 0, 0) == NULL)
        return spry_system_error(GetLastError(), OP_CONNECT);
    /* Not for sockets: some of the layers that programs put under them queue packets even so. */
    descriptor->quiet =
        is_pipe(descriptor) &&
        SetFileCompletionNotificationModes((HANDLE)handle, FILE_SKIP_COMPLETION_PORT_ON_SUCCESS);
    port->attached++;
    return 0;
}

void spry_port_shutdown(struct port *port, struct descriptor *descriptor)
{
    HANDLE handle = handle_of(descriptor);

    (void)port;
    if (descriptor->handle == SPRY_NO_HANDLE)
        return;
    descriptor->handle = SPRY_NO_HANDLE;
    (void)CancelIoEx(handle, NULL);
    if (is_pipe(descriptor))
        (void)CloseHandle(handle);
    else
        (void)closesocket((SOCKET)handle);
}

void spry_port_detach(struct port *port, struct descriptor *descriptor)
{
    spry_port_shutdown(port, descriptor);
    port->attached--;
}

/* A named pipe is not asked. */
size_t spry_port_pending(const struct descriptor *descriptor)
{
    return is_pipe(descriptor) ? 0 : spry_net_pending(descriptor->handle);
}

bool spry_port_watching(const struct port *port)
{
    return port->attached > 0;
}

/* ---- ops ---- */

void spry_port_submit(struct port *port, struct op *op)
{
    struct call *call = call_of(op);

    (void)spry_op_step(op, OP_SUBMIT);
    port->in_flight++;
    call->op = op;
    call->canceled = false;
    call->waiting = op->kind == OP_READ;
    call->empties = 0;
    if (op->kind == OP_ACCEPT)
        op->accepted = SPRY_NO_HANDLE;
    call_start(call);
}

/* Whether the kernel had it does not matter: it completes anyhow, and is not made again. */
void spry_port_cancel(struct port *port, struct op *op, struct task_queue *completed)
{
    struct call *call = call_of(op);

    (void)port;
    (void)completed;
    if (spry_op_step(op, OP_CANCEL) != 0 || spry_op_idle(op))
        return;
    call->canceled = true;
    if (op->descriptor->handle != SPRY_NO_HANDLE)
        (void)CancelIoEx(handle_of(op->descriptor), overlapped_of(call));
}

/* Lets the system's other calls work on a socket that AcceptEx or ConnectEx made. */
static int socket_update(SOCKET socket, int option, const void *value, int bytes)
{
    if (setsockopt(socket, SOL_SOCKET, option, value, bytes) == 0)
        return 0;
    return spry_system_error((uint32_t)WSAGetLastError(), OP_CONNECT);
}

static int accept_over(struct op *op)
{
    SOCKET listener = socket_of(op->descriptor);

    if (op->result == 0 && op->descriptor->handle == SPRY_NO_HANDLE)
        op->result = NNG_ECLOSED;
    if (op->result == 0)
        op->result = socket_update((SOCKET)op->accepted, SO_UPDATE_ACCEPT_CONTEXT, &listener,
                                   sizeof(listener));
    if (op->result != 0 && op->accepted != SPRY_NO_HANDLE)
        (void)closesocket((SOCKET)op->accepted);
    return op->result;
}

static int connect_over(const struct op *op)
{
    const struct descriptor *descriptor = op->descriptor;

    if (op->result != 0 || is_pipe(descriptor) || descriptor->handle == SPRY_NO_HANDLE)
        return op->result;
    return socket_update(socket_of(descriptor), SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
}

int spry_port_dequeue(struct port *port, struct op *op)
{
    int rv = spry_op_step(op, OP_DEQUEUE);

    port->in_flight--;
    if (rv != 0)
        return rv;
    if (op->kind == OP_ACCEPT)
        return accept_over(op);
    return op->kind == OP_CONNECT ? connect_over(op) : op->result;
}

/* ---- waking ---- */

void spry_port_prepare(struct port *port)
{
    (void)port;
}

/* The system may have no memory for a packet just now; then the wake-up is owed (spry_port_check). */
void spry_port_wake(struct port *port)
{
    if (atomic_exchange(&port->waking, true))
        return;
    for (int i = 0; i < WAKES_MAX; i++) {
        if (PostQueuedCompletionStatus(port->completions, 0, 0, NULL))
            return;
    }
    atomic_store(&port->owed, true);
    atomic_store(&port->waking, false);
}

void spry_port_check(struct port *port)
{
    if (atomic_load_explicit(&port->owed, memory_order_relaxed) &&
        atomic_exchange(&port->owed, false))
        spry_port_wake(port);
}
