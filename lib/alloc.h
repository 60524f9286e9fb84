/*
 * The one way the library gets memory. Every block is freed with the size it was asked for, so that
 * an allocator needs no header of its own in front of a block.
 *
 * Called     from any thread, with or without the loop lock; the allocator must not call back.
 */
#ifndef SPRY_ALLOC_H
#define SPRY_ALLOC_H

#include <spry.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Replaces the allocator (what it promises is in spry.h), NULL: back to the C library's. The table is the
 * caller's and must stay. Legal only while nothing is allocated and no other thread is in the library.
 */
void spry_allocator_set(const struct spry_allocator *allocator);

/* It is not the C library's: what is kept or rounded up for the system's sake would only be lost. */
bool spry_allocator_is_set(void);

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

#endif
