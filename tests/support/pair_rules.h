/*
 * The rules that every PAIR socket with one peer keeps, cooked or raw, of either version: what
 * waits where, for how long, and what becomes of it. A test program's fixture names the socket.
 */
#ifndef SPRY_TESTS_PAIR_RULES_H
#define SPRY_TESTS_PAIR_RULES_H

#include "fake_pipe.h"

#include <check.h>

/* How a socket of this kind is opened, and what its messages look like. */
struct pair_kind {
    int (*open)(nng_socket *);
    const char *given;   /* the header that a send is given */
    const char *written; /* the header that then goes out */
    const char *arrives; /* what a peer writes before the body; it is in the header of a message */
    size_t header_bytes; /* of all three but `given` */
    size_t given_bytes;
};

/* The socket under test: opened, and closed, by the fixture. */
extern struct fake_socket pair_socket;
void pair_open(const struct pair_kind *kind);
void pair_close(void);

/* ---- steps ---- */

void pair_send(struct fake_request *send, const char *text);
void pair_send_now(const char *text);
void pair_begin_receive(struct fake_request *receive);
/* A message comes from the peer. */
void pair_arrive(struct fake_pipe *pipe, const char *text);
void pair_expect_received(struct fake_request *receive, const char *text);
void pair_receive_now(const char *text);
void pair_expect_nothing(void);
/* The oldest message in transit on the pipe is this one; it leaves, the protocol is told. */
void pair_expect_sent(struct fake_pipe *pipe, const char *text);

void pair_rules_add(TCase *tc);

#endif
