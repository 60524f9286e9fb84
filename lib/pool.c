/* Slabs by size class; an object's cell begins with the way back to its slab. */
#include "pool.h"

#include "alloc.h"
#include "list.h"
#include "memory.h"

#include <stdint.h>
#include <string.h>

enum {
    SLAB_BYTES = 32 << 10,
    CELL_UNIT = 64, /* cells are multiples of it: a sixteenth of the largest is lost at most */
    CLASSES = 16,
};

struct cell {
    _Alignas(max_align_t) struct slab *slab;
    struct cell *next; /* among the free ones of the slab */
};

struct slab {
    struct list node;  /* among the class's slabs with a free cell */
    struct cell *free; /* cells that were in use before */
    size_t fresh;      /* where the part begins that was never in use */
    size_t used;       /* cells in use */
};

/* The object in a cell: behind the way back, aligned for any type. */
#define CELL_HEAD (_Alignof(max_align_t) > sizeof(void *) ? _Alignof(max_align_t) : sizeof(void *))
#define SLAB_HEAD ((sizeof(struct slab) + CELL_UNIT - 1) / CELL_UNIT * CELL_UNIT)

static struct list classes[CLASSES]; /* zeroed: no slab yet */

static size_t class_of(size_t bytes)
{
    return (bytes + CELL_HEAD - 1) / CELL_UNIT;
}

static size_t cell_bytes(size_t class)
{
    return (class + 1) * CELL_UNIT;
}

static struct slab *slab_open(struct list *slabs)
{
    struct slab *slab = spry_memory_map(SLAB_BYTES);

    if (slab == NULL)
        return NULL;
    slab->free = NULL;
    slab->fresh = SLAB_HEAD;
    slab->used = 0;
    spry_list_init(&slab->node);
    spry_list_push(slabs, &slab->node);
    return slab;
}

static void slab_close(struct slab *slab)
{
    spry_list_remove(&slab->node);
    spry_memory_unmap(slab, SLAB_BYTES);
}

static struct cell *slab_take(struct slab *slab, size_t class)
{
    struct cell *cell = slab->free;

    if (cell != NULL) {
        slab->free = cell->next;
    } else {
        cell = (struct cell *)(void *)((unsigned char *)slab + slab->fresh);
        slab->fresh += cell_bytes(class);
        cell->slab = slab;
    }
    slab->used++;
    if (slab->free == NULL && slab->fresh + cell_bytes(class) > SLAB_BYTES)
        spry_list_remove(&slab->node); /* full */
    return cell;
}

/* Slabs are for the system's sake: from an allocator of the program's each object is a block. */
static bool pooled(size_t bytes)
{
    return bytes <= POOL_OBJECT_MAX && !spry_allocator_is_set();
}

void *spry_pool_alloc(size_t bytes)
{
    size_t class = class_of(bytes);
    struct list *slabs;
    struct slab *slab;
    void *object;

    if (!pooled(bytes))
        return spry_zalloc(bytes);
    slabs = &classes[class];
    if (slabs->next == NULL)
        spry_list_init(slabs);
    if (spry_list_empty(slabs) && slab_open(slabs) == NULL)
        return NULL;
    slab = SPRY_CONTAINER(spry_list_first(slabs), struct slab, node);
    object = (unsigned char *)slab_take(slab, class) + CELL_HEAD;
    memset(object, 0, bytes);
    return object;
}

/* An empty slab is kept while it is the only one with room, so that one object can come and go. */
void spry_pool_free(void *object, size_t bytes)
{
    struct list *slabs;
    struct cell *cell;
    struct slab *slab;

    if (object == NULL)
        return;
    if (!pooled(bytes)) {
        spry_free(object, bytes);
        return;
    }
    slabs = &classes[class_of(bytes)];
    cell = (struct cell *)(void *)((unsigned char *)object - CELL_HEAD);
    slab = cell->slab;
    cell->next = slab->free;
    slab->free = cell;
    slab->used--;
    if (spry_list_empty(&slab->node))
        spry_list_push(slabs, &slab->node);
    if (slab->used == 0 && slabs->next != slabs->prev)
        slab_close(slab);
}

void spry_pool_trim(void)
{
    for (size_t class = 0; class < CLASSES; class ++) {
        struct list *slabs = &classes[class];
        struct list *first = slabs->next == NULL ? NULL : spry_list_first(slabs);
        struct slab *slab;

        if (first == NULL)
            continue;
        slab = SPRY_CONTAINER(first, struct slab, node);
        if (slab->used == 0)
            slab_close(slab);
    }
}
