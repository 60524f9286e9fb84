/*
 * The program's maps of 64-bit ids. The entries stand in a row without gaps, so that they can be
 * visited while some are removed; a hash table of their positions (linear probing, without
 * tombstones) finds them. Both are one block, which grows and shrinks with the entries.
 */
#include "alloc.h"
#include "thread.h"

#include <nng/nng.h>
#include <nng/supplemental/util/idhash.h>

#include <string.h>

/* A table of 8 slots is never shrunk; positions are 32-bit numbers. */
enum { MIN_BITS = 3, MAX_BITS = 31 };

struct id_entry {
    uint64_t id;
    void *value;
};

struct nng_id_map_s {
    struct id_entry *entries; /* NULL until the first; room for three quarters of the slots */
    uint32_t *slots;          /* a position plus 1, 0: free */
    uint64_t lo, hi;          /* what nng_id_alloc gives, both included */
    uint64_t next_id;         /* the first to try */
    uint64_t in_range;        /* entries from lo to hi */
    uint32_t count;
    uint8_t bits; /* there are 2^bits slots */
};

static uint32_t map_slots(const nng_id_map *map)
{
    return map->entries == NULL ? 0 : (uint32_t)1 << map->bits;
}

static size_t map_room(const nng_id_map *map)
{
    size_t slots = map_slots(map);

    return slots - slots / 4;
}

static size_t map_bytes(const nng_id_map *map)
{
    return map_room(map) * sizeof(*map->entries) + map_slots(map) * sizeof(*map->slots);
}

/* Every bit of the id reaches the upper bits, whether ids are a run, addresses or powers of two. */
static uint32_t map_home(const nng_id_map *map, uint64_t id)
{
    id ^= id >> 32;
    id *= UINT64_C(0x9e3779b97f4a7c15);
    id ^= id >> 29;
    id *= UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(id >> (64 - map->bits));
}

static uint32_t map_after(const nng_id_map *map, uint32_t slot)
{
    return (slot + 1) & (map_slots(map) - 1);
}

/* The slot of an id, or the free one where it belongs. There is always a free one. */
static uint32_t map_slot(const nng_id_map *map, uint64_t id)
{
    uint32_t slot = map_home(map, id);

    while (map->slots[slot] != 0 && map->entries[map->slots[slot] - 1].id != id)
        slot = map_after(map, slot);
    return slot;
}

/* NULL: no such id. */
static struct id_entry *map_find(const nng_id_map *map, uint64_t id)
{
    uint32_t position;

    if (map->count == 0)
        return NULL;
    position = map->slots[map_slot(map, id)];
    return position == 0 ? NULL : &map->entries[position - 1];
}

static int map_resize(nng_id_map *map, unsigned bits)
{
    nng_id_map resized = *map;
    unsigned char *block;
    uint64_t slots = UINT64_C(1) << bits;

    if (bits > MAX_BITS || slots * sizeof(*map->entries) > SIZE_MAX / 2)
        return NNG_ENOMEM;
    resized.bits = (uint8_t)bits;
    block = spry_zalloc((size_t)(slots - slots / 4) * sizeof(*map->entries) +
                        (size_t)slots * sizeof(*map->slots));
    if (block == NULL)
        return NNG_ENOMEM;
    resized.entries = (void *)block;
    resized.slots = (void *)(block + map_room(&resized) * sizeof(*map->entries));
    for (uint32_t i = 0; i < map->count; i++) {
        resized.entries[i] = map->entries[i];
        resized.slots[map_slot(&resized, map->entries[i].id)] = i + 1;
    }
    spry_free(map->entries, map_bytes(map));
    *map = resized;
    return 0;
}

/* 0: all 2^64 of them. */
static uint64_t map_range(const nng_id_map *map)
{
    return map->hi - map->lo + 1;
}

static bool map_gives(const nng_id_map *map, uint64_t id)
{
    return map->lo <= id && id <= map->hi;
}

static uint64_t map_random_start(const nng_id_map *map)
{
    uint64_t number = (uint64_t)spry_random() << 32 | spry_random();
    uint64_t range = map_range(map);

    return map->lo + (range == 0 ? number : number % range);
}

