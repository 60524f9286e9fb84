/* The old spelling of the option accessors of contexts; fewer than those of other objects. */
#define NNG_DEPRECATED /* defining is not using */

#include <nng/nng.h>

#define ACCESSORS(suffix, ctype)                                                                   \
    int nng_ctx_setopt_##suffix(nng_ctx ctx, const char *name, ctype value)                        \
    {                                                                                              \
        return nng_ctx_set_##suffix(ctx, name, value);                                             \
    }                                                                                              \
    int nng_ctx_getopt_##suffix(nng_ctx ctx, const char *name, ctype *value)                       \
    {                                                                                              \
        return nng_ctx_get_##suffix(ctx, name, value);                                             \
    }

ACCESSORS(bool, bool)
ACCESSORS(int, int)
ACCESSORS(ms, nng_duration)
ACCESSORS(size, size_t)

int nng_ctx_setopt(nng_ctx ctx, const char *name, const void *value, size_t bytes)
{
    return nng_ctx_set(ctx, name, value, bytes);
}

int nng_ctx_getopt(nng_ctx ctx, const char *name, void *value, size_t *bytes)
{
    return nng_ctx_get(ctx, name, value, bytes);
}
