/* Named pipes: names, instances, clients. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_UNITS = 264 };

struct pipe_name {
    struct pipe_name *next;
    WCHAR text[NAME_MAX_UNITS]; /* canonical, in lower case, behind the prefix */
};

static struct pipe_name *names;

static const WCHAR prefix[] = {'\\', '\\', '.', '\\', 'p', 'i', 'p', 'e', '\\', 0};
enum { PREFIX_UNITS = 9 };

static WCHAR lower(WCHAR unit)
{
    return unit >= 'A' && unit <= 'Z' ? (WCHAR)(unit + 32) : unit;
}

static struct pipe_name *name_intern(const WCHAR *text)
{
    struct pipe_name *name;

    for (name = names; name != NULL; name = name->next) {
        size_t i = 0;

        while (name->text[i] == lower(text[i]) && text[i] != 0)
            i++;
        if (name->text[i] == 0 && text[i] == 0)
            return name;
    }
    name = calloc(1, sizeof(*name));
    if (name == NULL)
        abort();
    for (size_t i = 0; text[i] != 0 && i + 1 < NAME_MAX_UNITS; i++)
        name->text[i] = lower(text[i]);
    name->next = names;
    names = name;
    return name;
}

/* NULL: not in the pipes' own place. */
static struct pipe_name *name_of(LPCWSTR given)
{
    WCHAR full[NAME_MAX_UNITS];
    DWORD units = GetFullPathNameW(given, NAME_MAX_UNITS, full, NULL);

    if (units == 0 || units >= NAME_MAX_UNITS)
        return NULL;
    for (int i = 0; i < PREFIX_UNITS; i++) {
        if (lower(full[i]) != prefix[i])
            return NULL;
    }
    return full[PREFIX_UNITS] == 0 ? NULL : name_intern(full + PREFIX_UNITS);
}

static struct pipe_name *name_of_text(const char *text)
{
    WCHAR wide[NAME_MAX_UNITS];
    size_t i = 0;

    for (; text[i] != '\0'; i++)
        wide[i] = (WCHAR)(text[i] == '/' ? '\\' : text[i]);
    wide[i] = 0;
    return name_intern(wide);
}

static bool object_lives(const struct object *object)
{
    return object->handle != NULL || (object->foreign && object->pipe_state != PIPE_ENDED);
}

/* An instance may be there as long as the kernel has an operation on it, open or not. */
static bool name_taken(const struct pipe_name *name)
{
    bool lingers = sim_temper.chance[KNOB_NAME_LINGERS] > 10000;

    for (const struct object *o = sim_objects; o != NULL; o = o->next) {
        bool there = object_lives(o) || (o->ios > 0 && sim_temper.names_late);

        if (o->kind == OBJECT_PIPE && o->name == name && there && (o->server || lingers))
            return true;
    }
    return false;
}

/* For a client: some server has an instance, if only a taken one. */
static bool name_served(const struct pipe_name *name)
{
    for (const struct object *o = sim_objects; o != NULL; o = o->next) {
        if (o->kind == OBJECT_PIPE && o->name == name && o->server && object_lives(o))
            return true;
    }
    return false;
}

/* ---- servers ---- */

static HANDLE create_fail(DWORD code)
{
    (void)sim_error(code);
    return INVALID_HANDLE_VALUE;
}

static void create_check(DWORD open_mode, DWORD pipe_mode, LPSECURITY_ATTRIBUTES attributes)
{
    if ((open_mode & PIPE_ACCESS_DUPLEX) != PIPE_ACCESS_DUPLEX ||
        (open_mode & FILE_FLAG_OVERLAPPED) == 0)
        sim_fail("CreateNamedPipeW: not both ways, or not overlapped");
    if (pipe_mode != PIPE_REJECT_REMOTE_CLIENTS)
        sim_fail("CreateNamedPipeW: mode %#x", pipe_mode);
    if (attributes == NULL)
        return;
    if (attributes->nLength != sizeof(*attributes) || attributes->bInheritHandle)
        sim_fail("CreateNamedPipeW: attributes of another size, or inherited");
    if (attributes->lpSecurityDescriptor != NULL &&
        !IsValidSecurityDescriptor(attributes->lpSecurityDescriptor))
        sim_fail("CreateNamedPipeW: the descriptor is not valid");
}

static struct object *instance_new(struct pipe_name *name)
{
    struct object *object = sim_object_new(OBJECT_PIPE);

    object->name = name;
    object->server = true;
    object->visible_ns = sim_hold();
    return object;
}

