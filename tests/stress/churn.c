/*
 * Everything at once: threads that open, listen, dial, send, receive and close, on shared sockets
 * and on their own, over every transport, with callbacks that do the same. No call may hang, crash or
 * answer nonsense, and at the end nothing is left. Usage: churn [SECONDS]; SPRY_SEED= repeats.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "host.h"
#include "loop.h"

enum { THREADS = 6, SHARED = 4, ADDRESSES = 6, CALL_MS = 30, STUCK_MS = 15000 };

static char urls[ADDRESSES][80];
static _Atomic(uint32_t) shared[SHARED]; /* socket ids, replaced all the time */
static atomic_bool stop;
static atomic_ulong calls;
static atomic_ulong exchanges;
static atomic_ulong events;

struct worker {
    pthread_t thread;
    uint32_t random;
    _Atomic(uint64_t) began_ns; /* of the call it is in; 0: none */
    const char *_Atomic what;   /* that call */
};

static struct worker workers[THREADS];

static uint32_t next_random(struct worker *worker)
{
    worker->random = worker->random * 1664525U + 1013904223U;
    return worker->random >> 8;
}

static void fail(const char *what, int rv)
{
    fprintf(stderr, "churn: %s: %s (%d)\n", what, nng_strerror(rv), rv);
    abort();
}

/* What calls may answer when anyone may close anything at any time. */
static void check(const char *what, int rv)
{
    switch (rv) {
    case 0:
    case NNG_EAGAIN:
    case NNG_ECLOSED:
    case NNG_ETIMEDOUT:
    case NNG_ESTATE:
    case NNG_ECONNREFUSED:
    case NNG_ECONNRESET:
    case NNG_ECONNSHUT:
    case NNG_ECONNABORTED:
    case NNG_EADDRINUSE:
    case NNG_ECANCELED:
    case NNG_EPROTO:
    case NNG_ENOENT:
    case NNG_EPEERAUTH:
        break;
    default:
        fail(what, rv);
    }
}

static void begin(struct worker *worker, const char *what)
{
    atomic_store(&worker->what, what);
    atomic_store(&worker->began_ns, spry_clock_ns());
    atomic_fetch_add(&calls, 1);
}

static void end(struct worker *worker, int rv)
{
    atomic_store(&worker->began_ns, 0);
    check(atomic_load(&worker->what), rv);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    unsigned long n = atomic_fetch_add(&events, 1);

    (void)argument;
    if (nng_pipe_id(pipe) <= 0)
        fail("a pipe without an id", 0);
    if (n % 7 == 0)
        (void)nng_pipe_close(pipe);
    if (n % 131 == 0)
        (void)nng_close(nng_pipe_socket(pipe));
    if (n % 13 == 0 && event == NNG_PIPE_EV_ADD_POST) {
        char text[64];
        size_t bytes = sizeof(text);

        (void)nng_recv(nng_pipe_socket(pipe), text, &bytes, 0);
    }
}

static nng_socket open_socket(struct worker *worker, bool rep)
{
    nng_socket socket = NNG_SOCKET_INITIALIZER;

    begin(worker, "open");
    end(worker, rep ? nng_rep0_open(&socket) : nng_req0_open(&socket));
    (void)nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, CALL_MS);
    (void)nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, CALL_MS);
    (void)nng_socket_set_ms(socket, NNG_OPT_RECONNMINT,
                            1 + (nng_duration)(next_random(worker) % 10));
    if (next_random(worker) % 2 == 0) {
        for (int event = NNG_PIPE_EV_ADD_PRE; event < NNG_PIPE_EV_NUM; event++)
            (void)nng_pipe_notify(socket, (nng_pipe_ev)event, on_pipe, NULL);
    }
    return socket;
}

static nng_socket pick(struct worker *worker)
{
    return (nng_socket){atomic_load(&shared[next_random(worker) % SHARED])};
}

static const char *pick_url(struct worker *worker)
{
    return urls[next_random(worker) % ADDRESSES];
}

/* A body of one letter, as long as it says; the peer's own or a reply to ours. */
static void check_body(nng_msg *msg)
{
    const uint8_t *body = nng_msg_body(msg);
    size_t bytes = nng_msg_len(msg);

    for (size_t i = 1; i < bytes; i++) {
        if (body[i] != body[0])
            fail("a body of two letters", 0);
    }
}

static int receive(nng_socket socket, int flags)
{
    nng_msg *msg;
    int rv = nng_recvmsg(socket, &msg, flags);

    if (rv != 0)
        return rv;
    check_body(msg);
    nng_msg_free(msg);
    atomic_fetch_add(&exchanges, 1);
    return 0;
}

static int send_some(struct worker *worker, nng_socket socket, int flags)
{
    static const size_t sizes[] = {0, 1, 10, 200, 5000, 70000};
    size_t bytes = sizes[next_random(worker) % 6];
    nng_msg *msg;
    int rv = nng_msg_alloc(&msg, bytes);

    if (rv != 0)
        return rv;
    if (bytes > 0)
        memset(nng_msg_body(msg), 'a' + (int)(next_random(worker) % 26), bytes);
    rv = nng_sendmsg(socket, msg, flags);
    if (rv != 0)
        nng_msg_free(msg);
    return rv;
}

