/*
 * What a program can do to the library: wrong calls, calls at the wrong time, closing anything at
 * any moment from anywhere, and running out of memory. Every call ends, with the right code.
 */
#include "support/fail_alloc.h"
#include "support/link.h"
#include "support/mode.h"
#include "support/raw_peer.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include "support/host.h"

#define BYTES(text) ((const uint8_t *)(text)), sizeof(text) - 1
#define ID          "\x80\x00\x00\x01"

/* ---- handles ---- */

static const uint32_t strange_ids[] = {0, 1, 0x7fffffff, 0x80000000, 0xffffffff};

static void expect_no_socket(nng_socket socket)
{
    char buffer[4];
    size_t bytes = sizeof(buffer);
    nng_listener listener;
    nng_dialer dialer;
    nng_msg *msg;
    char *text;
    int value;

    ck_assert_int_eq(nng_close(socket), NNG_ECLOSED);
    ck_assert_int_eq(nng_socket_close(socket), NNG_ECLOSED);
    ck_assert_int_eq(link_send(socket, "x", 1, 0), NNG_ECLOSED);
    ck_assert_int_eq(nng_recv(socket, buffer, &bytes, 0), NNG_ECLOSED);
    ck_assert_uint_eq(bytes, sizeof(buffer));
    ck_assert_int_eq(nng_recv(socket, &text, &bytes, NNG_FLAG_ALLOC), NNG_ECLOSED);
    ck_assert_int_eq(nng_recvmsg(socket, &msg, NNG_FLAG_NONBLOCK), NNG_ECLOSED);
    ck_assert_int_eq(nng_msg_alloc(&msg, 1), 0);
    ck_assert_int_eq(nng_sendmsg(socket, msg, 0), NNG_ECLOSED);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_dial(socket, "inproc://x", &dialer, 0), NNG_ECLOSED);
    ck_assert_int_eq(nng_listen(socket, "inproc://x", &listener, 0), NNG_ECLOSED);
    ck_assert_int_eq(nng_dialer_create(&dialer, socket, "inproc://x"), NNG_ECLOSED);
    ck_assert_int_eq(nng_listener_create(&listener, socket, "inproc://x"), NNG_ECLOSED);
    ck_assert_int_eq(nng_socket_set_int(socket, NNG_OPT_MAXTTL, 3), NNG_ECLOSED);
    ck_assert_int_eq(nng_socket_get_int(socket, NNG_OPT_MAXTTL, &value), NNG_ECLOSED);
    ck_assert_int_eq(nng_socket_get_int(socket, "nonsense", &value), NNG_ECLOSED);
    ck_assert_int_eq(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, NULL, NULL), NNG_ECLOSED);
}

static void expect_no_endpoint(uint32_t id)
{
    nng_listener listener = {id};
    nng_dialer dialer = {id};
    const nng_url *url;
    nng_duration ms;
    size_t size;

    ck_assert_int_eq(nng_dialer_close(dialer), NNG_ENOENT);
    ck_assert_int_eq(nng_listener_close(listener), NNG_ENOENT);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), NNG_ENOENT);
    ck_assert_int_eq(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), NNG_ENOENT);
    ck_assert_int_eq(nng_listener_start(listener, 0), NNG_ENOENT);
    ck_assert_int_eq(nng_dialer_get_url(dialer, &url), NNG_ENOENT);
    ck_assert_int_eq(nng_listener_get_url(listener, &url), NNG_ENOENT);
    ck_assert_int_eq(nng_dialer_get_ms(dialer, NNG_OPT_RECONNMINT, &ms), NNG_ENOENT);
    ck_assert_int_eq(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, 1), NNG_ENOENT);
    ck_assert_int_eq(nng_listener_get_size(listener, NNG_OPT_RECVMAXSZ, &size), NNG_ENOENT);
    ck_assert_int_eq(nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, 1), NNG_ENOENT);
}

static void expect_no_pipe(nng_pipe pipe)
{
    nng_sockaddr address;
    bool value;

    ck_assert_int_eq(nng_pipe_close(pipe), NNG_ENOENT);
    ck_assert_uint_eq(nng_pipe_socket(pipe).id, 0);
    ck_assert_uint_eq(nng_pipe_dialer(pipe).id, 0);
    ck_assert_uint_eq(nng_pipe_listener(pipe).id, 0);
    ck_assert_int_eq(nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address), NNG_ENOENT);
    ck_assert_int_eq(nng_pipe_get_bool(pipe, NNG_OPT_TCP_NODELAY, &value), NNG_ENOENT);
}

START_TEST(a_handle_that_was_never_open_is_harmless)
{
    nng_socket req = link_open_req();

    for (int open = 1; open >= 0; open--) {
        for (size_t i = 0; i < sizeof(strange_ids) / sizeof(strange_ids[0]); i++) {
            if (strange_ids[i] == req.id)
                continue;
            expect_no_socket((nng_socket){strange_ids[i]});
            expect_no_endpoint(strange_ids[i]);
            expect_no_pipe((nng_pipe){strange_ids[i]});
        }
        if (open == 1)
            ck_assert_int_eq(nng_close(req), 0);
    }
}
END_TEST

START_TEST(ids_of_strange_handles_are_minus_one)
{
    ck_assert_int_eq(nng_socket_id((nng_socket){0}), -1);
    ck_assert_int_eq(nng_dialer_id((nng_dialer){0x80000000}), -1);
    ck_assert_int_eq(nng_listener_id((nng_listener){0xffffffff}), -1);
    ck_assert_int_eq(nng_pipe_id((nng_pipe){0}), -1);
    ck_assert_int_eq(nng_pipe_id((nng_pipe){0x7fffffff}), 0x7fffffff);
}
END_TEST

static bool no_such_pipe(void *argument)
{
    return nng_pipe_close(*(nng_pipe *)argument) == NNG_ENOENT;
}

START_TEST(a_stale_handle_is_harmless)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    nng_listener listener;
    nng_dialer dialer;
    nng_pipe pipe;
    nng_msg *msg;

    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    ck_assert_int_eq(nng_dial(req, url, &dialer, 0), 0);
    ck_assert_int_eq(link_send(req, "x", 1, 0), 0);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
    pipe = nng_msg_get_pipe(msg);
    nng_msg_free(msg);
    expect_no_socket((nng_socket){dialer.id}); /* an id of another kind */
    expect_no_pipe((nng_pipe){rep.id});
    expect_no_endpoint(pipe.id);
    ck_assert_int_eq(nng_pipe_close(pipe), 0);
    ck_assert(link_wait(no_such_pipe, &pipe));
    expect_no_pipe(pipe);
    ck_assert_int_eq(nng_dialer_close(dialer), 0);
    ck_assert_int_eq(nng_listener_close(listener), 0);
    expect_no_endpoint(dialer.id);
    expect_no_endpoint(listener.id);
    ck_assert_int_eq(nng_close(req), 0);
    expect_no_socket(req);
    ck_assert_int_eq(nng_close(rep), 0);
    expect_no_socket(rep);
    expect_no_endpoint(listener.id);
}
END_TEST

