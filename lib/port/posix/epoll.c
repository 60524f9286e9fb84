/*
 * Readiness by epoll, edge-triggered: one registration for the life of a descriptor. Writability
 * is watched only while a write waits for it, because a unix socket reports it at each read of the
 * peer's. An op that is parked before the system has events for it needs no further call.
 */
#include "backend.h"

#include <nng/nng.h>

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { EVENTS_MAX = 32 }; /* of one wait; what is left over comes with the next */

int spry_backend_open(struct port *port)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
    int rv;

    port->wait_fd = epoll_create1(EPOLL_CLOEXEC);
    if (port->wait_fd < 0)
        return spry_system_error(errno);
    port->wake_fds[1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (port->wake_fds[1] >= 0 &&
        epoll_ctl(port->wait_fd, EPOLL_CTL_ADD, port->wake_fds[1], &event) == 0)
        return 0;
    rv = spry_system_error(errno);
    spry_backend_close(port);
    return rv;
}

void spry_backend_close(struct port *port)
{
    if (port->wake_fds[1] >= 0)
        (void)close(port->wake_fds[1]);
    if (port->wait_fd >= 0)
        (void)close(port->wait_fd);
    port->wake_fds[1] = -1;
    port->wait_fd = -1;
}

static int epoll_change(struct port *port, struct descriptor *descriptor, int what, bool out)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = descriptor};

    if (out)
        event.events |= EPOLLOUT;
    descriptor->armed = out;
    return epoll_ctl(port->wait_fd, what, descriptor->fd, &event) == 0 ? 0
                                                                       : spry_system_error(errno);
}

int spry_backend_watch(struct port *port, struct descriptor *descriptor, bool out)
{
    int rv = epoll_change(port, descriptor, EPOLL_CTL_ADD, out);

    descriptor->watched = rv == 0;
    return rv;
}

void spry_backend_forget(struct port *port, struct descriptor *descriptor)
{
    (void)epoll_ctl(port->wait_fd, EPOLL_CTL_DEL, descriptor->fd, NULL);
    descriptor->watched = false;
}

/* A change of a registration looks at the present state anew, so that no edge is missed. */
void spry_backend_arm(struct port *port, struct descriptor *descriptor)
{
    if (!descriptor->armed)
        (void)epoll_change(port, descriptor, EPOLL_CTL_MOD, true);
}

void spry_backend_disarm(struct port *port, struct descriptor *descriptor)
{
    if (descriptor->armed)
        (void)epoll_change(port, descriptor, EPOLL_CTL_MOD, false);
}

void spry_backend_parked(struct port *port)
{
    (void)port;
}

void spry_port_prepare(struct port *port)
{
    (void)port;
}

void spry_port_wait(struct port *port, uint64_t deadline_ns, struct task_queue *completed)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(port->wait_fd, events, EVENTS_MAX, spry_timeout_ms(deadline_ns));

    atomic_store(&port->waking, false);
    for (int i = 0; i < count; i++) {
        struct descriptor *descriptor = events[i].data.ptr;
        uint32_t what = events[i].events;

        if (descriptor == NULL)
            continue;
        if ((what & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0)
            atomic_store_explicit(&descriptor->hung, true, memory_order_relaxed);
        if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0)
            spry_side_event(port, descriptor, SIDE_IN, completed);
        if ((what & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0)
            spry_side_event(port, descriptor, SIDE_OUT, completed);
    }
}

/* The counter is never read: each write is a new edge. */
void spry_port_wake(struct port *port)
{
    uint64_t one = 1;

    if (!atomic_exchange(&port->waking, true))
        (void)!write(port->wake_fds[1], &one, sizeof(one));
}
