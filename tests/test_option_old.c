/*
 * The options' old spelling: the same values and the same errors as by the new one, on every kind of
 * object. And what a socket tells of itself, and the end of all sockets.
 */
#define NNG_DEPRECATED /* this is what is tested */

#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "link.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static nng_socket rep;
static nng_socket req;
static nng_listener listener;
static nng_dialer dialer;
static nng_pipe pipe_of_req;
static char url[LINK_URL_BYTES];

static void take_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    (void)event;
    *(nng_pipe *)argument = pipe;
}

static void setup(void)
{
    link_setup();
    link_url(LINK_INPROC, url);
    rep = link_open_rep();
    req = link_open_req();
    ck_assert_int_eq(nng_pipe_notify(req, NNG_PIPE_EV_ADD_PRE, take_pipe, &pipe_of_req), 0);
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    ck_assert_int_eq(nng_dial(req, url, &dialer, 0), 0);
    link_exchange(req, rep, 3);
}

static void teardown(void)
{
    (void)nng_close(rep);
    (void)nng_close(req);
    link_teardown();
}

/* Each getter of one object; the wrong type and the unknown name are told as ever. */
#define CHECK_GETTERS(old, handle, gone, missing)                                                  \
    do {                                                                                           \
        size_t bytes_ = sizeof(int);                                                               \
        bool truth_ = true;                                                                        \
        int number_ = -1;                                                                          \
        nng_duration ms_ = -7;                                                                     \
        size_t size_ = 77;                                                                         \
        uint64_t large_ = 77;                                                                      \
        char *text_ = NULL;                                                                        \
        void *pointer_ = NULL;                                                                     \
                                                                                                   \
        ck_assert_int_eq(nng_##old##getopt(handle, NNG_OPT_PROTO, &number_, &bytes_), 0);          \
        ck_assert_int_eq(number_, self);                                                           \
        bytes_ = 1;                                                                                \
        ck_assert_int_eq(nng_##old##getopt(handle, NNG_OPT_PROTO, &number_, &bytes_), NNG_EINVAL); \
        ck_assert_uint_eq(bytes_, sizeof(int));                                                    \
        number_ = -1;                                                                              \
        ck_assert_int_eq(nng_##old##getopt_int(handle, NNG_OPT_PROTO, &number_), 0);               \
        ck_assert_int_eq(number_, self);                                                           \
        ck_assert_int_eq(nng_##old##getopt_bool(handle, NNG_OPT_RAW, &truth_), 0);                 \
        ck_assert(!truth_);                                                                        \
        ck_assert_int_eq(nng_##old##getopt_ms(handle, NNG_OPT_RECVTIMEO, &ms_), 0);                \
        ck_assert_int_eq(ms_, LINK_DEADLINE_MS);                                                   \
        ck_assert_int_eq(nng_##old##getopt_size(handle, NNG_OPT_RECVMAXSZ, &size_), 0);            \
        ck_assert_uint_eq(size_, 0);                                                               \
        ck_assert_int_eq(nng_##old##getopt_string(handle, NNG_OPT_PROTONAME, &text_), 0);          \
        ck_assert_str_eq(text_, self_name);                                                        \
        nng_strfree(text_);                                                                        \
        ck_assert_int_eq(nng_##old##getopt_uint64(handle, NNG_OPT_PROTO, &large_), NNG_EBADTYPE);  \
        ck_assert_int_eq(nng_##old##getopt_ptr(handle, NNG_OPT_PROTO, &pointer_), NNG_EBADTYPE);   \
        ck_assert_int_eq(nng_##old##getopt_int(handle, NNG_OPT_RAW, &number_), NNG_EBADTYPE);      \
        ck_assert_int_eq(nng_##old##getopt_uint64(handle, "nonsense", &large_), NNG_ENOTSUP);      \
        ck_assert_int_eq(nng_##old##getopt_ptr(handle, "nonsense", &pointer_), NNG_ENOTSUP);       \
        ck_assert_int_eq(nng_##old##getopt_int(gone, NNG_OPT_PROTO, &number_), missing);           \
        ck_assert_uint_eq(large_, 77);                                                             \
        ck_assert_ptr_null(pointer_);                                                              \
    } while (0)

/* The setters that no option of the object takes; its own are set where they are tested. */
#define CHECK_SETTERS(old, handle, gone, missing)                                                  \
    do {                                                                                           \
        size_t large_ = 1000;                                                                      \
        size_t size_ = 0;                                                                          \
        static char thing_;                                                                        \
                                                                                                   \
        ck_assert_int_eq(nng_##old##setopt(handle, NNG_OPT_RECVMAXSZ, &large_, sizeof(large_)),    \
                         0);                                                                       \
        ck_assert_int_eq(nng_##old##getopt_size(handle, NNG_OPT_RECVMAXSZ, &size_), 0);            \
        ck_assert_uint_eq(size_, 1000);                                                            \
        ck_assert_int_eq(nng_##old##setopt(handle, NNG_OPT_RECVMAXSZ, &large_, 1), NNG_EINVAL);    \
        ck_assert_int_eq(nng_##old##setopt_size(handle, NNG_OPT_RECVMAXSZ, 0), 0);                 \
        ck_assert_int_eq(nng_##old##getopt_size(handle, NNG_OPT_RECVMAXSZ, &size_), 0);            \
        ck_assert_uint_eq(size_, 0);                                                               \
        ck_assert_int_eq(nng_##old##setopt_bool(handle, NNG_OPT_RECVMAXSZ, true), NNG_EBADTYPE);   \
        ck_assert_int_eq(nng_##old##setopt_int(handle, NNG_OPT_RECVMAXSZ, 1), NNG_EBADTYPE);       \
        ck_assert_int_eq(nng_##old##setopt_ms(handle, NNG_OPT_RECVMAXSZ, 1), NNG_EBADTYPE);        \
        ck_assert_int_eq(nng_##old##setopt_uint64(handle, NNG_OPT_RECVMAXSZ, 1), NNG_EBADTYPE);    \
        ck_assert_int_eq(nng_##old##setopt_string(handle, NNG_OPT_RECVMAXSZ, "1"), NNG_EBADTYPE);  \
        ck_assert_int_eq(nng_##old##setopt_ptr(handle, NNG_OPT_RECVMAXSZ, &thing_), NNG_EBADTYPE); \
        ck_assert_int_eq(nng_##old##setopt_ptr(handle, "nonsense", &thing_), NNG_ENOTSUP);         \
        ck_assert_int_eq(nng_##old##setopt_size(gone, NNG_OPT_RECVMAXSZ, 0), missing);             \
    } while (0)

START_TEST(sockets_have_the_old_spelling)
{
    static const nng_socket gone = {0x7fffffff};
    static const char *const self_name = "rep";
    const int self = 0x31;
    char *name;
    int number = 0;
    nng_duration ms = 0;

    CHECK_GETTERS(, rep, gone, NNG_ECLOSED);
    CHECK_SETTERS(, rep, gone, NNG_ECLOSED);
    ck_assert_int_eq(nng_setopt_int(rep, NNG_OPT_MAXTTL, 3), 0);
    ck_assert_int_eq(nng_socket_get_int(rep, NNG_OPT_MAXTTL, &number), 0);
    ck_assert_int_eq(number, 3);
    ck_assert_int_eq(nng_setopt_ms(rep, NNG_OPT_SENDTIMEO, 1234), 0);
    ck_assert_int_eq(nng_socket_get_ms(rep, NNG_OPT_SENDTIMEO, &ms), 0);
    ck_assert_int_eq(ms, 1234);
    ck_assert_int_eq(nng_setopt_bool(rep, NNG_OPT_TCP_NODELAY, false), 0);
    ck_assert_int_eq(nng_setopt_string(rep, NNG_OPT_SOCKNAME, "fred"), 0);
    ck_assert_int_eq(nng_socket_get_string(rep, NNG_OPT_SOCKNAME, &name), 0);
    ck_assert_str_eq(name, "fred");
    nng_strfree(name);
    ck_assert_int_eq(nng_setopt_int(rep, NNG_OPT_PROTO, 1), NNG_EREADONLY);
}
END_TEST

START_TEST(dialers_have_the_old_spelling)
{
    static const nng_dialer gone = {0x7fffffff};
    static const char *const self_name = "req";
    const int self = 0x30;
    nng_sockaddr address;
    nng_duration ms = 0;

    CHECK_GETTERS(dialer_, dialer, gone, NNG_ENOENT);
    CHECK_SETTERS(dialer_, dialer, gone, NNG_ENOENT);
    ck_assert_int_eq(nng_dialer_setopt_ms(dialer, NNG_OPT_RECONNMINT, 7), 0);
    ck_assert_int_eq(nng_dialer_get_ms(dialer, NNG_OPT_RECONNMINT, &ms), 0);
    ck_assert_int_eq(ms, 7);
    ck_assert_int_eq(nng_dialer_getopt_sockaddr(dialer, NNG_OPT_URL, &address), NNG_EBADTYPE);
}
END_TEST

START_TEST(listeners_have_the_old_spelling)
{
    static const nng_listener gone = {0x7fffffff};
    static const char *const self_name = "rep";
    const int self = 0x31;
    nng_sockaddr address;

    CHECK_GETTERS(listener_, listener, gone, NNG_ENOENT);
    CHECK_SETTERS(listener_, listener, gone, NNG_ENOENT);
    memset(&address, 0, sizeof(address));
    ck_assert_int_eq(nng_listener_getopt_sockaddr(listener, NNG_OPT_LOCADDR, &address), 0);
    ck_assert_int_eq(address.s_family, NNG_AF_INPROC);
    ck_assert_int_eq(nng_listener_setopt_ms(listener, NNG_OPT_RECONNMINT, 7), NNG_ENOTSUP);
}
END_TEST

START_TEST(pipes_have_the_old_spelling)
{
    static const nng_pipe gone = {0x7fffffff};
    static const char *const self_name = "req";
    const int self = 0x30;
    nng_sockaddr address;

    CHECK_GETTERS(pipe_, pipe_of_req, gone, NNG_ENOENT);
    memset(&address, 0, sizeof(address));
    ck_assert_int_eq(nng_pipe_getopt_sockaddr(pipe_of_req, NNG_OPT_REMADDR, &address), 0);
    ck_assert_int_eq(address.s_family, NNG_AF_INPROC);
    ck_assert_str_eq(address.s_inproc.sa_name, url);
}
END_TEST

static void expect_about(nng_socket socket, int self, int peer, const char *self_name,
                         const char *peer_name, bool is_raw)
{
    uint16_t number = 0;
    const char *name = NULL;
    bool raw = !is_raw;

    ck_assert_int_eq(nng_socket_proto_id(socket, &number), 0);
    ck_assert_int_eq(number, self);
    ck_assert_int_eq(nng_socket_peer_id(socket, &number), 0);
    ck_assert_int_eq(number, peer);
    ck_assert_int_eq(nng_socket_proto_name(socket, &name), 0);
    ck_assert_str_eq(name, self_name);
    ck_assert_int_eq(nng_socket_peer_name(socket, &name), 0);
    ck_assert_str_eq(name, peer_name);
    ck_assert_int_eq(nng_socket_raw(socket, &raw), 0);
    ck_assert_int_eq(raw, is_raw);
}

START_TEST(a_socket_tells_its_protocol)
{
    nng_socket other;
    uint16_t number = 77;
    const char *name = url;
    bool raw;

    expect_about(rep, 0x31, 0x30, "rep", "req", false);
    expect_about(req, 0x30, 0x31, "req", "rep", false);
    ck_assert_int_eq(nng_req0_open_raw(&other), 0);
    expect_about(other, 0x30, 0x31, "req", "rep", true);
    ck_assert_int_eq(nng_close(other), 0);
    ck_assert_int_eq(nng_socket_proto_id(other, &number), NNG_ECLOSED);
    ck_assert_int_eq(nng_socket_peer_id(other, &number), NNG_ECLOSED);
    ck_assert_uint_eq(number, 77);
    ck_assert_int_eq(nng_socket_proto_name(other, &name), NNG_ECLOSED);
    ck_assert_int_eq(nng_socket_peer_name(other, &name), NNG_ECLOSED);
    ck_assert_ptr_eq(name, url);
    ck_assert_int_eq(nng_socket_raw(other, &raw), NNG_ECLOSED);
    ck_assert_int_eq(nng_pair1_open(&other), 0);
    expect_about(other, 0x11, 0x11, "pair1", "pair1", false);
    ck_assert_int_eq(nng_close(other), 0);
}
END_TEST

START_TEST(contexts_have_the_old_spelling)
{
    nng_ctx ctx;
    nng_duration ms = 7;
    size_t bytes = sizeof(ms), size = 77;
    bool truth = true;
    int number = -1;

    ck_assert_int_eq(nng_ctx_open(&ctx, req), 0);
    ck_assert_int_eq(nng_ctx_setopt(ctx, NNG_OPT_RECVTIMEO, &ms, 3), NNG_EINVAL);
    ck_assert_int_eq(nng_ctx_setopt(ctx, NNG_OPT_RECVTIMEO, &ms, sizeof(ms)), 0);
    ck_assert_int_eq(nng_ctx_getopt_ms(ctx, NNG_OPT_RECVTIMEO, &ms), 0);
    ck_assert_int_eq(ms, 7);
    ck_assert_int_eq(nng_ctx_setopt_ms(ctx, NNG_OPT_RECVTIMEO, 8), 0);
    ck_assert_int_eq(nng_ctx_getopt(ctx, NNG_OPT_RECVTIMEO, &ms, &bytes), 0);
    ck_assert_int_eq(ms, 8);
    ck_assert_int_eq(nng_ctx_setopt_bool(ctx, NNG_OPT_RECVTIMEO, true), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_setopt_int(ctx, NNG_OPT_RECVTIMEO, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_setopt_size(ctx, NNG_OPT_RECVTIMEO, 1), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_getopt_bool(ctx, NNG_OPT_RECVTIMEO, &truth), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_getopt_int(ctx, NNG_OPT_RECVTIMEO, &number), NNG_EBADTYPE);
    ck_assert_int_eq(nng_ctx_getopt_size(ctx, NNG_OPT_RECVTIMEO, &size), NNG_EBADTYPE);
    ck_assert(truth);
    ck_assert_int_eq(number, -1);
    ck_assert_uint_eq(size, 77);
    ck_assert_int_eq(nng_ctx_getopt_int(ctx, "nonsense", &number), NNG_ENOTSUP);
    ck_assert_int_eq(nng_ctx_close(ctx), 0);
    ck_assert_int_eq(nng_ctx_getopt_ms(ctx, NNG_OPT_RECVTIMEO, &ms), NNG_ECLOSED);
}
END_TEST

START_TEST(the_library_may_end_and_begin_again)
{
    char next[LINK_URL_BYTES];

    nng_init_set_parameter(1, 1); /* none has a meaning here */
    nng_fini();
    ck_assert_int_eq(nng_close(rep), NNG_ECLOSED);
    ck_assert_int_eq(nng_close(req), NNG_ECLOSED);
    nng_fini();
    link_url(LINK_INPROC, next);
    rep = link_rep(next);
    req = link_req(next);
    link_exchange(req, rep, 10);
}
END_TEST

START_TEST(closing_all_closes_every_socket)
{
    nng_socket others[20];

    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(nng_rep0_open(&others[i]), 0);
    nng_closeall();
    for (size_t i = 0; i < 20; i++)
        ck_assert_int_eq(nng_close(others[i]), NNG_ECLOSED);
    ck_assert_int_eq(nng_close(rep), NNG_ECLOSED);
    ck_assert_int_eq(nng_close(req), NNG_ECLOSED);
    nng_closeall();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("option_old");
    TCase *tc = tcase_create("option_old");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, sockets_have_the_old_spelling);
    tcase_add_test(tc, dialers_have_the_old_spelling);
    tcase_add_test(tc, listeners_have_the_old_spelling);
    tcase_add_test(tc, pipes_have_the_old_spelling);
    tcase_add_test(tc, contexts_have_the_old_spelling);
    tcase_add_test(tc, a_socket_tells_its_protocol);
    tcase_add_test(tc, the_library_may_end_and_begin_again);
    tcase_add_test(tc, closing_all_closes_every_socket);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
