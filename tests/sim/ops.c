/*
 * Operations: from the call that starts one to the packet that is taken from the port. How it went
 * is written into OVERLAPPED first, then the packet is queued, then somebody gets it: three steps,
 * and anything may happen in between.
 */
#include "kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IOS_MAX = 1024 };

static struct io *ios[IOS_MAX];
static size_t io_count;

static const char *const io_names[] = {"read", "write", "connect pipe", "accept", "connect"};

/* ---- codes ---- */

static const struct {
    DWORD code;
    uint32_t status;
} codes[] = {
    {0, 0},
    {5, 0xC0000022},
    {6, 0xC0000008},
    {8, 0xC0000017},
    {32, 0xC0000043},
    {50, 0xC00000BB},
    {64, 0xC0000201},
    {87, 0xC000000D},
    {109, 0xC000014B},
    {121, 0xC00000B5},
    {231, 0xC00000AE},
    {230, 0xC00000AD},
    {232, 0xC00000B1},
    {233, 0xC00000B0},
    {535, 0xC00000B2},
    {536, 0xC00000B3},
    {676, 0x8000000A},
    {995, 0xC0000120},
    {1168, 0xC0000225},
    {1225, 0xC0000236},
    {1236, 0xC0000241},
    {1450, 0xC000009A},
    {1816, 0xC0000044},
    {258, 0x102},
    {1231, 0xC000023C},
    {1232, 0xC000023D},
    {10054, 0xC000020D},
};

ULONG sim_code_of(NTSTATUS status)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].status == (uint32_t)status)
            return codes[i].code == 10054 ? 64 : codes[i].code;
    }
    return ERROR_MR_MID_NOT_FOUND;
}

NTSTATUS sim_status_of(DWORD code)
{
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (codes[i].code == code)
            return (NTSTATUS)codes[i].status;
    }
    sim_fail("the fake has no status for error %u", code);
}

ULONG RtlNtStatusToDosError(NTSTATUS status)
{
    return sim_code_of(status);
}

/* ---- the buffers, by the caller's own pointers ---- */

static uint64_t spans_sum(const struct io *io)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < io->span_count; i++) {
        const char *at = io->spans[i].buf;
        size_t bytes = io->spans[i].len;
        uint64_t word = 0;

        for (; bytes >= 8; at += 8, bytes -= 8) {
            memcpy(&word, at, 8);
            sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
        }
        word = 0;
        memcpy(&word, at, bytes);
        sum = (sum ^ word) * 0x9e3779b97f4a7c15u + 1;
    }
    return sum;
}

/* The part of the spans from `*offset` on that is in one piece. */
static uint8_t *spans_at(const struct io *io, size_t offset, size_t *bytes)
{
    for (uint32_t i = 0; i < io->span_count; i++) {
        if (offset < io->spans[i].len) {
            *bytes = io->spans[i].len - offset;
            return (uint8_t *)io->spans[i].buf + offset;
        }
        offset -= io->spans[i].len;
    }
    *bytes = 0;
    return NULL;
}

/* Bytes that the caller must take for rubbish. */
static void scribble(const struct io *io, size_t from)
{
    for (int i = 0; i < 4 && from < io->offered && sim_chance(KNOB_SCRIBBLE); i++) {
        size_t bytes;
        uint8_t *at = spans_at(io, from + sim_below((uint32_t)(io->offered - from)), &bytes);

        *at = (uint8_t)sim_random();
    }
}

static void buffers_check(const struct io *io)
{
    if (io->kind == IO_WRITE && spans_sum(io) != io->sum)
        sim_fail("the buffer of a write was changed while the kernel had it");
}

/* ---- begin ---- */

static struct io *io_find(LPOVERLAPPED overlapped)
{
    for (size_t i = 0; i < io_count; i++) {
        if (ios[i]->overlapped == overlapped)
            return ios[i];
    }
    return NULL;
}

