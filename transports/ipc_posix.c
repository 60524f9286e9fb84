/*
 * ipc, unix and (on Linux) abstract: unix sockets. docs/wire.md section 3. A platform transport: it
 * knows files, modes and inodes.
 */
#include "acceptor.h"
#include "alloc.h"
#include "loop.h"
#include "net.h"
#include "stream.h"
#include "transport.h"
#include "url.h"

#include <nng/transport/ipc/ipc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ABSTRACT_BYTES = 107,                    /* the longest abstract name */
    PERMISSIONS = 07777,                     /* mode bits, no type */
    URL_BYTES = 16 + 3 * ABSTRACT_BYTES + 1, /* an abstract name, all of it escaped */
};

struct ipc {
    struct net_address address;
    int address_error; /* what start says: a path too long for the system */
    bool abstract;
    struct acceptor *acceptor;
    dev_t device; /* of the socket file that this listener made */
    ino_t inode;
};

/* ---- connections ---- */

static int get_endpoint_address(void *object, union option_value *value)
{
    const struct ipc *ipc = ((struct endpoint *)object)->state;

    if (ipc->address_error != 0)
        return ipc->address_error;
    spry_net_export_unix(&ipc->address, &value->address);
    return 0;
}

/* Both ends are known by the listener's name; the dialer's own socket has none. */
static int get_pipe_address(void *object, union option_value *value)
{
    return get_endpoint_address(((struct carrier *)object)->endpoint, value);
}

static int peer_of(void *object, struct net_peer *peer)
{
    return spry_net_peer(spry_stream_handle(object), peer);
}

static int get_pid(void *object, union option_value *value)
{
    struct net_peer peer;
    int rv = peer_of(object, &peer);

    if (rv == 0)
        value->u64 = peer.pid;
    return rv;
}

static int get_uid(void *object, union option_value *value)
{
    struct net_peer peer;
    int rv = peer_of(object, &peer);

    if (rv == 0)
        value->u64 = peer.uid;
    return rv;
}

static int get_gid(void *object, union option_value *value)
{
    struct net_peer peer;
    int rv = peer_of(object, &peer);

    if (rv == 0)
        value->u64 = peer.gid;
    return rv;
}

static const struct option pipe_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_pipe_address},
    {.name = NNG_OPT_REMADDR, .type = OPTION_ADDRESS, .get = get_pipe_address},
    {.name = NNG_OPT_PEER_PID, .type = OPTION_U64, .get = get_pid},
    {.name = NNG_OPT_PEER_UID, .type = OPTION_U64, .get = get_uid},
    {.name = NNG_OPT_PEER_GID, .type = OPTION_U64, .get = get_gid},
    {.name = NULL},
};

static const struct carrier_ops ipc_ops = {
    .send = spry_stream_send,
    .can_send = spry_stream_can_send,
    .receive = spry_stream_receive,
    .close = spry_stream_close,
    .options = pipe_options,
};

/* ---- addresses ---- */

static int abstract_address(struct ipc *ipc, const char *name, bool listening)
{
    uint8_t bytes[ABSTRACT_BYTES];
    size_t count;
    int rv = spry_url_decode(name, bytes, sizeof(bytes), &count);

    if (rv != 0)
        return rv;
    if (count == 0 && !listening)
        return NNG_EADDRINVAL;
    return spry_net_unix(&ipc->address, (const char *)bytes, count, true);
}

/* A path that the API can name but the system cannot is refused at the start. */
static int path_address(struct ipc *ipc, const char *path)
{
    size_t bytes = strlen(path);

    if (bytes == 0 || bytes >= NNG_MAXADDRLEN)
        return NNG_EADDRINVAL;
    ipc->address_error = spry_net_unix(&ipc->address, path, bytes, false);
    return 0;
}

static int ipc_init(struct endpoint *endpoint, bool listening)
{
    const nng_url *url = endpoint->url;
    struct ipc *ipc = spry_zalloc(sizeof(*ipc));

    if (ipc == NULL)
        return NNG_ENOMEM;
    endpoint->state = ipc;
    ipc->abstract = strcmp(url->u_scheme, "abstract") == 0;
    return ipc->abstract ? abstract_address(ipc, url->u_path, listening)
                         : path_address(ipc, url->u_path);
}

static int ipc_dialer_init(struct endpoint *dialer)
{
    return ipc_init(dialer, false);
}

static int ipc_listener_init(struct endpoint *listener)
{
    return ipc_init(listener, true);
}

/* ---- dialling ---- */

static int dial_once(struct endpoint *dialer)
{
    const struct ipc *ipc = dialer->state;
    intptr_t handle;
    int rv = ipc->address_error;

    if (rv == 0)
        rv = spry_net_socket(&ipc->address, &handle);
    if (rv != 0)
        return rv;
    spry_net_tune_unix(handle);
    rv = spry_stream_open(dialer, &(struct stream_start){.ops = &ipc_ops,
                                                         .handle = handle,
                                                         .peer = &ipc->address,
                                                         .kind = ATTACH_CONNECTING,
                                                         .lead = true});
    if (rv != 0)
        spry_net_close(handle);
    return rv;
}

static void ipc_dial(struct endpoint *dialer)
{
    int rv = dial_once(dialer);

    if (rv != 0)
        spry_endpoint_failed(dialer, rv);
}

