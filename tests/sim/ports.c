/* Completion ports. */
#include "kernel.h"

#include <stdlib.h>

BOOL sim_error(DWORD code)
{
    if (sim_self != NULL)
        sim_self->last_error = code;
    return FALSE;
}

BOOL sim_ok(void)
{
    if (sim_self != NULL && sim_chance(KNOB_ERROR_RUBBISH))
        sim_self->last_error = sim_random();
    return TRUE;
}

DWORD GetLastError(void)
{
    return sim_self->last_error;
}

void SetLastError(DWORD code)
{
    sim_self->last_error = code;
}

int WSAGetLastError(void)
{
    return (int)sim_self->last_error;
}

void WSASetLastError(int code)
{
    sim_self->last_error = (DWORD)code;
}

void sim_port_push(struct object *port, struct packet *packet)
{
    packet->next = NULL;
    *port->packets_end = packet;
    port->packets_end = &packet->next;
}

static HANDLE port_open(void)
{
    if (sim_chance(KNOB_PORT_FAIL)) {
        (void)SIM_FAULT(KNOB_PORT_FAIL, ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    (void)sim_ok();
    return sim_handle_open(sim_object_new(OBJECT_PORT));
}

HANDLE CreateIoCompletionPort(HANDLE file, HANDLE port, ULONG_PTR key, DWORD threads)
{
    struct object *object;

    (void)threads;
    sim_point();
    if (file == INVALID_HANDLE_VALUE && port == NULL)
        return port_open();
    object = sim_object_io(file, "CreateIoCompletionPort");
    if (object->kind == OBJECT_FILE || object->ios > 0)
        sim_fail("a handle goes to a port that is no pipe, or in use");
    if (object->port != NULL) {
        (void)sim_error(ERROR_INVALID_PARAMETER);
        return NULL;
    }
    if (sim_chance(KNOB_ASSOCIATE_FAIL)) {
        (void)SIM_FAULT(KNOB_ASSOCIATE_FAIL, ERROR_NOT_ENOUGH_MEMORY);
        return NULL;
    }
    object->port = sim_object(port, OBJECT_PORT, "CreateIoCompletionPort");
    object->key = key;
    object->port->attached++;
    (void)sim_ok();
    return port;
}

/*
 * Short of memory for a call, or for a while. What a packet was for must come about even so: for
 * mercy a thread that waits then comes back for nothing, unless the run is --starved.
 */
static bool post_fails(struct object *port)
{
    bool starved = sim_steps < port->starved_until;

    if (!starved && !sim_chance(KNOB_WAKE_FAIL))
        return false;
    if (!starved && sim_below(16) == 0)
        port->starved_until = sim_steps + sim_below(600);
    port->mercy = !sim_starved;
    return true;
}

BOOL PostQueuedCompletionStatus(HANDLE port, DWORD bytes, ULONG_PTR key, LPOVERLAPPED overlapped)
{
    struct object *object;
    struct packet *packet;

    sim_point();
    object = sim_object(port, OBJECT_PORT, "PostQueuedCompletionStatus");
    if (post_fails(object))
        return sim_error(sim_below(2) == 0 ? ERROR_NOT_ENOUGH_MEMORY : ERROR_NO_SYSTEM_RESOURCES);
    packet = calloc(1, sizeof(*packet));
    if (packet == NULL)
        abort();
    packet->bytes = bytes;
    packet->key = key;
    packet->overlapped = overlapped;
    sim_port_push(object, packet);
    return sim_ok();
}

bool sim_starved;

static bool port_has(void *argument)
{
    const struct object *port = argument;

    return port->packets != NULL || port->mercy;
}

/* Oldest first: that much is promised. */
static struct packet *port_pop(struct object *port)
{
    struct packet *packet = port->packets;

    port->packets = packet->next;
    if (port->packets == NULL)
        port->packets_end = &port->packets;
    return packet;
}

static void entry_fill(LPOVERLAPPED_ENTRY entry, struct packet *packet)
{
    *entry = (OVERLAPPED_ENTRY){.lpCompletionKey = packet->key,
                                .lpOverlapped = packet->overlapped,
                                .dwNumberOfBytesTransferred = packet->bytes};
    if (packet->io != NULL) {
        entry->Internal = packet->overlapped->Internal;
        sim_io_dequeued(packet->io);
    }
    free(packet);
}

static uint64_t wait_end(DWORD timeout_ms)
{
    uint64_t end = timeout_ms == INFINITE ? SIM_NEVER : sim_now_ns + (uint64_t)timeout_ms * 1000000;

    if (sim_chance(KNOB_SPURIOUS_WAIT) && end > sim_now_ns + 1000)
        end = sim_now_ns + 1000 + sim_below(1000000);
    return end;
}

BOOL GetQueuedCompletionStatusEx(HANDLE port, LPOVERLAPPED_ENTRY entries, ULONG count,
                                 PULONG removed, DWORD timeout_ms, BOOL alertable)
{
    struct object *object;
    bool some;
    ULONG limit = count;

    sim_may_wait("GetQueuedCompletionStatusEx");
    sim_point();
    object = sim_object(port, OBJECT_PORT, "GetQueuedCompletionStatusEx");
    if (alertable || count == 0)
        sim_fail("an alertable wait, or one for nothing");
    object->waiters++;
    some = timeout_ms == 0 ? port_has(object)
                           : sim_block("a port", port_has, object, wait_end(timeout_ms));
    object->waiters--;
    object->mercy = false;
    if (!some || object->packets == NULL) {
        *removed = sim_chance(KNOB_ERROR_RUBBISH) ? 1 : 0;
        return sim_error(WAIT_TIMEOUT);
    }
    if (sim_below(2) == 0)
        limit = 1 + sim_below(count);
    for (*removed = 0; *removed < limit && object->packets != NULL; (*removed)++)
        entry_fill(&entries[*removed], port_pop(object));
    SIM_NOTE("gets %u packets", *removed);
    return sim_ok();
}

BOOL SetFileCompletionNotificationModes(HANDLE file, UCHAR flags)
{
    struct object *object;

    sim_point();
    object = sim_object_io(file, "SetFileCompletionNotificationModes");
    if (object->ios > 0)
        sim_fail("SetFileCompletionNotificationModes on a handle in use");
    if (sim_chance(KNOB_SKIP_FAIL))
        return sim_error(ERROR_INVALID_FUNCTION);
    object->skip = (flags & FILE_SKIP_COMPLETION_PORT_ON_SUCCESS) != 0;
    return sim_ok();
}
