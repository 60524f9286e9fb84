/*
 * The promises of an aio: one callback for each operation, whatever its end; whose the message is;
 * what waiting, stopping and freeing mean, from any thread and from any callback.
 */
#include "support/fail_alloc.h"
#include "support/link.h"
#include "support/mode.h"
#include "support/probe.h"

#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/host.h"
#include "thread.h"

enum { SHORT_MS = 15, LONG_MS = 10000, NS_PER_MS = 1000000 };

static nng_time now_ms(void)
{
    return spry_clock_ns() / NS_PER_MS;
}

/* ---- each operation and each way to end it ---- */

enum operation {
    SOCKET_SEND,
    SOCKET_RECEIVE,
    CONTEXT_SEND,
    CONTEXT_RECEIVE,
    PAIR_SEND,
    PAIR_RECEIVE,
    SLEEP,
    PROVIDED,
    OPERATIONS
};

enum ending {
    BY_ZERO,
    BY_TIMEOUT,
    BY_DEFAULT,
    BY_EXPIRE,
    BY_EXPIRE_PAST,
    BY_CANCEL,
    BY_ABORT,
    BY_ABORT_WITHOUT_ERROR,
    BY_STOP,
    BY_FREE,
    BY_REAP,
    BY_CLOSE,
    ENDINGS
};

/* An operation that waits for what never comes. */
struct pending {
    enum operation operation;
    nng_socket socket;
    nng_ctx context;
    nng_msg *msg; /* what it sends */
    nng_aio *aio;
    pthread_mutex_t lock; /* the provider's */
    bool owned;           /* the provider still has to finish it */
    atomic_int cancels;
};

static bool is_send(enum operation operation)
{
    return operation == SOCKET_SEND || operation == CONTEXT_SEND || operation == PAIR_SEND;
}

static bool has_context(enum operation operation)
{
    return operation == CONTEXT_SEND || operation == CONTEXT_RECEIVE;
}

static void pending_cancel(nng_aio *aio, void *argument, int error)
{
    struct pending *pending = argument;
    bool owned;

    atomic_fetch_add(&pending->cancels, 1);
    pthread_mutex_lock(&pending->lock);
    owned = pending->owned;
    pending->owned = false;
    pthread_mutex_unlock(&pending->lock);
    if (owned)
        nng_aio_finish(aio, error);
}

static void pending_open(struct pending *pending, enum operation operation)
{
    memset(pending, 0, sizeof(*pending));
    pending->operation = operation;
    pthread_mutex_init(&pending->lock, NULL);
    switch (operation) {
    case SOCKET_SEND:
    case CONTEXT_SEND:
        pending->socket = link_open_req();
        break;
    case SOCKET_RECEIVE:
    case CONTEXT_RECEIVE:
        pending->socket = link_open_rep();
        break;
    case PAIR_SEND:
    case PAIR_RECEIVE:
        ck_assert_int_eq(nng_pair1_open(&pending->socket), 0);
        break;
    case SLEEP:
    case PROVIDED:
    case OPERATIONS:
        break;
    }
    if (pending->socket.id != 0) {
        ck_assert_int_eq(nng_socket_set_ms(pending->socket, NNG_OPT_SENDTIMEO, LONG_MS), 0);
        ck_assert_int_eq(nng_socket_set_ms(pending->socket, NNG_OPT_RECVTIMEO, LONG_MS), 0);
    }
    if (has_context(operation))
        ck_assert_int_eq(nng_ctx_open(&pending->context, pending->socket), 0);
    if (is_send(operation))
        pending->msg = probe_msg("pending");
}

static void pending_default(struct pending *pending, nng_duration ms)
{
    const char *name = is_send(pending->operation) ? NNG_OPT_SENDTIMEO : NNG_OPT_RECVTIMEO;

    if (has_context(pending->operation))
        ck_assert_int_eq(nng_ctx_set_ms(pending->context, name, ms), 0);
    else
        ck_assert_int_eq(nng_socket_set_ms(pending->socket, name, ms), 0);
}

static void pending_begin(struct pending *pending, nng_aio *aio)
{
    pending->aio = aio;
    if (is_send(pending->operation))
        nng_aio_set_msg(aio, pending->msg);
    switch (pending->operation) {
    case SOCKET_SEND:
    case PAIR_SEND:
        nng_send_aio(pending->socket, aio);
        break;
    case SOCKET_RECEIVE:
    case PAIR_RECEIVE:
        nng_recv_aio(pending->socket, aio);
        break;
    case CONTEXT_SEND:
        nng_ctx_send(pending->context, aio);
        break;
    case CONTEXT_RECEIVE:
        nng_ctx_recv(pending->context, aio);
        break;
    case SLEEP:
        nng_sleep_aio(LONG_MS, aio);
        break;
    case PROVIDED:
        pending->owned = true;
        ck_assert(nng_aio_begin(aio));
        nng_aio_defer(aio, pending_cancel, pending);
        break;
    case OPERATIONS:
        break;
    }
}

static void pending_close(struct pending *pending)
{
    if (has_context(pending->operation))
        (void)nng_ctx_close(pending->context);
    if (pending->socket.id != 0)
        (void)nng_close(pending->socket);
    nng_msg_free(pending->msg);
    pthread_mutex_destroy(&pending->lock);
}

static bool can_end(enum operation operation, enum ending ending)
{
    bool on_socket = operation != SLEEP && operation != PROVIDED;

    return on_socket || (ending != BY_DEFAULT && ending != BY_CLOSE);
}

/* Limits that are set before the operation begins. */
static void ending_prepare(enum ending ending, struct pending *pending, nng_aio *aio)
{
    switch (ending) {
    case BY_ZERO:
        nng_aio_set_timeout(aio, NNG_DURATION_ZERO);
        break;
    case BY_TIMEOUT:
        nng_aio_set_timeout(aio, SHORT_MS);
        break;
    case BY_DEFAULT:
        pending_default(pending, SHORT_MS);
        break;
    case BY_EXPIRE:
        nng_aio_set_expire(aio, now_ms() + SHORT_MS);
        break;
    case BY_EXPIRE_PAST:
        nng_aio_set_expire(aio, now_ms() - 1);
        break;
    case BY_CANCEL:
    case BY_ABORT:
    case BY_ABORT_WITHOUT_ERROR:
    case BY_STOP:
    case BY_FREE:
    case BY_REAP:
    case BY_CLOSE:
    case ENDINGS:
        break;
    }
}

