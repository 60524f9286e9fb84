/* Benchmarks over the blocking part of nng 1.x's API.
 * Modes: lat connect startup empty idle conns. See README.md. */
#include "bench_nng.h"
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>

static nng_socket S; /* this process's socket */
static nng_msg *M;   /* message going round in lat mode */

/* ---- lat ---- */
static void rep_serve(nng_socket s)
{
    nng_msg *m;
    for (;;) {
        CK(nng_recvmsg(s, &m, 0));
        CK(nng_sendmsg(s, m, 0));
    }
}

static void rep_peer(void)
{
    nng_socket s;
    CK(nng_rep0_open(&s));
    setup(s);
    CK(nng_listen(s, B.url, NULL, 0));
    rep_serve(s);
}

static void *rep_thread(void *arg)
{
    rep_serve(*(nng_socket *)arg);
    return NULL;
}

static void rtt(void)
{
    CK(nng_sendmsg(S, M, 0));
    CK(nng_recvmsg(S, &M, 0));
}

static void rtt_buf(void) /* api=buf: the library copies in and out */
{
    static char *b;
    size_t len = B.size;
    if (!b)
        b = calloc(1, B.size + 1);
    CK(nng_send(S, b, B.size, 0));
    CK(nng_recv(S, b, &len, 0));
}

static void mode_lat(void)
{
    static nng_socket rep;
    pthread_t th;
    bool inproc = !strcmp(B.tran, "inproc");
    if (!inproc)
        peer(rep_peer);
    if (inproc) {
        CK(nng_rep0_open(&rep));
        setup(rep);
        CK(nng_listen(rep, B.url, NULL, 0));
        pthread_create(&th, NULL, rep_thread, &rep);
    }
    CK(nng_req0_open(&S));
    setup(S);
    dial(S);
    CK(nng_msg_alloc(&M, B.size));
    memset(nng_msg_body(M), 0, B.size);
    measure_lat(strcmp(sopt("api", "msg"), "buf") ? rtt : rtt_buf);
}

/* ---- conns: one server, n raw clients in a helper process ---- */
static int ctl[2];
static atomic_int pipes;

static void raw_clients(void)
{
    int n = (int)B.n, *fd = calloc((size_t)n, sizeof *fd);
    unsigned char c, f[128] = {1};
    size_t h = B.port ? 8 : 9;
    close(ctl[0]);
    if (read(ctl[1], &c, 1) != 1)
        return;
    for (int i = 0; i < n; i++) {
        fd[i] = raw_dial();
        if (!sp_hello(fd[i], 48))
            die("hello", "refused");
    }
    (void)!write(ctl[1], "c", 1);
    if (read(ctl[1], &c, 1) != 1)
        return;
    for (int i = 0; i < n; i++) { /* one 64-byte request each */
        put64(f + h - 8, 68);
        memcpy(f + h, "\x80\0\0\1", 4);
        if (!write_all(fd[i], f, h + 68) || !read_all(fd[i], f, h + 68))
            die("request", "failed");
    }
    (void)!write(ctl[1], "r", 1);
    if (read(ctl[1], &c, 1) != 1)
        return;
    for (int i = 0; i < n; i++)
        close(fd[i]);
    (void)!write(ctl[1], "x", 1);
    pause();
}

static void pipe_cb(nng_pipe p, nng_pipe_ev ev, void *arg)
{
    (void)p, (void)arg;
    atomic_fetch_add(&pipes, ev == NNG_PIPE_EV_ADD_POST ? 1 : -1);
}

static void wait_pipes(int n)
{
    char c;
    if (read(ctl[0], &c, 1) != 1)
        die("helper", "gone");
    for (int i = 0; i < 60000 && atomic_load(&pipes) != n; i++)
        nap_ms(1);
    nap_ms(100);
}

