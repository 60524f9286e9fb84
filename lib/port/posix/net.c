/* Sockets of POSIX systems. */
#define _GNU_SOURCE /* accept4, SO_PEERCRED */
#include "net.h"

#include "backend.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
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

static void address_set(struct net_address *address, const void *system, size_t bytes)
{
    memset(address, 0, sizeof(*address));
    address->bytes = bytes < sizeof(address->raw) ? bytes : sizeof(address->raw);
    memcpy(address->raw, system, address->bytes);
}

static int port_number(const char *port, in_port_t *out)
{
    unsigned value = 0;

    for (const char *c = port == NULL ? "" : port; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return NNG_ENOENT;
        value = value * 10 + (unsigned)(*c - '0');
        if (value > 65535)
            return NNG_EADDRINVAL;
    }
    *out = htons((uint16_t)value);
    return 0;
}

/*
 * Four decimal numbers. Not by inet_pton: in a program that has no other use for it, its page of
 * the C library is a third of what an idle socket costs.
 */
static bool v4_number(const char *host, struct in_addr *out)
{
    uint32_t address = 0;

    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        int digits = 0;

        for (; *host >= '0' && *host <= '9' && digits < 3; host++, digits++)
            value = value * 10 + (unsigned)(*host - '0');
        if (digits == 0 || value > 255 || *host != (part < 3 ? '.' : '\0'))
            return false;
        address = address << 8 | value;
        host++;
    }
    out->s_addr = htonl(address);
    return true;
}

int spry_net_numeric(struct net_address *address, enum net_family family, const char *host,
                     const char *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool wildcard = host == NULL || host[0] == '\0';
    int rv = port_number(port, &v4.sin_port);

    if (rv != 0)
        return rv;
    v6.sin6_port = v4.sin_port;
    if (family != NET_V6 && (wildcard || v4_number(host, &v4.sin_addr))) {
        address_set(address, &v4, sizeof(v4));
        return 0;
    }
    if (family != NET_V4 && (wildcard || inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)) {
        address_set(address, &v6, sizeof(v6));
        return 0;
    }
    return NNG_ENOENT;
}

int spry_net_resolve(struct net_address *addresses, size_t *count, enum net_family family,
                     const char *host, const char *port, bool listening)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found;
    size_t n = 0;
    in_port_t number;
    int rv = port_number(port, &number); /* getaddrinfo takes a port modulo 65536 */

    if (rv != 0 && rv != NNG_ENOENT)
        return rv;
    hints.ai_family = family == NET_V4 ? AF_INET : family == NET_V6 ? AF_INET6 : AF_UNSPEC;
    if (listening)
        hints.ai_flags = AI_PASSIVE;
    rv = getaddrinfo(host == NULL || host[0] == '\0' ? NULL : host,
                     port == NULL || port[0] == '\0' ? "0" : port, &hints, &found);
    if (rv != 0)
        return rv == EAI_MEMORY ? NNG_ENOMEM : NNG_EADDRINVAL;
    for (struct addrinfo *a = found; a != NULL && n < NET_ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
            address_set(&addresses[n++], a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(found);
    if (n == 0)
        return NNG_EADDRINVAL;
    *count = n;
    return 0;
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

static void export_unix(const struct sockaddr_un *system, size_t bytes, nng_sockaddr *out)
{
    size_t length = bytes > offsetof(struct sockaddr_un, sun_path)
                        ? bytes - offsetof(struct sockaddr_un, sun_path)
                        : 0;

    if (length > 0 && system->sun_path[0] == '\0') {
        out->s_abstract.sa_family = NNG_AF_ABSTRACT;
        out->s_abstract.sa_len = (uint16_t)(length - 1);
        memcpy(out->s_abstract.sa_name, system->sun_path + 1, length - 1);
        return;
    }
    out->s_ipc.sa_family = NNG_AF_IPC;
    memcpy(out->s_ipc.sa_path, system->sun_path, length);
}

void spry_net_export(const struct net_address *address, nng_sockaddr *out)
{
    memset(out, 0, sizeof(*out));
    switch (address_of(address)->sa_family) {
    case AF_INET: {
        struct sockaddr_in v4;

        memcpy(&v4, address->raw, sizeof(v4));
        out->s_in.sa_family = NNG_AF_INET;
        out->s_in.sa_port = v4.sin_port;
        out->s_in.sa_addr = v4.sin_addr.s_addr;
        break;
    }
    case AF_INET6: {
        struct sockaddr_in6 v6;

        memcpy(&v6, address->raw, sizeof(v6));
        out->s_in6.sa_family = NNG_AF_INET6;
        out->s_in6.sa_port = v6.sin6_port;
        out->s_in6.sa_scope = v6.sin6_scope_id;
        memcpy(out->s_in6.sa_addr, &v6.sin6_addr, sizeof(out->s_in6.sa_addr));
        break;
    }
    case AF_UNIX: {
        struct sockaddr_un system;

        memcpy(&system, address->raw, sizeof(system));
        export_unix(&system, address->bytes, out);
        break;
    }
    default:
        out->s_family = NNG_AF_UNSPEC;
        break;
    }
}

uint16_t spry_net_port(const struct net_address *address)
{
    nng_sockaddr out;

    spry_net_export(address, &out);
    if (out.s_family == NNG_AF_INET)
        return ntohs(out.s_in.sa_port);
    if (out.s_family == NNG_AF_INET6)
        return ntohs(out.s_in6.sa_port);
    return 0;
}

int spry_net_import(struct net_address *address, const nng_sockaddr *in)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (in->s_family == NNG_AF_INET) {
        v4.sin_port = in->s_in.sa_port;
        v4.sin_addr.s_addr = in->s_in.sa_addr;
        address_set(address, &v4, sizeof(v4));
        return 0;
    }
    if (in->s_family != NNG_AF_INET6)
        return NNG_EADDRINVAL;
    v6.sin6_port = in->s_in6.sa_port;
    v6.sin6_scope_id = in->s_in6.sa_scope;
    memcpy(&v6.sin6_addr, in->s_in6.sa_addr, sizeof(v6.sin6_addr));
    address_set(address, &v6, sizeof(v6));
    return 0;
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
    address_set(address, &system, offsetof(struct sockaddr_un, sun_path) + bytes + 1);
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
