/*
 * The contract of the port on Windows, on real sockets and pipes and with no loop. What it asks above
 * all: each op submitted completes exactly once, whatever happens. `_i`: PEER_TCP or PEER_PIPE.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>

#include "host.h"
#include "net.h"
#include "net_os.h"
#include "port_world.h"
#include "raw_peer.h"
#include "timer.h"

enum { PEER_TCP, PEER_PIPE, PEERS };
enum { MANY = 300, LARGE = 4 << 20 };

static struct world world;

static void begin(void)
{
    world_open(&world);
    world.settles = true;
}

static void fresh_url(char url[80], int kind)
{
    static unsigned count;
    unsigned pid = (unsigned)GetCurrentProcessId();

    count++;
    if (kind == PEER_PIPE)
        (void)snprintf(url, 80, "ipc://spry-port-%u-%u", pid, count);
    else
        (void)snprintf(url, 80, "tcp://127.0.0.1:%u", 10000 + (pid * 7 + count) % 20000);
}

static void address_of(struct net_address *address, const char *url)
{
    ck_assert_int_eq(spry_net_numeric(address, NET_V4, "127.0.0.1", strrchr(url, ':') + 1), 0);
}

static const struct sockaddr *system_of(const struct net_address *address)
{
    return (const struct sockaddr *)(const void *)address->raw;
}

static intptr_t pipe_open(const char *url)
{
    char name[100];
    HANDLE pipe;

    (void)snprintf(name, sizeof(name), "\\\\.\\pipe\\%s", url + strlen("ipc://"));
    pipe = CreateFileA(name, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_EXISTING,
                       FILE_FLAG_OVERLAPPED, NULL);
    ck_assert_msg(pipe != INVALID_HANDLE_VALUE, "open %s: %lu", name, GetLastError());
    return (intptr_t)pipe;
}

static intptr_t instance_make(const char *url)
{
    char name[100];
    HANDLE pipe;

    (void)snprintf(name, sizeof(name), "\\\\.\\pipe\\%s", url + strlen("ipc://"));
    pipe = CreateNamedPipeA(name, PIPE_ACCESS_DUPLEX | FILE_FLAG_OVERLAPPED,
                            PIPE_TYPE_BYTE | PIPE_READMODE_BYTE | PIPE_WAIT,
                            PIPE_UNLIMITED_INSTANCES, 4096, 4096, 0, NULL);
    ck_assert_msg(pipe != INVALID_HANDLE_VALUE, "make %s: %lu", name, GetLastError());
    return (intptr_t)pipe;
}

/* A descriptor that is connected to a peer. */
static void pair(int kind, struct descriptor *descriptor, struct raw_peer *peer)
{
    struct raw_peer listener;
    struct net_address address;
    intptr_t handle;
    char url[80];

    fresh_url(url, kind);
    listener = raw_listen(url);
    if (kind == PEER_PIPE) {
        handle = pipe_open(url);
    } else {
        address_of(&address, url);
        ck_assert_int_eq(spry_net_socket(&address, &handle), 0);
        ck_assert_int_eq(connect((SOCKET)handle, system_of(&address), (int)address.bytes), 0);
    }
    *peer = raw_accept(&listener);
    raw_close(&listener);
    attach_as(&world, descriptor, handle, kind == PEER_PIPE ? ATTACH_PIPE : ATTACH_CONNECTED);
}

static void shut(struct descriptor *descriptor)
{
    spry_mutex_lock(&world.lock);
    spry_port_shutdown(&world.port, descriptor);
    spry_mutex_unlock(&world.lock);
}

static uint8_t *pattern(size_t count)
{
    uint8_t *bytes = malloc(count);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    return bytes;
}

/* ---- reads and writes ---- */

START_TEST(a_read_completes_when_its_bytes_come)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job read;
    char bytes[10];

    begin();
    pair(_i, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, 10);
    job_start(&read);
    world_soak(&world, 20);
    ck_assert_uint_eq(read.completed, 0);
    raw_send(&peer, "hello", 5);
    world_soak(&world, 20);
    ck_assert_uint_eq(read.have, 5);
    ck_assert_uint_eq(read.completed, 0);
    raw_send(&peer, "again", 5);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert_mem_eq(bytes, "helloagain", 10);
    detach(&world, &descriptor);
    raw_expect_close(&peer);
    raw_close(&peer);
    world_close(&world);
}
END_TEST

