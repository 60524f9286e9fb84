/* Devices: raw sockets that forward to each other, over every kind of transport. */
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "link.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS = LINK_INPROC + 1, REQUESTS = 50, CLIENTS = 4 };

static nng_socket raw_listening(int (*open)(nng_socket *), const char *url)
{
    nng_socket s;

    ck_assert_int_eq(open(&s), 0);
    ck_assert_int_eq(nng_listen(s, url, NULL, 0), 0);
    return s;
}

/* A device between two addresses, on a thread. */
struct device {
    nng_socket front;
    nng_socket back;
    char front_url[LINK_URL_BYTES];
    char back_url[LINK_URL_BYTES];
    pthread_t thread;
    int result;
};

static void *device_main(void *argument)
{
    struct device *device = argument;

    device->result = nng_device(device->front, device->back);
    return NULL;
}

/* Requests come in at the front; whoever serves dials the back. */
static void device_open(struct device *device, enum link_kind kind)
{
    link_url(kind, device->front_url);
    link_url(kind, device->back_url);
    device->front = raw_listening(nng_rep0_open_raw, device->front_url);
    device->back = raw_listening(nng_req0_open_raw, device->back_url);
}

static void device_end(struct device *device)
{
    ck_assert_int_eq(nng_close(device->front), 0);
    ck_assert_int_eq(pthread_join(device->thread, NULL), 0);
    ck_assert_int_eq(device->result, NNG_ECLOSED);
    ck_assert_int_eq(nng_close(device->back), 0); /* left to the caller */
}

static nng_socket server_at(const char *url)
{
    nng_socket rep = link_open_rep();

    ck_assert_int_eq(nng_dial(rep, url, NULL, 0), 0);
    return rep;
}

static void *client_main(void *argument)
{
    nng_socket req = link_req(argument);

    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint32_t number[2] = {i, req.id};
        uint32_t answer[2] = {0, 0};
        size_t bytes = sizeof(answer);

        ck_assert_int_eq(nng_send(req, number, sizeof(number), 0), 0);
        ck_assert_int_eq(nng_recv(req, answer, &bytes, 0), 0);
        ck_assert_uint_eq(bytes, sizeof(number));
        ck_assert_mem_eq(answer, number, sizeof(number));
    }
    ck_assert_int_eq(nng_close(req), 0);
    return NULL;
}

START_TEST(several_clients_get_their_own_answers_through_a_device)
{
    struct device device;
    pthread_t clients[CLIENTS];
    pthread_t echo;
    nng_socket rep;

    device_open(&device, (enum link_kind)_i);
    ck_assert_int_eq(pthread_create(&device.thread, NULL, device_main, &device), 0);
    rep = server_at(device.back_url);
    echo = link_echo(&rep);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(pthread_create(&clients[i], NULL, client_main, device.front_url), 0);
    for (int i = 0; i < CLIENTS; i++)
        ck_assert_int_eq(pthread_join(clients[i], NULL), 0);
    device_end(&device);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(pthread_join(echo, NULL), 0);
}
END_TEST

/* Two devices in a row: the way back has a word for each. */
START_TEST(devices_can_be_put_in_a_row)
{
    struct device first;
    struct device second;
    nng_socket rep;
    nng_socket req;
    pthread_t echo;

    device_open(&first, (enum link_kind)_i);
    device_open(&second, (enum link_kind)_i);
    ck_assert_int_eq(nng_dial(second.front, first.back_url, NULL, 0), 0);
    ck_assert_int_eq(pthread_create(&first.thread, NULL, device_main, &first), 0);
    ck_assert_int_eq(pthread_create(&second.thread, NULL, device_main, &second), 0);
    rep = server_at(second.back_url);
    echo = link_echo(&rep);
    req = link_req(first.front_url);
    for (int i = 0; i < REQUESTS; i++) {
        char answer[4];
        size_t bytes = sizeof(answer);

        ck_assert_int_eq(link_send(req, "ask", 4, 0), 0);
        ck_assert_int_eq(nng_recv(req, answer, &bytes, 0), 0);
        ck_assert_str_eq(answer, "ask");
    }
    ck_assert_int_eq(nng_close(req), 0);
    device_end(&second);
    device_end(&first);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(pthread_join(echo, NULL), 0);
}
END_TEST

static void expect_back(nng_socket pair, const char *text)
{
    char answer[16];
    size_t bytes = sizeof(answer);

    ck_assert_int_eq(link_send(pair, text, strlen(text) + 1, 0), 0);
    ck_assert_int_eq(nng_recv(pair, answer, &bytes, 0), 0);
    ck_assert_str_eq(answer, text);
}

