/* What generates the typed accessors of one kind of object: SETTERS(socket), GETTERS(pipe). */
#ifndef SPRY_ACCESSORS_H
#define SPRY_ACCESSORS_H

#include "api.h"

#define SETTER(object, suffix, ctype, option_type)                                                 \
    int nng_##object##_set_##suffix(nng_##object handle, const char *name, ctype value)            \
    {                                                                                              \
        return spry_##object##_option_set(                                                         \
            handle.id, name, &(struct option_in){option_type, &value, sizeof(value)});             \
    }

/* The value is behind the pointer. */
#define POINTER_SETTER(object, suffix, ctype, option_type)                                         \
    int nng_##object##_set_##suffix(nng_##object handle, const char *name, const ctype *value)     \
    {                                                                                              \
        return spry_##object##_option_set(handle.id, name,                                         \
                                          &(struct option_in){option_type, value, 0});             \
    }

#define GETTER(object, suffix, ctype, option_type)                                                 \
    int nng_##object##_get_##suffix(nng_##object handle, const char *name, ctype *value)           \
    {                                                                                              \
        return spry_##object##_option_get(handle.id, name,                                         \
                                          &(struct option_out){option_type, value, NULL});         \
    }

#define SETTERS(object)                                                                            \
    SETTER(object, bool, bool, OPTION_BOOL)                                                        \
    SETTER(object, int, int, OPTION_INT)                                                           \
    SETTER(object, ms, nng_duration, OPTION_MS)                                                    \
    SETTER(object, size, size_t, OPTION_SIZE)                                                      \
    SETTER(object, uint64, uint64_t, OPTION_U64)                                                   \
    SETTER(object, ptr, void *, OPTION_POINTER)                                                    \
    POINTER_SETTER(object, string, char, OPTION_STRING)                                            \
    POINTER_SETTER(object, addr, nng_sockaddr, OPTION_ADDRESS)                                     \
    int nng_##object##_set(nng_##object handle, const char *name, const void *value, size_t bytes) \
    {                                                                                              \
        return spry_##object##_option_set(handle.id, name,                                         \
                                          &(struct option_in){OPTION_OPAQUE, value, bytes});       \
    }

#define GETTERS(object)                                                                            \
    GETTER(object, bool, bool, OPTION_BOOL)                                                        \
    GETTER(object, int, int, OPTION_INT)                                                           \
    GETTER(object, ms, nng_duration, OPTION_MS)                                                    \
    GETTER(object, size, size_t, OPTION_SIZE)                                                      \
    GETTER(object, uint64, uint64_t, OPTION_U64)                                                   \
    GETTER(object, ptr, void *, OPTION_POINTER)                                                    \
    GETTER(object, string, char *, OPTION_STRING)                                                  \
    GETTER(object, addr, nng_sockaddr, OPTION_ADDRESS)                                             \
    int nng_##object##_get(nng_##object handle, const char *name, void *value, size_t *bytes)      \
    {                                                                                              \
        return spry_##object##_option_get(handle.id, name,                                         \
                                          &(struct option_out){OPTION_OPAQUE, value, bytes});      \
    }

#endif