/* ---- sending and receiving at the wrong time ---- */

START_TEST(req_and_rep_insist_on_their_turn)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    nng_msg *msg;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), NNG_ESTATE);
    ck_assert_int_eq(nng_recvmsg(req, &msg, NNG_FLAG_NONBLOCK), NNG_ESTATE);
    ck_assert_int_eq(link_send(rep, "x", 1, 0), NNG_ESTATE);
    ck_assert_int_eq(link_send(rep, "x", 1, NNG_FLAG_NONBLOCK), NNG_ESTATE);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    link_exchange(req, rep, 3);
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), NNG_ESTATE);
    ck_assert_int_eq(link_send(rep, "x", 1, 0), NNG_ESTATE);
    /* A second request takes the place of the first. */
    ck_assert_int_eq(link_send(req, "one", 3, 0), 0);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
    ck_assert_int_eq(link_send(req, "two", 3, 0), 0);
    ck_assert_int_eq(nng_sendmsg(rep, msg, 0), 0);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
    ck_assert_mem_eq(nng_msg_body(msg), "two", 3);
    /* Looking for the reply in vain does not give the request up. */
    ck_assert_int_eq(nng_recvmsg(req, NULL, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    ck_assert_int_eq(nng_sendmsg(rep, msg, 0), 0);
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), 0);
    ck_assert_mem_eq(nng_msg_body(msg), "two", 3);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(timeouts_are_kept)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req = link_open_req();
    double before;
    nng_msg *msg;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, 60), 0);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 60), 0);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, 60), 0);
    before = link_seconds();
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), NNG_ETIMEDOUT);
    ck_assert_int_eq(link_send(req, "x", 1, 0), NNG_ETIMEDOUT);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    ck_assert_int_eq(link_send(req, "x", 1, 0), 0);
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), NNG_ETIMEDOUT);
    ck_assert(link_seconds() - before >= 0.18);
    ck_assert(link_seconds() - before < 5);
    ck_assert_int_eq(nng_recvmsg(req, &msg, 0), NNG_ESTATE);
    ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, 0), 0);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0); /* what timed out has been sent */
    nng_msg_free(msg);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), NNG_ETIMEDOUT);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(what_was_not_sent_is_still_the_callers)
{
    nng_socket req = link_open_req();
    nng_socket rep = link_open_rep();
    char *block = nng_alloc(100);
    nng_msg *msg;

    ck_assert_int_eq(nng_msg_alloc(&msg, 0), 0);
    ck_assert_int_eq(nng_msg_append(msg, "body", 5), 0);
    ck_assert_int_eq(nng_sendmsg(req, msg, NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, 10), 0);
    ck_assert_int_eq(nng_sendmsg(req, msg, 0), NNG_ETIMEDOUT);
    ck_assert_int_eq(nng_sendmsg(rep, msg, 0), NNG_ESTATE);
    ck_assert_uint_eq(nng_msg_len(msg), 5);
    ck_assert_str_eq(nng_msg_body(msg), "body");
    nng_msg_free(msg);
    memset(block, 'b', 100);
    ck_assert_int_eq(nng_send(req, block, 100, NNG_FLAG_ALLOC | NNG_FLAG_NONBLOCK), NNG_EAGAIN);
    ck_assert_int_eq(nng_send(req, block, 100, NNG_FLAG_ALLOC), NNG_ETIMEDOUT);
    ck_assert_int_eq(nng_send(rep, block, 100, NNG_FLAG_ALLOC), NNG_ESTATE);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(block[i], 'b');
    ck_assert_int_eq(nng_sendmsg(req, NULL, 0), NNG_EINVAL);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_send(req, block, 100, NNG_FLAG_ALLOC), NNG_ECLOSED);
    nng_free(block, 100);
}
END_TEST

START_TEST(a_buffer_gets_what_fits_and_the_whole_length)
{
    static const size_t rooms[] = {0, 1, 9, 10, 11};
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
        char buffer[12] = "...........";
        size_t bytes = rooms[i];

        ck_assert_int_eq(link_send(req, "0123456789", 10, 0), 0);
        ck_assert_int_eq(nng_recv(rep, buffer, &bytes, 0), 0);
        ck_assert_uint_eq(bytes, 10);
        ck_assert_mem_eq(buffer, "0123456789", rooms[i] < 10 ? rooms[i] : 10);
        ck_assert_int_eq(buffer[rooms[i] < 10 ? rooms[i] : 10], '.');
    }
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(blocks_change_hands)
{
    static const size_t sizes[] = {0, 1, 100, 70000, 1 << 20};
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *block = nng_alloc(sizes[i]);
        size_t bytes = 0;
        char *got;

        if (sizes[i] > 0)
            memset(block, 'b', sizes[i]);
        ck_assert_int_eq(nng_send(req, block, sizes[i], NNG_FLAG_ALLOC), 0);
        got = &(char){0};
        ck_assert_int_eq(nng_recv(rep, &got, &bytes, NNG_FLAG_ALLOC), 0);
        ck_assert_uint_eq(bytes, sizes[i]);
        if (bytes == 0)
            ck_assert_ptr_null(got);
        for (size_t k = 0; k < bytes; k += 97)
            ck_assert_int_eq(got[k], 'b');
        ck_assert_int_eq(nng_send(rep, got, bytes, NNG_FLAG_ALLOC), 0);
        ck_assert_int_eq(nng_recv(req, &got, &bytes, NNG_FLAG_ALLOC), 0);
        ck_assert_uint_eq(bytes, sizes[i]);
        nng_free(got, bytes);
    }
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(a_message_sent_again_has_no_old_header)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    nng_msg *msg;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    ck_assert_int_eq(nng_msg_alloc(&msg, 10), 0);
    ck_assert_int_eq(nng_msg_header_append(msg, "junkjunkjunk", 12), 0);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(nng_sendmsg(req, msg, 0), 0);
        ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
        ck_assert_uint_eq(nng_msg_header_len(msg), 0);
        ck_assert_uint_eq(nng_msg_len(msg), 10);
        ck_assert_int_eq(nng_msg_header_append(msg, "junk", 4), 0);
        ck_assert_int_eq(nng_sendmsg(rep, msg, 0), 0);
        ck_assert_int_eq(nng_recvmsg(req, &msg, 0), 0);
        ck_assert_uint_eq(nng_msg_len(msg), 10);
        ck_assert_uint_eq(nng_msg_header_len(msg), 0);
    }
    nng_msg_free(msg);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* ---- options ---- */

