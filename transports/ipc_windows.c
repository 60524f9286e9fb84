/*
 * ipc on Windows: named pipes. docs/windows.md. A platform transport: it knows names, instances and
 * security descriptors. What flows is stream.c's; an instance that waits for its client is a stream
 * that is not connected yet.
 */
#include "alloc.h"
#include "list.h"
#include "loop.h"
#include "offload.h"
#include "stream.h"
#include "system.h"
#include "transport.h"

#include <nng/transport/ipc/ipc.h>

#include <windows.h>

#include <string.h>

#define PREFIX L"\\\\.\\pipe\\"

/* After an instance that could not be made or armed; wire.md section 9. */
#define PAUSE_NS (10 * (uint64_t)1000000)

enum {
    PREFIX_UNITS = 9,
    NAME_UNITS = PREFIX_UNITS + NNG_MAXADDRLEN, /* with the NUL */
    ARMED = 4,              /* instances that wait for clients: so many can come at once */
    BUFFER_BYTES = 64 << 10 /* each way, in the kernel; advice */
};

/* A name that this process listens at, or has listened at and not yet seen the last of. */
struct pipe_name {
    struct list node;
    struct loop *loop;
    WCHAR text[NAME_UNITS];
    uint32_t instances; /* streams that are not gone */
    uint32_t leaving;   /* those that a closed listener left, as counted in loop->unlistened */
    bool bound;         /* a listener has it */
};

/* An open in flight; it owns all that it touches and outlives a dialer that closes. */
struct opening {
    struct offload offload;
    struct endpoint *dialer; /* NULL: nobody waits for it any more */
    HANDLE pipe;             /* INVALID_HANDLE_VALUE: `error` tells why */
    DWORD error;
    WCHAR name[NAME_UNITS];
};

struct ipc {
    WCHAR name[NAME_UNITS]; /* canonical */
    struct opening *opening;

    /* A listener's. */
    struct endpoint *listener;
    struct pipe_name *bound;
    uint32_t armed; /* instances that wait for a client */
    uint32_t open;  /* instances whose handle is open */
    struct timer rearm;
    void *security; /* a self-relative descriptor, or NULL */
    size_t security_bytes;
};

static struct list names = {&names, &names}; /* lock: the loop's */

/* ---- names ---- */

/* Where a pipe leaves the folder of pipes, it is a file. */
static bool climbs(const char *path)
{
    while (*path != '\0') {
        size_t length = strcspn(path, "/\\");

        if (length == 2 && path[0] == '.' && path[1] == '.')
            return true;
        path += length;
        path += *path != '\0';
    }
    return false;
}

/* The system's own form of the path, so that equal names compare equal. */
static int name_make(WCHAR name[NAME_UNITS], const char *path)
{
    WCHAR raw[NAME_UNITS] = PREFIX;
    DWORD units;

    if (path[0] == '\0' || strlen(path) >= NNG_MAXADDRLEN || climbs(path))
        return NNG_EADDRINVAL;
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, raw + PREFIX_UNITS,
                            NAME_UNITS - PREFIX_UNITS) == 0)
        return NNG_EADDRINVAL;
    units = GetFullPathNameW(raw, NAME_UNITS, name, NULL);
    if (units <= PREFIX_UNITS || units >= NAME_UNITS ||
        memcmp(name, raw, PREFIX_UNITS * sizeof(WCHAR)) != 0)
        return NNG_EADDRINVAL;
    return 0;
}

static struct pipe_name *name_find(const WCHAR *text)
{
    for (struct list *node = names.next; node != &names; node = node->next) {
        struct pipe_name *name = SPRY_CONTAINER(node, struct pipe_name, node);

        if (CompareStringOrdinal(name->text, -1, text, -1, TRUE) == CSTR_EQUAL)
            return name;
    }
    return NULL;
}

static int name_bind(struct loop *loop, const WCHAR *text, struct pipe_name **out)
{
    struct pipe_name *name = name_find(text);

    if (name != NULL && name->bound)
        return NNG_EADDRINUSE;
    if (name == NULL) {
        name = spry_zalloc(sizeof(*name));
        if (name == NULL)
            return NNG_ENOMEM;
        name->loop = loop;
        memcpy(name->text, text, sizeof(name->text));
        spry_list_init(&name->node);
        spry_list_push(&names, &name->node);
    }
    name->bound = true;
    *out = name;
    return 0;
}

