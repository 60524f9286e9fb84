/* Handles; the smallest free value first, so that a stale one soon names something else. */
#include "kernel.h"

#include <stdlib.h>

enum { HANDLES_MAX = 1 << 16 };

struct object *sim_objects;
static struct object *table[HANDLES_MAX];
static size_t used;  /* entries that were ever in use in this seed */
static size_t spare; /* no free one is smaller */

static const char *const kind_names[] = {"port", "thread", "pipe", "socket", "file"};

struct object *sim_object_new(enum object_kind kind)
{
    struct object *object = calloc(1, sizeof(*object));

    if (object == NULL)
        abort();
    object->kind = kind;
    object->packets_end = &object->packets;
    object->next = sim_objects;
    sim_objects = object;
    return object;
}

HANDLE sim_handle_open(struct object *object)
{
    size_t index = sim_temper.handles_reused ? spare : used;

    while (index < used && table[index] != NULL)
        index++;
    if (index == HANDLES_MAX)
        sim_fail("more than %d handles", HANDLES_MAX);
    if (index == used)
        used++;
    spare = index + 1;
    table[index] = object;
    object->handle = (HANDLE)(uintptr_t)(4 * (index + 1));
    return object->handle;
}

struct object *sim_object_any(HANDLE handle, const char *call)
{
    uintptr_t value = (uintptr_t)handle;
    size_t index = value / 4 - 1;

    if (value == 0 || value % 4 != 0 || index >= used || table[index] == NULL)
        sim_fail("%s: handle %#zx is not open", call, (size_t)value);
    return table[index];
}

struct object *sim_object(HANDLE handle, enum object_kind kind, const char *call)
{
    struct object *object = sim_object_any(handle, call);

    if (object->kind != kind)
        sim_fail("%s: handle %#zx is a %s", call, (size_t)(uintptr_t)handle,
                 kind_names[object->kind]);
    return object;
}

struct object *sim_object_io(HANDLE handle, const char *call)
{
    struct object *object = sim_object_any(handle, call);

    if (object->kind != OBJECT_PIPE && object->kind != OBJECT_SOCKET && object->kind != OBJECT_FILE)
        sim_fail("%s: handle %#zx is a %s", call, (size_t)(uintptr_t)handle,
                 kind_names[object->kind]);
    return object;
}

void sim_handle_close(struct object *object)
{
    size_t index = (uintptr_t)object->handle / 4 - 1;

    table[index] = NULL;
    if (index < spare)
        spare = index;
    object->handle = NULL;
    if (object->port != NULL)
        object->port->attached--;
}

static void port_close(struct object *port)
{
    if (port->waiters > 0)
        sim_fail("a port is closed while a thread waits in it");
    if (port->ios > 0)
        sim_fail("a port is closed with %u operations under way", port->ios);
    while (port->packets != NULL) {
        struct packet *packet = port->packets;

        port->packets = packet->next;
        free(packet);
    }
    sim_handle_close(port);
}

BOOL CloseHandle(HANDLE handle)
{
    struct object *object;

    sim_point();
    object = sim_object_any(handle, "CloseHandle");
    SIM_NOTE("closes %s %p", kind_names[object->kind], handle);
    switch (object->kind) {
    case OBJECT_PORT:
        port_close(object);
        break;
    case OBJECT_SOCKET:
        sim_fail("CloseHandle of a socket");
    case OBJECT_PIPE:
        sim_io_orphan(object);
        if (object->channel != NULL)
            sim_channel_close(object->channel, object->side);
        sim_handle_close(object);
        break;
    case OBJECT_THREAD:
    case OBJECT_FILE:
        sim_handle_close(object);
        break;
    }
    return sim_ok();
}

DWORD GetFileType(HANDLE handle)
{
    struct object *object;

    sim_point();
    object = sim_object_io(handle, "GetFileType");
    (void)sim_ok();
    return object->kind == OBJECT_FILE ? FILE_TYPE_DISK : FILE_TYPE_PIPE;
}

void sim_objects_check(void)
{
    for (struct object *o = sim_objects; o != NULL; o = o->next) {
        if (o->handle != NULL)
            sim_fail("%s %p was never closed", kind_names[o->kind], o->handle);
    }
    while (sim_objects != NULL) {
        struct object *object = sim_objects;

        sim_objects = object->next;
        free(object);
    }
    used = 0;
    spare = 0;
}
