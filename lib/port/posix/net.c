/* Sockets of POSIX systems, unix sockets among them. */
#define _GNU_SOURCE /* accept4, SO_PEERCRED */
#include "net.h"

#include "backend.h"
#include "net_os.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, UNIX_BUFFER_BYTES = 208 << 10 };

static const struct sockaddr *address_of(const struct net_address *address)
{
    return (const struct sockaddr *)(const void *)address->raw;
}

int spry_fd_quiet(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return spry_system_error(errno);
#ifdef SO_NOSIGPIPE
    (void)setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &(int){1}, sizeof(int));
#endif
    return 0;
}

int spry_net_socket(const struct net_address *address, intptr_t *handle)
{
#ifdef SOCK_CLOEXEC
    int fd = socket(address_of(address)->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
    int fd = socket(address_of(address)->sa_family, SOCK_STREAM, 0);

    if (fd >= 0 && spry_fd_quiet(fd) != 0) {
        (void)close(fd);
        fd = -1;
    }
#endif
    if (fd < 0)
        return spry_system_error(errno);
    *handle = fd;
    return 0;
}

int spry_net_accept(int fd)
{
#ifdef SOCK_CLOEXEC
    return accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
#else
    int got = accept(fd, NULL, NULL);

    if (got >= 0 && spry_fd_quiet(got) != 0) {
        (void)close(got);
        return -1;
    }
    return got;
#endif
}

int spry_net_connect(int fd, const struct net_address *address)
{
    int rv = connect(fd, address_of(address), (socklen_t)address->bytes);

    if (rv != 0 && errno == ENOENT)
        errno = ECONNREFUSED; /* no file, nobody there: as nng has it */
    return rv;
}

void spry_net_close(intptr_t handle)
{
    (void)close((int)handle);
}

int spry_net_bind(intptr_t handle, const struct net_address *address)
{
    if (bind((int)handle, address_of(address), (socklen_t)address->bytes) != 0)
        return spry_system_error(errno);
    return 0;
}

void spry_net_reuse(intptr_t handle)
{
    (void)setsockopt((int)handle, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
}

int spry_net_listen(intptr_t handle)
{
    return listen((int)handle, BACKLOG) == 0 ? 0 : spry_system_error(errno);
}

void spry_net_tune_tcp(intptr_t handle, bool nodelay, bool keepalive)
{
    int on = nodelay;

    (void)setsockopt((int)handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    on = keepalive;
    if (keepalive)
        (void)setsockopt((int)handle, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

/* The system's own limit applies; Linux grants twice its default of 208 KiB for the asking. */
void spry_net_tune_unix(intptr_t handle)
{
    int bytes = UNIX_BUFFER_BYTES;

    (void)setsockopt((int)handle, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int spry_net_local(intptr_t handle, struct net_address *address)
{
    socklen_t bytes = sizeof(address->raw);

    memset(address, 0, sizeof(*address));
    if (getsockname((int)handle, (struct sockaddr *)(void *)address->raw, &bytes) != 0)
        return spry_system_error(errno);
    address->bytes = bytes;
    return 0;
}

int spry_net_remote(intptr_t handle, struct net_address *address)
{
    socklen_t bytes = sizeof(address->raw);

    memset(address, 0, sizeof(*address));
    if (getpeername((int)handle, (struct sockaddr *)(void *)address->raw, &bytes) != 0)
        return spry_system_error(errno);
    address->bytes = bytes;
    return 0;
}

void spry_net_export_unix(const struct net_address *address, nng_sockaddr *out)
{
    size_t name_at = offsetof(struct sockaddr_un, sun_path);
    size_t length = address->bytes > name_at ? address->bytes - name_at : 0;
    struct sockaddr_un system;

    memset(out, 0, sizeof(*out));
    memcpy(&system, address->raw, sizeof(system));
    if (length > 0 && system.sun_path[0] == '\0') {
        out->s_abstract.sa_family = NNG_AF_ABSTRACT;
        out->s_abstract.sa_len = (uint16_t)(length - 1);
        memcpy(out->s_abstract.sa_name, system.sun_path + 1, length - 1);
        return;
    }
    out->s_ipc.sa_family = NNG_AF_IPC;
    memcpy(out->s_ipc.sa_path, system.sun_path, length);
}

size_t spry_net_pending(intptr_t handle)
{
    int bytes;

    return ioctl((int)handle, FIONREAD, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

/* A file's name has its NUL in the address; an abstract name has one in front and none behind. */
int spry_net_unix(struct net_address *address, const char *path, size_t bytes, bool abstract)
{
    struct sockaddr_un system = {.sun_family = AF_UNIX};

#ifndef __linux__
    if (abstract)
        return NNG_ENOTSUP;
#endif
    if (bytes >= sizeof(system.sun_path))
        return NNG_EADDRINVAL;
    memcpy(system.sun_path + (abstract ? 1 : 0), path, bytes);
    spry_net_address(address, &system, offsetof(struct sockaddr_un, sun_path) + bytes + 1);
    /* The kernel chooses an abstract name when told the family alone. */
    if (abstract && bytes == 0)
        address->bytes = offsetof(struct sockaddr_un, sun_path);
    return 0;
}

int spry_net_peer(intptr_t handle, struct net_peer *peer)
{
#ifdef SO_PEERCRED
    struct ucred who;
    socklen_t bytes = sizeof(who);

    if (getsockopt((int)handle, SOL_SOCKET, SO_PEERCRED, &who, &bytes) != 0)
        return spry_system_error(errno);
    *peer = (struct net_peer){(uint64_t)who.pid, who.uid, who.gid};
    return 0;
#else
    (void)handle;
    (void)peer;
    return NNG_ENOTSUP;
#endif
}

bool spry_net_refused(int fd, const struct net_address *address)
{
    return spry_net_connect(fd, address) != 0 && errno == ECONNREFUSED;
}
