/* An aio that notes what its callback sees. */
#include "probe.h"

#include "link.h"

#include <string.h>

#include <check.h>

static void probe_called(void *argument)
{
    struct probe *probe = argument;

    if (atomic_fetch_add(&probe->inside, 1) != 0)
        atomic_store(&probe->overlaps, true);
    probe->result = nng_aio_result(probe->aio);
    probe->count = nng_aio_count(probe->aio);
    probe->msg = nng_aio_get_msg(probe->aio);
    probe->thread = pthread_self();
    atomic_fetch_add(&probe->calls, 1);
    if (probe->act != NULL)
        probe->act(probe);
    atomic_fetch_sub(&probe->inside, 1);
    atomic_fetch_add(&probe->returned, 1);
}

void probe_open(struct probe *probe, void (*act)(struct probe *probe), void *argument)
{
    memset(probe, 0, sizeof(*probe));
    probe->act = act;
    probe->argument = argument;
    ck_assert_int_eq(nng_aio_alloc(&probe->aio, probe_called, probe), 0);
}

struct expected {
    struct probe *probe;
    int calls;
};

static bool probe_has(void *argument)
{
    const struct expected *expected = argument;

    return atomic_load(&expected->probe->returned) >= expected->calls;
}

void probe_await(struct probe *probe, int calls)
{
    struct expected expected = {probe, calls};

    ck_assert_msg(link_wait(probe_has, &expected), "%d callbacks came, not %d",
                  atomic_load(&probe->returned), calls);
    ck_assert_int_eq(atomic_load(&probe->calls), calls);
    ck_assert(!atomic_load(&probe->overlaps));
}

void probe_close(struct probe *probe, int calls)
{
    nng_aio_free(probe->aio);
    probe->aio = NULL;
    ck_assert_int_eq(atomic_load(&probe->calls), calls);
    ck_assert_int_eq(atomic_load(&probe->returned), calls);
    ck_assert_int_eq(atomic_load(&probe->inside), 0);
    ck_assert(!atomic_load(&probe->overlaps));
}

nng_msg *probe_msg(const char *text)
{
    nng_msg *msg;

    ck_assert_int_eq(nng_msg_alloc(&msg, 0), 0);
    ck_assert_int_eq(nng_msg_append(msg, text, strlen(text)), 0);
    return msg;
}
