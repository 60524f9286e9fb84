/* Memory from one block of the program's: the arena by itself, and the library in it. */
#include <spry.h>

#include "arena.h"
#include "link.h"
#include "raw_peer.h"

#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 256 << 10, UNIT = _Alignof(max_align_t) };

static _Alignas(max_align_t) unsigned char memory[MEMORY];

/* ---- the arena by itself ---- */

static struct arena arena = {.lock = SPRY_MUTEX_INIT};

/* It is one hole again: all of it can be had at once, and no more. */
static void expect_whole(size_t bytes)
{
    void *all = spry_arena_alloc(&arena, bytes);

    ck_assert_ptr_nonnull(all);
    ck_assert_ptr_null(spry_arena_alloc(&arena, 0));
    spry_arena_free(&arena, all, bytes);
    ck_assert_ptr_null(spry_arena_alloc(&arena, bytes + 1));
}

static void *take(size_t bytes)
{
    void *block = spry_arena_alloc(&arena, bytes);

    ck_assert_ptr_nonnull(block);
    return block;
}

START_TEST(an_arena_of_any_place_and_size_gives_aligned_blocks_inside)
{
    size_t given = 0;

    for (size_t skip = 0; skip < 2 * UNIT; skip++) {
        for (size_t bytes = 0; bytes < 8 * UNIT; bytes++) {
            unsigned char *block;

            memset(memory, 0xee, sizeof(memory));
            spry_arena_init(&arena, memory + skip, bytes);
            while ((block = spry_arena_alloc(&arena, 1)) != NULL) {
                ck_assert_uint_eq((uintptr_t)block % _Alignof(max_align_t), 0);
                ck_assert(block >= memory + skip && block < memory + skip + bytes);
                given++;
            }
            ck_assert(memory[skip + bytes] == 0xee && (skip == 0 || memory[skip - 1] == 0xee));
        }
    }
    ck_assert_uint_gt(given, 0);
    spry_arena_init(&arena, memory, 0);
    ck_assert_ptr_null(spry_arena_alloc(&arena, 1));
    spry_arena_init(&arena, memory, MEMORY);
    ck_assert_ptr_null(spry_arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_null(spry_arena_alloc(&arena, SIZE_MAX / 2 + 1));
    expect_whole(MEMORY);
}
END_TEST

/* Freed in each order, three neighbours are one hole again. */
START_TEST(holes_merge_on_both_sides)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    void *blocks[3];

    spry_arena_init(&arena, memory, MEMORY);
    for (int i = 0; i < 3; i++)
        blocks[i] = take(i < 2 ? 1000 : MEMORY - 2016);
    ck_assert_ptr_null(spry_arena_alloc(&arena, 1));
    for (int i = 0; i < 3; i++) {
        int n = orders[_i][i];

        spry_arena_free(&arena, blocks[n], n < 2 ? 1000 : MEMORY - 2016);
    }
    expect_whole(MEMORY);
}
END_TEST

START_TEST(a_block_grows_and_shrinks_where_it_stands_if_there_is_room)
{
    unsigned char *block;
    unsigned char *next;

    spry_arena_init(&arena, memory, MEMORY);
    block = take(100);
    memset(block, 1, 100);
    ck_assert_ptr_eq(spry_arena_realloc(&arena, block, 100, 5000), block);
    next = take(UNIT);
    ck_assert_ptr_eq(next, block + (5000 + UNIT - 1) / UNIT * UNIT);
    ck_assert_ptr_eq(spry_arena_realloc(&arena, block, 5000, 200), block);
    ck_assert_ptr_eq(spry_arena_realloc(&arena, block, 200, 5000), block);
    block = spry_arena_realloc(&arena, block, 5000, 5100);
    ck_assert(block > next); /* the neighbour is in the way */
    ck_assert(block[0] == 1 && memcmp(block, block + 1, 99) == 0);
    ck_assert_ptr_null(spry_arena_realloc(&arena, block, 5100, MEMORY));
    ck_assert_ptr_null(spry_arena_realloc(&arena, block, 5100, SIZE_MAX));
    ck_assert_uint_eq(block[99], 1);
    spry_arena_free(&arena, next, UNIT);
    spry_arena_free(&arena, block, 5100);
    expect_whole(MEMORY);
}
END_TEST

START_TEST(a_block_from_elsewhere_goes_to_the_c_library)
{
    unsigned char *block = malloc(100);

    spry_arena_init(&arena, memory, MEMORY);
    memset(block, 7, 100);
    block = spry_arena_realloc(&arena, block, 100, 200);
    ck_assert(block >= memory && block < memory + MEMORY && block[99] == 7);
    spry_arena_free(&arena, block, 200);
    block = malloc(100);
    spry_arena_free(&arena, block, 100); /* a sanitizer sees it if it is lost */
    expect_whole(MEMORY);
}
END_TEST

