/*
 * The one way into an option table and out of it. A value passes through `union option_value`; all
 * its members begin at its first byte, so that one copy serves every type of fixed size.
 */
#include "option.h"

#include <limits.h>
#include <string.h>

/* What a caller's data holds for a type; 0: not of fixed size. */
static const uint8_t value_bytes[] = {
    [OPTION_OPAQUE] = 0,
    [OPTION_BOOL] = sizeof(bool),
    [OPTION_INT] = sizeof(int),
    [OPTION_SIZE] = sizeof(size_t),
    [OPTION_U64] = sizeof(uint64_t),
    [OPTION_MS] = sizeof(nng_duration),
    [OPTION_STRING] = 0,
    [OPTION_POINTER] = sizeof(void *),
    [OPTION_ADDRESS] = sizeof(nng_sockaddr),
};

static const struct option *table_find(const struct option *table, const char *name)
{
    if (table == NULL)
        return NULL;
    for (; table->name != NULL; table++) {
        if (strcmp(table->name, name) == 0)
            return table;
    }
    return NULL;
}

static int string_read(const struct option_in *in, union option_value *value)
{
    if (in->type == OPTION_OPAQUE && (in->bytes == 0 || memchr(in->data, '\0', in->bytes) == NULL))
        return NNG_EINVAL;
    value->string = in->data;
    return 0;
}

static int opaque_read(const struct option_in *in, union option_value *value)
{
    value->opaque.data = in->data;
    value->opaque.bytes = in->type == OPTION_STRING ? strlen(in->data) : in->bytes;
    return 0;
}

static int fixed_read(enum option_type type, const struct option_in *in, union option_value *value)
{
    size_t bytes = value_bytes[type];

    if (in->type == OPTION_OPAQUE && in->bytes != bytes)
        return NNG_EINVAL;
    memcpy(value, in->data, bytes);
    /* Untyped bytes may hold what is not a bool; any that is not 0 is true. */
    if (type == OPTION_BOOL)
        value->truth = *(const unsigned char *)in->data != 0;
    return 0;
}

static int value_read(enum option_type type, const struct option_in *in, union option_value *value)
{
    switch (type) {
    case OPTION_STRING:
        return string_read(in, value);
    case OPTION_OPAQUE:
        return opaque_read(in, value);
    case OPTION_BOOL:
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_U64:
    case OPTION_MS:
    case OPTION_POINTER:
    case OPTION_ADDRESS:
        break;
    }
    return fixed_read(type, in, value);
}

static bool value_in_range(const struct option *option, const union option_value *value)
{
    bool any = option->min == 0 && option->max == 0;

    if (option->type == OPTION_INT)
        return any || (value->integer >= option->min && value->integer <= option->max);
    if (option->type == OPTION_MS)
        return value->ms >= (any ? NNG_DURATION_INFINITE : option->min) &&
               value->ms <= (any ? INT_MAX : option->max);
    return true;
}

/* An opaque option may also be set from a string. */
static bool type_matches(enum option_type type, enum option_type callers)
{
    return callers == type || callers == OPTION_OPAQUE ||
           (type == OPTION_OPAQUE && callers == OPTION_STRING);
}

int spry_option_set(const struct option *table, void *object, const char *name,
                    const struct option_in *in)
{
    const struct option *option = table_find(table, name);
    union option_value value;
    int rv;

    if (option == NULL)
        return NNG_ENOTSUP;
    if (option->set == NULL)
        return NNG_EREADONLY;
    if (!type_matches(option->type, in->type))
        return NNG_EBADTYPE;
    rv = value_read(option->type, in, &value);
    if (rv != 0)
        return rv;
    return value_in_range(option, &value) ? option->set(object, &value) : NNG_EINVAL;
}

static int opaque_write(const struct option_out *out, const void *data, size_t bytes)
{
    size_t room = *out->bytes;

    *out->bytes = bytes;
    if (room < bytes)
        bytes = room;
    if (bytes > 0)
        memcpy(out->data, data, bytes);
    return bytes == *out->bytes ? 0 : NNG_EINVAL;
}

static int string_write(const struct option_out *out, const char *string)
{
    char *copy;

    if (out->type == OPTION_OPAQUE)
        return opaque_write(out, string, strlen(string) + 1);
    copy = nng_strdup(string);
    if (copy == NULL)
        return NNG_ENOMEM;
    *(char **)out->data = copy;
    return 0;
}

static int value_write(enum option_type type, const struct option_out *out,
                       const union option_value *value)
{
    switch (type) {
    case OPTION_STRING:
        return string_write(out, value->string);
    case OPTION_OPAQUE:
        return opaque_write(out, value->opaque.data, value->opaque.bytes);
    case OPTION_BOOL:
    case OPTION_INT:
    case OPTION_SIZE:
    case OPTION_U64:
    case OPTION_MS:
    case OPTION_POINTER:
    case OPTION_ADDRESS:
        break;
    }
    if (out->type == OPTION_OPAQUE)
        return opaque_write(out, value, value_bytes[type]);
    memcpy(out->data, value, value_bytes[type]);
    return 0;
}

int spry_option_get(const struct option *table, void *object, const char *name,
                    const struct option_out *out)
{
    const struct option *option = table_find(table, name);
    union option_value value;
    int rv;

    if (option == NULL)
        return NNG_ENOTSUP;
    if (option->get == NULL)
        return NNG_EWRITEONLY;
    if (out->type != option->type && out->type != OPTION_OPAQUE)
        return NNG_EBADTYPE;
    rv = option->get(object, &value);
    return rv == 0 ? value_write(option->type, out, &value) : rv;
}
