/* Statistics: what is counted, and the snapshot of it. */
#include <nng/nng.h>
#include <nng/protocol/pair1/pair.h>

#include "endpoint.h"
#include "fail_alloc.h"
#include "link.h"
#include "loop.h"
#include "raw_peer.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static nng_stat *snapshot(void)
{
    nng_stat *root = NULL;

    ck_assert_int_eq(nng_stats_get(&root), 0);
    ck_assert_ptr_nonnull(root);
    return root;
}

static nng_stat *child(nng_stat *scope, const char *name)
{
    ck_assert_ptr_nonnull(scope);
    for (nng_stat *stat = nng_stat_child(scope); stat != NULL; stat = nng_stat_next(stat)) {
        if (strcmp(nng_stat_name(stat), name) == 0)
            return stat;
    }
    ck_abort_msg("no %s", name);
    return NULL;
}

static uint64_t value(nng_stat *scope, const char *name)
{
    return nng_stat_value(child(scope, name));
}

/* The first pipe of a socket, NULL: it has none. */
static nng_stat *pipe_of(nng_stat *root, nng_socket socket)
{
    for (nng_stat *stat = nng_stat_child(root); stat != NULL; stat = nng_stat_next(stat)) {
        if (strcmp(nng_stat_name(stat), "pipe") == 0 && value(stat, "socket") == socket.id)
            return stat;
    }
    return NULL;
}

static uint64_t socket_now(nng_socket socket, const char *name)
{
    nng_stat *root = snapshot();
    uint64_t now = value(nng_stat_find_socket(root, socket), name);

    nng_stats_free(root);
    return now;
}

/* A count of a dialer or listener, for link_wait. */
struct expected {
    nng_dialer dialer;
    nng_listener listener;
    const char *name;
    uint64_t count; /* or more */
};

static bool counted(void *argument)
{
    const struct expected *expected = argument;
    nng_stat *root = snapshot();
    nng_stat *scope = expected->dialer.id != 0 ? nng_stat_find_dialer(root, expected->dialer)
                                               : nng_stat_find_listener(root, expected->listener);
    bool reached = value(scope, expected->name) >= expected->count;

    nng_stats_free(root);
    return reached;
}

static void await_dialer(nng_dialer dialer, const char *name, uint64_t count)
{
    struct expected expected = {.dialer = dialer, .name = name, .count = count};

    ck_assert_msg(link_wait(counted, &expected), "%s stays below", name);
}

static void await_listener(nng_listener listener, const char *name, uint64_t count)
{
    struct expected expected = {.listener = listener, .name = name, .count = count};

    ck_assert_msg(link_wait(counted, &expected), "%s stays below", name);
}

/* A pair of sockets that are connected. */
struct both {
    char url[LINK_URL_BYTES];
    nng_socket rep, req;
    nng_listener listener;
    nng_dialer dialer;
};

static void connect_both(struct both *both, int kind)
{
    link_url((enum link_kind)kind, both->url);
    both->rep = link_open_rep();
    both->req = link_open_req();
    ck_assert_int_eq(nng_listen(both->rep, both->url, &both->listener, 0), 0);
    ck_assert_int_eq(nng_dial(both->req, both->url, &both->dialer, 0), 0);
    await_listener(both->listener, "pipes", 1);
    await_dialer(both->dialer, "pipes", 1);
}

static void close_both(struct both *both)
{
    nng_close(both->req);
    nng_close(both->rep);
}

/* ---- the tree ---- */

struct row {
    const char *name;
    int type, unit;
};

static void expect_rows(nng_stat *scope, const char *name, const struct row *rows)
{
    nng_stat *stat = nng_stat_child(scope);

    ck_assert_ptr_nonnull(scope);
    ck_assert_str_eq(nng_stat_name(scope), name);
    ck_assert_int_eq(nng_stat_type(scope), NNG_STAT_SCOPE);
    for (; rows->name != NULL; rows++, stat = nng_stat_next(stat)) {
        ck_assert_ptr_nonnull(stat);
        ck_assert_str_eq(nng_stat_name(stat), rows->name);
        ck_assert_int_eq(nng_stat_type(stat), rows->type);
        ck_assert_int_eq(nng_stat_unit(stat), rows->unit);
        ck_assert_int_gt((int)strlen(nng_stat_desc(stat)), 0);
        ck_assert_ptr_null(nng_stat_child(stat));
    }
    ck_assert_ptr_null(stat);
}

