/* A socket: a protocol's state, its first context, and the endpoints it owns. */
#ifndef SPRY_SOCKET_H
#define SPRY_SOCKET_H

#include "context.h"
#include "endpoint.h"
#include "handle.h"
#include "list.h"
#include "protocol.h"

#include <nng/nng.h>

struct pollable;

enum { SOCKET_NAME_BYTES = 64 }; /* with the NUL; nng's limit */

struct socket {
    struct handle handle;
    struct loop *loop;
    const struct protocol *protocol;
    struct protocol_host host;
    void *state;        /* the protocol's, in this block */
    struct context own; /* the context that the socket is; its state is in this block */
    struct list contexts;
    struct pollable *pollable; /* NULL until the program asks for a descriptor */
    struct list endpoints;
    struct endpoint_options options;
    int send_buffer; /* messages; only reported: a protocol with queues has options of its own */
    int receive_buffer;
    struct traffic traffic; /* of pipes that are closed; those that are open have their own */
    uint64_t rejected;      /* pipes */
    struct {
        nng_pipe_cb call;
        void *argument;
    } notify[NNG_PIPE_EV_NUM];
    char name[SOCKET_NAME_BYTES]; /* empty until it is set or asked for: then the id */
};

/* Opens a socket of `protocol`. NNG_ENOMEM, NNG_ENOFILES. Takes the lock itself. */
int spry_socket_open(nng_socket *out, const struct protocol *protocol);

/*
 * Enters the loop and finds an open socket. NNG_ECLOSED: there is none and the loop was left again;
 * else the caller leaves it (spry_loop_leave).
 */
int spry_socket_enter(uint32_t id, struct socket **out);

void spry_socket_hold(struct socket *socket);
void spry_socket_release(struct socket *socket);

#endif