/* The result that the operation is to have. */
static int ending_bring(enum ending ending, struct pending *pending, nng_aio *aio)
{
    switch (ending) {
    case BY_ZERO:
    case BY_TIMEOUT:
    case BY_DEFAULT:
    case BY_EXPIRE:
    case BY_EXPIRE_PAST:
        return NNG_ETIMEDOUT;
    case BY_CANCEL:
        nng_aio_cancel(aio);
        return NNG_ECANCELED;
    case BY_ABORT:
        nng_aio_abort(aio, NNG_EPEERAUTH);
        return NNG_EPEERAUTH;
    case BY_ABORT_WITHOUT_ERROR:
        nng_aio_abort(aio, 0);
        nng_aio_abort(aio, 0);
        return NNG_ECANCELED;
    case BY_STOP:
        nng_aio_stop(aio);
        return NNG_ECANCELED;
    case BY_FREE:
        nng_aio_free(aio);
        return NNG_ECANCELED;
    case BY_REAP:
        nng_aio_reap(aio);
        return NNG_ECANCELED;
    case BY_CLOSE:
        if (has_context(pending->operation))
            ck_assert_int_eq(nng_ctx_close(pending->context), 0);
        else
            ck_assert_int_eq(nng_close(pending->socket), 0);
        return NNG_ECLOSED;
    case ENDINGS:
        break;
    }
    return -1;
}

START_TEST(an_operation_ends_once_and_gives_its_message_back)
{
    enum operation operation = (enum operation)(_i / ENDINGS);
    enum ending ending = (enum ending)(_i % ENDINGS);
    bool gone = ending == BY_FREE || ending == BY_REAP;
    struct pending pending;
    struct probe probe;
    uint64_t began_ns;
    int expected;

    if (!can_end(operation, ending))
        return;
    pending_open(&pending, operation);
    probe_open(&probe, NULL, NULL);
    ending_prepare(ending, &pending, probe.aio);
    began_ns = spry_clock_ns();
    pending_begin(&pending, probe.aio);
    if (ending >= BY_CANCEL)
        ck_assert_int_eq(atomic_load(&probe.calls), 0);
    expected = ending_bring(ending, &pending, probe.aio);
    if (ending == BY_FREE || ending == BY_STOP) /* which waited */
        ck_assert_int_eq(atomic_load(&probe.calls), 1);
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, expected);
    ck_assert_uint_eq(probe.count, 0);
    ck_assert_ptr_eq(probe.msg, pending.msg);
    ck_assert(!mode_watched() || !pthread_equal(probe.thread, pthread_self()));
    if (ending == BY_TIMEOUT || ending == BY_DEFAULT)
        ck_assert_uint_ge(spry_clock_ns() - began_ns, (uint64_t)SHORT_MS * NS_PER_MS);
    ck_assert_uint_lt(spry_clock_ns() - began_ns, (uint64_t)LONG_MS * NS_PER_MS / 2);
    if (operation == PROVIDED)
        ck_assert_int_eq(atomic_load(&pending.cancels), 1);
    if (!gone) {
        nng_aio_wait(probe.aio);
        nng_aio_cancel(probe.aio); /* nothing is under way */
        nng_aio_abort(probe.aio, NNG_EINTR);
        ck_assert(!nng_aio_busy(probe.aio));
        probe_close(&probe, 1);
    }
    pending_close(&pending);
    ck_assert_int_eq(atomic_load(&probe.calls), 1);
}
END_TEST

/* The same without a callback: the end is found by waiting. */
START_TEST(without_a_callback_the_end_is_waited_for)
{
    enum operation operation = (enum operation)(_i / ENDINGS);
    enum ending ending = (enum ending)(_i % ENDINGS);
    struct pending pending;
    nng_aio *aio;
    int expected;

    if (!can_end(operation, ending))
        return;
    pending_open(&pending, operation);
    ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    ending_prepare(ending, &pending, aio);
    pending_begin(&pending, aio);
    if (ending >= BY_CANCEL)
        ck_assert(nng_aio_busy(aio));
    expected = ending_bring(ending, &pending, aio);
    if (ending != BY_FREE && ending != BY_REAP) {
        nng_aio_wait(aio);
        ck_assert(!nng_aio_busy(aio));
        ck_assert_int_eq(nng_aio_result(aio), expected);
        ck_assert_ptr_eq(nng_aio_get_msg(aio), pending.msg);
        nng_aio_free(aio);
    } else if (operation == PROVIDED) {
        while (atomic_load(&pending.cancels) == 0)
            mode_pause(1);
        pthread_mutex_lock(&pending.lock); /* the cancel function is through with it */
        pthread_mutex_unlock(&pending.lock);
    }
    pending_close(&pending);
}
END_TEST

/* ---- success, and errors that are known at once ---- */