START_TEST(socket_options_have_types_ranges_and_defaults)
{
    nng_socket req = link_open_req();
    nng_socket raw;
    nng_duration ms = 7;
    size_t bytes;
    size_t size;
    char *text;
    bool truth;
    int value = 7;
    uint64_t u64;
    nng_sockaddr address;
    void *pointer;
    char name[100];

    /* unknown, read-only, write-only */
    ck_assert_int_eq(nng_socket_get_int(req, "nonsense", &value), NNG_ENOTSUP);
    ck_assert_int_eq(nng_socket_set_int(req, "nonsense", 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_socket_set(req, "", "x", 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_socket_set_bool(req, NNG_OPT_RAW, true), NNG_EREADONLY);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_PROTO, 1), NNG_EREADONLY);
    ck_assert_int_eq(nng_socket_set_string(req, NNG_OPT_PEERNAME, "x"), NNG_EREADONLY);
    ck_assert_int_eq(nng_socket_get_int(req, NNG_OPT_IPC_PERMISSIONS, &value), NNG_EWRITEONLY);
    ck_assert_int_eq(value, 7);
    /* the wrong type */
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_RECVTIMEO, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_set_bool(req, NNG_OPT_MAXTTL, true), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_MAXTTL, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_set_size(req, NNG_OPT_MAXTTL, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_set_uint64(req, NNG_OPT_RECVMAXSZ, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_set_string(req, NNG_OPT_MAXTTL, "1"), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_set_ptr(req, NNG_OPT_MAXTTL, &value), NNG_EBADTYPE);
    memset(&address, 0, sizeof(address));
    ck_assert_int_eq(nng_socket_set_addr(req, NNG_OPT_MAXTTL, &address), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_MAXTTL, &ms), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_bool(req, NNG_OPT_MAXTTL, &truth), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_size(req, NNG_OPT_MAXTTL, &size), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_uint64(req, NNG_OPT_MAXTTL, &u64), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_string(req, NNG_OPT_MAXTTL, &text), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_ptr(req, NNG_OPT_MAXTTL, &pointer), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_addr(req, NNG_OPT_MAXTTL, &address), NNG_EBADTYPE);
    ck_assert_int_eq(nng_socket_get_int(req, NNG_OPT_SOCKNAME, &value), NNG_EBADTYPE);
    ck_assert_int_eq(ms, 7);
    /* the wrong size */
    ck_assert_int_eq(nng_socket_set(req, NNG_OPT_MAXTTL, &value, 3), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set(req, NNG_OPT_MAXTTL, &u64, 8), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set(req, NNG_OPT_MAXTTL, NULL, 0), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set(req, NNG_OPT_SOCKNAME, "abc", 3), NNG_EINVAL); /* no NUL */
    ck_assert_int_eq(nng_socket_set(req, NNG_OPT_SOCKNAME, "abc", 4), 0);
    ck_assert_int_eq(nng_socket_set(req, NNG_OPT_MAXTTL, &value, sizeof(value)), 0);
    bytes = 2;
    ck_assert_int_eq(nng_socket_get(req, NNG_OPT_MAXTTL, &value, &bytes), NNG_EINVAL);
    ck_assert_uint_eq(bytes, sizeof(value));
    ck_assert_int_eq(nng_socket_get(req, NNG_OPT_MAXTTL, &value, &bytes), 0);
    ck_assert_int_eq(value, 7);
    bytes = 2;
    memset(name, 'x', sizeof(name));
    ck_assert_int_eq(nng_socket_get(req, NNG_OPT_SOCKNAME, name, &bytes), NNG_EINVAL);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_int_eq(name[1], 'b');
    ck_assert_int_eq(name[2], 'x');
    bytes = sizeof(name);
    ck_assert_int_eq(nng_socket_get(req, NNG_OPT_SOCKNAME, name, &bytes), 0);
    ck_assert_str_eq(name, "abc");
    /* ranges */
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, -2), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, -100), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, -1), 0);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 0x7fffffff), 0);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECONNMINT, -2), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_RECONNMAXT, -2), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_ms(req, NNG_OPT_REQ_RESENDTIME, -2), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_MAXTTL, 0), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_MAXTTL, 16), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_MAXTTL, -1), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_MAXTTL, 15), 0);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_RECVBUF, -1), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_RECVBUF, 8193), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_SENDBUF, 8192), 0);
    ck_assert_int_eq(nng_socket_set_size(req, NNG_OPT_RECVMAXSZ, (size_t)1 << 32), NNG_EINVAL);
    ck_assert_int_eq(nng_socket_set_size(req, NNG_OPT_RECVMAXSZ, 0xffffffff), 0);
    memset(name, 'n', 64);
    name[64] = '\0';
    ck_assert_int_eq(nng_socket_set_string(req, NNG_OPT_SOCKNAME, name), NNG_EINVAL);
    name[63] = '\0';
    ck_assert_int_eq(nng_socket_set_string(req, NNG_OPT_SOCKNAME, name), 0);
    ck_assert_int_eq(nng_socket_set_int(req, NNG_OPT_IPC_PERMISSIONS, 010000), NNG_EINVAL);
    ck_assert_int_eq(nng_close(req), 0);
    /* defaults */
    ck_assert_int_eq(nng_req0_open(&req), 0);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_RECVTIMEO, &ms), 0);
    ck_assert_int_eq(ms, -1);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_SENDTIMEO, &ms), 0);
    ck_assert_int_eq(ms, -1);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_RECONNMINT, &ms), 0);
    ck_assert_int_eq(ms, 1000);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_RECONNMAXT, &ms), 0);
    ck_assert_int_eq(ms, 0);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_REQ_RESENDTIME, &ms), 0);
    ck_assert_int_eq(ms, 60000);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_REQ_RESENDTICK, &ms), 0);
    ck_assert_int_eq(ms, 1000);
    ck_assert_int_eq(nng_socket_get_int(req, NNG_OPT_MAXTTL, &value), 0);
    ck_assert_int_eq(value, 8);
    ck_assert_int_eq(nng_socket_get_int(req, NNG_OPT_RECVBUF, &value), 0);
    ck_assert_int_eq(value, 1);
    ck_assert_int_eq(nng_socket_get_int(req, NNG_OPT_SENDBUF, &value), 0);
    ck_assert_int_eq(value, 0);
    ck_assert_int_eq(nng_socket_get_size(req, NNG_OPT_RECVMAXSZ, &size), 0);
    ck_assert_uint_eq(size, 0);
    ck_assert_int_eq(nng_socket_get_bool(req, NNG_OPT_RAW, &truth), 0);
    ck_assert(!truth);
    ck_assert_int_eq(nng_socket_get_int(req, NNG_OPT_PROTO, &value), 0);
    ck_assert_int_eq(value, 0x30);
    ck_assert_int_eq(nng_socket_get_int(req, NNG_OPT_PEER, &value), 0);
    ck_assert_int_eq(value, 0x31);
    ck_assert_int_eq(nng_socket_get_string(req, NNG_OPT_PROTONAME, &text), 0);
    ck_assert_str_eq(text, "req");
    nng_strfree(text);
    ck_assert_int_eq(nng_socket_get_string(req, NNG_OPT_SOCKNAME, &text), 0);
    ck_assert_int_eq(atoi(text), nng_socket_id(req));
    nng_strfree(text);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_rep0_open_raw(&raw), 0);
    ck_assert_int_eq(nng_socket_get_bool(raw, NNG_OPT_RAW, &truth), 0);
    ck_assert(truth);
    ck_assert_int_eq(nng_socket_get_ms(raw, NNG_OPT_REQ_RESENDTIME, &ms), NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(raw), 0);
}
END_TEST

