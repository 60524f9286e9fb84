/* The old spelling of every option accessor: each is the new one under another name. */
#define NNG_DEPRECATED /* defining is not using */

#include <nng/nng.h>

#define SETTER(old, object, suffix, ctype)                                                         \
    int nng_##old##setopt_##suffix(nng_##object handle, const char *name, ctype value)             \
    {                                                                                              \
        return nng_##object##_set_##suffix(handle, name, value);                                   \
    }

#define SETTERS(old, object)                                                                       \
    SETTER(old, object, bool, bool)                                                                \
    SETTER(old, object, int, int)                                                                  \
    SETTER(old, object, ms, nng_duration)                                                          \
    SETTER(old, object, size, size_t)                                                              \
    SETTER(old, object, uint64, uint64_t)                                                          \
    SETTER(old, object, string, const char *)                                                      \
    SETTER(old, object, ptr, void *)                                                               \
    int nng_##old##setopt(nng_##object handle, const char *name, const void *value, size_t bytes)  \
    {                                                                                              \
        return nng_##object##_set(handle, name, value, bytes);                                     \
    }

#define GETTER(old, object, suffix, ctype)                                                         \
    int nng_##old##getopt_##suffix(nng_##object handle, const char *name, ctype *value)            \
    {                                                                                              \
        return nng_##object##_get_##suffix(handle, name, value);                                   \
    }

#define GETTERS(old, object)                                                                       \
    GETTER(old, object, bool, bool)                                                                \
    GETTER(old, object, int, int)                                                                  \
    GETTER(old, object, ms, nng_duration)                                                          \
    GETTER(old, object, size, size_t)                                                              \
    GETTER(old, object, uint64, uint64_t)                                                          \
    GETTER(old, object, string, char *)                                                            \
    GETTER(old, object, ptr, void *)                                                               \
    int nng_##old##getopt(nng_##object handle, const char *name, void *value, size_t *bytes)       \
    {                                                                                              \
        return nng_##object##_get(handle, name, value, bytes);                                     \
    }

/* Sockets have none. */
#define ADDRESS_GETTER(object)                                                                     \
    int nng_##object##_getopt_sockaddr(nng_##object handle, const char *name, nng_sockaddr *value) \
    {                                                                                              \
        return nng_##object##_get_addr(handle, name, value);                                       \
    }

SETTERS(, socket)
GETTERS(, socket)
SETTERS(dialer_, dialer)
GETTERS(dialer_, dialer)
ADDRESS_GETTER(dialer)
SETTERS(listener_, listener)
GETTERS(listener_, listener)
ADDRESS_GETTER(listener)
GETTERS(pipe_, pipe)
ADDRESS_GETTER(pipe)