struct io *sim_io_new(enum io_kind kind, struct object *object, LPOVERLAPPED overlapped,
                      const WSABUF *spans, DWORD count, const char *call)
{
    struct io *io;

    if (overlapped == NULL)
        sim_fail("%s without an OVERLAPPED", call);
    if (io_find(overlapped) != NULL)
        sim_fail("%s: the kernel still has this OVERLAPPED, for a %s", call,
                 io_names[io_find(overlapped)->kind]);
    if (object->port == NULL)
        sim_fail("%s on a handle that is on no port", call);
    if (overlapped->hEvent != NULL || overlapped->Offset != 0 || overlapped->OffsetHigh != 0)
        sim_fail("%s: OVERLAPPED was not zeroed", call);
    if (count > IO_SPANS || io_count == IOS_MAX)
        sim_fail("%s: more than the fake can take", call);
    io = calloc(1, sizeof(*io));
    if (io == NULL)
        abort();
    io->kind = kind;
    io->object = object;
    io->port = object->port;
    io->maker = sim_self;
    io->key = object->key;
    io->overlapped = overlapped;
    io->span_count = count;
    for (DWORD i = 0; i < count; i++) {
        io->spans[i] = spans[i];
        io->offered += spans[i].len;
    }
    if (kind == IO_WRITE)
        io->sum = spans_sum(io);
    overlapped->Internal = (ULONG_PTR)STATUS_PENDING;
    overlapped->InternalHigh = 0;
    object->ios++;
    io->port->ios++;
    ios[io_count++] = io;
    return io;
}

static void io_free(struct io *io)
{
    for (size_t i = 0; i < io_count; i++) {
        if (ios[i] == io)
            ios[i] = ios[--io_count];
    }
    io->object->ios--;
    io->port->ios--;
    free(io);
}

BOOL sim_io_refuse(struct io *io, DWORD error)
{
    SIM_NOTE("%s on %p fails at once: %u", io_names[io->kind], io->object->handle, error);
    if (sim_below(2) == 0)
        io->overlapped->Internal = sim_random();
    io_free(io);
    return sim_error(error);
}

static void packet_queue(struct io *io)
{
    struct packet *packet = calloc(1, sizeof(*packet));

    if (packet == NULL)
        abort();
    buffers_check(io);
    packet->io = io;
    packet->key = io->key;
    packet->bytes = (DWORD)io->count;
    packet->overlapped = io->overlapped;
    io->stage = IO_QUEUED;
    sim_port_push(io->port, packet);
}

/* Done in its call: with a packet, or without. An error in the call has none. */
static BOOL io_done_at_once(struct io *io, LPDWORD bytes)
{
    size_t count = io->count;
    ULONG code = sim_code_of(io->status);

    if (io->status != 0 && sim_below(2) == 0)
        return sim_io_refuse(io, code);
    if (io->status != 0) {
        packet_queue(io);
        return sim_error(ERROR_IO_PENDING);
    }
    SIM_NOTE("%s on %p is done at once: %zu bytes", io_names[io->kind], io->object->handle, count);
    if (io->object->skip)
        io_free(io);
    else
        packet_queue(io);
    if (bytes != NULL)
        *bytes = (DWORD)count;
    sim_point();
    return sim_ok();
}

BOOL sim_io_start(struct io *io, LPDWORD bytes)
{
    io->fresh = true;
    if (sim_chance(KNOB_AT_ONCE))
        (void)sim_io_progress(io);
    io->fresh = false;
    if (io->stage == IO_WRITTEN)
        return io_done_at_once(io, bytes);
    SIM_NOTE("%s on %p of %zu bytes is pending", io_names[io->kind], io->object->handle,
             io->offered);
    io->held_ns = sim_hold();
    if (bytes != NULL && sim_chance(KNOB_ERROR_RUBBISH))
        *bytes = sim_random();
    sim_point(); /* the packet may be dequeued before the call returns */
    return sim_error(ERROR_IO_PENDING);
}

/* ---- the work ---- */

/* Wine: a wait or a connect of a socket whose thread has ended. */
static bool without_outcome(const struct io *io)
{
    return sim_temper.wine && io->maker->over && io->object->kind == OBJECT_SOCKET &&
           (io->kind == IO_CONNECT || (io->kind == IO_READ && io->offered == 0)) &&
           sim_below(4) == 0;
}

void sim_io_finish(struct io *io, NTSTATUS status, size_t count)
{
    if (without_outcome(io)) {
        status = STATUS_PENDING;
        count = 0;
    }
    if (io->kind == IO_READ)
        scribble(io, count);
    buffers_check(io);
    SIM_NOTE("kernel: %s on %p ends, status %x, %zu bytes", io_names[io->kind], io->object->handle,
             (unsigned)status, count);
    io->status = status;
    io->count = count;
    io->overlapped->InternalHigh = count;
    io->overlapped->Internal = (ULONG_PTR)(uint32_t)status;
    io->stage = IO_WRITTEN;
    io->held_ns = sim_hold();
}

