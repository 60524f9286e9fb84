/*
 * Readiness by poll, for systems that have nothing better: the waiter asks for the descriptors
 * on which an op is parked at that moment; an op parked later wakes it up.
 */
#include "backend.h"

#include "alloc.h"

#include <nng/nng.h>

#include <errno.h>
#include <poll.h>
#include <unistd.h>

/* What the waiter asks the system, and for whom; entry 0 is the wake-up pipe. */
struct watch {
    struct pollfd *polls;
    struct descriptor **descriptors;
};

enum {
    ROOM_MIN = 16,
    SHORT_WAIT_MS = 10 /* when memory for all watches is missing: the others' turn comes soon */
};

static bool watch_grow(struct port *port, size_t room)
{
    struct pollfd *polls = spry_alloc(room * sizeof(*polls));
    struct descriptor **descriptors = spry_alloc(room * sizeof(struct descriptor *));

    if (polls == NULL || descriptors == NULL) {
        spry_free(polls, room * sizeof(*polls));
        spry_free(descriptors, room * sizeof(struct descriptor *));
        return false;
    }
    spry_free(port->watches->polls, port->watch_room * sizeof(*polls));
    spry_free(port->watches->descriptors, port->watch_room * sizeof(struct descriptor *));
    *port->watches = (struct watch){polls, descriptors};
    port->watch_room = room;
    return true;
}

int spry_backend_open(struct port *port)
{
    int rv = NNG_ENOMEM;

    port->watches = spry_zalloc(sizeof(*port->watches));
    if (port->watches == NULL || !watch_grow(port, ROOM_MIN))
        goto fail;
    if (pipe(port->wake_fds) != 0) {
        port->wake_fds[0] = port->wake_fds[1] = -1;
        rv = spry_system_error(errno);
        goto fail;
    }
    rv = spry_fd_quiet(port->wake_fds[0]);
    if (rv == 0)
        rv = spry_fd_quiet(port->wake_fds[1]);
    if (rv == 0)
        return 0;
fail:
    spry_backend_close(port);
    return rv;
}

void spry_backend_close(struct port *port)
{
    for (int i = 0; i < 2; i++) {
        if (port->wake_fds[i] >= 0)
            (void)close(port->wake_fds[i]);
        port->wake_fds[i] = -1;
    }
    if (port->watches != NULL) {
        spry_free(port->watches->polls, port->watch_room * sizeof(struct pollfd));
        spry_free(port->watches->descriptors, port->watch_room * sizeof(struct descriptor *));
    }
    spry_free(port->watches, sizeof(*port->watches));
    port->watches = NULL;
    port->watch_room = 0;
}

/* Nothing to tell the system: the next wait asks for whoever is parked then. */
int spry_backend_watch(struct port *port, struct descriptor *descriptor, bool out)
{
    (void)port;
    (void)out;
    descriptor->watched = true;
    return 0;
}

void spry_backend_forget(struct port *port, struct descriptor *descriptor)
{
    (void)port;
    descriptor->watched = false;
}

void spry_backend_arm(struct port *port, struct descriptor *descriptor)
{
    (void)port;
    (void)descriptor;
}

void spry_backend_disarm(struct port *port, struct descriptor *descriptor)
{
    (void)port;
    (void)descriptor;
}

/* The waiter says that it waits before it looks, the parker parks before it looks: one sees. */
void spry_backend_parked(struct port *port)
{
    if (atomic_load(&port->waiting))
        spry_port_wake(port);
}

static short parked_events(const struct descriptor *descriptor)
{
    short events = 0;

    if (atomic_load(&descriptor->sides[SIDE_IN].state) == SIDE_PARKED)
        events |= POLLIN;
    if (atomic_load(&descriptor->sides[SIDE_OUT].state) == SIDE_PARKED)
        events |= POLLOUT;
    return events;
}

/* Without memory for all, some must wait for their turn; that is better than to fail. */
static void watch_fit(struct port *port)
{
    size_t room = port->watch_room;

    while (room <= port->attached)
        room *= 2;
    if (room > port->watch_room)
        (void)watch_grow(port, room);
}

/* Whoever was looked at goes to the end of the list, so that each gets its turn. */
void spry_port_prepare(struct port *port)
{
    size_t count = 1;
    size_t unseen = port->attached;

    atomic_store(&port->waiting, true);
    watch_fit(port);
    port->watches->polls[0] = (struct pollfd){.fd = port->wake_fds[0], .events = POLLIN};
    for (; unseen > 0 && count < port->watch_room; unseen--) {
        struct list *node = spry_list_first(&port->descriptors);
        struct descriptor *descriptor = SPRY_CONTAINER(node, struct descriptor, node);
        short events = parked_events(descriptor);

        spry_list_remove(node);
        spry_list_push(&port->descriptors, node);
        if (events == 0)
            continue;
        port->watches->polls[count] = (struct pollfd){.fd = descriptor->fd, .events = events};
        port->watches->descriptors[count++] = descriptor;
    }
    port->watch_count = count;
    port->watch_short = unseen > 0;
}

static void wake_drain(struct port *port)
{
    char bytes[64];

    while (read(port->wake_fds[0], bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes)) {
    }
}

static void watch_event(struct port *port, size_t index, struct task_queue *completed)
{
    struct descriptor *descriptor = port->watches->descriptors[index];
    short asked = port->watches->polls[index].events;
    short what = port->watches->polls[index].revents;

    if ((what & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
        atomic_store_explicit(&descriptor->hung, true, memory_order_relaxed);
        what |= asked;
    }
    if ((what & asked & POLLIN) != 0)
        spry_side_event(port, descriptor, SIDE_IN, completed);
    if ((what & asked & POLLOUT) != 0)
        spry_side_event(port, descriptor, SIDE_OUT, completed);
}

void spry_port_wait(struct port *port, uint64_t deadline_ns, struct task_queue *completed)
{
    int wait_ms = spry_timeout_ms(deadline_ns);
    int left;

    if (port->watch_short && (wait_ms < 0 || wait_ms > SHORT_WAIT_MS))
        wait_ms = SHORT_WAIT_MS;
    left = poll(port->watches->polls, (nfds_t)port->watch_count, wait_ms);

    atomic_store(&port->waiting, false);
    if (left > 0 && port->watches->polls[0].revents != 0) {
        wake_drain(port);
        left--;
    }
    atomic_store(&port->waking, false);
    for (size_t i = 1; i < port->watch_count && left > 0; i++) {
        if (port->watches->polls[i].revents != 0) {
            watch_event(port, i, completed);
            left--;
        }
    }
}

void spry_port_wake(struct port *port)
{
    if (!atomic_exchange(&port->waking, true))
        (void)!write(port->wake_fds[1], "", 1);
}
