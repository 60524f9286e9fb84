/* TCP sockets on one machine. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 128, EPHEMERAL_FIRST = 49152 };

/* A client that was not accepted yet; the listener has side 0 of its channel. */
struct arrival {
    struct arrival *next;
    struct channel *channel;
    struct sockaddr_storage remote;
};

int sim_wsa_count;
static uint16_t ephemeral;
static size_t found_count; /* results of getaddrinfo that were not freed */

int sim_real_pton6(const char *text, void *out);

uint16_t htons(uint16_t value)
{
    return (uint16_t)(value >> 8 | value << 8);
}

uint16_t ntohs(uint16_t value)
{
    return htons(value);
}

uint32_t htonl(uint32_t value)
{
    return __builtin_bswap32(value);
}

uint32_t ntohl(uint32_t value)
{
    return htonl(value);
}

int inet_pton(int family, const char *text, void *out)
{
    if (family != AF_INET6)
        sim_fail("inet_pton for IPv4");
    return sim_real_pton6(text, out);
}

static int fail(DWORD code)
{
    (void)sim_error(code);
    return SOCKET_ERROR;
}

static int fault(DWORD code)
{
    sim_fails++;
    return fail(code);
}

static int ok(void)
{
    (void)sim_ok();
    return 0;
}

/* ---- addresses ---- */

static uint16_t port_of(const struct sockaddr_storage *address)
{
    struct sockaddr_in v4; /* the port is in the same place for both families */

    memcpy(&v4, address, sizeof(v4));
    return ntohs(v4.sin_port);
}

static void port_set(struct sockaddr_storage *address, uint16_t port)
{
    port = htons(port);
    memcpy((char *)address + offsetof(struct sockaddr_in, sin_port), &port, sizeof(port));
}

static int address_bytes(int family)
{
    return family == AF_INET ? (int)sizeof(struct sockaddr_in) : (int)sizeof(struct sockaddr_in6);
}

/* The part that names the host. */
static const uint8_t *host_of(const struct sockaddr_storage *address, size_t *bytes)
{
    if (address->ss_family == AF_INET) {
        *bytes = 4;
        return (const uint8_t *)address + offsetof(struct sockaddr_in, sin_addr);
    }
    *bytes = 16;
    return (const uint8_t *)address + offsetof(struct sockaddr_in6, sin6_addr);
}

static bool wildcard(const struct sockaddr_storage *address)
{
    size_t bytes;
    const uint8_t *host = host_of(address, &bytes);

    for (size_t i = 0; i < bytes; i++) {
        if (host[i] != 0)
            return false;
    }
    return true;
}

static bool same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    size_t bytes;
    const uint8_t *host = host_of(a, &bytes);

    return a->ss_family == b->ss_family && memcmp(host, host_of(b, &bytes), bytes) == 0;
}

static bool covers(const struct sockaddr_storage *listener, const struct sockaddr_storage *to)
{
    if (port_of(listener) != port_of(to))
        return false;
    if (wildcard(listener))
        return listener->ss_family == AF_INET6 || to->ss_family == AF_INET;
    return same_host(listener, to);
}

static bool local_host(const struct sockaddr_storage *address)
{
    static const uint8_t one[16] = {[15] = 1};
    size_t bytes;
    const uint8_t *host = host_of(address, &bytes);

    if (wildcard(address))
        return true;
    return bytes == 4 ? host[0] == 127 : memcmp(host, one, 16) == 0;
}

static bool lives(const struct object *object)
{
    return object->kind == OBJECT_SOCKET &&
           (object->handle != NULL || (object->foreign && object->pipe_state != PIPE_ENDED));
}

/* A connection that was accepted and that the peer has not closed; the socket may be closed. */
static bool active(const struct object *object)
{
    return object->kind == OBJECT_SOCKET && object->socket_state == SOCKET_JOINED &&
           object->side == 0 && !object->channel->reset && !object->channel->closed[1];
}

/*
 * An exclusive listener's port stays taken while a connection that it accepted is active: so it is
 * documented for SO_EXCLUSIVEADDRUSE. Most seeds leave that out.
 */
static bool port_taken(const struct object *self)
{
    bool lingers = sim_temper.chance[KNOB_NAME_LINGERS] > 10000;

    for (const struct object *o = sim_objects; o != NULL; o = o->next) {
        if (o == self || o->kind != OBJECT_SOCKET || port_of(&o->local) != port_of(&self->local))
            continue;
        if (lives(o) && (o->socket_state == SOCKET_LISTENING || o->socket_state == SOCKET_BOUND))
            return true;
        if (lingers && self->exclusive && active(o))
            return true;
    }
    return false;
}

