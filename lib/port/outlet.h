/*
 * An outlet: one descriptor for the program's poll that stands for the whole port. Outside this, only the
 * beacon is used.
 */
#ifndef SPRY_OUTLET_H
#define SPRY_OUTLET_H

#include "beacon.h"
#include "port.h"

struct outlet {
    struct beacon beacon;
    int fd; /* readable while spry_port_wait would find something at once, or the beacon is lit */
};

/* With the port open. NNG_ENOTSUP: this port has no such thing; NNG_ENOFILES, NNG_ENOMEM. Lock held. */
int spry_outlet_open(struct outlet *outlet, const struct port *port);

/* Before the port is closed. Lock held. */
void spry_outlet_close(struct outlet *outlet);

#endif
