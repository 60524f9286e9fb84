/* NNG_OPT_RECVFD and NNG_OPT_SENDFD on real sockets: what the program's own poll sees, and when. */
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "fail_alloc.h"
#include "host.h"
#include "link.h"
#include "mode.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SOON_MS = 50, QUIET_MS = 200, PATIENCE_MS = 5000, STRESS_MS = 2000 };
enum { SMALL_BYTES = 1, LARGE_BYTES = 10000, FILL_MAX = 10000 };

typedef int (*opener)(nng_socket *);

static const opener pairs[] = {nng_pair0_open, nng_pair0_open_raw, nng_pair1_open,
                               nng_pair1_open_raw, nng_pair1_open_poly};
enum { PAIRS = sizeof(pairs) / sizeof(pairs[0]), POLY = PAIRS - 1 };

static nng_socket opened(opener open)
{
    nng_socket s;

    ck_assert_int_eq(open(&s), 0);
    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_RECONNMINT, 10), 0);
    return s;
}

static void connect_two(nng_socket listener, nng_socket dialer, int kind)
{
    char url[LINK_URL_BYTES];

    link_url((enum link_kind)kind, url);
    ck_assert_int_eq(nng_listen(listener, url, NULL, 0), 0);
    ck_assert_int_eq(nng_dial(dialer, url, NULL, 0), 0);
}

static void closed(nng_socket s)
{
    ck_assert_int_eq(nng_close(s), 0);
}

static int descriptor_of(nng_socket s, const char *name)
{
    int descriptor = -1;

    ck_assert_int_eq(nng_socket_get_int(s, name, &descriptor), 0);
    ck_assert_int_ge(descriptor, 0);
    return descriptor;
}

struct sight {
    int descriptor;
    bool readable;
};

static bool sight_is(void *argument)
{
    const struct sight *sight = argument;

    return host_polls(sight->descriptor, 0) == sight->readable;
}

/*
 * What another socket's call leads to comes in a moment, and stays. No call of the library's meanwhile,
 * which might be what shows it.
 */
static void expect_one(nng_socket s, const char *name, bool readable)
{
    struct sight sight = {descriptor_of(s, name), readable};

    ck_assert_msg(link_wait(sight_is, &sight), "%s does not become %d", name, readable);
    mode_pause(5);
    ck_assert_msg(sight_is(&sight), "%s does not stay %d", name, readable);
}

static void expect(nng_socket s, bool receives, bool sends)
{
    expect_one(s, NNG_OPT_RECVFD, receives);
    expect_one(s, NNG_OPT_SENDFD, sends);
}

/* What the socket's own call leads to is there when the call returns. */
static void expect_now(nng_socket s, bool receives, bool sends)
{
    ck_assert_int_eq(host_polls(descriptor_of(s, NNG_OPT_RECVFD), 0), receives);
    ck_assert_int_eq(host_polls(descriptor_of(s, NNG_OPT_SENDFD), 0), sends);
}

/* With a header that any socket but a raw REQ or REP takes. */
static int try_send(nng_socket s, size_t bytes, int flags)
{
    nng_msg *msg;
    int rv;

    ck_assert_int_eq(nng_msg_alloc(&msg, bytes), 0);
    ck_assert_int_eq(nng_msg_header_append_u32(msg, 0), 0);
    rv = nng_sendmsg(s, msg, flags);
    if (rv != 0)
        nng_msg_free(msg);
    return rv;
}

static void send_one(nng_socket s)
{
    ck_assert_int_eq(try_send(s, SMALL_BYTES, 0), 0);
}

static void receive_one(nng_socket s)
{
    nng_msg *msg;

    ck_assert_int_eq(nng_recvmsg(s, &msg, NNG_FLAG_NONBLOCK), 0);
    nng_msg_free(msg);
}

/* ---- the protocols ---- */

START_TEST(pair_shows_what_waits)
{
    nng_socket a = opened(pairs[_i % PAIRS]);
    nng_socket b = opened(pairs[_i % PAIRS]);

    ck_assert_int_eq(nng_socket_set_int(a, NNG_OPT_RECVBUF, 4), 0);
    expect_now(a, false, false);
    connect_two(a, b, _i / PAIRS);
    expect(a, false, true);
    send_one(b);
    expect(a, true, true);
    send_one(b);
    mode_pause(SOON_MS); /* for the second to come */
    receive_one(a);
    expect(a, true, true);
    receive_one(a);
    expect_now(a, false, true);
    send_one(b);
    expect(a, true, true);
    closed(b);
    expect(a, true, false); /* what was received survives the peer */
    receive_one(a);
    expect_now(a, false, false);
    closed(a);
}
END_TEST