/* ---- the life of a socket ---- */

int WSAStartup(WORD version, LPWSADATA data)
{
    sim_point();
    if (sim_chance(KNOB_PORT_FAIL)) {
        sim_fails++;
        return WSASYSNOTREADY;
    }
    data->wVersion = version;
    data->wHighVersion = version;
    sim_wsa_count++;
    return 0;
}

int WSACleanup(void)
{
    sim_point();
    if (sim_wsa_count == 0)
        sim_fail("WSACleanup without WSAStartup");
    sim_wsa_count--;
    return 0;
}

static struct object *socket_of(SOCKET s, const char *call)
{
    sim_point();
    if (sim_wsa_count == 0)
        sim_fail("%s without WSAStartup", call);
    return sim_object((HANDLE)s, OBJECT_SOCKET, call);
}

SOCKET WSASocketW(int family, int type, int protocol, void *info, UINT group, DWORD flags)
{
    struct object *object;

    sim_point();
    if (sim_wsa_count == 0)
        sim_fail("WSASocketW without WSAStartup");
    if (type != SOCK_STREAM || protocol != IPPROTO_TCP || info != NULL || group != 0)
        sim_fail("WSASocketW of another kind");
    if (flags != (WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT))
        sim_fail("WSASocketW: not overlapped, or inherited");
    if (sim_chance(KNOB_SOCKET_FAIL)) {
        (void)fault(sim_below(2) == 0 ? WSAEMFILE : WSAENOBUFS);
        return INVALID_SOCKET;
    }
    object = sim_object_new(OBJECT_SOCKET);
    object->family = family;
    object->local.ss_family = (USHORT)family;
    (void)ok();
    return (SOCKET)sim_handle_open(object);
}

static void arrivals_drop(struct object *listener)
{
    while (listener->arrivals != NULL) {
        struct arrival *arrival = listener->arrivals;

        listener->arrivals = arrival->next;
        sim_channel_close(arrival->channel, 0);
        free(arrival);
    }
    listener->arrival_count = 0;
}

int closesocket(SOCKET s)
{
    struct object *object = socket_of(s, "closesocket");

    SIM_NOTE("closes socket %#zx", (size_t)s);
    if (sim_io_accepts(object))
        sim_fail("a socket is closed that AcceptEx has");
    sim_io_orphan(object);
    if (object->channel != NULL)
        sim_channel_close(object->channel, object->side);
    arrivals_drop(object);
    sim_handle_close(object);
    return ok();
}

static uint16_t port_next(void)
{
    if (++ephemeral < EPHEMERAL_FIRST)
        ephemeral = EPHEMERAL_FIRST;
    return ephemeral;
}

int bind(SOCKET s, const struct sockaddr *address, int bytes)
{
    struct object *object = socket_of(s, "bind");

    if (object->socket_state != SOCKET_NEW)
        return fail(WSAEINVAL);
    if (address->sa_family != object->family || bytes < address_bytes(object->family))
        return fail(WSAEFAULT);
    if (sim_chance(KNOB_SOCKET_FAIL))
        return fault(WSAENOBUFS);
    memcpy(&object->local, address, (size_t)address_bytes(object->family));
    if (!local_host(&object->local)) {
        object->local = (struct sockaddr_storage){.ss_family = (USHORT)object->family};
        return fail(WSAEADDRNOTAVAIL);
    }
    if (port_of(&object->local) == 0) {
        do {
            port_set(&object->local, port_next());
        } while (port_taken(object));
    } else if (port_taken(object)) {
        object->local = (struct sockaddr_storage){.ss_family = (USHORT)object->family};
        return fail(WSAEADDRINUSE);
    }
    object->socket_state = SOCKET_BOUND;
    return ok();
}

int listen(SOCKET s, int backlog)
{
    struct object *object = socket_of(s, "listen");

    (void)backlog;
    if (object->socket_state != SOCKET_BOUND)
        return fail(WSAEINVAL);
    if (sim_chance(KNOB_SOCKET_FAIL))
        return fault(WSAENOBUFS);
    object->socket_state = SOCKET_LISTENING;
    return ok();
}

static int name_out(const struct sockaddr_storage *from, struct sockaddr *address, int *bytes)
{
    int need = address_bytes(from->ss_family);

    if (*bytes < need)
        return fail(WSAEFAULT);
    memcpy(address, from, (size_t)need);
    *bytes = need;
    return ok();
}

