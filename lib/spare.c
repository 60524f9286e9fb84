/* A few slots, exchanged atomically: a block is in one hand or in one slot, never in two. */
#include "spare.h"

#include "alloc.h"

#include <stdatomic.h>

enum {
    SLOTS = 3
}; /* a request kept for its resend, a reply being received, one being copied out */

/* What a spare block begins with. */
struct spare {
    size_t bytes;
};

static _Atomic(struct spare *) slots[SLOTS];
static atomic_bool keeping;
static bool forbidden;

static void spare_free(struct spare *spare)
{
    if (spare != NULL)
        spry_free(spare, spare->bytes);
}

static void slots_drop(void)
{
    for (int i = 0; i < SLOTS; i++)
        spare_free(atomic_exchange(&slots[i], NULL));
}

void *spry_spare_take(size_t *bytes)
{
    if (*bytes < SPARE_MIN || *bytes > SPARE_MAX)
        return NULL;
    for (int i = 0; i < SLOTS; i++) {
        struct spare *spare = atomic_exchange(&slots[i], NULL);

        if (spare == NULL)
            continue;
        if (spare->bytes >= *bytes && spare->bytes / 2 <= *bytes) {
            *bytes = spare->bytes;
            return spare;
        }
        spare_free(atomic_exchange(&slots[i], spare));
        if (!atomic_load(&keeping))
            slots_drop(); /* it ended while we had the block */
    }
    return NULL;
}

bool spry_spare_give(void *block, size_t bytes)
{
    struct spare *spare = block;

    if (bytes < SPARE_MIN || bytes > SPARE_MAX || !atomic_load(&keeping))
        return false;
    spare->bytes = bytes;
    for (int i = 0; i < SLOTS; i++) {
        struct spare *none = NULL;

        if (atomic_compare_exchange_strong(&slots[i], &none, spare)) {
            spare = NULL;
            break;
        }
    }
    if (spare != NULL)
        spare_free(atomic_exchange(&slots[0], spare)); /* the size in use now is the newest */
    if (!atomic_load(&keeping))
        slots_drop(); /* it ended while we put the block there */
    return true;
}

void spry_spare_forbid(bool forbid)
{
    forbidden = forbid;
}

void spry_spare_enable(bool enabled)
{
    atomic_store(&keeping, enabled && !forbidden);
    if (!enabled)
        slots_drop();
}

void spry_spare_forget(void)
{
    atomic_store(&keeping, false);
    for (int i = 0; i < SLOTS; i++)
        atomic_store(&slots[i], NULL);
}
