/* Handles: the id table's values are the objects, which begin with their struct handle. */
#include "handle.h"

#include <assert.h>

int spry_handle_open(struct idmap *table, struct handle *handle, enum handle_kind kind)
{
    int rv;

    rv = spry_idmap_add(table, handle, &handle->id);
    if (rv != 0)
        return rv;
    handle->refs = 1;
    handle->kind = (uint8_t)kind;
    handle->open = true;
    return 0;
}

void spry_handle_close(struct idmap *table, struct handle *handle)
{
    assert(handle->open);
    handle->open = false;
    spry_idmap_remove(table, handle->id);
}

void *spry_handle_find(const struct idmap *table, enum handle_kind kind, uint32_t id)
{
    struct handle *handle = spry_idmap_find(table, id);

    return handle != NULL && handle->kind == kind ? handle : NULL;
}
