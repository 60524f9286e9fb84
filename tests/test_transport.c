/* REQ and REP over each transport, on real sockets; what addresses mean and which are refused. */
#include "support/link.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "endpoint.h"
#include "loop.h"
#include "support/host.h"

/* What a test needs that runs over the transport `_i`. */
#define LINK_BEGIN(url)                                                                            \
    char url[LINK_URL_BYTES];                                                                      \
    if (!link_possible((enum link_kind)_i))                                                        \
        return;                                                                                    \
    link_url((enum link_kind)_i, url)

static void close_all(nng_socket a, nng_socket b)
{
    ck_assert_int_eq(nng_close(a), 0);
    ck_assert_int_eq(nng_close(b), 0);
}

/* ---- traffic ---- */

START_TEST(messages_of_every_size_arrive_whole)
{
    static const size_t sizes[] = {0, 1, 64, 4095, 65535, 64 << 10, 1 << 20, 5 << 20};
    LINK_BEGIN(url);
    nng_socket rep = link_rep(url);
    nng_socket req = link_req(url);

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        link_exchange(req, rep, sizes[i]);
    close_all(req, rep);
}
END_TEST

START_TEST(many_requests_in_a_row_are_answered)
{
    LINK_BEGIN(url);
    nng_socket rep = link_rep(url);
    nng_socket req = link_req(url);

    for (size_t i = 0; i < 1500; i++)
        link_exchange(req, rep, i % 300);
    close_all(req, rep);
}
END_TEST

START_TEST(either_side_may_dial)
{
    LINK_BEGIN(url);
    nng_socket req = link_open_req();
    nng_socket rep = link_open_rep();

    ck_assert_int_eq(nng_listen(req, url, NULL, 0), 0);
    ck_assert_int_eq(nng_dial(rep, url, NULL, 0), 0);
    link_exchange(req, rep, 1000);
    close_all(req, rep);
}
END_TEST

START_TEST(two_clients_get_their_own_answers)
{
    LINK_BEGIN(url);
    nng_socket rep = link_rep(url);
    nng_socket clients[2] = {link_req(url), link_req(url)};

    for (int round = 0; round < 50; round++) {
        ck_assert_int_eq(link_send(clients[0], "one", 3, 0), 0);
        ck_assert_int_eq(link_send(clients[1], "two", 3, 0), 0);
        for (int i = 0; i < 2; i++) {
            nng_msg *msg;

            ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
            ck_assert_int_eq(nng_sendmsg(rep, msg, 0), 0);
        }
        for (int i = 1; i >= 0; i--) {
            char answer[4] = "";
            size_t bytes = 3;

            ck_assert_int_eq(nng_recv(clients[i], answer, &bytes, 0), 0);
            ck_assert_str_eq(answer, i == 0 ? "one" : "two");
        }
    }
    ck_assert_int_eq(nng_close(rep), 0);
    close_all(clients[0], clients[1]);
}
END_TEST

/* A raw REP, which shows the backtrace. */
static nng_socket raw_rep(const char *url)
{
    nng_socket rep;

    ck_assert_int_eq(nng_rep0_open_raw(&rep), 0);
    ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    return rep;
}

static nng_msg *raw_request(nng_socket rep, uint32_t *id)
{
    const unsigned char *header;
    nng_msg *msg;

    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
    ck_assert_uint_eq(nng_msg_header_len(msg), 8);
    header = nng_msg_header(msg);
    *id = (uint32_t)header[4] << 24 | (uint32_t)header[5] << 16 | (uint32_t)header[6] << 8 |
          header[7];
    ck_assert_uint_eq(*id >> 31, 1);
    ck_assert_str_eq(nng_msg_body(msg), "again");
    return msg;
}

START_TEST(a_restarted_server_gets_the_same_request_again)
{
    LINK_BEGIN(url);
    nng_socket rep = raw_rep(url);
    nng_socket req = link_req(url);
    size_t bytes = 6;
    char answer[6];
    uint32_t id;

    ck_assert_int_eq(link_send(req, "again", 6, 0), 0);
    nng_msg_free(raw_request(rep, &id));
    for (int restarts = 0; restarts < 5; restarts++) {
        nng_msg *msg;
        uint32_t resent;

        ck_assert_int_eq(nng_close(rep), 0);
        rep = raw_rep(url);
        msg = raw_request(rep, &resent);
        ck_assert_uint_eq(resent, id);
        if (restarts < 4)
            nng_msg_free(msg);
        else
            ck_assert_int_eq(nng_sendmsg(rep, msg, 0), 0);
    }
    ck_assert_int_eq(nng_recv(req, answer, &bytes, 0), 0);
    ck_assert_str_eq(answer, "again");
    close_all(req, rep);
}
END_TEST

