/* A listening handle and the accept op on it, for the stream transports. */
#ifndef SPRY_ACCEPTOR_H
#define SPRY_ACCEPTOR_H

#include "endpoint.h"

#include <stdint.h>

struct acceptor;

/*
 * Begins to accept on `handle`, which listens. `accepted` owns the handle it is given when it returns
 * 0; on an error, a lack of something, there is a pause. Lock held.
 *
 * Ownership  on 0 the acceptor owns `handle`, on error the caller still does.
 */
int spry_acceptor_open(struct acceptor **out, struct endpoint *listener, intptr_t handle,
                       int (*accepted)(struct endpoint *listener, intptr_t handle));

/* Stops at once; the acceptor frees itself with its last completion. Lock held. */
void spry_acceptor_close(struct acceptor *acceptor);

/* The listening handle, for its options. */
intptr_t spry_acceptor_handle(const struct acceptor *acceptor);

#endif
