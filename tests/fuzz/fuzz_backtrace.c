/* A body of any bytes and a hop limit: what is pulled is whole words up to the first end word. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backtrace.h"
#include "msg.h"

static void check_whole(const uint8_t *bytes, size_t count, nng_msg *msg)
{
    size_t trace = nng_msg_header_len(msg);

    if (trace == 0 || trace % BACKTRACE_WORD != 0 || trace + nng_msg_len(msg) != count ||
        memcmp(nng_msg_header(msg), bytes, trace) != 0 ||
        (count > trace && memcmp(nng_msg_body(msg), bytes + trace, count - trace) != 0))
        abort();
    for (size_t at = 0; at < trace; at += BACKTRACE_WORD) {
        if ((bytes[at] >> 7) != (at + BACKTRACE_WORD == trace))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t trace = 77;
    enum backtrace found;
    unsigned words_max;
    nng_msg *msg;

    if (size < 1)
        return 0;
    words_max = 1 + data[0] % BACKTRACE_TTL_MAX;
    data++;
    size--;
    if (spry_msg_alloc(&msg, size) != 0)
        return 0;
    if (size > 0)
        memcpy(nng_msg_body(msg), data, size);
    found = spry_backtrace_scan(data, size, words_max, &trace);
    if (spry_backtrace_pull(msg, words_max) != found)
        abort();
    if (found == BACKTRACE_WHOLE)
        check_whole(data, size, msg);
    else if (nng_msg_header_len(msg) != 0 || nng_msg_len(msg) != size || trace != 77)
        abort();
    if (found == BACKTRACE_WHOLE &&
        (trace != nng_msg_header_len(msg) || trace > words_max * BACKTRACE_WORD))
        abort();
    nng_msg_free(msg);
    return 0;
}