START_TEST(a_client_may_be_there_before_its_server)
{
    LINK_BEGIN(url);
    nng_socket req = link_open_req();
    nng_socket rep;

    ck_assert_int_eq(nng_dial(req, url, NULL, NNG_FLAG_NONBLOCK), 0);
    ck_assert_int_eq(link_send(req, "x", 1, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    rep = link_rep(url);
    link_exchange(req, rep, 10);
    close_all(req, rep);
}
END_TEST

/* ---- starting and stopping ---- */

START_TEST(a_name_can_be_listened_on_again_at_once)
{
    LINK_BEGIN(url);
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();

    for (int i = 0; i < 1000; i++) {
        nng_listener listener;
        int rv = nng_listen(rep, url, &listener, 0);

        ck_assert_msg(rv == 0, "the %dth time: %s", i, nng_strerror(rv));
        if (i % 100 == 0) {
            nng_dialer dialer;

            ck_assert_int_eq(nng_dial(req, url, &dialer, 0), 0);
            ck_assert_int_eq(nng_dialer_close(dialer), 0);
        }
        ck_assert_int_eq(nng_listener_close(listener), 0);
    }
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    link_exchange(req, rep, 10);
    close_all(req, rep);
}
END_TEST

START_TEST(a_socket_can_be_replaced_by_another_at_once)
{
    LINK_BEGIN(url);

    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(nng_close(link_rep(url)), 0);
}
END_TEST

START_TEST(a_second_listener_is_refused)
{
    LINK_BEGIN(url);
    nng_socket rep = link_rep(url);
    nng_socket other = link_open_rep();

    ck_assert_int_eq(nng_listen(other, url, NULL, 0), NNG_EADDRINUSE);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), NNG_EADDRINUSE);
    link_serves(rep, url);
    close_all(rep, other);
}
END_TEST

START_TEST(starting_twice_is_a_wrong_state)
{
    LINK_BEGIN(url);
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    nng_listener listener;
    nng_dialer dialer;

    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    ck_assert_int_eq(nng_listener_start(listener, 0), NNG_ESTATE);
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), 0);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), NNG_ESTATE);
    ck_assert_int_eq(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), NNG_ESTATE);
    link_exchange(req, rep, 10);
    ck_assert_int_eq(nng_dialer_close(dialer), 0);
    ck_assert_int_eq(nng_dialer_close(dialer), NNG_ENOENT);
    ck_assert_int_eq(nng_listener_close(listener), 0);
    ck_assert_int_eq(nng_listener_close(listener), NNG_ENOENT);
    close_all(req, rep);
}
END_TEST

START_TEST(a_refused_dialer_can_be_started_again)
{
    LINK_BEGIN(url);
    nng_socket req = link_open_req();
    nng_socket rep;
    nng_dialer dialer;

    ck_assert_int_eq(nng_dial(req, url, NULL, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(nng_dialer_start(dialer, 0), NNG_ECONNREFUSED);
    rep = link_rep(url);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), 0);
    link_exchange(req, rep, 10);
    close_all(req, rep);
}
END_TEST

/* The wait of a dialer, for link_wait. */
struct backoff {
    nng_dialer dialer;
    nng_duration expected_ms;
    nng_duration seen_ms; /* the longest */
};

static bool waits_so_long(void *argument)
{
    struct backoff *backoff = argument;
    struct loop *loop = spry_loop_enter();
    struct endpoint *dialer = spry_handle_find(&loop->handles, HANDLE_DIALER, backoff->dialer.id);
    nng_duration now_ms = dialer->backoff_ms;

    spry_loop_leave(loop);
    if (now_ms > backoff->seen_ms)
        backoff->seen_ms = now_ms;
    return now_ms == backoff->expected_ms;
}