HANDLE CreateNamedPipeW(LPCWSTR text, DWORD open_mode, DWORD pipe_mode, DWORD instances_max,
                        DWORD out_bytes, DWORD in_bytes, DWORD timeout_ms,
                        LPSECURITY_ATTRIBUTES attributes)
{
    static const DWORD codes[] = {5, 231, 1450, 8};
    struct pipe_name *name;

    (void)instances_max;
    (void)out_bytes;
    (void)in_bytes;
    (void)timeout_ms;
    sim_point();
    create_check(open_mode, pipe_mode, attributes);
    name = name_of(text);
    if (name == NULL)
        return create_fail(ERROR_INVALID_NAME);
    if (sim_chance(KNOB_CREATE_FAIL)) {
        sim_fails++;
        return create_fail(codes[sim_below(4)]);
    }
    if ((open_mode & FILE_FLAG_FIRST_PIPE_INSTANCE) != 0 && name_taken(name)) {
        SIM_NOTE("a first instance is refused: the name is taken");
        return create_fail(ERROR_ACCESS_DENIED);
    }
    (void)sim_ok();
    return sim_handle_open(instance_new(name));
}

bool sim_pipe_connect_progress(struct io *io)
{
    if (io->object->pipe_state == PIPE_FRESH)
        return false;
    if (!io->fresh && sim_chance(KNOB_CONNECT_SLOW)) {
        io->held_ns = sim_now_ns + sim_below(1000000);
        return true;
    }
    sim_io_finish(io, 0, 0);
    return true;
}

BOOL ConnectNamedPipe(HANDLE handle, LPOVERLAPPED overlapped)
{
    static const DWORD codes[] = {233, 1450, 8};
    struct object *object;

    sim_point();
    object = sim_object(handle, OBJECT_PIPE, "ConnectNamedPipe");
    if (!object->server)
        sim_fail("ConnectNamedPipe on a client's end");
    if (sim_io_waits(object, IO_CONNECT_PIPE))
        sim_fail("ConnectNamedPipe twice on one instance");
    if (object->pipe_state != PIPE_FRESH && sim_channel_ended(object->channel, object->side)) {
        SIM_NOTE("a client came and left");
        return sim_error(ERROR_NO_DATA);
    }
    if (object->pipe_state != PIPE_FRESH && sim_below(4) != 0) {
        SIM_NOTE("a client was there before");
        return sim_error(ERROR_PIPE_CONNECTED);
    }
    if (sim_chance(KNOB_CONNECT_FAIL)) {
        sim_fails++;
        return sim_error(codes[sim_below(3)]);
    }
    return sim_io_start(
        sim_io_new(IO_CONNECT_PIPE, object, overlapped, NULL, 0, "ConnectNamedPipe"), NULL);
}

/* ---- clients ---- */

/* An instance for a client; NULL: none is free. */
static struct object *instance_find(const struct pipe_name *name)
{
    struct object *chosen = NULL;
    uint32_t count = 0;

    for (struct object *o = sim_objects; o != NULL; o = o->next) {
        if (o->kind == OBJECT_PIPE && o->name == name && o->server && object_lives(o) &&
            o->pipe_state == PIPE_FRESH && o->visible_ns <= sim_now_ns && sim_below(++count) == 0)
            chosen = o;
    }
    return chosen;
}

static struct channel *instance_join(struct object *instance)
{
    instance->channel = sim_channel_new();
    instance->side = 0;
    instance->pipe_state = PIPE_TAKEN;
    return instance->channel;
}

static HANDLE open_name(struct pipe_name *name)
{
    struct object *instance = instance_find(name);
    struct object *object;

    if (instance == NULL)
        return create_fail(name_served(name) ? ERROR_PIPE_BUSY : ERROR_FILE_NOT_FOUND);
    object = sim_object_new(OBJECT_PIPE);
    object->name = name;
    object->channel = instance_join(instance);
    object->side = 1;
    if (sim_chance(KNOB_OPEN_DEAD)) {
        sim_fails++;
        object->channel->reset = true;
    }
    (void)sim_ok();
    SIM_NOTE("a client of instance %p", instance->handle);
    return sim_handle_open(object);
}

static void open_check(DWORD access, DWORD share, LPSECURITY_ATTRIBUTES attributes,
                       DWORD disposition, DWORD flags)
{
    if ((access & (GENERIC_READ | GENERIC_WRITE)) != (GENERIC_READ | GENERIC_WRITE) || share != 0)
        sim_fail("CreateFileW: not both ways, or shared");
    if (attributes != NULL && attributes->bInheritHandle)
        sim_fail("CreateFileW: inherited");
    if (disposition != OPEN_EXISTING || (flags & FILE_FLAG_OVERLAPPED) == 0)
        sim_fail("CreateFileW: not only what exists, or not overlapped");
    if ((flags & SECURITY_SQOS_PRESENT) == 0)
        sim_fail("CreateFileW: the server may act as the client");
}

