/*
 * A stream: one connection of tcp, ipc or tls that carries a pipe, from connect or accept through
 * the exchange of hellos to the last completion. It owns a read op, a write op and all that they
 * touch, and is freed by the completion that brings the count of ops in flight to zero.
 */
#ifndef SPRY_STREAM_H
#define SPRY_STREAM_H

#include "endpoint.h"
#include "net.h"
#include "pipe.h"
#include "port.h"

struct stream;

/* The parts of a transport's carrier_ops that are the same for all streams. */
void spry_stream_send(struct carrier *carrier, nng_msg *msg);
bool spry_stream_can_send(struct carrier *carrier);
void spry_stream_receive(struct carrier *carrier);
void spry_stream_close(struct carrier *carrier);

struct stream_start {
    const struct carrier_ops *ops;
    intptr_t handle;
    const struct net_address *peer; /* ATTACH_CONNECTING: where to; copied */
    enum attach_kind kind;
    void *owner; /* for ops->gone */
    bool lead;   /* frames begin with 0x01 */
};

/*
 * Takes a handle and goes on from there by itself: it ends in spry_endpoint_connected and a pipe, or
 * in spry_endpoint_failed.
 *
 * Ownership  on 0 the stream owns the handle; on error the caller still does.
 */
int spry_stream_open(struct endpoint *endpoint, const struct stream_start *start);

/* The system handle of a carrier that is a stream, for its options. */
intptr_t spry_stream_handle(struct carrier *carrier);

#endif