START_TEST(the_wait_to_dial_again_grows_to_its_limit_and_shrinks_at_success)
{
    char url[LINK_URL_BYTES];
    nng_socket rep, req = link_open_req();
    struct backoff backoff = {.expected_ms = 10};
    nng_duration max_ms = 0;

    link_url(LINK_INPROC, url);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECONNMINT, 1), 0);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECONNMAXT, 10), 0);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_RECONNMAXT, &max_ms), 0);
    ck_assert_int_eq(max_ms, 10);
    ck_assert_int_eq(nng_dial(req, url, &backoff.dialer, NNG_FLAG_NONBLOCK), 0);
    ck_assert(link_wait(waits_so_long, &backoff));
    rep = link_rep(url);
    backoff.expected_ms = 1;
    ck_assert(link_wait(waits_so_long, &backoff));
    ck_assert_int_eq(backoff.seen_ms, 10);
    link_exchange(req, rep, 10);
    nng_close(req);
    nng_close(rep);
}
END_TEST

START_TEST(a_busy_listener_can_be_started_later)
{
    LINK_BEGIN(url);
    nng_socket rep = link_rep(url);
    nng_socket other = link_open_rep();
    nng_listener listener;

    ck_assert_int_eq(nng_listener_create(&listener, other, url), 0);
    ck_assert_int_eq(nng_listener_start(listener, 0), NNG_EADDRINUSE);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    link_serves(other, url);
    ck_assert_int_eq(nng_close(other), 0);
}
END_TEST

START_TEST(closing_an_endpoint_leaves_the_others_alone)
{
    LINK_BEGIN(url);
    char second[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_listener listener;
    nng_socket req;
    nng_socket lost;

    link_url((enum link_kind)_i, second);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    ck_assert_int_eq(nng_listen(rep, second, &listener, 0), 0);
    req = link_req(url);
    lost = link_req(second);
    link_exchange(lost, rep, 1);
    ck_assert_int_eq(nng_listener_close(listener), 0);
    link_exchange(req, rep, 10);
    ck_assert_int_eq(nng_dial(lost, second, NULL, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_close(lost), 0);
    close_all(req, rep);
}
END_TEST

/* ---- who is there ---- */

static nng_pipe pipe_of_request(nng_socket req, nng_socket rep, nng_pipe *client)
{
    nng_pipe pipe;
    nng_msg *msg;

    ck_assert_int_eq(link_send(req, "who", 3, 0), 0);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
    pipe = nng_msg_get_pipe(msg);
    ck_assert_int_eq(nng_sendmsg(rep, msg, 0), 0);
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), 0);
    *client = nng_msg_get_pipe(msg);
    nng_msg_free(msg);
    return pipe;
}

static nng_sockaddr address_of(nng_pipe pipe, const char *name)
{
    nng_sockaddr address;
    int rv = nng_pipe_get_addr(pipe, name, &address);

    ck_assert_msg(rv == 0, "%s: %s", name, nng_strerror(rv));
    return address;
}

static void check_address(const nng_sockaddr *address, const char *url)
{
    char text[NNG_MAXADDRSTRLEN];
    const char *rest = strstr(url, "://") + 3;

    switch (address->s_family) {
    case NNG_AF_INET:
    case NNG_AF_INET6:
    case NNG_AF_IPC:
        ck_assert_str_eq(nng_str_sockaddr(address, text, sizeof(text)), rest);
        return;
    case NNG_AF_INPROC:
        ck_assert_str_eq(address->s_inproc.sa_name, url);
        return;
    case NNG_AF_ABSTRACT:
        ck_assert_uint_eq(address->s_abstract.sa_len, strlen(rest));
        ck_assert_mem_eq(address->s_abstract.sa_name, rest, strlen(rest));
        return;
    default:
        ck_abort_msg("family %d", address->s_family);
    }
}

struct closing {
    nng_listener listener;
    double seconds;
    atomic_bool done;
};

static void close_listener(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct closing *closing = argument;
    double start = link_seconds();

    (void)pipe;
    (void)event;
    ck_assert_int_eq(nng_listener_close(closing->listener), 0);
    closing->seconds = link_seconds() - start;
    atomic_store(&closing->done, true);
}

static bool closing_done(void *argument)
{
    return atomic_load(&((struct closing *)argument)->done);
}

/*
 * The thread that polls when nobody else does is the one that runs the callback, and what the
 * system still has of a closed listener must come back. A wait for its bound would be 50 ms each time.
 */