static void mode_conns(void)
{
    struct rlimit rl;
    int n = (int)(B.n ? B.n : (B.n = 100));
    nng_msg *m;
    getrlimit(RLIMIT_NOFILE, &rl);
    if ((rlim_t)n + 200 > rl.rlim_cur) {
        rl.rlim_cur = (rlim_t)n + 200;
        if (rl.rlim_cur > rl.rlim_max)
            rl.rlim_max = rl.rlim_cur;
        if (setrlimit(RLIMIT_NOFILE, &rl))
            die("RLIMIT_NOFILE", strerror(errno));
    }
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ctl))
        die("socketpair", strerror(errno));
    peer(raw_clients);
    close(ctl[1]);
    CK(nng_rep0_open(&S));
    setup(S);
    CK(nng_pipe_notify(S, NNG_PIPE_EV_ADD_POST, pipe_cb, NULL));
    CK(nng_pipe_notify(S, NNG_PIPE_EV_REM_POST, pipe_cb, NULL));
    CK(nng_listen(S, B.url, NULL, 0));
    nap_ms(100);
    pid_t me = getpid();
    long rss0 = proc_num(me, "smaps_rollup", "Rss");
    int64_t t0 = now_ns();
    (void)!write(ctl[0], "g", 1);
    wait_pipes(n);
    double secs = (double)(now_ns() - t0) / 1e9 - 0.1;
    long rss1 = proc_num(me, "smaps_rollup", "Rss"), up = atomic_load(&pipes);
    long thr = proc_sum(me, "task", NULL), fds = proc_sum(me, "fd", NULL);
    (void)!write(ctl[0], "r", 1);
    for (int i = 0; i < n; i++) {
        CK(nng_recvmsg(S, &m, 0));
        CK(nng_sendmsg(S, m, 0));
    }
    wait_pipes(n);
    long rss2 = proc_num(me, "smaps_rollup", "Rss");
    (void)!write(ctl[0], "x", 1);
    wait_pipes(0);
    long rss3 = proc_num(me, "smaps_rollup", "Rss");
    long peak = rss2 > rss1 ? rss2 : rss1;
    printf("n=%d up=%ld rss0_kb=%ld rss_kb=%ld used_kb=%ld returned_pct=%.1f bytes_per_conn=%.0f "
           "used_bytes_per_conn=%.0f closed_kb=%ld "
           "threads=%ld fds=%ld conns_per_s=%.0f\n",
           n, up, rss0, rss1, rss2,
           100.0 * (double)(peak - rss3) / (double)(peak > rss0 ? peak - rss0 : 1),
           (double)(rss1 - rss0) * 1024.0 / n, (double)(rss2 - rss0) * 1024.0 / n, rss3, thr, fds,
           n / secs);
}

/* ---- idle, connect, startup ---- */
static void idle_child(void)
{
    CK(nng_rep0_open(&S));
    CK(nng_listen(S, B.url, NULL, 0));
    ready_and_sleep();
}

static long connect_once(void)
{
    CK(nng_req0_open(&S));
    dial(S);
    CK(nng_msg_alloc(&M, B.size));
    CK(nng_sendmsg(S, M, 0));
    CK(nng_recvmsg(S, &M, 0));
    nng_msg_free(M);
    nng_close(S);
    return 1;
}

static void mode_connect(void)
{
    peer(rep_peer);
    measure_rate(connect_once);
}

static void startup_child(void)
{
    nng_socket rep;
    CK(nng_rep0_open(&rep));
    CK(nng_listen(rep, B.url, NULL, 0));
    CK(nng_req0_open(&S));
    CK(nng_dial(S, B.url, NULL, 0));
    CK(nng_msg_alloc(&M, 64));
    CK(nng_sendmsg(S, M, 0));
    CK(nng_recvmsg(rep, &M, 0));
    CK(nng_sendmsg(rep, M, 0));
    CK(nng_recvmsg(S, &M, 0));
    (void)!write(1, "x", 1);
    nng_close(S);
    nng_close(rep);
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    if (!strcmp(B.mode, "modes"))
        puts("lat connect startup empty idle conns");
    else if (!strcmp(B.mode, "lat"))
        mode_lat();
    else if (!strcmp(B.mode, "conns"))
        mode_conns();
    else if (!strcmp(B.mode, "empty"))
        measure_idle("empty-child");
    else if (!strcmp(B.mode, "empty-child"))
        ready_and_sleep();
    else if (!strcmp(B.mode, "idle"))
        measure_idle("idle-child");
    else if (!strcmp(B.mode, "idle-child"))
        idle_child();
    else if (!strcmp(B.mode, "connect"))
        mode_connect();
    else if (!strcmp(B.mode, "startup"))
        measure_startup();
    else if (!strcmp(B.mode, "startup-child")) {
        startup_child();
        return 0;
    } else
        die(B.mode, "no such mode");
    fflush(stdout);
    drop_path();
    if (B.child > 0)
        kill(B.child, SIGKILL);
    _exit(0); /* worker threads may still be running */
}
