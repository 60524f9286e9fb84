/* Sockets of Windows: overlapped, not inherited. */
#include "net.h"

#include "net_os.h"
#include "port.h"
#include "system.h"

#include <string.h>

enum { BACKLOG = 128 };

static const struct sockaddr *system_of(const struct net_address *address)
{
    return (const struct sockaddr *)(const void *)address->raw;
}

static int last_error(void)
{
    return spry_system_error((uint32_t)WSAGetLastError(), OP_CONNECT);
}

static int socket_open(int family, intptr_t *handle)
{
    SOCKET socket = WSASocketW(family, SOCK_STREAM, IPPROTO_TCP, NULL, 0,
                               WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    DWORD off = 0;

    if (socket == INVALID_SOCKET)
        return last_error();
    if (family == AF_INET6) /* both families at the wildcard, as elsewhere */
        (void)setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, (const char *)&off, sizeof(off));
    *handle = (intptr_t)socket;
    return 0;
}

int spry_net_socket(const struct net_address *address, intptr_t *handle)
{
    return socket_open(system_of(address)->sa_family, handle);
}

int spry_net_socket_for(intptr_t listener, intptr_t *handle)
{
    struct net_address address;
    int rv = spry_net_local(listener, &address);

    return rv != 0 ? rv : spry_net_socket(&address, handle);
}

void spry_net_close(intptr_t handle)
{
    (void)closesocket((SOCKET)handle);
}

int spry_net_bind(intptr_t handle, const struct net_address *address)
{
    return bind((SOCKET)handle, system_of(address), (int)address->bytes) == 0 ? 0 : last_error();
}

/*
 * Nothing to ask for: an address is free here as soon as its listener is closed. SO_REUSEADDR would
 * let anybody take it over; SO_EXCLUSIVEADDRUSE would hold it while an old connection lingers. With
 * neither, a socket of the same user that sets SO_REUSEADDR may still take it over.
 */
void spry_net_reuse(intptr_t handle)
{
    (void)handle;
}

int spry_net_listen(intptr_t handle)
{
    return listen((SOCKET)handle, BACKLOG) == 0 ? 0 : last_error();
}

void spry_net_tune_tcp(intptr_t handle, bool nodelay, bool keepalive)
{
    BOOL on = nodelay;

    (void)setsockopt((SOCKET)handle, IPPROTO_TCP, TCP_NODELAY, (const char *)&on, sizeof(on));
    on = keepalive;
    if (keepalive)
        (void)setsockopt((SOCKET)handle, SOL_SOCKET, SO_KEEPALIVE, (const char *)&on, sizeof(on));
}

/* The two calls have one type. */
static int address_by(int(WSAAPI *call)(SOCKET, struct sockaddr *, int *), intptr_t handle,
                      struct net_address *address)
{
    int bytes = sizeof(address->raw);

    memset(address, 0, sizeof(*address));
    if (call((SOCKET)handle, (struct sockaddr *)(void *)address->raw, &bytes) != 0)
        return last_error();
    address->bytes = (size_t)bytes;
    return 0;
}

int spry_net_local(intptr_t handle, struct net_address *address)
{
    return address_by(getsockname, handle, address);
}

int spry_net_remote(intptr_t handle, struct net_address *address)
{
    return address_by(getpeername, handle, address);
}

size_t spry_net_pending(intptr_t handle)
{
    u_long bytes = 0;

    return ioctlsocket((SOCKET)handle, FIONREAD, &bytes) == 0 ? bytes : 0;
}