enum { BLOCKS = 300, STEPS = 40000, SIZE_MOST = 4000 };

struct block {
    unsigned char *at;
    size_t bytes;
    unsigned char fill;
};

static uint64_t seed_of_run(void)
{
    const char *given = getenv("SPRY_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 0x5eed0000 + (uint64_t)rand();

    (void)fprintf(stderr, "SPRY_SEED=%" PRIu64 "\n", seed);
    return seed;
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(*state >> 33);
}

static void expect_filled(const struct block *block, size_t bytes)
{
    size_t same = 0;

    while (same < bytes && block->at[same] == block->fill)
        same++;
    ck_assert_uint_eq(same, bytes);
}

/* A failing request is right only if no gap between the blocks was as large. */
static void expect_no_gap(const struct block *blocks, size_t bytes)
{
    static unsigned char used[MEMORY / UNIT];
    size_t gap = 0;
    size_t widest = 0;

    memset(used, 0, sizeof(used));
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].at != NULL)
            memset(used + (size_t)(blocks[i].at - memory) / UNIT, 1,
                   (blocks[i].bytes + UNIT - 1) / UNIT);
    }
    for (size_t i = 0; i < sizeof(used); i++) {
        gap = used[i] ? 0 : gap + UNIT;
        widest = gap > widest ? gap : widest;
    }
    ck_assert_uint_lt(widest, (bytes + UNIT - 1) / UNIT * UNIT);
}

/* Each block keeps its bytes, so none overlaps another, and at the end all is one hole. */
START_TEST(whatever_comes_and_goes_nothing_overlaps_and_nothing_is_lost)
{
    static struct block blocks[BLOCKS];
    uint64_t random = seed_of_run();
    size_t refused = 0;

    spry_arena_init(&arena, memory, MEMORY);
    memset(blocks, 0, sizeof(blocks));
    for (int step = 0; step < STEPS; step++) {
        struct block *block = &blocks[next_random(&random) % BLOCKS];
        size_t bytes = 1 + next_random(&random) % (1 + next_random(&random) % SIZE_MOST);
        unsigned char *at;

        if (block->at == NULL) {
            at = spry_arena_alloc(&arena, bytes);
        } else if (next_random(&random) % 2 == 0) {
            at = spry_arena_realloc(&arena, block->at, block->bytes, bytes);
        } else {
            expect_filled(block, block->bytes);
            spry_arena_free(&arena, block->at, block->bytes);
            block->at = NULL;
            continue;
        }
        if (at == NULL) {
            expect_no_gap(blocks, bytes);
            refused++;
            continue;
        }
        ck_assert_uint_eq((uintptr_t)at % _Alignof(max_align_t), 0);
        ck_assert(at >= memory && at + bytes <= memory + MEMORY);
        if (block->at != NULL) {
            block->at = at;
            expect_filled(block, block->bytes < bytes ? block->bytes : bytes);
        }
        block->at = at;
        block->bytes = bytes;
        block->fill = (unsigned char)step;
        memset(at, block->fill, bytes);
    }
    ck_assert_uint_gt(refused, 0);
    for (int i = 0; i < BLOCKS; i++) {
        if (blocks[i].at == NULL)
            continue;
        expect_filled(&blocks[i], blocks[i].bytes);
        spry_arena_free(&arena, blocks[i].at, blocks[i].bytes);
    }
    expect_whole(MEMORY);
}
END_TEST

/* ---- the library in an arena ---- */

static size_t arena_bytes;

static bool library_ended(void *argument)
{
    return spry_init(argument) == 0;
}

static void begin(size_t bytes)
{
    spry_options options = SPRY_OPTIONS_INITIALIZER;

    memset(memory, 0xee, sizeof(memory));
    arena_bytes = bytes;
    options.arena = memory;
    options.arena_size = bytes;
    ck_assert(link_wait(library_ended, &options));
}

/* When all is closed, all is back: nng_alloc can have the whole arena, to the last byte. */
static bool all_is_back(void *argument)
{
    void *all = nng_alloc(arena_bytes);

    (void)argument;
    if (all == NULL)
        return false;
    nng_free(all, arena_bytes);
    return true;
}

static void end(void)
{
    size_t clean = arena_bytes;

    ck_assert(link_wait(all_is_back, NULL));
    while (clean < sizeof(memory) && memory[clean] == 0xee)
        clean++;
    ck_assert_uint_eq(clean, sizeof(memory)); /* nothing was written behind the arena */
    ck_assert(link_wait(library_ended, NULL));
}

