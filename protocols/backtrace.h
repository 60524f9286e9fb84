/*
 * The backtrace: the 32-bit words in front of a body that tell the way back, up to and including
 * the first whose top bit is set (wire.md 4.3). A codec: no clock, no allocation. And the option that
 * limits its length.
 */
#ifndef SPRY_BACKTRACE_H
#define SPRY_BACKTRACE_H

#include "option.h"

#include <nng/nng.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BACKTRACE_WORD = 4,       /* bytes */
    BACKTRACE_TTL_MAX = 15,   /* the highest that ttl-max may be */
    BACKTRACE_TTL_DEFAULT = 8 /* words, the end word counts */
};

enum backtrace {
    BACKTRACE_WHOLE,
    BACKTRACE_TOO_LONG, /* no end word within the limit: drop the message */
    BACKTRACE_MALFORMED /* the bytes end before it: close the pipe */
};

/* Finds the end of the backtrace, at most `words_max` words; *trace_bytes only when whole. */
enum backtrace spry_backtrace_scan(const uint8_t *bytes, size_t count, unsigned words_max,
                                   size_t *trace_bytes);

/*
 * Moves the backtrace from the front of the body to the end of the header, which has room for
 * `words_max` words. Unless it is whole the message is unchanged.
 */
enum backtrace spry_backtrace_pull(nng_msg *msg, unsigned words_max);

/* For option tables: ttl-max of a socket state that begins with `int ttl_max`. */
// clang-format off
#define BACKTRACE_TTL_OPTION                                                                       \
    {NNG_OPT_MAXTTL, OPTION_INT, spry_backtrace_ttl_get, spry_backtrace_ttl_set, 1, BACKTRACE_TTL_MAX}
// clang-format on

int spry_backtrace_ttl_get(void *socket, union option_value *value);
int spry_backtrace_ttl_set(void *socket, const union option_value *value);

#endif