HANDLE CreateFileW(LPCWSTR text, DWORD access, DWORD share, LPSECURITY_ATTRIBUTES attributes,
                   DWORD disposition, DWORD flags, HANDLE template_file)
{
    static const DWORD codes[] = {2, 5, 206, 1450};
    struct pipe_name *name;

    (void)template_file;
    sim_may_wait("CreateFileW");
    sim_point();
    open_check(access, share, attributes, disposition, flags);
    name = name_of(text);
    if (name == NULL)
        sim_fail("CreateFileW leaves the place of the pipes");
    if (sim_chance(KNOB_OPEN_SLOW))
        (void)sim_block("a slow open", NULL, NULL, sim_now_ns + sim_below(20000000));
    if (sim_chance(KNOB_OPEN_BUSY))
        return create_fail(ERROR_PIPE_BUSY);
    if (sim_chance(KNOB_OPEN_FAIL)) {
        sim_fails++;
        return create_fail(codes[sim_below(4)]);
    }
    if (sim_chance(KNOB_OPEN_NOT_PIPE)) {
        sim_fails++;
        return sim_handle_open(sim_object_new(OBJECT_FILE));
    }
    return open_name(name);
}

/* ---- the rest ---- */

static BOOL process_id(HANDLE handle, PULONG id, bool server, ULONG value, const char *call)
{
    static const DWORD codes[] = {1, 50, 233};
    struct object *object;

    sim_point();
    object = sim_object(handle, OBJECT_PIPE, call);
    if (object->server != server || object->channel == NULL)
        return sim_error(ERROR_INVALID_FUNCTION);
    if (sim_chance(KNOB_PID_FAIL)) {
        sim_fails++;
        return sim_error(codes[sim_below(3)]);
    }
    *id = value;
    return sim_ok();
}

BOOL GetNamedPipeClientProcessId(HANDLE pipe, PULONG id)
{
    return process_id(pipe, id, true, 4711, "GetNamedPipeClientProcessId");
}

BOOL GetNamedPipeServerProcessId(HANDLE pipe, PULONG id)
{
    return process_id(pipe, id, false, 4712, "GetNamedPipeServerProcessId");
}

BOOL DisconnectNamedPipe(HANDLE pipe)
{
    (void)pipe;
    sim_fail("DisconnectNamedPipe is not to be used");
}

BOOL WaitNamedPipeW(LPCWSTR name, DWORD timeout_ms)
{
    (void)name;
    (void)timeout_ms;
    sim_fail("WaitNamedPipeW is not to be used");
}

BOOL PeekNamedPipe(HANDLE pipe, LPVOID buffer, DWORD bytes, LPDWORD got, LPDWORD available,
                   LPDWORD left)
{
    struct object *object;

    sim_point();
    object = sim_object(pipe, OBJECT_PIPE, "PeekNamedPipe");
    if (buffer != NULL || bytes != 0 || got != NULL || left != NULL)
        sim_fail("PeekNamedPipe is made for the count only");
    if (object->channel == NULL || object->channel->reset)
        return sim_error(ERROR_PIPE_NOT_CONNECTED);
    if (available != NULL)
        *available = (DWORD)object->channel->flows[1 - object->side].count;
    return sim_ok();
}

void sim_names_check(void)
{
    while (names != NULL) {
        struct pipe_name *name = names;

        names = name->next;
        free(name);
    }
}

/* ---- peers that are not the library ---- */

bool sim_foreign_open_pipe(struct foreign *peer, const char *name)
{
    struct object *instance;

    sim_point();
    *peer = (struct foreign){.side = 1};
    instance = instance_find(name_of_text(name));
    if (instance == NULL)
        return false;
    peer->channel = instance_join(instance);
    return true;
}

static bool instance_taken(void *argument)
{
    const struct object *instance = argument;

    return instance->pipe_state != PIPE_FRESH;
}

bool sim_foreign_serve_pipe(struct foreign *peer, const char *name, uint64_t until_ns)
{
    sim_point();
    *peer = (struct foreign){.side = 0};
    peer->instance = instance_new(name_of_text(name));
    peer->instance->foreign = true;
    peer->instance->visible_ns = 0;
    if (!sim_block("a client", instance_taken, peer->instance, until_ns)) {
        peer->instance->pipe_state = PIPE_ENDED;
        return false;
    }
    peer->channel = peer->instance->channel;
    return true;
}