START_TEST(messages_change_hands)
{
    char url[LINK_URL_BYTES];
    struct probe ask;
    struct probe answer;
    nng_socket rep;
    nng_socket req;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    probe_open(&ask, NULL, NULL);
    probe_open(&answer, NULL, NULL);
    for (int round = 0; round < 20; round++) {
        int calls = 2 * round + 1;

        nng_sock_recv(rep, answer.aio);
        nng_aio_set_msg(ask.aio, probe_msg("question"));
        nng_sock_send(req, ask.aio);
        probe_await(&ask, calls);
        ck_assert_int_eq(ask.result, 0);
        ck_assert_uint_eq(ask.count, 8);
        ck_assert_ptr_null(ask.msg);
        probe_await(&answer, calls);
        ck_assert_int_eq(answer.result, 0);
        ck_assert_uint_eq(answer.count, 8);
        ck_assert_mem_eq(nng_msg_body(answer.msg), "question", 8);
        nng_recv_aio(req, ask.aio);
        nng_aio_set_timeout(answer.aio, NNG_DURATION_ZERO); /* at once is in time */
        nng_send_aio(rep, answer.aio);
        nng_aio_set_timeout(answer.aio, NNG_DURATION_DEFAULT);
        probe_await(&answer, calls + 1);
        ck_assert_int_eq(answer.result, 0);
        ck_assert_ptr_null(answer.msg);
        probe_await(&ask, calls + 1);
        ck_assert_int_eq(ask.result, 0);
        ck_assert_uint_eq(nng_msg_len(ask.msg), 8);
        nng_msg_free(ask.msg);
        nng_aio_set_msg(ask.aio, NULL);
    }
    probe_close(&ask, 40);
    probe_close(&answer, 40);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(errors_come_by_the_callback)
{
    nng_msg *msg = probe_msg("x");
    nng_socket req = link_open_req();
    nng_socket rep = link_open_rep();
    nng_socket gone = link_open_rep();
    nng_ctx context;
    nng_ctx closed;
    struct probe probe;
    int calls = 0;

    ck_assert_int_eq(nng_ctx_open(&context, req), 0);
    ck_assert_int_eq(nng_ctx_open(&closed, gone), 0);
    ck_assert_int_eq(nng_close(gone), 0);
    probe_open(&probe, NULL, NULL);
#define EXPECT(call, message, error)                                                               \
    do {                                                                                           \
        nng_aio_set_msg(probe.aio, message);                                                       \
        call;                                                                                      \
        probe_await(&probe, ++calls);                                                              \
        ck_assert_int_eq(probe.result, error);                                                     \
        ck_assert_uint_eq(probe.count, 0);                                                         \
        ck_assert_ptr_eq(probe.msg, message);                                                      \
        ck_assert(!mode_watched() || !pthread_equal(probe.thread, pthread_self()));                \
    } while (0)
    EXPECT(nng_send_aio(gone, probe.aio), msg, NNG_ECLOSED);
    EXPECT(nng_sock_send(gone, probe.aio), msg, NNG_ECLOSED);
    EXPECT(nng_recv_aio(gone, probe.aio), NULL, NNG_ECLOSED);
    EXPECT(nng_sock_recv(gone, probe.aio), msg, NNG_ECLOSED);
    EXPECT(nng_ctx_send(closed, probe.aio), msg, NNG_ECLOSED);
    EXPECT(nng_ctx_recv(closed, probe.aio), NULL, NNG_ECLOSED);
    EXPECT(nng_send_aio((nng_socket){0}, probe.aio), msg, NNG_ECLOSED);
    EXPECT(nng_ctx_send((nng_ctx){0xffffffff}, probe.aio), msg, NNG_ECLOSED);
    EXPECT(nng_ctx_recv((nng_ctx){req.id}, probe.aio), NULL, NNG_ECLOSED);
    EXPECT(nng_recv_aio((nng_socket){context.id}, probe.aio), NULL, NNG_ECLOSED);
    EXPECT(nng_send_aio(req, probe.aio), NULL, NNG_EINVAL);
    EXPECT(nng_ctx_send(context, probe.aio), NULL, NNG_EINVAL);
    EXPECT(nng_recv_aio(req, probe.aio), NULL, NNG_ESTATE);
    EXPECT(nng_ctx_recv(context, probe.aio), NULL, NNG_ESTATE);
    EXPECT(nng_send_aio(rep, probe.aio), msg, NNG_ESTATE);
#undef EXPECT
    probe_close(&probe, calls);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* A second receive of a context that has one; an operation on an aio that has one. */
START_TEST(two_at_once_are_one_too_many)
{
    nng_socket rep = link_open_rep();
    struct probe first;
    struct probe second;

    probe_open(&first, NULL, NULL);
    probe_open(&second, NULL, NULL);
    nng_recv_aio(rep, first.aio);
    nng_recv_aio(rep, second.aio);
    probe_await(&second, 1);
    ck_assert_int_eq(second.result, NNG_ESTATE);
    nng_recv_aio(rep, first.aio);
    nng_sleep_aio(0, first.aio);
    ck_assert(!nng_aio_begin(first.aio));
    ck_assert(nng_aio_busy(first.aio));
    ck_assert_int_eq(nng_close(rep), 0);
    probe_await(&first, 1);
    ck_assert_int_eq(first.result, NNG_ECLOSED);
    probe_close(&first, 1);
    probe_close(&second, 1);
}
END_TEST

START_TEST(beginning_clears_what_the_last_one_left)
{
    char url[LINK_URL_BYTES];
    struct probe probe;
    nng_socket rep;
    nng_socket req;
    nng_msg *msg;
    int value;

    link_url(LINK_INPROC, url);
    rep = link_rep(url);
    req = link_req(url);
    probe_open(&probe, NULL, NULL);
    ck_assert_int_eq(nng_aio_result(probe.aio), 0);
    ck_assert_uint_eq(nng_aio_count(probe.aio), 0);
    ck_assert_ptr_null(nng_aio_get_msg(probe.aio));
    ck_assert_int_eq(link_send(req, "four", 4, 0), 0);
    nng_recv_aio(rep, probe.aio);
    probe_await(&probe, 1);
    nng_aio_wait(probe.aio);
    msg = nng_aio_get_msg(probe.aio);
    ck_assert_uint_eq(nng_aio_count(probe.aio), 4);
    ck_assert_int_eq(nng_aio_set_input(probe.aio, 1, &value), 0);
    ck_assert_int_eq(nng_aio_set_output(probe.aio, 2, &value), 0);
    ck_assert(nng_aio_begin(probe.aio));
    ck_assert_uint_eq(nng_aio_count(probe.aio), 0);
    ck_assert_ptr_null(nng_aio_get_output(probe.aio, 2));
    ck_assert_ptr_eq(nng_aio_get_input(probe.aio, 1), &value);
    ck_assert_ptr_eq(nng_aio_get_msg(probe.aio), msg);
    ck_assert_int_eq(nng_aio_set_output(probe.aio, 3, &value), 0);
    nng_aio_finish(probe.aio, NNG_EBUSY);
    probe_await(&probe, 2);
    ck_assert_int_eq(probe.result, NNG_EBUSY);
    ck_assert_ptr_eq(nng_aio_get_output(probe.aio, 3), &value);
    ck_assert_ptr_eq(probe.msg, msg);
    nng_aio_wait(probe.aio);
    nng_sleep_aio(LONG_MS, probe.aio);
    ck_assert_int_eq(nng_aio_result(probe.aio), 0);
    ck_assert_ptr_null(nng_aio_get_output(probe.aio, 3));
    probe_close(&probe, 3);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(values_have_limits)
{
    nng_iov parts[9];
    nng_aio *aio;

    memset(parts, 0, sizeof(parts));
    ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (unsigned i = 0; i < 6; i++) {
        int rv = i < 4 ? 0 : NNG_EINVAL;
        void *value = i < 4 ? &parts[i] : NULL;

        ck_assert_ptr_null(nng_aio_get_input(aio, i));
        ck_assert_ptr_null(nng_aio_get_output(aio, i));
        ck_assert_int_eq(nng_aio_set_input(aio, i, &parts[i]), rv);
        ck_assert_ptr_eq(nng_aio_get_input(aio, i), value);
        ck_assert_ptr_null(nng_aio_get_output(aio, i));
        ck_assert_int_eq(nng_aio_set_output(aio, i, &parts[i]), rv);
        ck_assert_ptr_eq(nng_aio_get_output(aio, i), value);
    }
    ck_assert_int_eq(nng_aio_set_input(aio, 0xffffffff, parts), NNG_EINVAL);
    ck_assert_ptr_null(nng_aio_get_output(aio, 0x80000000));
    ck_assert_int_eq(nng_aio_set_iov(aio, 8, parts), 0);
    ck_assert_int_eq(nng_aio_set_iov(aio, 9, parts), NNG_EINVAL);
    ck_assert_int_eq(nng_aio_set_iov(aio, 0xffffffff, parts), NNG_EINVAL);
    ck_assert_int_eq(nng_aio_set_iov(aio, 0, NULL), 0);
    nng_aio_free(aio);
    nng_aio_free(NULL);
    nng_aio_reap(NULL);
    nng_aio_stop(NULL);
}
END_TEST

/* ---- time ---- */

START_TEST(a_sleep_lasts_as_long_as_it_should)
{
    static const struct {
        nng_duration sleep_ms;
        nng_duration timeout_ms;
        int result;
        nng_duration least_ms;
    } cases[] = {
        {20, NNG_DURATION_DEFAULT, 0, 20},
        {20, NNG_DURATION_INFINITE, 0, 20},
        {20, LONG_MS, 0, 20},
        {20, 20, 0, 20},
        {LONG_MS, 20, NNG_ETIMEDOUT, 20},
        {20, 0, NNG_ETIMEDOUT, 0},
        {0, NNG_DURATION_DEFAULT, 0, 0},
        {0, 0, 0, 0},
        {NNG_DURATION_INFINITE, 20, NNG_ETIMEDOUT, 20},
        {NNG_DURATION_DEFAULT, 20, NNG_ETIMEDOUT, 20},
        {-100, 20, NNG_ETIMEDOUT, 20},
        {0x7fffffff, 20, NNG_ETIMEDOUT, 20},
    };
    struct probe probe;
    int calls = 0;

    probe_open(&probe, NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t began_ns = spry_clock_ns();
        uint64_t took_ns;

        nng_aio_set_timeout(probe.aio, cases[i].timeout_ms);
        nng_sleep_aio(cases[i].sleep_ms, probe.aio);
        nng_aio_wait(probe.aio);
        took_ns = spry_clock_ns() - began_ns;
        probe_await(&probe, ++calls);
        ck_assert_msg(probe.result == cases[i].result, "case %zu: %s", i,
                      nng_strerror(probe.result));
        ck_assert_uint_ge(took_ns, (uint64_t)cases[i].least_ms * NS_PER_MS);
        ck_assert_uint_lt(took_ns, (uint64_t)LONG_MS * NS_PER_MS / 2);
    }
    probe_close(&probe, calls);
}
END_TEST

static void hold_up(struct probe *probe)
{
    atomic_int *gate = probe->argument;

    while (atomic_load(gate) == 0)
        mode_pause(1);
}

/* Who gets round to it late still knows which came first. */
START_TEST(a_timeout_that_is_noticed_late_is_a_timeout)
{
    atomic_int gate = 0;
    struct probe busy;
    struct probe probe;
    uint64_t began_ns;

    probe_open(&busy, hold_up, &gate); /* has the thread that would notice */
    probe_open(&probe, NULL, NULL);
    nng_sleep_aio(0, busy.aio);
    while (atomic_load(&busy.calls) == 0)
        mode_pause(1);
    nng_aio_set_timeout(probe.aio, 2);
    nng_sleep_aio(6, probe.aio);
    began_ns = spry_clock_ns();
    while (spry_clock_ns() - began_ns < 10 * (uint64_t)NS_PER_MS)
        mode_pause(1);
    atomic_store(&gate, 1);
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, NNG_ETIMEDOUT);
    probe_close(&probe, 1);
    probe_close(&busy, 1);
}
END_TEST

START_TEST(an_expiry_counts_once_and_a_timeout_for_ever)
{
    nng_socket rep = link_open_rep();
    nng_socket other = link_open_rep();
    struct probe probe;

    ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, SHORT_MS), 0);
    probe_open(&probe, NULL, NULL);
    nng_aio_set_timeout(probe.aio, SHORT_MS);
    nng_aio_set_expire(probe.aio, now_ms() + LONG_MS);
    nng_sleep_aio(3 * SHORT_MS, probe.aio); /* longer than the timeout */
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, 0);
    nng_recv_aio(other, probe.aio);
    probe_await(&probe, 2);
    ck_assert_int_eq(probe.result, NNG_ETIMEDOUT);
    nng_recv_aio(other, probe.aio);
    probe_await(&probe, 3);
    ck_assert_int_eq(probe.result, NNG_ETIMEDOUT);
    /* The limit of one socket is not that of the next. */
    nng_aio_set_timeout(probe.aio, NNG_DURATION_DEFAULT);
    nng_recv_aio(rep, probe.aio);
    probe_await(&probe, 4);
    ck_assert_int_eq(probe.result, NNG_ETIMEDOUT);
    nng_sleep_aio(3 * SHORT_MS, probe.aio);
    probe_await(&probe, 5);
    ck_assert_int_eq(probe.result, 0);
    probe_close(&probe, 5);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_close(other), 0);
}
END_TEST