// clang-format off
#define SOCKET_ROWS                                                                                \
    {"id", NNG_STAT_ID, NNG_UNIT_NONE},                                                            \
    {"name", NNG_STAT_STRING, NNG_UNIT_NONE},                                                      \
    {"protocol", NNG_STAT_STRING, NNG_UNIT_NONE},                                                  \
    {"dialers", NNG_STAT_LEVEL, NNG_UNIT_NONE},                                                    \
    {"listeners", NNG_STAT_LEVEL, NNG_UNIT_NONE},                                                  \
    {"pipes", NNG_STAT_LEVEL, NNG_UNIT_NONE},                                                      \
    {"reject", NNG_STAT_COUNTER, NNG_UNIT_NONE},                                                   \
    {"tx_msgs", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},                                              \
    {"rx_msgs", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},                                              \
    {"tx_bytes", NNG_STAT_COUNTER, NNG_UNIT_BYTES},                                                \
    {"rx_bytes", NNG_STAT_COUNTER, NNG_UNIT_BYTES}
// clang-format on

static const struct row socket_rows[] = {SOCKET_ROWS, {NULL, 0, 0}};

static const struct row pair1_rows[] = {SOCKET_ROWS,
                                        {"poly", NNG_STAT_BOOLEAN, NNG_UNIT_NONE},
                                        {"raw", NNG_STAT_BOOLEAN, NNG_UNIT_NONE},
                                        {"mismatch", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                        {"already", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                        {"ttl_drop", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
                                        {"tx_drop", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
                                        {"rx_malformed", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
                                        {"tx_malformed", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
                                        {NULL, 0, 0}};

static const struct row dialer_rows[] = {{"id", NNG_STAT_ID, NNG_UNIT_NONE},
                                         {"socket", NNG_STAT_ID, NNG_UNIT_NONE},
                                         {"url", NNG_STAT_STRING, NNG_UNIT_NONE},
                                         {"pipes", NNG_STAT_LEVEL, NNG_UNIT_NONE},
                                         {"connect", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"refused", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"disconnect", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"canceled", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"other", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"timeout", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"proto", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"auth", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"oom", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"reject", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                         {"rcv_max", NNG_STAT_LEVEL, NNG_UNIT_BYTES},
                                         {NULL, 0, 0}};

static const struct row listener_rows[] = {{"id", NNG_STAT_ID, NNG_UNIT_NONE},
                                           {"socket", NNG_STAT_ID, NNG_UNIT_NONE},
                                           {"url", NNG_STAT_STRING, NNG_UNIT_NONE},
                                           {"pipes", NNG_STAT_LEVEL, NNG_UNIT_NONE},
                                           {"accept", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"disconnect", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"canceled", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"other", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"timeout", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"proto", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"auth", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"oom", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"reject", NNG_STAT_COUNTER, NNG_UNIT_NONE},
                                           {"rcv_max", NNG_STAT_LEVEL, NNG_UNIT_BYTES},
                                           {NULL, 0, 0}};

#define PIPE_ROWS(endpoint)                                                                        \
    {                                                                                              \
        {"id", NNG_STAT_ID, NNG_UNIT_NONE}, {"socket", NNG_STAT_ID, NNG_UNIT_NONE},                \
            {"rx_msgs", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},                                      \
            {"tx_msgs", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},                                      \
            {"rx_bytes", NNG_STAT_COUNTER, NNG_UNIT_BYTES},                                        \
            {"tx_bytes", NNG_STAT_COUNTER, NNG_UNIT_BYTES},                                        \
            {endpoint, NNG_STAT_ID, NNG_UNIT_NONE},                                                \
        {                                                                                          \
            NULL, 0, 0                                                                             \
        }                                                                                          \
    }

static const struct row dialed_rows[] = PIPE_ROWS("dialer");
static const struct row accepted_rows[] = PIPE_ROWS("listener");

START_TEST(without_a_socket_the_root_is_alone)
{
    nng_stat *root = snapshot();

    ck_assert_str_eq(nng_stat_name(root), "");
    ck_assert_int_eq(nng_stat_type(root), NNG_STAT_SCOPE);
    ck_assert_ptr_null(nng_stat_child(root));
    ck_assert_ptr_null(nng_stat_next(root));
    nng_stats_dump(root);
    nng_stats_free(root);
    nng_stats_free(NULL);
}
END_TEST

START_TEST(each_object_has_its_scope)
{
    struct both both;
    nng_time before = nng_clock();
    nng_stat *root, *stat;

    connect_both(&both, LINK_INPROC);
    ck_assert_int_eq(nng_socket_set_string(both.rep, NNG_OPT_SOCKNAME, "the name"), 0);
    ck_assert_int_eq(nng_dialer_set_size(both.dialer, NNG_OPT_RECVMAXSZ, 777), 0);
    root = snapshot();
    ck_assert_uint_ge(nng_stat_timestamp(root), before);
    ck_assert_uint_le(nng_stat_timestamp(root), nng_clock());
    stat = nng_stat_child(root);
    expect_rows(stat, "socket", socket_rows);
    ck_assert_uint_eq(nng_stat_value(stat), both.rep.id);
    ck_assert_uint_eq(value(stat, "id"), both.rep.id);
    ck_assert_str_eq(nng_stat_string(child(stat, "name")), "the name");
    ck_assert_uint_eq(value(stat, "name"), 0);
    ck_assert_str_eq(nng_stat_string(child(stat, "protocol")), "rep");
    ck_assert_str_eq(nng_stat_string(child(stat, "id")), "");
    ck_assert_uint_eq(value(stat, "dialers"), 0);
    ck_assert_uint_eq(value(stat, "listeners"), 1);
    ck_assert(nng_stat_bool(child(stat, "pipes")));
    ck_assert(!nng_stat_bool(child(stat, "reject")));
    stat = nng_stat_next(stat);
    expect_rows(stat, "listener", listener_rows);
    ck_assert_uint_eq(value(stat, "socket"), both.rep.id);
    ck_assert_str_eq(nng_stat_string(child(stat, "url")), both.url);
    ck_assert_uint_eq(value(stat, "accept"), 1);
    stat = nng_stat_next(stat);
    expect_rows(stat, "pipe", accepted_rows);
    ck_assert_uint_eq(value(stat, "listener"), both.listener.id);
    stat = nng_stat_next(stat);
    expect_rows(stat, "socket", socket_rows);
    ck_assert_uint_eq(value(stat, "id"), both.req.id);
    ck_assert_uint_eq(value(stat, "dialers"), 1);
    ck_assert_uint_eq(value(stat, "listeners"), 0);
    stat = nng_stat_next(stat);
    expect_rows(stat, "dialer", dialer_rows);
    ck_assert_uint_eq(value(stat, "id"), both.dialer.id);
    ck_assert_uint_eq(value(stat, "connect"), 1);
    ck_assert_uint_eq(value(stat, "rcv_max"), 777);
    stat = nng_stat_next(stat);
    expect_rows(stat, "pipe", dialed_rows);
    ck_assert_uint_eq(value(stat, "dialer"), both.dialer.id);
    ck_assert_ptr_null(nng_stat_next(stat));
    nng_stats_free(root);
    close_both(&both);
}
END_TEST

START_TEST(sockets_come_by_id)
{
    nng_socket sockets[20];
    nng_stat *root, *stat;
    uint64_t last = 0;
    int count = 0;

    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(nng_pair1_open(&sockets[i]), 0);
    root = snapshot();
    for (stat = nng_stat_child(root); stat != NULL; stat = nng_stat_next(stat), count++) {
        ck_assert_uint_gt(nng_stat_value(stat), last);
        last = nng_stat_value(stat);
    }
    ck_assert_int_eq(count, 20);
    nng_stats_free(root);
    for (size_t i = 0; i < 20; i++)
        nng_close(sockets[i]);
}
END_TEST

START_TEST(find_looks_depth_first)
{
    struct both both;
    nng_stat *root, *listener;

    connect_both(&both, LINK_INPROC);
    root = snapshot();
    listener = nng_stat_find_listener(root, both.listener);
    ck_assert_str_eq(nng_stat_name(listener), "listener");
    ck_assert_uint_eq(nng_stat_value(listener), both.listener.id);
    ck_assert_str_eq(nng_stat_name(nng_stat_find_dialer(root, both.dialer)), "dialer");
    ck_assert_str_eq(nng_stat_name(nng_stat_find_socket(root, both.req)), "socket");
    ck_assert_ptr_eq(nng_stat_find(root, ""), root);
    ck_assert_ptr_eq(nng_stat_find(root, "socket"), nng_stat_find_socket(root, both.rep));
    ck_assert_ptr_eq(nng_stat_find(root, "accept"), child(listener, "accept"));
    ck_assert_ptr_eq(nng_stat_find(listener, "accept"), child(listener, "accept"));
    ck_assert_ptr_null(nng_stat_find(listener, "connect"));
    ck_assert_ptr_null(nng_stat_find(root, "no such"));
    ck_assert_ptr_eq(nng_stat_find_listener(listener, both.listener), listener);
    ck_assert_ptr_null(nng_stat_find_socket(root, (nng_socket){0x7ffffff0}));
    ck_assert_ptr_null(nng_stat_find_socket(root, (nng_socket){both.listener.id}));
    nng_stats_free(listener); /* not a root */
    ck_assert_uint_eq(value(listener, "accept"), 1);
    nng_stats_free(root);
    close_both(&both);
}
END_TEST

/* ---- traffic ---- */

static void expect_traffic(nng_stat *scope, uint64_t count, uint64_t tx_bytes, uint64_t rx_bytes)
{
    ck_assert_uint_eq(value(scope, "tx_msgs"), count);
    ck_assert_uint_eq(value(scope, "rx_msgs"), count);
    ck_assert_uint_eq(value(scope, "tx_bytes"), tx_bytes);
    ck_assert_uint_eq(value(scope, "rx_bytes"), rx_bytes);
}

/* An id of four bytes is in front of each request and each answer. */
START_TEST(messages_count_with_their_headers)
{
    struct both both;
    nng_stat *root;

    connect_both(&both, _i);
    for (int i = 0; i < 3; i++) {
        char buffer[32] = "";
        size_t bytes = sizeof(buffer);

        ck_assert_int_eq(nng_send(both.req, buffer, 10, 0), 0);
        ck_assert_int_eq(nng_recv(both.rep, buffer, &bytes, 0), 0);
        ck_assert_int_eq(nng_send(both.rep, buffer, 20, 0), 0);
        bytes = sizeof(buffer);
        ck_assert_int_eq(nng_recv(both.req, buffer, &bytes, 0), 0);
    }
    root = snapshot();
    expect_traffic(pipe_of(root, both.req), 3, 42, 72);
    expect_traffic(pipe_of(root, both.rep), 3, 72, 42);
    expect_traffic(nng_stat_find_socket(root, both.req), 3, 42, 72);
    expect_traffic(nng_stat_find_socket(root, both.rep), 3, 72, 42);
    nng_stats_free(root);
    close_both(&both);
}
END_TEST

START_TEST(a_socket_remembers_its_closed_pipes)
{
    struct both both;
    nng_stat *root;

    connect_both(&both, _i);
    link_exchange(both.req, both.rep, 100);
    ck_assert_int_eq(nng_dialer_close(both.dialer), 0);
    ck_assert_int_eq(nng_listener_close(both.listener), 0);
    root = snapshot();
    ck_assert_ptr_null(pipe_of(root, both.rep));
    expect_traffic(nng_stat_find_socket(root, both.rep), 1, 104, 104);
    ck_assert_uint_eq(value(nng_stat_find_socket(root, both.rep), "pipes"), 0);
    nng_stats_free(root);
    ck_assert_int_eq(nng_listen(both.rep, both.url, &both.listener, 0), 0);
    ck_assert_int_eq(nng_dial(both.req, both.url, &both.dialer, 0), 0);
    link_exchange(both.req, both.rep, 50);
    root = snapshot();
    expect_traffic(nng_stat_find_socket(root, both.rep), 2, 158, 158);
    expect_traffic(pipe_of(root, both.rep), 1, 54, 54);
    nng_stats_free(root);
    close_both(&both);
}
END_TEST

START_TEST(a_snapshot_stays_as_it_is)
{
    struct both both;
    nng_stat *root, *rep, *pipe, *listener;
    size_t count = 0;

    connect_both(&both, LINK_IPC);
    link_exchange(both.req, both.rep, 100);
    root = snapshot();
    rep = nng_stat_find_socket(root, both.rep);
    pipe = pipe_of(root, both.rep);
    listener = nng_stat_find_listener(root, both.listener);
    link_exchange(both.req, both.rep, 100);
    ck_assert_int_eq(nng_socket_set_string(both.rep, NNG_OPT_SOCKNAME, "later"), 0);
    close_both(&both);
    expect_traffic(rep, 1, 104, 104);
    expect_traffic(pipe, 1, 104, 104);
    ck_assert_uint_eq(value(rep, "pipes"), 1);
    ck_assert_str_eq(nng_stat_string(child(rep, "name")), "");
    ck_assert_str_eq(nng_stat_string(child(listener, "url")), both.url);
    for (nng_stat *stat = nng_stat_child(root); stat != NULL; stat = nng_stat_next(stat))
        count++;
    ck_assert_uint_eq(count, 6);
    nng_stats_free(root);
}
END_TEST

/* ---- connections that come to nothing ---- */

START_TEST(a_peer_of_another_protocol_is_rejected)
{
    struct both both;
    nng_socket pair;
    nng_dialer dialer;

    connect_both(&both, _i);
    ck_assert_int_eq(nng_pair1_open(&pair), 0);
    ck_assert_int_eq(nng_socket_set_ms(pair, NNG_OPT_RECONNMINT, 10), 0);
    ck_assert_int_eq(nng_dial(pair, both.url, &dialer, 0), 0);
    await_dialer(dialer, "connect", 1);
    await_listener(both.listener, "reject", 1);
    await_listener(both.listener, "accept", 2);
    ck_assert_uint_ge(socket_now(both.rep, "reject"), 1);
    ck_assert_uint_eq(socket_now(both.rep, "pipes"), 1);
    ck_assert_uint_eq(socket_now(both.req, "reject"), 0);
    nng_close(pair);
    close_both(&both);
}
END_TEST

static void close_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    (void)event;
    (void)argument;
    (void)nng_pipe_close(pipe);
}

START_TEST(a_pipe_that_a_callback_closes_is_rejected)
{
    struct both both;

    connect_both(&both, _i);
    ck_assert_int_eq(nng_pipe_notify(both.req, NNG_PIPE_EV_ADD_PRE, close_pipe, NULL), 0);
    ck_assert_uint_eq(socket_now(both.req, "reject"), 0);
    ck_assert_int_eq(nng_listener_close(both.listener), 0);
    ck_assert_int_eq(nng_listen(both.rep, both.url, &both.listener, 0), 0);
    await_dialer(both.dialer, "reject", 1);
    await_dialer(both.dialer, "connect", 2);
    ck_assert_uint_ge(socket_now(both.req, "reject"), 1);
    ck_assert_uint_eq(socket_now(both.rep, "reject"), 0);
    close_both(&both);
}
END_TEST

START_TEST(a_pipe_that_has_joined_is_not_rejected)
{
    struct both both;
    nng_stat *root;
    nng_pipe pipe;

    connect_both(&both, LINK_INPROC);
    root = snapshot();
    pipe.id = (uint32_t)value(pipe_of(root, both.rep), "id");
    nng_stats_free(root);
    ck_assert_int_eq(nng_pipe_close(pipe), 0);
    ck_assert_uint_eq(socket_now(both.rep, "reject"), 0);
    await_dialer(both.dialer, "connect", 2);
    close_both(&both);
}
END_TEST

START_TEST(where_nobody_listens_is_refused)
{
    char url[LINK_URL_BYTES];
    nng_socket req = link_open_req();
    nng_dialer dialer;
    nng_stat *root;

    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), NNG_ECONNREFUSED);
    root = snapshot();
    ck_assert_uint_eq(value(nng_stat_find_dialer(root, dialer), "refused"), 1);
    ck_assert_uint_eq(value(nng_stat_find_dialer(root, dialer), "connect"), 0);
    ck_assert_uint_eq(value(nng_stat_find_dialer(root, dialer), "other"), 0);
    nng_stats_free(root);
    ck_assert_int_eq(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), 0);
    await_dialer(dialer, "refused", 4);
    nng_close(req);
}
END_TEST

/* A peer of the test's own, before the handshake is over. */
START_TEST(failed_handshakes_count_by_reason)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_listener listener;
    struct raw_peer peer;

    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    peer = raw_connect(url);
    raw_send(&peer, "GET / HT", 8);
    await_listener(listener, "proto", 1);
    raw_close(&peer);
    peer = raw_connect(url);
    raw_expect_hello(&peer, RAW_REP);
    raw_close(&peer);
    await_listener(listener, "disconnect", 1);
    ck_assert_uint_eq(socket_now(rep, "reject"), 0);
    nng_close(rep);
}
END_TEST

START_TEST(a_dialer_counts_what_its_peer_did)
{
    char url[LINK_URL_BYTES];
    nng_socket req = link_open_req();
    struct raw_peer listener, peer;
    nng_dialer dialer;

    link_url((enum link_kind)_i, url);
    listener = raw_listen(url);
    ck_assert_int_eq(nng_dial(req, url, &dialer, NNG_FLAG_NONBLOCK), 0);
    peer = raw_accept(&listener);
    raw_send(&peer, "GET / HT", 8);
    await_dialer(dialer, "proto", 1);
    raw_close(&peer);
    peer = raw_accept(&listener);
    raw_expect_hello(&peer, RAW_REQ);
    raw_close(&peer);
    await_dialer(dialer, "disconnect", 1);
    nng_close(req);
    raw_close(&listener);
}
END_TEST

/* The library waits ten seconds for a hello. */
START_TEST(a_silent_peer_times_out)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_listener listener;
    struct raw_peer peer;

    link_url(LINK_TCP, url);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    peer = raw_connect(url);
    await_listener(listener, "timeout", 1);
    raw_close(&peer);
    nng_close(rep);
}
END_TEST

/* What a transport may report; some of these no transport that is built in does. */
START_TEST(each_failure_has_its_count)
{
    static const struct {
        int error;
        const char *name;
    } cases[] = {
        {NNG_ECONNRESET, "disconnect"},
        {NNG_ECONNSHUT, "disconnect"},
        {NNG_ECONNABORTED, "disconnect"},
        {NNG_ECANCELED, "canceled"},
        {NNG_ETIMEDOUT, "timeout"},
        {NNG_EPROTO, "proto"},
        {NNG_EPEERAUTH, "auth"},
        {NNG_ECRYPTO, "auth"},
        {NNG_ENOMEM, "oom"},
        {NNG_ENOFILES, "other"},
        {NNG_EADDRINVAL, "other"},
    };
    nng_socket rep = link_open_rep();
    nng_listener listener;

    ck_assert_int_eq(nng_listener_create(&listener, rep, "inproc://failures"), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nng_stat *before = snapshot(), *after, *was, *is;
        struct loop *loop = spry_loop_enter();

        spry_endpoint_failed(spry_handle_find(&loop->handles, HANDLE_LISTENER, listener.id),
                             cases[i].error);
        spry_loop_leave(loop);
        after = snapshot();
        was = nng_stat_child(nng_stat_find_listener(before, listener));
        is = nng_stat_child(nng_stat_find_listener(after, listener));
        for (; was != NULL; was = nng_stat_next(was), is = nng_stat_next(is))
            ck_assert_uint_eq(nng_stat_value(is) - nng_stat_value(was),
                              strcmp(nng_stat_name(is), cases[i].name) == 0);
        nng_stats_free(before);
        nng_stats_free(after);
    }
    nng_close(rep);
}
END_TEST

/* ---- what version 1 of PAIR adds ---- */

static const struct {
    int (*open)(nng_socket *);
    bool poly, raw;
} pairs[] = {
    {nng_pair1_open, false, false},
    {nng_pair1_open_raw, false, true},
    {nng_pair1_open_poly, true, false},
};
enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

START_TEST(a_pair_has_more_to_say)
{
    nng_socket pair, rep;
    nng_stat *root, *scope;

    ck_assert_int_eq(pairs[_i].open(&pair), 0);
    rep = link_open_rep(); /* begins where the pair's statistics end */
    root = snapshot();
    scope = nng_stat_find_socket(root, pair);
    expect_rows(scope, "socket", pair1_rows);
    expect_rows(nng_stat_find_socket(root, rep), "socket", socket_rows);
    ck_assert(nng_stat_bool(child(scope, "poly")) == pairs[_i].poly);
    ck_assert(nng_stat_bool(child(scope, "raw")) == pairs[_i].raw);
    for (nng_stat *stat = child(scope, "mismatch"); stat != NULL; stat = nng_stat_next(stat))
        ck_assert_uint_eq(nng_stat_value(stat), 0);
    nng_stats_dump(scope);
    nng_stats_free(root);
    nng_close(pair);
    nng_close(rep);
}
END_TEST

/* A count of a socket, for link_wait. */
struct socket_count {
    nng_socket socket;
    const char *name;
    uint64_t count;
};

static bool socket_counted(void *argument)
{
    const struct socket_count *expected = argument;

    return socket_now(expected->socket, expected->name) >= expected->count;
}

/* It becomes that, and no more. */
static void await_socket(nng_socket socket, const char *name, uint64_t count)
{
    struct socket_count expected = {socket, name, count};

    ck_assert_msg(link_wait(socket_counted, &expected), "%s stays below", name);
    ck_assert_uint_eq(socket_now(socket, name), count);
}

static struct raw_peer connect_pair(const char *url, uint16_t self)
{
    struct raw_peer peer = raw_connect(url);

    raw_greet(&peer, self, RAW_PAIR1);
    return peer;
}

START_TEST(a_pair_counts_the_peers_that_it_turns_away)
{
    char url[LINK_URL_BYTES];
    struct raw_peer first, second, stranger;
    nng_socket pair;

    link_url(LINK_TCP, url);
    ck_assert_int_eq(pairs[_i].open(&pair), 0);
    ck_assert_int_eq(nng_listen(pair, url, NULL, 0), 0);
    stranger = connect_pair(url, RAW_REQ);
    await_socket(pair, "mismatch", 1);
    first = connect_pair(url, RAW_PAIR1);
    await_socket(pair, "pipes", 1);
    second = connect_pair(url, RAW_PAIR1);
    await_socket(pair, pairs[_i].poly ? "pipes" : "already", pairs[_i].poly ? 2 : 1);
    raw_close(&stranger);
    stranger = connect_pair(url, RAW_REQ);
    await_socket(pair, "mismatch", 2);
    ck_assert_uint_eq(socket_now(pair, "already"), pairs[_i].poly ? 0 : 1);
    await_socket(pair, "reject", pairs[_i].poly ? 2 : 3);
    raw_close(&stranger);
    raw_close(&second);
    raw_close(&first);
    nng_close(pair);
}
END_TEST

START_TEST(a_pair_counts_bad_messages_received)
{
    char url[LINK_URL_BYTES];
    struct raw_peer peer;
    nng_socket pair;
    nng_msg *msg;

    link_url(LINK_TCP, url);
    ck_assert_int_eq(pairs[_i].open(&pair), 0);
    ck_assert_int_eq(nng_socket_set_ms(pair, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_listen(pair, url, NULL, 0), 0);
    peer = connect_pair(url, RAW_PAIR1);
    raw_send_frame(&peer, "\0\0\0\011", 4);
    raw_send_frame(&peer, "\0\0\0\377", 4);
    raw_send_frame(&peer, "\0\0\0\010", 4);
    ck_assert_int_eq(nng_recvmsg(pair, &msg, 0), 0); /* 8 hops are not too many */
    nng_msg_free(msg);
    await_socket(pair, "ttl_drop", 2);
    ck_assert_uint_eq(socket_now(pair, "rx_malformed"), 0);
    raw_send_frame(&peer, "\0\0\1\1", 4);
    raw_expect_close(&peer);
    raw_close(&peer);
    await_socket(pair, "rx_malformed", 1);
    await_socket(pair, "ttl_drop", 2);
    nng_close(pair);
}
END_TEST

START_TEST(a_pair_counts_what_it_does_not_send)
{
    nng_socket pair;
    nng_msg *msg;

    ck_assert_int_eq(pairs[_i].open(&pair), 0);
    ck_assert_int_eq(nng_socket_set_int(pair, NNG_OPT_SENDBUF, 1), 0);
    ck_assert_int_eq(nng_msg_alloc(&msg, 4), 0);
    nng_msg_set_pipe(msg, (nng_pipe){77}); /* which no pipe is */
    if (pairs[_i].raw) {
        ck_assert_int_eq(nng_sendmsg(pair, msg, 0), NNG_EPROTO);
        nng_msg_free(msg);
    } else {
        ck_assert_int_eq(nng_sendmsg(pair, msg, 0), 0);
    }
    ck_assert_uint_eq(socket_now(pair, "tx_malformed"), pairs[_i].raw);
    ck_assert_uint_eq(socket_now(pair, "tx_drop"), pairs[_i].poly);
    nng_close(pair);
}
END_TEST

/* ---- memory and threads ---- */

START_TEST(without_memory_there_is_no_snapshot)
{
    struct both both;
    nng_stat *root = NULL;
    size_t blocks;

    fail_alloc_install(0);
    connect_both(&both, LINK_INPROC);
    blocks = fail_alloc_live_blocks();
    fail_alloc_at(1);
    ck_assert_int_eq(nng_stats_get(&root), NNG_ENOMEM);
    ck_assert_ptr_null(root);
    ck_assert_uint_eq(fail_alloc_live_blocks(), blocks);
    fail_alloc_at(2);
    root = snapshot();
    ck_assert_uint_eq(fail_alloc_calls(), 1);
    nng_stats_free(root);
    ck_assert_uint_eq(fail_alloc_live_blocks(), blocks);
    fail_alloc_at(0);
    close_both(&both);
    link_teardown();
    link_setup();
    fail_alloc_finish();
}
END_TEST

START_TEST(a_dialer_counts_lacks_of_memory)
{
    struct both both;
    nng_dialer dialer;
    nng_stat *root;
    int rv;

    fail_alloc_install(0);
    connect_both(&both, LINK_INPROC);
    ck_assert_int_eq(nng_dialer_create(&dialer, both.req, both.url), 0);
    fail_alloc_at(1);
    rv = nng_dialer_start(dialer, 0);
    fail_alloc_at(0);
    ck_assert_int_eq(rv, NNG_ENOMEM);
    root = snapshot();
    ck_assert_uint_eq(value(nng_stat_find_dialer(root, dialer), "oom"), 1);
    nng_stats_free(root);
    close_both(&both);
    link_teardown();
    link_setup();
    fail_alloc_finish();
}
END_TEST

static bool memory_was_asked_for(void *argument)
{
    (void)argument;
    return fail_alloc_calls() > 0;
}

/* What failed is the accept of a connection. */
START_TEST(a_listener_counts_lacks_of_memory)
{
    char url[LINK_URL_BYTES];
    struct raw_peer peer;
    nng_listener listener;
    nng_socket rep;

    fail_alloc_install(0);
    link_url(LINK_TCP, url);
    rep = link_open_rep();
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    fail_alloc_at(1);
    peer = raw_connect(url);
    ck_assert(link_wait(memory_was_asked_for, NULL));
    fail_alloc_at(0);
    await_listener(listener, "oom", 1);
    raw_close(&peer);
    link_serves(rep, url);
    nng_close(rep);
    link_teardown();
    link_setup();
    fail_alloc_finish();
}
END_TEST

static void *talk(void *argument)
{
    atomic_bool *stop = argument;

    while (!atomic_load(stop)) {
        struct both both;

        connect_both(&both, LINK_INPROC);
        link_exchange(both.req, both.rep, 10);
        close_both(&both);
    }
    return NULL;
}

START_TEST(snapshots_are_whole_while_others_talk)
{
    enum { SNAPSHOTS = 500, IDLE = 200 }; /* idle sockets make a snapshot take its time */
    static nng_socket idle[IDLE];
    struct both both;
    atomic_bool stop;
    pthread_t thread;
    uint64_t last = 0;

    atomic_init(&stop, false);
    for (size_t i = 0; i < IDLE; i++)
        ck_assert_int_eq(nng_pair1_open(&idle[i]), 0);
    connect_both(&both, LINK_IPC);
    ck_assert_int_eq(pthread_create(&thread, NULL, talk, &stop), 0);
    for (int i = 0; i < SNAPSHOTS; i++) {
        nng_stat *root = snapshot();
        nng_stat *req = nng_stat_find_socket(root, both.req);

        ck_assert_uint_ge(value(req, "tx_msgs"), last);
        last = value(req, "tx_msgs");
        ck_assert_uint_eq(last, value(pipe_of(root, both.req), "tx_msgs"));
        ck_assert_uint_eq(value(req, "tx_bytes"), last * 20);
        nng_stats_free(root);
        link_exchange(both.req, both.rep, 16);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    close_both(&both);
    for (size_t i = 0; i < IDLE; i++)
        nng_close(idle[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stat");
    TCase *tc = tcase_create("stat");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, without_a_socket_the_root_is_alone);
    tcase_add_test(tc, each_object_has_its_scope);
    tcase_add_test(tc, sockets_come_by_id);
    tcase_add_test(tc, find_looks_depth_first);
    tcase_add_loop_test(tc, messages_count_with_their_headers, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, a_socket_remembers_its_closed_pipes, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_snapshot_stays_as_it_is);
    tcase_add_loop_test(tc, a_peer_of_another_protocol_is_rejected, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, a_pipe_that_a_callback_closes_is_rejected, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_pipe_that_has_joined_is_not_rejected);
    tcase_add_loop_test(tc, where_nobody_listens_is_refused, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, failed_handshakes_count_by_reason, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_dialer_counts_what_its_peer_did, 0, LINK_RAW);
    tcase_add_test(tc, a_silent_peer_times_out);
    tcase_add_test(tc, each_failure_has_its_count);
    tcase_add_loop_test(tc, a_pair_has_more_to_say, 0, PAIRS);
    tcase_add_loop_test(tc, a_pair_counts_the_peers_that_it_turns_away, 0, PAIRS);
    tcase_add_loop_test(tc, a_pair_counts_bad_messages_received, 0, PAIRS);
    tcase_add_loop_test(tc, a_pair_counts_what_it_does_not_send, 0, PAIRS);
    tcase_add_test(tc, without_memory_there_is_no_snapshot);
    tcase_add_test(tc, a_dialer_counts_lacks_of_memory);
    tcase_add_test(tc, a_listener_counts_lacks_of_memory);
    tcase_add_test(tc, snapshots_are_whole_while_others_talk);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