START_TEST(bytes_that_came_before_the_submission_are_read)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job read;
    char bytes[8];

    begin();
    pair(_i, &descriptor, &peer);
    raw_send(&peer, "hello", 5);
    Sleep(20);
    for (int i = 0; i < 5; i++) {
        job_read(&read, &world, &descriptor, bytes, 1);
        job_start(&read);
        ck_assert_int_eq(job_wait(&read), 0);
        ck_assert_int_eq(bytes[0], "hello"[i]);
    }
    detach(&world, &descriptor);
    raw_close(&peer);
    world_close(&world);
}
END_TEST

START_TEST(the_peers_end_is_told_after_its_last_byte)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job read;
    char bytes[8];

    begin();
    pair(_i, &descriptor, &peer);
    raw_send(&peer, "end", 3);
    raw_close(&peer);
    job_read(&read, &world, &descriptor, bytes, 3);
    job_start(&read);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert_mem_eq(bytes, "end", 3);
    for (int i = 0; i < 2; i++) {
        job_read(&read, &world, &descriptor, bytes, 3);
        job_start(&read);
        ck_assert_int_eq(job_wait(&read), NNG_ECONNSHUT);
    }
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

START_TEST(the_peers_end_ends_a_read_that_waits)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job read;
    char bytes[8];

    begin();
    pair(_i, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, 3);
    job_start(&read);
    world_soak(&world, 10);
    raw_reset(&peer);
    ck_assert_int_eq(job_wait(&read), _i == PEER_TCP ? NNG_ECONNRESET : NNG_ECONNSHUT);
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

