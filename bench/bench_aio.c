/* Benchmarks that need asynchronous operations, contexts, push and pull.
 * Modes: thr pipe async. See README.md. */
#include "bench_nng.h"
#ifdef HAS_PUSH /* the Makefile looks whether the library has them */
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#endif
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>

static nng_socket S; /* this process's socket */
static atomic_long done;

/* ---- thr: one-way push/pull ---- */
#ifdef HAS_PUSH
static void push_loop(void)
{
    nng_socket s;
    nng_msg *m;
    CK(nng_push0_open(&s));
    setup(s);
    dial(s);
    for (;;) {
        CK(nng_msg_alloc(&m, B.size));
        if (B.size >= 8)
            memset(nng_msg_body(m), 1, 8);
        CK(nng_sendmsg(s, m, 0));
    }
}

static void push_peer(void)
{
    push_loop();
}
static void *push_thread(void *arg)
{
    push_loop();
    return arg;
}

static long pull_one(void)
{
    nng_msg *m;
    CK(nng_recvmsg(S, &m, 0));
    if (nng_msg_len(m) != B.size)
        die("pull", "wrong length");
    nng_msg_free(m);
    return 1;
}

static void mode_thr(void)
{
    pthread_t th;
    bool inproc = !strcmp(B.tran, "inproc");
    if (!inproc)
        peer(push_peer);
    CK(nng_pull0_open(&S));
    setup(S);
    CK(nng_listen(S, B.url, NULL, 0));
    if (inproc)
        pthread_create(&th, NULL, push_thread, NULL);
    measure_rate(pull_one);
}
#else
static void mode_thr(void)
{
    die("thr", "the library has no push and pull");
}
#endif

/* ---- pipe, async: contexts driven by aio callbacks ---- */
struct work {
    nng_ctx ctx;
    nng_aio *aio;
    int sending;
};

static void serve_cb(void *arg)
{
    struct work *w = arg;
    if (nng_aio_result(w->aio))
        return;
    if (w->sending) {
        w->sending = 0;
        nng_ctx_recv(w->ctx, w->aio);
    } else { /* the received message goes back as it came */
        w->sending = 1;
        nng_ctx_send(w->ctx, w->aio);
    }
}

static void ask_cb(void *arg)
{
    struct work *w = arg;
    if (nng_aio_result(w->aio))
        return;
    if (w->sending) {
        w->sending = 0;
        nng_ctx_recv(w->ctx, w->aio);
    } else {
        w->sending = 1;
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
        nng_ctx_send(w->ctx, w->aio);
    }
}

static void start_works(nng_socket s, int n, bool client)
{
    struct work *w = calloc((size_t)n, sizeof *w);
    for (int i = 0; i < n; i++) {
        CK(nng_ctx_open(&w[i].ctx, s));
        CK(nng_aio_alloc(&w[i].aio, client ? ask_cb : serve_cb, &w[i]));
    }
    for (int i = 0; i < n; i++) {
        if (client) {
            nng_msg *m;
            CK(nng_msg_alloc(&m, B.size));
            nng_aio_set_msg(w[i].aio, m);
            w[i].sending = 1;
            nng_ctx_send(w[i].ctx, w[i].aio);
        } else {
            nng_ctx_recv(w[i].ctx, w[i].aio);
        }
    }
}

static void start_server(void)
{
    static nng_socket s;
    CK(nng_rep0_open(&s));
    setup(s);
    CK(nng_listen(s, B.url, NULL, 0));
    start_works(s, (int)nopt("ctx", B.mode[0] == 'a' ? 32 : 64), false);
}

static void aio_peer(void)
{
    start_server();
    for (;;)
        pause();
}

static void *ask_thread(void *arg)
{
    nng_socket s;
    nng_msg *m;
    CK(nng_req0_open(&s));
    setup(s);
    dial(s);
    CK(nng_msg_alloc(&m, B.size));
    for (;;) {
        CK(nng_sendmsg(s, m, 0));
        CK(nng_recvmsg(s, &m, 0));
        atomic_fetch_add_explicit(&done, 1, memory_order_relaxed);
    }
    return arg;
}

static void mode_aio(bool threads)
{
    pthread_t th;
    bool inproc = !strcmp(B.tran, "inproc");
    if (!inproc)
        peer(aio_peer);
    if (inproc)
        start_server();
    getrusage(RUSAGE_SELF, &ru0);
    if (threads) {
        for (long i = nopt("threads", 8); i > 0; i--)
            pthread_create(&th, NULL, ask_thread, NULL);
    } else {
        CK(nng_req0_open(&S));
        setup(S);
        dial(S);
        start_works(S, (int)nopt("ctx", 64), true);
    }
    for (int i = 0; i < 5000 && !atomic_load(&done); i++)
        nap_ms(1);
    nap_ms(B.ms / 5);
    int64_t t0 = now_ns();
    long a = atomic_load(&done);
    nap_ms(B.ms);
    long b = atomic_load(&done);
    printf("per_s=%.0f", (double)(b - a) * 1e9 / (double)(now_ns() - t0));
    print_cost(b ? (double)b : 1);
}

int main(int argc, char **argv)
{
#ifdef HAS_PUSH
    static const char modes[] = "thr pipe async";
#else
    static const char modes[] = "pipe async";
#endif

    bench_init(argc, argv);
    if (!strcmp(B.mode, "modes"))
        puts(modes);
    else if (!strcmp(B.mode, "thr"))
        mode_thr();
    else if (!strcmp(B.mode, "pipe"))
        mode_aio(false);
    else if (!strcmp(B.mode, "async"))
        mode_aio(true);
    else
        die(B.mode, "no such mode");
    fflush(stdout);
    drop_path();
    if (B.child > 0)
        kill(B.child, SIGKILL);
    _exit(0); /* worker threads may still be running */
}