/* A whole life in one go: two sockets, a request, a reply, and away. */
static void live_and_die(struct worker *worker)
{
    char url[80];
    nng_socket rep = open_socket(worker, true);
    nng_socket req = open_socket(worker, false);

    snprintf(url, sizeof(url), "inproc://own-%p", (void *)worker);
    begin(worker, "own listen");
    end(worker, nng_listen(rep, url, NULL, 0));
    begin(worker, "own dial");
    end(worker, nng_dial(req, url, NULL, 0));
    begin(worker, "own send");
    end(worker, send_some(worker, req, 0));
    begin(worker, "own receive");
    end(worker, receive(rep, 0));
    begin(worker, "own close");
    end(worker, nng_close(req));
    begin(worker, "own close");
    end(worker, nng_close(rep));
}

static void replace(struct worker *worker)
{
    nng_socket fresh = open_socket(worker, next_random(worker) % 2 == 0);
    nng_socket old = {atomic_exchange(&shared[next_random(worker) % SHARED], fresh.id)};

    begin(worker, "close");
    end(worker, nng_close(old));
}

static void act(struct worker *worker)
{
    nng_socket socket = pick(worker);
    int flags = next_random(worker) % 3 == 0 ? NNG_FLAG_NONBLOCK : 0;

    switch (next_random(worker) % 16) {
    case 0:
        replace(worker);
        break;
    case 1:
    case 2:
        begin(worker, "listen");
        end(worker, nng_listen(socket, pick_url(worker), NULL, 0));
        break;
    case 3:
    case 4:
        begin(worker, "dial");
        end(worker, nng_dial(socket, pick_url(worker), NULL, flags));
        break;
    case 5:
        live_and_die(worker);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        begin(worker, "send");
        end(worker, send_some(worker, socket, flags));
        break;
    default:
        begin(worker, "receive");
        end(worker, receive(socket, flags));
        break;
    }
}

static void *worker_main(void *argument)
{
    while (!atomic_load(&stop))
        act(argument);
    return NULL;
}

/* A call that neither its limit nor a close ends. */
static void check_stuck(void)
{
    for (int i = 0; i < THREADS; i++) {
        uint64_t began_ns = atomic_load(&workers[i].began_ns);
        uint64_t now_ns = spry_clock_ns();

        if (began_ns != 0 && now_ns > began_ns + STUCK_MS * UINT64_C(1000000)) {
            fprintf(stderr, "churn: %s does not return\n", atomic_load(&workers[i].what));
            abort();
        }
    }
}

static void check_gone(size_t threads_before)
{
    for (int i = 0; i < STUCK_MS; i++) {
        struct loop *loop = spry_loop_enter();
        bool gone = loop->watchman_state == WATCHMAN_NONE;

        spry_mutex_unlock(&loop->lock);
        if (gone && host_threads() <= threads_before)
            return;
        usleep(1000);
    }
    fprintf(stderr, "churn: the loop does not end with its last socket\n");
    abort();
}

/* Counted when what a sanitizer starts with the first thread is there. */
static size_t count_threads(void)
{
    pthread_t thread;

    atomic_store(&stop, true);
    if (pthread_create(&thread, NULL, worker_main, &workers[0]) != 0)
        fail("thread", NNG_ENOMEM);
    pthread_join(thread, NULL);
    atomic_store(&stop, false);
    return host_threads();
}

static void name_addresses(void)
{
    int base = 21000 + (int)(getpid() % 20000);

    for (int i = 0; i < ADDRESSES; i++) {
        if (i % 3 == 2)
            snprintf(urls[i], sizeof(urls[i]), "tcp://127.0.0.1:%d", base + i);
        else if (i % 3 == 1)
            snprintf(urls[i], sizeof(urls[i]), "ipc:///tmp/spry-churn-%d-%d", (int)getpid(), i);
        else
            snprintf(urls[i], sizeof(urls[i]), "inproc://churn-%d", i);
    }
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 5;
    const char *given = getenv("SPRY_SEED");
    size_t threads_before;
    uint32_t seed = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : spry_random();

    threads_before = count_threads();
    printf("SPRY_SEED=%" PRIu32 "\n", seed);
    fflush(stdout);
    name_addresses();
    for (int i = 0; i < SHARED; i++)
        replace(&(struct worker){.random = seed + (uint32_t)i});
    for (int i = 0; i < THREADS; i++) {
        workers[i].random = seed ^ ((uint32_t)i * 2654435761U);
        if (pthread_create(&workers[i].thread, NULL, worker_main, &workers[i]) != 0)
            fail("thread", NNG_ENOMEM);
    }
    for (int tick = 0; tick < seconds * 10; tick++) {
        usleep(100000);
        check_stuck();
    }
    atomic_store(&stop, true);
    for (int i = 0; i < SHARED; i++)
        (void)nng_close((nng_socket){atomic_load(&shared[i])});
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    for (int i = 0; i < SHARED; i++)
        (void)nng_close((nng_socket){atomic_load(&shared[i])});
    check_gone(threads_before);
    printf("%lu calls, %lu messages, %lu events\n", atomic_load(&calls), atomic_load(&exchanges),
           atomic_load(&events));
    return atomic_load(&exchanges) > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
