/* The library's memory: each block is given back once, with its size; by chance there is none. */
#include "alloc.h"

#include "kernel.h"
#include "pool.h"
#include "scenario.h"

#include <stdlib.h>

size_t __sanitizer_get_allocated_size(const volatile void *block);

/* lib/pool.c, compiled under these names. */
void *sim_pool_alloc(size_t bytes);
void sim_pool_free(void *object, size_t bytes);

static size_t blocks;
static size_t bytes_out;

static void *heap_alloc(void *user, size_t size)
{
    void *block;

    (void)user;
    if (sim_chance(KNOB_ALLOC_FAIL)) {
        sim_fails++;
        return NULL;
    }
    block = malloc(size);
    if (block == NULL)
        abort();
    blocks++;
    bytes_out += size;
    return block;
}

static void size_check(const void *block, size_t size)
{
    size_t real = __sanitizer_get_allocated_size(block);

    if (real != size && size != 0)
        sim_fail("a block of %zu bytes is given back as %zu", real, size);
}

static void heap_free(void *user, void *block, size_t size)
{
    (void)user;
    size_check(block, size);
    blocks--;
    bytes_out -= size;
    free(block);
}

static void *heap_realloc(void *user, void *block, size_t old_size, size_t new_size)
{
    void *moved;

    (void)user;
    size_check(block, old_size);
    if (sim_chance(KNOB_ALLOC_FAIL)) {
        sim_fails++;
        return NULL;
    }
    moved = realloc(block, new_size);
    if (moved == NULL)
        abort();
    bytes_out += new_size - old_size;
    return moved;
}

/* ---- the pool: in most seeds each object is a block of its own ---- */

void *spry_pool_alloc(size_t bytes)
{
    return sim_temper.pooled ? sim_pool_alloc(bytes) : spry_zalloc(bytes);
}

void spry_pool_free(void *object, size_t bytes)
{
    if (sim_temper.pooled)
        sim_pool_free(object, bytes);
    else
        spry_free(object, bytes);
}

static const spry_allocator heap = {heap_alloc, heap_realloc, heap_free, NULL};

void sim_heap_begin(bool libc)
{
    spry_allocator_set(libc ? NULL : &heap);
}

void sim_heap_check(void)
{
    if (blocks != 0 || bytes_out != 0)
        sim_fail("%zu blocks, %zu bytes of the library's memory are left", blocks, bytes_out);
    if (sim_pages != 0)
        sim_fail("%zu slabs of pages are left", sim_pages);
}