START_TEST(a_write_to_a_peer_that_left_fails)
{
    static uint8_t junk[1 << 16];
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job write;
    int rv = 0;

    begin();
    pair(_i, &descriptor, &peer);
    raw_reset(&peer);
    for (int i = 0; i < 100 && rv == 0; i++) {
        job_write(&write, &world, &descriptor, junk, sizeof(junk));
        job_start(&write);
        rv = job_wait(&write);
    }
    ck_assert_msg(rv == NNG_ECONNRESET || rv == NNG_ECONNABORTED, "%s", nng_strerror(rv));
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

struct slow_peer {
    struct raw_peer peer;
    const uint8_t *bytes;
    pthread_t thread;
};

static void *slow_peer_main(void *argument)
{
    struct slow_peer *slow = argument;
    uint8_t *got = malloc(LARGE);

    for (size_t at = 0; at < LARGE; at += LARGE / 64) {
        raw_send(&slow->peer, slow->bytes + at, LARGE / 64);
        raw_read(&slow->peer, got + at, LARGE / 64);
    }
    ck_assert(memcmp(got, slow->bytes, LARGE) == 0);
    free(got);
    return NULL;
}

START_TEST(megabytes_both_ways_at_once_through_a_slow_peer)
{
    struct descriptor descriptor;
    struct slow_peer slow = {.bytes = pattern(LARGE)};
    uint8_t *sent = pattern(LARGE);
    uint8_t *got = malloc(LARGE);
    struct job read;
    struct job write;

    begin();
    pair(_i, &descriptor, &slow.peer);
    pthread_create(&slow.thread, NULL, slow_peer_main, &slow);
    job_read(&read, &world, &descriptor, got, LARGE);
    job_write(&write, &world, &descriptor, sent, LARGE);
    job_start(&read);
    job_start(&write);
    ck_assert_int_eq(job_wait(&write), 0);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert(memcmp(got, sent, LARGE) == 0);
    pthread_join(slow.thread, NULL);
    detach(&world, &descriptor);
    raw_close(&slow.peer);
    world_close(&world);
    free(got);
    free(sent);
    free((void *)(uintptr_t)slow.bytes);
}
END_TEST

/* ---- accept and connect ---- */

static void listen_at(struct descriptor *descriptor, char url[80])
{
    struct net_address address;
    intptr_t handle;

    fresh_url(url, PEER_TCP);
    address_of(&address, url);
    ck_assert_int_eq(spry_net_socket(&address, &handle), 0);
    spry_net_reuse(handle);
    ck_assert_int_eq(spry_net_bind(handle, &address), 0);
    ck_assert_int_eq(spry_net_listen(handle), 0);
    attach_as(&world, descriptor, handle, ATTACH_CONNECTED);
}

START_TEST(every_caller_is_accepted_once)
{
    struct descriptor descriptor;
    struct raw_peer callers[20];
    struct job accept;
    char url[80];

    begin();
    listen_at(&descriptor, url);
    for (int i = 0; i < 10; i++) /* some before, some after the submission */
        callers[i] = raw_connect(url);
    for (int i = 0; i < 20; i++) {
        job_accept(&accept, &world, &descriptor);
        job_start(&accept);
        if (i >= 10)
            callers[i] = raw_connect(url);
        ck_assert_int_eq(job_wait(&accept), 0);
        ck_assert_int_eq(send((SOCKET)accept.op.accepted, "x", 1, 0), 1);
        spry_net_close(accept.op.accepted);
    }
    for (int i = 0; i < 20; i++) {
        raw_expect(&callers[i], "x", 1);
        raw_expect_close(&callers[i]);
        raw_close(&callers[i]);
    }
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

START_TEST(shutdown_ends_an_accept)
{
    struct descriptor descriptor;
    struct job accept;
    char url[80];

    begin();
    for (int i = 0; i < 50; i++) {
        struct raw_peer caller;

        listen_at(&descriptor, url);
        job_accept(&accept, &world, &descriptor);
        job_start(&accept);
        if (i % 2 == 1) /* a caller just in time, or too late */
            caller = raw_connect(url);
        shut(&descriptor);
        ck_assert_int_ne(job_wait(&accept), 0);
        if (i % 2 == 1) {
            raw_expect_close(&caller);
            raw_close(&caller);
        }
        detach(&world, &descriptor);
    }
    world_close(&world);
}
END_TEST

static void connect_start(struct job *job, struct descriptor *descriptor,
                          struct net_address *address, const char *url)
{
    intptr_t handle;

    address_of(address, url);
    ck_assert_int_eq(spry_net_socket(address, &handle), 0);
    attach_as(&world, descriptor, handle, ATTACH_CONNECTING);
    job_connect(job, &world, descriptor, address);
    job_start(job);
}

START_TEST(a_connect_completes_and_the_stream_works)
{
    struct descriptor descriptor;
    struct raw_peer listener;
    struct raw_peer peer;
    struct net_address address;
    struct net_address remote;
    struct job job;
    char bytes[5];
    char url[80];

    begin();
    fresh_url(url, PEER_TCP);
    listener = raw_listen(url);
    connect_start(&job, &descriptor, &address, url);
    ck_assert_int_eq(job_wait(&job), 0);
    ck_assert_int_eq(spry_net_remote(spry_descriptor_handle(&descriptor), &remote), 0);
    ck_assert_uint_eq(spry_net_port(&remote), spry_net_port(&address));
    peer = raw_accept(&listener);
    raw_send(&peer, "hello", 5);
    job_read(&job, &world, &descriptor, bytes, 5);
    job_start(&job);
    ck_assert_int_eq(job_wait(&job), 0);
    detach(&world, &descriptor);
    raw_close(&peer);
    raw_close(&listener);
    world_close(&world);
}
END_TEST

START_TEST(a_refused_connect_says_so)
{
    struct descriptor descriptor;
    struct net_address address;
    struct job job;
    char url[80];

    begin();
    fresh_url(url, PEER_TCP);
    connect_start(&job, &descriptor, &address, url);
    ck_assert_int_eq(job_wait(&job), NNG_ECONNREFUSED);
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

START_TEST(a_connect_that_is_cancelled_completes_once)
{
    begin();
    for (int i = 0; i < 50; i++) {
        struct descriptor descriptor;
        struct net_address address;
        struct raw_peer listener;
        struct job job;
        char url[80];
        int rv;

        fresh_url(url, PEER_TCP);
        listener = raw_listen(url);
        connect_start(&job, &descriptor, &address, url);
        if (i % 2 == 0)
            job_cancel(&job);
        else
            shut(&descriptor);
        rv = job_wait(&job);
        ck_assert_msg(i % 2 == 1 || rv == 0 || rv == NNG_ECANCELED, "%s", nng_strerror(rv));
        detach(&world, &descriptor);
        raw_close(&listener);
    }
    world_soak(&world, 20);
    world_close(&world);
}
END_TEST

/* ---- instances of a pipe ---- */

static void instance_start(struct job *job, struct descriptor *descriptor, intptr_t handle)
{
    attach_as(&world, descriptor, handle, ATTACH_INSTANCE);
    job_connect(job, &world, descriptor, NULL);
    job_start(job);
}

START_TEST(an_instance_waits_for_its_client)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job job;
    char bytes[5];
    char url[80];
    intptr_t handle;

    begin();
    for (int late = 0; late < 2; late++) {
        fresh_url(url, PEER_PIPE);
        handle = instance_make(url);
        if (late == 0)
            peer = raw_connect(url); /* before the call */
        instance_start(&job, &descriptor, handle);
        if (late == 1) {
            world_soak(&world, 10);
            ck_assert_uint_eq(job.completed, 0);
            peer = raw_connect(url);
        }
        ck_assert_int_eq(job_wait(&job), 0);
        raw_send(&peer, "hello", 5);
        job_read(&job, &world, &descriptor, bytes, 5);
        job_start(&job);
        ck_assert_int_eq(job_wait(&job), 0);
        detach(&world, &descriptor);
        raw_expect_close(&peer);
        raw_close(&peer);
    }
    world_close(&world);
}
END_TEST

/* It may also be told by the first read. */
START_TEST(a_client_that_came_and_left_is_told)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job job;
    char byte;
    char url[80];
    intptr_t handle;
    int rv;

    begin();
    fresh_url(url, PEER_PIPE);
    handle = instance_make(url);
    peer = raw_connect(url);
    raw_close(&peer);
    instance_start(&job, &descriptor, handle);
    rv = job_wait(&job);
    if (rv == 0) {
        job_read(&job, &world, &descriptor, &byte, 1);
        job_start(&job);
        rv = job_wait(&job);
    }
    ck_assert_msg(rv == NNG_ECONNABORTED || rv == NNG_ECONNSHUT, "%s", nng_strerror(rv));
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

START_TEST(an_instance_that_is_closed_completes_once)
{
    begin();
    for (int i = 0; i < 50; i++) {
        struct descriptor descriptor;
        struct job job;
        char url[80];

        fresh_url(url, PEER_PIPE);
        instance_start(&job, &descriptor, instance_make(url));
        if (i % 2 == 0)
            job_cancel(&job);
        else
            shut(&descriptor);
        ck_assert_int_ne(job_wait(&job), 0);
        detach(&world, &descriptor);
    }
    world_soak(&world, 20);
    world_close(&world);
}
END_TEST

/* ---- cancel and shutdown ---- */

START_TEST(cancel_of_a_pending_read_completes_it)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job read;
    char bytes[8];

    begin();
    pair(_i, &descriptor, &peer);
    for (int i = 0; i < 20; i++) {
        job_read(&read, &world, &descriptor, bytes, 5);
        job_start(&read);
        if (i % 2 == 1)
            world_soak(&world, 2);
        job_cancel(&read);
        job_cancel(&read);
        ck_assert_int_eq(job_wait(&read), NNG_ECANCELED);
        job_cancel(&read); /* idle: nothing */
    }
    raw_send(&peer, "hello", 5); /* the stream is whole */
    job_read(&read, &world, &descriptor, bytes, 5);
    job_start(&read);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert_mem_eq(bytes, "hello", 5);
    detach(&world, &descriptor);
    raw_close(&peer);
    world_close(&world);
}
END_TEST

/* The bytes are there when the cancel comes: they come with this read or with the next. */
START_TEST(a_cancel_that_comes_too_late_loses_nothing)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job read;

    begin();
    pair(_i, &descriptor, &peer);
    for (int i = 0; i < 20; i++) {
        char bytes[5];
        int rv;

        job_read(&read, &world, &descriptor, bytes, 5);
        job_start(&read);
        raw_send(&peer, "hello", 5);
        if (i % 2 == 1)
            Sleep(2);
        job_cancel(&read);
        rv = job_wait(&read);
        if (rv != 0) {
            size_t have = read.have;

            ck_assert_int_eq(rv, NNG_ECANCELED);
            job_read(&read, &world, &descriptor, bytes + have, 5 - have);
            job_start(&read);
            ck_assert_int_eq(job_wait(&read), 0);
        }
        ck_assert_mem_eq(bytes, "hello", 5);
    }
    detach(&world, &descriptor);
    raw_close(&peer);
    world_close(&world);
}
END_TEST

