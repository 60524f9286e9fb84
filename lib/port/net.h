/* Network addresses and the calls that make, tune and name sockets, by system. */
#ifndef SPRY_NET_H
#define SPRY_NET_H

#include <nng/nng.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A socket address of the system's own form. 128 bytes is what POSIX and Windows call enough. */
struct net_address {
    size_t bytes;
    union {
        uint64_t align;
        unsigned char raw[128];
    };
};

enum net_family { NET_ANY, NET_V4, NET_V6 };

enum { NET_ADDRESSES_MAX = 8 }; /* of one name that are tried */

/*
 * The address of a host and a port given as numbers; an empty or NULL host is the wildcard.
 * NNG_ENOENT: one of them is a name, ask spry_net_resolve. NNG_EADDRINVAL: port above 65535.
 */
int spry_net_numeric(struct net_address *address, enum net_family family, const char *host,
                     const char *port);

/*
 * Looks a name up; may block for many seconds, so never under a lock or on the poller. Writes at
 * most NET_ADDRESSES_MAX. NNG_EADDRINVAL: no such name or service; NNG_ENOMEM.
 */
int spry_net_resolve(struct net_address *addresses, size_t *count, enum net_family family,
                     const char *host, const char *port, bool listening);

/* A stream socket of the address's family: non-blocking, not inherited. NNG_E*. */
int spry_net_socket(const struct net_address *address, intptr_t *handle);

void spry_net_close(intptr_t handle);

/* NNG_EADDRINUSE, NNG_EADDRINVAL, NNG_EPERM, NNG_ENOENT. */
int spry_net_bind(intptr_t handle, const struct net_address *address);

/* For a TCP listener, before bind: an address may be taken again while old connections linger. */
void spry_net_reuse(intptr_t handle);

/* Backlog 128, as nng's. */
int spry_net_listen(intptr_t handle);

/* Best effort. */
void spry_net_tune_tcp(intptr_t handle, bool nodelay, bool keepalive);

/* The addresses of this side and of the peer. NNG_E*. */
int spry_net_local(intptr_t handle, struct net_address *address);
int spry_net_remote(intptr_t handle, struct net_address *address);

/* Between the system's form and the API's; an unknown family is NNG_AF_UNSPEC. */
void spry_net_export(const struct net_address *address, nng_sockaddr *out);

/* NNG_EADDRINVAL: not an IP address. */
int spry_net_import(struct net_address *address, const nng_sockaddr *in);

/* Of a socket: bytes that have come and were not read yet; 0 where the system does not tell. */
size_t spry_net_pending(intptr_t handle);

/* The port of an IP address, 0 of any other. */
uint16_t spry_net_port(const struct net_address *address);

/* Takes the system's form, `bytes` of it. */
void spry_net_address(struct net_address *address, const void *system, size_t bytes);

/* ---- POSIX only ---- */

/* A unix or abstract name. NNG_EADDRINVAL: too long; NNG_ENOTSUP: no abstract names here. */
int spry_net_unix(struct net_address *address, const char *path, size_t bytes, bool abstract);

/* Such a name in the API's form. */
void spry_net_export_unix(const struct net_address *address, nng_sockaddr *out);

/* Best effort: a buffer that takes a large message in half the switches between the two ends. */
void spry_net_tune_unix(intptr_t handle);

/* Credentials of the peer of a unix socket; NNG_ENOTSUP where the system does not tell. */
struct net_peer {
    uint64_t pid;
    uint64_t uid;
    uint64_t gid;
};
int spry_net_peer(intptr_t handle, struct net_peer *peer);

/* True: a connect was refused, so nobody listens there. Does not block. */
bool spry_net_refused(int fd, const struct net_address *address);

/* For the port: accept and connect as the system says, -1 and errno. */
int spry_net_accept(int fd);
int spry_net_connect(int fd, const struct net_address *address);

#endif
