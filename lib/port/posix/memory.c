/* Anonymous maps. */
#include "memory.h"

#include <sys/mman.h>

void *spry_memory_map(size_t bytes)
{
    void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return pages == MAP_FAILED ? NULL : pages;
}

void spry_memory_unmap(void *pages, size_t bytes)
{
    (void)munmap(pages, bytes);
}
