/* The reject table of wire.md 4.3: the hop limit is tested before the length. */
#include "backtrace.h"

#include "msg.h"

enum backtrace spry_backtrace_scan(const uint8_t *bytes, size_t count, unsigned words_max,
                                   size_t *trace_bytes)
{
    for (size_t at = 0; at < (size_t)words_max * BACKTRACE_WORD; at += BACKTRACE_WORD) {
        if (count - at < BACKTRACE_WORD)
            return BACKTRACE_MALFORMED;
        if ((bytes[at] & 0x80U) != 0) {
            *trace_bytes = at + BACKTRACE_WORD;
            return BACKTRACE_WHOLE;
        }
    }
    return BACKTRACE_TOO_LONG;
}

enum backtrace spry_backtrace_pull(nng_msg *msg, unsigned words_max)
{
    size_t trace_bytes;
    enum backtrace found;

    found = spry_backtrace_scan(nng_msg_body(msg), nng_msg_len(msg), words_max, &trace_bytes);
    if (found == BACKTRACE_WHOLE)
        spry_msg_pull_header(msg, trace_bytes);
    return found;
}

int spry_backtrace_ttl_get(void *socket, union option_value *value)
{
    value->integer = *(const int *)socket;
    return 0;
}

int spry_backtrace_ttl_set(void *socket, const union option_value *value)
{
    *(int *)socket = value->integer;
    return 0;
}
