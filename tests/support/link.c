/* Helpers for tests on real sockets. */
#include "link.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <spry.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>

#include "host.h"
#include "mode.h"

static char directory[64];
static unsigned urls;
static size_t threads_before;

static void *nothing_main(void *argument)
{
    return argument;
}

/* What the sanitizers start with the first thread is there before any are counted. */
void link_setup(void)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, nothing_main, NULL), 0);
    pthread_join(thread, NULL);
    mode_begin();
    threads_before = link_threads();
    host_directory_make(directory, sizeof(directory));
}

static bool threads_ended(void *argument)
{
    (void)argument;
    return link_threads() <= threads_before;
}

/* The library ends on its own thread, after the last close; what it has then would look lost. */
void link_teardown(void)
{
    mode_end();
    ck_assert_msg(link_wait(threads_ended, NULL), "threads are left");
    host_directory_remove(directory);
}

const char *link_directory(void)
{
    return directory;
}

bool link_possible(enum link_kind kind)
{
    switch (kind) {
    case LINK_TCP6:
        return host_has_ip6();
    case LINK_UNIX:
    case LINK_ABSTRACT:
        return host_has_unix_sockets();
    case LINK_TCP:
    case LINK_IPC:
    case LINK_INPROC:
    case LINKS:
        break;
    }
    return true;
}

/* 127/8 is all loopback: an address by process id; for ::1 a port below those the system picks. */
void link_url(enum link_kind kind, char url[LINK_URL_BYTES])
{
    unsigned pid = (unsigned)getpid();

    urls++;
    switch (kind) {
    case LINK_TCP:
        (void)snprintf(url, LINK_URL_BYTES, "tcp://127.%u.%u.1:%u", 1 + pid / 254 % 254,
                       1 + pid % 254, 5000 + urls);
        return;
    case LINK_TCP6:
        (void)snprintf(url, LINK_URL_BYTES, "tcp://[::1]:%u", 10000 + (pid * 8 + urls) % 20000);
        return;
    case LINK_IPC:
        (void)snprintf(url, LINK_URL_BYTES, "ipc://%s/%u", directory, urls);
        return;
    case LINK_UNIX:
        (void)snprintf(url, LINK_URL_BYTES, "unix://%s/%u", directory, urls);
        return;
    case LINK_ABSTRACT:
        (void)snprintf(url, LINK_URL_BYTES, "abstract://spry-test-%u-%u", pid, urls);
        return;
    case LINK_INPROC:
    case LINKS:
        break;
    }
    (void)snprintf(url, LINK_URL_BYTES, "inproc://test %u", urls);
}

static nng_socket limited(nng_socket socket)
{
    ck_assert_int_eq(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 10), 0);
    return socket;
}

nng_socket link_open_rep(void)
{
    nng_socket rep;

    ck_assert_int_eq(nng_rep0_open(&rep), 0);
    return limited(rep);
}

nng_socket link_open_req(void)
{
    nng_socket req;

    ck_assert_int_eq(nng_req0_open(&req), 0);
    return limited(req);
}

nng_socket link_rep(const char *url)
{
    nng_socket rep = link_open_rep();
    int rv = nng_listen(rep, url, NULL, 0);

    ck_assert_msg(rv == 0, "listen %s: %s", url, nng_strerror(rv));
    return rep;
}

nng_socket link_req(const char *url)
{
    nng_socket req = link_open_req();
    int rv = nng_dial(req, url, NULL, 0);

    ck_assert_msg(rv == 0, "dial %s: %s", url, nng_strerror(rv));
    return req;
}

int link_send(nng_socket socket, const void *data, size_t bytes, int flags)
{
    return nng_send(socket, (void *)(uintptr_t)data, bytes, flags); /* only reads it */
}

static void fill(unsigned char *data, size_t bytes, unsigned salt)
{
    for (size_t i = 0; i < bytes; i++)
        data[i] = (unsigned char)(i * 31 + (i >> 8) + salt);
}

static nng_msg *receive(nng_socket socket, const unsigned char *expected, size_t bytes)
{
    nng_msg *msg;
    int rv = nng_recvmsg(socket, &msg, 0);

    ck_assert_msg(rv == 0, "receive %zu bytes: %s", bytes, nng_strerror(rv));
    ck_assert_uint_eq(nng_msg_len(msg), bytes);
    ck_assert(bytes == 0 || memcmp(nng_msg_body(msg), expected, bytes) == 0);
    ck_assert_uint_eq(nng_msg_header_len(msg), 0);
    return msg;
}

