/*
 * REQ and REP over every transport, for tests on real sockets: addresses that no other test
 * process has, sockets whose calls end by themselves, and waiting for what the library does later.
 */
#ifndef SPRY_TESTS_LINK_H
#define SPRY_TESTS_LINK_H

#include <nng/nng.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum link_kind { LINK_TCP, LINK_IPC, LINK_INPROC, LINK_TCP6, LINK_UNIX, LINK_ABSTRACT, LINKS };
enum { LINK_RAW = LINK_IPC + 1 }; /* the kinds that a raw_peer can speak, from 0 */
enum { LINK_URL_BYTES = 200, LINK_DEADLINE_MS = 20000 };

/*
 * A fixture: the directory of the test's socket files, removed with all that is in it. At the end
 * every socket is closed and the library has ended its threads.
 */
void link_setup(void);
void link_teardown(void);
/*
 * A fixture behind it, for who counts: what the system keeps of a process's first sockets, and of its first
 * threads at once, is there then.
 */
void link_warm_up(void);
const char *link_directory(void);

/* False: the machine cannot do that (no ::1, no unix sockets); the test has nothing to say then. */
bool link_possible(enum link_kind kind);

/* An address of this test process alone; another one at each call. */
void link_url(enum link_kind kind, char url[LINK_URL_BYTES]);

/* Open sockets whose calls end after LINK_DEADLINE_MS and which redial within milliseconds. */
nng_socket link_open_rep(void);
nng_socket link_open_req(void);
/* The same, listening or connected. */
nng_socket link_rep(const char *url);
nng_socket link_req(const char *url);

/* nng_send of what may be a constant; nothing is given away. */
int link_send(nng_socket socket, const void *data, size_t bytes, int flags);

/* A request of `bytes` bytes and its answer, through both sockets. */
void link_exchange(nng_socket req, nng_socket rep, size_t bytes);

/* A new client gets its answer: the listener at `url` of `rep` is in order. */
void link_serves(nng_socket rep, const char *url);

/* Answers each request with itself on a thread of its own until the socket closes. */
pthread_t link_echo(nng_socket *rep);

/* Asks again and again, for LINK_DEADLINE_MS at most, whether `fact` has become true. */
bool link_wait(bool (*fact)(void *argument), void *argument);

double link_seconds(void);
/* Of this process. */
size_t link_descriptors(void);
size_t link_threads(void);

/* Both. What the sanitizers start with the first thread is there before anything is counted. */
struct link_holdings {
    size_t descriptors;
    size_t threads;
};
struct link_holdings link_holdings(void);

/* For link_wait: nothing is left of the library, and there are no more threads than `threads` (size_t). */
bool link_is_over(void *threads);

/* For link_wait: they are again what `argument` (struct link_holdings) says. */
bool link_holdings_are(void *argument);

/* An IPv4 address as a nng_sockaddr has it; a port of one as a number. */
uint32_t link_ip4(const char *text);
int link_port(uint16_t port);

/* Records the pipe events of a socket. */
enum { LINK_EVENTS_MAX = 4096 };
struct link_events {
    pthread_mutex_t lock;
    size_t count;
    struct {
        nng_pipe_ev event;
        nng_pipe pipe;
    } all[LINK_EVENTS_MAX];
};
void link_record(struct link_events *events, nng_socket socket);
size_t link_count(struct link_events *events, nng_pipe_ev event);
/* Until `event` was told `count` times. */
void link_await(struct link_events *events, nng_pipe_ev event, size_t count);

#endif