START_TEST(pair_shows_that_it_is_full_and_has_room_again)
{
    opener open = pairs[_i % POLY]; /* a polyamorous one never is */
    nng_socket a = opened(open);
    nng_socket b = opened(open);
    int sent = 0;

    connect_two(a, b, _i / POLY);
    expect(a, false, true);
    while (sent < FILL_MAX && mode_polls(descriptor_of(a, NNG_OPT_SENDFD), SOON_MS)) {
        ck_assert_int_eq(try_send(a, LARGE_BYTES, NNG_FLAG_NONBLOCK), 0);
        sent++;
    }
    ck_assert_int_lt(sent, FILL_MAX);
    ck_assert_int_eq(try_send(a, LARGE_BYTES, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    expect_now(a, false, false);
    for (; sent > 0; sent--) {
        expect_one(b, NNG_OPT_RECVFD, true);
        receive_one(b);
    }
    expect(a, false, true);
    expect(b, false, true);
    closed(a);
    closed(b);
}
END_TEST

START_TEST(a_send_buffer_counts)
{
    nng_socket s = opened(nng_pair0_open);

    expect_now(s, false, false);
    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_SENDBUF, 1), 0);
    expect_now(s, false, true);
    ck_assert_int_eq(try_send(s, SMALL_BYTES, NNG_FLAG_NONBLOCK), 0);
    expect_now(s, false, false);
    closed(s);
}
END_TEST

/* A call of another thread's that ends by its limit, and so makes room. */
static void *send_with_limit(void *argument)
{
    nng_socket *s = argument;

    ck_assert_int_eq(nng_socket_set_ms(*s, NNG_OPT_SENDTIMEO, SOON_MS), 0);
    ck_assert_int_eq(try_send(*s, SMALL_BYTES, 0), NNG_ETIMEDOUT);
    return NULL;
}

START_TEST(a_call_that_times_out_gives_way)
{
    nng_socket s = opened(nng_pair0_open);
    pthread_t thread;

    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_SENDBUF, 1), 0);
    send_one(s);
    expect_now(s, false, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, send_with_limit, &s), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    expect_now(s, false, false);
    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_SENDBUF, 2), 0);
    expect_now(s, false, true);
    closed(s);
}
END_TEST

START_TEST(req_shows_a_free_peer_and_the_answer)
{
    nng_socket req = opened(nng_req0_open);
    nng_socket rep = opened(nng_rep0_open);

    expect_now(req, false, false);
    expect_now(rep, false, false);
    connect_two(rep, req, _i);
    expect(req, false, true);
    expect(rep, false, false);
    send_one(req);
    expect(req, false, true);
    expect(rep, true, false);
    receive_one(rep);
    expect_now(rep, false, true);
    send_one(rep);
    expect_now(rep, false, false);
    expect(req, true, true);
    receive_one(req);
    expect_now(req, false, true);
    closed(rep);
    expect(req, false, false);
    closed(req);
}
END_TEST

START_TEST(a_new_request_takes_the_old_answer_away)
{
    nng_socket req = opened(nng_req0_open);
    nng_socket rep = opened(nng_rep0_open);

    connect_two(rep, req, _i);
    send_one(req);
    expect(rep, true, false);
    receive_one(rep);
    send_one(rep);
    expect(req, true, true);
    send_one(req);
    ck_assert(!host_polls(descriptor_of(req, NNG_OPT_RECVFD), 0));
    closed(rep);
    closed(req);
}
END_TEST

START_TEST(rep_may_answer_a_requester_that_is_gone)
{
    nng_socket req = opened(nng_req0_open);
    nng_socket rep = opened(nng_rep0_open);

    connect_two(rep, req, _i);
    send_one(req);
    expect(rep, true, false);
    receive_one(rep);
    expect_now(rep, false, true);
    closed(req);
    mode_pause(SOON_MS);
    expect(rep, false, true);
    ck_assert_int_eq(try_send(rep, SMALL_BYTES, NNG_FLAG_NONBLOCK), 0);
    expect_now(rep, false, false);
    closed(rep);
}
END_TEST

/* A stream that is not read tells of its end only when what waits was taken. */
START_TEST(a_request_whose_requester_left_is_not_shown)
{
    nng_socket req = opened(nng_req0_open);
    nng_socket rep = opened(nng_rep0_open);

    connect_two(rep, req, LINK_INPROC);
    send_one(req);
    expect(rep, true, false);
    closed(req);
    expect(rep, false, false);
    closed(rep);
}
END_TEST

