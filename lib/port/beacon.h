/*
 * A beacon: a descriptor that the program polls and the library lights. It is readable while lit and
 * nobody but this reads or writes it.
 */
#ifndef SPRY_BEACON_H
#define SPRY_BEACON_H

#include <stdbool.h>
#include <stdint.h>

struct beacon {
    intptr_t handles[2]; /* the program's; what lights it, where that is another */
    bool open;
    bool lit; /* what the program sees now, or will see without another call */
};

/*
 * Opens it, dark; its descriptors are not inherited. NNG_ENOFILES, NNG_ENOMEM: nothing is open. It waits
 * for nothing but, on Windows, two ends of the machine's own to meet.
 */
int spry_beacon_open(struct beacon *beacon);

/* Lit first, so that a thread that waits for it comes back. Legal on one that is zeroed or closed. */
void spry_beacon_close(struct beacon *beacon);

/*
 * Lights or darkens it; no system call when it is so. Never blocks. What the system does not do now,
 * which `lit` tells, the next call tries again.
 */
void spry_beacon_set(struct beacon *beacon, bool lit);

/* What the program is given: a file descriptor; of a Windows socket, whose handles are small numbers too. */
static inline int spry_beacon_descriptor(const struct beacon *beacon)
{
    return (int)beacon->handles[0];
}

#endif