/* ---- callbacks that begin the next one ---- */

struct chain {
    int left;
    nng_socket socket;
    enum operation operation;
};

static void chain_next(struct probe *probe)
{
    struct chain *chain = probe->argument;

    if (chain->left-- == 0)
        return;
    switch (chain->left % 4) {
    case 0:
        nng_sleep_aio(0, probe->aio);
        break;
    case 1:
        nng_recv_aio(chain->socket, probe->aio); /* NNG_ECLOSED */
        break;
    case 2:
        nng_send_aio(chain->socket, probe->aio);
        break;
    default:
        if (nng_aio_begin(probe->aio))
            nng_aio_finish(probe->aio, 0);
        break;
    }
}

/* A stack that grew with each would not hold them. */
START_TEST(a_callback_begins_the_next_operation_100000_times)
{
    struct chain chain = {.left = 100000};
    struct probe probe;

    probe_open(&probe, chain_next, &chain);
    nng_sleep_aio(0, probe.aio);
    nng_aio_wait(probe.aio); /* to the end of the chain */
    ck_assert_int_eq(chain.left, -1);
    probe_close(&probe, 100001);
}
END_TEST

static void echo_next(struct probe *probe)
{
    nng_socket *rep = probe->argument;

    if (probe->result != 0) {
        nng_msg_free(probe->msg);
        nng_aio_set_msg(probe->aio, NULL);
        return;
    }
    if (probe->msg != NULL) {
        nng_send_aio(*rep, probe->aio);
    } else {
        nng_recv_aio(*rep, probe->aio);
    }
}

