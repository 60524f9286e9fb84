/* Pages of the system, for memory that must go back to it; by system. */
#ifndef SPRY_MEMORY_H
#define SPRY_MEMORY_H

#include <stddef.h>

/* `bytes` is a multiple of the page size; NULL on failure. The contents are zero. */
void *spry_memory_map(size_t bytes);
void spry_memory_unmap(void *pages, size_t bytes);

#endif
