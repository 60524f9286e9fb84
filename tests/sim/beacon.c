/* No scenario polls for itself, so there are no beacons; the real ones need more of Winsock. */
#include "beacon.h"

#include <nng/nng.h>

int spry_beacon_open(struct beacon *beacon)
{
    (void)beacon;
    return NNG_ENOTSUP;
}

void spry_beacon_close(struct beacon *beacon)
{
    (void)beacon;
}

void spry_beacon_set(struct beacon *beacon, bool lit)
{
    (void)beacon;
    (void)lit;
}