START_TEST(shutdown_ends_what_is_in_flight)
{
    static uint8_t junk[LARGE];

    begin();
    for (int i = 0; i < 30; i++) {
        struct descriptor descriptor;
        struct raw_peer peer;
        struct job read;
        struct job write;
        char byte;

        pair(_i, &descriptor, &peer);
        job_read(&read, &world, &descriptor, &byte, 1);
        job_write(&write, &world, &descriptor, junk, sizeof(junk));
        job_start(&read);
        job_start(&write);
        if (i % 3 == 1)
            world_soak(&world, 2);
        if (i % 3 == 2)
            raw_send(&peer, "x", 1);
        shut(&descriptor);
        ck_assert_int_ne(job_wait(&write), 0);
        (void)job_wait(&read);
        raw_drain_until_close(&peer);
        job_read(&read, &world, &descriptor, &byte, 1); /* after it: fails at once */
        job_start(&read);
        ck_assert_int_ne(job_wait(&read), 0);
        detach(&world, &descriptor);
        raw_close(&peer);
    }
    world_close(&world);
}
END_TEST

/* ---- waiting ---- */

START_TEST(a_deadline_is_never_early)
{
    begin();
    for (unsigned ms = 0; ms < 20; ms++) {
        uint64_t deadline_ns = after_ms(ms);

        world_turn(&world, deadline_ns);
        ck_assert_uint_ge(spry_clock_ns(), deadline_ns);
    }
    world_close(&world);
}
END_TEST

