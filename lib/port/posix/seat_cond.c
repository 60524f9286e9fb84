/* Where a thread sleeps, with what every POSIX system has. */
#include "platform.h"

void spry_seat_init(struct seat *seat)
{
    spry_cond_init(&seat->as.cond);
}

void spry_seat_fini(struct seat *seat)
{
    spry_cond_fini(&seat->as.cond);
}

void spry_seat_wake(struct seat *seat)
{
    spry_cond_signal(&seat->as.cond);
}

void spry_seat_sleep(struct seat *seat, struct mutex *mutex, uint64_t deadline_ns)
{
    (void)spry_cond_wait_until(&seat->as.cond, mutex, deadline_ns);
}
