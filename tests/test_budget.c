/*
 * The receive budget: what bare peers send and promise never takes more memory than it says, it ends
 * when the program has the message, and good clients are served all the while.
 */
#include <spry.h>

#include "budget.h"
#include "host.h"
#include "link.h"
#include "raw_peer.h"

#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { KIB = 1 << 10 };

/* Beside messages of peers: replies of the program's, what a closed pipe leaves for its callback. */
enum { OTHER_BYTES = 16 * KIB };

/* ---- an allocator that knows how much was out at most ---- */

static atomic_size_t live;
static atomic_size_t peak;

static void count(size_t bytes)
{
    size_t now = atomic_fetch_add(&live, bytes) + bytes;
    size_t most = atomic_load(&peak);

    while (now > most && !atomic_compare_exchange_weak(&peak, &most, now)) {
    }
}

static void *counting_alloc(void *user, size_t size)
{
    ck_assert_ptr_eq(user, &live);
    count(size);
    return malloc(size);
}

static void *counting_realloc(void *user, void *block, size_t old_size, size_t new_size)
{
    ck_assert_ptr_eq(user, &live);
    count(new_size); /* both are there while it copies */
    atomic_fetch_sub(&live, old_size);
    return realloc(block, new_size);
}

static void counting_free(void *user, void *block, size_t size)
{
    ck_assert_ptr_eq(user, &live);
    atomic_fetch_sub(&live, size);
    free(block);
}

static bool library_takes(void *options)
{
    return spry_init(options) == 0;
}

static void begin(size_t budget)
{
    static const spry_allocator counting = {counting_alloc, counting_realloc, counting_free, &live};
    spry_options options = SPRY_OPTIONS_INITIALIZER;

    atomic_store(&live, 0);
    options.allocator = &counting;
    options.receive_budget = budget;
    ck_assert(link_wait(library_takes, &options));
}

/* The most that may be out beside `base` while `peers` send. */
static size_t bound(size_t base, size_t budget, size_t peers)
{
    return base + budget + OTHER_BYTES + peers * host_bytes_while_read();
}

static void end(void)
{
    ck_assert(link_wait(library_takes, NULL));
    ck_assert_uint_eq(atomic_load(&live), 0);
}

/* What is out now is not the peers'. */
static size_t peak_begin(void)
{
    size_t now = atomic_load(&live);

    atomic_store(&peak, now);
    return now;
}

/* ---- listeners and what they count ---- */

static struct link_events events;

static uint64_t listener_value(nng_listener listener, const char *name)
{
    nng_stat *root;
    uint64_t value;

    ck_assert_int_eq(nng_stats_get(&root), 0);
    value = nng_stat_value(nng_stat_find(nng_stat_find_listener(root, listener), name));
    nng_stats_free(root);
    return value;
}

static void greet_all(struct raw_peer *peers, size_t count, const char *url, uint16_t self,
                      uint16_t other)
{
    for (size_t i = 0; i < count; i++) {
        peers[i] = raw_connect(url);
        raw_greet(&peers[i], self, other);
    }
    link_await(&events, NNG_PIPE_EV_ADD_POST, count);
}

static void close_all(struct raw_peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        raw_close(&peers[i]);
    link_await(&events, NNG_PIPE_EV_REM_POST, count);
}

static void try_message(const struct raw_peer *peer, uint64_t promised, const void *data,
                        size_t bytes)
{
    uint8_t head[9];

    if (raw_try_send(peer, head, raw_head(peer, promised, head)))
        (void)raw_try_send(peer, data, bytes);
}

/* ---- the number ---- */

START_TEST(the_last_eighth_is_for_small_blocks)
{
    enum { BUDGET = 80000, LARGE = 70000 };

    spry_budget_set(BUDGET);
    ck_assert(!spry_budget_take(LARGE + 1));
    ck_assert(!spry_budget_take(SIZE_MAX));
    ck_assert(spry_budget_take(LARGE));
    ck_assert(!spry_budget_take(4096));
    for (int i = 0; i < 10; i++)
        ck_assert(spry_budget_take(1000));
    ck_assert(!spry_budget_take(1));
    spry_budget_give(1);
    ck_assert(spry_budget_take(1));
    spry_budget_give(BUDGET);
    spry_budget_set(0);
}
END_TEST

/* ---- promises ---- */

