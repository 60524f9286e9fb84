/* A server of contexts: each answers by itself, in callbacks. */
#include "world.h"

enum { WORKERS_MAX = 4 };

struct worker {
    nng_ctx ctx;
    nng_aio *aio;
    nng_aio *rest; /* waited for in the callback, now and then: another thread must stand in */
    enum { WORKER_RECEIVES, WORKER_SENDS, WORKER_PAUSES } does;
    uint32_t begun;
    uint32_t ended;
    bool over; /* nothing will be begun */
};

static void worker_begin(struct worker *worker, int does)
{
    worker->does = does;
    worker->begun++;
    if (does == WORKER_RECEIVES)
        nng_ctx_recv(worker->ctx, worker->aio);
    else if (does == WORKER_SENDS)
        nng_ctx_send(worker->ctx, worker->aio);
    else
        nng_sleep_aio(1, worker->aio);
}

static void worker_rest(struct worker *worker)
{
    if (worker->rest == NULL || sim_below(16) != 0)
        return;
    nng_sleep_aio((nng_duration)sim_below(3), worker->rest);
    nng_aio_wait(worker->rest);
    if (nng_aio_busy(worker->rest))
        sim_fail("an aio is busy that was waited for");
}

static void rested(void *argument)
{
    struct worker *worker = argument;

    sim_plausible(nng_aio_result(worker->rest), "nng_sleep_aio");
}

static void worker_failed(struct worker *worker, int rv)
{
    if (worker->does == WORKER_SENDS)
        nng_msg_free(nng_aio_get_msg(worker->aio));
    nng_aio_set_msg(worker->aio, NULL);
    if (rv == NNG_ECLOSED || rv == NNG_ECANCELED)
        worker->over = true;
    else
        worker_begin(worker, WORKER_PAUSES);
}

static void worked(void *argument)
{
    struct worker *worker = argument;
    int rv = nng_aio_result(worker->aio);
    nng_msg *msg = nng_aio_get_msg(worker->aio);

    if (++worker->ended != worker->begun)
        sim_fail("%u callbacks of %u operations", worker->ended, worker->begun);
    sim_plausible(rv, "an operation on a context");
    worker_rest(worker);
    if (rv != 0) {
        worker_failed(worker, rv);
    } else if (worker->does == WORKER_RECEIVES) {
        if (nng_aio_count(worker->aio) != nng_msg_len(msg))
            sim_fail("a count of %zu", nng_aio_count(worker->aio));
        sim_body_answer(nng_msg_body(msg), nng_msg_len(msg));
        worker_begin(worker, WORKER_SENDS);
    } else {
        if (worker->does == WORKER_SENDS && msg != NULL)
            sim_fail("a message that was sent is there still");
        worker_begin(worker, WORKER_RECEIVES);
    }
}

static bool worker_open(struct worker *worker, nng_socket socket)
{
    int rv = nng_ctx_open(&worker->ctx, socket);

    sim_plausible(rv, "nng_ctx_open");
    if (rv != 0)
        return false;
    rv = nng_aio_alloc(&worker->aio, worked, worker);
    sim_plausible(rv, "nng_aio_alloc");
    if (rv != 0) {
        (void)nng_ctx_close(worker->ctx);
        return false;
    }
    rv = nng_aio_alloc(&worker->rest, rested, worker);
    sim_plausible(rv, "nng_aio_alloc");
    return true;
}

static void worker_close(struct worker *worker)
{
    if (sim_below(2) == 0)
        (void)nng_ctx_close(worker->ctx);
    nng_aio_stop(worker->aio);
    if (worker->does == WORKER_SENDS)
        nng_msg_free(nng_aio_get_msg(worker->aio)); /* that could not be begun any more */
    nng_aio_free(worker->aio);
    /* What a callback begins on an aio that is being stopped comes to nothing. */
    if (worker->begun - worker->ended > (worker->over ? 0 : 1))
        sim_fail("%u callbacks of %u operations, and it is freed", worker->ended, worker->begun);
    nng_aio_free(worker->rest);
    (void)nng_ctx_close(worker->ctx);
}

/* Operations that are over: where nothing comes to an end, listeners stay. */
static uint32_t workers_ended(const struct worker *workers, uint32_t count)
{
    uint32_t ended = 0;

    for (uint32_t i = 0; i < count; i++)
        ended += workers[i].ended;
    return ended;
}

bool sim_async_serve(struct party *party, void (*meanwhile)(struct party *))
{
    struct worker workers[WORKERS_MAX] = {{.over = false}};
    uint32_t wanted = 1 + sim_below(WORKERS_MAX);
    uint32_t count = 0;
    uint32_t over = 0;
    uint32_t seen = 0;

    while (count < wanted && worker_open(&workers[count], party->socket))
        count++;
    for (uint32_t i = 0; i < count; i++)
        worker_begin(&workers[i], WORKER_RECEIVES);
    while (over < count && !(sim_world.ending && !sim_world.strict)) {
        sim_pause_for((20 + sim_below(80)) * (uint64_t)MS);
        if (workers_ended(workers, count) != seen)
            meanwhile(party);
        seen = workers_ended(workers, count);
        over = 0;
        for (uint32_t i = 0; i < count; i++)
            over += workers[i].over ? 1 : 0;
    }
    for (uint32_t i = 0; i < count; i++)
        worker_close(&workers[i]);
    return count > 0;
}