START_TEST(endpoint_options_fall_back_when_asked_not_when_set)
{
    char url[LINK_URL_BYTES];
    nng_socket req = link_open_req();
    nng_listener listener;
    nng_dialer dialer;
    nng_duration ms;
    size_t size;
    char *text;
    bool truth;
    int value;

    link_url((enum link_kind)_i, url);
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
    ck_assert_int_eq(nng_listener_create(&listener, req, url), 0);
    /* what the socket has is answered by the socket, and cannot be set here */
    ck_assert_int_eq(nng_dialer_get_ms(dialer, NNG_OPT_SENDTIMEO, &ms), 0);
    ck_assert_int_eq(ms, LINK_DEADLINE_MS);
    ck_assert_int_eq(nng_listener_get_ms(listener, NNG_OPT_REQ_RESENDTIME, &ms), 0);
    ck_assert_int_eq(ms, 60000);
    ck_assert_int_eq(nng_dialer_set_ms(dialer, NNG_OPT_SENDTIMEO, 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_listener_set_ms(listener, NNG_OPT_REQ_RESENDTIME, 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_listener_set_ms(listener, NNG_OPT_RECONNMINT, 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_dialer_get_bool(dialer, NNG_OPT_SENDTIMEO, &truth), NNG_EBADTYPE);
    ck_assert_int_eq(nng_dialer_get_int(dialer, "nonsense", &value), NNG_ENOTSUP);
    ck_assert_int_eq(nng_dialer_set_int(dialer, "nonsense", 1), NNG_ENOTSUP);
    ck_assert_int_eq(nng_dialer_set_string(dialer, NNG_OPT_URL, "x"), NNG_EREADONLY);
    ck_assert_int_eq(nng_listener_set_string(listener, NNG_OPT_URL, "x"), NNG_EREADONLY);
    /* their own */
    ck_assert_int_eq(nng_dialer_get_string(dialer, NNG_OPT_URL, &text), 0);
    ck_assert_str_eq(text, url);
    nng_strfree(text);
    ck_assert_int_eq(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, 5), 0);
    ck_assert_int_eq(nng_dialer_get_ms(dialer, NNG_OPT_RECONNMINT, &ms), 0);
    ck_assert_int_eq(ms, 5);
    ck_assert_int_eq(nng_socket_get_ms(req, NNG_OPT_RECONNMINT, &ms), 0);
    ck_assert_int_eq(ms, 10);
    ck_assert_int_eq(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, -2), NNG_EINVAL);
    ck_assert_int_eq(nng_dialer_set_int(dialer, NNG_OPT_RECONNMINT, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, 100), 0);
    ck_assert_int_eq(nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, (size_t)1 << 32),
                     NNG_EINVAL);
    ck_assert_int_eq(nng_dialer_get_size(dialer, NNG_OPT_RECVMAXSZ, &size), 0);
    ck_assert_uint_eq(size, 0);
    /* the socket passes on what is set there, to present and future ones */
    ck_assert_int_eq(nng_socket_set_size(req, NNG_OPT_RECVMAXSZ, 200), 0);
    ck_assert_int_eq(nng_listener_get_size(listener, NNG_OPT_RECVMAXSZ, &size), 0);
    ck_assert_uint_eq(size, 200);
    ck_assert_int_eq(nng_dialer_close(dialer), 0);
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), 0);
    ck_assert_int_eq(nng_dialer_get_size(dialer, NNG_OPT_RECVMAXSZ, &size), 0);
    ck_assert_uint_eq(size, 200);
    /* a transport's own, elsewhere the socket's stored value */
    ck_assert_int_eq(nng_dialer_get_bool(dialer, NNG_OPT_TCP_NODELAY, &truth), 0);
    ck_assert(truth);
    ck_assert_int_eq(nng_dialer_set_bool(dialer, NNG_OPT_TCP_NODELAY, false),
                     _i == LINK_TCP ? 0 : NNG_ENOTSUP);
    ck_assert_int_eq(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &value),
                     _i == LINK_TCP ? NNG_ESTATE : NNG_ENOTSUP);
    ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600),
                     _i == LINK_IPC && host_has_unix_sockets() ? 0 : NNG_ENOTSUP);
    ck_assert_int_eq(nng_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, NULL),
                     _i == LINK_IPC && !host_has_unix_sockets() ? 0 : NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

