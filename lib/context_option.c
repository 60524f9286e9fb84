/* Options of contexts. */
#include "accessors.h"
#include "loop.h"
#include "socket.h"

static int get_send_timeout(void *object, union option_value *value)
{
    value->ms = ((struct context *)object)->send_timeout_ms;
    return 0;
}

static int set_send_timeout(void *object, const union option_value *value)
{
    ((struct context *)object)->send_timeout_ms = value->ms;
    return 0;
}

static int get_receive_timeout(void *object, union option_value *value)
{
    value->ms = ((struct context *)object)->receive_timeout_ms;
    return 0;
}

static int set_receive_timeout(void *object, const union option_value *value)
{
    ((struct context *)object)->receive_timeout_ms = value->ms;
    return 0;
}

static const struct option context_options[] = {
    {.name = NNG_OPT_SENDTIMEO,
     .type = OPTION_MS,
     .get = get_send_timeout,
     .set = set_send_timeout},
    {.name = NNG_OPT_RECVTIMEO,
     .type = OPTION_MS,
     .get = get_receive_timeout,
     .set = set_receive_timeout},
    {.name = NULL},
};

int spry_ctx_option_set(uint32_t id, const char *name, const struct option_in *in)
{
    struct context *context;
    int rv = spry_context_enter(id, &context);

    if (rv != 0)
        return rv;
    rv = spry_option_set(context->socket->protocol->context_options, context->state, name, in);
    if (rv == NNG_ENOTSUP)
        rv = spry_option_set(context_options, context, name, in);
    spry_loop_leave(context->socket->loop);
    return rv;
}

int spry_ctx_option_get(uint32_t id, const char *name, const struct option_out *out)
{
    struct context *context;
    int rv = spry_context_enter(id, &context);

    if (rv != 0)
        return rv;
    rv = spry_option_get(context->socket->protocol->context_options, context->state, name, out);
    if (rv == NNG_ENOTSUP)
        rv = spry_option_get(context_options, context, name, out);
    spry_loop_leave(context->socket->loop);
    return rv;
}

SETTERS(ctx)
GETTERS(ctx)
