/*
 * An arena: one block of the program's that serves as the library's memory. Blocks have no header,
 * since who frees one knows its size; holes are kept in order of address, first fit, and merge.
 * O(holes) for each call.
 *
 * Called     from any thread, with or without the loop lock; nothing is called back.
 */
#ifndef SPRY_ARENA_H
#define SPRY_ARENA_H

#include "thread.h"

#include <stddef.h>

struct hole;

struct arena {
    struct mutex lock; /* a leaf: nothing else is locked under it */
    unsigned char *begin;
    unsigned char *end;
    struct hole *holes;
};

/* `arena->lock` is as SPRY_MUTEX_INIT makes it. Used is what whole aligned units `memory` has. */
void spry_arena_init(struct arena *arena, void *memory, size_t bytes);

/*
 * As struct spry_allocator has them; `arena` is the struct. Blocks are aligned for any type. A block
 * that is not of the arena is of the C library, from before: it is freed there.
 */
void *spry_arena_alloc(void *arena, size_t size);
void *spry_arena_realloc(void *arena, void *block, size_t old_size, size_t new_size);
void spry_arena_free(void *arena, void *block, size_t size);

#endif