static void *wake_main(void *argument)
{
    atomic_int *turns = argument;

    for (int i = 0; i < 2000; i++) {
        int seen = atomic_load(turns);

        spry_port_wake(&world.port);
        for (double until = host_seconds() + 5; atomic_load(turns) == seen;)
            ck_assert_msg(host_seconds() < until, "wake %d is lost", i);
    }
    return NULL;
}

START_TEST(no_wake_is_lost)
{
    atomic_int turns = 0;
    pthread_t thread;

    begin();
    spry_port_wake(&world.port); /* before the wait */
    world_turn(&world, after_ms(5000));
    pthread_create(&thread, NULL, wake_main, &turns);
    for (int i = 0; i < 2000; i++) {
        world_turn(&world, after_ms(5000));
        atomic_fetch_add(&turns, 1);
    }
    pthread_join(thread, NULL);
    world_close(&world);
}
END_TEST

static void *start_main(void *argument)
{
    job_start(argument);
    return NULL;
}

/* What a thread submitted lives on when that thread has ended. */
START_TEST(an_op_outlives_the_thread_that_submitted_it)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job read;
    char bytes[5];

    begin();
    pair(_i, &descriptor, &peer);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;

        job_read(&read, &world, &descriptor, bytes, 5);
        pthread_create(&thread, NULL, start_main, &read);
        pthread_join(thread, NULL);
        if (i % 2 == 1)
            Sleep(2);
        raw_send(&peer, "hello", 5);
        ck_assert_int_eq(job_wait(&read), 0);
    }
    detach(&world, &descriptor);
    raw_close(&peer);
    world_close(&world);
}
END_TEST

START_TEST(a_waiter_sees_what_is_submitted_later)
{
    struct descriptor descriptor;
    struct raw_peer peer;
    struct job reads[2];
    pthread_t thread;
    char bytes[2];

    begin();
    pair(_i, &descriptor, &peer);
    job_read(&reads[0], &world, &descriptor, &bytes[0], 1);
    pthread_create(&thread, NULL, start_main, &reads[0]);
    raw_send(&peer, "a", 1);
    for (int i = 0; i < 1000 && reads[0].completed == 0; i++)
        world_turn(&world, after_ms(10));
    pthread_join(thread, NULL);
    ck_assert_int_eq(job_wait(&reads[0]), 0);
    detach(&world, &descriptor);
    raw_close(&peer);
    world_close(&world);
}
END_TEST

START_TEST(many_descriptors)
{
    static struct descriptor descriptors[MANY];
    static struct raw_peer peers[MANY];
    static struct job reads[MANY];
    static char bytes[MANY];

    begin();
    for (int i = 0; i < MANY; i++) {
        pair(i % PEERS, &descriptors[i], &peers[i]);
        job_read(&reads[i], &world, &descriptors[i], &bytes[i], 1);
        job_start(&reads[i]);
    }
    for (int i = 0; i < MANY; i++)
        raw_send(&peers[i], &(char){(char)(i % 100)}, 1);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(job_wait(&reads[i]), 0);
        ck_assert_int_eq(bytes[i], (char)(i % 100));
        detach(&world, &descriptors[i]);
        raw_close(&peers[i]);
    }
    world_close(&world);
}
END_TEST

/* ---- anything ---- */

/* A connection whose peer echoes what it reads; what was written comes back in order, as far as it comes. */
static void *echo_main(void *argument)
{
    struct raw_peer *peer = argument;
    char bytes[1000];
    ssize_t got;

    while ((got = raw_try_read(peer, bytes, sizeof(bytes))) > 0 &&
           raw_try_send(peer, bytes, (size_t)got)) {
    }
    return NULL;
}