int getsockname(SOCKET s, struct sockaddr *address, int *bytes)
{
    struct object *object = socket_of(s, "getsockname");

    if (object->socket_state == SOCKET_NEW)
        return fail(WSAEINVAL);
    if (object->socket_state == SOCKET_JOINED && object->side == 0 && !object->updated)
        return fail(WSAENOTCONN);
    return name_out(&object->local, address, bytes);
}

int getpeername(SOCKET s, struct sockaddr *address, int *bytes)
{
    struct object *object = socket_of(s, "getpeername");

    if (object->socket_state != SOCKET_JOINED || !object->updated)
        return fail(WSAENOTCONN);
    return name_out(&object->remote, address, bytes);
}

/* ---- options ---- */

static int update_context(struct object *object, int name, const char *value, int bytes)
{
    if (sim_chance(KNOB_CONTEXT_FAIL))
        return fault(WSAEINVAL);
    if (sim_temper.wine && object->socket_state == SOCKET_BOUND)
        return fail(WSAENOTCONN); /* the connect has told nobody that it failed */
    if (object->socket_state != SOCKET_JOINED ||
        object->side != (name == SO_UPDATE_ACCEPT_CONTEXT ? 0 : 1))
        sim_fail("the context of a socket is updated that is not connected");
    if (name == SO_UPDATE_ACCEPT_CONTEXT) {
        SOCKET listener;

        if (bytes != (int)sizeof(listener))
            sim_fail("SO_UPDATE_ACCEPT_CONTEXT without a socket");
        memcpy(&listener, value, sizeof(listener));
        (void)sim_object((HANDLE)listener, OBJECT_SOCKET, "SO_UPDATE_ACCEPT_CONTEXT");
    }
    object->updated = true;
    return ok();
}

int setsockopt(SOCKET s, int level, int name, const char *value, int bytes)
{
    struct object *object = socket_of(s, "setsockopt");

    if (level == SOL_SOCKET &&
        (name == SO_UPDATE_ACCEPT_CONTEXT || name == SO_UPDATE_CONNECT_CONTEXT))
        return update_context(object, name, value, bytes);
    if (level == SOL_SOCKET && name == SO_REUSEADDR)
        sim_fail("SO_REUSEADDR lets others take the address over");
    if (level == SOL_SOCKET && name == SO_EXCLUSIVEADDRUSE)
        object->exclusive = true;
    return ok();
}

int getsockopt(SOCKET s, int level, int name, char *value, int *bytes)
{
    (void)socket_of(s, "getsockopt");
    (void)level;
    (void)name;
    memset(value, 0, (size_t)*bytes);
    return ok();
}

/* A handle of another kind is no socket, but that it is open is asked for all the same. */
int ioctlsocket(SOCKET s, LONG command, ULONG *value)
{
    struct object *object;

    sim_point();
    object = sim_object_any((HANDLE)s, "ioctlsocket");
    if (object->kind != OBJECT_SOCKET)
        return fail(WSAENOTSOCK);
    if (command != (LONG)FIONREAD)
        return fail(WSAEINVAL);
    if (object->channel == NULL)
        return fail(WSAENOTCONN);
    *value = (ULONG)object->channel->flows[1 - object->side].count;
    return ok();
}

/* ---- connecting ---- */

static struct object *listener_find(const struct sockaddr_storage *to)
{
    for (struct object *o = sim_objects; o != NULL; o = o->next) {
        if (lives(o) && o->socket_state == SOCKET_LISTENING && covers(&o->local, to))
            return o;
    }
    return NULL;
}

static struct channel *arrive(struct object *listener, const struct sockaddr_storage *from)
{
    struct arrival *arrival = calloc(1, sizeof(*arrival));
    struct arrival **end = &listener->arrivals;

    if (arrival == NULL)
        abort();
    while (*end != NULL)
        end = &(*end)->next;
    arrival->channel = sim_channel_new();
    arrival->remote = *from;
    *end = arrival;
    listener->arrival_count++;
    return arrival->channel;
}

bool sim_connect_progress(struct io *io)
{
    static const DWORD codes[] = {1225, 121, 1232, 64};
    struct object *object = io->object;
    struct object *listener;

    if (!io->fresh && sim_chance(KNOB_CONNECT_SLOW)) {
        io->held_ns = sim_now_ns + sim_below(1000000);
        return true;
    }
    listener = listener_find(&object->remote);
    if (listener == NULL || listener->arrival_count >= BACKLOG) {
        object->socket_state = SOCKET_BOUND;
        sim_io_finish(io, sim_status_of(1225), 0);
        return true;
    }
    if (sim_chance(KNOB_CONNECT_FAIL)) {
        sim_fails++;
        object->socket_state = SOCKET_BOUND;
        sim_io_finish(io, sim_status_of(codes[sim_below(4)]), 0);
        return true;
    }
    object->channel = arrive(listener, &object->local);
    object->side = 1;
    object->socket_state = SOCKET_JOINED;
    sim_io_finish(io, 0, 0);
    return true;
}

