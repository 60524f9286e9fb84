/* Blocking sockets with time limits. */
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

#include "host.h"
#include "mode.h"

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

    ck_assert_msg(connect((int)peer->fd, &address.any, bytes) == 0, "connect %s: %s", url,
                  strerror(errno));
}

struct raw_peer raw_listen(const char *url)
{
    union address address;
    bool lead;
    socklen_t bytes = url_address(url, &address, &lead);
    struct raw_peer peer = peer_init(socket(address.any.sa_family, SOCK_STREAM, 0), lead);

    (void)setsockopt((int)peer.fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    ck_assert_msg(bind((int)peer.fd, &address.any, bytes) == 0, "bind %s: %s", url,
                  strerror(errno));
    ck_assert_int_eq(listen((int)peer.fd, 128), 0);
    return peer;
}

/* The library may be what has to move, and have nobody but us. */
static bool ready(const struct raw_peer *peer, short events, int timeout_ms)
{
    struct pollfd entry = {.fd = (int)peer->fd, .events = events};
    double limit = host_seconds() + timeout_ms / 1000.0;

    if (!mode_threadless())
        return poll(&entry, 1, timeout_ms) == 1;
    while (poll(&entry, 1, 0) != 1) {
        if (host_seconds() > limit)
            return false;
        mode_pause(1);
    }
    return true;
}

bool raw_readable(const struct raw_peer *peer, int timeout_ms)
{
    return ready(peer, POLLIN, timeout_ms);
}

bool raw_may_accept(const struct raw_peer *listener, int timeout_ms)
{
    return raw_readable(listener, timeout_ms);
}

struct raw_peer raw_accept(const struct raw_peer *listener)
{
    ck_assert_msg(raw_may_accept(listener, RAW_DEADLINE_MS), "nobody connected");
    return peer_init(accept((int)listener->fd, NULL, NULL), listener->lead);
}

void raw_close(struct raw_peer *peer)
{
    ck_assert_int_eq(close((int)peer->fd), 0);
    peer->fd = -1;
}

void raw_reset(struct raw_peer *peer)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt((int)peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    raw_close(peer);
}

void raw_finish(const struct raw_peer *peer)
{
    (void)shutdown((int)peer->fd, SHUT_WR);
}

bool raw_try_send(const struct raw_peer *peer, const void *data, size_t bytes)
{
    const int flags = MSG_NOSIGNAL | (mode_threadless() ? MSG_DONTWAIT : 0);
    const char *at = data;

    while (bytes > 0) {
        ssize_t put;

        if (mode_threadless())
            (void)ready(peer, POLLOUT, RAW_DEADLINE_MS);
        put = send((int)peer->fd, at, bytes, flags);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += put;
        bytes -= (size_t)put;
    }
    return true;
}

ssize_t raw_try_read(const struct raw_peer *peer, void *data, size_t bytes)
{
    ssize_t got;

    if (mode_threadless())
        (void)ready(peer, POLLIN, RAW_DEADLINE_MS);
    do {
        got = read((int)peer->fd, data, bytes);
    } while (got < 0 && errno == EINTR);
    ck_assert_msg(got >= 0 || errno == ECONNRESET, "read: %s", strerror(errno));
    return got;
}
