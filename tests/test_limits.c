/* Limits of a listener, and requests that are sent once: what a program of bounded means asks for by name. */
#include <spry.h>

#include "host.h"
#include "link.h"
#include "raw_peer.h"

#include <nng/protocol/reqrep0/req.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

static char url[LINK_URL_BYTES];
static nng_socket rep;
static nng_listener listener;
static struct link_events events;

static void open_rep(enum link_kind kind, const char *option, int limit)
{
    int set = -1;

    link_url(kind, url);
    rep = link_open_rep();
    link_record(&events, rep);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_int(listener, option, &set), 0);
    ck_assert_int_eq(set, 0);
    ck_assert_int_eq(nng_listener_set_int(listener, option, limit), 0);
    ck_assert_int_eq(nng_listener_get_int(listener, option, &set), 0);
    ck_assert_int_eq(set, limit);
}

static uint64_t rejected(void)
{
    nng_stat *root;
    uint64_t listeners, sockets;

    ck_assert_int_eq(nng_stats_get(&root), 0);
    listeners = nng_stat_value(nng_stat_find(nng_stat_find_listener(root, listener), "reject"));
    sockets = nng_stat_value(nng_stat_find(nng_stat_find_socket(root, rep), "reject"));
    nng_stats_free(root);
    ck_assert_uint_eq(listeners, sockets);
    return listeners;
}

/* ---- options ---- */