START_TEST(pipe_options_fall_back_to_endpoint_and_socket)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req;
    nng_sockaddr address;
    nng_duration ms;
    nng_pipe pipe;
    nng_msg *msg;
    char *text;
    bool truth;
    int value;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    ck_assert_int_eq(link_send(req, "x", 1, 0), 0);
    ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
    pipe = nng_msg_get_pipe(msg);
    nng_msg_free(msg);
    ck_assert_int_eq(nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address), 0);
    ck_assert_int_eq(nng_pipe_get_int(pipe, NNG_OPT_REMADDR, &value), NNG_EBADTYPE);
    ck_assert_int_eq(nng_pipe_get_string(pipe, NNG_OPT_URL, &text), 0);
    ck_assert_str_eq(text, url);
    nng_strfree(text);
    ck_assert_int_eq(nng_pipe_get_ms(pipe, NNG_OPT_RECVTIMEO, &ms), 0);
    ck_assert_int_eq(ms, LINK_DEADLINE_MS);
    ck_assert_int_eq(nng_pipe_get_bool(pipe, NNG_OPT_TCP_NODELAY, &truth), 0);
    ck_assert(truth);
    ck_assert_int_eq(nng_pipe_get_bool(pipe, NNG_OPT_RECVTIMEO, &truth), NNG_EBADTYPE);
    ck_assert_int_eq(nng_pipe_get_int(pipe, "nonsense", &value), NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* ---- pipe events ---- */

static struct link_events events;
static struct link_events other_events;

/* The pipes come and go one after another, so the order is that of one pipe, again and again. */
START_TEST(pipe_events_come_in_order_and_in_full)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    enum { ROUNDS = 20 };

    link_url((enum link_kind)_i, url);
    link_record(&events, rep);
    link_record(&other_events, req);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    for (size_t i = 0; i < ROUNDS; i++) {
        nng_dialer dialer;

        ck_assert_int_eq(nng_dial(req, url, &dialer, 0), 0);
        link_await(&events, NNG_PIPE_EV_ADD_POST, i + 1);
        link_await(&other_events, NNG_PIPE_EV_ADD_POST, i + 1);
        link_exchange(req, rep, 1);
        ck_assert_int_eq(nng_dialer_close(dialer), 0);
        link_await(&events, NNG_PIPE_EV_REM_POST, i + 1);
        link_await(&other_events, NNG_PIPE_EV_REM_POST, i + 1);
    }
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    for (int side = 0; side < 2; side++) {
        struct link_events *seen = side == 0 ? &events : &other_events;

        ck_assert_uint_eq(seen->count, 3 * ROUNDS);
        for (size_t i = 0; i < seen->count; i++) {
            ck_assert_int_eq((int)seen->all[i].event, (int)(i % 3));
            ck_assert_uint_eq(seen->all[i].pipe.id, seen->all[i / 3 * 3].pipe.id);
        }
    }
}
END_TEST

START_TEST(closing_a_socket_tells_of_its_pipes)
{
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req = link_open_req();

    link_url((enum link_kind)_i, url);
    link_record(&events, req);
    rep = link_rep(url);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    link_await(&events, NNG_PIPE_EV_ADD_POST, 1);
    ck_assert_int_eq(nng_close(req), 0);
    link_await(&events, NNG_PIPE_EV_REM_POST, 1);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(registrations_are_replaced_removed_and_odd_ones_ignored)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_socket req;

    link_url((enum link_kind)_i, url);
    link_record(&events, rep);
    link_record(&other_events, rep);
    ck_assert_int_eq(nng_pipe_notify(rep, NNG_PIPE_EV_ADD_POST, NULL, NULL), 0);
    ck_assert_int_eq(nng_pipe_notify(rep, NNG_PIPE_EV_NUM, NULL, NULL), 0);
    ck_assert_int_eq(nng_pipe_notify(rep, (nng_pipe_ev)100, NULL, NULL), 0);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    req = link_req(url);
    link_exchange(req, rep, 1);
    ck_assert_int_eq(nng_close(req), 0);
    link_await(&other_events, NNG_PIPE_EV_REM_POST, 1);
    ck_assert_uint_eq(link_count(&other_events, NNG_PIPE_EV_ADD_PRE), 1);
    ck_assert_uint_eq(link_count(&other_events, NNG_PIPE_EV_ADD_POST), 0);
    ck_assert_uint_eq(events.count, 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* What a callback does when its event comes; both sockets of the test, and how it went. */
enum action {
    CLOSE_SOCKET,
    CLOSE_PIPE,
    CLOSE_PIPE_TWICE,
    CLOSE_DIALER,
    CLOSE_LISTENER,
    CLOSE_OTHER_SOCKET,
    ASK_ANOTHER,
    RECEIVE_IN_VAIN,
    READ_OPTIONS,
    ACTIONS
};

struct callback {
    enum action action;
    nng_pipe_ev event;
    nng_socket own;
    nng_socket other;
    nng_dialer dialer;
    nng_listener listener;
    nng_socket third; /* connected to an echo */
    atomic_int result;
    atomic_int done;
};

static int callback_act(struct callback *callback, nng_pipe pipe)
{
    nng_sockaddr address;
    char buffer[4];
    size_t bytes = sizeof(buffer);
    int rv;

    switch (callback->action) {
    case CLOSE_SOCKET:
        return nng_close(callback->own);
    case CLOSE_OTHER_SOCKET:
        return nng_close(callback->other);
    case CLOSE_PIPE:
        return nng_pipe_close(pipe);
    case CLOSE_PIPE_TWICE:
        rv = nng_pipe_close(pipe);
        return rv != 0 ? rv : nng_pipe_close(pipe);
    case CLOSE_DIALER:
        return nng_dialer_close(callback->dialer);
    case CLOSE_LISTENER:
        return nng_listener_close(callback->listener);
    case ASK_ANOTHER:
        rv = link_send(callback->third, "ask", 3, 0);
        return rv != 0 ? rv : nng_recv(callback->third, buffer, &bytes, 0);
    case RECEIVE_IN_VAIN:
        rv = nng_recv(callback->own, buffer, &bytes, 0);
        return rv == NNG_ETIMEDOUT ? 0 : rv;
    case READ_OPTIONS: /* in rem-post, what does not need the connection */
        rv = nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address);
        return rv != 0 ? rv : nng_pipe_socket(pipe).id == callback->own.id ? 0 : -1;
    case ACTIONS:
        break;
    }
    return -1;
}

static void callback_run(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct callback *callback = argument;

    (void)event;
    if (atomic_load(&callback->done) != 0)
        return;
    atomic_store(&callback->result, callback_act(callback, pipe));
    atomic_store(&callback->done, 1);
}

static bool callback_done(void *argument)
{
    return atomic_load(&((struct callback *)argument)->done) != 0;
}

/* For each action, each event and each transport: `_i`. The REP has the callback. */
START_TEST(a_callback_may_do_anything)
{
    static struct callback callback;
    enum action action = (enum action)(_i / NNG_PIPE_EV_NUM % ACTIONS);
    nng_pipe_ev event = (nng_pipe_ev)(_i % NNG_PIPE_EV_NUM);
    char url[LINK_URL_BYTES];
    nng_socket echo = link_rep("inproc://echo");
    pthread_t thread = link_echo(&echo);
    int rv;

    link_url((enum link_kind)(_i / NNG_PIPE_EV_NUM / ACTIONS), url);
    callback = (struct callback){.action = action, .event = event};
    callback.own = link_open_rep();
    callback.other = link_open_req();
    callback.third = link_req("inproc://echo");
    ck_assert_int_eq(nng_socket_set_ms(callback.own, NNG_OPT_RECVTIMEO, 20), 0);
    ck_assert_int_eq(nng_pipe_notify(callback.own, event, callback_run, &callback), 0);
    ck_assert_int_eq(nng_listen(callback.own, url, &callback.listener, 0), 0);
    ck_assert_int_eq(nng_dialer_create(&callback.dialer, callback.other, url), 0);
    rv = nng_dialer_start(callback.dialer, 0);
    ck_assert(rv == 0 || rv == NNG_ECLOSED || rv == NNG_ECONNSHUT || rv == NNG_ECONNRESET);
    if (event == NNG_PIPE_EV_REM_POST && rv == 0)
        ck_assert_int_eq(nng_dialer_close(callback.dialer), 0);
    ck_assert(link_wait(callback_done, &callback));
    rv = atomic_load(&callback.result);
    if (event == NNG_PIPE_EV_REM_POST && action == CLOSE_DIALER)
        ck_assert_int_eq(rv, NNG_ENOENT);
    else
        ck_assert_msg(rv == 0, "%s", nng_strerror(rv));
    (void)nng_close(callback.own);
    (void)nng_close(callback.other);
    ck_assert_int_eq(nng_close(callback.third), 0);
    ck_assert_int_eq(nng_close(echo), 0);
    pthread_join(thread, NULL);
}
END_TEST

static void reject(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    atomic_int *left = argument;

    if (event == NNG_PIPE_EV_ADD_PRE && atomic_fetch_sub(left, 1) > 0)
        ck_assert_int_eq(nng_pipe_close(pipe), 0);
}

START_TEST(a_pipe_rejected_in_add_pre_never_joins)
{
    static atomic_int left;
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();

    atomic_store(&left, 5);
    link_url((enum link_kind)_i, url);
    link_record(&events, rep);
    ck_assert_int_eq(nng_pipe_notify(rep, NNG_PIPE_EV_ADD_PRE, reject, &left), 0);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0); /* the transport did connect */
    link_await(&events, NNG_PIPE_EV_REM_POST, 5);
    link_exchange(req, rep, 5);
    link_await(&events, NNG_PIPE_EV_ADD_POST, 1);
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_ADD_POST), 1);
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_REM_POST), 5);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(a_dialer_may_reject_too)
{
    static atomic_int left;
    char url[LINK_URL_BYTES];
    nng_socket rep;
    nng_socket req = link_open_req();

    atomic_store(&left, 5);
    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    link_record(&events, req);
    ck_assert_int_eq(nng_pipe_notify(req, NNG_PIPE_EV_ADD_PRE, reject, &left), 0);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), 0);
    link_exchange(req, rep, 5);
    link_await(&events, NNG_PIPE_EV_REM_POST, 5);
    link_await(&events, NNG_PIPE_EV_ADD_POST, 1);
    ck_assert_uint_eq(link_count(&events, NNG_PIPE_EV_ADD_POST), 1);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* ---- close at any moment ---- */