static void name_drop(struct pipe_name *name)
{
    if (name->bound || name->instances > 0)
        return;
    spry_list_remove(&name->node);
    spry_free(name, sizeof(*name));
}

/* The instances are closed next; until they are gone, the system may hold the name. */
static void name_unbind(struct pipe_name *name)
{
    name->bound = false;
    name->loop->unlistened += name->instances - name->leaving;
    name->leaving = name->instances;
    name_drop(name);
}

static int ipc_init(struct endpoint *endpoint)
{
    struct ipc *ipc = spry_zalloc(sizeof(*ipc));

    if (ipc == NULL)
        return NNG_ENOMEM;
    endpoint->state = ipc;
    return name_make(ipc->name, endpoint->url->u_path);
}

/* ---- connections ---- */

/* Both ends are known by the listener's name. */
static int get_endpoint_address(void *object, union option_value *value)
{
    const struct endpoint *endpoint = object;

    memset(&value->address, 0, sizeof(value->address));
    value->address.s_ipc.sa_family = NNG_AF_IPC;
    memcpy(value->address.s_ipc.sa_path, endpoint->url->u_path, strlen(endpoint->url->u_path));
    return 0;
}

static int get_pipe_address(void *object, union option_value *value)
{
    return get_endpoint_address(((struct carrier *)object)->endpoint, value);
}

static int get_pid(void *object, union option_value *value)
{
    struct carrier *carrier = object;
    HANDLE pipe = (HANDLE)spry_stream_handle(carrier);
    ULONG pid;
    BOOL ok = carrier->endpoint->handle.kind == HANDLE_DIALER
                  ? GetNamedPipeServerProcessId(pipe, &pid)
                  : GetNamedPipeClientProcessId(pipe, &pid);

    if (!ok)
        return spry_system_error(GetLastError(), OP_CONNECT);
    value->u64 = pid;
    return 0;
}

static const struct option pipe_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_pipe_address},
    {.name = NNG_OPT_REMADDR, .type = OPTION_ADDRESS, .get = get_pipe_address},
    {.name = NNG_OPT_PEER_PID, .type = OPTION_U64, .get = get_pid},
    {.name = NULL},
};

static const struct carrier_ops client_ops = {
    .send = spry_stream_send,
    .can_send = spry_stream_can_send,
    .receive = spry_stream_receive,
    .close = spry_stream_close,
    .options = pipe_options,
};

/* ---- dialling ---- */

/* Opening may block, and cannot be asked not to. */
static void opening_call(struct offload *offload)
{
    struct opening *opening = SPRY_CONTAINER(offload, struct opening, offload);

    opening->pipe =
        CreateFileW(opening->name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                    FILE_FLAG_OVERLAPPED | SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION, NULL);
    if (opening->pipe == INVALID_HANDLE_VALUE) {
        opening->error = GetLastError();
    } else if (GetFileType(opening->pipe) != FILE_TYPE_PIPE) {
        (void)CloseHandle(opening->pipe);
        opening->pipe = INVALID_HANDLE_VALUE;
        opening->error = ERROR_INVALID_NAME;
    }
}

/* Takes the pipe in any case. */
static int opened(struct endpoint *dialer, HANDLE pipe, DWORD error)
{
    int rv;

    if (pipe == INVALID_HANDLE_VALUE)
        return spry_system_error(error, OP_CONNECT);
    rv = spry_stream_open(dialer, &(struct stream_start){.ops = &client_ops,
                                                         .handle = (intptr_t)pipe,
                                                         .kind = ATTACH_PIPE,
                                                         .lead = true});
    if (rv != 0)
        (void)CloseHandle(pipe);
    return rv;
}

static void opening_done(struct task *task)
{
    struct opening *opening = SPRY_CONTAINER(task, struct opening, offload.task);
    struct endpoint *dialer = opening->dialer;
    HANDLE pipe = opening->pipe;
    DWORD error = opening->error;
    int rv;

    spry_free(opening, sizeof(*opening));
    if (dialer == NULL) {
        if (pipe != INVALID_HANDLE_VALUE)
            (void)CloseHandle(pipe);
        return;
    }
    ((struct ipc *)dialer->state)->opening = NULL;
    rv = opened(dialer, pipe, error);
    if (rv != 0)
        spry_endpoint_failed(dialer, rv);
}