static void ask(nng_socket req)
{
    char answer[8];
    size_t bytes = sizeof(answer);

    ck_assert_int_eq(link_send(req, "ask", 4, 0), 0);
    ck_assert_int_eq(nng_recv(req, answer, &bytes, 0), 0);
    ck_assert_str_eq(answer, "ask");
}

/* At each number of stalled peers the one good client has its answer, and so has a new one at the end. */
START_TEST(stalled_bodies_stay_within_the_budget)
{
    enum { BUDGET = 256 * KIB, PEERS = 40, SENT = 30000, PROMISED = 1 << 20 };
    static uint8_t body[SENT];
    struct raw_peer peers[PEERS];
    char url[LINK_URL_BYTES];
    nng_listener listener;
    nng_socket rep, req, other;
    pthread_t echo;
    size_t base;

    begin(BUDGET);
    link_url((enum link_kind)_i, url);
    rep = link_open_rep();
    link_record(&events, rep);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    base = atomic_load(&live);
    greet_all(peers, PEERS, url, RAW_REQ, RAW_REP);
    ck_assert_uint_ge(atomic_load(&live), base + PEERS * 300); /* connections are in it, no slabs */
    echo = link_echo(&rep);
    req = link_req(url);
    ask(req);
    base = peak_begin();
    memset(body, 0x80, sizeof(body));
    for (int i = 0; i < PEERS; i++) {
        try_message(&peers[i], PROMISED, body, sizeof(body));
        ask(req);
    }
    link_await(&events, NNG_PIPE_EV_REM_POST, PEERS / 2);
    ck_assert_uint_le(atomic_load(&peak), bound(base, BUDGET, PEERS));
    ck_assert_uint_gt(atomic_load(&peak), base + BUDGET / 2); /* they did take what there was */
    ck_assert_uint_lt(link_count(&events, NNG_PIPE_EV_REM_POST), PEERS);
    ck_assert_uint_ge(listener_value(listener, "oom"), PEERS / 2);
    other = link_req(url);
    ask(other);
    ask(req);
    close_all(peers, PEERS);

    /* All was given back: a message goes through that needs nearly all there is, again and again. */
    for (int i = 0; i < 5; i++) {
        static char large[100 * KIB];
        size_t bytes = sizeof(large);

        ck_assert_int_eq(link_send(req, large, sizeof(large), 0), 0);
        ck_assert_int_eq(nng_recv(req, large, &bytes, 0), 0);
        ck_assert_uint_eq(bytes, sizeof(large));
    }
    ck_assert_int_eq(nng_close(other), 0);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    pthread_join(echo, NULL);
    end();
}
END_TEST

/* ---- what waits for the program ---- */

START_TEST(small_messages_in_a_receive_buffer_count_with_all_they_take)
{
    enum { BUDGET = 64 * KIB, MESSAGES = 2000 };
    struct raw_peer peer;
    char url[LINK_URL_BYTES];
    nng_listener listener;
    nng_socket pair;
    nng_msg *msg;
    size_t base;
    size_t parked = 0;

    begin(BUDGET);
    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_pair1_open(&pair), 0);
    ck_assert_int_eq(nng_socket_set_int(pair, NNG_OPT_RECVBUF, 8192), 0);
    link_record(&events, pair);
    ck_assert_int_eq(nng_listen(pair, url, &listener, 0), 0);
    greet_all(&peer, 1, url, RAW_PAIR1, RAW_PAIR1);
    base = peak_begin();
    for (int i = 0; i < MESSAGES; i++)
        try_message(&peer, 4, "\0\0\0\1", 4);
    link_await(&events, NNG_PIPE_EV_REM_POST, 1);
    ck_assert_uint_le(atomic_load(&peak), bound(base, BUDGET, 1));
    ck_assert_uint_eq(listener_value(listener, "oom"), 1);
    while (nng_recvmsg(pair, &msg, NNG_FLAG_NONBLOCK) == 0) {
        nng_msg_free(msg);
        parked++;
    }
    ck_assert_uint_ge(parked, BUDGET / 256);
    ck_assert_uint_le(parked, BUDGET / 128);
    raw_close(&peer);
    peer = raw_connect(url);
    raw_greet(&peer, RAW_PAIR1, RAW_PAIR1);
    raw_send_frame(&peer, "\0\0\0\1y", 5);
    ck_assert_int_eq(nng_socket_set_ms(pair, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_recvmsg(pair, &msg, 0), 0);
    ck_assert_uint_eq(nng_msg_len(msg), 1);
    nng_msg_free(msg);
    raw_close(&peer);
    ck_assert_int_eq(nng_close(pair), 0);
    end();
}
END_TEST

