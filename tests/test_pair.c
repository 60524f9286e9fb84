/* PAIR of both versions on real sockets, over every kind of transport: one scenario per test. */
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>

#include "link.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int (*opener)(nng_socket *);

enum { VERSIONS = 2, CASES = VERSIONS * (LINK_INPROC + 1), STREAM = 3000 };

static const opener versions[VERSIONS] = {nng_pair0_open, nng_pair1_open};

/* A loop test runs once per version and transport. */
static opener version_of(int i)
{
    return versions[i % VERSIONS];
}

static enum link_kind kind_of(int i)
{
    return (enum link_kind)(i / VERSIONS);
}

static nng_socket opened(opener open)
{
    nng_socket s;

    ck_assert_int_eq(open(&s), 0);
    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_RECONNMINT, 10), 0);
    return s;
}

static nng_socket listening(opener open, const char *url)
{
    nng_socket s = opened(open);

    ck_assert_int_eq(nng_listen(s, url, NULL, 0), 0);
    return s;
}

static nng_socket dialling(opener open, const char *url)
{
    nng_socket s = opened(open);

    ck_assert_int_eq(nng_dial(s, url, NULL, 0), 0);
    return s;
}

static void set_buffers(nng_socket s, int send_max, int receive_max)
{
    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_SENDBUF, send_max), 0);
    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_RECVBUF, receive_max), 0);
}

static void send_text(nng_socket s, const char *text)
{
    ck_assert_int_eq(link_send(s, text, strlen(text), 0), 0);
}

static void expect_text(nng_socket s, const char *text)
{
    char buffer[64];
    size_t bytes = sizeof(buffer);

    ck_assert_int_eq(nng_recv(s, buffer, &bytes, 0), 0);
    ck_assert_uint_eq(bytes, strlen(text));
    ck_assert_mem_eq(buffer, text, bytes);
}

static void send_number(nng_socket s, unsigned number)
{
    ck_assert_int_eq(nng_send(s, &number, sizeof(number), 0), 0);
}

static void expect_number(nng_socket s, unsigned number)
{
    unsigned got = 0;
    size_t bytes = sizeof(got);

    ck_assert_int_eq(nng_recv(s, &got, &bytes, 0), 0);
    ck_assert_uint_eq(got, number);
}

