/* A program that forks while its sockets are open; for systems that can. */
#include "support/link.h"
#include "support/raw_peer.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

/* A fork of the program that does nothing keeps the descriptors open: nobody must notice. */
START_TEST(a_fork_of_the_host_does_not_disturb)
{
    struct link_holdings before = link_holdings();
    char url[LINK_URL_BYTES];
    struct raw_peer client = {-1, false};
    nng_socket rep;
    nng_socket req;
    pid_t child;

    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    link_exchange(req, rep, 10);
    if (_i < LINK_RAW) {
        client = raw_connect(url);
        raw_greet(&client, RAW_REQ, RAW_REP);
    }
    child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    link_exchange(req, rep, 1 << 20);
    ck_assert_int_eq(nng_close(rep), 0);
    if (_i < LINK_RAW) { /* it sees the end although the child has the connection open */
        raw_expect_close(&client);
        raw_close(&client);
    }
    if (_i != LINK_ABSTRACT) { /* whose name the child holds */
        rep = link_rep(url);
        link_exchange(req, rep, 10);
        ck_assert_int_eq(nng_close(rep), 0);
    }
    ck_assert_int_eq(nng_dial(req, url, NULL, 0), NNG_ECONNREFUSED);
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert(link_wait(link_holdings_are, &before));
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fork");
    TCase *tc = tcase_create("fork");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_fork_of_the_host_does_not_disturb, 0, LINKS);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