START_TEST(a_listener_closed_in_a_callback_is_closed_at_once)
{
    double best = 1;
    LINK_BEGIN(url);

    for (int i = 0; i < 5; i++) {
        struct closing closing = {.seconds = 0};
        nng_socket rep = link_open_rep();
        nng_socket req = link_open_req();

        atomic_init(&closing.done, false);
        ck_assert_int_eq(nng_pipe_notify(rep, NNG_PIPE_EV_ADD_POST, close_listener, &closing), 0);
        ck_assert_int_eq(nng_listen(rep, url, &closing.listener, 0), 0);
        ck_assert_int_eq(nng_dial(req, url, NULL, NNG_FLAG_NONBLOCK), 0);
        ck_assert(link_wait(closing_done, &closing));
        best = closing.seconds < best ? closing.seconds : best;
        close_all(req, rep);
    }
    ck_assert_msg(best < 0.04, "closed after %.1f ms at best", best * 1e3);
}
END_TEST

START_TEST(pipes_tell_who_is_at_both_ends)
{
    static const int families[] = {
        [LINK_INPROC] = NNG_AF_INPROC, [LINK_TCP] = NNG_AF_INET, [LINK_TCP6] = NNG_AF_INET6,
        [LINK_IPC] = NNG_AF_IPC,       [LINK_UNIX] = NNG_AF_IPC, [LINK_ABSTRACT] = NNG_AF_ABSTRACT};
    LINK_BEGIN(url);
    nng_socket rep = link_rep(url);
    nng_socket req = link_req(url);
    nng_pipe client;
    nng_pipe server = pipe_of_request(req, rep, &client);
    nng_sockaddr address;
    nng_sockaddr other;

    ck_assert_int_gt(nng_pipe_id(server), 0);
    ck_assert_int_eq(nng_socket_id(nng_pipe_socket(server)), nng_socket_id(rep));
    ck_assert_int_eq(nng_socket_id(nng_pipe_socket(client)), nng_socket_id(req));
    ck_assert_int_gt(nng_listener_id(nng_pipe_listener(server)), 0);
    ck_assert_int_eq(nng_dialer_id(nng_pipe_dialer(server)), -1);
    ck_assert_int_gt(nng_dialer_id(nng_pipe_dialer(client)), 0);
    ck_assert_int_eq(nng_listener_id(nng_pipe_listener(client)), -1);
    address = address_of(server, NNG_OPT_LOCADDR);
    ck_assert_int_eq(address.s_family, families[_i]);
    check_address(&address, url);
    address = address_of(client, NNG_OPT_REMADDR);
    check_address(&address, url);
    address = address_of(client, NNG_OPT_LOCADDR);
    other = address_of(server, NNG_OPT_REMADDR);
    ck_assert_mem_eq(&address, &other, sizeof(address));
    close_all(req, rep);
}
END_TEST

START_TEST(local_pipes_tell_the_peers_process)
{
    LINK_BEGIN(url);
    bool local = _i == LINK_IPC || _i == LINK_UNIX || _i == LINK_ABSTRACT;
    nng_socket rep = link_rep(url);
    nng_socket req = link_req(url);
    nng_pipe pipes[2];
    uint64_t uid;
    uint64_t gid;
    bool users = host_user(&uid, &gid) && local;

    pipes[0] = pipe_of_request(req, rep, &pipes[1]);
    for (int i = 0; i < 2; i++) {
        uint64_t value = 0;
        int expected = local ? 0 : NNG_ENOTSUP;

        ck_assert_int_eq(nng_pipe_get_uint64(pipes[i], NNG_OPT_PEER_PID, &value), expected);
        ck_assert_uint_eq(value, local ? (uint64_t)getpid() : 0);
        expected = users ? 0 : NNG_ENOTSUP;
        value = 0;
        ck_assert_int_eq(nng_pipe_get_uint64(pipes[i], NNG_OPT_PEER_UID, &value), expected);
        ck_assert_uint_eq(value, users ? uid : 0);
        value = 0;
        ck_assert_int_eq(nng_pipe_get_uint64(pipes[i], NNG_OPT_PEER_GID, &value), expected);
        ck_assert_uint_eq(value, users ? gid : 0);
        ck_assert_int_eq(nng_pipe_get_uint64(pipes[i], NNG_OPT_PEER_ZONEID, &value), NNG_ENOTSUP);
    }
    close_all(req, rep);
}
END_TEST