bool sim_io_waits(const struct object *object, enum io_kind kind)
{
    for (size_t i = 0; i < io_count; i++) {
        if (ios[i]->object == object && ios[i]->kind == kind && ios[i]->stage == IO_RUNNING)
            return true;
    }
    return false;
}

bool sim_io_accepts(const struct object *object)
{
    for (size_t i = 0; i < io_count; i++) {
        if (ios[i]->accepted == object && ios[i]->stage == IO_RUNNING)
            return true;
    }
    return false;
}

/* A peer that is not the library's has no operation, and reads all the time. */
static bool reader_waits(const struct io *writer)
{
    bool library = false;

    for (struct object *o = sim_objects; o != NULL; o = o->next) {
        if (o->channel == writer->object->channel && !o->foreign &&
            o->side != writer->object->side) {
            library = true;
            if (sim_io_waits(o, IO_READ))
                return true;
        }
    }
    return !library;
}

static DWORD end_code(const struct io *io)
{
    static const DWORD pipe_codes[] = {109, 233, 109};

    if (io->object->kind == OBJECT_SOCKET)
        return 64;
    if (io->object->channel->reset)
        return pipe_codes[sim_below(3)];
    return io->kind == IO_WRITE && io->moved == 0 && io->fresh ? 232 : 109;
}

static bool read_progress(struct io *io)
{
    struct object *object = io->object;
    struct channel *channel = object->channel;
    struct flow *flow = &channel->flows[1 - object->side];
    size_t want;

    if (channel->reset) {
        sim_io_finish(io, sim_status_of(end_code(io)), 0);
        return true;
    }
    if (flow->count > 0 && io->offered > 0) {
        want = sim_piece(channel, flow->count < io->offered ? flow->count : io->offered);
        while (io->moved < want) {
            size_t bytes;
            uint8_t *at = spans_at(io, io->moved, &bytes);

            if (bytes > want - io->moved)
                bytes = want - io->moved;
            io->moved += sim_channel_get(channel, object->side, at, bytes);
        }
        sim_io_finish(io, 0, io->moved);
        return true;
    }
    if (flow->count > 0) { /* a read of nothing ends when there is something */
        sim_io_finish(io, 0, 0);
        return true;
    }
    if (flow->zeros > 0 && object->kind == OBJECT_PIPE) {
        flow->zeros--;
        sim_io_finish(io, 0, 0);
        return true;
    }
    if (!sim_channel_ended(channel, object->side))
        return false;
    sim_io_finish(io, object->kind == OBJECT_SOCKET ? 0 : sim_status_of(end_code(io)), 0);
    return true;
}

static bool write_progress(struct io *io)
{
    struct object *object = io->object;
    struct channel *channel = object->channel;
    size_t room;
    size_t left = io->offered - io->moved;
    size_t want;

    if (channel->reset || sim_channel_ended(channel, object->side)) {
        sim_io_finish(io, sim_status_of(end_code(io)), sim_below(2) == 0 ? io->moved : 0);
        return true;
    }
    room = sim_channel_room(channel, object->side, channel->small_moves == 0 || reader_waits(io));
    if (channel->closed[1 - object->side])
        room = left;
    if (room == 0 && left > 0)
        return false;
    if (room < left && channel->small_moves > 0)
        channel->small_moves--;
    want = io->moved + (left > 0 ? sim_piece(channel, room < left ? room : left) : 0);
    while (io->moved < want) {
        size_t bytes;
        uint8_t *at = spans_at(io, io->moved, &bytes);

        if (bytes > want - io->moved)
            bytes = want - io->moved;
        if (!channel->closed[1 - object->side])
            sim_channel_put(channel, object->side, at, bytes);
        io->moved += bytes;
    }
    if (sim_chance(KNOB_PARTIAL_ERROR)) {
        sim_fails++;
        channel->reset = true;
        sim_io_finish(io, sim_status_of(995), sim_below(2) == 0 ? io->moved : 0);
    } else if (io->moved == io->offered ||
               (channel->small_moves > 0 && sim_chance(KNOB_SHORT_WRITE))) {
        channel->small_moves -= io->moved == io->offered ? 0 : 1;
        sim_io_finish(io, 0, io->moved);
    }
    return true;
}

bool sim_io_progress(struct io *io)
{
    switch (io->kind) {
    case IO_READ:
        return read_progress(io);
    case IO_WRITE:
        return write_progress(io);
    case IO_CONNECT_PIPE:
        return sim_pipe_connect_progress(io);
    case IO_ACCEPT:
        return sim_accept_progress(io);
    case IO_CONNECT:
        return sim_connect_progress(io);
    }
    return false;
}

