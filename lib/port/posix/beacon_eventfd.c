/* A beacon made of an eventfd. */
#include "beacon.h"

#include "backend.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int spry_beacon_open(struct beacon *beacon)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return spry_system_error(errno);
    *beacon = (struct beacon){.handles = {fd, -1}, .open = true};
    return 0;
}

void spry_beacon_close(struct beacon *beacon)
{
    if (!beacon->open)
        return;
    spry_beacon_set(beacon, true);
    (void)close((int)beacon->handles[0]);
    beacon->open = false;
}

void spry_beacon_set(struct beacon *beacon, bool lit)
{
    int fd = (int)beacon->handles[0];
    uint64_t count = 1;

    if (lit == beacon->lit)
        return;
    if (lit)
        beacon->lit = write(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
    else
        beacon->lit = read(fd, &count, sizeof(count)) < 0 && errno == EINTR;
}
