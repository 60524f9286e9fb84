/*
 * The allocator seam, and the public functions for memory that crosses the API. Without a
 * replacement the C library's malloc does the work and the sizes are ignored.
 */
#include "alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <nng/nng.h>

static void *libc_alloc(void *user, size_t size)
{
    (void)user;
    return malloc(size);
}

static void *libc_realloc(void *user, void *block, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    return realloc(block, new_size);
}

static void libc_free(void *user, void *block, size_t size)
{
    (void)user;
    (void)size;
    free(block);
}

static const spry_allocator libc_allocator = {libc_alloc, libc_realloc, libc_free, NULL};
static const spry_allocator *current = &libc_allocator;

void spry_allocator_set(const spry_allocator *allocator)
{
    current = allocator != NULL ? allocator : &libc_allocator;
}

bool spry_allocator_is_set(void)
{
    return current != &libc_allocator;
}

void *spry_alloc(size_t size)
{
    return current->alloc(current->user, size);
}

void *spry_zalloc(size_t size)
{
    void *block = spry_alloc(size);

    if (block != NULL)
        memset(block, 0, size);
    return block;
}

void *spry_realloc(void *block, size_t old_size, size_t new_size)
{
    assert(new_size != 0);
    if (block == NULL)
        return current->alloc(current->user, new_size);
    return current->realloc(current->user, block, old_size, new_size);
}

void spry_free(void *block, size_t size)
{
    if (block != NULL)
        current->free(current->user, block, size);
}

void *nng_alloc(size_t bytes)
{
    return spry_alloc(bytes);
}

void nng_free(void *block, size_t bytes)
{
    spry_free(block, bytes);
}

char *nng_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = spry_alloc(bytes);

    if (copy != NULL)
        memcpy(copy, text, bytes);
    return copy;
}

void nng_strfree(char *text)
{
    if (text != NULL)
        spry_free(text, strlen(text) + 1);
}
