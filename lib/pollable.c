/*
 * Descriptors for the program's own poll. No event and no call tells them anything: each time the
 * lock is about to be free, the loop lets them look at what the protocol would answer now. The answer
 * is a function of state that changes only under the lock, so whoever polls sees nothing older than
 * the last thread that had the lock, and no change can be forgotten.
 */
#include "pollable.h"

#include "alloc.h"
#include "socket.h"

static void pollable_look(struct onlooker *onlooker)
{
    struct pollable *pollable = SPRY_CONTAINER(onlooker, struct pollable, onlooker);
    struct socket *socket = pollable->socket;
    unsigned ready = socket->protocol->ready(socket->own.state);

    for (unsigned i = 0; i < READY_DIRECTIONS; i++) {
        if (pollable->beacons[i].open)
            spry_beacon_set(&pollable->beacons[i], (ready >> i & 1) != 0);
    }
}

static bool direction_exists(const struct protocol *protocol, enum ready_direction direction)
{
    if (protocol->ready == NULL)
        return false;
    return direction == READY_SEND ? protocol->send != NULL : protocol->receive != NULL;
}

static struct pollable *pollable_new(struct socket *socket)
{
    struct pollable *pollable = spry_zalloc(sizeof(*pollable));

    if (pollable == NULL)
        return NULL;
    pollable->socket = socket;
    pollable->onlooker.look = pollable_look;
    spry_list_push(&socket->loop->onlookers, &pollable->onlooker.node);
    socket->pollable = pollable;
    return pollable;
}

int spry_pollable_get(struct socket *socket, enum ready_direction direction, int *descriptor)
{
    struct pollable *pollable = socket->pollable;
    struct beacon *beacon;
    int rv;

    if (!direction_exists(socket->protocol, direction))
        return NNG_ENOTSUP;
    if (!socket->handle.open)
        return NNG_ECLOSED;
    if (pollable == NULL)
        pollable = pollable_new(socket);
    if (pollable == NULL)
        return NNG_ENOMEM;
    beacon = &pollable->beacons[direction];
    rv = beacon->open ? 0 : spry_beacon_open(beacon);
    if (rv != 0)
        return rv;
    *descriptor = spry_beacon_descriptor(beacon);
    return 0;
}

void spry_pollable_close(struct socket *socket)
{
    struct pollable *pollable = socket->pollable;

    if (pollable == NULL)
        return;
    socket->pollable = NULL;
    spry_list_remove(&pollable->onlooker.node);
    for (unsigned i = 0; i < READY_DIRECTIONS; i++)
        spry_beacon_close(&pollable->beacons[i]);
    spry_free(pollable, sizeof(*pollable));
}
