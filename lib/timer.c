/*
 * The pairing heap. A timer's children are a list, the youngest first; no child is due before its
 * parent. Nothing here recurses: the work of a removal is a loop over the children of one timer.
 */
#include "timer.h"

#include <assert.h>
#include <stddef.h>

#define NS_PER_MS 1000000U

/* Joins two heaps; of equal deadlines `a` stays above. */
static struct timer *heap_merge(struct timer *a, struct timer *b)
{
    struct timer *parent = b->deadline_ns < a->deadline_ns ? b : a;
    struct timer *child = parent == a ? b : a;

    child->prev = parent;
    child->next = parent->child;
    if (child->next != NULL)
        child->next->prev = child;
    parent->child = child;
    return parent;
}

/* Detaches the first heap of a list of siblings; the rest is in `*siblings`. */
static struct timer *siblings_pop(struct timer **siblings)
{
    struct timer *first = *siblings;

    *siblings = first->next;
    first->next = NULL;
    first->prev = NULL;
    return first;
}

/* Makes one heap of siblings: joins them in pairs, then the pairs from the last to the first. */
static struct timer *siblings_merge(struct timer *siblings)
{
    struct timer *pairs = NULL;
    struct timer *root = NULL;

    while (siblings != NULL) {
        struct timer *pair = siblings_pop(&siblings);

        if (siblings != NULL)
            pair = heap_merge(pair, siblings_pop(&siblings));
        pair->next = pairs;
        pairs = pair;
    }
    while (pairs != NULL) {
        struct timer *pair = siblings_pop(&pairs);

        root = root == NULL ? pair : heap_merge(root, pair);
    }
    return root;
}

void spry_timer_init(struct timer *timer, void (*fire)(struct timer *, uint64_t now_ns))
{
    *timer = (struct timer){.deadline_ns = SPRY_NEVER, .fire = fire};
}

void spry_timer_set(struct timers *timers, struct timer *timer, uint64_t deadline_ns)
{
    spry_timer_cancel(timers, timer);
    if (deadline_ns == SPRY_NEVER)
        return;
    timer->deadline_ns = deadline_ns;
    timers->root = timers->root == NULL ? timer : heap_merge(timers->root, timer);
}

void spry_timer_cancel(struct timers *timers, struct timer *timer)
{
    struct timer *rest;

    if (!spry_timer_armed(timer))
        return;
    rest = siblings_merge(timer->child);
    timer->child = NULL;
    if (timer->prev == NULL) {
        assert(timers->root == timer);
        timers->root = rest;
    } else {
        if (timer->prev->child == timer)
            timer->prev->child = timer->next;
        else
            timer->prev->next = timer->next;
        if (timer->next != NULL)
            timer->next->prev = timer->prev;
        timer->next = NULL;
        timer->prev = NULL;
        if (rest != NULL)
            timers->root = heap_merge(timers->root, rest);
    }
    timer->deadline_ns = SPRY_NEVER;
}

bool spry_timer_armed(const struct timer *timer)
{
    return timer->deadline_ns != SPRY_NEVER;
}

uint64_t spry_timers_next(const struct timers *timers)
{
    return timers->root == NULL ? SPRY_NEVER : timers->root->deadline_ns;
}

void spry_timers_run(struct timers *timers, uint64_t now_ns)
{
    while (timers->root != NULL && timers->root->deadline_ns <= now_ns) {
        struct timer *due = timers->root;

        spry_timer_cancel(timers, due);
        due->fire(due, now_ns);
    }
}

uint64_t spry_deadline(uint64_t base_ns, int32_t after_ms)
{
    uint64_t after_ns;

    if (after_ms < 0)
        return SPRY_NEVER;
    after_ns = (uint64_t)after_ms * NS_PER_MS;
    /* The last moment that is not SPRY_NEVER stands for all that lie beyond it. */
    return after_ns < SPRY_NEVER - base_ns ? base_ns + after_ns : SPRY_NEVER - 1;
}
