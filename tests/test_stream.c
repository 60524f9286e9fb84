/* A stream whose memory runs short now and then, with a bare peer on the other side. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#include "alloc.h"
#include "support/link.h"
#include "support/raw_peer.h"

enum { LARGE = 300000, FIRST = 4096, LARGE_FROM = 4000, AT_MOST = 6, IN_A_ROW = 4 };

static atomic_int large_seen;
static atomic_int fail_first;
static atomic_int fail_last;

/* Of the large requests those from fail_first to fail_last fail. */
static bool too_much(size_t size)
{
    int n;

    if (size < LARGE_FROM)
        return false;
    n = atomic_fetch_add(&large_seen, 1) + 1;
    return n >= atomic_load(&fail_first) && n <= atomic_load(&fail_last);
}

static void *short_alloc(void *user, size_t size)
{
    void *block = too_much(size) ? NULL : malloc(size);

    (void)user;
    if (block != NULL)
        memset(block, 0xa5, size);
    return block;
}

static void *short_realloc(void *user, void *block, size_t old_size, size_t new_size)
{
    void *moved = short_alloc(user, new_size);

    if (moved == NULL)
        return NULL;
    memcpy(moved, block, old_size < new_size ? old_size : new_size);
    free(block);
    return moved;
}

static void short_free(void *user, void *block, size_t size)
{
    (void)user;
    (void)size;
    free(block);
}

static void count_pipe(nng_pipe pipe, nng_pipe_ev event, void *pipes)
{
    (void)pipe;
    (void)event;
    atomic_fetch_add((atomic_int *)pipes, 1);
}

static bool pipe_is_there(void *pipes)
{
    return atomic_load((atomic_int *)pipes) > 0;
}

static void fill(uint8_t *bytes)
{
    memcpy(bytes, "\x80\0\0\1", 4);
    for (size_t i = 4; i < LARGE; i++)
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
}

/* The message comes whole or the pipe goes; what does not happen is a message of junk. */
START_TEST(a_body_is_never_made_up)
{
    static const spry_allocator allocator = {short_alloc, short_realloc, short_free, NULL};
    static uint8_t sent[LARGE];
    char url[64];
    struct raw_peer peer;
    nng_socket rep;
    nng_msg *msg;

    fill(sent);
    snprintf(url, sizeof(url), "ipc:///tmp/spry-stream-%d", (int)getpid());
    spry_allocator_set(&allocator);
    for (int n = 0; n < AT_MOST * IN_A_ROW; n++) {
        atomic_int pipes = 0;

        atomic_store(&fail_first, 0);
        atomic_store(&fail_last, 0);
        ck_assert_int_eq(nng_rep0_open(&rep), 0);
        ck_assert_int_eq(nng_listen(rep, url, NULL, 0), 0);
        ck_assert_int_eq(nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, 500), 0);
        ck_assert_int_eq(nng_pipe_notify(rep, NNG_PIPE_EV_ADD_POST, count_pipe, &pipes), 0);
        peer = raw_connect(url);
        raw_greet(&peer, RAW_REQ, RAW_REP);
        ck_assert(link_wait(pipe_is_there, &pipes)); /* what a pipe itself needs does not fail */
        atomic_store(&large_seen, 0);
        atomic_store(&fail_last, n / IN_A_ROW + 1 + n % IN_A_ROW);
        atomic_store(&fail_first, n / IN_A_ROW + 1);
        raw_send_head(&peer, LARGE);
        (void)raw_try_send(&peer, sent, FIRST);
        usleep(20000); /* what came so far fills the first block to its end */
        if (raw_try_send(&peer, sent + FIRST, LARGE - FIRST) && nng_recvmsg(rep, &msg, 0) == 0) {
            ck_assert_uint_eq(nng_msg_len(msg), LARGE - 4);
            ck_assert_msg(memcmp(nng_msg_body(msg), sent + 4, LARGE - 4) == 0,
                          "requests %d to %d failed, and the body is wrong",
                          atomic_load(&fail_first), atomic_load(&fail_last));
            nng_msg_free(msg);
        }
        raw_close(&peer);
        nng_close(rep);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("stream");
    TCase *tc = tcase_create("stream");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_body_is_never_made_up);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