enum moment {
    REP_RECEIVES_FROM_NOBODY,
    REP_RECEIVES,
    REQ_SENDS_TO_NOBODY,
    REQ_AWAITS_A_REPLY,
    REP_SENDS_TO_A_FULL_PIPE,
    REQ_DIALS_THE_SILENT,
    REQ_DIALS_THE_SILENT_BUT_THE_DIALER_CLOSES,
    MOMENTS
};

struct blocked {
    enum moment moment;
    nng_socket socket;
    nng_dialer dialer;
    atomic_int thread; /* its id, once it runs */
    int result;
    pthread_t handle;
};

static void *blocked_main(void *argument)
{
    static uint8_t reply[1 << 20];
    struct blocked *blocked = argument;
    nng_msg *msg;

    atomic_store(&blocked->thread, host_thread());
    switch (blocked->moment) {
    case REP_RECEIVES_FROM_NOBODY:
    case REP_RECEIVES:
    case REQ_AWAITS_A_REPLY:
        blocked->result = nng_recvmsg(blocked->socket, &msg, 0);
        break;
    case REQ_SENDS_TO_NOBODY:
        blocked->result = link_send(blocked->socket, "x", 1, 0);
        break;
    case REP_SENDS_TO_A_FULL_PIPE:
        blocked->result = nng_send(blocked->socket, reply, sizeof(reply), 0);
        break;
    case REQ_DIALS_THE_SILENT:
    case REQ_DIALS_THE_SILENT_BUT_THE_DIALER_CLOSES:
        blocked->result = nng_dialer_start(blocked->dialer, 0);
        break;
    case MOMENTS:
        break;
    }
    return NULL;
}

/* The thread sleeps in the system, or is over already: the result will tell. */
static bool sleeps(void *argument)
{
    int thread = atomic_load(&((struct blocked *)argument)->thread);

    return thread != 0 && host_thread_sleeps(thread);
}

/* Replies until the pipe takes no more; leaves one request that has no answer yet. */
static void fill_pipe(nng_socket rep, const struct raw_peer *peer)
{
    static uint8_t reply[1 << 20];
    int rv;

    do {
        nng_msg *msg;

        raw_send_frame(peer, BYTES(ID "q"));
        ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
        nng_msg_free(msg);
        rv = nng_send(rep, reply, sizeof(reply), NNG_FLAG_NONBLOCK);
    } while (rv == 0);
    ck_assert_int_eq(rv, NNG_EAGAIN);
    raw_send_frame(peer, BYTES(ID "q"));
    {
        nng_msg *msg;

        ck_assert_int_eq(nng_recvmsg(rep, &msg, 0), 0);
        nng_msg_free(msg);
    }
}