static void ipc_dial(struct endpoint *dialer)
{
    struct ipc *ipc = dialer->state;
    struct opening *opening = spry_zalloc(sizeof(*opening));
    int rv = NNG_ENOMEM;

    if (opening != NULL) {
        opening->dialer = dialer;
        opening->offload.task.run = opening_done;
        opening->offload.call = opening_call;
        memcpy(opening->name, ipc->name, sizeof(opening->name));
        rv = spry_offload(dialer->loop, &opening->offload);
        if (rv != 0)
            spry_free(opening, sizeof(*opening));
        else
            ipc->opening = opening;
    }
    if (rv != 0)
        spry_endpoint_failed(dialer, rv);
}

/* ---- listening ---- */

static void instance_connected(struct endpoint *listener, int result);

static void instance_gone(void *owner)
{
    struct pipe_name *name = owner;

    name->instances--;
    if (name->leaving > 0) {
        name->leaving--;
        spry_loop_unlistened(name->loop);
    }
    name_drop(name);
}

static void instance_close(struct carrier *carrier)
{
    ((struct ipc *)carrier->endpoint->state)->open--;
    spry_stream_close(carrier);
}

static const struct carrier_ops instance_ops = {
    .send = spry_stream_send,
    .can_send = spry_stream_can_send,
    .receive = spry_stream_receive,
    .close = instance_close,
    .connected = instance_connected,
    .gone = instance_gone,
    .options = pipe_options,
};

/*
 * With no instance of ours open it insists on being the first, so that it never joins a stranger's
 * pipe. On an error nobody has the pipe.
 */
static int instance_create(const struct ipc *ipc, HANDLE *pipe)
{
    SECURITY_ATTRIBUTES attributes = {
        .nLength = sizeof(attributes),
        .lpSecurityDescriptor = ipc->security,
    };
    DWORD first = ipc->open == 0 ? FILE_FLAG_FIRST_PIPE_INSTANCE : 0;
    DWORD error;

    *pipe = CreateNamedPipeW(ipc->name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED | first,
                             PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT |
                                 PIPE_REJECT_REMOTE_CLIENTS,
                             PIPE_UNLIMITED_INSTANCES, BUFFER_BYTES, BUFFER_BYTES, 0, &attributes);
    if (*pipe != INVALID_HANDLE_VALUE)
        return 0;
    error = GetLastError();
    if (error == ERROR_PIPE_BUSY || (error == ERROR_ACCESS_DENIED && first != 0))
        return NNG_EADDRINUSE;
    return spry_system_error(error, OP_ACCEPT);
}

static int instance_arm(struct endpoint *listener)
{
    struct ipc *ipc = listener->state;
    HANDLE pipe;
    int rv = instance_create(ipc, &pipe);

    if (rv != 0)
        return rv;
    rv = spry_stream_open(listener, &(struct stream_start){.ops = &instance_ops,
                                                           .handle = (intptr_t)pipe,
                                                           .kind = ATTACH_INSTANCE,
                                                           .owner = ipc->bound,
                                                           .lead = true});
    if (rv != 0) {
        (void)CloseHandle(pipe);
        return rv;
    }
    ipc->bound->instances++;
    ipc->armed++;
    ipc->open++;
    return 0;
}

/*
 * As many as there should be; what cannot be had now is tried for later. It is a failed accept,
 * unless it only waits for the last instances of a listener that was closed.
 */
static void instances_arm(struct endpoint *listener)
{
    struct ipc *ipc = listener->state;

    int rv;

    while (ipc->armed < ARMED) {
        rv = instance_arm(listener);
        if (rv != 0) {
            if (rv != NNG_EADDRINUSE || ipc->bound->leaving == 0)
                spry_endpoint_failed(listener, rv);
            spry_timer_set(&listener->loop->timers, &ipc->rearm, spry_clock_ns() + PAUSE_NS);
            return;
        }
    }
}

static void rearm(struct timer *timer, uint64_t now_ns)
{
    (void)now_ns;
    instances_arm(SPRY_CONTAINER(timer, struct ipc, rearm)->listener);
}

