/*
 * Maps from 64-bit ids to pointers, for programs that hand out ids.
 *
 * Threads    no lock inside: one map is for one thread at a time.
 * Ownership  the map only keeps the pointers; what they point to is the program's affair.
 */
#ifndef NNG_SUPPLEMENTAL_UTIL_IDHASH_H
#define NNG_SUPPLEMENTAL_UTIL_IDHASH_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nng_id_map_s nng_id_map;

/* nng_id_alloc begins at a random id instead of the lowest. */
#define NNG_MAP_RANDOM 1

/*
 * An empty map; the caller frees it with nng_id_map_free. nng_id_alloc gives ids from `lo` to `hi`,
 * both included; hi = 0 is the highest there is, and if both are 0 ids begin at 1. Unknown flags are
 * ignored. NNG_EINVAL: lo > hi.
 */
NNG_DECL int nng_id_map_alloc(nng_id_map **map, uint64_t lo, uint64_t hi, int flags);

/* NULL is fine. */
NNG_DECL void nng_id_map_free(nng_id_map *map);

/* NULL if there is no such id. */
NNG_DECL void *nng_id_get(nng_id_map *map, uint64_t id);

/* Stores `value` under an id of any size, in place of what was there. */
NNG_DECL int nng_id_set(nng_id_map *map, uint64_t id, void *value);

/*
 * Stores `value` under an id that is free: the one after the last given out, round the range, so that
 * an id is not used again soon. NNG_ENOMEM: also when no id of the range is free.
 */
NNG_DECL int nng_id_alloc(nng_id_map *map, uint64_t *id, void *value);

/* NNG_ENOENT: no such id. */
NNG_DECL int nng_id_remove(nng_id_map *map, uint64_t id);

/*
 * The entries one after another, in no order; `*cursor` is 0 for the first call. False: that was all,
 * and nothing is stored. An id already visited may be removed meanwhile; after removing others one
 * may be visited twice; what is added meanwhile may be left out.
 */
NNG_DECL bool nng_id_visit(nng_id_map *map, uint64_t *id, void **value, uint32_t *cursor);

#ifdef __cplusplus
}
#endif

#endif
