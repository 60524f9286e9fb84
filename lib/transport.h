/*
 * What a transport is to the library: it makes carriers for an endpoint, by dialling or by
 * listening. Which transports a program has is the build's choice: transports/list.c.in.
 */
#ifndef SPRY_TRANSPORT_H
#define SPRY_TRANSPORT_H

#include "endpoint.h"

struct transport {
    const char *const *schemes; /* in lower case, NULL at the end */
    /*
     * Checks the endpoint's URL and makes `endpoint->state`. Called without the lock, before
     * anyone else knows the endpoint; may look up a name. NULL: not in this direction.
     */
    int (*dialer_init)(struct endpoint *endpoint);
    int (*listener_init)(struct endpoint *endpoint);
    /*
     * One attempt to connect; ends with spry_endpoint_connected or spry_endpoint_failed, perhaps
     * from inside. Lock held.
     */
    void (*dial)(struct endpoint *endpoint);
    /*
     * An attempt failed with `error`. True: the transport goes on with another address and will
     * tell again. NULL: it never does.
     */
    bool (*dial_next)(struct endpoint *endpoint, int error);
    /* Begins to accept; on error nothing has changed. Lock held. */
    int (*listen)(struct endpoint *endpoint);
    /* Stops dialling and listening at once. Lock held. */
    void (*stop)(struct endpoint *endpoint);
    /* Frees `endpoint->state`; stopped before. May run without the lock, after a failed create. */
    void (*fini)(struct endpoint *endpoint);
    /* The endpoint is given to their functions. */
    const struct option *dialer_options;
    const struct option *listener_options;
    bool tcp; /* tcp-nodelay and tcp-keepalive mean something */
};

/* NULL: no such scheme in this build. `scheme` is in lower case. */
const struct transport *spry_transport_find(const char *scheme);

#endif
