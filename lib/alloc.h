/*
 * The one way the library gets memory. Every block is freed with the size it was asked for, so that
 * an allocator needs no header of its own in front of a block.
 *
 * Called     from any thread, with or without the loop lock; the allocator must not call back.
 */
#ifndef SPRY_ALLOC_H
#define SPRY_ALLOC_H

#include <stddef.h>

/*
 * What stands behind it. `alloc` and `realloc` give NULL on failure, `realloc` then leaves the old
 * block as it was. `realloc` is never asked for 0 bytes nor given NULL, `free` is never given NULL.
 * Blocks are aligned for any type.
 */
struct allocator {
    void *(*alloc)(size_t size);
    void *(*realloc)(void *block, size_t old_size, size_t new_size);
    void (*free)(void *block, size_t size);
};

/*
 * Replaces the allocator, NULL: back to the C library's. The table is the caller's and must stay.
 * Legal only while nothing is allocated and no other thread is in the library.
 */
void spry_allocator_set(const struct allocator *allocator);

/* Where a part of a block may begin that is for any type, after `bytes` of another. */
static inline size_t spry_aligned(size_t bytes)
{
    size_t unit = _Alignof(max_align_t);

    return (bytes + unit - 1) / unit * unit;
}

/* Bytes of any value; NULL on failure. */
void *spry_alloc(size_t size);

/* The same, all bytes 0. */
void *spry_zalloc(size_t size);

/* Resizes; on NULL the old block is intact. `block` may be NULL (old_size 0), new_size is not 0. */
void *spry_realloc(void *block, size_t old_size, size_t new_size);

/* `size` is the size of the last spry_alloc or spry_realloc of the block; NULL is fine. */
void spry_free(void *block, size_t size);

/*
 * A slab of pages, of a multiple of the page size: from the system directly, so that it goes back
 * there; from a replaced allocator as any other block.
 */
void *spry_pages_alloc(size_t size);
void spry_pages_free(void *pages, size_t size);

#endif
