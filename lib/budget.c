/* One number, changed atomically: messages are read without the loop lock. */
#include "budget.h"

#include <stdatomic.h>

enum { SMALL_MAX = 2 << 10 }; /* a message whose body lies in its own block, and then some */

static size_t budget;
static atomic_size_t taken;

void spry_budget_set(size_t bytes)
{
    budget = bytes;
}

bool spry_budget_is_set(void)
{
    return budget != 0;
}

bool spry_budget_take(size_t bytes)
{
    size_t limit = bytes > SMALL_MAX ? budget - budget / 8 : budget;
    size_t before = atomic_load(&taken);

    do {
        if (before > limit || bytes > limit - before)
            return false;
    } while (!atomic_compare_exchange_weak(&taken, &before, before + bytes));
    return true;
}

void spry_budget_give(size_t bytes)
{
    (void)atomic_fetch_sub(&taken, bytes);
}

void spry_budget_forget(void)
{
    atomic_store(&taken, 0);
}
