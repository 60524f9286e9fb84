/*
 * A beacon made of a TCP connection to itself: what the program polls is one end, a byte from the other
 * lights it. Such a byte may take a moment: one that is to be taken back before it came stays `lit`, so
 * that no second one is sent, and the next call looks again.
 */
#include "beacon.h"

#include "net.h"
#include "net_os.h"
#include "port.h"
#include "system.h"

#include <nng/nng.h>

#include <windows.h>

#include <string.h>

/* Both ends are this thread's and meet in the kernel at once; strangers may come to the door first. */
enum { MEET_MS = 1000 };

static int last_error(void)
{
    return spry_system_error((uint32_t)WSAGetLastError(), OP_CONNECT);
}

static int socket_quiet(intptr_t handle)
{
    u_long on = 1;

    (void)SetHandleInformation((HANDLE)handle, HANDLE_FLAG_INHERIT, 0);
    /* The system has the command as unsigned and takes it as signed. */
    return ioctlsocket((SOCKET)handle, (long)FIONBIO, &on) == 0 ? 0 : last_error();
}

/* A non-blocking listener that only this machine can reach, on a port that nobody else can take. */
static int listener_open(intptr_t *listener, struct net_address *address)
{
    BOOL on = TRUE;
    int rv = spry_net_numeric(address, NET_V4, "127.0.0.1", "0");

    if (rv == 0)
        rv = spry_net_socket(address, listener);
    if (rv != 0)
        return rv;
    (void)setsockopt((SOCKET)*listener, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&on,
                     sizeof(on));
    rv = socket_quiet(*listener);
    if (rv == 0)
        rv = spry_net_bind(*listener, address);
    if (rv == 0)
        rv = spry_net_listen(*listener);
    if (rv == 0)
        rv = spry_net_local(*listener, address);
    if (rv != 0)
        spry_net_close(*listener);
    return rv;
}

/* Begins to connect; it is not waited for. */
static int end_open(intptr_t *end, const struct net_address *address)
{
    int rv = spry_net_socket(address, end);

    if (rv != 0)
        return rv;
    rv = socket_quiet(*end);
    if (rv == 0 &&
        connect((SOCKET)*end, (const struct sockaddr *)(const void *)address->raw,
                (int)address->bytes) != 0 &&
        WSAGetLastError() != WSAEWOULDBLOCK)
        rv = last_error();
    if (rv != 0)
        spry_net_close(*end);
    return rv;
}

/* `accepted` is the other side of `end`, and not a stranger's. */
static bool ends_meet(intptr_t end, intptr_t accepted)
{
    struct net_address here;
    struct net_address there;

    return spry_net_local(end, &here) == 0 && spry_net_remote(accepted, &there) == 0 &&
           spry_net_port(&here) == spry_net_port(&there);
}

static int end_accept(intptr_t listener, intptr_t end, intptr_t *out)
{
    ULONGLONG until = GetTickCount64() + MEET_MS;

    do {
        struct timeval limit = {MEET_MS / 1000, 0};
        fd_set readable = {1, {(SOCKET)listener}};
        SOCKET accepted;

        if (select(0, &readable, NULL, NULL, &limit) == SOCKET_ERROR)
            return last_error();
        accepted = accept((SOCKET)listener, NULL, NULL);
        if (accepted == INVALID_SOCKET && WSAGetLastError() != WSAEWOULDBLOCK)
            return last_error();
        if (accepted != INVALID_SOCKET && ends_meet(end, (intptr_t)accepted)) {
            *out = (intptr_t)accepted;
            return 0;
        }
        if (accepted != INVALID_SOCKET)
            spry_net_close((intptr_t)accepted);
    } while (GetTickCount64() < until);
    return NNG_ETIMEDOUT;
}

int spry_beacon_open(struct beacon *beacon)
{
    struct net_address address;
    intptr_t listener;
    intptr_t end;
    intptr_t accepted = SPRY_NO_HANDLE;
    int rv = listener_open(&listener, &address);

    if (rv != 0)
        return rv;
    rv = end_open(&end, &address);
    if (rv != 0)
        goto close_listener;
    rv = end_accept(listener, end, &accepted);
    if (rv != 0)
        goto close_end;
    rv = socket_quiet(accepted);
    if (rv != 0)
        goto close_accepted;
    spry_net_tune_tcp(accepted, true, false); /* else a byte waits for the word on the last one */
    spry_net_close(listener);
    *beacon = (struct beacon){.handles = {end, accepted}, .open = true};
    return 0;

close_accepted:
    spry_net_close(accepted);
close_end:
    spry_net_close(end);
close_listener:
    spry_net_close(listener);
    return rv;
}

void spry_beacon_close(struct beacon *beacon)
{
    if (!beacon->open)
        return;
    spry_beacon_set(beacon, true);
    spry_net_close(beacon->handles[1]);
    spry_net_close(beacon->handles[0]);
    beacon->open = false;
}

void spry_beacon_set(struct beacon *beacon, bool lit)
{
    char byte = 0;

    if (lit == beacon->lit)
        return;
    if (lit)
        beacon->lit = send((SOCKET)beacon->handles[1], &byte, 1, 0) == 1;
    else
        beacon->lit = recv((SOCKET)beacon->handles[0], &byte, 1, 0) != 1;
}