START_TEST(a_lost_request_is_shown_once)
{
    nng_socket req = opened(nng_req0_open);
    nng_socket rep = opened(nng_rep0_open);
    nng_msg *msg;

    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_REQ_RESENDTIME, 0), 0);
    connect_two(rep, req, _i);
    send_one(req);
    expect(rep, true, false);
    closed(rep);
    expect(req, true, false);
    ck_assert_int_eq(nng_recvmsg(req, &msg, NNG_FLAG_NONBLOCK), NNG_ECONNRESET);
    expect_now(req, false, false);
    closed(req);
}
END_TEST

START_TEST(raw_req_and_rep_show_what_waits)
{
    nng_socket req = opened(nng_req0_open_raw);
    nng_socket rep = opened(nng_rep0_open_raw);
    nng_msg *msg;

    expect_now(req, false, false);
    expect_now(rep, false, true); /* its sends never wait */
    connect_two(rep, req, _i);
    expect(req, false, true);
    ck_assert_int_eq(nng_msg_alloc(&msg, 1), 0);
    ck_assert_int_eq(nng_msg_header_append_u32(msg, 0x80000001), 0);
    ck_assert_int_eq(nng_sendmsg(req, msg, 0), 0);
    expect(rep, true, true);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, NNG_FLAG_NONBLOCK), 0);
    expect_now(rep, false, true);
    ck_assert_int_eq(nng_sendmsg(rep, msg, 0), 0);
    expect(req, true, true);
    receive_one(req);
    expect_now(req, false, true);
    closed(rep);
    expect(req, false, false);
    closed(req);
}
END_TEST

/* ---- the descriptors ---- */

START_TEST(a_descriptor_is_made_once_and_goes_with_the_socket)
{
    nng_socket keep = opened(nng_pair0_open);
    nng_socket s = opened(nng_pair0_open);
    struct link_holdings before = link_holdings();
    int receives = descriptor_of(s, NNG_OPT_RECVFD);
    size_t one = link_descriptors();
    int sends = descriptor_of(s, NNG_OPT_SENDFD);
    size_t two = link_descriptors();

    ck_assert_uint_gt(one, before.descriptors);
    ck_assert_uint_gt(two, one);
    ck_assert_int_ne(receives, sends);
    ck_assert_int_eq(descriptor_of(s, NNG_OPT_RECVFD), receives);
    ck_assert_int_eq(descriptor_of(s, NNG_OPT_SENDFD), sends);
    ck_assert_uint_eq(link_descriptors(), two);
    closed(s);
    ck_assert_msg(link_wait(link_holdings_are, &before), "a descriptor is left");
    closed(keep);
}
END_TEST

START_TEST(without_memory_there_is_no_descriptor)
{
    nng_socket s;
    int fd = -2;

    fail_alloc_install(0);
    s = opened(nng_pair0_open);
    fail_alloc_at(1);
    ck_assert_int_eq(nng_socket_get_int(s, NNG_OPT_RECVFD, &fd), NNG_ENOMEM);
    fail_alloc_at(0);
    ck_assert_int_eq(fd, -2);
    ck_assert_int_ge(descriptor_of(s, NNG_OPT_RECVFD), 0);
    closed(s);
    link_teardown();
    link_setup();
    fail_alloc_finish();
}
END_TEST

START_TEST(a_descriptor_cannot_be_set)
{
    nng_socket s = opened(nng_pair0_open);

    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_RECVFD, 1), NNG_EREADONLY);
    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_SENDFD, 1), NNG_EREADONLY);
    closed(s);
}
END_TEST

static void *poll_forever(void *argument)
{
    const int *descriptor = argument;

    return host_polls(*descriptor, LINK_DEADLINE_MS) ? argument : NULL;
}

START_TEST(a_thread_that_polls_comes_back_at_close)
{
    nng_socket s = opened(nng_pair0_open);
    int descriptor = descriptor_of(s, NNG_OPT_RECVFD);
    pthread_t thread;
    void *woken = NULL;

    ck_assert_int_eq(pthread_create(&thread, NULL, poll_forever, &descriptor), 0);
    mode_pause(SOON_MS);
    closed(s);
    ck_assert_int_eq(pthread_join(thread, &woken), 0);
    ck_assert_ptr_nonnull(woken);
}
END_TEST

/* A pipe is told of after its socket's close; what it asks then must not make a descriptor. */
static atomic_int asked = -1;

static void ask_at_the_end(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    int descriptor;

    (void)event;
    (void)argument;
    atomic_store(&asked, nng_pipe_get_int(pipe, NNG_OPT_RECVFD, &descriptor));
}

static bool was_asked(void *argument)
{
    (void)argument;
    return atomic_load(&asked) != -1;
}