START_TEST(a_server_of_one_callback_serves)
{
    char url[LINK_URL_BYTES];
    struct probe probe;
    nng_socket rep;
    nng_socket req;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    probe_open(&probe, echo_next, &rep);
    nng_recv_aio(rep, probe.aio);
    for (int i = 0; i < 1000; i++) {
        nng_msg *msg;

        ck_assert_int_eq(link_send(req, "question", 8, 0), 0);
        ck_assert_int_eq(nng_recvmsg(req, &msg, 0), 0);
        ck_assert_mem_eq(nng_msg_body(msg), "question", 8);
        nng_msg_free(msg);
    }
    ck_assert_int_eq(nng_close(rep), 0);
    nng_aio_wait(probe.aio);
    probe_close(&probe, 2001);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

/* ---- waiting, stopping, freeing ---- */

START_TEST(waiting_for_nothing_returns)
{
    struct probe probe;

    probe_open(&probe, NULL, NULL);
    ck_assert(!nng_aio_busy(probe.aio));
    nng_aio_wait(probe.aio);
    nng_aio_cancel(probe.aio);
    nng_aio_abort(probe.aio, NNG_EINTR);
    nng_aio_wait(probe.aio);
    nng_sleep_aio(0, probe.aio); /* was not harmed by that */
    nng_aio_wait(probe.aio);
    ck_assert_int_eq(probe.result, 0);
    nng_aio_stop(probe.aio);
    nng_aio_wait(probe.aio);
    probe_close(&probe, 1);
}
END_TEST

enum { WITH_WAIT, WITH_STOP, WITH_FREE, WITHS };

struct waiting {
    nng_aio *aio;
    int with;
    atomic_int thread;
    atomic_int over;
};

static void wait_with(nng_aio *aio, int with)
{
    if (with == WITH_WAIT)
        nng_aio_wait(aio);
    else if (with == WITH_STOP)
        nng_aio_stop(aio);
    else
        nng_aio_free(aio);
}

static void *waiting_main(void *argument)
{
    struct waiting *waiting = argument;

    atomic_store(&waiting->thread, host_thread());
    wait_with(waiting->aio, waiting->with);
    atomic_store(&waiting->over, 1);
    return NULL;
}

static bool waiting_sleeps(void *argument)
{
    int thread = atomic_load(&((struct waiting *)argument)->thread);

    return thread != 0 && host_thread_sleeps(thread);
}

START_TEST(waiting_lasts_until_the_callback_has_returned)
{
    atomic_int gate = 0;
    struct waiting waiting = {.with = _i};
    struct probe probe;
    pthread_t thread;

    probe_open(&probe, hold_up, &gate);
    waiting.aio = probe.aio;
    nng_sleep_aio(0, probe.aio);
    while (atomic_load(&probe.calls) == 0)
        mode_pause(1);
    pthread_create(&thread, NULL, waiting_main, &waiting);
    ck_assert(link_wait(waiting_sleeps, &waiting));
    ck_assert_int_eq(atomic_load(&waiting.over), 0);
    if (_i != WITH_FREE)
        ck_assert(nng_aio_busy(probe.aio));
    atomic_store(&gate, 1);
    pthread_join(thread, NULL);
    ck_assert_int_eq(atomic_load(&probe.returned), 1);
    if (_i != WITH_FREE)
        probe_close(&probe, 1);
}
END_TEST

START_TEST(what_is_stopped_stays_so)
{
    nng_socket rep = link_open_rep();
    nng_msg *msg = probe_msg("mine");
    struct probe probe;
    nng_ctx context;

    ck_assert_int_eq(nng_ctx_open(&context, rep), 0);
    probe_open(&probe, NULL, NULL);
    if (_i == 1) {
        nng_recv_aio(rep, probe.aio);
    }
    nng_aio_stop(probe.aio);
    nng_aio_stop(probe.aio);
    nng_aio_set_msg(probe.aio, msg);
#define EXPECT_NOTHING(call)                                                                       \
    do {                                                                                           \
        call;                                                                                      \
        ck_assert(!nng_aio_busy(probe.aio));                                                       \
        ck_assert_int_eq(nng_aio_result(probe.aio), NNG_ECANCELED);                                \
        ck_assert_ptr_eq(nng_aio_get_msg(probe.aio), msg);                                         \
    } while (0)
    EXPECT_NOTHING(nng_recv_aio(rep, probe.aio));
    EXPECT_NOTHING(nng_send_aio(rep, probe.aio));
    EXPECT_NOTHING(nng_ctx_recv(context, probe.aio));
    EXPECT_NOTHING(nng_ctx_send(context, probe.aio));
    EXPECT_NOTHING(nng_sleep_aio(0, probe.aio));
    EXPECT_NOTHING(ck_assert(!nng_aio_begin(probe.aio)));
    EXPECT_NOTHING(nng_recv_aio((nng_socket){0}, probe.aio));
    EXPECT_NOTHING(nng_aio_stop(probe.aio));
#undef EXPECT_NOTHING
    probe_close(&probe, _i);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

static void restart_for_ever(struct probe *probe)
{
    nng_sleep_aio(0, probe->aio);
    if (nng_aio_result(probe->aio) == NNG_ECANCELED)
        atomic_store((atomic_int *)probe->argument, 1);
}

START_TEST(a_stop_ends_a_callback_that_always_begins_again)
{
    for (int round = 0; round < 100; round++) {
        atomic_int refused = 0;
        struct probe probe;
        int calls;

        probe_open(&probe, restart_for_ever, &refused);
        nng_sleep_aio(0, probe.aio);
        while (atomic_load(&probe.calls) < 3)
            mode_pause(0);
        nng_aio_stop(probe.aio);
        calls = atomic_load(&probe.calls);
        ck_assert_int_eq(atomic_load(&refused), 1);
        probe_close(&probe, calls);
    }
}
END_TEST

/* In its own callback none of these waits, and none does harm. */
enum inside {
    INSIDE_WAIT,
    INSIDE_STOP,
    INSIDE_FREE,
    INSIDE_REAP,
    INSIDE_CANCEL,
    INSIDE_BEGIN_AND_FREE,
    INSIDE_BEGIN_AND_REAP,
    INSIDE_BEGIN_AND_STOP,
    INSIDES
};

static void act_inside(struct probe *probe)
{
    enum inside inside = (enum inside)(*(int *)probe->argument);

    if (inside >= INSIDE_BEGIN_AND_FREE && atomic_load(&probe->calls) == 1)
        nng_sleep_aio(LONG_MS, probe->aio);
    else if (inside >= INSIDE_BEGIN_AND_FREE)
        return;
    switch (inside) {
    case INSIDE_WAIT:
        nng_aio_wait(probe->aio);
        ck_assert(nng_aio_busy(probe->aio));
        break;
    case INSIDE_BEGIN_AND_STOP:
    case INSIDE_STOP:
        nng_aio_stop(probe->aio);
        nng_aio_stop(probe->aio);
        break;
    case INSIDE_BEGIN_AND_FREE:
    case INSIDE_FREE:
        nng_aio_free(probe->aio);
        break;
    case INSIDE_BEGIN_AND_REAP:
    case INSIDE_REAP:
        nng_aio_reap(probe->aio);
        break;
    case INSIDE_CANCEL:
        nng_aio_cancel(probe->aio);
        nng_aio_abort(probe->aio, NNG_EINTR);
        break;
    case INSIDES:
        break;
    }
}

START_TEST(an_aios_own_callback_may_end_it)
{
    bool twice = _i >= INSIDE_BEGIN_AND_FREE;
    struct probe probe;

    probe_open(&probe, act_inside, &_i);
    nng_sleep_aio(0, probe.aio);
    probe_await(&probe, twice ? 2 : 1);
    ck_assert_int_eq(probe.result, twice ? NNG_ECANCELED : 0);
    if (_i == INSIDE_WAIT || _i == INSIDE_STOP || _i == INSIDE_CANCEL ||
        _i == INSIDE_BEGIN_AND_STOP)
        probe_close(&probe, twice ? 2 : 1);
}
END_TEST

/* A callback waits for another aio, whose callback waits for a third, and so on. */
enum { NESTED = 12 };

struct nest {
    struct probe probes[NESTED];
    int with;
    atomic_int wrong;
};

static void nest_deeper(struct probe *probe)
{
    struct nest *nest = probe->argument;
    struct probe *next = probe + 1;

    if (next == nest->probes + NESTED)
        return;
    if (next->calls != 0)
        atomic_fetch_add(&nest->wrong, 1);
    nng_sleep_aio(nest->with % 2, next->aio);
    wait_with(next->aio, nest->with / 2);
    if (atomic_load(&next->returned) != 1)
        atomic_fetch_add(&nest->wrong, 1);
}

START_TEST(a_callback_waits_for_others_many_deep)
{
    static struct nest nest;

    nest.with = _i;
    atomic_store(&nest.wrong, 0);
    for (int i = 0; i < NESTED; i++)
        probe_open(&nest.probes[i], nest_deeper, &nest);
    nng_sleep_aio(0, nest.probes[0].aio);
    nng_aio_wait(nest.probes[0].aio);
    for (int i = 0; i < NESTED; i++) {
        ck_assert_int_eq(atomic_load(&nest.probes[i].returned), 1);
        ck_assert(!atomic_load(&nest.probes[i].overlaps));
        if (i == 0 || _i / 2 != WITH_FREE)
            probe_close(&nest.probes[i], 1);
    }
    ck_assert_int_eq(atomic_load(&nest.wrong), 0);
}
END_TEST

/* ---- operations that the program provides ---- */

struct provider {
    pthread_mutex_t lock;
    nng_aio *owned; /* to be finished by whoever takes it */
    atomic_int cancels;
    atomic_int error;
    atomic_int *gate; /* the cancel function waits for it; NULL: it does not */
    atomic_int inside;
};

static bool provider_finish(struct provider *provider, int result)
{
    nng_aio *aio;

    pthread_mutex_lock(&provider->lock);
    aio = provider->owned;
    provider->owned = NULL;
    pthread_mutex_unlock(&provider->lock);
    if (aio != NULL)
        nng_aio_finish(aio, result);
    return aio != NULL;
}

static void provider_cancel(nng_aio *aio, void *argument, int error)
{
    struct provider *provider = argument;

    (void)aio;
    atomic_store(&provider->error, error);
    atomic_fetch_add(&provider->cancels, 1);
    atomic_store(&provider->inside, 1);
    while (provider->gate != NULL && atomic_load(provider->gate) == 0)
        mode_pause(1);
    (void)provider_finish(provider, error);
    atomic_store(&provider->inside, 0);
}

static void provider_init(struct provider *provider)
{
    memset(provider, 0, sizeof(*provider));
    pthread_mutex_init(&provider->lock, NULL);
}

static bool provider_begin(struct provider *provider, nng_aio *aio)
{
    provider->owned = aio;
    return nng_aio_begin(aio);
}

static bool provider_was_asked(void *argument)
{
    return atomic_load(&((struct provider *)argument)->cancels) > 0;
}

START_TEST(a_provider_is_asked_once)
{
    struct provider provider;
    struct probe probe;

    provider_init(&provider);
    probe_open(&probe, NULL, NULL);
    ck_assert(provider_begin(&provider, probe.aio));
    nng_aio_defer(probe.aio, provider_cancel, &provider);
    nng_aio_abort(probe.aio, NNG_ECONNABORTED);
    nng_aio_cancel(probe.aio);
    nng_aio_abort(probe.aio, NNG_EINTR);
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, NNG_ECONNABORTED);
    nng_aio_wait(probe.aio);
    ck_assert_int_eq(atomic_load(&provider.cancels), 1);
    /* What ended is not asked for again, and what began anew not for the old. */
    nng_aio_cancel(probe.aio);
    ck_assert(provider_begin(&provider, probe.aio));
    nng_aio_defer(probe.aio, provider_cancel, &provider);
    ck_assert(provider_finish(&provider, 0));
    nng_aio_cancel(probe.aio);
    probe_await(&probe, 2);
    ck_assert_int_eq(probe.result, 0);
    ck_assert_int_eq(atomic_load(&provider.cancels), 1);
    probe_close(&probe, 2);
    ck_assert_int_eq(atomic_load(&provider.cancels), 1);
}
END_TEST

/* An end that was asked for before there was anyone to ask. */
START_TEST(a_provider_is_asked_as_soon_as_it_can_be)
{
    struct provider provider;
    struct probe probe;

    provider_init(&provider);
    probe_open(&probe, NULL, NULL);
    if (_i == 0)
        nng_aio_set_timeout(probe.aio, NNG_DURATION_ZERO);
    ck_assert(provider_begin(&provider, probe.aio));
    if (_i != 0)
        nng_aio_abort(probe.aio, NNG_ETIMEDOUT);
    ck_assert_int_eq(atomic_load(&probe.calls), 0);
    nng_aio_defer(probe.aio, provider_cancel, &provider);
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, NNG_ETIMEDOUT);
    ck_assert_int_eq(atomic_load(&provider.cancels), 1);
    probe_close(&probe, 1);
}
END_TEST