START_TEST(endpoints_tell_their_url)
{
    LINK_BEGIN(url);
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    nng_listener listener;
    nng_dialer dialer;
    const nng_url *parsed;
    char *text;

    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    ck_assert_int_eq(nng_dial(req, url, &dialer, 0), 0);
    ck_assert_int_eq(nng_listener_get_string(listener, NNG_OPT_URL, &text), 0);
    ck_assert_str_eq(text, url);
    nng_strfree(text);
    ck_assert_int_eq(nng_dialer_get_string(dialer, NNG_OPT_URL, &text), 0);
    ck_assert_str_eq(text, url);
    nng_strfree(text);
    ck_assert_int_eq(nng_listener_get_url(listener, &parsed), 0);
    ck_assert_str_eq(parsed->u_rawurl, url);
    ck_assert_int_eq(nng_dialer_get_url(dialer, &parsed), 0);
    ck_assert_str_eq(parsed->u_rawurl, url);
    close_all(req, rep);
}
END_TEST

/* ---- tcp ---- */

START_TEST(tcp_port_zero_is_told_by_url_and_option)
{
    static const char *const urls[] = {"tcp://127.0.0.1:0", "tcp://127.0.0.1",  "tcp4://*:0",
                                       "tcp://:0",          "tcp://*:0",        "tcp6://[::1]:0",
                                       "tcp6://*:0",        "tcp://localhost:0"};
    nng_socket rep;
    nng_listener listener;
    const nng_url *parsed;
    nng_sockaddr address;
    char *text;
    int port = 0;

    if (strncmp(urls[_i], "tcp6", 4) == 0 && !link_possible(LINK_TCP6))
        return;
    rep = link_open_rep();
    ck_assert_int_eq(nng_listener_create(&listener, rep, urls[_i]), 0);
    ck_assert_int_eq(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), NNG_ESTATE);
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    ck_assert_int_gt(port, 0);
    ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_TCP_BOUND_PORT, 1), NNG_EREADONLY);
    ck_assert_int_eq(nng_listener_get_string(listener, NNG_OPT_URL, &text), 0);
    ck_assert_int_eq(atoi(strrchr(text, ':') + 1), port);
    nng_strfree(text);
    ck_assert_int_eq(nng_listener_get_url(listener, &parsed), 0);
    ck_assert_int_eq(atoi(parsed->u_port), port);
    ck_assert_int_eq(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), 0);
    ck_assert_int_eq(
        link_port(address.s_family == NNG_AF_INET ? address.s_in.sa_port : address.s_in6.sa_port),
        port);
    {
        char dial[LINK_URL_BYTES];

        (void)snprintf(dial, sizeof(dial), "tcp://%s:%d",
                       address.s_family == NNG_AF_INET ? "127.0.0.1" : "[::1]", port);
        link_serves(rep, dial);
    }
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(tcp_names_are_looked_up)
{
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    nng_listener listener;
    nng_dialer dialer;
    char url[LINK_URL_BYTES];
    int port;

    ck_assert_int_eq(nng_listen(rep, "tcp://127.0.0.1:0", &listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(url, sizeof(url), "%s://%s:%d", i % 2 == 0 ? "tcp" : "tcp4",
                       i % 3 == 0 ? "LOCALHOST" : "localhost", port);
        ck_assert_int_eq(nng_dial(req, url, &dialer, i < 5 ? 0 : NNG_FLAG_NONBLOCK), 0);
        link_exchange(req, rep, 10);
        ck_assert_int_eq(nng_dialer_close(dialer), 0);
    }
    close_all(req, rep);
}
END_TEST

START_TEST(a_dialer_closes_while_its_name_is_looked_up)
{
    nng_socket req = link_open_req();

    for (int i = 0; i < 50; i++) {
        nng_dialer dialer;

        ck_assert_int_eq(nng_dial(req, "tcp://localhost:9", &dialer, NNG_FLAG_NONBLOCK), 0);
        ck_assert_int_eq(nng_dialer_close(dialer), 0);
    }
    ck_assert_int_eq(nng_dial(req, "tcp://localhost:9", NULL, NNG_FLAG_NONBLOCK), 0);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

START_TEST(a_dialer_may_choose_where_it_dials_from)
{
    char listen[LINK_URL_BYTES];
    char url[2 * LINK_URL_BYTES];
    char source[32];
    nng_pipe client;
    nng_pipe server;
    nng_sockaddr address;
    nng_socket rep;
    nng_socket req;

    link_url(LINK_TCP, listen);
    (void)snprintf(source, sizeof(source), "127.9.%d.7", (int)(getpid() % 250));
    (void)snprintf(url, sizeof(url), "tcp://%s;%s", source, listen + strlen("tcp://"));
    rep = link_rep(listen);
    req = link_req(url);
    server = pipe_of_request(req, rep, &client);
    address = address_of(server, NNG_OPT_REMADDR);
    ck_assert_uint_eq(address.s_in.sa_addr, link_ip4(source));
    address = address_of(client, NNG_OPT_LOCADDR);
    ck_assert_uint_eq(address.s_in.sa_addr, link_ip4(source));
    close_all(req, rep);
}
END_TEST

START_TEST(a_dialer_may_be_told_where_to_dial_from)
{
    char listen[LINK_URL_BYTES];
    char source[32];
    nng_pipe client;
    nng_pipe server;
    nng_sockaddr address = {.s_in = {.sa_family = NNG_AF_INET}};
    nng_sockaddr path = {.s_ipc = {.sa_family = NNG_AF_IPC}};
    nng_dialer dialer;
    nng_socket rep;
    nng_socket req = link_open_req();

    link_url(LINK_TCP, listen);
    (void)snprintf(source, sizeof(source), "127.9.%d.8", (int)(getpid() % 250));
    rep = link_rep(listen);
    address.s_in.sa_addr = link_ip4(source);
    ck_assert_int_eq(nng_dialer_create(&dialer, req, listen), 0);
    ck_assert_int_eq(nng_dialer_set_addr(dialer, NNG_OPT_LOCADDR, &path), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_dialer_set_addr(dialer, NNG_OPT_LOCADDR, &address), 0);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), 0);
    ck_assert_int_eq(nng_dialer_set_addr(dialer, NNG_OPT_LOCADDR, &address), NNG_EBUSY);
    ck_assert_int_eq(nng_dialer_get_addr(dialer, NNG_OPT_LOCADDR, &address), 0);
    ck_assert_uint_eq(address.s_in.sa_addr, link_ip4(source));
    server = pipe_of_request(req, rep, &client);
    address = address_of(server, NNG_OPT_REMADDR);
    ck_assert_uint_eq(address.s_in.sa_addr, link_ip4(source));
    close_all(req, rep);
}
END_TEST