/*
 * The replacement is there before the client has a word with us, or before the instance is closed that
 * a client came to and left: the name never vanishes. What the system fails in gets a pause.
 */
static void instance_connected(struct endpoint *listener, int result)
{
    struct ipc *ipc = listener->state;

    ipc->armed--;
    if (result == 0 || result == NNG_ECONNABORTED)
        instances_arm(listener);
    else
        spry_timer_set(&listener->loop->timers, &ipc->rearm, spry_clock_ns() + PAUSE_NS);
}

static int ipc_listen(struct endpoint *listener)
{
    struct ipc *ipc = listener->state;
    int rv = name_bind(listener->loop, ipc->name, &ipc->bound);

    if (rv != 0)
        return rv;
    ipc->listener = listener;
    spry_timer_init(&ipc->rearm, rearm);
    rv = instance_arm(listener);
    if (rv == NNG_EADDRINUSE && ipc->bound->instances > 0)
        rv = 0; /* the last of our own are just going: they are waited for */
    if (rv != 0) {
        name_unbind(ipc->bound);
        ipc->bound = NULL;
        return rv;
    }
    instances_arm(listener);
    return 0;
}

/* ---- end ---- */

/* The endpoint closes the instances, those that wait and those that are pipes. */
static void ipc_stop(struct endpoint *endpoint)
{
    struct ipc *ipc = endpoint->state;

    if (ipc->opening != NULL)
        ipc->opening->dialer = NULL;
    ipc->opening = NULL;
    if (ipc->bound == NULL)
        return;
    spry_timer_cancel(&endpoint->loop->timers, &ipc->rearm);
    name_unbind(ipc->bound);
    ipc->bound = NULL;
}

static void ipc_fini(struct endpoint *endpoint)
{
    struct ipc *ipc = endpoint->state;

    spry_free(ipc->security, ipc->security_bytes);
    spry_free(ipc, sizeof(*ipc));
}

/* ---- options of endpoints ---- */

/* A copy of the descriptor in one block, whichever form the program's has. */
static int security_copy(PSECURITY_DESCRIPTOR given, void **out, size_t *bytes)
{
    SECURITY_DESCRIPTOR_CONTROL control;
    DWORD revision;
    DWORD room;

    if (!IsValidSecurityDescriptor(given) ||
        !GetSecurityDescriptorControl(given, &control, &revision))
        return NNG_EINVAL;
    room = GetSecurityDescriptorLength(given);
    *bytes = room;
    *out = spry_alloc(room);
    if (*out == NULL)
        return NNG_ENOMEM;
    if ((control & SE_SELF_RELATIVE) != 0) {
        memcpy(*out, given, room);
    } else if (!MakeSelfRelativeSD(given, *out, &room)) {
        spry_free(*out, *bytes);
        return NNG_EINVAL;
    }
    return 0;
}

static int set_security(void *object, const union option_value *value)
{
    struct endpoint *listener = object;
    struct ipc *ipc = listener->state;
    void *copy = NULL;
    size_t bytes = 0;
    int rv = 0;

    if (listener->started)
        return NNG_EBUSY;
    if (value->pointer != NULL)
        rv = security_copy(value->pointer, &copy, &bytes);
    if (rv != 0)
        return rv;
    spry_free(ipc->security, ipc->security_bytes);
    ipc->security = copy;
    ipc->security_bytes = bytes;
    return 0;
}

static const struct option dialer_options[] = {
    {.name = NNG_OPT_REMADDR, .type = OPTION_ADDRESS, .get = get_endpoint_address},
    {.name = NULL},
};

static const struct option listener_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_endpoint_address},
    {.name = NNG_OPT_IPC_SECURITY_DESCRIPTOR, .type = OPTION_POINTER, .set = set_security},
    LISTENER_LIMIT_OPTIONS,
    {.name = NULL},
};

const struct transport spry_ipc = {
    .schemes = (const char *const[]){"ipc", NULL},
    .dialer_init = ipc_init,
    .listener_init = ipc_init,
    .dial = ipc_dial,
    .listen = ipc_listen,
    .stop = ipc_stop,
    .fini = ipc_fini,
    .dialer_options = dialer_options,
    .listener_options = listener_options,
};

int nng_ipc_register(void)
{
    return 0;
}
