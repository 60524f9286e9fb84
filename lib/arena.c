/* Holes in a list, in order of address; sizes are multiples of a hole's own, so that none is too small for one. */
#include "arena.h"

#include "alloc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct hole {
    _Alignas(max_align_t) size_t bytes; /* of the hole, this included */
    struct hole *next;
};

/* The size that a block has in the arena; 0: no arena has so much. */
static size_t block_bytes(size_t size)
{
    size_t unit = sizeof(struct hole);

    if (size > SIZE_MAX / 2)
        return 0;
    return size == 0 ? unit : (size + unit - 1) / unit * unit;
}

static unsigned char *hole_end(struct hole *hole)
{
    return (unsigned char *)hole + hole->bytes;
}

static struct hole *hole_make(void *at, size_t bytes, struct hole *next)
{
    struct hole *hole = at;

    hole->bytes = bytes;
    hole->next = next;
    return hole;
}

void spry_arena_init(struct arena *arena, void *memory, size_t bytes)
{
    size_t unit = sizeof(struct hole);
    size_t skipped = (unit - (uintptr_t)memory % unit) % unit;

    arena->begin = memory;
    arena->end = arena->begin;
    arena->holes = NULL;
    if (memory == NULL || bytes < skipped + block_bytes(1))
        return;
    bytes = (bytes - skipped) / unit * unit;
    arena->begin += skipped;
    arena->end = arena->begin + bytes;
    arena->holes = hole_make(arena->begin, bytes, NULL);
}

/* By address as numbers: the block may be of another object. */
static bool arena_has(const struct arena *arena, const void *block)
{
    return (uintptr_t)block >= (uintptr_t)arena->begin && (uintptr_t)block < (uintptr_t)arena->end;
}

/* Takes `bytes` from the front of the hole that `link` points to, which has as many. */
static void *hole_take(struct hole **link, size_t bytes)
{
    struct hole *hole = *link;

    if (hole->bytes == bytes)
        *link = hole->next;
    else
        *link = hole_make((unsigned char *)hole + bytes, hole->bytes - bytes, hole->next);
    return hole;
}

/* The link to the first hole at or behind `at`; the hole in front of it goes to `before`, or NULL. */
static struct hole **link_find(struct arena *arena, const unsigned char *at, struct hole **before)
{
    struct hole **link = &arena->holes;

    *before = NULL;
    while (*link != NULL && (const unsigned char *)*link < at) {
        *before = *link;
        link = &(*link)->next;
    }
    return link;
}

static void *arena_take(struct arena *arena, size_t bytes)
{
    struct hole **link = &arena->holes;

    if (bytes == 0)
        return NULL;
    while (*link != NULL && (*link)->bytes < bytes)
        link = &(*link)->next;
    return *link != NULL ? hole_take(link, bytes) : NULL;
}

static void arena_give(struct arena *arena, unsigned char *block, size_t bytes)
{
    struct hole *before;
    struct hole **link = link_find(arena, block, &before);
    struct hole *hole = hole_make(block, bytes, *link);

    if (hole->next != NULL && hole_end(hole) == (unsigned char *)hole->next) {
        hole->bytes += hole->next->bytes;
        hole->next = hole->next->next;
    }
    if (before != NULL && hole_end(before) == block) {
        before->bytes += hole->bytes;
        before->next = hole->next;
    } else {
        *link = hole;
    }
}

/* Where it stands, a block shrinks or grows into the hole behind it. False: it cannot. */
static bool arena_resize(struct arena *arena, unsigned char *block, size_t old_bytes,
                         size_t new_bytes)
{
    struct hole *before;
    struct hole **link;

    if (new_bytes < old_bytes)
        arena_give(arena, block + new_bytes, old_bytes - new_bytes);
    if (new_bytes <= old_bytes)
        return true;
    link = link_find(arena, block, &before);
    if ((unsigned char *)*link != block + old_bytes || (*link)->bytes < new_bytes - old_bytes)
        return false;
    (void)hole_take(link, new_bytes - old_bytes);
    return true;
}

void *spry_arena_alloc(void *arena, size_t size)
{
    struct arena *from = arena;
    void *block;

    spry_mutex_lock(&from->lock);
    block = arena_take(from, block_bytes(size));
    spry_mutex_unlock(&from->lock);
    return block;
}

void spry_arena_free(void *arena, void *block, size_t size)
{
    struct arena *to = arena;

    if (!arena_has(to, block)) {
        free(block);
        return;
    }
    spry_mutex_lock(&to->lock);
    arena_give(to, block, block_bytes(size));
    spry_mutex_unlock(&to->lock);
}

void *spry_arena_realloc(void *arena, void *block, size_t old_size, size_t new_size)
{
    struct arena *in = arena;
    size_t bytes = block_bytes(new_size);
    bool done = false;
    void *moved;

    if (arena_has(in, block) && bytes != 0) {
        spry_mutex_lock(&in->lock);
        done = arena_resize(in, block, block_bytes(old_size), bytes);
        spry_mutex_unlock(&in->lock);
    }
    if (done)
        return block;
    moved = spry_arena_alloc(arena, new_size);
    if (moved == NULL)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    spry_arena_free(arena, block, old_size);
    return moved;
}
