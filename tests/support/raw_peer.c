/* Blocking sockets with time limits; no function of the library is called here. */
#include "raw_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_un path;
};

static socklen_t url_address(const char *url, union address *address, bool *lead)
{
    memset(address, 0, sizeof(*address));
    *lead = strncmp(url, "ipc://", 6) == 0;
    if (*lead) {
        address->path.sun_family = AF_UNIX;
        ck_assert_uint_lt(strlen(url + 6), sizeof(address->path.sun_path));
        strcpy(address->path.sun_path, url + 6);
        return sizeof(address->path);
    } else {
        const char *port = strrchr(url, ':');
        char host[64] = "";

        ck_assert_int_eq(strncmp(url, "tcp://", 6), 0);
        strncat(host, url + 6, (size_t)(port - url - 6));
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)atoi(port + 1));
        ck_assert_int_eq(inet_pton(AF_INET, host, &address->v4.sin_addr), 1);
        return sizeof(address->v4);
    }
}

static struct raw_peer peer_init(int fd, bool lead)
{
    struct timeval limit = {.tv_sec = RAW_DEADLINE_MS / 1000};

    ck_assert_msg(fd >= 0, "no socket: %s", strerror(errno));
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (!lead)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return (struct raw_peer){fd, lead};
}

struct raw_peer raw_socket(const char *url)
{
    union address address;
    bool lead;

    (void)url_address(url, &address, &lead);
    return peer_init(socket(address.any.sa_family, SOCK_STREAM, 0), lead);
}

void raw_connect_to(const struct raw_peer *peer, const char *url)
{
    union address address;
    bool lead;
    socklen_t bytes = url_address(url, &address, &lead);

    ck_assert_msg(connect(peer->fd, &address.any, bytes) == 0, "connect %s: %s", url,
                  strerror(errno));
}

struct raw_peer raw_connect(const char *url)
{
    struct raw_peer peer = raw_socket(url);

    raw_connect_to(&peer, url);
    return peer;
}

struct raw_peer raw_listen(const char *url)
{
    union address address;
    bool lead;
    socklen_t bytes = url_address(url, &address, &lead);
    struct raw_peer peer = peer_init(socket(address.any.sa_family, SOCK_STREAM, 0), lead);

    (void)setsockopt(peer.fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    ck_assert_msg(bind(peer.fd, &address.any, bytes) == 0, "bind %s: %s", url, strerror(errno));
    ck_assert_int_eq(listen(peer.fd, 128), 0);
    return peer;
}

bool raw_may_accept(const struct raw_peer *listener, int timeout_ms)
{
    struct pollfd entry = {.fd = listener->fd, .events = POLLIN};

    return poll(&entry, 1, timeout_ms) == 1;
}

struct raw_peer raw_accept(const struct raw_peer *listener)
{
    ck_assert_msg(raw_may_accept(listener, RAW_DEADLINE_MS), "nobody connected");
    return peer_init(accept(listener->fd, NULL, NULL), listener->lead);
}

void raw_close(struct raw_peer *peer)
{
    ck_assert_int_eq(close(peer->fd), 0);
    peer->fd = -1;
}

void raw_reset(struct raw_peer *peer)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    raw_close(peer);
}

void raw_finish(const struct raw_peer *peer)
{
    (void)shutdown(peer->fd, SHUT_WR);
}

bool raw_try_send(const struct raw_peer *peer, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes > 0) {
        ssize_t put = send(peer->fd, at, bytes, MSG_NOSIGNAL);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        bytes -= (size_t)put;
    }
    return true;
}

void raw_send(const struct raw_peer *peer, const void *data, size_t bytes)
{
    ck_assert_msg(raw_try_send(peer, data, bytes), "send: %s", strerror(errno));
}

void raw_send_bytewise(const struct raw_peer *peer, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        raw_send(peer, (const char *)data + i, 1);
}

void raw_read(const struct raw_peer *peer, void *data, size_t bytes)
{
    size_t have = 0;

    while (have < bytes) {
        ssize_t got = read(peer->fd, (char *)data + have, bytes - have);

        if (got < 0 && errno == EINTR)
            continue;
        ck_assert_msg(got > 0, "%zu of %zu bytes, then %s", have, bytes,
                      got == 0 ? "the end" : strerror(errno));
        have += (size_t)got;
    }
}

void raw_expect(const struct raw_peer *peer, const void *data, size_t bytes)
{
    char *got = malloc(bytes + 1);

    raw_read(peer, got, bytes);
    ck_assert_mem_eq(got, data, bytes);
    free(got);
}

/* The bytes read; 0: the end; -1: reset. */
static ssize_t read_some(const struct raw_peer *peer, void *data, size_t bytes)
{
    ssize_t got;

    do {
        got = read(peer->fd, data, bytes);
    } while (got < 0 && errno == EINTR);
    ck_assert_msg(got >= 0 || errno == ECONNRESET, "waiting for the end: %s", strerror(errno));
    return got;
}

void raw_expect_close(const struct raw_peer *peer)
{
    uint8_t byte;

    ck_assert_msg(read_some(peer, &byte, 1) <= 0, "a byte instead of the end");
}

void raw_drain_until_close(const struct raw_peer *peer)
{
    uint8_t bytes[4096];

    while (read_some(peer, bytes, sizeof(bytes)) > 0) {
    }
}

void raw_expect_hello(const struct raw_peer *peer, uint16_t other)
{
    const uint8_t hello[8] = {0, 'S', 'P', 0, (uint8_t)(other >> 8), (uint8_t)other, 0, 0};

    raw_expect(peer, hello, sizeof(hello));
}

void raw_greet(const struct raw_peer *peer, uint16_t self, uint16_t other)
{
    const uint8_t hello[8] = {0, 'S', 'P', 0, (uint8_t)(self >> 8), (uint8_t)self, 0, 0};

    raw_send(peer, hello, sizeof(hello));
    raw_expect_hello(peer, other);
}

size_t raw_head(const struct raw_peer *peer, uint64_t length, uint8_t *head)
{
    size_t bytes = 0;

    if (peer->lead)
        head[bytes++] = 1;
    for (int shift = 56; shift >= 0; shift -= 8)
        head[bytes++] = (uint8_t)(length >> shift);
    return bytes;
}

void raw_send_head(const struct raw_peer *peer, uint64_t length)
{
    uint8_t head[9];

    raw_send(peer, head, raw_head(peer, length, head));
}

void raw_send_frame(const struct raw_peer *peer, const void *data, size_t bytes)
{
    raw_send_head(peer, bytes);
    if (bytes > 0)
        raw_send(peer, data, bytes);
}

size_t raw_read_frame(const struct raw_peer *peer, void *data, size_t room)
{
    uint8_t head[9];
    size_t lead = peer->lead ? 1 : 0;
    uint64_t length = 0;

    raw_read(peer, head, lead + 8);
    if (peer->lead)
        ck_assert_uint_eq(head[0], 1);
    for (size_t i = 0; i < 8; i++)
        length = length << 8 | head[lead + i];
    ck_assert_uint_le(length, room);
    raw_read(peer, data, length);
    return length;
}

void raw_expect_frame(const struct raw_peer *peer, const void *data, size_t bytes)
{
    uint8_t *got = malloc(bytes + 1);

    ck_assert_uint_eq(raw_read_frame(peer, got, bytes), bytes);
    ck_assert_mem_eq(got, data, bytes);
    free(got);
}