/* How long the close took; the blocked call ended with it. */
static double close_at(enum moment moment, int kind)
{
    struct blocked blocked = {.moment = moment};
    struct raw_peer peer = {-1, false};
    struct raw_peer listener = {-1, false};
    nng_socket other = link_open_req();
    char url[LINK_URL_BYTES];
    double before;
    double took;

    link_url((enum link_kind)kind, url);
    switch (moment) {
    case REP_RECEIVES_FROM_NOBODY:
        blocked.socket = link_rep(url);
        break;
    case REP_RECEIVES:
        blocked.socket = link_rep(url);
        ck_assert_int_eq(nng_dial(other, url, NULL, 0), 0);
        link_exchange(other, blocked.socket, 1);
        break;
    case REQ_SENDS_TO_NOBODY:
        blocked.socket = link_open_req();
        ck_assert_int_eq(nng_dial(blocked.socket, url, NULL, NNG_FLAG_NONBLOCK), 0);
        break;
    case REQ_AWAITS_A_REPLY:
        listener = raw_listen(url);
        blocked.socket = link_open_req();
        ck_assert_int_eq(nng_dial(blocked.socket, url, NULL, NNG_FLAG_NONBLOCK), 0);
        peer = raw_accept(&listener);
        raw_greet(&peer, RAW_REP, RAW_REQ);
        ck_assert_int_eq(link_send(blocked.socket, "q", 1, 0), 0);
        break;
    case REP_SENDS_TO_A_FULL_PIPE:
        blocked.socket = link_rep(url);
        peer = raw_connect(url);
        raw_greet(&peer, RAW_REQ, RAW_REP);
        fill_pipe(blocked.socket, &peer);
        break;
    case REQ_DIALS_THE_SILENT:
    case REQ_DIALS_THE_SILENT_BUT_THE_DIALER_CLOSES:
        listener = raw_listen(url);
        blocked.socket = link_open_req();
        ck_assert_int_eq(nng_dialer_create(&blocked.dialer, blocked.socket, url), 0);
        break;
    case MOMENTS:
        break;
    }
    pthread_create(&blocked.handle, NULL, blocked_main, &blocked);
    ck_assert(link_wait(sleeps, &blocked));
    if (blocked.dialer.id != 0)
        peer = raw_accept(&listener);
    before = link_seconds();
    if (moment == REQ_DIALS_THE_SILENT_BUT_THE_DIALER_CLOSES)
        ck_assert_int_eq(nng_dialer_close(blocked.dialer), 0);
    else
        ck_assert_int_eq(nng_close(blocked.socket), 0);
    took = link_seconds() - before;
    pthread_join(blocked.handle, NULL);
    ck_assert(link_seconds() - before < 5);
    ck_assert_msg(blocked.result == NNG_ECLOSED, "%s", nng_strerror(blocked.result));
    if (moment == REQ_DIALS_THE_SILENT_BUT_THE_DIALER_CLOSES)
        ck_assert_int_eq(nng_close(blocked.socket), 0);
    ck_assert_int_eq(nng_close(blocked.socket), NNG_ECLOSED);
    if (peer.fd >= 0) {
        raw_drain_until_close(&peer);
        raw_close(&peer);
    }
    if (listener.fd >= 0)
        raw_close(&listener);
    ck_assert_int_eq(nng_close(other), 0);
    return took;
}

/* The system may take its time once; the library must not. */
START_TEST(a_close_returns_at_once_and_ends_what_is_pending)
{
    double best = 10;

    for (int i = 0; i < 4; i++) {
        double took = close_at((enum moment)(_i / LINK_RAW), _i % LINK_RAW);

        best = took < best ? took : best;
    }
    ck_assert_msg(best < 0.1, "%f s", best);
}
END_TEST

struct closing {
    nng_socket socket;
    atomic_int *go;
    int result;
};

static void *closing_main(void *argument)
{
    struct closing *closing = argument;

    while (atomic_load(closing->go) == 0) {
    }
    closing->result = nng_close(closing->socket);
    return NULL;
}

START_TEST(many_may_close_one_socket_at_once)
{
    enum { THREADS = 4 };

    for (int round = 0; round < 50; round++) {
        struct closing closings[THREADS];
        pthread_t threads[THREADS];
        char url[LINK_URL_BYTES];
        nng_socket rep;
        nng_socket req;
        atomic_int go = 0;
        int closed = 0;

        link_url((enum link_kind)_i, url);
        rep = link_rep(url);
        req = link_req(url);
        ck_assert_int_eq(link_send(req, "x", 1, 0), 0);
        for (int i = 0; i < THREADS; i++) {
            closings[i] = (struct closing){i % 2 == 0 ? req : rep, &go, -1};
            pthread_create(&threads[i], NULL, closing_main, &closings[i]);
        }
        atomic_store(&go, 1);
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            ck_assert(closings[i].result == 0 || closings[i].result == NNG_ECLOSED);
            closed += closings[i].result == 0 ? 1 : 0;
        }
        ck_assert_int_eq(closed, 2);
    }
}
END_TEST

/* Traffic on both sides while everything is closed under it, at moments that vary. */
static void *asking_main(void *argument)
{
    nng_socket req = *(nng_socket *)argument;
    nng_msg *msg;

    while (link_send(req, "q", 1, 0) == 0 && nng_recvmsg(req, &msg, 0) == 0)
        nng_msg_free(msg);
    return NULL;
}

START_TEST(sockets_close_in_the_middle_of_traffic)
{
    for (int round = 0; round < 60; round++) {
        char url[LINK_URL_BYTES];
        nng_socket rep;
        nng_socket req[2];
        nng_listener listener;
        pthread_t echo;
        pthread_t asking[2];

        link_url((enum link_kind)_i, url);
        rep = link_open_rep();
        ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
        echo = link_echo(&rep);
        for (int i = 0; i < 2; i++) {
            req[i] = link_req(url);
            pthread_create(&asking[i], NULL, asking_main, &req[i]);
        }
        if (round % 3 == 0)
            host_sleep_ms((unsigned)round % 5);
        if (round % 2 == 0)
            ck_assert_int_eq(nng_listener_close(listener), 0);
        ck_assert_int_eq(nng_close(req[round % 2]), 0);
        ck_assert_int_eq(nng_close(rep), 0);
        ck_assert_int_eq(nng_close(req[1 - round % 2]), 0);
        pthread_join(echo, NULL);
        pthread_join(asking[0], NULL);
        pthread_join(asking[1], NULL);
    }
}
END_TEST

/* ---- nothing is left ---- */

START_TEST(the_last_close_gives_everything_back)
{
    struct link_holdings before = link_holdings();

    for (int round = 0; round < 10; round++) {
        char url[LINK_URL_BYTES];
        nng_socket rep;
        nng_socket req[10];
        struct link_holdings busy;

        link_url((enum link_kind)_i, url);
        rep = link_rep(url);
        for (int i = 0; i < 10; i++) {
            req[i] = link_req(url);
            link_exchange(req[i], rep, 100);
        }
        if (_i == LINK_TCP) /* with the thread that looks up names */
            ck_assert_int_eq(nng_dial(req[0], "tcp://localhost:9", NULL, NNG_FLAG_NONBLOCK), 0);
        ck_assert_int_eq(link_send(req[0], "pending", 7, 0), 0);
        busy = link_holdings();
        if (mode_watched())
            ck_assert_uint_gt(busy.threads, before.threads);
        else if (_i != LINK_TCP)
            ck_assert_uint_eq(busy.threads, before.threads);
        for (int i = 0; i < 10; i++)
            ck_assert_int_eq(nng_close(req[i]), 0);
        ck_assert_int_eq(nng_close(rep), 0);
        ck_assert_msg(link_wait(link_holdings_are, &before),
                      "%zu descriptors and %zu threads, not %zu and %zu", link_descriptors(),
                      link_threads(), before.descriptors, before.threads);
    }
}
END_TEST

START_TEST(a_socket_opens_again_while_the_last_one_ends)
{
    for (int round = 0; round < 300; round++) {
        nng_socket req = link_open_req();

        if (round % 3 == 0)
            ck_assert_int_eq(nng_dial(req, "inproc://nobody", NULL, NNG_FLAG_NONBLOCK), 0);
        ck_assert_int_eq(nng_close(req), 0);
    }
}
END_TEST