/* Who cannot be asked finishes in its own time, and so does one that does not care. */
START_TEST(a_provider_need_not_be_asked)
{
    struct provider provider;
    struct waiting waiting = {.with = WITH_STOP};
    struct probe probe;
    pthread_t thread;

    provider_init(&provider);
    probe_open(&probe, NULL, NULL);
    waiting.aio = probe.aio;
    ck_assert(provider_begin(&provider, probe.aio));
    if (_i == 1)
        nng_aio_defer(probe.aio, NULL, NULL);
    pthread_create(&thread, NULL, waiting_main, &waiting);
    ck_assert(link_wait(waiting_sleeps, &waiting));
    ck_assert_int_eq(atomic_load(&probe.calls), 0);
    ck_assert(provider_finish(&provider, 0));
    pthread_join(thread, NULL);
    ck_assert_int_eq(probe.result, 0);
    probe_close(&probe, 1);
}
END_TEST

/* The operation ends while the cancel function runs: wait, stop and free see it out. */
START_TEST(waiting_sees_the_cancel_function_out)
{
    atomic_int gate = 0;
    bool called_back = _i < WITHS;
    struct waiting waiting = {.with = _i % WITHS};
    struct provider provider;
    pthread_t thread;
    nng_aio *aio;
    struct probe probe;

    provider_init(&provider);
    provider.gate = &gate;
    if (called_back)
        probe_open(&probe, NULL, NULL);
    else
        ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    waiting.aio = called_back ? probe.aio : aio;
    ck_assert(provider_begin(&provider, waiting.aio));
    nng_aio_defer(waiting.aio, provider_cancel, &provider);
    nng_aio_cancel(waiting.aio);
    ck_assert(link_wait(provider_was_asked, &provider));
    pthread_create(&thread, NULL, waiting_main, &waiting);
    ck_assert(link_wait(waiting_sleeps, &waiting));
    ck_assert(provider_finish(&provider, 0));
    ck_assert(link_wait(waiting_sleeps, &waiting));
    ck_assert_int_eq(atomic_load(&waiting.over), 0);
    if (called_back) /* not at once with the cancel function */
        ck_assert_int_eq(atomic_load(&probe.calls), 0);
    atomic_store(&gate, 1);
    pthread_join(thread, NULL);
    ck_assert_int_eq(atomic_load(&provider.inside), 0);
    if (waiting.with == WITH_FREE)
        return;
    ck_assert_int_eq(nng_aio_result(waiting.aio), 0);
    if (called_back)
        probe_close(&probe, 1);
    else
        nng_aio_free(waiting.aio);
}
END_TEST

