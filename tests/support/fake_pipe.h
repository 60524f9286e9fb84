/*
 * A socket of a real protocol with nothing around it: pipes that do what the test says, a clock that
 * stands still until the test moves it, requests that nobody waits for. Breaking the contract of
 * pipe.h (sending without room, asking twice, touching a pipe that left) fails the test.
 *
 * Messages come from the library's allocator, which is fail_alloc's between open and close; what
 * stands for the library (pipes, contexts) does not.
 */
#ifndef SPRY_TESTS_FAKE_PIPE_H
#define SPRY_TESTS_FAKE_PIPE_H

#include "msg.h"
#include "protocol.h"

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAKE_PIPES_MAX = 8, FAKE_CONTEXTS_MAX = 8 };

struct fake_pipe {
    struct fake_socket *socket;
    void *state; /* the protocol's; NULL once it has left */
    uint32_t id;
    size_t room;           /* messages that fit, 1 unless the test says else */
    bool asked;            /* the protocol wants a message */
    struct msg_queue sent; /* in transit */
};

struct fake_socket {
    struct protocol_host host;
    struct timers timers;
    uint64_t now_ns;
    const struct protocol *protocol;
    void *state;
    void *contexts[FAKE_CONTEXTS_MAX]; /* the first is the socket's own */
    struct fake_pipe *pipes[FAKE_PIPES_MAX];
    size_t pipe_count;
    bool closing;
};

/* Static, in most tests: what still waits at the end of the test ends with fake_close. */
struct fake_request {
    struct request request;
    struct fake_socket *socket;
    unsigned finished; /* times */
};

/* Opens a socket by its public open function. Installs fail_alloc. */
void fake_open(struct fake_socket *socket, int (*open)(nng_socket *), uint32_t random);

/*
 * Contexts, then pipes, then the socket; fails the test if anything is still allocated. The messages
 * of sends that still wait are freed.
 */
void fake_close(struct fake_socket *socket);

void *fake_context_open(struct fake_socket *socket);
void fake_context_close(struct fake_socket *socket, void *context);

/* ---- pipes ---- */

struct fake_pipe *fake_join(struct fake_socket *socket);
/* A pipe that the protocol refuses; its error. */
int fake_join_refused(struct fake_socket *socket);
void fake_leave(struct fake_pipe *pipe);

bool fake_is_open(const struct fake_pipe *pipe);

/* The peer sends bytes; the protocol has asked for them. */
void fake_receive(struct fake_pipe *pipe, const void *bytes, size_t count);

/* Each byte of `trace` gives a word: 0x80 and above an end word {b, 0, 0, b}, less a hop word. */
void fake_receive_traced(struct fake_pipe *pipe, const char *trace, const char *body);

/* The oldest message in transit, now the caller's; NULL if there is none. */
nng_msg *fake_take(struct fake_pipe *pipe);

/* What is in transit has left, and the protocol is told. */
void fake_flush(struct fake_pipe *pipe);

/* ---- requests and time ---- */

/* Begins a send of `text` with a header of junk. False: no memory for the message. */
bool fake_send(struct fake_socket *socket, void *context, struct fake_request *send,
               const char *text);

/* The same with the given header, for raw sockets. */
bool fake_send_raw(struct fake_socket *socket, struct fake_request *send, const void *header,
                   size_t header_bytes, const char *text);

/* The same; the message is for the pipe with that id, as nng_msg_set_pipe tells. */
bool fake_send_to(struct fake_socket *socket, struct fake_request *send, uint32_t pipe_id,
                  const void *header, size_t header_bytes, const char *text);

void fake_begin_receive(struct fake_socket *socket, void *context, struct fake_request *receive);

/* Moves the clock, firing what is due on the way at its time. */
void fake_advance(struct fake_socket *socket, uint64_t ms);

/* ---- what the test expects ---- */

/* Not finished yet. */
void fake_expect_waiting(const struct fake_request *request);

/* Finished once, with this result. */
void fake_expect_result(const struct fake_request *request, int result);

/* A send ended with an error: the message is back, unshared, without header. Frees it. */
void fake_expect_returned(struct fake_request *send, int error, const char *text);

/* A receive ended well, with this body and no header. Frees the message. */
void fake_expect_received(struct fake_request *receive, const char *text);

bool fake_body_is(nng_msg *msg, const char *text);

/* Sets an option of the socket's protocol, as its typed functions do. */
int fake_set_int(struct fake_socket *socket, const char *name, int value);
int fake_set_bool(struct fake_socket *socket, const char *name, bool value);
int fake_set_ms(struct fake_socket *socket, const char *name, nng_duration value);
int fake_get_int(struct fake_socket *socket, const char *name, int *value);
int fake_get_bool(struct fake_socket *socket, const char *name, bool *value);
int fake_get_ms(struct fake_socket *socket, const char *name, nng_duration *value);

#endif