START_TEST(a_closed_socket_makes_none)
{
    nng_socket keep = opened(nng_pair0_open);
    struct link_holdings before = link_holdings();
    nng_socket a = opened(nng_pair0_open);
    nng_socket b = opened(nng_pair0_open);

    ck_assert_int_eq(nng_pipe_notify(a, NNG_PIPE_EV_REM_POST, ask_at_the_end, NULL), 0);
    connect_two(a, b, LINK_INPROC);
    expect(a, false, true);
    closed(a);
    ck_assert(link_wait(was_asked, NULL));
    ck_assert_int_eq(atomic_load(&asked), NNG_ECLOSED);
    closed(b);
    ck_assert_msg(link_wait(link_holdings_are, &before), "a descriptor is left");
    closed(keep);
}
END_TEST

/* ---- no change is missed ---- */

struct blaster {
    nng_socket socket;
    bool polls; /* else it blocks */
    atomic_bool stop;
    atomic_uint sent;
};

static void *blast(void *argument)
{
    struct blaster *blaster = argument;
    int descriptor = blaster->polls ? descriptor_of(blaster->socket, NNG_OPT_SENDFD) : -1;

    while (!atomic_load(&blaster->stop)) {
        int rv;

        if (blaster->polls && !mode_polls(descriptor, QUIET_MS))
            continue;
        rv = try_send(blaster->socket, SMALL_BYTES, blaster->polls ? NNG_FLAG_NONBLOCK : 0);
        ck_assert_int_eq(rv, 0); /* nobody else sends: what was shown is so */
        atomic_fetch_add(&blaster->sent, 1);
    }
    return NULL;
}

/* Receives what is there; what the descriptor showed must have been so. */
static unsigned drain(nng_socket s)
{
    unsigned count = 0;
    nng_msg *msg;
    int rv;

    while ((rv = nng_recvmsg(s, &msg, NNG_FLAG_NONBLOCK)) == 0) {
        nng_msg_free(msg);
        count++;
    }
    ck_assert_int_eq(rv, NNG_EAGAIN);
    ck_assert_uint_gt(count, 0);
    return count;
}

START_TEST(who_only_polls_misses_nothing)
{
    nng_socket a = opened(nng_pair0_open);
    struct blaster blaster = {.socket = opened(nng_pair0_open), .polls = _i % 2 != 0};
    int descriptor = descriptor_of(a, NNG_OPT_RECVFD);
    double until = link_seconds() + STRESS_MS / 1000.0;
    unsigned received = 0;
    pthread_t thread;

    ck_assert_int_eq(nng_socket_set_int(a, NNG_OPT_RECVBUF, _i / 2), 0);
    connect_two(a, blaster.socket, _i / 2);
    ck_assert_int_eq(pthread_create(&thread, NULL, blast, &blaster), 0);
    while (link_seconds() < until) {
        if (mode_polls(descriptor, QUIET_MS))
            received += drain(a);
    }
    atomic_store(&blaster.stop, true);
    /* A blaster that waits for room gets it. */
    while (mode_polls(descriptor, QUIET_MS))
        received += drain(a);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    while (received < atomic_load(&blaster.sent) && mode_polls(descriptor, PATIENCE_MS))
        received += drain(a);
    ck_assert_uint_eq(received, atomic_load(&blaster.sent));
    ck_assert_uint_gt(received, 100);
    ck_assert(!host_polls(descriptor, 0));
    closed(blaster.socket);
    closed(a);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pollable");
    TCase *tc = tcase_create("shown");
    TCase *stress = tcase_create("stress");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, pair_shows_what_waits, 0, PAIRS * (LINK_INPROC + 1));
    tcase_add_loop_test(tc, pair_shows_that_it_is_full_and_has_room_again, 0,
                        POLY * (LINK_INPROC + 1));
    tcase_add_test(tc, a_send_buffer_counts);
    tcase_add_test(tc, a_call_that_times_out_gives_way);
    tcase_add_loop_test(tc, req_shows_a_free_peer_and_the_answer, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, a_new_request_takes_the_old_answer_away, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, rep_may_answer_a_requester_that_is_gone, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_request_whose_requester_left_is_not_shown);
    tcase_add_loop_test(tc, a_lost_request_is_shown_once, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, raw_req_and_rep_show_what_waits, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_descriptor_is_made_once_and_goes_with_the_socket);
    tcase_add_test(tc, without_memory_there_is_no_descriptor);
    tcase_add_test(tc, a_descriptor_cannot_be_set);
    tcase_add_test(tc, a_thread_that_polls_comes_back_at_close);
    tcase_add_test(tc, a_closed_socket_makes_none);

    suite_add_tcase(suite, stress);
    tcase_add_checked_fixture(stress, link_setup, link_teardown);
    tcase_set_timeout(stress, 60);
    tcase_add_loop_test(stress, who_only_polls_misses_nothing, 0, 2 * (LINK_INPROC + 1));

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