static BOOL connect_ex(SOCKET s, const struct sockaddr *address, int bytes, PVOID data,
                       DWORD data_bytes, LPDWORD sent, LPOVERLAPPED overlapped)
{
    struct object *object = socket_of(s, "ConnectEx");

    (void)sent;
    if (data != NULL || data_bytes != 0)
        sim_fail("ConnectEx with data");
    if (object->socket_state != SOCKET_BOUND)
        return sim_error(WSAEINVAL);
    if (address->sa_family != object->family || bytes < address_bytes(object->family))
        return sim_error(WSAEFAULT);
    memcpy(&object->remote, address, (size_t)address_bytes(object->family));
    if (!local_host(&object->remote))
        return sim_error(WSAENETUNREACH);
    object->socket_state = SOCKET_CONNECTING;
    return sim_io_start(sim_io_new(IO_CONNECT, object, overlapped, NULL, 0, "ConnectEx"), NULL);
}

/* ---- accepting ---- */

/* The two addresses, in a form of its own; what matters is that they are written. */
static void addresses_write(const struct io *io)
{
    for (DWORD i = 0; i < io->addresses_bytes; i += 7)
        io->addresses[i] = (uint8_t)sim_random();
}

bool sim_accept_progress(struct io *io)
{
    struct object *listener = io->object;
    struct arrival *arrival = listener->arrivals;
    struct object *object = io->accepted;

    if (arrival == NULL)
        return false;
    listener->arrivals = arrival->next;
    listener->arrival_count--;
    if (sim_chance(KNOB_ACCEPT_GONE)) {
        sim_fails++;
        sim_channel_close(arrival->channel, 0);
        free(arrival);
        sim_io_finish(io, sim_status_of(64), 0);
        return true;
    }
    addresses_write(io);
    object->channel = arrival->channel;
    object->side = 0;
    object->socket_state = SOCKET_JOINED;
    object->local = listener->local;
    object->remote = arrival->remote;
    free(arrival);
    sim_io_finish(io, 0, 0);
    return true;
}

static BOOL accept_ex(SOCKET s, SOCKET into, PVOID buffer, DWORD data_bytes, DWORD local_bytes,
                      DWORD remote_bytes, LPDWORD got, LPOVERLAPPED overlapped)
{
    struct object *listener = socket_of(s, "AcceptEx");
    struct object *object = sim_object((HANDLE)into, OBJECT_SOCKET, "AcceptEx");
    DWORD need = (DWORD)address_bytes(listener->family) + 16;
    struct io *io;

    (void)got;
    if (data_bytes != 0 || local_bytes < need || remote_bytes < need)
        sim_fail("AcceptEx: wants data, or too little room for addresses");
    if (object->socket_state != SOCKET_NEW || object->family != listener->family)
        sim_fail("AcceptEx into a socket that is not new, or of another family");
    if (listener->socket_state != SOCKET_LISTENING)
        return sim_error(WSAEINVAL);
    if (sim_chance(KNOB_CONNECT_FAIL)) {
        sim_fails++;
        return sim_error(sim_below(2) == 0 ? WSAENOBUFS : WSAECONNRESET);
    }
    io = sim_io_new(IO_ACCEPT, listener, overlapped, NULL, 0, "AcceptEx");
    io->accepted = object;
    io->addresses = buffer;
    io->addresses_bytes = local_bytes + remote_bytes;
    return sim_io_start(io, NULL);
}

int WSAIoctl(SOCKET s, DWORD code, LPVOID in, DWORD in_bytes, LPVOID out, DWORD out_bytes,
             LPDWORD returned, LPWSAOVERLAPPED overlapped, void *routine)
{
    static const GUID accept_id = WSAID_ACCEPTEX;
    static const GUID connect_id = WSAID_CONNECTEX;
    LPFN_ACCEPTEX accept_function = accept_ex;
    LPFN_CONNECTEX connect_function = connect_ex;

    (void)socket_of(s, "WSAIoctl");
    if (code != SIO_GET_EXTENSION_FUNCTION_POINTER || in_bytes != sizeof(GUID) ||
        out_bytes != sizeof(connect_function) || returned == NULL || overlapped != NULL ||
        routine != NULL)
        sim_fail("WSAIoctl for something else");
    if (sim_chance(KNOB_CONTEXT_FAIL))
        return fault(WSAEOPNOTSUPP);
    if (memcmp(in, &accept_id, sizeof(GUID)) == 0)
        memcpy(out, &accept_function, sizeof(accept_function));
    else if (memcmp(in, &connect_id, sizeof(GUID)) == 0)
        memcpy(out, &connect_function, sizeof(connect_function));
    else
        return fail(WSAEINVAL);
    *returned = out_bytes;
    return ok();
}

