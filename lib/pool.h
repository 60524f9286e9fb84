/*
 * Small objects that come and go by thousands (connections, pipes), in slabs of pages that go back
 * to the system as a whole. With the C library's heap, one small block that outlives them keeps
 * megabytes of closed connections from being returned; docs/design.md has the figures.
 *
 * Called     with the loop lock held.
 */
#ifndef SPRY_POOL_H
#define SPRY_POOL_H

#include <stddef.h>

enum {
    POOL_OBJECT_MAX = 1008
}; /* bytes; a larger object comes from spry_alloc,
                                 and all do when the program has its own allocator */

/* Zeroed, aligned for any type; NULL on failure. */
void *spry_pool_alloc(size_t bytes);

/* `bytes` as at spry_pool_alloc; NULL is fine. */
void spry_pool_free(void *object, size_t bytes);

/* Gives back the slabs that are kept, empty, for the next object. */
void spry_pool_trim(void);

#endif