START_TEST(any_interleaving_completes_each_op_once_and_keeps_the_bytes)
{
    uint32_t random = spry_random();
    uint8_t *sent = pattern(LARGE);
    uint8_t *got = malloc(LARGE);

    printf("seed %lu\n", (unsigned long)random);
    begin();
    for (int round = 0; round < 40; round++) {
        struct descriptor descriptor;
        struct raw_peer peer;
        struct job read;
        struct job write;
        pthread_t thread;
        size_t out = 0;
        size_t in = 0;
        int steps;

        pair(_i, &descriptor, &peer);
        pthread_create(&thread, NULL, echo_main, &peer);
        job_read(&read, &world, &descriptor, got, 1);
        job_write(&write, &world, &descriptor, sent, 1);
        random = random * 1664525U + 1013904223U;
        for (steps = (int)(random >> 8) % 60; steps > 0; steps--) {
            random = random * 1664525U + 1013904223U;
            switch ((random >> 12) % 6) {
            case 0:
            case 1:
                if (write.completed == write.submitted && write.result == 0) {
                    out += write.have;
                    job_write(&write, &world, &descriptor, sent + out, 1 + (random >> 16) % 30000);
                    job_start(&write);
                }
                break;
            case 2:
            case 3:
                if (read.completed == read.submitted && read.result == 0) {
                    in += read.have;
                    job_read(&read, &world, &descriptor, got + in, 1 + (random >> 16) % 30000);
                    read.any = true;
                    job_start(&read);
                }
                break;
            case 4:
                if (read.completed < read.submitted) {
                    job_cancel(&read);
                    if (job_wait(&read) == NNG_ECANCELED)
                        read.result = 0;
                }
                break;
            default:
                world_soak(&world, (random >> 16) % 3);
                break;
            }
        }
        shut(&descriptor);
        (void)job_wait(&read);
        (void)job_wait(&write);
        in += read.have;
        ck_assert(memcmp(got, sent, in) == 0);
        pthread_join(thread, NULL);
        detach(&world, &descriptor);
        raw_close(&peer);
    }
    world_soak(&world, 10);
    world_close(&world);
    free(got);
    free(sent);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("port");
    TCase *tc = tcase_create("windows");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 50);
    tcase_add_loop_test(tc, a_read_completes_when_its_bytes_come, 0, PEERS);
    tcase_add_loop_test(tc, bytes_that_came_before_the_submission_are_read, 0, PEERS);
    tcase_add_loop_test(tc, the_peers_end_is_told_after_its_last_byte, 0, PEERS);
    tcase_add_loop_test(tc, the_peers_end_ends_a_read_that_waits, 0, PEERS);
    tcase_add_loop_test(tc, a_write_to_a_peer_that_left_fails, 0, PEERS);
    tcase_add_loop_test(tc, megabytes_both_ways_at_once_through_a_slow_peer, 0, PEERS);
    tcase_add_test(tc, every_caller_is_accepted_once);
    tcase_add_test(tc, shutdown_ends_an_accept);
    tcase_add_test(tc, a_connect_completes_and_the_stream_works);
    tcase_add_test(tc, a_refused_connect_says_so);
    tcase_add_test(tc, a_connect_that_is_cancelled_completes_once);
    tcase_add_test(tc, an_instance_waits_for_its_client);
    tcase_add_test(tc, a_client_that_came_and_left_is_told);
    tcase_add_test(tc, an_instance_that_is_closed_completes_once);
    tcase_add_loop_test(tc, cancel_of_a_pending_read_completes_it, 0, PEERS);
    tcase_add_loop_test(tc, a_cancel_that_comes_too_late_loses_nothing, 0, PEERS);
    tcase_add_loop_test(tc, shutdown_ends_what_is_in_flight, 0, PEERS);
    tcase_add_test(tc, a_deadline_is_never_early);
    tcase_add_test(tc, no_wake_is_lost);
    tcase_add_loop_test(tc, an_op_outlives_the_thread_that_submitted_it, 0, PEERS);
    tcase_add_loop_test(tc, a_waiter_sees_what_is_submitted_later, 0, PEERS);
    tcase_add_test(tc, many_descriptors);
    tcase_add_loop_test(tc, any_interleaving_completes_each_op_once_and_keeps_the_bytes, 0, PEERS);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
