/*
 * Linear probing over a power-of-two table. Removing shifts what follows back, so that there are no
 * tombstones and a table that is used for ever stays as fast as a new one.
 */
#include "idmap.h"

#include <assert.h>
#include <stdbool.h>

#include <nng/nng.h>

#include "alloc.h"

/* MIN_BITS: a table of 8 slots is never shrunk. MAX_BITS: counts and slots are 32-bit numbers. */
enum { MIN_BITS = 3, MAX_BITS = 31 };

static uint32_t idmap_slots(const struct idmap *map)
{
    return map->entries == NULL ? 0 : (uint32_t)1 << map->bits;
}

/* Ids come in runs; multiplying by 2^32 over the golden ratio spreads a run over the table. */
static uint32_t idmap_home(const struct idmap *map, uint32_t id)
{
    return (uint32_t)(id * UINT32_C(2654435769)) >> (32 - map->bits);
}

static uint32_t idmap_after(const struct idmap *map, uint32_t slot)
{
    return (slot + 1) & (idmap_slots(map) - 1);
}

/* The slot of an id, or the free one where it belongs. There is always a free one. */
static uint32_t idmap_slot(const struct idmap *map, uint32_t id)
{
    uint32_t slot = idmap_home(map, id);

    while (map->entries[slot].value != NULL && map->entries[slot].id != id)
        slot = idmap_after(map, slot);
    return slot;
}

static size_t idmap_bytes(const struct idmap *map)
{
    return (size_t)idmap_slots(map) * sizeof(*map->entries);
}

static int idmap_resize(struct idmap *map, uint8_t bits)
{
    struct idmap resized = *map;

    if (bits > MAX_BITS || SIZE_MAX / sizeof(*map->entries) >> bits == 0)
        return NNG_ENOMEM;
    resized.bits = bits;
    resized.entries = spry_zalloc(sizeof(*map->entries) << bits);
    if (resized.entries == NULL)
        return NNG_ENOMEM;
    for (uint32_t i = 0; i < idmap_slots(map); i++) {
        if (map->entries[i].value != NULL)
            resized.entries[idmap_slot(&resized, map->entries[i].id)] = map->entries[i];
    }
    spry_free(map->entries, idmap_bytes(map));
    *map = resized;
    return 0;
}

void spry_idmap_init(struct idmap *map, uint32_t lo, uint32_t hi, uint32_t start)
{
    assert(0 < lo && lo <= hi);
    map->entries = NULL;
    map->lo = lo;
    map->hi = hi;
    map->next_id = lo + start % (hi - lo + 1);
    map->count = 0;
    map->bits = 0;
}

void spry_idmap_fini(struct idmap *map)
{
    spry_free(map->entries, idmap_bytes(map));
    map->entries = NULL;
    map->count = 0;
    map->bits = 0;
}

/* The id to hand out, and the one to try after it. */
static uint32_t idmap_take_id(struct idmap *map)
{
    uint32_t id = map->next_id;

    map->next_id = id == map->hi ? map->lo : id + 1;
    return id;
}

int spry_idmap_add(struct idmap *map, void *value, uint32_t *id)
{
    uint32_t slots = idmap_slots(map);
    uint32_t slot;
    uint32_t new_id;

    assert(value != NULL);
    if (map->count > map->hi - map->lo)
        return NNG_ENOMEM;
    if (map->count >= slots - slots / 4) {
        uint8_t bits = slots == 0 ? MIN_BITS : (uint8_t)(map->bits + 1);
        int rv = idmap_resize(map, bits);

        if (rv != 0)
            return rv;
    }
    do {
        new_id = idmap_take_id(map);
        slot = idmap_slot(map, new_id);
    } while (map->entries[slot].value != NULL);
    map->entries[slot].id = new_id;
    map->entries[slot].value = value;
    map->count++;
    *id = new_id;
    return 0;
}

void *spry_idmap_find(const struct idmap *map, uint32_t id)
{
    if (map->count == 0)
        return NULL;
    return map->entries[idmap_slot(map, id)].value;
}

/* Whether `slot` lies after `from` and not after `to`, going round. */
static bool slot_between(uint32_t from, uint32_t slot, uint32_t to)
{
    if (from <= to)
        return from < slot && slot <= to;
    return from < slot || slot <= to;
}

/* Fills the hole with the next entry that may stand there, then the hole that leaves, and so on. */
static void idmap_close_hole(struct idmap *map, uint32_t hole)
{
    uint32_t slot = hole;

    for (;;) {
        slot = idmap_after(map, slot);
        if (map->entries[slot].value == NULL)
            break;
        if (slot_between(hole, idmap_home(map, map->entries[slot].id), slot))
            continue;
        map->entries[hole] = map->entries[slot];
        hole = slot;
    }
    map->entries[hole].value = NULL;
}

void spry_idmap_remove(struct idmap *map, uint32_t id)
{
    uint32_t slot;

    if (map->count == 0)
        return;
    slot = idmap_slot(map, id);
    if (map->entries[slot].value == NULL)
        return;
    idmap_close_hole(map, slot);
    map->count--;
    /* After shrinking it is a quarter full: far from growing again. A larger table is no harm. */
    if (map->bits > MIN_BITS && map->count < idmap_slots(map) / 8)
        (void)idmap_resize(map, (uint8_t)(map->bits - 1));
}

void *spry_idmap_next(const struct idmap *map, uint32_t *cursor)
{
    while (*cursor < idmap_slots(map)) {
        void *value = map->entries[*cursor].value;

        (*cursor)++;
        if (value != NULL)
            return value;
    }
    return NULL;
}
