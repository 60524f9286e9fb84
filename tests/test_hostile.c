/*
 * What a peer, the system or the program itself can do wrong, on real sockets: it may cost the one
 * connection, never the process, and the next good client is served.
 */
#include "support/fail_alloc.h"
#include "support/link.h"
#include "support/raw_peer.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "support/host.h"
#include "support/victim.h"

#define BYTES(text) ((const uint8_t *)(text)), sizeof(text) - 1
#define ID          "\x80\x00\x00\x01"
#define HOP         "\x00\x00\x00\x09"
#define HOPS7       HOP HOP HOP HOP HOP HOP HOP

static const uint8_t req_hello[8] = {0, 'S', 'P', 0, 0, RAW_REQ, 0, 0};

/* ---- a REP that bare peers connect to ---- */

struct rig {
    nng_socket rep;
    char url[LINK_URL_BYTES];
    struct link_events events;
};

static struct rig rig;

static void rig_open(int kind)
{
    link_url((enum link_kind)kind, rig.url);
    rig.rep = link_open_rep();
    link_record(&rig.events, rig.rep);
    ck_assert_int_eq(nng_listen(rig.rep, rig.url, NULL, 0), 0);
}

/* Whatever happened, the same listener serves a good client, and nothing is left to be received. */
static void rig_close(void)
{
    nng_msg *msg;

    link_serves(rig.rep, rig.url);
    ck_assert_int_eq(nng_recvmsg(rig.rep, &msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    ck_assert_int_eq(nng_close(rig.rep), 0);
}

/* A bare peer after its hello, which the socket has. */
static struct raw_peer rig_peer(void)
{
    struct raw_peer peer = raw_connect(rig.url);
    size_t joined = link_count(&rig.events, NNG_PIPE_EV_ADD_POST);

    raw_greet(&peer, RAW_REQ, RAW_REP);
    link_await(&rig.events, NNG_PIPE_EV_ADD_POST, joined + 1);
    return peer;
}

/* The pipes of bad peers had `add_pre` and `rem_post`; the good client that follows has all three. */
static void rig_expect_events(size_t add_pre, size_t add_post)
{
    link_serves(rig.rep, rig.url);
    link_await(&rig.events, NNG_PIPE_EV_REM_POST, add_pre + 1);
    ck_assert_uint_eq(link_count(&rig.events, NNG_PIPE_EV_ADD_PRE), add_pre + 1);
    ck_assert_uint_eq(link_count(&rig.events, NNG_PIPE_EV_ADD_POST), add_post + 1);
    ck_assert_uint_eq(link_count(&rig.events, NNG_PIPE_EV_REM_POST), add_pre + 1);
}

/* The REP answers what waits for it, `body`, with "a". */
static void rig_answer(const char *body)
{
    char text[64];
    size_t bytes = sizeof(text) - 1;
    int rv = nng_recv(rig.rep, text, &bytes, 0);

    ck_assert_msg(rv == 0, "no request: %s", nng_strerror(rv));
    ck_assert_uint_lt(bytes, sizeof(text));
    text[bytes] = '\0';
    ck_assert_str_eq(text, body);
    ck_assert_int_eq(link_send(rig.rep, "a", 1, 0), 0);
}

static void rig_ask(const struct raw_peer *peer)
{
    raw_send_frame(peer, BYTES(ID "q"));
    rig_answer("q");
    raw_expect_frame(peer, BYTES(ID "a"));
}

/* ---- the hello ---- */

START_TEST(a_hello_with_a_wrong_byte_ends_the_connection)
{
    static const uint8_t places[] = {0, 1, 2, 3, 6, 7};
    uint8_t hello[8];
    struct raw_peer peer;

    rig_open(_i % LINK_RAW);
    for (int bit = 0; bit < 8; bit++) {
        memcpy(hello, req_hello, sizeof(hello));
        hello[places[_i / LINK_RAW]] ^= (uint8_t)(1 << bit);
        peer = raw_connect(rig.url);
        raw_expect_hello(&peer, RAW_REP);
        raw_send(&peer, hello, sizeof(hello));
        raw_expect_close(&peer);
        raw_close(&peer);
    }
    rig_expect_events(0, 0);
    rig_close();
}
END_TEST

START_TEST(a_wrong_first_byte_alone_is_not_judged)
{
    struct raw_peer peer;

    rig_open(_i);
    peer = raw_connect(rig.url);
    raw_expect_hello(&peer, RAW_REP);
    raw_send(&peer, "HTTP/1.", 7);
    link_serves(rig.rep, rig.url);
    ck_assert(!raw_readable(&peer, 0));
    raw_send(&peer, "1", 1);
    raw_expect_close(&peer);
    raw_close(&peer);
    rig_close();
}
END_TEST

START_TEST(a_wrong_protocol_is_announced_and_refused)
{
    static const uint16_t protocols[] = {0, 0x10, 0x31, 0x62, 0x3000, 0x0130, 0xffff};
    struct raw_peer peer;
    nng_msg *msg;

    rig_open(_i % LINK_RAW);
    for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
        uint8_t bytes[8 + 9 + 5] = {0, 'S', 'P', 0};
        size_t count = 8;

        bytes[4] = (uint8_t)(protocols[i] >> 8);
        bytes[5] = (uint8_t)protocols[i];
        peer = raw_connect(rig.url);
        if (_i >= LINK_RAW) { /* with a request behind it */
            count += raw_head(&peer, 5, bytes + count);
            memcpy(bytes + count, ID "q", 5);
            count += 5;
        }
        raw_send(&peer, bytes, count);
        raw_expect_hello(&peer, RAW_REP);
        raw_expect_close(&peer);
        raw_close(&peer);
    }
    ck_assert_int_eq(nng_recvmsg(rig.rep, &msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    rig_expect_events(sizeof(protocols) / sizeof(protocols[0]), 0);
    rig_close();
}
END_TEST

START_TEST(the_end_inside_the_hello_ends_the_connection)
{
    rig_open(_i);
    for (size_t count = 0; count < 8; count++) {
        struct raw_peer peer = raw_connect(rig.url);

        raw_send(&peer, req_hello, count);
        raw_finish(&peer);
        raw_drain_until_close(&peer);
        raw_close(&peer);
        peer = raw_connect(rig.url);
        raw_send(&peer, req_hello, count);
        raw_reset(&peer);
    }
    rig_expect_events(0, 0);
    rig_close();
}
END_TEST

START_TEST(a_byte_at_a_time_is_as_good_as_a_segment)
{
    struct raw_peer peer;
    uint8_t frame[9 + 5];
    size_t bytes;

    rig_open(_i);
    peer = raw_connect(rig.url);
    raw_send_bytewise(&peer, req_hello, sizeof(req_hello));
    raw_expect_hello(&peer, RAW_REP);
    bytes = raw_head(&peer, 5, frame);
    memcpy(frame + bytes, ID "q", 5);
    raw_send_bytewise(&peer, frame, bytes + 5);
    rig_answer("q");
    raw_expect_frame(&peer, BYTES(ID "a"));
    raw_close(&peer);
    rig_expect_events(1, 1);
    rig_close();
}
END_TEST

START_TEST(hello_and_requests_may_come_in_one_segment)
{
    struct raw_peer peer;
    uint8_t bytes[8 + 100 * (9 + 5)];
    size_t count = 8;

    rig_open(_i);
    peer = raw_connect(rig.url);
    memcpy(bytes, req_hello, 8);
    for (int i = 0; i < 100; i++) {
        count += raw_head(&peer, 5, bytes + count);
        memcpy(bytes + count, ID "q", 5);
        count += 5;
    }
    raw_send(&peer, bytes, count);
    raw_expect_hello(&peer, RAW_REP);
    for (int i = 0; i < 100; i++) {
        rig_answer("q");
        raw_expect_frame(&peer, BYTES(ID "a"));
    }
    raw_close(&peer);
    rig_close();
}
END_TEST

START_TEST(a_listener_greets_a_silent_client)
{
    struct raw_peer peer;

    rig_open(_i);
    peer = raw_connect(rig.url);
    raw_expect_hello(&peer, RAW_REP);
    rig_close();
    raw_expect_close(&peer);
    raw_close(&peer);
}
END_TEST

/* ---- frames ---- */

/* No system has so much memory, or adding to it would wrap round. */
static const uint64_t absurd_lengths[] = {
    UINT64_MAX,        UINT64_MAX - 1,    UINT64_MAX - 8,    UINT64_MAX - 64,
    UINT64_MAX - 4096, UINT64_C(1) << 63, INT64_MAX,         INT64_MAX - 64,
    UINT64_C(3) << 62, UINT64_C(1) << 62, UINT64_C(1) << 48,
};
enum { ABSURD = sizeof(absurd_lengths) / sizeof(absurd_lengths[0]) };

START_TEST(an_absurd_length_ends_the_connection)
{
    struct raw_peer peer;
    uint8_t bytes[17];
    long peak;

    rig_open(_i % LINK_RAW);
    peak = host_peak_kib();
    peer = rig_peer();
    raw_send_head(&peer, absurd_lengths[_i / LINK_RAW]);
    raw_expect_close(&peer);
    raw_close(&peer);
    rig_expect_events(1, 1);
    peer = raw_connect(rig.url);
    memcpy(bytes, req_hello, 8);
    raw_send(&peer, bytes, 8 + raw_head(&peer, absurd_lengths[_i / LINK_RAW], bytes + 8));
    raw_expect_hello(&peer, RAW_REP);
    raw_expect_close(&peer);
    raw_close(&peer);
    ck_assert_int_lt(host_peak_kib() - peak, 32 << 10);
    rig_close();
}
END_TEST

static bool nothing_lives(void *argument)
{
    (void)argument;
    return fail_alloc_live_blocks() == 0;
}

START_TEST(a_promise_takes_no_memory)
{
    static const uint64_t promises[] = {1 << 20, UINT64_C(2) << 30, UINT64_C(1) << 32,
                                        UINT64_C(1) << 40};
    enum { PEERS = 20 };
    struct raw_peer peers[PEERS];
    size_t before;
    long peak;

    fail_alloc_install(0);
    rig_open(_i % LINK_RAW);
    link_serves(rig.rep, rig.url);
    for (int i = 0; i < PEERS; i++)
        peers[i] = rig_peer();
    before = fail_alloc_live_bytes();
    peak = host_peak_kib();
    for (int i = 0; i < PEERS; i++)
        raw_send_head(&peers[i], promises[_i / LINK_RAW]);
    for (int i = 0; i < PEERS; i++)
        raw_send(&peers[i], ID, 4);
    for (int i = 0; i < 5; i++)
        link_serves(rig.rep, rig.url);
    ck_assert_uint_lt(fail_alloc_live_bytes(), before + PEERS * 16 * 1024);
    ck_assert_int_lt(host_peak_kib() - peak, 32 << 10);
    for (int i = 0; i < PEERS; i++)
        raw_close(&peers[i]);
    link_await(&rig.events, NNG_PIPE_EV_REM_POST, PEERS + 6);
    rig_close();
    ck_assert(link_wait(nothing_lives, NULL));
    fail_alloc_finish();
}
END_TEST

START_TEST(a_truncated_body_is_dropped)
{
    static const size_t sent[] = {0, 1, 4, 99, 8000};
    enum { CASES = sizeof(sent) / sizeof(sent[0]) };
    static const uint8_t body[8000] = {0x80};
    nng_msg *msg;

    rig_open(_i % LINK_RAW);
    for (size_t i = 0; i < CASES; i++) {
        struct raw_peer peer = rig_peer();

        raw_send_head(&peer, sent[i] + 1 + i * 1000);
        raw_send(&peer, body, sent[i]);
        if (_i < LINK_RAW)
            raw_finish(&peer);
        else
            raw_reset(&peer);
        if (_i < LINK_RAW) {
            raw_expect_close(&peer);
            raw_close(&peer);
        }
    }
    link_await(&rig.events, NNG_PIPE_EV_REM_POST, CASES);
    ck_assert_int_eq(nng_recvmsg(rig.rep, &msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    rig_expect_events(CASES, CASES);
    rig_close();
}
END_TEST

START_TEST(a_truncated_head_ends_the_connection)
{
    rig_open(_i);
    for (size_t count = 1; count < 8; count++) {
        struct raw_peer peer = rig_peer();
        uint8_t head[9];

        (void)raw_head(&peer, 5, head);
        raw_send(&peer, head, count);
        raw_finish(&peer);
        raw_expect_close(&peer);
        raw_close(&peer);
    }
    rig_expect_events(7, 7);
    rig_close();
}
END_TEST

START_TEST(an_ipc_lead_byte_other_than_one_ends_the_connection)
{
    static const uint8_t leads[] = {0, 2, 3, 0x81, 0xff};

    rig_open(LINK_IPC);
    for (size_t i = 0; i < sizeof(leads); i++) {
        struct raw_peer peer = rig_peer();
        uint8_t head[9] = {leads[i], 0, 0, 0, 0, 0, 0, 0, 5};

        raw_send(&peer, head, sizeof(head));
        raw_expect_close(&peer);
        raw_close(&peer);
    }
    rig_expect_events(sizeof(leads), sizeof(leads));
    rig_close();
}
END_TEST

START_TEST(the_receive_limit_may_be_reached_but_not_passed)
{
    static const uint8_t frame[65] = {0x80};
    struct raw_peer peer;
    char body[64];
    size_t bytes = sizeof(body);

    rig_open(_i);
    ck_assert_int_eq(nng_socket_set_size(rig.rep, NNG_OPT_RECVMAXSZ, 64), 0);
    peer = rig_peer();
    raw_send_frame(&peer, frame, 64);
    ck_assert_int_eq(nng_recv(rig.rep, body, &bytes, 0), 0);
    ck_assert_uint_eq(bytes, 60);
    ck_assert_int_eq(link_send(rig.rep, NULL, 0, 0), 0);
    raw_expect_frame(&peer, frame, 4);
    raw_send_head(&peer, 65); /* the body need not come */
    raw_expect_close(&peer);
    raw_close(&peer);
    rig_expect_events(1, 1);
    rig_close();
}
END_TEST

START_TEST(a_new_receive_limit_touches_later_pipes_only)
{
    static const uint8_t frame[65] = {0x80};
    struct raw_peer before;
    struct raw_peer after;
    nng_msg *msg;

    rig_open(_i);
    before = rig_peer();
    rig_ask(&before);
    ck_assert_int_eq(nng_socket_set_size(rig.rep, NNG_OPT_RECVMAXSZ, 64), 0);
    after = rig_peer();
    raw_send_frame(&before, frame, 65);
    ck_assert_int_eq(nng_recvmsg(rig.rep, &msg, 0), 0);
    ck_assert_uint_eq(nng_msg_len(msg), 61);
    nng_msg_free(msg);
    raw_send_head(&after, 65);
    raw_expect_close(&after);
    raw_close(&before);
    raw_close(&after);
    rig_close();
}
END_TEST

/* ---- requests that are none ---- */

enum verdict { CLOSE, DROP, DELIVER };

static const struct {
    enum verdict verdict;
    const char *bytes;
    size_t count;
} requests[] = {
#define REQUEST(verdict, text)                                                                     \
    {                                                                                              \
        verdict, text, sizeof(text) - 1                                                            \
    }
    REQUEST(CLOSE, ""),
    REQUEST(CLOSE, "\x80"),
    REQUEST(CLOSE, "\x80\x00"),
    REQUEST(CLOSE, "\x80\x00\x00"),
    REQUEST(CLOSE, HOP),
    REQUEST(CLOSE, HOP "\x80\x00\x00"),
    REQUEST(CLOSE, HOP HOP),
    REQUEST(CLOSE, HOPS7),
    REQUEST(CLOSE, HOPS7 "\x80"),
    REQUEST(DROP, HOPS7 HOP),
    REQUEST(DROP, HOPS7 HOP "x"),
    REQUEST(DROP, HOPS7 HOP ID "q"),
    REQUEST(DROP, HOPS7 HOPS7 HOPS7 ID),
    REQUEST(DELIVER, ID),
    REQUEST(DELIVER, "\x80\x00\x00\x00"),
    REQUEST(DELIVER, "\xff\xff\xff\xff"),
    REQUEST(DELIVER, HOP ID),
    REQUEST(DELIVER, HOPS7 ID),
    REQUEST(DELIVER, "\x00\x00\x00\x00" ID),
    REQUEST(DELIVER, "\x7f\xff\xff\xff" ID),
};
enum { REQUESTS = sizeof(requests) / sizeof(requests[0]) };

START_TEST(a_request_is_delivered_dropped_or_ends_its_connection)
{
    size_t count = requests[_i / LINK_RAW].count;
    uint8_t answer[128];
    struct raw_peer peer;
    nng_msg *msg;

    rig_open(_i % LINK_RAW);
    peer = rig_peer();
    raw_send_frame(&peer, requests[_i / LINK_RAW].bytes, count);
    switch (requests[_i / LINK_RAW].verdict) {
    case CLOSE:
        raw_expect_close(&peer);
        ck_assert_int_eq(nng_recvmsg(rig.rep, &msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
        break;
    case DROP:
        rig_ask(&peer);
        break;
    case DELIVER:
        rig_answer("");
        memcpy(answer, requests[_i / LINK_RAW].bytes, count);
        answer[count] = 'a';
        raw_expect_frame(&peer, answer, count + 1);
        rig_ask(&peer);
        break;
    }
    raw_close(&peer);
    rig_expect_events(1, 1);
    rig_close();
}
END_TEST

START_TEST(the_hop_limit_is_an_option)
{
    struct raw_peer peer;

    rig_open(_i);
    ck_assert_int_eq(nng_socket_set_int(rig.rep, NNG_OPT_MAXTTL, 1), 0);
    peer = rig_peer();
    raw_send_frame(&peer, BYTES(HOP ID "q"));
    rig_ask(&peer);
    ck_assert_int_eq(nng_socket_set_int(rig.rep, NNG_OPT_MAXTTL, 15), 0);
    raw_send_frame(&peer, BYTES(HOPS7 HOPS7 ID "deep"));
    rig_answer("deep");
    raw_expect_frame(&peer, BYTES(HOPS7 HOPS7 ID "a"));
    raw_send_frame(&peer, BYTES(HOPS7 HOPS7 HOP ID "q"));
    rig_ask(&peer);
    raw_close(&peer);
    rig_close();
}
END_TEST

/* ---- a REQ whose server is bare ---- */

struct asker {
    nng_socket req;
    char url[LINK_URL_BYTES];
    struct raw_peer listener;
    struct raw_peer peer;
    uint8_t id[4];
};

/* The next connection, and the request that comes on it. */
static void asker_accept(struct asker *asker, const char *body)
{
    uint8_t request[64];

    asker->peer = raw_accept(&asker->listener);
    raw_greet(&asker->peer, RAW_REP, RAW_REQ);
    ck_assert_uint_eq(raw_read_frame(&asker->peer, request, sizeof(request)), 4 + strlen(body));
    ck_assert_mem_eq(request + 4, body, strlen(body));
    ck_assert_uint_eq(request[0] >> 7, 1);
    memcpy(asker->id, request, 4);
}

static void asker_open(struct asker *asker, int kind)
{
    link_url((enum link_kind)kind, asker->url);
    asker->listener = raw_listen(asker->url);
    asker->req = link_open_req();
    ck_assert_int_eq(nng_dial(asker->req, asker->url, NULL, NNG_FLAG_NONBLOCK), 0);
    asker->peer = raw_accept(&asker->listener);
    raw_greet(&asker->peer, RAW_REP, RAW_REQ);
}

static void asker_ask(struct asker *asker, const char *body)
{
    uint8_t request[64];

    ck_assert_int_eq(link_send(asker->req, body, strlen(body), 0), 0);
    ck_assert_uint_eq(raw_read_frame(&asker->peer, request, sizeof(request)), 4 + strlen(body));
    ck_assert_mem_eq(request + 4, body, strlen(body));
    memcpy(asker->id, request, 4);
}

static void asker_reply(const struct asker *asker, const char *body)
{
    uint8_t reply[64];

    memcpy(reply, asker->id, 4);
    memcpy(reply + 4, body, strlen(body));
    raw_send_frame(&asker->peer, reply, 4 + strlen(body));
}

static void asker_expect(const struct asker *asker, const char *body)
{
    char text[64] = "";
    size_t bytes = sizeof(text) - 1;
    int rv = nng_recv(asker->req, text, &bytes, 0);

    ck_assert_msg(rv == 0, "no reply: %s", nng_strerror(rv));
    ck_assert_uint_eq(bytes, strlen(body));
    ck_assert_str_eq(text, body);
}

static void asker_close(struct asker *asker)
{
    ck_assert_int_eq(nng_close(asker->req), 0);
    raw_drain_until_close(&asker->peer);
    raw_close(&asker->peer);
    raw_close(&asker->listener);
}

START_TEST(a_reply_that_is_too_short_ends_the_connection)
{
    struct asker asker;
    uint8_t id[4];

    asker_open(&asker, _i % LINK_RAW);
    asker_ask(&asker, "q");
    memcpy(id, asker.id, 4);
    raw_send_frame(&asker.peer, asker.id, (size_t)(_i / LINK_RAW));
    raw_expect_close(&asker.peer);
    raw_close(&asker.peer);
    asker_accept(&asker, "q");
    ck_assert_mem_eq(asker.id, id, 4);
    asker_reply(&asker, "good");
    asker_expect(&asker, "good");
    asker_close(&asker);
}
END_TEST

START_TEST(a_reply_of_the_id_alone_is_empty)
{
    struct asker asker;

    asker_open(&asker, _i);
    asker_ask(&asker, "q");
    asker_reply(&asker, "");
    asker_expect(&asker, "");
    asker_close(&asker);
}
END_TEST

START_TEST(replies_to_something_else_are_dropped)
{
    uint8_t reply[16] = {0};
    struct asker asker;

    asker_open(&asker, _i);
    asker_ask(&asker, "one");
    memcpy(reply, asker.id, 4);
    reply[3]++;
    raw_send_frame(&asker.peer, reply, 9); /* an id that was never given */
    reply[3]--;
    reply[0] &= 0x7f;
    raw_send_frame(&asker.peer, reply, 9); /* without the top bit */
    memcpy(reply + 4, asker.id, 4);
    raw_send_frame(&asker.peer, reply, 9); /* a hop in front of the id */
    asker_reply(&asker, "first");
    asker_reply(&asker, "second");
    asker_expect(&asker, "first");
    asker_ask(&asker, "two");
    asker_reply(&asker, "third");
    asker_expect(&asker, "third");
    asker_close(&asker);
}
END_TEST

/* Ways of a server to break the hello, and what a blocking dial says. */
static const struct {
    const char *bytes;
    size_t count;
    int error; /* -1: an end of some kind */
} greetings[] = {
    {"\x01SP\0\0\x31\0\0", 8, NNG_EPROTO},
    {"\0XP\0\0\x31\0\0", 8, NNG_EPROTO},
    {"\0SP\1\0\x31\0\0", 8, NNG_EPROTO},
    {"\0SP\0\0\x31\1\0", 8, NNG_EPROTO},
    {"\0SP\0\0\x31\0\1", 8, NNG_EPROTO},
    {"HTTP/1.1 400 Bad Request\r\n\r\n", 28, NNG_EPROTO},
    {"", 0, -1},
    {"\0SP", 3, -1},
    {"\0SP\0\0\x31\0", 7, -1},
    {"\0SP\0\0\x30\0\0", 8, 0},
    {"\0SP\0\xff\xff\0\0", 8, 0},
};
enum { GREETINGS = sizeof(greetings) / sizeof(greetings[0]) };

struct greeter {
    struct raw_peer listener;
    size_t which;
};

static void *greeter_main(void *argument)
{
    struct greeter *greeter = argument;
    struct raw_peer peer = raw_accept(&greeter->listener);

    (void)raw_try_send(&peer, greetings[greeter->which].bytes, greetings[greeter->which].count);
    raw_finish(&peer);
    raw_drain_until_close(&peer);
    raw_close(&peer);
    return NULL;
}

START_TEST(a_dialer_tells_how_the_server_broke_its_hello)
{
    size_t which = (size_t)(_i / LINK_RAW);
    struct greeter greeter;
    struct link_events *events = &rig.events;
    char url[LINK_URL_BYTES];
    nng_socket req = link_open_req();
    nng_dialer dialer;
    pthread_t thread;
    int rv;

    link_record(events, req);
    link_url((enum link_kind)(_i % LINK_RAW), url);
    greeter = (struct greeter){raw_listen(url), which};
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
    pthread_create(&thread, NULL, greeter_main, &greeter);
    rv = nng_dialer_start(dialer, 0);
    pthread_join(thread, NULL);
    if (greetings[which].error == -1)
        ck_assert_msg(rv == NNG_ECONNSHUT || rv == NNG_ECONNRESET, "%s", nng_strerror(rv));
    else
        ck_assert_int_eq(rv, greetings[which].error);
    if (rv == 0) { /* a wrong protocol: it goes on dialling */
        struct raw_peer peer = raw_accept(&greeter.listener);

        raw_close(&peer);
        link_await(events, NNG_PIPE_EV_REM_POST, 1);
        ck_assert_uint_eq(link_count(events, NNG_PIPE_EV_ADD_POST), 0);
    } else {
        pthread_create(&thread, NULL, greeter_main, &greeter);
        ck_assert_int_eq(nng_dialer_start(dialer, 0), rv); /* may be started again */
        pthread_join(thread, NULL);
        ck_assert_uint_eq(link_count(events, NNG_PIPE_EV_ADD_PRE), 0);
    }
    ck_assert_int_eq(nng_close(req), 0);
    raw_close(&greeter.listener);
}
END_TEST

START_TEST(a_dialer_comes_back_after_every_broken_hello)
{
    struct asker asker;

    link_url((enum link_kind)_i, asker.url);
    asker.listener = raw_listen(asker.url);
    asker.req = link_open_req();
    ck_assert_int_eq(nng_dial(asker.req, asker.url, NULL, NNG_FLAG_NONBLOCK), 0);
    for (size_t i = 0; i < GREETINGS; i++) {
        asker.peer = raw_accept(&asker.listener);
        (void)raw_try_send(&asker.peer, greetings[i].bytes, greetings[i].count);
        raw_finish(&asker.peer);
        raw_drain_until_close(&asker.peer);
        raw_close(&asker.peer);
    }
    asker.peer = raw_accept(&asker.listener);
    raw_greet(&asker.peer, RAW_REP, RAW_REQ);
    asker_ask(&asker, "q");
    asker_reply(&asker, "a");
    asker_expect(&asker, "a");
    asker_close(&asker);
}
END_TEST

/* ---- many ---- */

START_TEST(a_thousand_half_open_connections_hold_nobody_up)
{
    enum { PEERS = 1000 };
    static struct raw_peer peers[PEERS];
    double before;

    host_descriptors_max(3 * PEERS);
    rig_open(_i);
    for (int i = 0; i < PEERS; i++) {
        peers[i] = raw_connect(rig.url);
        if (i % 2 == 1)
            raw_send(&peers[i], req_hello, (size_t)(i % 8));
    }
    before = link_seconds();
    for (int i = 0; i < 10; i++)
        link_serves(rig.rep, rig.url);
    ck_assert(link_seconds() - before < 5);
    for (int i = 0; i < PEERS; i++)
        raw_close(&peers[i]);
    rig_close();
}
END_TEST

struct descriptors {
    size_t count;
};

static bool descriptors_are(void *argument)
{
    return link_descriptors() <= ((struct descriptors *)argument)->count;
}

/*
 * Has the library's own thread serve a visitor, as it does while no other thread waits in the library:
 * Wine gives each thread an event for its socket calls, with the first of them.
 */
static void thread_serves(void)
{
    struct raw_peer peer = raw_connect(rig.url);

    raw_expect_hello(&peer, RAW_REP);
    raw_close(&peer);
}

START_TEST(a_thousand_short_visits_leave_nothing_behind)
{
    struct descriptors before;

    rig_open(_i);
    thread_serves();
    link_serves(rig.rep, rig.url);
    before.count = link_descriptors();
    for (int i = 0; i < 1000; i++) {
        struct raw_peer peer = raw_connect(rig.url);

        if (i % 3 == 1)
            raw_send(&peer, req_hello, sizeof(req_hello));
        if (i % 2 == 0)
            raw_close(&peer);
        else
            raw_reset(&peer);
    }
    link_serves(rig.rep, rig.url);
    ck_assert_msg(link_wait(descriptors_are, &before), "%zu descriptors, before %zu",
                  link_descriptors(), before.count);
    rig_close();
}
END_TEST

static void *dial_main(void *argument)
{
    struct asker *asker = argument;

    return (void *)(intptr_t)nng_dial(asker->req, asker->url, NULL, 0);
}

/* Both transports, both directions and several kinds of silence at once. */
START_TEST(an_unfinished_hello_is_given_ten_seconds)
{
    struct raw_peer peers[6];
    struct raw_peer listeners[2];
    struct asker askers[2];
    pthread_t threads[2];
    struct rig both[2];
    double begin = link_seconds();

    for (int kind = 0; kind < LINK_RAW; kind++) {
        rig_open(kind);
        both[kind] = rig;
        for (int i = 0; i < 3; i++) {
            peers[kind * 3 + i] = raw_connect(rig.url);
            raw_expect_hello(&peers[kind * 3 + i], RAW_REP);
            raw_send(&peers[kind * 3 + i], req_hello, (size_t)i * 3);
        }
        link_url((enum link_kind)kind, askers[kind].url);
        askers[kind].req = link_open_req();
        listeners[kind] = raw_listen(askers[kind].url);
        pthread_create(&threads[kind], NULL, dial_main, &askers[kind]);
    }
    for (int i = 0; i < 6; i++) {
        raw_expect_close(&peers[i]);
        ck_assert(link_seconds() - begin > 9.5);
        ck_assert(link_seconds() - begin < 14);
        raw_close(&peers[i]);
    }
    for (int kind = 0; kind < LINK_RAW; kind++) {
        void *result;

        pthread_join(threads[kind], &result);
        ck_assert_int_eq((int)(intptr_t)result, NNG_ETIMEDOUT);
        ck_assert(link_seconds() - begin < 14);
        ck_assert_int_eq(nng_close(askers[kind].req), 0);
        raw_close(&listeners[kind]);
        link_serves(both[kind].rep, both[kind].url);
        ck_assert_int_eq(nng_close(both[kind].rep), 0);
    }
}
END_TEST

/* ---- peers that die ---- */

enum stage { BEFORE_HELLO, AFTER_HELLO, IN_FRAME, IN_REPLY, STAGES };

static void client_act(int stage, const char *url)
{
    struct raw_peer peer = raw_connect(url);

    if (stage == BEFORE_HELLO)
        return;
    raw_greet(&peer, RAW_REQ, RAW_REP);
    if (stage == IN_FRAME)
        raw_send_head(&peer, 1000);
    if (stage == IN_FRAME)
        raw_send(&peer, ID "some", 8);
    if (stage == IN_REPLY)
        raw_send_frame(&peer, BYTES(ID "q"));
}

START_TEST(a_client_may_die_at_any_moment)
{
    int stage = _i / LINK_RAW;
    char url[LINK_URL_BYTES];
    struct victim victim;

    link_url((enum link_kind)(_i % LINK_RAW), url);
    victim = victim_start(client_act, stage, url);
    rig.rep = link_rep(url);
    strcpy(rig.url, url);
    link_record(&rig.events, rig.rep);
    victim_go(&victim);
    victim_await(&victim);
    if (stage == IN_REPLY) {
        static uint8_t reply[5 << 20];
        size_t bytes = 1;
        char request;

        ck_assert_int_eq(nng_recv(rig.rep, &request, &bytes, 0), 0);
        ck_assert_int_eq(nng_send(rig.rep, reply, sizeof(reply), 0), 0);
    }
    if (stage != BEFORE_HELLO)
        link_await(&rig.events, NNG_PIPE_EV_ADD_POST, 1);
    victim_kill(&victim);
    if (stage != BEFORE_HELLO)
        link_await(&rig.events, NNG_PIPE_EV_REM_POST, 1);
    rig_close();
}
END_TEST

static void server_act(int stage, const char *url)
{
    struct raw_peer listener = raw_listen(url);
    struct raw_peer peer = raw_accept(&listener);
    uint8_t request[64];

    if (stage == BEFORE_HELLO)
        return;
    raw_greet(&peer, RAW_REP, RAW_REQ);
    if (stage == AFTER_HELLO)
        return;
    (void)raw_read_frame(&peer, request, sizeof(request));
    if (stage == IN_REPLY) {
        raw_send_head(&peer, 1000);
        raw_send(&peer, request, 4);
    }
}

START_TEST(a_server_may_die_at_any_moment)
{
    int stage = _i / LINK_RAW;
    struct victim victim;
    struct asker asker;

    link_url((enum link_kind)(_i % LINK_RAW), asker.url);
    victim = victim_start(server_act, stage, asker.url);
    asker.req = link_open_req();
    ck_assert_int_eq(nng_dial(asker.req, asker.url, NULL, NNG_FLAG_NONBLOCK), 0);
    victim_go(&victim);
    if (stage >= IN_FRAME)
        ck_assert_int_eq(link_send(asker.req, "q", 1, 0), 0);
    victim_await(&victim);
    victim_kill(&victim);
    if (_i % LINK_RAW == LINK_IPC) /* the socket file, where there is one */
        (void)unlink(asker.url + strlen("ipc://"));
    asker.listener = raw_listen(asker.url);
    if (stage >= IN_FRAME) {
        asker_accept(&asker, "q");
    } else {
        asker.peer = raw_accept(&asker.listener);
        raw_greet(&asker.peer, RAW_REP, RAW_REQ);
        asker_ask(&asker, "q");
    }
    asker_reply(&asker, "a");
    asker_expect(&asker, "a");
    asker_close(&asker);
}
END_TEST

/* The default disposition would end the test. */
START_TEST(no_signal_reaches_the_program)
{
    static uint8_t reply[1 << 20];

    ck_assert(host_signals_are_default());
    rig_open(_i);
    for (int i = 0; i < 100; i++) {
        struct raw_peer peer = rig_peer();
        char request;
        size_t bytes = 1;

        raw_send_frame(&peer, BYTES(ID "q"));
        ck_assert_int_eq(nng_recv(rig.rep, &request, &bytes, 0), 0);
        if (i % 2 == 0)
            raw_reset(&peer);
        ck_assert_int_eq(nng_send(rig.rep, reply, i % 4 < 2 ? sizeof(reply) : 10, 0), 0);
        if (i % 2 == 1)
            raw_reset(&peer);
    }
    rig_close();
    ck_assert(host_signals_are_default());
}
END_TEST

/* ---- no more descriptors ---- */

START_TEST(an_accept_without_descriptors_waits_and_recovers)
{
    struct raw_peer peer;
    double before;

    rig_open(_i);
    link_serves(rig.rep, rig.url);
    link_await(&rig.events, NNG_PIPE_EV_REM_POST, 1);
    peer = raw_socket(rig.url);
    host_descriptors_exhaust();
    raw_connect_to(&peer, rig.url);
    before = host_cpu_seconds();
    ck_assert(!raw_readable(&peer, 500));
    ck_assert_msg(host_cpu_seconds() - before < 0.25, "it spins");
    host_descriptors_max(1000);
    raw_greet(&peer, RAW_REQ, RAW_REP);
    rig_ask(&peer);
    raw_close(&peer);
    rig_close();
}
END_TEST

START_TEST(a_dialer_without_descriptors_fails_or_tries_again)
{
    nng_socket req = link_open_req();
    nng_msg *msg;
    double before;

    rig_open(_i);
    host_descriptors_exhaust();
    ck_assert_int_eq(nng_dial(req, rig.url, NULL, 0), NNG_ENOFILES);
    ck_assert_int_eq(nng_dial(req, rig.url, NULL, NNG_FLAG_NONBLOCK), 0);
    before = host_cpu_seconds();
    ck_assert_int_eq(nng_socket_set_ms(rig.rep, NNG_OPT_RECVTIMEO, 500), 0);
    ck_assert_int_eq(nng_recvmsg(rig.rep, &msg, 0), NNG_ETIMEDOUT);
    ck_assert_msg(host_cpu_seconds() - before < 0.25, "it spins");
    host_descriptors_max(1000);
    ck_assert_int_eq(nng_socket_set_ms(rig.rep, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    link_exchange(req, rig.rep, 10);
    ck_assert_int_eq(nng_close(req), 0);
    rig_close();
}
END_TEST

START_TEST(a_listener_without_descriptors_fails_and_can_be_started_later)
{
    nng_socket rep = link_open_rep();
    nng_listener listener;
    char url[LINK_URL_BYTES];

    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    host_descriptors_exhaust();
    ck_assert_int_eq(nng_listener_start(listener, 0), NNG_ENOFILES);
    host_descriptors_max(1000);
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(without_descriptors_there_is_none_for_poll)
{
    nng_socket rep = link_open_rep();
    int descriptor = -7;

    host_descriptors_exhaust();
    ck_assert_int_eq(nng_socket_get_int(rep, NNG_OPT_RECVFD, &descriptor), NNG_ENOFILES);
    ck_assert_int_eq(descriptor, -7);
    ck_assert_int_eq(nng_close(rep), 0);
    rep = link_open_rep(); /* what the socket had is there again, so all went back */
    ck_assert_int_eq(nng_close(rep), 0);
    host_descriptors_max(1000);
}
END_TEST

START_TEST(a_socket_without_descriptors_is_not_opened)
{
    nng_socket req;

    host_descriptors_exhaust();
    ck_assert_int_eq(nng_req0_open(&req), NNG_ENOFILES);
    host_descriptors_max(1000);
    ck_assert_int_eq(nng_req0_open(&req), 0);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hostile");
    SRunner *runner;
    TCase *tc = tcase_create("hello");
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_hello_with_a_wrong_byte_ends_the_connection, 0, 6 * LINK_RAW);
    tcase_add_loop_test(tc, a_wrong_first_byte_alone_is_not_judged, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_wrong_protocol_is_announced_and_refused, 0, 2 * LINK_RAW);
    tcase_add_loop_test(tc, the_end_inside_the_hello_ends_the_connection, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_byte_at_a_time_is_as_good_as_a_segment, 0, LINK_RAW);
    tcase_add_loop_test(tc, hello_and_requests_may_come_in_one_segment, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_listener_greets_a_silent_client, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_dialer_tells_how_the_server_broke_its_hello, 0, GREETINGS * LINK_RAW);
    tcase_add_loop_test(tc, a_dialer_comes_back_after_every_broken_hello, 0, LINK_RAW);
    tcase_add_test(tc, an_unfinished_hello_is_given_ten_seconds);
    suite_add_tcase(suite, tc);

    tc = tcase_create("frames");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, an_absurd_length_ends_the_connection, 0, ABSURD * LINK_RAW);
    tcase_add_loop_test(tc, a_promise_takes_no_memory, 0, 4 * LINK_RAW);
    tcase_add_loop_test(tc, a_truncated_body_is_dropped, 0, 2 * LINK_RAW);
    tcase_add_loop_test(tc, a_truncated_head_ends_the_connection, 0, LINK_RAW);
    tcase_add_test(tc, an_ipc_lead_byte_other_than_one_ends_the_connection);
    tcase_add_loop_test(tc, the_receive_limit_may_be_reached_but_not_passed, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_new_receive_limit_touches_later_pipes_only, 0, LINK_RAW);
    suite_add_tcase(suite, tc);

    tc = tcase_create("requests and replies");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_request_is_delivered_dropped_or_ends_its_connection, 0,
                        REQUESTS * LINK_RAW);
    tcase_add_loop_test(tc, the_hop_limit_is_an_option, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_reply_that_is_too_short_ends_the_connection, 0, 4 * LINK_RAW);
    tcase_add_loop_test(tc, a_reply_of_the_id_alone_is_empty, 0, LINK_RAW);
    tcase_add_loop_test(tc, replies_to_something_else_are_dropped, 0, LINK_RAW);
    suite_add_tcase(suite, tc);

    tc = tcase_create("many and dying peers");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_thousand_half_open_connections_hold_nobody_up, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_thousand_short_visits_leave_nothing_behind, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_client_may_die_at_any_moment, 0, STAGES * LINK_RAW);
    tcase_add_loop_test(tc, a_server_may_die_at_any_moment, 0, STAGES * LINK_RAW);
    tcase_add_loop_test(tc, no_signal_reaches_the_program, 0, LINK_RAW);
    suite_add_tcase(suite, tc);

    tc = tcase_create("no more descriptors");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, an_accept_without_descriptors_waits_and_recovers, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_dialer_without_descriptors_fails_or_tries_again, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_listener_without_descriptors_fails_and_can_be_started_later, 0,
                        LINK_RAW);
    tcase_add_test(tc, a_socket_without_descriptors_is_not_opened);
    tcase_add_test(tc, without_descriptors_there_is_none_for_poll);
    if (host_limits_descriptors())
        suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
