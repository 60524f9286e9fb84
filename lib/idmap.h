/*
 * Ids and what they name: an open-addressing hash table that hands out the ids. Ids ascend from
 * a starting point, wrap at the end of the range and skip those in use, so one that has become free
 * is not used again soon.
 *
 * Called     under whatever lock guards the map; no lock inside.
 */
#ifndef SPRY_IDMAP_H
#define SPRY_IDMAP_H

#include <stddef.h>
#include <stdint.h>

struct idmap_entry {
    void *value; /* NULL: the slot is free */
    uint32_t id;
};

struct idmap {
    struct idmap_entry *entries; /* NULL until the first add */
    uint32_t lo, hi;             /* the ids it hands out, both included */
    uint32_t next_id;            /* the first to try */
    uint32_t count;
    uint8_t bits; /* there are 2^bits slots */
};

/* Allocates nothing. 0 < lo <= hi; `start` is any number, a random one for ids hard to guess. */
void spry_idmap_init(struct idmap *map, uint32_t lo, uint32_t hi, uint32_t start);

/* The values are the caller's affair. Afterwards the map is empty and may be used again. */
void spry_idmap_fini(struct idmap *map);

/*
 * Stores `value`, which is not NULL, under a new id. NNG_ENOMEM: no memory or no free id; the map
 * is unchanged. Adding and removing around a steady count allocates nothing.
 */
int spry_idmap_add(struct idmap *map, void *value, uint32_t *id);

/* NULL: no such id. */
void *spry_idmap_find(const struct idmap *map, uint32_t id);

/* An id that is not there is ignored. */
void spry_idmap_remove(struct idmap *map, uint32_t id);

/*
 * The values one after another, in no order, NULL after the last; `*cursor` starts at 0. An add or
 * remove ends the walk: start again from 0.
 */
void *spry_idmap_next(const struct idmap *map, uint32_t *cursor);

#endif