START_TEST(messages_parked_by_many_peers_count)
{
    enum { BUDGET = 256 * KIB, PEERS = 30, BODY = 20000 };
    static uint8_t body[BODY];
    struct raw_peer peers[PEERS];
    char url[LINK_URL_BYTES];
    nng_listener listener;
    nng_socket rep;
    nng_msg *msg;
    size_t base;
    size_t parked = 0;

    begin(BUDGET);
    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_rep0_open_raw(&rep), 0);
    link_record(&events, rep);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    greet_all(peers, PEERS, url, RAW_REQ, RAW_REP);
    base = peak_begin();
    memset(body, 0x80, sizeof(body));
    for (int i = 0; i < PEERS; i++)
        try_message(&peers[i], BODY, body, BODY);
    link_await(&events, NNG_PIPE_EV_REM_POST, PEERS - BUDGET / BODY);
    ck_assert_uint_le(atomic_load(&peak), bound(base, BUDGET, PEERS));
    ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    while (parked + link_count(&events, NNG_PIPE_EV_REM_POST) < PEERS) {
        ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
        ck_assert_uint_eq(nng_msg_len(msg), BODY - 4);
        nng_msg_free(msg);
        parked++;
    }
    ck_assert_uint_ge(parked, 3);
    ck_assert_uint_le(atomic_load(&peak), bound(base, BUDGET, PEERS));
    close_all(peers, PEERS);
    ck_assert_int_eq(nng_close(rep), 0);
    end();
}
END_TEST

/* ---- where the charge ends ---- */

/* The program keeps ten times the budget, received by a call, into a buffer, or by an aio: `_i`. */
START_TEST(what_the_program_has_is_not_charged)
{
    enum { BUDGET = 64 * KIB, MESSAGES = 40, BODY = 16000 };
    static nng_msg *kept[MESSAGES];
    static char body[BODY];
    char url[LINK_URL_BYTES];
    nng_listener listener;
    nng_socket from, to;
    nng_aio *aio;

    begin(BUDGET);
    link_url(LINK_TCP, url);
    ck_assert_int_eq(nng_pair1_open(&from), 0);
    ck_assert_int_eq(nng_pair1_open(&to), 0);
    ck_assert_int_eq(nng_socket_set_ms(to, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(from, NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_listen(to, url, &listener, 0), 0);
    ck_assert_int_eq(nng_dial(from, url, NULL, 0), 0);
    ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    for (int i = 0; i < MESSAGES; i++) {
        size_t bytes = sizeof(body);
        void *block;

        ck_assert_int_eq(nng_send(from, body, sizeof(body), 0), 0);
        if (_i == 0) {
            ck_assert_int_eq(nng_recvmsg(to, &kept[i], 0), 0);
        } else if (_i == 1) {
            ck_assert_int_eq(nng_recv(to, (void *)&block, &bytes, NNG_FLAG_ALLOC), 0);
            ck_assert_int_eq(nng_msg_alloc(&kept[i], bytes), 0);
            nng_free(block, bytes);
        } else {
            nng_recv_aio(to, aio);
            nng_aio_wait(aio);
            ck_assert_int_eq(nng_aio_result(aio), 0);
            kept[i] = nng_aio_get_msg(aio);
        }
        ck_assert_uint_eq(nng_msg_len(kept[i]), BODY);
    }
    ck_assert_uint_eq(listener_value(listener, "oom"), 0);
    ck_assert_uint_eq(listener_value(listener, "accept"), 1);
    for (int i = 0; i < MESSAGES; i++)
        nng_msg_free(kept[i]);
    nng_aio_free(aio);
    ck_assert_int_eq(nng_close(from), 0);
    ck_assert_int_eq(nng_close(to), 0);
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("budget");
    TCase *tc = tcase_create("budget");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, the_last_eighth_is_for_small_blocks);
    tcase_add_loop_test(tc, stalled_bodies_stay_within_the_budget, 0, LINK_RAW);
    tcase_add_loop_test(tc, small_messages_in_a_receive_buffer_count_with_all_they_take, 0,
                        LINK_RAW);
    tcase_add_loop_test(tc, messages_parked_by_many_peers_count, 0, LINK_RAW);
    tcase_add_loop_test(tc, what_the_program_has_is_not_charged, 0, 3);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
