/*
 * Handles are names: sockets, dialers, listeners and pipes carry an id and are found in one table
 * of the loop. A stale id finds nothing. References keep the memory, not the name: an object that
 * was closed is not found any more while a callback or another object still holds it.
 */
#ifndef SPRY_HANDLE_H
#define SPRY_HANDLE_H

#include "idmap.h"

#include <stdbool.h>
#include <stdint.h>

enum handle_kind { HANDLE_SOCKET, HANDLE_CONTEXT, HANDLE_DIALER, HANDLE_LISTENER, HANDLE_PIPE };

/* The first member of each object that has an id. */
struct handle {
    uint32_t id;   /* 1 to 0x7fffffff; kept after close, for those who still show it */
    uint32_t refs; /* one is the table's while open */
    uint8_t kind;  /* enum handle_kind */
    bool open;
};

/* Gives the object an id and the table's reference. NNG_ENOMEM. */
int spry_handle_open(struct idmap *table, struct handle *handle, enum handle_kind kind);

/* Takes the id out of the table; the table's reference becomes the caller's. Once only. */
void spry_handle_close(struct idmap *table, struct handle *handle);

/* NULL: no open object of that kind has this id. */
void *spry_handle_find(const struct idmap *table, enum handle_kind kind, uint32_t id);

/* What the nng_*_id calls say: the id, or -1 when it cannot be one. */
static inline int spry_handle_number(uint32_t id)
{
    return id > 0 && id <= INT32_MAX ? (int)id : -1;
}

#endif
