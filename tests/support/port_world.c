/* A port and a mutex, driven by the test. */
#include "port_world.h"

#include <check.h>

#include <nng/nng.h>

#include "list.h"
#include "net.h"
#include "timer.h"

enum { LIMIT_MS = 8000 }; /* what did not come by then never comes */

uint64_t after_ms(unsigned ms)
{
    return spry_clock_ns() + ms * UINT64_C(1000000);
}

void world_open(struct world *world)
{
    *world = (struct world){.lock = SPRY_MUTEX_INIT};
    ck_assert_int_eq(spry_port_open(&world->port), 0);
    ck_assert(!spry_port_watching(&world->port));
}

void world_close(struct world *world)
{
    ck_assert_uint_eq(world->port.in_flight, 0);
    ck_assert(!spry_port_watching(&world->port));
    ck_assert(spry_tasks_empty(&world->completed));
    spry_port_close(&world->port);
}

/* Lock held; left and taken again while calls are taken further, where that is asked for. */
static void world_drain(struct world *world, struct task_queue *completed)
{
    struct task *task;

    spry_tasks_splice(&world->completed, completed);
    for (;;) {
        while ((task = spry_tasks_pop(&world->completed)) != NULL)
            task->run(task);
        if (world->settles && !spry_tasks_empty(&world->port.started)) {
            struct task_queue started = spry_port_started(&world->port);
            struct task_queue more = {NULL, NULL};

            spry_mutex_unlock(&world->lock);
            spry_port_run(&world->port, &started, &more);
            spry_mutex_lock(&world->lock);
            spry_tasks_splice(&world->completed, &more);
        } else {
            return;
        }
    }
}

void world_turn(struct world *world, uint64_t deadline_ns)
{
    struct task_queue completed = {NULL, NULL};

    spry_mutex_lock(&world->lock);
    spry_port_prepare(&world->port);
    spry_mutex_unlock(&world->lock);
    spry_port_wait(&world->port, deadline_ns, &completed);
    spry_mutex_lock(&world->lock);
    world_drain(world, &completed);
    spry_mutex_unlock(&world->lock);
}

void world_soak(struct world *world, unsigned ms)
{
    uint64_t until_ns = after_ms(ms);

    do {
        world_turn(world, until_ns);
    } while (spry_clock_ns() < until_ns);
}

static void job_done(struct task *task)
{
    struct job *job = SPRY_CONTAINER(task, struct job, op.task);

    job->result = spry_port_dequeue(&job->world->port, &job->op);
    ck_assert_uint_eq(job->op.state, OP_IDLE);
    job->completed++;
    ck_assert_msg(job->completed <= job->submitted, "completed twice");
}

static size_t job_spans(struct op *op, struct span *spans, uint8_t *scratch)
{
    struct job *job = SPRY_CONTAINER(op, struct job, op);

    (void)scratch;
    job->calls++;
    if (job->called != NULL)
        job->called(job);
    spans[0] = (struct span){job->bytes + job->have, job->want - job->have};
    if (job->piece > 0 && job->piece < spans[0].bytes)
        spans[0].bytes = job->piece;
    return 1;
}

static bool job_moved(struct op *op, size_t bytes, const uint8_t *scratch)
{
    struct job *job = SPRY_CONTAINER(op, struct job, op);

    (void)scratch;
    job->have += bytes;
    return job->any || job->have == job->want;
}

static void job_init(struct job *job, struct world *world, enum op_kind kind,
                     struct descriptor *descriptor)
{
    static const struct op_work work = {job_spans, job_moved};

    *job = (struct job){.world = world};
    spry_op_init(&job->op, kind, descriptor, job_done);
    job->op.work = &work;
}

void job_read(struct job *job, struct world *world, struct descriptor *descriptor, void *bytes,
              size_t want)
{
    job_init(job, world, OP_READ, descriptor);
    job->bytes = bytes;
    job->want = want;
}

void job_write(struct job *job, struct world *world, struct descriptor *descriptor, void *bytes,
               size_t count)
{
    job_init(job, world, OP_WRITE, descriptor);
    job->bytes = bytes;
    job->want = count;
}

void job_accept(struct job *job, struct world *world, struct descriptor *descriptor)
{
    job_init(job, world, OP_ACCEPT, descriptor);
}

void job_connect(struct job *job, struct world *world, struct descriptor *descriptor,
                 const struct net_address *address)
{
    job_init(job, world, OP_CONNECT, descriptor);
    job->op.address = address;
}

void job_submit(struct job *job)
{
    spry_mutex_lock(&job->world->lock);
    job->submitted++;
    spry_port_submit(&job->world->port, &job->op);
    spry_mutex_unlock(&job->world->lock);
}

void job_run(struct job *job)
{
    struct world *world = job->world;
    struct task_queue completed = {NULL, NULL};
    struct task_queue started;

    spry_mutex_lock(&world->lock);
    started = spry_port_started(&world->port);
    spry_mutex_unlock(&world->lock);
    spry_port_run(&world->port, &started, &completed);
    spry_mutex_lock(&world->lock);
    world_drain(world, &completed);
    spry_mutex_unlock(&world->lock);
}

void job_start(struct job *job)
{
    job_submit(job);
    job_run(job);
}

void job_cancel(struct job *job)
{
    struct task_queue completed = {NULL, NULL};

    spry_mutex_lock(&job->world->lock);
    spry_port_cancel(&job->world->port, &job->op, &completed);
    world_drain(job->world, &completed);
    spry_mutex_unlock(&job->world->lock);
}

static bool job_over(struct job *job)
{
    bool over;

    spry_mutex_lock(&job->world->lock);
    over = job->completed == job->submitted;
    spry_mutex_unlock(&job->world->lock);
    return over;
}

int job_wait(struct job *job)
{
    uint64_t limit_ns = after_ms(LIMIT_MS);

    while (!job_over(job)) {
        ck_assert_msg(spry_clock_ns() < limit_ns, "the op does not complete");
        world_turn(job->world, limit_ns);
    }
    return job->result;
}

void attach_as(struct world *world, struct descriptor *descriptor, intptr_t handle,
               enum attach_kind kind)
{
    int rv;

    spry_mutex_lock(&world->lock);
    rv = spry_port_attach(&world->port, descriptor, handle, kind);
    spry_mutex_unlock(&world->lock);
    ck_assert_int_eq(rv, 0);
}

void detach(struct world *world, struct descriptor *descriptor)
{
    spry_mutex_lock(&world->lock);
    spry_port_detach(&world->port, descriptor);
    spry_mutex_unlock(&world->lock);
}