START_TEST(limits_are_options_of_listeners_that_have_a_handshake)
{
    static const char *const names[] = {SPRY_OPT_PIPES_MAX, SPRY_OPT_HANDSHAKES_MAX};
    const char *name = names[_i];
    nng_dialer dialer;
    nng_socket req;
    int value;

    open_rep(LINK_TCP, name, 7);
    ck_assert_int_eq(nng_listener_set_int(listener, name, -1), NNG_EINVAL);
    ck_assert_int_eq(nng_listener_set_bool(listener, name, true), NNG_EBADTYPE);
    ck_assert_int_eq(nng_listener_get_int(listener, name, &value), 0);
    ck_assert_int_eq(value, 7);
    ck_assert_int_eq(nng_socket_set_int(rep, name, 1), NNG_ENOTSUP);
    req = link_open_req();
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
    ck_assert_int_eq(nng_dialer_set_int(dialer, name, 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(req), 0);
    link_url(LINK_INPROC, url);
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    ck_assert_int_eq(nng_listener_set_int(listener, name, 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* ---- half-open connections ---- */

/* Whoever says nothing makes room for who comes, and good clients come in between. */
START_TEST(a_flood_of_silent_connections_locks_nobody_out)
{
    enum { SILENT = 1000, LIMIT = 16, GOOD_EACH = 100 };
    static struct raw_peer peers[SILENT];
    size_t count = _i == LINK_TCP && host_limits_descriptors() ? SILENT : 150;

    if (host_limits_descriptors())
        host_descriptors_max(SILENT + 200);
    open_rep((enum link_kind)_i, SPRY_OPT_HANDSHAKES_MAX, LIMIT);
    for (size_t i = 0; i < count; i++) {
        peers[i] = raw_connect(url);
        raw_expect_hello(&peers[i], RAW_REP); /* it has been let in */
        if (i % GOOD_EACH == GOOD_EACH - 1)
            link_serves(rep, url);
    }
    ck_assert_uint_ge(rejected(), count - LIMIT);
    raw_drain_until_close(&peers[0]);
    raw_drain_until_close(&peers[count - LIMIT - 1]);
    raw_send(&peers[count - 1], "\0SP\0\0\x30\0\0", 8); /* the last one may still become good */
    link_await(&events, NNG_PIPE_EV_ADD_POST, count / GOOD_EACH + 1);
    link_serves(rep, url);
    for (size_t i = 0; i < count; i++)
        raw_close(&peers[i]);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(up_to_the_limit_all_may_be_slow)
{
    enum { SLOW = 8 };
    struct raw_peer peers[SLOW];

    open_rep((enum link_kind)_i, SPRY_OPT_HANDSHAKES_MAX, SLOW);
    for (int i = 0; i < SLOW; i++) {
        peers[i] = raw_connect(url);
        raw_expect_hello(&peers[i], RAW_REP);
    }
    for (int i = 0; i < SLOW; i++)
        raw_send(&peers[i], "\0SP\0\0\x30\0\0", 8);
    link_await(&events, NNG_PIPE_EV_ADD_POST, SLOW);
    ck_assert_uint_eq(rejected(), 0);
    for (int i = 0; i < SLOW; i++)
        raw_close(&peers[i]);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* ---- pipes ---- */

START_TEST(one_more_pipe_is_refused_until_one_has_left)
{
    nng_socket clients[2];
    struct raw_peer peer;

    open_rep((enum link_kind)_i, SPRY_OPT_PIPES_MAX, 2);
    for (int i = 0; i < 2; i++) {
        clients[i] = link_req(url);
        link_exchange(clients[i], rep, 10);
    }
    peer = raw_connect(url);
    raw_expect_close(&peer);
    raw_close(&peer);
    ck_assert_uint_eq(rejected(), 1);
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_ADD_PRE), 2);
    link_exchange(clients[0], rep, 10);
    ck_assert_int_eq(nng_close(clients[0]), 0);
    link_await(&events, NNG_PIPE_EV_REM_POST, 1);
    link_serves(rep, url);
    link_exchange(clients[1], rep, 10);
    ck_assert_int_eq(nng_close(clients[1]), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* Room when a connection came does not say that there is when its hello comes. */
START_TEST(the_limit_of_pipes_counts_at_the_end_of_the_handshake_too)
{
    struct raw_peer peers[2];

    open_rep((enum link_kind)_i, SPRY_OPT_PIPES_MAX, 1);
    for (int i = 0; i < 2; i++) {
        peers[i] = raw_connect(url);
        raw_expect_hello(&peers[i], RAW_REP);
    }
    raw_send(&peers[0], "\0SP\0\0\x30\0\0", 8);
    link_await(&events, NNG_PIPE_EV_ADD_POST, 1);
    raw_send(&peers[1], "\0SP\0\0\x30\0\0", 8);
    raw_expect_close(&peers[1]);
    ck_assert_uint_eq(rejected(), 1);
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_ADD_PRE), 1);
    raw_close(&peers[1]);
    raw_close(&peers[0]);
    link_await(&events, NNG_PIPE_EV_REM_POST, 1);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* ---- at most once ---- */

/*
 * The service dies with the request. It is not seen again when the client is back: what comes first is the
 * next request. Without the option (`_i` odd) it is the same one again.
 */
START_TEST(a_request_is_on_the_wire_once)
{
    bool once = _i % 2 == 0;
    struct raw_peer listening, service;
    nng_socket req;
    uint8_t frame[64];
    nng_msg *msg;
    bool value = !once;

    link_url((enum link_kind)(_i / 2), url);
    listening = raw_listen(url);
    req = link_open_req();
    ck_assert_int_eq(nng_socket_set_bool(req, SPRY_OPT_REQ_AT_MOST_ONCE, once), 0);
    ck_assert_int_eq(nng_socket_get_bool(req, SPRY_OPT_REQ_AT_MOST_ONCE, &value), 0);
    ck_assert_int_eq(value, once);
    ck_assert_int_eq(nng_dial(req, url, NULL, NNG_FLAG_NONBLOCK), 0);
    service = raw_accept(&listening);
    raw_greet(&service, RAW_REP, RAW_REQ);
    ck_assert_int_eq(link_send(req, "first", 6, 0), 0);
    ck_assert_uint_eq(raw_read_frame(&service, frame, sizeof(frame)), 10);
    raw_close(&service);
    if (once)
        ck_assert_int_eq(nng_recvmsg(req, &msg, 0), NNG_ECONNRESET);
    service = raw_accept(&listening);
    raw_greet(&service, RAW_REP, RAW_REQ);
    if (once)
        ck_assert_int_eq(link_send(req, "second", 7, 0), 0);
    ck_assert_uint_eq(raw_read_frame(&service, frame, sizeof(frame)), once ? 11 : 10);
    ck_assert_str_eq((char *)frame + 4, once ? "second" : "first");
    raw_send_frame(&service, frame, 6);
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), 0);
    ck_assert_uint_eq(nng_msg_len(msg), 2);
    nng_msg_free(msg);
    raw_close(&service);
    raw_close(&listening);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

START_TEST(a_context_has_the_option_of_its_socket_and_then_its_own)
{
    nng_socket req = link_open_req();
    bool value = false;
    nng_ctx before, after;

    ck_assert_int_eq(nng_ctx_open(&before, req), 0);
    ck_assert_int_eq(nng_socket_set_bool(req, SPRY_OPT_REQ_AT_MOST_ONCE, true), 0);
    ck_assert_int_eq(nng_ctx_open(&after, req), 0);
    ck_assert_int_eq(nng_ctx_get_bool(after, SPRY_OPT_REQ_AT_MOST_ONCE, &value), 0);
    ck_assert(value);
    ck_assert_int_eq(nng_ctx_get_bool(before, SPRY_OPT_REQ_AT_MOST_ONCE, &value), 0);
    ck_assert(!value);
    ck_assert_int_eq(nng_ctx_set_bool(before, SPRY_OPT_REQ_AT_MOST_ONCE, true), 0);
    ck_assert_int_eq(nng_ctx_get_bool(before, SPRY_OPT_REQ_AT_MOST_ONCE, &value), 0);
    ck_assert(value);
    ck_assert_int_eq(nng_ctx_set_int(before, SPRY_OPT_REQ_AT_MOST_ONCE, 1), NNG_EBADTYPE);
    rep = link_open_rep();
    ck_assert_int_eq(nng_socket_set_bool(rep, SPRY_OPT_REQ_AT_MOST_ONCE, true), NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("limits");
    TCase *tc = tcase_create("limits");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, limits_are_options_of_listeners_that_have_a_handshake, 0, 2);
    tcase_add_loop_test(tc, a_flood_of_silent_connections_locks_nobody_out, 0, LINK_RAW);
    tcase_add_loop_test(tc, up_to_the_limit_all_may_be_slow, 0, LINK_RAW);
    tcase_add_loop_test(tc, one_more_pipe_is_refused_until_one_has_left, 0, LINK_RAW);
    tcase_add_loop_test(tc, the_limit_of_pipes_counts_at_the_end_of_the_handshake_too, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_request_is_on_the_wire_once, 0, 2 * LINK_RAW);
    tcase_add_test(tc, a_context_has_the_option_of_its_socket_and_then_its_own);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
