/* URLs in parts, and addresses as text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>

#include "fail_alloc.h"
#include "url.h"

struct url_case {
    const char *text;
    const char *userinfo, *host, *hostname, *port, *path, *query, *fragment, *requri;
};

// clang-format off
static const struct url_case host_style[] = {
    {"http://u@Ex.Com:81/a/../b%41?q#f", "u", "ex.com:81", "ex.com", "81", "/bA", "q", "f", "/bA?q"},
    {"tcp://127.0.0.1:5555", "", "127.0.0.1:5555", "127.0.0.1", "5555", "", "", "", ""},
    {"tcp://127.0.0.1:5555/", "", "127.0.0.1:5555", "127.0.0.1", "5555", "/", "", "", "/"},
    {"tcp://*:80", "", "*:80", "", "80", "", "", "", ""},
    {"tcp://:80", "", ":80", "", "80", "", "", "", ""},
    {"tcp://", "", "", "", "", "", "", "", ""},
    {"tcp://host", "", "host", "host", "", "", "", "", ""},
    {"tcp://[::1]:80", "", "[::1]:80", "::1", "80", "", "", "", ""},
    {"tcp://[FE80::1]", "", "[fe80::1]", "fe80::1", "", "", "", "", ""},
    {"tcp://10.0.0.1;Host:http", "", "10.0.0.1;host:http", "10.0.0.1;host", "http", "", "", "", ""},
    {"socket://", "", "", "", "", "", "", "", ""},
    {"http://h", "", "h", "h", "80", "", "", "", ""},
    {"https://h/", "", "h", "h", "443", "/", "", "", "/"},
    {"ws://h", "", "h", "h", "80", "", "", "", ""},
    {"ws6://h", "", "h", "h", "80", "", "", "", ""},
    {"wss4://h", "", "h", "h", "443", "", "", "", ""},
    {"git://h", "", "h", "h", "9418", "", "", "", ""},
    {"git://", "", "", "", "9418", "", "", "", ""},
    {"gopher://h", "", "h", "h", "70", "", "", "", ""},
    {"ssh://h", "", "h", "h", "22", "", "", "", ""},
    {"telnet://h", "", "h", "h", "23", "", "", "", ""},
    {"http://h?x=1", "", "h", "h", "80", "", "x=1", "", "?x=1"},
    {"http://h/p#a?b", "", "h", "h", "80", "/p", "", "a?b", "/p"},
    {"http://h/p?a#b#c", "", "h", "h", "80", "/p", "a", "b#c", "/p?a"},
    {"http://h/p?a?b", "", "h", "h", "80", "/p", "a?b", "", "/p?a?b"},
    {"http://h/a@b", "", "h", "h", "80", "/a@b", "", "", "/a@b"},
    {"http://A:B@h/", "A:B", "h", "h", "80", "/", "", "", "/"},
    {"http://@h/", "", "h", "h", "80", "/", "", "", "/"},
    {"http://h//a///b/", "", "h", "h", "80", "/a/b/", "", "", "/a/b/"},
    {"http://h/./a/./b/.", "", "h", "h", "80", "/a/b/", "", "", "/a/b/"},
    {"http://h/a/b/..", "", "h", "h", "80", "/a/", "", "", "/a/"},
    {"http://h/../../a", "", "h", "h", "80", "/a", "", "", "/a"},
    {"http://h/..", "", "h", "h", "80", "/", "", "", "/"},
    {"http://h/a/%2e%2E/b", "", "h", "h", "80", "/b", "", "", "/b"},
    {"http://h/a/...", "", "h", "h", "80", "/a/...", "", "", "/a/..."},
    {"http://h/%7e%2fx", "", "h", "h", "80", "/~%2Fx", "", "", "/~%2Fx"},
    {"http://h/?%3d%61#%25%5f", "", "h", "h", "80", "/", "%3Da", "%25_", "/?%3Da"},
    {"http://h/\xc3\xa4", "", "h", "h", "80", "/\xc3\xa4", "", "", "/\xc3\xa4"},
    {"http://h/%c3%a4", "", "h", "h", "80", "/%C3%A4", "", "", "/%C3%A4"},
    {"http://h/\xf4\x8f\xbf\xbf\xed\x9f\xbf\xe0\xa0\x80\xf0\x90\x80\x80", "", "h", "h", "80",
     "/\xf4\x8f\xbf\xbf\xed\x9f\xbf\xe0\xa0\x80\xf0\x90\x80\x80", "", "",
     "/\xf4\x8f\xbf\xbf\xed\x9f\xbf\xe0\xa0\x80\xf0\x90\x80\x80"},
};

static const char *const malformed[] = {
    "", "tcp", "tcp:", "tcp:/", "tcp:/x", "://x", "t p://x", "/a?b=tcp://x", "a:b://c",
    "tcp://a@b@c", "tcp://[::1", "tcp://[::1]x", "tcp://[::1]x:80", "tcp://host:", "tcp://[::1]:",
    "tcp://:", "http://h/%", "http://h/%4", "http://h/%4g", "http://h/%g4", "http://h/?%4",
    "http://h/%4#1", "http://h/#%zz",
    "http://h/\xff", "http://h/\xc3", "http://h/\xc3(", "http://h/\x80", "http://h/\xc0\xaf",
    "http://h/\xc1\xbf", "http://h/\xe0\x9f\xbf", "http://h/\xed\xa0\x80", "http://h/\xf0\x8f\xbf\xbf",
    "http://h/\xf4\x90\x80\x80", "http://h/\xf5\x80\x80\x80", "http://h/\xe2\x82", "http://h/%ff",
    "http://h/%c3%28", "http://h/\xe2\x82?\xac",
};
// clang-format on

enum {
    HOST_STYLE = sizeof(host_style) / sizeof(host_style[0]),
    MALFORMED = sizeof(malformed) / sizeof(malformed[0])
};

static void check_url(const nng_url *url, const struct url_case *expected)
{
    ck_assert_str_eq(url->u_rawurl, expected->text);
    ck_assert_str_eq(url->u_userinfo, expected->userinfo);
    ck_assert_str_eq(url->u_host, expected->host);
    ck_assert_str_eq(url->u_hostname, expected->hostname);
    ck_assert_str_eq(url->u_port, expected->port);
    ck_assert_str_eq(url->u_path, expected->path);
    ck_assert_str_eq(url->u_query, expected->query);
    ck_assert_str_eq(url->u_fragment, expected->fragment);
    ck_assert_str_eq(url->u_requri, expected->requri);
}

START_TEST(host_style_urls_fall_into_their_parts)
{
    nng_url *url = NULL;
    nng_url *copy = NULL;

    fail_alloc_install(0);
    ck_assert_int_eq(nng_url_parse(&url, host_style[_i].text), 0);
    check_url(url, &host_style[_i]);
    ck_assert_int_eq(nng_url_clone(&copy, url), 0);
    nng_url_free(url);
    check_url(copy, &host_style[_i]);
    nng_url_free(copy);
    fail_alloc_finish();
}
END_TEST

START_TEST(malformed_urls_are_refused)
{
    nng_url *url = NULL;

    fail_alloc_install(0);
    ck_assert_int_eq(nng_url_parse(&url, malformed[_i]), NNG_EINVAL);
    ck_assert_ptr_null(url);
    fail_alloc_finish();
}
END_TEST

START_TEST(path_style_urls_keep_every_byte_after_the_scheme)
{
    static const struct {
        const char *text, *scheme, *path;
    } cases[] = {
        {"ipc:///tmp/%41/../x?q#f@a:b", "ipc", "/tmp/%41/../x?q#f@a:b"},
        {"IPC://rel", "ipc", "rel"},
        {"unix:///A", "unix", "/A"},
        {"abstract://%00\xff", "abstract", "%00\xff"},
        {"inproc://", "inproc", ""},
        {"inproc://A://b", "inproc", "A://b"},
    };

    fail_alloc_install(0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nng_url *url = NULL;
        nng_url *copy = NULL;

        ck_assert_int_eq(nng_url_parse(&url, cases[i].text), 0);
        ck_assert_int_eq(nng_url_clone(&copy, url), 0);
        nng_url_free(url);
        ck_assert_str_eq(copy->u_rawurl, cases[i].text);
        ck_assert_str_eq(copy->u_scheme, cases[i].scheme);
        ck_assert_str_eq(copy->u_path, cases[i].path);
        ck_assert_ptr_null(copy->u_userinfo);
        ck_assert_ptr_null(copy->u_host);
        ck_assert_ptr_null(copy->u_hostname);
        ck_assert_ptr_null(copy->u_port);
        ck_assert_ptr_null(copy->u_query);
        ck_assert_ptr_null(copy->u_fragment);
        ck_assert_ptr_null(copy->u_requri);
        nng_url_free(copy);
    }
    fail_alloc_finish();
}
END_TEST

START_TEST(the_scheme_is_lower_case_and_the_raw_url_as_given)
{
    nng_url *url = NULL;

    ck_assert_int_eq(nng_url_parse(&url, "TLS+TCP4://H:1"), 0);
    ck_assert_str_eq(url->u_scheme, "tls+tcp4");
    ck_assert_str_eq(url->u_rawurl, "TLS+TCP4://H:1");
    nng_url_free(url);
    nng_url_free(NULL);
}
END_TEST

START_TEST(without_memory_nothing_is_left_behind)
{
    nng_url *url = NULL;
    nng_url *copy = NULL;

    fail_alloc_install(1);
    ck_assert_int_eq(nng_url_parse(&url, "tcp://a:1"), NNG_ENOMEM);
    ck_assert_ptr_null(url);
    fail_alloc_at(0);
    ck_assert_int_eq(nng_url_parse(&url, "tcp://a:1"), 0);
    fail_alloc_at(1);
    ck_assert_int_eq(nng_url_clone(&copy, url), NNG_ENOMEM);
    ck_assert_ptr_null(copy);
    nng_url_free(url);
    fail_alloc_finish();
}
END_TEST

/* Every short text over the letters that mean something; the sanitizers watch the bounds. */
START_TEST(any_text_is_parsed_or_refused)
{
    static const char letters[] = "a:/@[]?#%.4*";
    enum { LETTERS = sizeof(letters) - 1, LENGTH = 5 };
    size_t texts = 1;
    size_t wrong = 0; /* counted, because Check writes a record for each assertion */

    fail_alloc_install(0);
    for (size_t i = 0; i < LENGTH; i++)
        texts *= LETTERS;
    for (size_t n = 0; n < texts; n++) {
        char text[16] = "http://";
        size_t left = n;
        nng_url *url = NULL;
        int rv;

        for (size_t i = 0; i < LENGTH; i++, left /= LETTERS)
            text[7 + i] = letters[left % LETTERS];
        rv = nng_url_parse(&url, text);
        wrong += (rv != 0 && rv != NNG_EINVAL) || (rv == 0) != (url != NULL);
        if (rv == 0)
            wrong += url->u_path[0] != '\0' && url->u_path[0] != '/';
        nng_url_free(url);
    }
    ck_assert_uint_eq(wrong, 0);
    fail_alloc_finish();
}
END_TEST

