/* A beacon made of a pipe with a byte in it, or none. */
#include "beacon.h"

#include "backend.h"

#include <errno.h>
#include <unistd.h>

int spry_beacon_open(struct beacon *beacon)
{
    int fds[2];
    int rv;

    if (pipe(fds) != 0)
        return spry_system_error(errno);
    rv = spry_fd_quiet(fds[0]);
    if (rv == 0)
        rv = spry_fd_quiet(fds[1]);
    if (rv != 0) {
        (void)close(fds[0]);
        (void)close(fds[1]);
        return rv;
    }
    *beacon = (struct beacon){.handles = {fds[0], fds[1]}, .open = true};
    return 0;
}

void spry_beacon_close(struct beacon *beacon)
{
    if (!beacon->open)
        return;
    spry_beacon_set(beacon, true);
    (void)close((int)beacon->handles[1]);
    (void)close((int)beacon->handles[0]);
    beacon->open = false;
}

void spry_beacon_set(struct beacon *beacon, bool lit)
{
    char byte = 0;

    if (lit == beacon->lit)
        return;
    if (lit)
        beacon->lit = write((int)beacon->handles[1], &byte, 1) == 1;
    else
        beacon->lit = read((int)beacon->handles[0], &byte, 1) < 0 && errno == EINTR;
}