START_TEST(options_out_of_range_are_refused)
{
    static const spry_allocator none = {NULL, NULL, NULL, NULL};
    spry_options options = SPRY_OPTIONS_INITIALIZER;
    nng_socket req;

    options.allocator = &none;
    ck_assert_int_eq(spry_init(&options), NNG_EINVAL);
    options.allocator = NULL;
    options.arena = memory;
    ck_assert_int_eq(spry_init(&options), NNG_EINVAL);
    options.arena = NULL;
    options.arena_size = MEMORY;
    ck_assert_int_eq(spry_init(&options), NNG_EINVAL);
    options.arena = memory;
    ck_assert_int_eq(spry_init(&options), 0);
    arena_bytes = MEMORY;
    req = link_open_req();
    ck_assert_int_eq(spry_init(&options), NNG_EBUSY);
    ck_assert_int_eq(spry_init(NULL), NNG_EBUSY);
    ck_assert_int_eq(nng_close(req), 0);
    end();
}
END_TEST

static const size_t arena_sizes[] = {64 << 10, 256 << 10};
enum { ARENA_SIZES = 2, ROUNDS = 3 };

/* `_i`: a size and a transport. */
START_TEST(a_program_lives_in_its_arena)
{
    enum link_kind kind = (enum link_kind)(_i % (LINK_INPROC + 1));
    char *before = nng_strdup("from before");
    char url[LINK_URL_BYTES];
    nng_socket sockets[2];
    nng_msg *msg;

    begin(arena_sizes[_i / (LINK_INPROC + 1)]);
    for (int round = 0; round < ROUNDS; round++) {
        link_url(kind, url);
        sockets[0] = link_rep(url);
        sockets[1] = link_req(url);
        for (size_t bytes = 0; bytes < arena_bytes / 16; bytes = 2 * bytes + 1)
            link_exchange(sockets[1], sockets[0], bytes);
        ck_assert_int_eq(nng_close(sockets[0]), 0);
        ck_assert_int_eq(nng_close(sockets[1]), 0);

        link_url(kind, url);
        for (int i = 0; i < 2; i++) {
            ck_assert_int_eq(nng_pair1_open(&sockets[i]), 0);
            ck_assert_int_eq(nng_socket_set_ms(sockets[i], NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
            ck_assert_int_eq(nng_socket_set_ms(sockets[i], NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
        }
        ck_assert_int_eq(nng_listen(sockets[0], url, NULL, 0), 0);
        ck_assert_int_eq(nng_dial(sockets[1], url, NULL, 0), 0);
        for (unsigned n = 0; n < 500; n++) {
            ck_assert_int_eq(nng_msg_alloc(&msg, 0), 0);
            ck_assert_int_eq(nng_msg_append_u32(msg, n), 0);
            ck_assert_int_eq(nng_sendmsg(sockets[n % 2], msg, 0), 0);
            ck_assert_int_eq(nng_recvmsg(sockets[1 - n % 2], &msg, 0), 0);
            ck_assert_uint_eq(((unsigned char *)nng_msg_body(msg))[3], n % 256);
            nng_msg_free(msg);
        }
        ck_assert_int_eq(nng_close(sockets[0]), 0);
        ck_assert_int_eq(nng_close(sockets[1]), 0);
    }
    nng_strfree(before);
    end();
}
END_TEST

/* A client comes, asks and has its answer. False: not this time. */
static bool asks(void *url)
{
    char answer[4];
    size_t bytes = sizeof(answer);
    nng_socket req;
    bool served;

    if (nng_req0_open(&req) != 0)
        return false;
    (void)nng_socket_set_ms(req, NNG_OPT_RECVTIMEO, 500);
    (void)nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, 500);
    served = nng_dial(req, url, NULL, 0) == 0 && link_send(req, "ask", 4, 0) == 0 &&
             nng_recv(req, answer, &bytes, 0) == 0 && bytes == 4 && strcmp(answer, "ask") == 0;
    ck_assert_int_eq(nng_close(req), 0);
    return served;
}

/* The listener has lacked memory, or there is none to say so. */
static bool out_of_memory(void *listener)
{
    nng_stat *root;
    nng_stat *oom;
    bool was;

    if (nng_stats_get(&root) != 0)
        return true;
    oom = nng_stat_find(nng_stat_find_listener(root, *(nng_listener *)listener), "oom");
    was = nng_stat_value(oom) > 0;
    nng_stats_free(root);
    return was;
}

START_TEST(peers_that_use_it_up_cost_themselves_and_it_recovers)
{
    enum { PEERS = 40, PIECE = 8000 };
    static const unsigned char hello[8] = {0, 'S', 'P', 0, 0, RAW_REQ, 0, 0};
    static unsigned char piece[PIECE];
    struct raw_peer peers[PEERS];
    char url[LINK_URL_BYTES];
    nng_listener listener;
    nng_socket rep;
    pthread_t echo;

    begin(64 << 10);
    link_url((enum link_kind)_i, url);
    rep = link_open_rep();
    ck_assert_int_eq(nng_listen(rep, url, &listener, 0), 0);
    echo = link_echo(&rep);
    ck_assert(asks(url));
    for (int i = 0; i < PEERS; i++) {
        uint8_t head[9];

        peers[i] = raw_connect(url);
        if (raw_try_send(&peers[i], hello, sizeof(hello)) &&
            raw_try_send(&peers[i], head, raw_head(&peers[i], 1 << 20, head)))
            (void)raw_try_send(&peers[i], piece, PIECE);
    }
    ck_assert(link_wait(out_of_memory, &listener));
    for (int i = 0; i < PEERS; i++)
        raw_close(&peers[i]);
    ck_assert(link_wait(asks, url));
    ck_assert_int_eq(nng_close(rep), 0);
    pthread_join(echo, NULL);
    end();
}
END_TEST

START_TEST(a_program_that_uses_it_up_is_told_and_goes_on)
{
    enum { PIECE = 512, PIECES = MEMORY / PIECE };
    static void *pieces[PIECES];
    char url[LINK_URL_BYTES];
    size_t count = 0;
    nng_socket rep, req, other;
    nng_msg *msg;
    char body[2000] = "";

    begin(64 << 10);
    link_url((enum link_kind)_i, url);
    rep = link_rep(url);
    req = link_req(url);
    while ((pieces[count] = nng_alloc(PIECE)) != NULL)
        count++;
    ck_assert_int_eq(nng_msg_alloc(&msg, PIECE), NNG_ENOMEM);
    ck_assert_int_eq(nng_send(req, body, sizeof(body), 0), NNG_ENOMEM);
    ck_assert_int_eq(nng_req0_open(&other), NNG_ENOMEM);
    while (count > 0)
        nng_free(pieces[--count], PIECE);
    link_exchange(req, rep, sizeof(body));
    ck_assert_int_eq(nng_close(req), 0);
    ck_assert_int_eq(nng_close(rep), 0);
    end();
}
END_TEST

/* In arenas from too small to large enough, whatever ends for want of memory ends, and all is back. */
START_TEST(in_an_arena_of_any_size_what_fails_leaves_nothing)
{
    bool served = false;

    for (size_t bytes = 256; bytes <= 12 << 10; bytes += 128) {
        char url[LINK_URL_BYTES];
        nng_socket rep;
        nng_socket req;
        nng_msg *msg;

        link_url(LINK_INPROC, url);
        begin(bytes);
        if (nng_rep0_open(&rep) == 0) {
            (void)nng_socket_set_ms(rep, NNG_OPT_RECVTIMEO, 20);
            if (nng_listen(rep, url, NULL, 0) == 0 && nng_req0_open(&req) == 0) {
                (void)nng_socket_set_ms(req, NNG_OPT_SENDTIMEO, 20);
                if (nng_dial(req, url, NULL, 0) == 0 && link_send(req, "x", 2, 0) == 0 &&
                    nng_recvmsg(rep, &msg, 0) == 0) {
                    nng_msg_free(msg);
                    served = true;
                }
                ck_assert_int_eq(nng_close(req), 0);
            }
            ck_assert_int_eq(nng_close(rep), 0);
        }
        end();
    }
    ck_assert(served);
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    suite_add_tcase(suite, tc);
    tcase_set_timeout(tc, 60);
    return tc;
}

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *alone = add_case(suite, "by itself");
    TCase *tc = add_case(suite, "with the library in it");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(alone, an_arena_of_any_place_and_size_gives_aligned_blocks_inside);
    tcase_add_loop_test(alone, holes_merge_on_both_sides, 0, 6);
    tcase_add_test(alone, a_block_grows_and_shrinks_where_it_stands_if_there_is_room);
    tcase_add_test(alone, a_block_from_elsewhere_goes_to_the_c_library);
    tcase_add_test(alone, whatever_comes_and_goes_nothing_overlaps_and_nothing_is_lost);

    tcase_add_checked_fixture(tc, link_setup, link_teardown);
    tcase_add_test(tc, options_out_of_range_are_refused);
    tcase_add_loop_test(tc, a_program_lives_in_its_arena, 0, ARENA_SIZES * (LINK_INPROC + 1));
    tcase_add_loop_test(tc, peers_that_use_it_up_cost_themselves_and_it_recovers, 0, LINK_RAW);
    tcase_add_loop_test(tc, a_program_that_uses_it_up_is_told_and_goes_on, 0, LINK_INPROC + 1);
    tcase_add_test(tc, in_an_arena_of_any_size_what_fails_leaves_nothing);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
