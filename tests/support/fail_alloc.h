/*
 * An allocator that fails on demand and knows what is live. Every block is filled with junk, every
 * realloc moves, and every size given back is compared with the size asked for, so that what only
 * works by luck with malloc does not work here. Any thread.
 */
#ifndef SPRY_TESTS_FAIL_ALLOC_H
#define SPRY_TESTS_FAIL_ALLOC_H

#include <stddef.h>

/* Replaces the library's allocator; the nth request from now on fails, 0: none does. */
void fail_alloc_install(size_t nth);

/* The same without installing anew: counts from now. */
void fail_alloc_at(size_t nth);

/* Requests (alloc and realloc) since the last install or at, the failed one included. */
size_t fail_alloc_calls(void);

size_t fail_alloc_live_blocks(void);
size_t fail_alloc_live_bytes(void);

/* Fails the running test if anything is live or a size was wrong; puts the C library's back. */
void fail_alloc_finish(void);

#endif
