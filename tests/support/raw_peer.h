/*
 * A bare socket or named pipe that speaks to the library as a careful or a hostile peer does. Every call that
 * waits has a deadline of its own and fails the running test when that passes.
 */
#ifndef SPRY_TESTS_RAW_PEER_H
#define SPRY_TESTS_RAW_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { RAW_DEADLINE_MS = 20000, RAW_REQ = 0x30, RAW_REP = 0x31, RAW_PAIR1 = 0x11 };

struct raw_peer {
    intptr_t fd; /* a socket, or what the system's file makes of it; -1: none */
    bool lead;   /* frames begin with 0x01: unix sockets and named pipes */
};

/* To a tcp://a.b.c.d:port or ipc:// URL. */
struct raw_peer raw_connect(const char *url);

/* The same in two steps, for when no more descriptors are to be had in between. */
struct raw_peer raw_socket(const char *url);
void raw_connect_to(const struct raw_peer *peer, const char *url);

/* The listening socket of such a URL; the peers are `raw_accept`ed. */
struct raw_peer raw_listen(const char *url);
struct raw_peer raw_accept(const struct raw_peer *listener);
/* False when nobody connects within `timeout_ms`. */
bool raw_may_accept(const struct raw_peer *listener, int timeout_ms);

void raw_close(struct raw_peer *peer);
/* Closes with a reset where the transport has such a thing. */
void raw_reset(struct raw_peer *peer);
/*
 * Says that no more will come. A named pipe cannot say that: the next raw_expect_close or
 * raw_drain_until_close closes it when nothing has come for a while.
 */
void raw_finish(const struct raw_peer *peer);

void raw_send(const struct raw_peer *peer, const void *data, size_t bytes);
/* The same, but it is no failure when the other side has closed or takes no more. */
bool raw_try_send(const struct raw_peer *peer, const void *data, size_t bytes);
void raw_send_bytewise(const struct raw_peer *peer, const void *data, size_t bytes);

/* What is there, at least a byte: how many; 0: the end; -1: a reset. */
ssize_t raw_try_read(const struct raw_peer *peer, void *data, size_t bytes);
/* Something, or the end, comes within `timeout_ms`. */
bool raw_readable(const struct raw_peer *peer, int timeout_ms);
/* Reads exactly so many bytes. */
void raw_read(const struct raw_peer *peer, void *data, size_t bytes);
void raw_expect(const struct raw_peer *peer, const void *data, size_t bytes);
/* The other side ends the connection, or resets it, without another byte. */
void raw_expect_close(const struct raw_peer *peer);
/* The same, but what comes before does not matter. */
void raw_drain_until_close(const struct raw_peer *peer);

/* Sends a good hello as `self` and expects one of `other`. */
void raw_greet(const struct raw_peer *peer, uint16_t self, uint16_t other);
void raw_expect_hello(const struct raw_peer *peer, uint16_t other);

/* The head of a frame: the bytes it has. `head` has room for 9. */
size_t raw_head(const struct raw_peer *peer, uint64_t length, uint8_t *head);
void raw_send_head(const struct raw_peer *peer, uint64_t length);
void raw_send_frame(const struct raw_peer *peer, const void *data, size_t bytes);
/* Reads a frame into `data`; its length. */
size_t raw_read_frame(const struct raw_peer *peer, void *data, size_t room);
void raw_expect_frame(const struct raw_peer *peer, const void *data, size_t bytes);

#endif
