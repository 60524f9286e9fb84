/*
 * Timers: an intrusive pairing heap ordered by deadline. Setting and cancelling allocate nothing
 * and cannot fail; setting is O(1), cancelling and firing O(log n) amortised.
 */
#ifndef SPRY_TIMER_H
#define SPRY_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define SPRY_NEVER UINT64_MAX /* a deadline that does not come */

struct timer {
    uint64_t deadline_ns;
    void (*fire)(struct timer *timer, uint64_t now_ns);
    struct timer *child;
    struct timer *next;
    struct timer *prev; /* the elder sibling, or the parent of a first child; NULL at the root */
};

struct timers {
    struct timer *root;
};

/* An idle timer; `fire` is called by spry_timers_run, with the timer idle again. */
void spry_timer_init(struct timer *timer, void (*fire)(struct timer *, uint64_t now_ns));

/* (Re)arms the timer. `deadline_ns` is monotonic time; SPRY_NEVER leaves it idle. */
void spry_timer_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns);

/* Legal on an idle timer. */
void spry_timer_cancel(struct timers *timers, struct timer *timer);

bool spry_timer_armed(const struct timer *timer);

/* The earliest deadline, SPRY_NEVER when no timer is armed. */
uint64_t spry_timers_next(const struct timers *timers);

/* Fires all that are due at `now_ns`, in order of deadline; a fired timer may set itself again. */
void spry_timers_run(struct timers *timers, uint64_t now_ns);

/* `base_ns` plus a duration of the API in ms; SPRY_NEVER for a negative one. Never wraps. */
uint64_t spry_deadline(uint64_t base_ns, int32_t after_ms);

#endif
