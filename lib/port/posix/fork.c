/* Forks of POSIX systems. */
#include "fork.h"

#include "backend.h"

#include <pthread.h>
#include <stddef.h>
#include <unistd.h>

static struct {
    struct mutex *lock;
    struct mutex *leaf; /* NULL: none */
    void (*forget)(void);
} guard;

static void before_fork(void)
{
    spry_mutex_lock(guard.lock);
    if (guard.leaf != NULL)
        spry_mutex_lock(guard.leaf);
}

static void locks_release(void)
{
    if (guard.leaf != NULL)
        spry_mutex_unlock(guard.leaf);
    spry_mutex_unlock(guard.lock);
}

static void after_in_child(void)
{
    guard.forget();
    locks_release();
}

/* Without memory for it, forks are as if there were no guard. */
static void guard_set(void)
{
    (void)pthread_atfork(before_fork, locks_release, after_in_child);
}

/* The system has a lock of its own around such handlers, so that the registration must not wait for ours. */
void spry_fork_guard(struct mutex *lock, void (*forget)(void))
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    guard.lock = lock;
    guard.forget = forget;
    spry_mutex_unlock(lock);
    (void)pthread_once(&once, guard_set);
    spry_mutex_lock(lock);
}

/* An epoll descriptor is shared with the parent: it must not be told what is closed here. */
void spry_fork_drop(struct port *port)
{
    struct list *descriptors = &port->descriptors;

    for (struct list *node = descriptors->next; node != descriptors; node = node->next)
        (void)close(SPRY_CONTAINER(node, struct descriptor, node)->fd);
    spry_port_close(port);
}

void spry_fork_guard_leaf(struct mutex *leaf)
{
    guard.leaf = leaf;
}

/* It was the only thread: its end is the end of the process. */
void spry_fork_end(void)
{
    pthread_exit(NULL);
}