START_TEST(abstract_names_are_decoded_with_their_nuls)
{
    uint8_t name[8];
    size_t bytes = 99;

    ck_assert_int_eq(spry_url_decode("a%00%fFz", name, 4, &bytes), 0);
    ck_assert_uint_eq(bytes, 4);
    ck_assert_mem_eq(name, "a\0\xffz", 4);
    ck_assert_int_eq(spry_url_decode("", name, 0, &bytes), 0);
    ck_assert_uint_eq(bytes, 0);
    bytes = 99;
    ck_assert_int_eq(spry_url_decode("abcde", name, 4, &bytes), NNG_EADDRINVAL);
    ck_assert_int_eq(spry_url_decode("%", name, 4, &bytes), NNG_EADDRINVAL);
    ck_assert_int_eq(spry_url_decode("%4", name, 4, &bytes), NNG_EADDRINVAL);
    ck_assert_int_eq(spry_url_decode("%4x", name, 4, &bytes), NNG_EADDRINVAL);
    ck_assert_uint_eq(bytes, 99);
}
END_TEST

static void check_address(const nng_sockaddr *address, const char *expected)
{
    char text[512];
    size_t bytes = strlen(expected);

    ck_assert_ptr_eq(nng_str_sockaddr(address, text, sizeof(text)), text);
    ck_assert_str_eq(text, expected);
    for (size_t n = 0; n <= bytes; n++) {
        char *exact = malloc(n + 1); /* so that a write beyond n bytes is caught */

        memset(exact, '#', n + 1);
        ck_assert_ptr_eq(nng_str_sockaddr(address, exact, n), exact);
        ck_assert_int_eq(exact[n], '#');
        if (n > 0) {
            ck_assert_uint_eq(strlen(exact), n - 1);
            ck_assert_mem_eq(exact, expected, n - 1);
        }
        free(exact);
    }
}

