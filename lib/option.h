/*
 * Options: tables of typed values that an object offers, and the one way in and out with the
 * error rules of the API (wrong type, wrong size, read-only, write-only, unknown).
 */
#ifndef SPRY_OPTION_H
#define SPRY_OPTION_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_type {
    OPTION_OPAQUE, /* any bytes, set from a string too; as the caller's type: the untyped calls */
    OPTION_BOOL,
    OPTION_INT,
    OPTION_SIZE,
    OPTION_U64,
    OPTION_MS,
    OPTION_STRING,
    OPTION_POINTER,
    OPTION_ADDRESS,
};

union option_value {
    struct {
        const void *data; /* lives as a string does */
        size_t bytes;
    } opaque;
    bool truth;
    int integer;
    size_t size;
    uint64_t u64;
    nng_duration ms;
    const char *string; /* set: during the call; get: until the lock is released */
    void *pointer;
    nng_sockaddr address;
};

struct option {
    const char *name; /* NULL ends a table */
    enum option_type type;
    /* NULL: write-only, read-only. Called with the loop lock held; `object` is what has the table. */
    int (*get)(void *object, union option_value *value);
    int (*set)(void *object, const union option_value *value);
    int min; /* OPTION_INT and OPTION_MS: the range of set; both 0: any (ms: -1 and up) */
    int max;
};

/*
 * What a caller passes: `data` is a value of C type for `type` (a string: its first character),
 * for OPTION_OPAQUE `bytes` bytes of whatever the option's type is.
 */
struct option_in {
    enum option_type type;
    const void *data;
    size_t bytes;
};

/* Where a caller wants a value: as above; a string comes as a copy (char **) to be freed. */
struct option_out {
    enum option_type type;
    void *data;
    size_t *bytes; /* OPTION_OPAQUE: in the room, out the full size */
};

/*
 * Returns    NNG_ENOTSUP    the table (may be NULL) has no such name
 *            NNG_EREADONLY, NNG_EWRITEONLY  there is no `set`, no `get`
 *            NNG_EBADTYPE   the caller's type is neither the option's nor OPTION_OPAQUE
 *            NNG_EINVAL     size, range, a string without its NUL; get: the room was too small
 *                           and holds what fits
 *            else what `set` or `get` returned
 */
int spry_option_set(const struct option *table, void *object, const char *name,
                    const struct option_in *in);
int spry_option_get(const struct option *table, void *object, const char *name,
                    const struct option_out *out);

#endif
