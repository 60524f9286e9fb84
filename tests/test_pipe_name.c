/* What ipc:// names mean on Windows, which are refused, and who may open them. */
#include "support/host.h"
#include "support/link.h"
#include "support/raw_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#include <sddl.h>

#include <check.h>

/* Under Wine a pipe's first instance need not be the first, and nobody is kept out. */
static bool is_wine(void)
{
    return GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") != NULL;
}

static void name_url(char url[LINK_URL_BYTES], const char *name)
{
    char own[LINK_URL_BYTES];

    link_url(LINK_IPC, own);
    (void)snprintf(url, LINK_URL_BYTES, "%s%s", own, name);
}

/* Pairs of spellings of one name. */
static const char *const spellings[][2] = {
    {"name", "NAME"}, {"a/b", "a\\b"}, {"a//b", "a/b"}, {"a/./b", "a/b"}, {"dot.", "dot"},
};
enum { SPELLINGS = sizeof(spellings) / sizeof(spellings[0]) };

START_TEST(a_name_has_many_spellings)
{
    nng_socket rep;
    nng_socket other = link_open_rep();
    char own[LINK_URL_BYTES];
    char url[2 * LINK_URL_BYTES];
    char same[2 * LINK_URL_BYTES];

    link_url(LINK_IPC, own);
    (void)snprintf(url, sizeof(url), "%s%s", own, spellings[_i][0]);
    (void)snprintf(same, sizeof(same), "%s%s", own, spellings[_i][1]);
    rep = link_rep(url);
    ck_assert_int_eq(nng_listen(other, same, NULL, 0), NNG_EADDRINUSE);
    link_serves(rep, same);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert_int_eq(nng_listen(other, same, NULL, 0), 0);
    link_serves(other, url);
    ck_assert_int_eq(nng_close(other), 0);
}
END_TEST

/* A name that climbs out of the folder of pipes is a file. */
START_TEST(names_that_are_none_are_refused)
{
    static const char *const urls[] = {
        "ipc://",           "ipc://..",    "ipc://../x", "ipc://..\\C:\\windows\\win.ini",
        "ipc://a/../../x",  "ipc://a\\..", "ipc://a/..", "ipc://\xff\xfe",
        "ipc://half-\xc3(", "ipc://.",     "ipc://./.",  "ipc:///",
    };
    nng_socket rep = link_open_rep();

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        int rv = nng_listen(rep, urls[i], NULL, 0);

        ck_assert_msg(rv == NNG_EADDRINVAL, "listen %s: %s", urls[i], nng_strerror(rv));
        rv = nng_dial(rep, urls[i], NULL, 0);
        ck_assert_msg(rv == NNG_EADDRINVAL, "dial %s: %s", urls[i], nng_strerror(rv));
    }
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(names_may_have_letters_of_all_kinds)
{
    static const char *const names[] = {
        "x y",        "a%20b",   "quest+ion", "has#h", "...x", "\xc3\xa4\xe2\x82\xac",
        "semi;colon", "at@sign", "..x",       "x.."};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char url[LINK_URL_BYTES];
        nng_socket rep = link_open_rep();
        nng_listener listener;
        nng_sockaddr address;
        int rv;

        name_url(url, names[i]);
        rv = nng_listen(rep, url, &listener, 0);
        ck_assert_msg(rv == 0, "%s: %s", url, nng_strerror(rv));
        ck_assert_int_eq(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), 0);
        ck_assert_str_eq(address.s_ipc.sa_path, url + strlen("ipc://"));
        link_serves(rep, url);
        ck_assert_int_eq(nng_close(rep), 0);
    }
}
END_TEST

