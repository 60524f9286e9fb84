/* Addresses of unix sockets: their files, the limits of their paths, abstract names. */
#include "support/link.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <check.h>

static void close_all(nng_socket a, nng_socket b)
{
    ck_assert_int_eq(nng_close(a), 0);
    ck_assert_int_eq(nng_close(b), 0);
}

/* ---- socket files ---- */

static void path_of(char *path, const char *url)
{
    strcpy(path, strstr(url, "://") + 3);
}

/* Binds a socket file and listens on it, or leaves it behind. */
static int socket_file(const char *path, bool alive)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    if (!alive)
        close(fd);
    return fd;
}

static bool exists(const char *path)
{
    struct stat status;

    return lstat(path, &status) == 0;
}

START_TEST(a_stale_socket_file_is_replaced)
{
    char url[LINK_URL_BYTES];
    char path[LINK_URL_BYTES];
    nng_socket rep;

    link_url(LINK_IPC, url);
    path_of(path, url);
    (void)socket_file(path, false);
    ck_assert(exists(path));
    rep = link_rep(url);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert(!exists(path));
}
END_TEST

START_TEST(a_live_socket_file_is_in_use)
{
    char url[LINK_URL_BYTES];
    char path[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    int fd;

    link_url(LINK_IPC, url);
    path_of(path, url);
    fd = socket_file(path, true);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), NNG_EADDRINUSE);
    ck_assert(exists(path));
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert(exists(path));
    close(fd);
}
END_TEST

/* The directory, an ordinary file, and a link to one. */
START_TEST(what_is_no_socket_is_in_use_and_left_alone)
{
    char url[LINK_URL_BYTES];
    char path[LINK_URL_BYTES];
    char text[8] = "";
    nng_socket rep = link_open_rep();
    int fd;

    link_url(LINK_IPC, url);
    path_of(path, url);
    fd = open(path, O_CREAT | O_RDWR | O_EXCL, 0600);
    ck_assert_int_eq(write(fd, "mine", 4), 4);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), NNG_EADDRINUSE);
    ck_assert_int_eq(pread(fd, text, sizeof(text), 0), 4);
    ck_assert_str_eq(text, "mine");
    ck_assert(exists(path));
    close(fd);
    (void)snprintf(url, sizeof(url), "ipc://%s", link_directory());
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), NNG_EADDRINUSE);
    link_url(LINK_IPC, url);
    ck_assert_int_eq(symlink(path, strstr(url, "://") + 3), 0);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), NNG_EADDRINUSE);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert(exists(path));
    ck_assert(exists(strstr(url, "://") + 3));
}
END_TEST

