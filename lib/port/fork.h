/*
 * The copy of a process that fork makes, where a system has that: it gets the memory and the
 * descriptors of its parent, and none of its threads.
 */
#ifndef SPRY_FORK_H
#define SPRY_FORK_H

#include "port.h"
#include "thread.h"

/*
 * From now on a fork waits for `lock`, so that what it guards is copied whole. In the child `forget` is called
 * with the lock held. Takes effect once, whoever calls it first, with these same arguments. Called with the
 * lock held, which it releases meanwhile.
 */
void spry_fork_guard(struct mutex *lock, void (*forget)(void));

/*
 * In the child, for a port that is open: closes its descriptors, which does nothing to the connections of the
 * parent. Lock held.
 */
void spry_fork_drop(struct port *port);

/* A fork takes this one as well, of those that are locked under `lock`: the last that was told. */
void spry_fork_guard_leaf(struct mutex *leaf);

/* For a thread that has come back to the library, in the child, from what the parent's had called. */
void spry_fork_end(void);

#endif