START_TEST(names_have_at_most_127_bytes)
{
    for (size_t bytes = 120; bytes < 140; bytes++) {
        nng_socket rep = link_open_rep();
        char url[LINK_URL_BYTES];
        int expected = bytes < 128 ? 0 : NNG_EADDRINVAL;

        name_url(url, "-");
        while (strlen(url) < strlen("ipc://") + bytes)
            strcat(url, "n");
        ck_assert_int_eq(nng_listen(rep, url, NULL, 0), expected);
        if (expected == 0)
            link_serves(rep, url);
        else
            ck_assert_int_eq(nng_dial(rep, url, NULL, 0), expected);
        ck_assert_int_eq(nng_close(rep), 0);
    }
}
END_TEST

START_TEST(a_name_of_someone_else_is_in_use)
{
    struct raw_peer listener;
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();

    link_url(LINK_IPC, url);
    listener = raw_listen(url);
    if (!is_wine())
        ck_assert_int_eq(nng_listen(rep, url, NULL, 0), NNG_EADDRINUSE);
    raw_close(&listener);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* Clients of the one before it that hold on to their ends do not keep the next one from the name. */
START_TEST(a_name_is_free_while_old_clients_linger)
{
    struct raw_peer clients[10];
    char url[LINK_URL_BYTES];

    link_url(LINK_IPC, url);
    for (int i = 0; i < 10; i++) {
        nng_socket rep = link_rep(url);

        clients[i] = raw_connect(url);
        if (i % 2 == 1)
            raw_greet(&clients[i], RAW_REQ, RAW_REP);
        ck_assert_int_eq(nng_close(rep), 0);
    }
    for (int i = 0; i < 10; i++) {
        raw_drain_until_close(&clients[i]);
        raw_close(&clients[i]);
    }
}
END_TEST

START_TEST(a_security_descriptor_is_checked_and_copied)
{
    static const char text[] = "D:P(A;;GA;;;OW)(A;;GA;;;SY)(A;;GA;;;WD)";
    SECURITY_DESCRIPTOR absolute;
    SECURITY_DESCRIPTOR bad;
    PSECURITY_DESCRIPTOR relative;
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_listener listener;
    nng_dialer dialer;
    void *value;

    ck_assert(ConvertStringSecurityDescriptorToSecurityDescriptorA(text, SDDL_REVISION_1, &relative,
                                                                   NULL));
    ck_assert(InitializeSecurityDescriptor(&absolute, SECURITY_DESCRIPTOR_REVISION));
    ck_assert(SetSecurityDescriptorDacl(&absolute, TRUE, NULL, FALSE));
    memset(&bad, 0xff, sizeof(bad));
    link_url(LINK_IPC, url);
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    ck_assert_int_eq(nng_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, &bad),
                     NNG_EINVAL);
    ck_assert_int_eq(nng_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, &absolute), 0);
    ck_assert_int_eq(nng_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, NULL), 0);
    ck_assert_int_eq(nng_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, relative), 0);
    ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, 1),
                     NNG_EBADTYPE);
    ck_assert_int_eq(nng_listener_get_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, &value),
                     NNG_EWRITEONLY);
    (void)LocalFree(relative); /* it has its own */
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    ck_assert_int_eq(nng_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, &absolute),
                     NNG_EBUSY);
    link_serves(rep, url);
    ck_assert_int_eq(nng_dialer_create(&dialer, rep, url), 0);
    ck_assert_int_eq(nng_dialer_set_ptr(dialer, NNG_OPT_IPC_SECURITY_DESCRIPTOR, &absolute),
                     NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pipe name");
    TCase *tc = tcase_create("pipe name");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_name_has_many_spellings, 0, SPELLINGS);
    tcase_add_test(tc, names_that_are_none_are_refused);
    tcase_add_test(tc, names_may_have_letters_of_all_kinds);
    tcase_add_test(tc, names_have_at_most_127_bytes);
    tcase_add_test(tc, a_name_of_someone_else_is_in_use);
    tcase_add_test(tc, a_name_is_free_while_old_clients_linger);
    tcase_add_test(tc, a_security_descriptor_is_checked_and_copied);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