START_TEST(the_socket_file_goes_with_its_listener)
{
    char url[LINK_URL_BYTES];
    char path[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_listener listener;
    struct stat status;

    link_url(LINK_UNIX, url);
    path_of(path, url);
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    ck_assert(!exists(path));
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    ck_assert_int_eq(lstat(path, &status), 0);
    ck_assert(S_ISSOCK(status.st_mode));
    ck_assert_int_eq(nng_listener_close(listener), 0);
    ck_assert(!exists(path));
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(a_socket_file_that_someone_replaced_stays)
{
    char url[LINK_URL_BYTES];
    char path[LINK_URL_BYTES];
    nng_socket rep;
    int fd;

    link_url(LINK_IPC, url);
    path_of(path, url);
    rep = link_rep(url);
    ck_assert_int_eq(unlink(path), 0);
    fd = socket_file(path, true);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert(exists(path));
    close(fd);
    /* Removed altogether: the close does not mind. */
    (void)unlink(path);
    rep = link_rep(url);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(the_socket_files_permissions_are_as_asked)
{
    static const int modes[] = {0600, 0666, 0700, 0640, 0};
    nng_socket rep = link_open_rep();

    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        char url[LINK_URL_BYTES];
        nng_listener listener;
        struct stat status;

        link_url(LINK_IPC, url);
        ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
        ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, modes[i]), 0);
        ck_assert_int_eq(nng_listener_start(listener, 0), 0);
        ck_assert_int_eq(stat(strstr(url, "://") + 3, &status), 0);
        ck_assert_int_eq(status.st_mode & 07777, (mode_t)modes[i]);
    }
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(permissions_are_checked)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_listener listener;
    nng_dialer dialer;
    int mode;

    link_url(LINK_IPC, url);
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 010000), NNG_EINVAL);
    ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, S_IFREG | 0600),
                     NNG_EINVAL);
    ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, -1), NNG_EINVAL);
    ck_assert_int_eq(nng_listener_set_bool(listener, NNG_OPT_IPC_PERMISSIONS, true), NNG_EBADTYPE);
    ck_assert_int_eq(nng_listener_get_int(listener, NNG_OPT_IPC_PERMISSIONS, &mode),
                     NNG_EWRITEONLY);
    ck_assert_int_eq(nng_listener_start(listener, 0), 0);
    ck_assert_int_eq(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600), NNG_EBUSY);
    ck_assert_int_eq(nng_dialer_create(&dialer, rep, url), 0);
    ck_assert_int_eq(nng_dialer_set_int(dialer, NNG_OPT_IPC_PERMISSIONS, 0600), NNG_ENOTSUP);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(a_socket_passes_permissions_on)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    struct stat status;

    ck_assert_int_eq(nng_socket_set_int(rep, NNG_OPT_IPC_PERMISSIONS, 0604), 0);
    link_url(LINK_IPC, url);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    ck_assert_int_eq(stat(strstr(url, "://") + 3, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0604);
    link_url(LINK_ABSTRACT, url);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0); /* ignored there */
    link_url(LINK_TCP, url);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(a_missing_directory_is_told)
{
    char url[LINK_URL_BYTES];
    nng_socket rep = link_open_rep();
    nng_listener listener;
    nng_dialer dialer;

    (void)snprintf(url, sizeof(url), "ipc://%s/nowhere/x", link_directory());
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), 0);
    ck_assert_int_eq(nng_listener_start(listener, 0), NNG_ENOENT);
    ck_assert_int_eq(nng_dialer_create(&dialer, rep, url), 0);
    ck_assert_int_eq(nng_dialer_start(dialer, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

/* A path of so many bytes. */
static void long_url(char *url, size_t bytes)
{
    char *path = url + sprintf(url, "ipc://");

    strcpy(path, link_directory());
    strcat(path, "/");
    while (strlen(path) < bytes)
        strcat(path, "p");
}

START_TEST(paths_have_the_systems_limit)
{
    static const struct {
        size_t bytes;
        int create;
        int start;
    } cases[] = {{106, 0, 0},
                 {107, 0, 0},
                 {108, 0, NNG_EADDRINVAL},
                 {127, 0, NNG_EADDRINVAL},
                 {128, NNG_EADDRINVAL, 0},
                 {129, NNG_EADDRINVAL, 0},
                 {180, NNG_EADDRINVAL, 0}};
    nng_socket rep = link_open_rep();
    nng_socket req = link_open_req();
    char url[LINK_URL_BYTES];
    nng_listener listener;
    nng_dialer dialer;

    long_url(url, cases[_i].bytes);
    ck_assert_int_eq(nng_listener_create(&listener, rep, url), cases[_i].create);
    ck_assert_int_eq(nng_dialer_create(&dialer, req, url), cases[_i].create);
    if (cases[_i].create == 0) {
        nng_sockaddr address;

        ck_assert_int_eq(nng_listener_start(listener, 0), cases[_i].start);
        ck_assert_int_eq(nng_dialer_start(dialer, 0), cases[_i].start);
        ck_assert_int_eq(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address),
                         cases[_i].start);
        if (cases[_i].start == 0) {
            ck_assert_str_eq(address.s_ipc.sa_path, url + 6);
            link_exchange(req, rep, 5);
        }
    }
    close_all(req, rep);
}
END_TEST

START_TEST(paths_are_relative_and_verbatim)
{
    static const char *const names[] = {"here",      "a%20b", "with space",
                                        "quest?ion", "has#h", "a//b/../c"};
    char url[LINK_URL_BYTES];
    char before[4096];
    nng_socket rep;

    ck_assert_ptr_nonnull(getcwd(before, sizeof(before)));
    ck_assert_int_eq(chdir(link_directory()), 0);
    ck_assert_int_eq(mkdir("a", 0700), 0);
    ck_assert_int_eq(mkdir("a/b", 0700), 0);
    (void)snprintf(url, sizeof(url), "ipc://%s", names[_i]);
    rep = link_rep(url);
    ck_assert(exists(names[_i]));
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
    ck_assert(!exists(names[_i]));
    ck_assert_int_eq(rmdir("a/b"), 0);
    ck_assert_int_eq(rmdir("a"), 0);
    ck_assert_int_eq(chdir(before), 0);
}
END_TEST

START_TEST(an_ipc_dialer_is_refused_where_nobody_listens)
{
    char url[LINK_URL_BYTES];
    nng_socket req = link_open_req();
    int fd;

    link_url(LINK_IPC, url);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), NNG_ECONNREFUSED);
    (void)socket_file(url + 6, false);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), NNG_ECONNREFUSED);
    link_url(LINK_IPC, url);
    fd = open(url + 6, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), NNG_ECONNREFUSED);
    close(fd);
    ck_assert_int_eq(nng_close(req), 0);
}
END_TEST