/* Inside the cancel function it may be freed and reaped, too. */
static void cancel_and_free(nng_aio *aio, void *argument, int error)
{
    int with = *(int *)argument;

    if (with == 0)
        nng_aio_free(aio);
    else if (with == 1)
        nng_aio_reap(aio);
    else if (with == 2)
        nng_aio_stop(aio);
    else
        nng_aio_wait(aio);
    nng_aio_finish(aio, error);
}

START_TEST(a_cancel_function_may_free_the_aio)
{
    struct probe probe;

    probe_open(&probe, NULL, NULL);
    ck_assert(nng_aio_begin(probe.aio));
    nng_aio_defer(probe.aio, cancel_and_free, &_i);
    nng_aio_cancel(probe.aio);
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, NNG_ECANCELED);
    if (_i > 1)
        probe_close(&probe, 1);
}
END_TEST

START_TEST(finishing_nothing_is_nothing)
{
    struct provider provider;
    struct probe probe;

    provider_init(&provider);
    probe_open(&probe, NULL, NULL);
    nng_aio_finish(probe.aio, 0);
    nng_aio_defer(probe.aio, provider_cancel, &provider);
    nng_aio_cancel(probe.aio);
    ck_assert(nng_aio_begin(probe.aio));
    nng_aio_finish(probe.aio, NNG_EBUSY);
    nng_aio_finish(probe.aio, 0);
    probe_await(&probe, 1);
    ck_assert_int_eq(probe.result, NNG_EBUSY);
    probe_close(&probe, 1);
    ck_assert_int_eq(atomic_load(&provider.cancels), 0);
}
END_TEST

/* ---- without memory ---- */

enum { SHORTAGE_MS = 300 };

/* An exchange by aios, the first error ends it; each operation that was begun has its callback. */
static int exchange_without_memory(struct probe *ask, struct probe *answer, nng_socket req,
                                   nng_socket rep)
{
    int rv;

    nng_aio_set_timeout(ask->aio, SHORTAGE_MS);
    nng_aio_set_timeout(answer->aio, SHORTAGE_MS);
    nng_recv_aio(rep, answer->aio);
    rv = nng_msg_alloc(&ask->msg, 100);
    if (rv == 0) {
        nng_aio_set_msg(ask->aio, ask->msg);
        nng_send_aio(req, ask->aio);
        probe_await(ask, 1);
        rv = ask->result;
        if (rv != 0)
            nng_msg_free(ask->msg);
    }
    if (rv != 0)
        nng_aio_cancel(answer->aio);
    probe_await(answer, 1);
    if (answer->result == 0)
        nng_msg_free(answer->msg);
    return rv != 0 ? rv : answer->result;
}

static int receive_without_memory(nng_socket rep, nng_socket req)
{
    nng_aio *aio;
    nng_msg *msg;
    int rv = nng_aio_alloc(&aio, NULL, NULL);

    if (rv != 0)
        return rv;
    nng_aio_set_timeout(aio, SHORTAGE_MS);
    nng_recv_aio(rep, aio);
    rv = nng_msg_alloc(&msg, 100);
    if (rv == 0) {
        rv = nng_sendmsg(req, msg, 0);
        if (rv != 0)
            nng_msg_free(msg);
    }
    if (rv != 0)
        nng_aio_cancel(aio);
    nng_aio_wait(aio);
    if (nng_aio_result(aio) == 0)
        nng_msg_free(nng_aio_get_msg(aio));
    if (rv == 0)
        rv = nng_aio_result(aio);
    nng_aio_free(aio);
    return rv;
}