static void expect_nothing(nng_socket s)
{
    char buffer[1];
    size_t bytes = sizeof(buffer);

    ck_assert_int_eq(nng_recv(s, buffer, &bytes, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
}

static void closed(nng_socket s)
{
    ck_assert_int_eq(nng_close(s), 0);
}

/* ---- what they are ---- */

static void expect_int(nng_socket s, const char *name, int expected)
{
    int value = -1;

    ck_assert_int_eq(nng_socket_get_int(s, name, &value), 0);
    ck_assert_int_eq(value, expected);
}

START_TEST(sockets_say_what_they_are)
{
    static const struct {
        opener open;
        int number, receive_max;
        bool raw, poly;
    } all[] = {{nng_pair0_open, 0x10, 0, false, false},
               {nng_pair0_open_raw, 0x10, 0, true, false},
               {nng_pair1_open, 0x11, 0, false, false},
               {nng_pair1_open_raw, 0x11, 0, true, false},
               {nng_pair1_open_poly, 0x11, 1, false, true}};
    bool value;
    nng_socket s = opened(all[_i].open);

    expect_int(s, NNG_OPT_PROTO, all[_i].number);
    expect_int(s, NNG_OPT_PEER, all[_i].number);
    expect_int(s, NNG_OPT_RECVBUF, all[_i].receive_max);
    expect_int(s, NNG_OPT_SENDBUF, 0);
    ck_assert_int_eq(nng_socket_get_bool(s, NNG_OPT_RAW, &value), 0);
    ck_assert(value == all[_i].raw);
    ck_assert_int_eq(nng_socket_get_bool(s, NNG_OPT_PAIR1_POLY, &value),
                     all[_i].poly ? 0 : NNG_ENOTSUP);
    ck_assert_int_eq(nng_socket_set_bool(s, NNG_OPT_PAIR1_POLY, true),
                     all[_i].poly ? NNG_EREADONLY : NNG_ENOTSUP);
    ck_assert_int_eq(nng_socket_set_int(s, NNG_OPT_SENDBUF, 8193), NNG_EINVAL);
    closed(s);
}
END_TEST

/* ---- messages ---- */

START_TEST(messages_of_any_size_go_both_ways_in_order)
{
    static const size_t sizes[] = {0, 1, 3, 4, 100, 5000, 70000, 1 << 20};
    char url[LINK_URL_BYTES];
    nng_socket a;
    nng_socket b;

    link_url(kind_of(_i), url);
    a = listening(version_of(_i), url);
    b = dialling(version_of(_i), url);
    set_buffers(a, 8, 8);
    set_buffers(b, 8, 8);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        nng_socket from = i % 2 == 0 ? a : b;
        nng_socket to = i % 2 == 0 ? b : a;
        unsigned char *sent = calloc(1, sizes[i] + 1);
        void *got;
        size_t bytes;

        memset(sent, (int)i + 1, sizes[i]);
        ck_assert_int_eq(nng_send(from, sent, sizes[i], 0), 0);
        ck_assert_int_eq(nng_recv(to, &got, &bytes, NNG_FLAG_ALLOC), 0);
        ck_assert_uint_eq(bytes, sizes[i]);
        ck_assert(bytes == 0 || memcmp(got, sent, bytes) == 0);
        nng_free(got, bytes);
        free(sent);
    }
    for (unsigned i = 0; i < 8; i++) {
        send_number(a, i);
        send_number(b, 100 + i);
    }
    for (unsigned i = 0; i < 8; i++) {
        expect_number(b, i);
        expect_number(a, 100 + i);
    }
    closed(a);
    closed(b);
}
END_TEST

static void *stream_main(void *argument)
{
    nng_socket s = *(nng_socket *)argument;

    for (unsigned i = 0; i < STREAM; i++) {
        if (nng_send(s, &i, sizeof(i), 0) != 0)
            return NULL;
    }
    return argument;
}

/* Both at once, with buffers that change all the while; nothing is lost or overtaken. */
START_TEST(two_streams_cross_while_the_buffers_change)
{
    char url[LINK_URL_BYTES];
    nng_socket ends[2];
    pthread_t threads[2];

    link_url(kind_of(_i), url);
    ends[0] = listening(version_of(_i), url);
    ends[1] = dialling(version_of(_i), url);
    for (size_t k = 0; k < 2; k++)
        ck_assert_int_eq(pthread_create(&threads[k], NULL, stream_main, &ends[k]), 0);
    for (unsigned i = 0; i < STREAM; i++) {
        expect_number(ends[0], i);
        expect_number(ends[1], i);
        if (i % 16 == 0)
            set_buffers(ends[i / 16 % 2], (int)(i % 7), (int)(i % 5));
    }
    for (size_t k = 0; k < 2; k++) {
        void *result;

        pthread_join(threads[k], &result);
        ck_assert_ptr_nonnull(result);
        closed(ends[k]);
    }
}
END_TEST

/* ---- back-pressure ---- */

/* Sends numbered messages of `bytes` bytes until one would have to wait; how many went. */
static unsigned fill_up(nng_socket s, size_t bytes)
{
    unsigned char *data = calloc(1, bytes);
    unsigned count = 0;
    int rv;

    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, 100), 0);
    while (true) {
        memcpy(data, &count, sizeof(count));
        rv = nng_send(s, data, bytes, 0);
        if (rv != 0)
            break;
        count++;
        ck_assert_uint_lt(count, 4000); /* 32 MB: more than a system buffers */
    }
    ck_assert_int_eq(rv, NNG_ETIMEDOUT);
    ck_assert_int_eq(nng_send(s, data, bytes, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    ck_assert_int_eq(nng_socket_set_ms(s, NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
    free(data);
    return count;
}

START_TEST(a_peer_that_does_not_read_stops_the_sender_and_nothing_is_lost)
{
    char url[LINK_URL_BYTES];
    nng_socket a;
    nng_socket b;
    unsigned count;

    link_url(kind_of(_i), url);
    a = listening(version_of(_i), url);
    b = dialling(version_of(_i), url);
    set_buffers(a, 3, 0);
    set_buffers(b, 0, 2);
    count = fill_up(a, 8192);
    if (kind_of(_i) == LINK_INPROC)
        ck_assert_uint_eq(count, 3 + 2 + 2); /* the buffers, one in transit, one held */
    for (unsigned i = 0; i < count; i++)
        expect_number(b, i);
    expect_nothing(b);
    send_number(a, 4711);
    expect_number(b, 4711);
    closed(a);
    closed(b);
}
END_TEST

START_TEST(a_send_that_waits_goes_on_when_the_peer_reads)
{
    char url[LINK_URL_BYTES];
    nng_socket a;
    nng_socket b;
    pthread_t thread;
    void *result;
    unsigned count;

    link_url(kind_of(_i), url);
    a = listening(version_of(_i), url);
    b = dialling(version_of(_i), url);
    count = fill_up(a, 8192);
    ck_assert_int_eq(pthread_create(&thread, NULL, stream_main, &a), 0);
    for (unsigned i = 0; i < count; i++)
        expect_number(b, i);
    for (unsigned i = 0; i < STREAM; i++)
        expect_number(b, i);
    pthread_join(thread, &result);
    ck_assert_ptr_nonnull(result);
    closed(a);
    closed(b);
}
END_TEST

START_TEST(without_a_peer_so_many_wait_as_the_buffer_holds)
{
    nng_socket s = opened(versions[_i]);

    set_buffers(s, 5, 0);
    ck_assert_uint_eq(fill_up(s, 10), 5);
    closed(s);
}
END_TEST

/* ---- peers that come and go ---- */

START_TEST(what_was_sent_without_a_peer_goes_to_the_next)
{
    static struct link_events events;
    char url[LINK_URL_BYTES];
    nng_socket a;

    link_url(kind_of(_i), url);
    a = listening(version_of(_i), url);
    set_buffers(a, 4, 0);
    link_record(&events, a);
    for (unsigned round = 1; round <= 3; round++) {
        nng_socket b;

        for (unsigned i = 0; i < 4; i++)
            send_number(a, round * 10 + i);
        b = dialling(version_of(_i), url);
        link_await(&events, NNG_PIPE_EV_ADD_POST, round);
        for (unsigned i = 0; i < 4; i++)
            expect_number(b, round * 10 + i);
        send_number(b, round);
        expect_number(a, round);
        closed(b);
        link_await(&events, NNG_PIPE_EV_REM_POST, round);
    }
    closed(a);
}
END_TEST

START_TEST(a_dialler_comes_back_to_a_listener_that_came_back)
{
    char url[LINK_URL_BYTES];
    nng_socket dialler;
    nng_socket listener;

    link_url(kind_of(_i), url);
    listener = listening(version_of(_i), url);
    dialler = dialling(version_of(_i), url);
    for (unsigned round = 0; round < 3; round++) {
        send_number(listener, round);
        expect_number(dialler, round);
        closed(listener);
        listener = listening(version_of(_i), url);
    }
    send_number(listener, 99);
    expect_number(dialler, 99);
    closed(dialler);
    closed(listener);
}
END_TEST

START_TEST(a_further_peer_is_turned_away_until_the_first_has_gone)
{
    static struct link_events events;
    char url[LINK_URL_BYTES];
    nng_socket a;
    nng_socket first;
    nng_socket second;

    link_url(kind_of(_i), url);
    a = listening(version_of(_i), url);
    link_record(&events, a);
    first = dialling(version_of(_i), url);
    link_await(&events, NNG_PIPE_EV_ADD_POST, 1);
    send_text(first, "hello");
    expect_text(a, "hello");
    second = dialling(version_of(_i), url);
    link_await(&events, NNG_PIPE_EV_REM_POST, 2); /* it dials again */
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_ADD_POST), 1);
    send_text(a, "still here");
    expect_text(first, "still here");
    closed(first);
    link_await(&events, NNG_PIPE_EV_ADD_POST, 2);
    send_text(second, "my turn");
    expect_text(a, "my turn");
    closed(a);
    closed(second);
}
END_TEST

START_TEST(the_versions_are_no_mates)
{
    static struct link_events events[2];
    char url[LINK_URL_BYTES];
    nng_socket a;
    nng_socket b;

    link_url(kind_of(_i), url);
    a = listening(version_of(_i), url);
    b = opened(version_of(_i + 1));
    link_record(&events[0], a);
    link_record(&events[1], b);
    ck_assert_int_eq(nng_dial(b, url, NULL, 0), 0);
    for (size_t k = 0; k < 2; k++) {
        link_await(&events[k], NNG_PIPE_EV_REM_POST, 1);
        ck_assert_uint_eq(link_count(&events[k], NNG_PIPE_EV_ADD_POST), 0);
    }
    closed(a);
    closed(b);
}
END_TEST

struct call {
    nng_socket socket;
    bool receives;
    int result;
};

static void *call_main(void *argument)
{
    struct call *call = argument;
    char buffer[8];
    size_t bytes = sizeof(buffer);

    call->result = call->receives ? nng_recv(call->socket, buffer, &bytes, 0)
                                  : link_send(call->socket, "x", 1, 0);
    return NULL;
}

START_TEST(a_close_ends_the_calls_that_wait)
{
    nng_socket s = opened(versions[_i]);
    struct call calls[4];
    pthread_t threads[4];

    for (size_t k = 0; k < 4; k++) {
        calls[k] = (struct call){s, k % 2 == 0, 0};
        ck_assert_int_eq(pthread_create(&threads[k], NULL, call_main, &calls[k]), 0);
    }
    closed(s); /* before or after they have begun to wait: the same to them */
    for (size_t k = 0; k < 4; k++) {
        pthread_join(threads[k], NULL);
        ck_assert_int_eq(calls[k].result, NNG_ECLOSED);
    }
}
END_TEST

/* ---- raw ---- */

/* One message from a raw socket to another, as a device does it. */
static void forward(nng_socket from, nng_socket to)
{
    nng_msg *msg;

    ck_assert_int_eq(nng_recvmsg(from, &msg, 0), 0);
    ck_assert_int_eq(nng_sendmsg(to, msg, 0), 0);
}

static uint32_t hops_received(nng_socket s)
{
    nng_msg *msg;
    uint32_t hops = 0;

    ck_assert_int_eq(nng_recvmsg(s, &msg, 0), 0);
    ck_assert_uint_eq(nng_msg_header_len(msg), 4);
    ck_assert_int_eq(nng_msg_header_trim_u32(msg, &hops), 0);
    ck_assert_uint_eq(nng_msg_len(msg), 3);
    ck_assert_mem_eq(nng_msg_body(msg), "hop", 3);
    nng_msg_free(msg);
    return hops;
}

START_TEST(a_device_of_raw_sockets_adds_a_hop)
{
    char left[LINK_URL_BYTES];
    char right[LINK_URL_BYTES];
    nng_socket s[4];

    link_url((enum link_kind)_i, left);
    link_url((enum link_kind)_i, right);
    s[1] = listening(nng_pair1_open_raw, left);
    s[2] = listening(nng_pair1_open_raw, right);
    s[0] = dialling(nng_pair1_open, left);
    s[3] = dialling(nng_pair1_open, right);
    send_text(s[0], "hop");
    forward(s[1], s[2]);
    ck_assert_uint_eq(hops_received(s[3]), 2);
    send_text(s[3], "hop");
    forward(s[2], s[1]);
    ck_assert_uint_eq(hops_received(s[0]), 2);
    ck_assert_int_eq(link_send(s[1], "no header", 9, 0), NNG_EPROTO);
    for (size_t i = 0; i < 4; i++)
        closed(s[i]);
}
END_TEST

START_TEST(version_0_raw_forwards_as_it_is)
{
    char left[LINK_URL_BYTES];
    char right[LINK_URL_BYTES];
    nng_socket s[4];

    link_url((enum link_kind)_i, left);
    link_url((enum link_kind)_i, right);
    s[1] = listening(nng_pair0_open_raw, left);
    s[2] = listening(nng_pair0_open_raw, right);
    s[0] = dialling(nng_pair0_open, left);
    s[3] = dialling(nng_pair0_open, right);
    send_text(s[0], "there");
    forward(s[1], s[2]);
    expect_text(s[3], "there");
    send_text(s[3], "and back");
    forward(s[2], s[1]);
    expect_text(s[0], "and back");
    for (size_t i = 0; i < 4; i++)
        closed(s[i]);
}
END_TEST

/* ---- polyamorous ---- */

enum { PEERS = 3 };

static void send_to(nng_socket s, nng_pipe pipe, const char *text)
{
    nng_msg *msg;

    ck_assert_int_eq(nng_msg_alloc(&msg, 0), 0);
    ck_assert_int_eq(nng_msg_append(msg, text, strlen(text)), 0);
    nng_msg_set_pipe(msg, pipe);
    ck_assert_int_eq(nng_sendmsg(s, msg, 0), 0);
}

/* What a peer sent; the pipe it came by. */
static nng_pipe pipe_of_text(nng_socket s, const char *text)
{
    nng_msg *msg;
    nng_pipe pipe;

    ck_assert_int_eq(nng_recvmsg(s, &msg, 0), 0);
    ck_assert_uint_eq(nng_msg_len(msg), strlen(text));
    ck_assert_mem_eq(nng_msg_body(msg), text, strlen(text));
    pipe = nng_msg_get_pipe(msg);
    nng_msg_free(msg);
    return pipe;
}

START_TEST(three_peers_are_told_apart_by_their_pipes)
{
    static const char *const names[PEERS] = {"ann", "bob", "cid"};
    static struct link_events events;
    char url[LINK_URL_BYTES];
    nng_socket poly;
    nng_socket peers[PEERS];
    nng_pipe pipes[PEERS];

    link_url((enum link_kind)_i, url);
    poly = listening(nng_pair1_open_poly, url);
    link_record(&events, poly);
    for (size_t i = 0; i < PEERS; i++) { /* one after the other: the first is the longest there */
        peers[i] = dialling(i == 2 ? nng_pair1_open_poly : nng_pair1_open, url);
        link_await(&events, NNG_PIPE_EV_ADD_POST, i + 1);
        send_text(peers[i], names[i]);
        pipes[i] = pipe_of_text(poly, names[i]);
    }
    for (size_t i = PEERS; i-- > 0;) {
        send_to(poly, pipes[i], names[i]);
        expect_text(peers[i], names[i]);
    }
    send_text(poly, "to the first");
    expect_text(peers[0], "to the first");
    closed(peers[0]);
    link_await(&events, NNG_PIPE_EV_REM_POST, 1);
    send_to(poly, pipes[0], "gone");
    send_text(poly, "now to bob");
    expect_text(peers[1], "now to bob");
    expect_nothing(peers[2]);
    send_to(poly, pipes[2], "last");
    expect_text(peers[2], "last");
    closed(poly);
    closed(peers[1]);
    closed(peers[2]);
}
END_TEST

struct chatter {
    nng_socket socket;
    unsigned number;
    bool good;
};

enum { CHATS = 300 };

static void *chat_main(void *argument)
{
    struct chatter *chatter = argument;

    for (unsigned i = 0; i < CHATS; i++) {
        unsigned sent = chatter->number * 10000 + i;
        unsigned got = 0;
        size_t bytes = sizeof(got);

        if (nng_send(chatter->socket, &sent, sizeof(sent), 0) != 0 ||
            nng_recv(chatter->socket, &got, &bytes, 0) != 0 || got != sent)
            return NULL;
    }
    chatter->good = true;
    return NULL;
}

START_TEST(three_peers_at_once_each_get_their_own_answers)
{
    char url[LINK_URL_BYTES];
    nng_socket poly;
    struct chatter chatters[PEERS];
    pthread_t threads[PEERS];

    link_url((enum link_kind)_i, url);
    poly = listening(nng_pair1_open_poly, url);
    for (unsigned k = 0; k < PEERS; k++) {
        chatters[k] = (struct chatter){dialling(nng_pair1_open, url), k, false};
        ck_assert_int_eq(pthread_create(&threads[k], NULL, chat_main, &chatters[k]), 0);
    }
    for (unsigned i = 0; i < PEERS * CHATS; i++)
        forward(poly, poly); /* the message still has its pipe */
    for (size_t k = 0; k < PEERS; k++) {
        pthread_join(threads[k], NULL);
        ck_assert(chatters[k].good);
        closed(chatters[k].socket);
    }
    closed(poly);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 60);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("pair");
    TCase *both = add_case(suite, "both");
    TCase *own = add_case(suite, "raw and poly");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(both, messages_of_any_size_go_both_ways_in_order, 0, CASES);
    tcase_add_loop_test(both, two_streams_cross_while_the_buffers_change, 0, CASES);
    tcase_add_loop_test(both, a_peer_that_does_not_read_stops_the_sender_and_nothing_is_lost, 0,
                        CASES);
    tcase_add_loop_test(both, a_send_that_waits_goes_on_when_the_peer_reads, 0, CASES);
    tcase_add_loop_test(both, without_a_peer_so_many_wait_as_the_buffer_holds, 0, VERSIONS);
    tcase_add_loop_test(both, what_was_sent_without_a_peer_goes_to_the_next, 0, CASES);
    tcase_add_loop_test(both, a_dialler_comes_back_to_a_listener_that_came_back, 0, CASES);
    tcase_add_loop_test(both, a_further_peer_is_turned_away_until_the_first_has_gone, 0, CASES);
    tcase_add_loop_test(both, the_versions_are_no_mates, 0, CASES);
    tcase_add_loop_test(both, a_close_ends_the_calls_that_wait, 0, VERSIONS);
    tcase_add_loop_test(own, sockets_say_what_they_are, 0, 5);
    tcase_add_loop_test(own, a_device_of_raw_sockets_adds_a_hop, 0, LINK_INPROC + 1);
    tcase_add_loop_test(own, version_0_raw_forwards_as_it_is, 0, LINK_INPROC + 1);
    tcase_add_loop_test(own, three_peers_are_told_apart_by_their_pipes, 0, LINK_INPROC + 1);
    tcase_add_loop_test(own, three_peers_at_once_each_get_their_own_answers, 0, LINK_INPROC + 1);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
