/*
 * An outlet made of epoll in epoll: the inner one, with edge-triggered members, is readable until its
 * waiter has taken the events. The beacon is not inside that: the waiter may be a thread that has no use
 * for it, and must not be woken by it.
 */
#include "outlet.h"

#include "backend.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

static int outlet_add(const struct outlet *outlet, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(outlet->fd, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : spry_system_error(errno);
}

int spry_outlet_open(struct outlet *outlet, const struct port *port)
{
    int rv;

    *outlet = (struct outlet){.fd = epoll_create1(EPOLL_CLOEXEC)};
    if (outlet->fd < 0)
        return spry_system_error(errno);
    rv = outlet_add(outlet, port->wait_fd);
    if (rv != 0)
        goto close_fd;
    rv = spry_beacon_open(&outlet->beacon);
    if (rv != 0)
        goto close_fd;
    rv = outlet_add(outlet, spry_beacon_descriptor(&outlet->beacon));
    if (rv != 0)
        goto close_beacon;
    return 0;

close_beacon:
    spry_beacon_close(&outlet->beacon);
close_fd:
    (void)close(outlet->fd);
    return rv;
}

/*
 * A thread that polls it comes back: it is lit first, and the beacon is closed last, as an epoll forgets what
 * is closed, and is dark then.
 */
void spry_outlet_close(struct outlet *outlet)
{
    spry_beacon_set(&outlet->beacon, true);
    (void)close(outlet->fd);
    spry_beacon_close(&outlet->beacon);
}