START_TEST(named_addresses_are_written_as_text)
{
    nng_sockaddr address;
    char longest[NNG_MAXADDRLEN + 1];

    memset(&address, 0, sizeof(address));
    address.s_family = NNG_AF_INPROC;
    memcpy(address.s_inproc.sa_name, "inproc://x", 11);
    check_address(&address, "inproc[inproc://x]");
    address.s_family = NNG_AF_IPC;
    check_address(&address, "inproc://x");
    memset(address.s_ipc.sa_path, 'p', NNG_MAXADDRLEN);
    memset(longest, 'p', NNG_MAXADDRLEN);
    longest[NNG_MAXADDRLEN] = '\0';
    check_address(&address, longest);
    memset(&address, 0, sizeof(address));
    address.s_family = NNG_AF_ABSTRACT;
    check_address(&address, "abstract[]");
    address.s_abstract.sa_len = 6;
    memcpy(address.s_abstract.sa_name, "a\0%]\xff~", 6);
    check_address(&address, "abstract[a%00%25%5D%FF~]");
}
END_TEST

START_TEST(a_name_longer_than_its_field_is_read_no_further)
{
    nng_sockaddr_abstract *abstract;
    nng_sockaddr *address = calloc(1, sizeof(*address));
    char text[512];

    abstract = &address->s_abstract;
    abstract->sa_family = NNG_AF_ABSTRACT;
    abstract->sa_len = UINT16_MAX;
    memset(abstract->sa_name, 'n', sizeof(abstract->sa_name));
    (void)nng_str_sockaddr(address, text, sizeof(text));
    ck_assert_uint_eq(strlen(text), strlen("abstract[]") + sizeof(abstract->sa_name));
    free(address);
}
END_TEST

