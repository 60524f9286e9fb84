/* A deadline as the milliseconds that system calls want. */
#ifndef SPRY_TIMEOUT_H
#define SPRY_TIMEOUT_H

#include "thread.h"
#include "timer.h"

#include <limits.h>

/* Rounded up, so that a wait is never early: 0 when it is due, -1 for SPRY_NEVER. */
static inline int spry_timeout_ms(uint64_t deadline_ns)
{
    uint64_t now_ns;
    uint64_t wait_ms;

    if (deadline_ns == SPRY_NEVER)
        return -1;
    now_ns = spry_clock_ns();
    if (deadline_ns <= now_ns)
        return 0;
    wait_ms = (deadline_ns - now_ns + 999999U) / 1000000U;
    return wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
}

#endif