/* The port, or the abstract name, that the system chooses comes into a URL of its own. */
START_TEST(a_listeners_url_is_good_until_it_closes)
{
    const char *given = _i == 0 ? "tcp://127.0.0.1:0" : "abstract://";
    nng_socket rep = link_open_rep();
    nng_listener listener;
    const nng_url *before;
    const nng_url *after;

    if (_i == 1 && !link_possible(LINK_ABSTRACT)) {
        ck_assert_int_eq(nng_close(rep), 0);
        return;
    }
    ck_assert_int_eq(nng_listener_create(&listener, rep, given), 0);
    ck_assert_int_eq(nng_listener_get_url(listener, &before), 0);
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    ck_assert_str_eq(before->u_rawurl, given);
    ck_assert_int_eq(nng_listener_get_url(listener, &after), 0);
    ck_assert_str_ne(after->u_rawurl, given);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(a_source_address_of_someone_else_is_refused)
{
    nng_socket req = link_open_req();

    ck_assert_int_eq(nng_dial(req, "tcp://192.0.2.1;127.0.0.1:9", NULL, 0), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

START_TEST(an_address_of_someone_else_cannot_be_listened_on)
{
    nng_socket rep = link_open_rep();

    ck_assert_int_eq(nng_listen(rep, "tcp://192.0.2.1:5555", NULL, 0), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(tcp_options_are_the_endpoints_own)
{
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    nng_listener listener;
    nng_pipe client;
    nng_pipe server;
    char url[LINK_URL_BYTES];
    bool value;

    link_url(LINK_TCP, url);
    ck_assert_int_eq(nng_socket_get_bool(req, NNG_OPT_TCP_NODELAY, &value), 0);
    ck_assert(value);
    ck_assert_int_eq(nng_socket_get_bool(req, NNG_OPT_TCP_KEEPALIVE, &value), 0);
    ck_assert(!value);
    ck_assert_int_eq(nng_socket_set_bool(req, NNG_OPT_TCP_KEEPALIVE, true), 0);
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    ck_assert_int_eq(nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, false), 0);
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    server = pipe_of_request(req, rep, &client);
    ck_assert_int_eq(nng_pipe_get_bool(server, NNG_OPT_TCP_NODELAY, &value), 0);
    ck_assert(!value);
    ck_assert_int_eq(nng_pipe_get_bool(client, NNG_OPT_TCP_NODELAY, &value), 0);
    ck_assert(value);
    ck_assert_int_eq(nng_pipe_get_bool(client, NNG_OPT_TCP_KEEPALIVE, &value), 0);
    ck_assert(value);
    ck_assert_int_eq(nng_pipe_get_bool(server, NNG_OPT_TCP_KEEPALIVE, &value), 0);
    ck_assert(!value);
    close_all(req, rep);
}
END_TEST

/* ---- inproc ---- */

START_TEST(inproc_compares_the_whole_text)
{
    nng_socket rep = link_rep("inproc://");
    nng_socket other = link_rep("inproc://Name");
    nng_socket req = link_open_req();

    link_serves(rep, "inproc://");
    link_serves(other, "inproc://Name");
    ck_assert_int_eq(nng_dial(req, "inproc://name", NULL, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_dial(req, "inproc://Name/", NULL, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_close(req), 0);
    close_all(rep, other);
}
END_TEST

/* ---- bad addresses ---- */

enum { START = 1000 }; /* told by the start */

/* What create says, or, from START on, what start says; blocking dial and listen say the same. */
static const struct {
    const char *url;
    int dial;
    int listen;
} refused[] = {
    {"", NNG_EINVAL, NNG_EINVAL},
    {"nothing", NNG_EINVAL, NNG_EINVAL},
    {"tcp:/127.0.0.1:1", NNG_EINVAL, NNG_EINVAL},
    {"bogus://x", NNG_ENOTSUP, NNG_ENOTSUP},
    {"udp://127.0.0.1:5555", NNG_ENOTSUP, NNG_ENOTSUP},
    {"zt://1", NNG_ENOTSUP, NNG_ENOTSUP},
    {"://x", NNG_EINVAL, NNG_EINVAL},
    {"tcp://", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://127.0.0.1:5555/path", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://127.0.0.1:5555?query", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://127.0.0.1:5555#fragment", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://user@127.0.0.1:5555", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://a@b@127.0.0.1:5555", NNG_EINVAL, NNG_EINVAL},
    {"tcp://127.0.0.1:", NNG_EINVAL, NNG_EINVAL},
    {"tcp://[::1:5555", NNG_EINVAL, NNG_EINVAL},
    {"tcp://[::1]x:5555", NNG_EINVAL, NNG_EINVAL},
    {"tcp://127.0.0.1:70000", START + NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://127.0.0.1:65536", START + NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://127.0.0.1:99999999999999999999", START + NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://127.0.0.1:no-such-service", START + NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://no-such-host.invalid:5555", START + NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp4://[::1]:5555", START + NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp6://127.0.0.1:5555", START + NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"tcp://no-such-host.invalid;127.0.0.1:5555", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"ipc://", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"unix://", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"abstract://bad%", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"abstract://bad%4", NNG_EADDRINVAL, NNG_EADDRINVAL},
    {"abstract://bad%zz", NNG_EADDRINVAL, NNG_EADDRINVAL},
};
enum { REFUSED = sizeof(refused) / sizeof(refused[0]) };

START_TEST(bad_addresses_are_refused)
{
    const char *url = refused[_i].url;
    int dial = refused[_i].dial;
    int listen = refused[_i].listen;
    nng_socket req = link_open_req();
    nng_listener listener;
    nng_dialer dialer;

    if ((strncmp(url, "unix:", 5) == 0 && !link_possible(LINK_UNIX)) ||
        (strncmp(url, "abstract:", 9) == 0 && !link_possible(LINK_ABSTRACT)))
        dial = listen = NNG_ENOTSUP;
    if (dial < START) {
        ck_assert_int_eq(nng_dialer_create(&dialer, req, url), dial);
    } else {
        ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
        ck_assert_int_eq(nng_dialer_start(dialer, 0), dial - START);
    }
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), dial % START);
    ck_assert_int_eq(nng_listener_create(&listener, req, url), listen);
    ck_assert_int_eq(nng_listen(req, url, NULL, 0), listen);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

START_TEST(dialers_need_a_host_and_a_port)
{
    static const char *const urls[] = {"tcp://*:5555", "tcp://:5555", "tcp://127.0.0.1",
                                       "tcp://localhost", "tcp://[::1]"};
    nng_socket req = link_open_req();
    nng_dialer dialer;

    ck_assert_int_eq(nng_dialer_create(&dialer, req, urls[_i]), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

START_TEST(schemes_and_hosts_may_be_in_capitals)
{
    char listen[LINK_URL_BYTES];
    char url[2 * LINK_URL_BYTES];
    nng_socket rep;

    link_url(LINK_TCP, listen);
    rep = link_rep(listen);
    (void)snprintf(url, sizeof(url), "TcP%s/", listen + 3);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
    link_url(LINK_IPC, listen);
    rep = link_rep(listen);
    (void)snprintf(url, sizeof(url), "IPC%s", listen + 3);
    link_serves(rep, url);
    (void)snprintf(url, sizeof(url), "unix%s", listen + 3);
    if (link_possible(LINK_UNIX))
        link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("transport");
    SRunner *runner;
    TCase *tc = tcase_create("every transport");
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, messages_of_every_size_arrive_whole, 0, LINKS);
    tcase_add_loop_test(tc, many_requests_in_a_row_are_answered, 0, LINKS);
    tcase_add_loop_test(tc, either_side_may_dial, 0, LINKS);
    tcase_add_loop_test(tc, two_clients_get_their_own_answers, 0, LINKS);
    tcase_add_loop_test(tc, a_restarted_server_gets_the_same_request_again, 0, LINKS);
    tcase_add_loop_test(tc, a_client_may_be_there_before_its_server, 0, LINKS);
    tcase_add_loop_test(tc, a_name_can_be_listened_on_again_at_once, 0, LINKS);
    tcase_add_loop_test(tc, a_socket_can_be_replaced_by_another_at_once, 0, LINKS);
    tcase_add_loop_test(tc, a_second_listener_is_refused, 0, LINKS);
    tcase_add_loop_test(tc, starting_twice_is_a_wrong_state, 0, LINKS);
    tcase_add_loop_test(tc, a_refused_dialer_can_be_started_again, 0, LINKS);
    tcase_add_test(tc, the_wait_to_dial_again_grows_to_its_limit_and_shrinks_at_success);
    tcase_add_loop_test(tc, a_busy_listener_can_be_started_later, 0, LINKS);
    tcase_add_loop_test(tc, closing_an_endpoint_leaves_the_others_alone, 0, LINKS);
    tcase_add_loop_test(tc, a_listener_closed_in_a_callback_is_closed_at_once, 0, LINKS);
    tcase_add_loop_test(tc, pipes_tell_who_is_at_both_ends, 0, LINKS);
    tcase_add_loop_test(tc, local_pipes_tell_the_peers_process, 0, LINKS);
    tcase_add_loop_test(tc, endpoints_tell_their_url, 0, LINKS);
    suite_add_tcase(suite, tc);

    tc = tcase_create("tcp");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, tcp_port_zero_is_told_by_url_and_option, 0, 8);
    tcase_add_test(tc, tcp_names_are_looked_up);
    tcase_add_test(tc, a_dialer_closes_while_its_name_is_looked_up);
    tcase_add_test(tc, a_dialer_may_choose_where_it_dials_from);
    tcase_add_test(tc, a_dialer_may_be_told_where_to_dial_from);
    tcase_add_loop_test(tc, a_listeners_url_is_good_until_it_closes, 0, 2);
    tcase_add_test(tc, a_source_address_of_someone_else_is_refused);
    tcase_add_test(tc, an_address_of_someone_else_cannot_be_listened_on);
    tcase_add_test(tc, tcp_options_are_the_endpoints_own);
    suite_add_tcase(suite, tc);

    tc = tcase_create("addresses");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, bad_addresses_are_refused, 0, REFUSED);
    tcase_add_loop_test(tc, dialers_need_a_host_and_a_port, 0, 5);
    tcase_add_test(tc, inproc_compares_the_whole_text);
    tcase_add_test(tc, schemes_and_hosts_may_be_in_capitals);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