START_TEST(ipv4_addresses_are_read_in_network_order)
{
    static const uint8_t bytes[] = {127, 0, 10, 255};
    static const uint8_t port[] = {0x1f, 0x90};
    nng_sockaddr address;

    memset(&address, 0, sizeof(address));
    address.s_family = NNG_AF_INET;
    memcpy(&address.s_in.sa_addr, bytes, sizeof(bytes));
    memcpy(&address.s_in.sa_port, port, sizeof(port));
    check_address(&address, "127.0.10.255:8080");
}
END_TEST

START_TEST(ipv6_addresses_are_written_as_rfc_5952_says)
{
    // clang-format off
    static const struct {
        uint8_t bytes[16];
        uint32_t scope;
        const char *text;
    } cases[] = {
        {{0}, 0, "[::]:80"},
        {{[15] = 1}, 0, "[::1]:80"},
        {{0xfe, 0x80, [15] = 1}, 3, "[fe80::1%3]:80"},
        {{0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, 0, "[2001:db8:0:1::1]:80"},
        {{0x20, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1}, 0, "[2001::1:0:0:1:1]:80"},
        {{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 0, 8}, 0, "[1:2:3:4:5:6:0:8]:80"},
        {{0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 0, 0, 0}, 0, "[1:2:3:4:5:6::]:80"},
        {{0, 0, 0, 0, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0xab, 0xcd}, 0, "[::3:4:5:6:7:abcd]:80"},
    };
    // clang-format on
    static const uint8_t port[] = {0, 80};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        nng_sockaddr address;

        memset(&address, 0, sizeof(address));
        address.s_family = NNG_AF_INET6;
        memcpy(address.s_in6.sa_addr, cases[i].bytes, 16);
        memcpy(&address.s_in6.sa_port, port, sizeof(port));
        address.s_in6.sa_scope = cases[i].scope;
        check_address(&address, cases[i].text);
    }
}
END_TEST

START_TEST(an_address_of_no_family_is_unknown)
{
    nng_sockaddr address;
    char text[8] = "before";

    memset(&address, 0, sizeof(address));
    ck_assert_str_eq(nng_str_sockaddr(&address, text, sizeof(text)), "unknown");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("url");
    TCase *tc = tcase_create("url");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, host_style_urls_fall_into_their_parts, 0, HOST_STYLE);
    tcase_add_loop_test(tc, malformed_urls_are_refused, 0, MALFORMED);
    tcase_add_test(tc, path_style_urls_keep_every_byte_after_the_scheme);
    tcase_add_test(tc, the_scheme_is_lower_case_and_the_raw_url_as_given);
    tcase_add_test(tc, without_memory_nothing_is_left_behind);
    tcase_add_test(tc, any_text_is_parsed_or_refused);
    tcase_add_test(tc, abstract_names_are_decoded_with_their_nuls);
    tcase_add_test(tc, named_addresses_are_written_as_text);
    tcase_add_test(tc, a_name_longer_than_its_field_is_read_no_further);
    tcase_add_test(tc, ipv4_addresses_are_read_in_network_order);
    tcase_add_test(tc, ipv6_addresses_are_written_as_rfc_5952_says);
    tcase_add_test(tc, an_address_of_no_family_is_unknown);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
