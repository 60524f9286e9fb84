/*
 * The contract of the port on POSIX systems, on real sockets and with no loop: the same suite for
 * each backend. What it asks above all: each op submitted completes exactly once, whatever happens.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>

#include <nng/nng.h>

#include "net.h"
#include "port_world.h"
#include "timer.h"

enum { MANY = 1000, LARGE = 4 << 20 };

static struct world world;

static void set_nonblocking(int fd)
{
    ck_assert_int_eq(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK), 0);
}

static void attach(struct world *to, struct descriptor *descriptor, int fd, bool connected)
{
    set_nonblocking(fd);
    attach_as(to, descriptor, fd, connected ? ATTACH_CONNECTED : ATTACH_CONNECTING);
}

/* Connected, non-blocking on the port's side; `peer` is the other and blocks. */
static void attach_pair(struct world *to, struct descriptor *descriptor, int *peer)
{
    int fds[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    attach(to, descriptor, fds[0], true);
    *peer = fds[1];
}

static void put(int fd, const void *bytes, size_t count)
{
    ck_assert_int_eq(send(fd, bytes, count, MSG_NOSIGNAL), (ssize_t)count);
}

static uint8_t *pattern(size_t count)
{
    uint8_t *bytes = malloc(count);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < count; i++)
        bytes[i] = (uint8_t)(i * 31 + i / 251);
    return bytes;
}

static void fill(int fd)
{
    static const uint8_t junk[4096];

    while (send(fd, junk, sizeof(junk), MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
    }
    ck_assert_int_eq(errno, EAGAIN);
}

static void loopback(struct net_address *address, in_port_t port)
{
    ck_assert_int_eq(spry_net_numeric(address, NET_V4, "127.0.0.1", "0"), 0);
    ((struct sockaddr_in *)(void *)address->raw)->sin_port = port;
}

/* A TCP listener, on a free port, and the address it is at. */
static int listener(struct net_address *address, int backlog)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t bytes = sizeof(address->raw);

    loopback(address, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)(void *)address->raw, sizeof(struct sockaddr_in)),
                     0);
    ck_assert_int_eq(listen(fd, backlog), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)(void *)address->raw, &bytes), 0);
    return fd;
}

static int caller_of(const struct net_address *address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(
        connect(fd, (const struct sockaddr *)(const void *)address->raw, (socklen_t)address->bytes),
        0);
    return fd;
}

static int fresh_socket(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    return fd;
}

/* ---- reads ---- */

START_TEST(a_read_without_input_costs_no_call_and_completes_when_it_comes)
{
    struct descriptor descriptor;
    struct job read;
    char bytes[8];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, 5);
    job_start(&read);
    world_soak(&world, 20);
    ck_assert_uint_eq(read.calls, 0);
    ck_assert_uint_eq(read.completed, 0);
    put(peer, "hello", 5);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert_mem_eq(bytes, "hello", 5);
    ck_assert_uint_eq(read.calls, 1);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

START_TEST(a_short_read_parks_without_another_call)
{
    struct descriptor descriptor;
    struct job read;
    char bytes[100];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, 10);
    job_start(&read);
    put(peer, "abcde", 5);
    world_soak(&world, 20);
    ck_assert_uint_eq(read.calls, 1);
    ck_assert_uint_eq(read.have, 5);
    ck_assert_uint_eq(read.completed, 0);
    put(peer, "fghij", 5);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert_uint_eq(read.calls, 2);
    ck_assert_mem_eq(bytes, "abcdefghij", 10);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

/* What is left in the socket has no event any more. */
START_TEST(a_full_read_leaves_word_of_more)
{
    struct descriptor descriptor;
    struct job read;
    char bytes[3];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, 3);
    put(peer, "aaabbbccc", 9);
    for (int i = 0; i < 3; i++) {
        read.have = 0;
        job_start(&read);
        ck_assert_int_eq(job_wait(&read), 0);
        ck_assert_int_eq(bytes[0], 'a' + i);
        world_soak(&world, 2);
    }
    read.have = 0;
    job_start(&read);
    world_soak(&world, 10);
    ck_assert_uint_eq(read.completed, 3);
    job_cancel(&read);
    ck_assert_int_eq(job_wait(&read), NNG_ECANCELED);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

START_TEST(readiness_before_the_submission_is_not_lost)
{
    struct descriptor descriptor;
    struct job read;
    char bytes[4];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, 4);
    for (int i = 0; i < 100; i++) {
        put(peer, "ping", 4);
        if (i % 2 == 0)
            world_soak(&world, 1); /* the event has come and gone */
        read.have = 0;
        job_start(&read);
        ck_assert_int_eq(job_wait(&read), 0);
    }
    ck_assert_uint_eq(read.completed, 100);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