int nng_id_map_alloc(nng_id_map **out, uint64_t lo, uint64_t hi, int flags)
{
    nng_id_map *map;

    if (hi == 0) {
        lo = lo == 0 ? 1 : lo;
        hi = UINT64_MAX;
    }
    if (lo > hi)
        return NNG_EINVAL;
    map = spry_zalloc(sizeof(*map));
    if (map == NULL)
        return NNG_ENOMEM;
    map->lo = lo;
    map->hi = hi;
    map->next_id = (flags & NNG_MAP_RANDOM) != 0 ? map_random_start(map) : lo;
    *out = map;
    return 0;
}

void nng_id_map_free(nng_id_map *map)
{
    if (map == NULL)
        return;
    spry_free(map->entries, map_bytes(map));
    spry_free(map, sizeof(*map));
}

void *nng_id_get(nng_id_map *map, uint64_t id)
{
    struct id_entry *entry = map_find(map, id);

    return entry == NULL ? NULL : entry->value;
}

/* The id is not there yet. */
static int map_add(nng_id_map *map, uint64_t id, void *value)
{
    if (map->count >= map_room(map)) {
        int rv = map_resize(map, map->entries == NULL ? MIN_BITS : map->bits + 1U);

        if (rv != 0)
            return rv;
    }
    map->entries[map->count] = (struct id_entry){id, value};
    map->slots[map_slot(map, id)] = ++map->count;
    map->in_range += map_gives(map, id) ? 1 : 0;
    return 0;
}

int nng_id_set(nng_id_map *map, uint64_t id, void *value)
{
    struct id_entry *entry = map_find(map, id);

    if (entry == NULL)
        return map_add(map, id, value);
    entry->value = value;
    return 0;
}

static uint64_t map_id_after(const nng_id_map *map, uint64_t id)
{
    return id == map->hi ? map->lo : id + 1;
}

int nng_id_alloc(nng_id_map *map, uint64_t *id, void *value)
{
    uint64_t range = map_range(map);
    uint64_t free_id = map->next_id;
    int rv;

    if (range != 0 && map->in_range >= range)
        return NNG_ENOMEM;
    while (map_find(map, free_id) != NULL)
        free_id = map_id_after(map, free_id);
    rv = map_add(map, free_id, value);
    if (rv != 0)
        return rv;
    map->next_id = map_id_after(map, free_id);
    *id = free_id;
    return 0;
}

/* Whether `slot` lies after `from` and not after `to`, going round. */
static bool slot_between(uint32_t from, uint32_t slot, uint32_t to)
{
    if (from <= to)
        return from < slot && slot <= to;
    return from < slot || slot <= to;
}

/* Fills the hole with the next position that may stand there, then the hole that leaves, and so on. */
static void map_close_hole(nng_id_map *map, uint32_t hole)
{
    for (uint32_t slot = map_after(map, hole); map->slots[slot] != 0; slot = map_after(map, slot)) {
        uint32_t home = map_home(map, map->entries[map->slots[slot] - 1].id);

        if (slot_between(hole, home, slot))
            continue;
        map->slots[hole] = map->slots[slot];
        hole = slot;
    }
    map->slots[hole] = 0;
}

int nng_id_remove(nng_id_map *map, uint64_t id)
{
    struct id_entry *entry = map_find(map, id);
    struct id_entry *last;

    if (entry == NULL)
        return NNG_ENOENT;
    last = &map->entries[map->count - 1];
    map_close_hole(map, map_slot(map, id));
    if (entry != last) {
        map->slots[map_slot(map, last->id)] = (uint32_t)(entry - map->entries) + 1;
        *entry = *last;
    }
    map->count--;
    map->in_range -= map_gives(map, id) ? 1 : 0;
    /* After shrinking it is a quarter full: far from growing again. A larger table is no harm. */
    if (map->bits > MIN_BITS && map->count < map_slots(map) / 8)
        (void)map_resize(map, map->bits - 1U);
    return 0;
}

/*
 * From the last entry to the first: what a removal moves into the gap was visited before. The cursor
 * is the bitwise complement of the position visited last; positions are below 2^31, so it is not 0.
 */
bool nng_id_visit(nng_id_map *map, uint64_t *id, void **value, uint32_t *cursor)
{
    uint32_t before = *cursor == 0 ? map->count : ~*cursor;

    if (before > map->count)
        before = map->count;
    if (before == 0)
        return false;
    before--;
    *id = map->entries[before].id;
    *value = map->entries[before].value;
    *cursor = ~before;
    return true;
}