/* ---- without memory ---- */

enum { SHORT_MS = 5000 };

static nng_socket short_timeouts(nng_socket socket)
{
    (void)nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, SHORT_MS);
    (void)nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, SHORT_MS);
    (void)nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 2);
    return socket;
}

static int ask(nng_socket req, size_t bytes)
{
    uint8_t *data = calloc(1, bytes);
    nng_msg *msg = NULL;
    int rv = nng_send(req, data, bytes, 0);

    free(data);
    if (rv == 0)
        rv = nng_recvmsg(req, &msg, 0);
    if (rv == 0) {
        ck_assert_uint_eq(nng_msg_len(msg), bytes);
        nng_msg_free(msg);
    }
    return rv;
}

/* A server that goes on after every error but its own end. */
static void *dogged_main(void *argument)
{
    nng_socket rep = *(nng_socket *)argument;
    nng_msg *msg;
    int rv;

    do {
        rv = nng_recvmsg(rep, &msg, 0);
        if (rv == 0 && nng_sendmsg(rep, msg, 0) != 0)
            nng_msg_free(msg);
    } while (rv != NNG_ECLOSED);
    return NULL;
}

/* All of it; the first error ends it. */
static int whole_life(const char *url, int flags, size_t bytes)
{
    nng_socket rep;
    nng_socket req;
    pthread_t server;
    int rv = nng_rep0_open(&rep);

    if (rv != 0)
        return rv;
    rv = nng_req0_open(&req);
    if (rv != 0)
        goto close_rep;
    short_timeouts(rep);
    short_timeouts(req);
    rv = nng_listen(rep, url, NULL, 0);
    if (rv != 0)
        goto close_both;
    ck_assert_int_eq(pthread_create(&server, NULL, dogged_main, &rep), 0);
    rv = nng_dial(req, url, NULL, flags);
    if (rv == 0)
        rv = ask(req, bytes);
    ck_assert_int_eq(nng_close(rep), 0);
    pthread_join(server, NULL);
    ck_assert_int_eq(nng_close(req), 0);
    return rv;

close_both:
    ck_assert_int_eq(nng_close(req), 0);
close_rep:
    ck_assert_int_eq(nng_close(rep), 0);
    return rv;
}

static bool nothing_lives(void *argument)
{
    return fail_alloc_live_blocks() == 0 && link_holdings_are(argument);
}

/*
 * Fails the n-th request for memory, for every n. A call tells of it, or the library gets over it:
 * what was lost is sent again, what was refused is dialled again. Nothing waits for ever.
 */
START_TEST(every_shortage_of_memory_is_survived)
{
    int flags = _i / LINKS % 2 == 0 ? 0 : NNG_FLAG_NONBLOCK;
    size_t bytes = _i / LINKS / 2 == 0 ? 10 : 100000;
    struct link_holdings before = link_holdings();
    size_t failed = 0;
    size_t survived = 0;

    if (!link_possible((enum link_kind)(_i % LINKS)))
        return;
    for (size_t n = 1;; n++) {
        char url[LINK_URL_BYTES];
        bool reached;
        int rv;

        link_url((enum link_kind)(_i % LINKS), url);
        fail_alloc_install(n);
        rv = whole_life(url, flags, bytes);
        ck_assert_msg(link_wait(nothing_lives, &before), "the %zuth: %zu blocks left", n,
                      fail_alloc_live_blocks());
        reached = fail_alloc_calls() >= n;
        fail_alloc_finish();
        ck_assert_msg(rv == 0 || reached, "the %zuth: %s", n, nng_strerror(rv));
        ck_assert_msg(rv == 0 || rv == NNG_ENOMEM || rv == NNG_ECONNSHUT || rv == NNG_ECONNRESET ||
                          rv == NNG_ECLOSED,
                      "the %zuth: %s", n, nng_strerror(rv));
        if (!reached)
            break;
        if (rv == 0)
            survived++;
        else
            failed++;
    }
    ck_assert_uint_gt(failed, 3);
    ck_assert_uint_gt(survived, 0);
}
END_TEST

static void add_traffic(Suite *suite)
{
    TCase *tc = tcase_create("handles, turns, blocks");

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_test(tc, a_handle_that_was_never_open_is_harmless);
    tcase_add_test(tc, ids_of_strange_handles_are_minus_one);
    tcase_add_loop_test(tc, a_stale_handle_is_harmless, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, req_and_rep_insist_on_their_turn, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, timeouts_are_kept, 0, LINK_INPROC + 1);
    tcase_add_test(tc, what_was_not_sent_is_still_the_callers);
    tcase_add_loop_test(tc, a_buffer_gets_what_fits_and_the_whole_length, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, blocks_change_hands, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, a_message_sent_again_has_no_old_header, 0, LINK_INPROC + 1);
    suite_add_tcase(suite, tc);
}

int main(void)
{
    Suite *suite = suite_create("misuse");
    SRunner *runner;
    TCase *tc;
    int failed;

    add_traffic(suite);
    tc = tcase_create("options");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_add_test(tc, socket_options_have_types_ranges_and_defaults);
    tcase_add_loop_test(tc, endpoint_options_fall_back_when_asked_not_when_set, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, pipe_options_fall_back_to_endpoint_and_socket, 0, LINK_INPROC + 1);
    suite_add_tcase(suite, tc);

    tc = tcase_create("pipe events");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, pipe_events_come_in_order_and_in_full, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, closing_a_socket_tells_of_its_pipes, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, registrations_are_replaced_removed_and_odd_ones_ignored, 0,
                        LINK_INPROC + 1);
    tcase_add_loop_test(tc, a_callback_may_do_anything, 0,
                        NNG_PIPE_EV_NUM * ACTIONS * (LINK_INPROC + 1));
    tcase_add_loop_test(tc, a_pipe_rejected_in_add_pre_never_joins, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, a_dialer_may_reject_too, 0, LINK_INPROC + 1);
    suite_add_tcase(suite, tc);

    tc = tcase_create("close");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_close_returns_at_once_and_ends_what_is_pending, 0,
                        MOMENTS * LINK_RAW);
    tcase_add_loop_test(tc, many_may_close_one_socket_at_once, 0, LINK_INPROC + 1);
    tcase_add_loop_test(tc, sockets_close_in_the_middle_of_traffic, 0, LINK_INPROC + 1);
    suite_add_tcase(suite, tc);

    tc = tcase_create("nothing left");
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, the_last_close_gives_everything_back, 0, LINK_INPROC + 1);
    tcase_add_test(tc, a_socket_opens_again_while_the_last_one_ends);
    tcase_add_loop_test(tc, every_shortage_of_memory_is_survived, 0, LINKS * 2 * 2);
    suite_add_tcase(suite, tc);

    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