static void io_maybe_reset(const struct io *io)
{
    if ((io->kind == IO_READ || io->kind == IO_WRITE) && sim_chance(KNOB_RESET)) {
        sim_fails++;
        io->object->channel->reset = true;
    }
}

/* A cancelled operation, or one whose handle is closed, ends as it likes. */
static void io_abort(struct io *io)
{
    static const DWORD closed_pipe[] = {995, 109, 676, 233};
    static const DWORD closed_socket[] = {995, 64, 676};
    DWORD code = 995;

    if (!io->orphaned && sim_chance(KNOB_CANCEL_SUCCESS) && sim_io_progress(io) &&
        io->stage == IO_WRITTEN)
        return;
    if (io->orphaned && io->object->kind == OBJECT_PIPE)
        code = closed_pipe[sim_below(4)];
    else if (io->orphaned)
        code = closed_socket[sim_below(3)];
    else if (sim_below(8) == 0)
        code = io->object->kind == OBJECT_PIPE ? 109 : 64;
    sim_io_finish(io, sim_status_of(code), sim_below(2) == 0 ? io->moved : 0);
}

static bool io_step(struct io *io)
{
    if (io->stage == IO_QUEUED)
        return false;
    if (io->held_ns > sim_now_ns) {
        if (io->stage == IO_RUNNING && io->kind == IO_READ)
            scribble(io, io->moved);
        return false;
    }
    if (io->stage == IO_WRITTEN) {
        packet_queue(io);
        return true;
    }
    if (io->cancelled) {
        io_abort(io);
        return true;
    }
    io_maybe_reset(io);
    return sim_io_progress(io);
}

bool sim_kernel_step(void)
{
    size_t first = sim_below((uint32_t)io_count);

    for (size_t i = 0; i < io_count; i++) {
        if (io_step(ios[(first + i) % io_count]))
            return true;
    }
    return false;
}

uint64_t sim_kernel_deadline(void)
{
    uint64_t first = SIM_NEVER;

    for (size_t i = 0; i < io_count; i++) {
        const struct io *io = ios[i];
        const struct object *object = io->object;
        uint64_t seen;

        if (io->stage == IO_QUEUED)
            continue;
        if (io->held_ns > sim_now_ns && io->held_ns < first)
            first = io->held_ns;
        if (object->channel == NULL || !object->channel->closed[1 - object->side])
            continue;
        seen = object->channel->closed_seen_ns[1 - object->side];
        if (seen > sim_now_ns && seen < first)
            first = seen;
    }
    return first;
}

/* ---- cancel, close ---- */

static uint64_t cancel_late(void)
{
    if (!sim_chance(KNOB_CANCEL_LATE))
        return 0;
    return sim_now_ns + ((uint64_t)sim_random() * sim_temper.hold_max_ns >> 32);
}

BOOL CancelIoEx(HANDLE handle, LPOVERLAPPED overlapped)
{
    struct object *object;
    bool found = false;

    sim_point();
    object = sim_object_io(handle, "CancelIoEx");
    for (size_t i = 0; i < io_count; i++) {
        struct io *io = ios[i];

        if (io->object != object || io->stage != IO_RUNNING ||
            (overlapped != NULL && io->overlapped != overlapped))
            continue;
        found = true;
        io->cancelled = true;
        io->held_ns = cancel_late();
    }
    SIM_NOTE("cancels %p: %s", handle, found ? "something" : "nothing");
    if (sim_chance(KNOB_CANCEL_LIES))
        found = !found;
    return found ? sim_ok() : sim_error(ERROR_NOT_FOUND);
}

void sim_io_orphan(struct object *object)
{
    for (size_t i = 0; i < io_count; i++) {
        struct io *io = ios[i];

        if (io->object != object || io->stage != IO_RUNNING)
            continue;
        io->orphaned = true;
        if (!io->cancelled)
            io->held_ns = cancel_late();
        io->cancelled = true;
    }
}

/* ---- end ---- */

void sim_ios_list(void)
{
    for (size_t i = 0; i < io_count; i++)
        printf("  %s on %p, %zu of %zu bytes, stage %d%s%s, held for %.3f ms\n",
               io_names[ios[i]->kind], ios[i]->object->handle, ios[i]->moved, ios[i]->offered,
               (int)ios[i]->stage, ios[i]->cancelled ? ", cancelled" : "",
               ios[i]->orphaned ? ", orphan" : "",
               ios[i]->held_ns > sim_now_ns ? (double)(ios[i]->held_ns - sim_now_ns) / 1e6 : 0.0);
}