/* ---- abstract names ---- */

static void abstract_check(const char *url, const void *name, size_t bytes)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    nng_socket rep = link_open_rep();
    nng_listener listener;
    nng_sockaddr told;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &told), 0);
    ck_assert_uint_eq(told.s_abstract.sa_len, bytes);
    ck_assert_mem_eq(told.s_abstract.sa_name, name, bytes);
    memcpy(address.sun_path + 1, name, bytes);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&address,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + bytes)),
                     0);
    close(fd);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
}

START_TEST(abstract_names_may_hold_any_byte)
{
    char url[LINK_URL_BYTES];
    char name[128];
    int bytes = sprintf(name, "spry-%d", (int)getpid());

    (void)snprintf(url, sizeof(url), "abstract://%s", name);
    abstract_check(url, name, (size_t)bytes);
    (void)snprintf(url, sizeof(url), "abstract://%s%%00%%fF/%%41 b", name);
    memcpy(name + bytes, "\0\xff/A b", 7);
    abstract_check(url, name, (size_t)bytes + 6);
}
END_TEST

START_TEST(abstract_names_have_at_most_107_bytes)
{
    char url[LINK_URL_BYTES];
    char name[109];
    nng_socket rep = link_open_rep();

    memset(name, 'n', sizeof(name));
    (void)snprintf(name, sizeof(name), "%08d", (int)getpid());
    name[8] = 'n';
    name[107] = '\0';
    (void)snprintf(url, sizeof(url), "abstract://%s", name);
    abstract_check(url, name, 107);
    name[107] = 'n';
    name[108] = '\0';
    (void)snprintf(url, sizeof(url), "abstract://%s", name);
    ck_assert_int_eq(nng_listen(rep, url, NULL, 0), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_dial(rep, url, NULL, 0), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

START_TEST(an_empty_abstract_name_is_the_systems_choice)
{
    nng_socket rep = link_open_rep();
    nng_listener listener;
    char *url;

    ck_assert_int_eq(nng_listen(rep, "abstract://", &listener, 0), 0);
    ck_assert_int_eq(nng_listener_get_string(listener, NNG_OPT_URL, &url), 0);
    ck_assert_uint_gt(strlen(url), strlen("abstract://"));
    link_serves(rep, url);
    nng_strfree(url);
    ck_assert_int_eq(nng_dial(rep, "abstract://", NULL, 0), NNG_EADDRINVAL);
    ck_assert_int_eq(nng_close(rep), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("socket file");
    TCase *tc = tcase_create("socket file");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_test(tc, a_stale_socket_file_is_replaced);
    tcase_add_test(tc, a_live_socket_file_is_in_use);
    tcase_add_test(tc, what_is_no_socket_is_in_use_and_left_alone);
    tcase_add_test(tc, the_socket_file_goes_with_its_listener);
    tcase_add_test(tc, a_socket_file_that_someone_replaced_stays);
    tcase_add_test(tc, the_socket_files_permissions_are_as_asked);
    tcase_add_test(tc, permissions_are_checked);
    tcase_add_test(tc, a_socket_passes_permissions_on);
    tcase_add_test(tc, a_missing_directory_is_told);
    tcase_add_loop_test(tc, paths_have_the_systems_limit, 0, 7);
    tcase_add_loop_test(tc, paths_are_relative_and_verbatim, 0, 6);
    tcase_add_test(tc, an_ipc_dialer_is_refused_where_nobody_listens);
    tcase_add_test(tc, abstract_names_may_hold_any_byte);
    tcase_add_test(tc, abstract_names_have_at_most_107_bytes);
    tcase_add_test(tc, an_empty_abstract_name_is_the_systems_choice);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
