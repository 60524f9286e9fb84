/*
 * Spare blocks: the last few large message bodies that were freed, for the next ones. A fresh block
 * of 1 MiB costs its page faults, more than copying it through a socket; docs/design.md. They are
 * kept only while messages flow: the watchman drops them when a millisecond passes without.
 *
 * Called     from any thread, with or without the loop lock.
 */
#ifndef SPRY_SPARE_H
#define SPRY_SPARE_H

#include <stdbool.h>
#include <stddef.h>

enum {
    SPARE_MIN = 128 << 10, /* what malloc takes from the system anew each time, by default */
    SPARE_MAX = (4 << 20) + (4 << 10), /* 4 MiB and a page for where the body begins: above this
                                          the faults are a small part of the work */
};

/* A block of at least `*bytes`, which is set to its true size; NULL: no spare fits. */
void *spry_spare_take(size_t *bytes);

/* True: the block is kept, or freed; false: it is the caller's to free. */
bool spry_spare_give(void *block, size_t bytes);

/* None is ever kept while forbidden: the program counts its memory. Only while no socket is open. */
void spry_spare_forbid(bool forbidden);

/* Spares are kept from now on; or no longer, and those there are are freed. */
void spry_spare_enable(bool enabled);

/*
 * In the child of a fork: none is kept, and those there are stay behind, since the heap may not be in order.
 */
void spry_spare_forget(void);

#endif