static int life_without_memory(const char *url)
{
    nng_socket rep;
    nng_socket req;
    nng_aio *aio;
    int rv = nng_aio_alloc(&aio, NULL, NULL);

    if (rv != 0)
        return rv;
    nng_sleep_aio(0, aio);
    nng_aio_wait(aio);
    ck_assert_int_eq(nng_aio_result(aio), 0);
    rv = nng_rep0_open(&rep);
    if (rv != 0)
        goto free_aio;
    rv = nng_req0_open(&req);
    if (rv != 0)
        goto close_rep;
    (void)nng_socket_set_ms(req, NNG_OPT_RECONNMINT, 2);
    rv = nng_listen(rep, url, NULL, 0);
    if (rv == 0)
        rv = nng_dial(req, url, NULL, 0);
    if (rv == 0)
        rv = receive_without_memory(rep, req);
    ck_assert_int_eq(nng_close(req), 0);
close_rep:
    ck_assert_int_eq(nng_close(rep), 0);
free_aio:
    nng_aio_free(aio);
    return rv;
}

static bool nothing_lives(void *argument)
{
    return fail_alloc_live_blocks() == 0 && link_holdings_are(argument);
}

START_TEST(every_shortage_of_memory_is_survived)
{
    struct link_holdings before = link_holdings();
    int failed = 0;

    for (size_t n = 1;; n++) {
        char url[LINK_URL_BYTES];
        bool reached;
        int rv;

        link_url((enum link_kind)_i, url);
        fail_alloc_install(n);
        rv = life_without_memory(url);
        ck_assert_msg(link_wait(nothing_lives, &before), "the %zuth: %zu blocks left", n,
                      fail_alloc_live_blocks());
        reached = fail_alloc_calls() >= n;
        fail_alloc_finish();
        ck_assert_msg(rv == 0 || reached, "the %zuth: %s", n, nng_strerror(rv));
        if (!reached)
            break;
        failed += rv != 0 ? 1 : 0;
    }
    ck_assert_int_gt(failed, 3);
}
END_TEST

/* The operations themselves, everything else being there. */
START_TEST(an_exchange_without_memory_ends)
{
    for (size_t n = 1;; n++) {
        char url[LINK_URL_BYTES];
        struct probe ask;
        struct probe answer;
        nng_socket rep;
        nng_socket req;
        bool reached;
        int rv;

        link_url((enum link_kind)_i, url);
        fail_alloc_install(0);
        rep = link_rep(url);
        req = link_req(url);
        ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_REQ_RESENDTIME, 20), 0);
        probe_open(&ask, NULL, NULL);
        probe_open(&answer, NULL, NULL);
        fail_alloc_at(n);
        rv = exchange_without_memory(&ask, &answer, req, rep);
        reached = fail_alloc_calls() >= n;
        fail_alloc_at(0);
        ck_assert(rv == 0 || rv == NNG_ENOMEM || rv == NNG_ETIMEDOUT);
        ck_assert(rv == 0 || reached);
        probe_close(&ask, atomic_load(&ask.calls));
        probe_close(&answer, 1);
        ck_assert_int_eq(nng_close(req), 0);
        ck_assert_int_eq(nng_close(rep), 0);
        {
            struct link_holdings nothing = link_holdings();

            ck_assert(link_wait(nothing_lives, &nothing));
        }
        fail_alloc_finish();
        if (!reached)
            break;
    }
}
END_TEST

static void wait_for_other(struct probe *probe)
{
    struct probe *other = probe->argument;

    nng_sleep_aio(0, other->aio);
    fail_alloc_at(1); /* the thread that would run its callback */
    nng_aio_wait(other->aio);
}

START_TEST(a_wait_in_a_callback_needs_no_memory)
{
    struct probe probe;
    struct probe other;

    fail_alloc_install(0);
    probe_open(&other, NULL, NULL);
    probe_open(&probe, wait_for_other, &other);
    nng_sleep_aio(0, probe.aio);
    probe_await(&probe, 1);
    if (mode_watched())
        ck_assert_uint_ge(fail_alloc_calls(), 1);
    fail_alloc_at(0);
    probe_close(&probe, 1);
    probe_close(&other, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("aio");
    SRunner *runner;
    TCase *tc;
    int failed;

    tc = tcase_create("ends");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, an_operation_ends_once_and_gives_its_message_back, 0,
                        OPERATIONS * ENDINGS);
    tcase_add_loop_test(tc, without_a_callback_the_end_is_waited_for, 0, OPERATIONS * ENDINGS);
    tcase_add_loop_test(tc, messages_change_hands, 0, LINK_INPROC + 1);
    tcase_add_test(tc, errors_come_by_the_callback);
    tcase_add_test(tc, two_at_once_are_one_too_many);
    tcase_add_test(tc, beginning_clears_what_the_last_one_left);
    tcase_add_test(tc, values_have_limits);
    suite_add_tcase(suite, tc);

    tc = tcase_create("time");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_test(tc, a_sleep_lasts_as_long_as_it_should);
    tcase_add_test(tc, a_timeout_that_is_noticed_late_is_a_timeout);
    tcase_add_test(tc, an_expiry_counts_once_and_a_timeout_for_ever);
    suite_add_tcase(suite, tc);

    tc = tcase_create("callbacks, waiting");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_test(tc, a_callback_begins_the_next_operation_100000_times);
    tcase_add_loop_test(tc, a_server_of_one_callback_serves, 0, LINK_INPROC + 1);
    tcase_add_test(tc, waiting_for_nothing_returns);
    tcase_add_loop_test(tc, waiting_lasts_until_the_callback_has_returned, 0, WITHS);
    tcase_add_loop_test(tc, what_is_stopped_stays_so, 0, 2);
    tcase_add_test(tc, a_stop_ends_a_callback_that_always_begins_again);
    tcase_add_loop_test(tc, an_aios_own_callback_may_end_it, 0, INSIDES);
    tcase_add_loop_test(tc, a_callback_waits_for_others_many_deep, 0, 2 * WITHS);
    suite_add_tcase(suite, tc);

    tc = tcase_create("providers");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_test(tc, a_provider_is_asked_once);
    tcase_add_loop_test(tc, a_provider_is_asked_as_soon_as_it_can_be, 0, 2);
    tcase_add_loop_test(tc, a_provider_need_not_be_asked, 0, 2);
    tcase_add_loop_test(tc, waiting_sees_the_cancel_function_out, 0, 2 * WITHS);
    tcase_add_loop_test(tc, a_cancel_function_may_free_the_aio, 0, 4);
    tcase_add_test(tc, finishing_nothing_is_nothing);
    suite_add_tcase(suite, tc);

    tc = tcase_create("memory");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, every_shortage_of_memory_is_survived, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, an_exchange_without_memory_ends, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_wait_in_a_callback_needs_no_memory);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