static nng_socket pair_at(int (*open)(nng_socket *), const char *url)
{
    nng_socket pair;

    ck_assert_int_eq(open(&pair), 0);
    ck_assert_int_eq(nng_socket_set_ms(pair, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(pair, NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_dial(pair, url, NULL, 0), 0);
    return pair;
}

START_TEST(one_socket_alone_sends_back_what_it_gets)
{
    static const uint32_t others[] = {0, 0xffffffff};
    char url[LINK_URL_BYTES];
    struct device device;
    nng_socket pair;

    link_url((enum link_kind)(_i / 3), url);
    device.front = raw_listening(nng_pair0_open_raw, url);
    device.back.id = _i % 3 == 2 ? device.front.id : others[_i % 3];
    ck_assert_int_eq(pthread_create(&device.thread, NULL, device_main, &device), 0);
    pair = pair_at(nng_pair0_open, url);
    expect_back(pair, "echo");
    expect_back(pair, "again");
    ck_assert_int_eq(nng_close(device.front), 0);
    ck_assert_int_eq(pthread_join(device.thread, NULL), 0);
    ck_assert_int_eq(device.result, NNG_ECLOSED);
    ck_assert_int_eq(nng_close(pair), 0);
}
END_TEST

START_TEST(bad_pairs_of_sockets_are_refused)
{
    nng_socket none = NNG_SOCKET_INITIALIZER;
    nng_socket cooked;
    nng_socket rep;
    nng_socket req;
    nng_socket pair;

    ck_assert_int_eq(nng_rep0_open(&cooked), 0);
    ck_assert_int_eq(nng_rep0_open_raw(&rep), 0);
    ck_assert_int_eq(nng_req0_open_raw(&req), 0);
    ck_assert_int_eq(nng_pair0_open_raw(&pair), 0);
    ck_assert_int_eq(nng_device(none, none), NNG_EINVAL);
    ck_assert_int_eq(nng_device(cooked, req), NNG_EINVAL);
    ck_assert_int_eq(nng_device(req, cooked), NNG_EINVAL);
    ck_assert_int_eq(nng_device(req, req), NNG_EINVAL);
    ck_assert_int_eq(nng_device(req, none), NNG_EINVAL);
    ck_assert_int_eq(nng_device(req, pair), NNG_EINVAL);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_device(req, rep), NNG_ECLOSED);
    ck_assert_int_eq(nng_device(rep, none), NNG_ECLOSED);
    ck_assert_int_eq(nng_close(cooked), 0);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(pair), 0);
}
END_TEST

/* In the background: cancelled, timed out, and refused through the callback alone. */
START_TEST(a_device_on_an_aio_can_be_cancelled)
{
    struct device device;
    nng_socket none = NNG_SOCKET_INITIALIZER;
    nng_socket rep;
    nng_socket req;
    nng_aio *aio;
    pthread_t echo;

    device_open(&device, (enum link_kind)_i);
    ck_assert_int_eq(nng_aio_alloc(&aio, NULL, NULL), 0);
    nng_device_aio(aio, none, none);
    nng_aio_wait(aio);
    ck_assert_int_eq(nng_aio_result(aio), NNG_EINVAL);
    nng_aio_set_timeout(aio, 20);
    nng_device_aio(aio, device.front, device.back);
    nng_aio_wait(aio);
    ck_assert_int_eq(nng_aio_result(aio), NNG_ETIMEDOUT);
    nng_aio_set_timeout(aio, NNG_DURATION_INFINITE);
    nng_device_aio(aio, device.front, device.back);
    rep = server_at(device.back_url);
    echo = link_echo(&rep);
    req = link_req(device.front_url);
    for (int i = 0; i < REQUESTS; i++) {
        char answer[4];
        size_t bytes = sizeof(answer);

        ck_assert_int_eq(link_send(req, "ask", 4, 0), 0);
        ck_assert_int_eq(nng_recv(req, answer, &bytes, 0), 0);
    }
    nng_aio_cancel(aio);
    nng_aio_wait(aio);
    ck_assert_int_eq(nng_aio_result(aio), NNG_ECANCELED);
    nng_aio_free(aio);
    ck_assert_int_eq(nng_close(device.front), 0);
    ck_assert_int_eq(nng_close(device.back), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(pthread_join(echo, NULL), 0);
}
END_TEST

/* Both sockets closed from elsewhere while messages go through. */
START_TEST(a_close_under_load_ends_it)
{
    struct device device;
    nng_socket req;

    device_open(&device, (enum link_kind)_i);
    ck_assert_int_eq(pthread_create(&device.thread, NULL, device_main, &device), 0);
    req = link_req(device.front_url);
    for (int i = 0; i < 20; i++)
        (void)link_send(req, "unanswered", 11,
                        NNG_FLAG_NONBLOCK); /* as much as there is room for */
    ck_assert_int_eq(nng_close(device.back), 0);
    ck_assert_int_eq(pthread_join(device.thread, NULL), 0);
    ck_assert_int_eq(device.result, NNG_ECLOSED);
    ck_assert_int_eq(nng_close(device.front), 0);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("device");
    TCase *tc = tcase_create("device");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, several_clients_get_their_own_answers_through_a_device, 0, KINDS);
    tcase_add_loop_test(tc, devices_can_be_put_in_a_row, 0, KINDS);
    tcase_add_loop_test(tc, one_socket_alone_sends_back_what_it_gets, 0, 3 * KINDS);
    tcase_add_test(tc, bad_pairs_of_sockets_are_refused);
    tcase_add_loop_test(tc, a_device_on_an_aio_can_be_cancelled, 0, KINDS);
    tcase_add_loop_test(tc, a_close_under_load_ends_it, 0, KINDS);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
