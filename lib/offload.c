/* One thread for calls that block, there only while there are such calls. */
#include "offload.h"

#include "list.h"
#include "loop.h"

static struct task_queue queue; /* under the loop lock */
static struct thread thread;
static bool running;

static void offload_main(void *argument)
{
    struct loop *loop = argument;
    struct task *task;

    (void)spry_loop_enter();
    while ((task = spry_tasks_pop(&queue)) != NULL) {
        struct offload *offload = SPRY_CONTAINER(task, struct offload, task);

        spry_mutex_unlock(&loop->lock);
        offload->call(offload);
        spry_mutex_lock(&loop->lock);
        spry_loop_post(loop, &offload->task);
        loop->port.in_flight--;
        loop->offloads--;
        spry_loop_leave(loop);
        (void)spry_loop_enter();
    }
    running = false;
    spry_loop_leave(loop);
}

int spry_offload(struct loop *loop, struct offload *offload)
{
    if (!running) {
        int rv;

        thread = (struct thread){offload_main, loop};
        rv = spry_thread_start(&thread);

        if (rv != 0)
            return rv;
        running = true;
    }
    spry_tasks_push(&queue, &offload->task);
    loop->port.in_flight++;
    loop->offloads++;
    return 0;
}
