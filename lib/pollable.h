/*
 * What a socket shows to the program's own poll: a descriptor for each direction that is readable
 * while a non-blocking call on the socket would end well. Called with the loop lock held.
 */
#ifndef SPRY_POLLABLE_H
#define SPRY_POLLABLE_H

#include "beacon.h"
#include "loop.h"
#include "protocol.h"

struct socket;

struct pollable {
    struct onlooker onlooker;
    struct socket *socket;
    struct beacon beacons[READY_DIRECTIONS]; /* open once they were asked for */
};

/*
 * The descriptor of a direction, the socket's, made when it is first asked for.
 * NNG_ENOTSUP: the protocol has no such direction; NNG_ENOFILES, NNG_ENOMEM: as it was before;
 * NNG_ECLOSED: the socket is closed, and only some pipe of it is still to be told of.
 */
int spry_pollable_get(struct socket *socket, enum ready_direction direction, int *descriptor);

/* Closes what is open; a thread that waits for one comes back. */
void spry_pollable_close(struct socket *socket);

#endif