/* _i & 1: the end is seen while nothing is in flight; & 2: bytes come before it; & 4: half closed. */
START_TEST(the_peers_end_is_told_after_its_last_byte)
{
    struct descriptor descriptor;
    struct job read;
    char bytes[100];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, sizeof(bytes));
    if ((_i & 1) == 0)
        job_start(&read);
    if ((_i & 2) != 0)
        put(peer, "last words", 10);
    if ((_i & 4) != 0)
        ck_assert_int_eq(shutdown(peer, SHUT_WR), 0);
    else
        close(peer);
    world_soak(&world, 5);
    if ((_i & 1) != 0)
        job_start(&read);
    ck_assert_int_eq(job_wait(&read), NNG_ECONNSHUT);
    ck_assert_uint_eq(read.have, (_i & 2) != 0 ? 10 : 0);
    job_start(&read);
    ck_assert_int_eq(job_wait(&read), NNG_ECONNSHUT);
    detach(&world, &descriptor);
    if ((_i & 4) != 0)
        close(peer);
    world_close(&world);
}
END_TEST

/* A read that completed with less than it offered, and then the end whose event came with it. */
START_TEST(the_end_that_came_with_the_bytes_is_seen_by_the_next_read)
{
    struct descriptor descriptor;
    struct job read;
    char bytes[100];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_read(&read, &world, &descriptor, bytes, sizeof(bytes));
    read.any = true;
    job_start(&read);
    put(peer, "bye", 3);
    close(peer);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert_uint_eq(read.have, 3);
    job_start(&read);
    ck_assert_int_eq(job_wait(&read), NNG_ECONNSHUT);
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

START_TEST(a_reset_is_told_to_the_read)
{
    struct linger at_once = {1, 0};
    struct net_address address;
    struct descriptor descriptor;
    struct job read;
    char bytes[4];
    int listening;
    int peer;

    world_open(&world);
    listening = listener(&address, 8);
    peer = caller_of(&address);
    attach(&world, &descriptor, accept(listening, NULL, NULL), true);
    job_read(&read, &world, &descriptor, bytes, 4);
    job_start(&read);
    ck_assert_int_eq(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close(peer);
    ck_assert_int_eq(job_wait(&read), NNG_ECONNRESET);
    detach(&world, &descriptor);
    close(listening);
    world_close(&world);
}
END_TEST

/* ---- writes ---- */

START_TEST(a_write_that_fits_completes_at_once)
{
    struct descriptor descriptor;
    struct job write;
    char bytes[5] = "data";
    char got[5];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_write(&write, &world, &descriptor, bytes, 5);
    job_start(&write);
    ck_assert_uint_eq(write.completed, 1);
    ck_assert_int_eq(write.result, 0);
    ck_assert_int_eq(recv(peer, got, 5, 0), 5);
    ck_assert_str_eq(got, "data");
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

START_TEST(a_write_to_a_peer_that_left_fails_without_a_signal)
{
    struct descriptor descriptor;
    struct job write;
    uint8_t *bytes = pattern(LARGE);
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_write(&write, &world, &descriptor, bytes, LARGE);
    if (_i == 0)
        close(peer);
    job_start(&write);
    if (_i == 1) {
        ck_assert_uint_eq(write.completed, 0);
        close(peer);
    }
    ck_assert_int_ne(job_wait(&write), 0);
    ck_assert_uint_eq(write.completed, 1);
    detach(&world, &descriptor);
    world_close(&world);
    free(bytes);
}
END_TEST

struct slow {
    int fd;
    size_t want;
    uint8_t *got;
    const uint8_t *put;
};

/* Takes the bytes in odd pieces, and gives as many. */
static void *slow_peer(void *argument)
{
    struct slow *slow = argument;
    size_t got = 0;
    size_t sent = 0;

    while (got < slow->want || (slow->put != NULL && sent < slow->want)) {
        size_t piece = 1 + (got * 7 + sent) % 60000;

        if (got < slow->want) {
            ssize_t n = recv(slow->fd, slow->got + got,
                             piece < slow->want - got ? piece : slow->want - got, MSG_DONTWAIT);

            got += n > 0 ? (size_t)n : 0;
        }
        if (slow->put != NULL && sent < slow->want) {
            ssize_t n = send(slow->fd, slow->put + sent,
                             piece < slow->want - sent ? piece : slow->want - sent,
                             MSG_DONTWAIT | MSG_NOSIGNAL);

            sent += n > 0 ? (size_t)n : 0;
        }
        usleep(100);
    }
    return NULL;
}

START_TEST(megabytes_both_ways_at_once_through_a_slow_peer)
{
    struct descriptor descriptor;
    struct net_address address;
    struct job write;
    struct job read;
    uint8_t *out = pattern(LARGE);
    uint8_t *in = malloc(LARGE);
    struct slow slow = {.want = LARGE, .got = malloc(LARGE), .put = out};
    pthread_t thread;

    world_open(&world);
    if (_i == 0) {
        attach_pair(&world, &descriptor, &slow.fd);
    } else {
        int listening = listener(&address, 8);

        slow.fd = caller_of(&address);
        attach(&world, &descriptor, accept(listening, NULL, NULL), true);
        close(listening);
    }
    ck_assert_int_eq(pthread_create(&thread, NULL, slow_peer, &slow), 0);
    job_write(&write, &world, &descriptor, out, LARGE);
    job_read(&read, &world, &descriptor, in, LARGE);
    job_start(&read);
    job_start(&write);
    ck_assert_uint_eq(write.completed, 0);
    ck_assert_int_eq(job_wait(&write), 0);
    while (read.have < LARGE) { /* a busy stream completes with what it has, now and then */
        ck_assert_int_eq(job_wait(&read), 0);
        if (read.have < LARGE)
            job_start(&read);
    }
    ck_assert_int_eq(job_wait(&read), 0);
    pthread_join(thread, NULL);
    ck_assert_int_eq(memcmp(in, out, LARGE), 0);
    ck_assert_int_eq(memcmp(slow.got, out, LARGE), 0);
    ck_assert_uint_eq(write.completed, 1);
    detach(&world, &descriptor);
    close(slow.fd);
    world_close(&world);
    free(slow.got);
    free(in);
    free(out);
}
END_TEST

/* One stream that never runs dry gives its thread back. */
START_TEST(a_busy_stream_lets_go_of_its_thread)
{
    struct descriptor descriptor;
    struct job read;
    uint8_t bytes[1000] = {0};
    unsigned rounds = 0;
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    put(peer, bytes, sizeof(bytes));
    job_read(&read, &world, &descriptor, bytes, sizeof(bytes));
    read.piece = 1;
    for (; read.have < sizeof(bytes); rounds++) {
        job_start(&read);
        ck_assert_int_eq(job_wait(&read), 0);
    }
    ck_assert_uint_gt(rounds, 5);
    ck_assert_uint_eq(read.calls, sizeof(bytes));
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

/* ---- accept, connect ---- */

/* _i: whether the callers were there before the first accept was submitted. */
START_TEST(every_caller_is_accepted_once)
{
    struct net_address address;
    struct descriptor descriptor;
    struct job job;
    int callers[20];

    world_open(&world);
    attach(&world, &descriptor, listener(&address, 128), true);
    job_accept(&job, &world, &descriptor);
    if (_i == 0)
        job_start(&job);
    for (int i = 0; i < 20; i++)
        callers[i] = caller_of(&address);
    for (int i = 0; i < 20; i++) {
        if (_i == 1 || i > 0)
            job_start(&job);
        ck_assert_int_eq(job_wait(&job), 0);
        ck_assert_int_ge((int)job.op.accepted, 0);
        ck_assert_int_ne(fcntl((int)job.op.accepted, F_GETFL) & O_NONBLOCK, 0);
        ck_assert_int_ne(fcntl((int)job.op.accepted, F_GETFD) & FD_CLOEXEC, 0);
        spry_net_close(job.op.accepted);
    }
    job_start(&job);
    world_soak(&world, 10);
    ck_assert_uint_eq(job.completed, 20);
    job_cancel(&job);
    ck_assert_int_eq(job_wait(&job), NNG_ECANCELED);
    for (int i = 0; i < 20; i++)
        close(callers[i]);
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

/* A listener that closes while its accept op is in flight, in whichever state. */
START_TEST(shutdown_ends_an_accept)
{
    struct net_address address;
    struct descriptor descriptor;
    struct job job;
    int caller = -1;

    world_open(&world);
    attach(&world, &descriptor, listener(&address, 128), true);
    job_accept(&job, &world, &descriptor);
    if (_i == 1) {
        caller = caller_of(&address);
        world_soak(&world, 1);
    }
    job_submit(&job);
    spry_mutex_lock(&world.lock);
    spry_port_shutdown(&world.port, &descriptor);
    spry_mutex_unlock(&world.lock);
    job_cancel(&job);
    job_run(&job);
    ck_assert_int_ne(job_wait(&job), 0);
    detach(&world, &descriptor);
    if (caller >= 0)
        close(caller);
    world_close(&world);
}
END_TEST

START_TEST(a_connect_completes_and_the_stream_works)
{
    struct net_address address;
    struct descriptor descriptor;
    struct job connect_job;
    struct job read;
    struct job write;
    char text[5] = "text";
    char got[5];
    int listening;
    int peer;

    world_open(&world);
    listening = listener(&address, 8);
    attach(&world, &descriptor, fresh_socket(), false);
    job_connect(&connect_job, &world, &descriptor, &address);
    job_start(&connect_job);
    ck_assert_int_eq(job_wait(&connect_job), 0);
    peer = accept(listening, NULL, NULL);
    job_read(&read, &world, &descriptor, got, 5);
    job_start(&read);
    job_write(&write, &world, &descriptor, text, 5);
    job_start(&write);
    ck_assert_int_eq(job_wait(&write), 0);
    put(peer, "back", 5);
    ck_assert_int_eq(job_wait(&read), 0);
    ck_assert_str_eq(got, "back");
    detach(&world, &descriptor);
    close(peer);
    close(listening);
    world_close(&world);
}
END_TEST

START_TEST(a_refused_connect_says_so)
{
    struct net_address address;
    struct descriptor descriptor;
    struct job job;

    world_open(&world);
    close(listener(&address, 1));
    attach(&world, &descriptor, fresh_socket(), false);
    job_connect(&job, &world, &descriptor, &address);
    job_start(&job);
    ck_assert_int_eq(job_wait(&job), NNG_ECONNREFUSED);
    ck_assert_uint_eq(job.completed, 1);
    detach(&world, &descriptor);
    world_close(&world);
}
END_TEST

/* A listener that answers nobody any more: its queue is full, and calls are left in the air. */
static int deaf_listener(struct net_address *address, int *callers, size_t count)
{
    int fd = listener(address, 0);

    for (size_t i = 0; i < count; i++) {
        callers[i] = fresh_socket();
        set_nonblocking(callers[i]);
        (void)connect(callers[i], (struct sockaddr *)(void *)address->raw,
                      (socklen_t)address->bytes);
    }
    return fd;
}

/* _i: when the cancel comes: 0 before the system call, 1 once it waits. */
START_TEST(a_connect_that_hangs_can_be_cancelled)
{
    struct net_address address;
    struct descriptor descriptor;
    struct job job;
    int callers[8];
    int listening;

    world_open(&world);
    listening = deaf_listener(&address, callers, 8);
    attach(&world, &descriptor, fresh_socket(), false);
    job_connect(&job, &world, &descriptor, &address);
    job_submit(&job);
    if (_i == 1) {
        job_run(&job);
        world_soak(&world, 5);
        ck_assert_uint_eq(job.completed, 0);
    }
    spry_mutex_lock(&world.lock);
    spry_port_shutdown(&world.port, &descriptor);
    spry_mutex_unlock(&world.lock);
    job_cancel(&job);
    job_run(&job);
    ck_assert_int_ne(job_wait(&job), 0);
    ck_assert_uint_eq(job.completed, 1);
    detach(&world, &descriptor);
    for (int i = 0; i < 8; i++)
        close(callers[i]);
    close(listening);
    world_close(&world);
}
END_TEST

/* ---- cancel ---- */

START_TEST(cancel_of_a_parked_op_completes_it_at_once)
{
    struct descriptor descriptor;
    struct job job;
    uint8_t bytes[4] = {0};
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    if (_i == 0) {
        job_read(&job, &world, &descriptor, bytes, 4);
    } else {
        fill(descriptor.fd);
        job_write(&job, &world, &descriptor, bytes, 4);
    }
    for (unsigned n = 1; n <= 3; n++) {
        job_start(&job);
        job_cancel(&job);
        ck_assert_uint_eq(job.completed, n);
        ck_assert_int_eq(job.result, NNG_ECANCELED);
        job_cancel(&job);
        world_soak(&world, 2);
        ck_assert_uint_eq(job.completed, n);
    }
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

START_TEST(cancel_of_an_idle_op_is_nothing)
{
    struct descriptor descriptor;
    struct job job;
    char bytes[4];
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_read(&job, &world, &descriptor, bytes, 4);
    job_cancel(&job);
    put(peer, "good", 4);
    job_start(&job);
    ck_assert_int_eq(job_wait(&job), 0);
    job_cancel(&job);
    ck_assert_uint_eq(job.completed, 1);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

START_TEST(a_cancel_that_comes_too_late_loses_to_success)
{
    struct descriptor descriptor;
    struct task_queue completed = {NULL, NULL};
    struct task_queue none = {NULL, NULL};
    struct task_queue started;
    struct job write;
    struct job again;
    uint8_t bytes[4] = {1, 2, 3, 4};
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    job_write(&write, &world, &descriptor, bytes, 4);
    job_submit(&write);
    job_cancel(&write); /* submitted, its call not yet made */
    ck_assert_uint_eq(write.completed, 0);
    spry_mutex_lock(&world.lock);
    started = spry_port_started(&world.port);
    spry_mutex_unlock(&world.lock);
    spry_port_run(&world.port, &started, &completed);
    ck_assert(!spry_tasks_empty(&completed));
    spry_mutex_lock(&world.lock);
    spry_port_cancel(&world.port, &write.op, &none); /* completed, not yet dequeued */
    ck_assert(spry_tasks_empty(&none));
    spry_tasks_splice(&world.completed, &completed);
    spry_mutex_unlock(&world.lock);
    ck_assert_int_eq(job_wait(&write), 0);
    ck_assert_uint_eq(write.have, 4);
    /* The cancel that lost does not hit the next op on that side. */
    fill(descriptor.fd);
    job_write(&again, &world, &descriptor, bytes, 4);
    job_start(&again);
    world_soak(&world, 5);
    ck_assert_uint_eq(again.completed, 0);
    job_cancel(&again);
    ck_assert_int_eq(job_wait(&again), NNG_ECANCELED);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

static void cancel_me(struct job *job)
{
    job_cancel(job);
}

/* The cancel comes while the op's own thread is about to find that the call would block. */
START_TEST(a_cancel_during_the_call_is_not_lost)
{
    struct descriptor descriptor;
    struct job job;
    uint8_t bytes[4] = {0};
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    if (_i == 0) {
        put(peer, "x",
            1); /* a full read leaves word, so that the next one makes its call at once */
        job_read(&job, &world, &descriptor, bytes, 1);
        job_start(&job);
        ck_assert_int_eq(job_wait(&job), 0);
        job_read(&job, &world, &descriptor, bytes, 4);
    } else {
        fill(descriptor.fd);
        job_write(&job, &world, &descriptor, bytes, 4);
    }
    job.called = cancel_me;
    job_start(&job);
    ck_assert_int_eq(job_wait(&job), NNG_ECANCELED);
    ck_assert_uint_eq(job.completed, 1);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

/* And when the call succeeds all the same, the next op is not the one that was cancelled. */
START_TEST(a_cancel_that_lost_during_the_call_is_forgotten)
{
    struct descriptor descriptor;
    struct job job;
    uint8_t bytes[4] = {0};
    int peer;

    world_open(&world);
    attach_pair(&world, &descriptor, &peer);
    put(peer, "1234", 4);
    world_soak(&world, 2);
    job_read(&job, &world, &descriptor, bytes, 4);
    job.called = cancel_me;
    job_start(&job);
    ck_assert_int_eq(job_wait(&job), 0);
    job.called = NULL;
    job.have = 0;
    job_start(&job);
    world_soak(&world, 5);
    ck_assert_uint_eq(job.completed, 1);
    put(peer, "5678", 4);
    ck_assert_int_eq(job_wait(&job), 0);
    ck_assert_mem_eq(bytes, "5678", 4);
    detach(&world, &descriptor);
    close(peer);
    world_close(&world);
}
END_TEST

/* ---- waiting ---- */

START_TEST(a_deadline_is_never_early)
{
    world_open(&world);
    for (unsigned ms = 0; ms <= 30; ms += 3) {
        uint64_t deadline_ns = after_ms(ms) + ms * 12345;

        world_turn(&world, deadline_ns);
        ck_assert_uint_ge(spry_clock_ns(), deadline_ns);
        ck_assert_uint_lt(spry_clock_ns(), deadline_ns + UINT64_C(5000000000));
    }
    world_turn(&world, 0);
    world_close(&world);
}
END_TEST

START_TEST(a_wake_before_the_wait_ends_it)
{
    world_open(&world);
    for (int i = 0; i < 100; i++) {
        for (int n = 0; n <= i % 3; n++)
            spry_port_wake(&world.port);
        world_turn(&world, SPRY_NEVER);
    }
    world_close(&world);
}
END_TEST

/* Two counters that must keep up with each other, or the wait has slept through a wake-up. */
static atomic_uint asked;
static atomic_uint answered;

static void *waker(void *argument)
{
    for (unsigned n = 1; n <= 3000; n++) {
        atomic_store(&asked, n);
        spry_port_wake(argument);
        while (atomic_load(&answered) != n)
            sched_yield();
    }
    return NULL;
}

START_TEST(no_wake_from_another_thread_is_lost)
{
    pthread_t thread;

    world_open(&world);
    atomic_store(&asked, 0);
    atomic_store(&answered, 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, waker, &world.port), 0);
    while (atomic_load(&answered) < 3000) {
        if (atomic_load(&asked) == atomic_load(&answered))
            world_turn(&world, SPRY_NEVER);
        atomic_store(&answered, atomic_load(&asked));
    }
    pthread_join(thread, NULL);
    world_close(&world);
}
END_TEST

static atomic_bool stop;

static void *waiter_main(void *argument)
{
    (void)argument;
    while (!atomic_load(&stop))
        world_turn(&world, SPRY_NEVER);
    return NULL;
}

static unsigned completions(struct job *job)
{
    unsigned n;

    spry_mutex_lock(&world.lock);
    n = job->completed;
    spry_mutex_unlock(&world.lock);
    return n;
}

static void job_watch(struct job *job)
{
    uint64_t limit_ns = after_ms(8000);

    while (completions(job) < job->submitted) {
        ck_assert_msg(spry_clock_ns() < limit_ns, "the waiter does not see it");
        usleep(20);
    }
}

/* Reads and writes that block are submitted while another thread waits in the kernel. */
START_TEST(a_waiter_in_the_kernel_sees_what_is_submitted_later)
{
    struct descriptor descriptor;
    struct job read;
    struct job write;
    static uint8_t out[1 << 20];
    static uint8_t in[1 << 20];
    char bytes[4];
    pthread_t thread;
    int peer;

    world_open(&world);
    atomic_store(&stop, false);
    ck_assert_int_eq(pthread_create(&thread, NULL, waiter_main, NULL), 0);
    for (int i = 0; i < 50; i++) {
        attach_pair(&world, &descriptor, &peer);
        job_read(&read, &world, &descriptor, bytes, 4);
        job_start(&read);
        if (i % 2 == 0)
            usleep(500);
        put(peer, "ping", 4);
        job_watch(&read);
        ck_assert_int_eq(read.result, 0);
        job_write(&write, &world, &descriptor, out, sizeof(out));
        job_start(&write);
        ck_assert_int_eq(recv(peer, in, sizeof(in), MSG_WAITALL), (ssize_t)sizeof(in));
        job_watch(&write);
        ck_assert_int_eq(write.result, 0);
        job_start(&read);
        close(peer);
        job_watch(&read);
        ck_assert_int_ne(read.result, 0);
        /* The descriptor lives on until the waiter has come back. */
        detach(&world, &descriptor);
        spry_port_wake(&world.port);
        usleep(100);
        if (i == 49)
            atomic_store(&stop, true);
        spry_port_wake(&world.port);
        if (i == 49)
            pthread_join(thread, NULL);
        else
            usleep(2000);
    }
    world_close(&world);
}
END_TEST

/* ---- many ---- */

START_TEST(a_thousand_descriptors)
{
    static struct descriptor descriptors[MANY];
    static struct job reads[MANY];
    static uint32_t got[MANY];
    static int peers[MANY];
    struct rlimit files;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
    world_open(&world);
    for (uint32_t i = 0; i < MANY; i++) {
        attach_pair(&world, &descriptors[i], &peers[i]);
        job_read(&reads[i], &world, &descriptors[i], &got[i], 4);
        job_start(&reads[i]);
    }
    for (int round = 1; round <= 3; round++) {
        for (uint32_t i = 0; i < MANY; i++) {
            uint32_t other = i * 7 % MANY;
            uint32_t value = other * 3 + (uint32_t)round;

            put(peers[other], &value, sizeof(value));
        }
        for (uint32_t i = 0; i < MANY; i++) {
            ck_assert_int_eq(job_wait(&reads[i]), 0);
            ck_assert_uint_eq(got[i], i * 3 + (uint32_t)round);
            ck_assert_uint_eq(reads[i].completed, (unsigned)round);
            reads[i].have = 0;
            job_start(&reads[i]);
        }
    }
    for (uint32_t i = 0; i < MANY; i++) {
        job_cancel(&reads[i]);
        ck_assert_int_eq(reads[i].result, NNG_ECANCELED);
        detach(&world, &descriptors[i]);
        close(peers[i]);
    }
    world_close(&world);
}
END_TEST

/* The new owner of a number hears nothing of the old one's events. */
START_TEST(a_descriptor_number_can_come_again)
{
    struct descriptor descriptor;
    struct job read;
    char bytes[4];
    int number = -1;
    int peer;

    world_open(&world);
    for (int i = 0; i < 500; i++) {
        attach_pair(&world, &descriptor, &peer);
        if (i > 0)
            ck_assert_int_eq(descriptor.fd, number);
        number = descriptor.fd;
        job_read(&read, &world, &descriptor, bytes, 4);
        job_start(&read);
        if (i % 3 == 0) {
            put(peer, "data", 4);
            if (i % 2 == 0)
                ck_assert_int_eq(job_wait(&read), 0);
        }
        job_cancel(&read);
        (void)job_wait(&read);
        ck_assert_uint_eq(read.completed, 1);
        if (i % 5 == 0)
            close(peer);
        detach(&world, &descriptor);
        if (i % 5 != 0)
            close(peer);
    }
    world_close(&world);
}
END_TEST

/* ---- stress ---- */

enum { CONNS = 12, STRESS_MS = 3000, CHUNK = 70000 };

/* One connection: streams of known bytes both ways. All under the lock but the buffers of ops. */
struct conn {
    struct descriptor descriptor;
    struct job read;
    struct job write;
    uint8_t in[1000];
    uint8_t out[CHUNK];
    uint64_t read_at;  /* place in the stream from the peer */
    uint64_t write_at; /* in the stream to it */
    int peer;
    uint64_t peer_read_at;
    uint64_t peer_write_at;
    bool closing;
    struct conn *next; /* retired */
};

static struct conn *conns[CONNS];
static struct conn *retired;
static bool waiting;
static atomic_uint total_completed;

static uint8_t stream_byte(uint64_t at)
{
    return (uint8_t)(at * 131 + (at >> 8) * 17 + (at >> 16));
}

static void need(bool fact, const char *what)
{
    if (fact)
        return;
    fprintf(stderr, "stress: %s\n", what);
    abort();
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return *state >> 8;
}

/* Lock held. */
static struct conn *conn_open(void)
{
    struct conn *conn = calloc(1, sizeof(*conn));
    int fds[2];

    need(conn != NULL, "memory");
    need(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0, "socketpair");
    set_nonblocking(fds[0]);
    set_nonblocking(fds[1]);
    need(spry_port_attach(&world.port, &conn->descriptor, fds[0], ATTACH_CONNECTED) == 0, "attach");
    conn->peer = fds[1];
    job_read(&conn->read, &world, &conn->descriptor, conn->in, sizeof(conn->in));
    conn->read.any = true;
    job_write(&conn->write, &world, &conn->descriptor, conn->out, 0);
    return conn;
}

static bool job_idle(const struct job *job)
{
    return job->completed == job->submitted;
}

/* What completed since the last look goes into the account of the stream. */
static void conn_settle(struct conn *conn)
{
    if (job_idle(&conn->read)) {
        for (size_t i = 0; i < conn->read.have; i++)
            need(conn->in[i] == stream_byte(conn->read_at + i), "bytes read are wrong");
        conn->read_at += conn->read.have;
        conn->read.have = 0;
    }
    if (job_idle(&conn->write)) {
        conn->write_at += conn->write.have;
        conn->write.have = conn->write.want = 0;
    }
}

static void conn_submit(struct conn *conn, struct job *job, uint32_t *random)
{
    if (!job_idle(job) || conn->closing)
        return;
    conn_settle(conn);
    if (job == &conn->write) {
        size_t count = 1 + next_random(random) % CHUNK;

        if (next_random(random) % 4 != 0)
            count = 1 + count % 100;
        for (size_t i = 0; i < count; i++)
            conn->out[i] = stream_byte(conn->write_at + i);
        job->want = count;
    }
    job->submitted++;
    spry_port_submit(&world.port, &job->op);
}

static void conn_cancel(struct job *job)
{
    spry_port_cancel(&world.port, &job->op, &world.completed);
}

/* The peer's side, in the place of a process of its own. */
static void peer_act(struct conn *conn, uint32_t *random)
{
    uint8_t bytes[4096];
    size_t count = 1 + next_random(random) % sizeof(bytes);
    ssize_t n;

    if (conn->peer < 0)
        return;
    switch (next_random(random) % 16) {
    case 0:
        if (next_random(random) % 4 == 0) {
            close(conn->peer);
            conn->peer = -1;
        }
        break;
    case 1:
        if (next_random(random) % 4 == 0)
            (void)shutdown(conn->peer, SHUT_WR);
        break;
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
        for (size_t i = 0; i < count; i++)
            bytes[i] = stream_byte(conn->peer_write_at + i);
        n = send(conn->peer, bytes, count, MSG_NOSIGNAL);
        conn->peer_write_at += n > 0 ? (uint64_t)n : 0;
        break;
    default:
        n = recv(conn->peer, bytes, count, 0);
        for (ssize_t i = 0; i < n; i++)
            need(bytes[i] == stream_byte(conn->peer_read_at + (uint64_t)i), "bytes sent are wrong");
        conn->peer_read_at += n > 0 ? (uint64_t)n : 0;
        break;
    }
}

static void conn_retire(struct conn *conn)
{
    if (conn->peer >= 0)
        close(conn->peer);
    spry_port_detach(&world.port, &conn->descriptor);
    if (!waiting) {
        free(conn);
        return;
    }
    conn->next = retired;
    retired = conn;
}

static void conn_close(struct conn *conn)
{
    if (!conn->closing)
        spry_port_shutdown(&world.port, &conn->descriptor);
    conn->closing = true;
    conn_cancel(&conn->read);
    conn_cancel(&conn->write);
}

static void drain(void)
{
    struct task *task;

    while ((task = spry_tasks_pop(&world.completed)) != NULL) {
        task->run(task);
        atomic_fetch_add(&total_completed, 1);
    }
}

static void stress_step(uint32_t *random)
{
    uint32_t index = next_random(random) % CONNS;
    struct conn *conn = conns[index];

    switch (next_random(random) % 12) {
    case 0:
        conn_cancel(&conn->read);
        break;
    case 1:
        conn_cancel(&conn->write);
        break;
    case 2:
    case 3:
    case 4:
        conn_submit(conn, &conn->read, random);
        break;
    case 5:
    case 6:
        conn_submit(conn, &conn->write, random);
        break;
    case 7:
        if (next_random(random) % 16 == 0)
            conn_close(conn);
        break;
    default:
        peer_act(conn, random);
        break;
    }
    drain();
    if (conn->closing && job_idle(&conn->read) && job_idle(&conn->write)) {
        conn_settle(conn);
        conn_retire(conn);
        conns[index] = conn_open();
    }
}

static void *stress_main(void *argument)
{
    uint32_t random = *(uint32_t *)argument;
    uint64_t until_ns = after_ms(STRESS_MS);

    while (spry_clock_ns() < until_ns) {
        struct task_queue completed = {NULL, NULL};
        struct task_queue started;

        spry_mutex_lock(&world.lock);
        stress_step(&random);
        started = spry_port_started(&world.port);
        spry_mutex_unlock(&world.lock);
        spry_port_run(&world.port, &started, &completed);
        spry_mutex_lock(&world.lock);
        spry_tasks_splice(&world.completed, &completed);
        drain();
        spry_mutex_unlock(&world.lock);
    }
    return NULL;
}

static void *stress_waiter(void *argument)
{
    (void)argument;
    while (!atomic_load(&stop)) {
        struct task_queue completed = {NULL, NULL};

        spry_mutex_lock(&world.lock);
        spry_port_prepare(&world.port);
        waiting = true;
        spry_mutex_unlock(&world.lock);
        spry_port_wait(&world.port, SPRY_NEVER, &completed);
        spry_mutex_lock(&world.lock);
        waiting = false;
        while (retired != NULL) {
            struct conn *next = retired->next;

            free(retired);
            retired = next;
        }
        spry_tasks_splice(&world.completed, &completed);
        drain();
        spry_mutex_unlock(&world.lock);
    }
    return NULL;
}

static uint32_t seed(void)
{
    const char *given = getenv("SPRY_SEED");
    uint32_t value = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : spry_random();

    printf("SPRY_SEED=%" PRIu32 "\n", value);
    fflush(stdout);
    return value;
}

/* Everything in flight must come back when all is closed. */
static void stress_end(void)
{
    uint64_t limit_ns = after_ms(8000);

    spry_mutex_lock(&world.lock);
    for (int i = 0; i < CONNS; i++)
        conn_close(conns[i]);
    drain();
    spry_mutex_unlock(&world.lock);
    for (;;) {
        size_t in_flight;

        spry_mutex_lock(&world.lock);
        in_flight = world.port.in_flight;
        spry_mutex_unlock(&world.lock);
        if (in_flight == 0)
            break;
        ck_assert_msg(spry_clock_ns() < limit_ns, "%zu ops never came back", in_flight);
        usleep(1000);
    }
}

START_TEST(any_interleaving_completes_each_op_once_and_keeps_the_bytes)
{
    uint32_t seeds[2] = {seed(), 0};
    pthread_t drivers[2];
    pthread_t waiter;

    seeds[1] = seeds[0] ^ 0x5bd1e995U;
    world_open(&world);
    atomic_store(&stop, false);
    for (int i = 0; i < CONNS; i++)
        conns[i] = conn_open();
    ck_assert_int_eq(pthread_create(&waiter, NULL, stress_waiter, NULL), 0);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&drivers[i], NULL, stress_main, &seeds[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(drivers[i], NULL);
    stress_end();
    atomic_store(&stop, true);
    spry_port_wake(&world.port);
    pthread_join(waiter, NULL);
    for (int i = 0; i < CONNS; i++) {
        ck_assert(job_idle(&conns[i]->read) && job_idle(&conns[i]->write));
        conn_settle(conns[i]);
        conn_retire(conns[i]);
    }
    ck_assert_uint_gt(atomic_load(&total_completed), 1000);
    world_close(&world);
}
END_TEST

static void add(Suite *suite, TCase *tc)
{
    tcase_set_timeout(tc, 30);
    suite_add_tcase(suite, tc);
}

int main(void)
{
    Suite *suite = suite_create("port");
    TCase *reads = tcase_create("reads");
    TCase *writes = tcase_create("writes");
    TCase *makes = tcase_create("accept and connect");
    TCase *cancels = tcase_create("cancel");
    TCase *waits = tcase_create("waiting");
    TCase *many = tcase_create("many");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(reads, a_read_without_input_costs_no_call_and_completes_when_it_comes);
    tcase_add_test(reads, a_short_read_parks_without_another_call);
    tcase_add_test(reads, a_full_read_leaves_word_of_more);
    tcase_add_test(reads, readiness_before_the_submission_is_not_lost);
    tcase_add_loop_test(reads, the_peers_end_is_told_after_its_last_byte, 0, 8);
    tcase_add_test(reads, the_end_that_came_with_the_bytes_is_seen_by_the_next_read);
    tcase_add_test(reads, a_reset_is_told_to_the_read);
    add(suite, reads);
    tcase_add_test(writes, a_write_that_fits_completes_at_once);
    tcase_add_loop_test(writes, a_write_to_a_peer_that_left_fails_without_a_signal, 0, 2);
    tcase_add_loop_test(writes, megabytes_both_ways_at_once_through_a_slow_peer, 0, 2);
    tcase_add_test(writes, a_busy_stream_lets_go_of_its_thread);
    add(suite, writes);
    tcase_add_loop_test(makes, every_caller_is_accepted_once, 0, 2);
    tcase_add_loop_test(makes, shutdown_ends_an_accept, 0, 2);
    tcase_add_test(makes, a_connect_completes_and_the_stream_works);
    tcase_add_test(makes, a_refused_connect_says_so);
    tcase_add_loop_test(makes, a_connect_that_hangs_can_be_cancelled, 0, 2);
    add(suite, makes);
    tcase_add_loop_test(cancels, cancel_of_a_parked_op_completes_it_at_once, 0, 2);
    tcase_add_test(cancels, cancel_of_an_idle_op_is_nothing);
    tcase_add_test(cancels, a_cancel_that_comes_too_late_loses_to_success);
    tcase_add_loop_test(cancels, a_cancel_during_the_call_is_not_lost, 0, 2);
    tcase_add_test(cancels, a_cancel_that_lost_during_the_call_is_forgotten);
    add(suite, cancels);
    tcase_add_test(waits, a_deadline_is_never_early);
    tcase_add_test(waits, a_wake_before_the_wait_ends_it);
    tcase_add_test(waits, no_wake_from_another_thread_is_lost);
    tcase_add_test(waits, a_waiter_in_the_kernel_sees_what_is_submitted_later);
    add(suite, waits);
    tcase_add_test(many, a_thousand_descriptors);
    tcase_add_test(many, a_descriptor_number_can_come_again);
    tcase_add_test(many, any_interleaving_completes_each_op_once_and_keeps_the_bytes);
    add(suite, many);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