/* ---- listening ---- */

static int ipc_accepted(struct endpoint *listener, intptr_t handle)
{
    spry_net_tune_unix(handle);
    return spry_stream_open(
        listener, &(struct stream_start){.ops = &ipc_ops, .handle = handle, .lead = true});
}

/* True: the path is a socket file that nobody listens on any more. */
static bool stale(const struct ipc *ipc, const char *path)
{
    struct stat status;
    intptr_t handle;
    bool refused;

    if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode))
        return false;
    if (spry_net_socket(&ipc->address, &handle) != 0)
        return false;
    refused = spry_net_refused((int)handle, &ipc->address);
    spry_net_close(handle);
    return refused;
}

static int bind_path(const struct ipc *ipc, const char *path, intptr_t handle)
{
    int rv = spry_net_bind(handle, &ipc->address);

    if (rv != NNG_EADDRINUSE || ipc->abstract || !stale(ipc, path))
        return rv;
    (void)unlink(path);
    return spry_net_bind(handle, &ipc->address);
}

/* The mode is right before the first client can connect. */
static int set_mode(struct endpoint *listener)
{
    struct ipc *ipc = listener->state;
    const char *path = listener->url->u_path;
    struct stat status;

    if (ipc->abstract)
        return 0;
    if (lstat(path, &status) != 0)
        return NNG_ENOENT;
    ipc->device = status.st_dev;
    ipc->inode = status.st_ino;
    if (listener->options.ipc_permissions >= 0 &&
        chmod(path, (mode_t)listener->options.ipc_permissions) != 0)
        return NNG_EPERM;
    return 0;
}

/* The abstract name that the system chose, and the URL that tells it. */
static int chosen_name(intptr_t handle, struct net_address *address, nng_url **url)
{
    char text[URL_BYTES] = "abstract://";
    size_t at = strlen(text);
    nng_sockaddr name;
    int rv = spry_net_local(handle, address);

    if (rv != 0)
        return rv;
    spry_net_export_unix(address, &name);
    for (size_t i = 0; i < name.s_abstract.sa_len; i++, at += 3)
        (void)snprintf(text + at, 4, "%%%02X", name.s_abstract.sa_name[i]);
    return nng_url_parse(url, text);
}

/* Removes the socket file, if it is still the one that this listener made. */
static void remove_file(const struct endpoint *listener)
{
    const struct ipc *ipc = listener->state;
    struct stat status;

    if (!ipc->abstract && lstat(listener->url->u_path, &status) == 0 &&
        status.st_dev == ipc->device && status.st_ino == ipc->inode)
        (void)unlink(listener->url->u_path);
}

static int listen_on(struct endpoint *listener, intptr_t handle)
{
    struct ipc *ipc = listener->state;
    struct net_address address = ipc->address;
    nng_url *url = NULL;
    int rv = bind_path(ipc, listener->url->u_path, handle);

    if (rv != 0)
        return rv;
    rv = set_mode(listener);
    if (rv == 0)
        rv = spry_net_listen(handle);
    if (rv == 0 && ipc->abstract && listener->url->u_path[0] == '\0')
        rv = chosen_name(handle, &address, &url);
    if (rv == 0)
        rv = spry_acceptor_open(&ipc->acceptor, listener, handle, ipc_accepted);
    if (rv != 0) {
        nng_url_free(url);
        remove_file(listener);
        return rv;
    }
    ipc->address = address;
    if (url != NULL)
        spry_listener_renamed(listener, url);
    return 0;
}

static int ipc_listen(struct endpoint *listener)
{
    const struct ipc *ipc = listener->state;
    intptr_t handle;
    int rv = ipc->address_error;

    if (rv == 0)
        rv = spry_net_socket(&ipc->address, &handle);
    if (rv != 0)
        return rv;
    rv = listen_on(listener, handle);
    if (rv != 0)
        spry_net_close(handle);
    return rv;
}

/* ---- end ---- */

static void ipc_stop(struct endpoint *endpoint)
{
    struct ipc *ipc = endpoint->state;

    if (ipc->acceptor == NULL)
        return;
    remove_file(endpoint);
    spry_acceptor_close(ipc->acceptor);
    ipc->acceptor = NULL;
}

static void ipc_fini(struct endpoint *endpoint)
{
    spry_free(endpoint->state, sizeof(struct ipc));
}

/* ---- options of endpoints ---- */

static int set_permissions(void *object, const union option_value *value)
{
    struct endpoint *listener = object;

    if (listener->started)
        return NNG_EBUSY;
    listener->options.ipc_permissions = value->integer;
    return 0;
}

static const struct option dialer_options[] = {
    {.name = NNG_OPT_REMADDR, .type = OPTION_ADDRESS, .get = get_endpoint_address},
    {.name = NULL},
};

static const struct option listener_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_endpoint_address},
    {.name = NNG_OPT_IPC_PERMISSIONS,
     .type = OPTION_INT,
     .set = set_permissions,
     .max = PERMISSIONS},
    LISTENER_LIMIT_OPTIONS,
    {.name = NULL},
};

const struct transport spry_ipc = {
    .schemes = (const char *const[]){"ipc", "unix", "abstract", NULL},
    .dialer_init = ipc_dialer_init,
    .listener_init = ipc_listener_init,
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
