/* A thread for a call that blocks; one each, so that a slow name holds up nobody else's. */
#include "offload.h"

#include "loop.h"

static void offload_main(void *argument)
{
    struct offload *offload = argument;
    struct loop *loop = offload->loop;

    offload->call(offload);
    (void)spry_loop_enter();
    spry_loop_post(loop, &offload->task);
    loop->port.in_flight--;
    loop->offloads--;
    spry_loop_pass(loop);
}

int spry_offload(struct loop *loop, struct offload *offload)
{
    int rv;

    offload->loop = loop;
    offload->thread = (struct thread){.run = offload_main, .argument = offload};
    rv = spry_thread_start(&offload->thread);
    if (rv != 0)
        return rv;
    spry_thread_detach(&offload->thread); /* it waits for the lock before it can be over */
    loop->port.in_flight++;
    loop->offloads++;
    return 0;
}
