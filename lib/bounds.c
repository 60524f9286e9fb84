/* Keeps what the options lend, and tells the allocator seam, the budget and the spares. */
#include "bounds.h"

#include "alloc.h"
#include "arena.h"
#include "budget.h"
#include "fork.h"
#include "spare.h"

static spry_allocator allocator;
static struct arena arena = {.lock = SPRY_MUTEX_INIT};

bool spry_bounds_legal(const spry_options *options)
{
    const spry_allocator *given = options->allocator;

    if ((options->arena == NULL) != (options->arena_size == 0))
        return false;
    if (given == NULL)
        return true;
    return options->arena == NULL && given->alloc != NULL && given->realloc != NULL &&
           given->free != NULL;
}

void spry_bounds_set(const spry_options *options)
{
    bool replaced = options->allocator != NULL || options->arena != NULL;

    if (options->allocator != NULL)
        allocator = *options->allocator;
    if (options->arena != NULL) {
        spry_fork_guard_leaf(&arena.lock);
        spry_arena_init(&arena, options->arena, options->arena_size);
        allocator = (spry_allocator){spry_arena_alloc, spry_arena_realloc, spry_arena_free, &arena};
    }
    spry_allocator_set(replaced ? &allocator : NULL);
    spry_budget_set(options->receive_budget);
    spry_spare_forbid(replaced || options->receive_budget != 0);
}