/* ---- names of hosts ---- */

struct found {
    struct addrinfo info;
    struct sockaddr_storage address;
};

static struct addrinfo *found_add(struct addrinfo *next, int family, bool any, uint16_t port)
{
    struct found *found = calloc(1, sizeof(*found));
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (found == NULL)
        abort();
    v4.sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK);
    v6.sin6_addr.s6_addr[15] = any ? 0 : 1;
    if (family == AF_INET)
        memcpy(&found->address, &v4, sizeof(v4));
    else
        memcpy(&found->address, &v6, sizeof(v6));
    port_set(&found->address, port);
    found->info = (struct addrinfo){.ai_family = family,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_addrlen = (size_t)address_bytes(family),
                                    .ai_addr = (struct sockaddr *)&found->address,
                                    .ai_next = next};
    found_count++;
    return &found->info;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **found)
{
    struct addrinfo *all = NULL;
    uint16_t number = (uint16_t)atoi(port);

    sim_may_wait("getaddrinfo");
    sim_point();
    if (sim_wsa_count == 0)
        sim_fail("getaddrinfo without WSAStartup");
    if (sim_chance(KNOB_OPEN_SLOW))
        (void)sim_block("a slow name", NULL, NULL, sim_now_ns + sim_below(100000000));
    if (sim_chance(KNOB_OPEN_FAIL)) {
        sim_fails++;
        return sim_below(2) == 0 ? WSATRY_AGAIN : WSA_NOT_ENOUGH_MEMORY;
    }
    if (host != NULL && strcmp(host, "localhost") != 0)
        return WSAHOST_NOT_FOUND;
    if (hints->ai_family != AF_INET6)
        all = found_add(all, AF_INET, host == NULL, number);
    if (hints->ai_family != AF_INET)
        all = found_add(all, AF_INET6, host == NULL, number);
    *found = all;
    return 0;
}

void freeaddrinfo(struct addrinfo *found)
{
    sim_point();
    while (found != NULL) {
        struct addrinfo *next = found->ai_next;

        free((struct found *)(void *)found);
        found_count--;
        found = next;
    }
}

void sim_sockets_check(void)
{
    if (sim_wsa_count != 0)
        sim_fail("WSAStartup %d times more than WSACleanup", sim_wsa_count);
    if (found_count != 0)
        sim_fail("%zu results of getaddrinfo were not freed", found_count);
    ephemeral = 0;
}

/* ---- peers that are not the library ---- */

static struct sockaddr_storage loopback(uint16_t port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(&address, &v4, sizeof(v4));
    port_set(&address, port);
    return address;
}

bool sim_foreign_open_tcp(struct foreign *peer, uint16_t port)
{
    struct sockaddr_storage to = loopback(port);
    struct sockaddr_storage from = loopback(port_next());
    struct object *listener;

    sim_point();
    *peer = (struct foreign){.side = 1};
    listener = listener_find(&to);
    if (listener == NULL)
        return false;
    peer->channel = arrive(listener, &from);
    return true;
}

static bool arrival_there(void *argument)
{
    const struct object *listener = argument;

    return listener->arrivals != NULL;
}

bool sim_foreign_serve_tcp(struct foreign *peer, uint16_t port, uint64_t until_ns)
{
    struct object *listener;
    struct arrival *arrival;

    sim_point();
    *peer = (struct foreign){.side = 0};
    listener = sim_object_new(OBJECT_SOCKET);
    listener->foreign = true;
    listener->local = loopback(port);
    listener->socket_state = SOCKET_LISTENING;
    if (!port_taken(listener) && sim_block("a client", arrival_there, listener, until_ns)) {
        arrival = listener->arrivals;
        listener->arrivals = arrival->next;
        peer->channel = arrival->channel;
        free(arrival);
    }
    listener->pipe_state = PIPE_ENDED;
    arrivals_drop(listener);
    return peer->channel != NULL;
}