void link_exchange(nng_socket req, nng_socket rep, size_t bytes)
{
    unsigned char *data = malloc(bytes + 1);

    fill(data, bytes, 1);
    ck_assert_int_eq(nng_send(req, data, bytes, 0), 0);
    nng_msg_free(receive(rep, data, bytes));
    fill(data, bytes, 2);
    ck_assert_int_eq(nng_send(rep, data, bytes, 0), 0);
    nng_msg_free(receive(req, data, bytes));
    free(data);
}

void link_serves(nng_socket rep, const char *url)
{
    nng_socket req = link_req(url);

    link_exchange(req, rep, 3);
    ck_assert_int_eq(nng_close(req), 0);
}

static void *echo_main(void *argument)
{
    nng_socket rep = *(nng_socket *)argument;
    nng_msg *msg;

    while (nng_recvmsg(rep, &msg, 0) == 0) {
        if (nng_sendmsg(rep, msg, 0) != 0)
            nng_msg_free(msg);
    }
    return NULL;
}

static void *pass_main(void *lock)
{
    pthread_mutex_lock(lock);
    pthread_mutex_unlock(lock);
    return NULL;
}

void link_warm_up(void)
{
    enum { THREADS = 8 };
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_t threads[THREADS];
    char url[LINK_URL_BYTES];
    nng_socket rep;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, pass_main, &lock), 0);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&lock);
    link_url(LINK_TCP, url);
    rep = link_rep(url);
    link_serves(rep, url);
    ck_assert_int_eq(nng_close(rep), 0);
}

pthread_t link_echo(nng_socket *rep)
{
    pthread_t thread;

    (void)nng_socket_set_ms(*rep, NNG_OPT_RECVTIMEO, NNG_DURATION_INFINITE);
    ck_assert_int_eq(pthread_create(&thread, NULL, echo_main, rep), 0);
    return thread;
}

double link_seconds(void)
{
    return host_seconds();
}

bool link_wait(bool (*fact)(void *argument), void *argument)
{
    double limit = link_seconds() + LINK_DEADLINE_MS / 1000;

    while (!fact(argument)) {
        if (link_seconds() > limit)
            return false;
        mode_pause(1);
    }
    return true;
}

size_t link_descriptors(void)
{
    return host_descriptors();
}

size_t link_threads(void)
{
    return host_threads();
}

bool link_is_over(void *threads)
{
    return spry_init(NULL) == 0 && link_threads() <= *(size_t *)threads;
}

struct link_holdings link_holdings(void)
{
    return (struct link_holdings){link_descriptors(), link_threads()};
}

bool link_holdings_are(void *argument)
{
    struct link_holdings *before = argument;
    struct link_holdings now = link_holdings();

    return now.descriptors == before->descriptors && now.threads == before->threads;
}

uint32_t link_ip4(const char *text)
{
    unsigned parts[4];
    unsigned char bytes[4];
    uint32_t address;

    ck_assert_int_eq(sscanf(text, "%u.%u.%u.%u", &parts[0], &parts[1], &parts[2], &parts[3]), 4);
    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)parts[i];
    memcpy(&address, bytes, sizeof(address));
    return address;
}

int link_port(uint16_t port)
{
    unsigned char bytes[2];

    memcpy(bytes, &port, sizeof(bytes));
    return bytes[0] << 8 | bytes[1];
}

static void record(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct link_events *events = argument;

    pthread_mutex_lock(&events->lock);
    if (events->count < LINK_EVENTS_MAX) {
        events->all[events->count].event = event;
        events->all[events->count].pipe = pipe;
        events->count++;
    }
    pthread_mutex_unlock(&events->lock);
}

void link_record(struct link_events *events, nng_socket socket)
{
    pthread_mutex_init(&events->lock, NULL);
    events->count = 0;
    for (int event = 0; event < NNG_PIPE_EV_NUM; event++)
        ck_assert_int_eq(nng_pipe_notify(socket, (nng_pipe_ev)event, record, events), 0);
}

size_t link_count(struct link_events *events, nng_pipe_ev event)
{
    size_t count = 0;

    pthread_mutex_lock(&events->lock);
    for (size_t i = 0; i < events->count; i++)
        count += events->all[i].event == event ? 1 : 0;
    pthread_mutex_unlock(&events->lock);
    return count;
}

struct awaited {
    struct link_events *events;
    nng_pipe_ev event;
    size_t count;
};

static bool came(void *argument)
{
    struct awaited *awaited = argument;

    return link_count(awaited->events, awaited->event) >= awaited->count;
}

void link_await(struct link_events *events, nng_pipe_ev event, size_t count)
{
    struct awaited awaited = {events, event, count};

    ck_assert_msg(link_wait(came, &awaited), "event %d came %zu times, not %zu", (int)event,
                  link_count(events, event), count);
}
