/*
 * Each block has its size and a mark in front of it; the mark also notices a write just below the
 * block and a block freed that was never allocated here.
 */
#include "fail_alloc.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "alloc.h"

enum { MARK = 0x5b10c, JUNK = 0xa5 };

union head {
    struct {
        size_t size;
        unsigned mark;
    } block;
    max_align_t align;
};

static atomic_size_t calls;
static atomic_size_t fail_at;
static atomic_size_t live_blocks;
static atomic_size_t live_bytes;
static atomic_size_t wrong_sizes;

static void *counting_alloc(void *user, size_t size)
{
    union head *head;

    (void)user;
    if (atomic_fetch_add(&calls, 1) + 1 == atomic_load(&fail_at))
        return NULL;
    if (size > SIZE_MAX / 2)
        return NULL;
    head = malloc(sizeof(*head) + size);
    if (head == NULL)
        return NULL;
    head->block.size = size;
    head->block.mark = MARK;
    memset(head + 1, JUNK, size);
    atomic_fetch_add(&live_blocks, 1);
    atomic_fetch_add(&live_bytes, size);
    return head + 1;
}

static void counting_free(void *user, void *block, size_t size)
{
    union head *head = (union head *)block - 1;

    (void)user;
    if (head->block.mark != MARK)
        abort();
    if (head->block.size != size)
        atomic_fetch_add(&wrong_sizes, 1);
    atomic_fetch_sub(&live_blocks, 1);
    atomic_fetch_sub(&live_bytes, head->block.size);
    head->block.mark = 0;
    memset(block, JUNK, head->block.size);
    free(head);
}

static void *counting_realloc(void *user, void *block, size_t old_size, size_t new_size)
{
    void *moved = counting_alloc(user, new_size);

    if (moved == NULL)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    counting_free(user, block, old_size);
    return moved;
}

void fail_alloc_install(size_t nth)
{
    static const spry_allocator counting = {counting_alloc, counting_realloc, counting_free, NULL};

    atomic_store(&live_blocks, 0);
    atomic_store(&live_bytes, 0);
    atomic_store(&wrong_sizes, 0);
    fail_alloc_at(nth);
    spry_allocator_set(&counting);
}

void fail_alloc_at(size_t nth)
{
    atomic_store(&calls, 0);
    atomic_store(&fail_at, nth);
}

size_t fail_alloc_calls(void)
{
    return atomic_load(&calls);
}

size_t fail_alloc_live_blocks(void)
{
    return atomic_load(&live_blocks);
}

size_t fail_alloc_live_bytes(void)
{
    return atomic_load(&live_bytes);
}

void fail_alloc_finish(void)
{
    spry_allocator_set(NULL);
    ck_assert_uint_eq(fail_alloc_live_blocks(), 0);
    ck_assert_uint_eq(fail_alloc_live_bytes(), 0);
    ck_assert_uint_eq(atomic_load(&wrong_sizes), 0);
}