void sim_io_dequeued(struct io *io)
{
    if (io->overlapped->Internal != (ULONG_PTR)(uint32_t)io->status)
        sim_fail("somebody wrote into an OVERLAPPED that the kernel had");
    io_free(io);
}

void sim_ios_check(void)
{
    if (io_count > 0)
        sim_fail("%zu operations never ended, the first a %s", io_count, io_names[ios[0]->kind]);
}

/* ---- reads and writes of handles ---- */

static BOOL io_fail_code(struct io *io)
{
    static const DWORD pipe_codes[] = {109, 233, 995, 1450};
    static const DWORD socket_codes[] = {WSAECONNRESET, WSAENOBUFS, WSAECONNABORTED};

    sim_fails++;
    if (io->object->kind == OBJECT_PIPE)
        return sim_io_refuse(io, pipe_codes[sim_below(4)]);
    return sim_io_refuse(io, socket_codes[sim_below(3)]);
}

static BOOL transfer(enum io_kind kind, struct object *object, const WSABUF *spans, DWORD count,
                     LPDWORD bytes, LPOVERLAPPED overlapped, const char *call)
{
    struct io *io;

    if (sim_io_waits(object, kind))
        sim_fail("%s: another one is under way on this handle", call);
    io = sim_io_new(kind, object, overlapped, spans, count, call);
    if (sim_chance(KNOB_IO_FAIL))
        return io_fail_code(io);
    return sim_io_start(io, bytes);
}

static BOOL pipe_transfer(enum io_kind kind, HANDLE file, void *buffer, DWORD bytes, LPDWORD moved,
                          LPOVERLAPPED overlapped, const char *call)
{
    struct object *object;
    WSABUF span = {bytes, buffer};

    sim_point();
    object = sim_object_io(file, call);
    if (object->kind != OBJECT_PIPE)
        sim_fail("%s on what is no pipe", call);
    if (object->channel == NULL)
        sim_fail("%s on a pipe that nobody is connected to", call);
    if (object->server && object->pipe_state == PIPE_FRESH)
        sim_fail("%s before the pipe is connected", call);
    return transfer(kind, object, &span, 1, moved, overlapped, call);
}

BOOL ReadFile(HANDLE file, LPVOID buffer, DWORD bytes, LPDWORD got, LPOVERLAPPED overlapped)
{
    return pipe_transfer(IO_READ, file, buffer, bytes, got, overlapped, "ReadFile");
}

BOOL WriteFile(HANDLE file, LPCVOID buffer, DWORD bytes, LPDWORD put, LPOVERLAPPED overlapped)
{
    return pipe_transfer(IO_WRITE, file, (void *)(uintptr_t)buffer, bytes, put, overlapped,
                         "WriteFile");
}

static int socket_transfer(enum io_kind kind, SOCKET s, LPWSABUF buffers, DWORD count,
                           LPDWORD moved, LPOVERLAPPED overlapped, const char *call)
{
    struct object *object;

    sim_point();
    object = sim_object((HANDLE)s, OBJECT_SOCKET, call);
    if (object->channel == NULL) {
        (void)sim_error(WSAENOTCONN);
        return SOCKET_ERROR;
    }
    return transfer(kind, object, buffers, count, moved, overlapped, call) ? 0 : SOCKET_ERROR;
}

int WSARecv(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD got, LPDWORD flags,
            LPWSAOVERLAPPED overlapped, void *routine)
{
    if (flags == NULL || *flags != 0 || routine != NULL)
        sim_fail("WSARecv with flags or a routine");
    return socket_transfer(IO_READ, s, buffers, count, got, overlapped, "WSARecv");
}

int WSASend(SOCKET s, LPWSABUF buffers, DWORD count, LPDWORD sent, DWORD flags,
            LPWSAOVERLAPPED overlapped, void *routine)
{
    if (flags != 0 || routine != NULL)
        sim_fail("WSASend with flags or a routine");
    return socket_transfer(IO_WRITE, s, buffers, count, sent, overlapped, "WSASend");
}

BOOL GetOverlappedResult(HANDLE file, LPOVERLAPPED overlapped, LPDWORD bytes, BOOL wait)
{
    (void)file;
    (void)overlapped;
    (void)bytes;
    (void)wait;
    sim_fail("GetOverlappedResult is not to be used");
}
