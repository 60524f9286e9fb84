/* The floor: plain sockets carrying the same frames as SP, nothing else.
 * io=block: blocking read/write.  io=epoll: non-blocking, epoll_wait before each read.
 * inproc: two threads handing a pointer over with a mutex and a condition.
 * Modes: lat thr pipe empty idle connect startup. */
#include "bench.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>

static int lfd, fd, ep = -1;
static size_t hdr, frame, want;
static unsigned char *in, *out;
enum { RX = 1 << 18 };

/* 8 bytes of length (after a 1 on ipc), then for req/rep 4 bytes of request id, then the body */
static void make_frame(size_t id)
{
    hdr = B.port ? 8 : 9;
    frame = hdr + id + B.size;
    in = calloc(1, frame > RX ? frame : RX), out = calloc(1, frame);
    out[0] = 1;
    put64(out + hdr - 8, id + B.size);
}

static void set_io(int s)
{
    if (strcmp(sopt("io", "block"), "epoll"))
        return;
    struct epoll_event e = {.events = EPOLLIN};
    fcntl(s, F_SETFL, O_NONBLOCK);
    ep = epoll_create1(0);
    epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
}

static void wait_for(uint32_t ev)
{
    static uint32_t armed = EPOLLIN;
    struct epoll_event e = {.events = ev};
    if (armed != ev)
        epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), armed = ev;
    epoll_wait(ep, &e, 1, -1);
}

static size_t get(void *p, size_t len)
{
    for (bool first = true;; first = false) {
        if (ep >= 0 && (first || errno == EAGAIN))
            wait_for(EPOLLIN);
        ssize_t k = read(fd, p, len);
        if (k > 0)
            return (size_t)k;
        if (k == 0 || errno != EAGAIN)
            exit(0);
    }
}

static void put(const unsigned char *p, size_t len)
{
    while (len) {
        ssize_t k = write(fd, p, len);
        if (k > 0) {
            p += k, len -= (size_t)k;
            continue;
        }
        if (errno != EAGAIN)
            exit(0);
        wait_for(EPOLLOUT);
    }
}

/* ---- lat ---- */
static void get_frame(void)
{
    for (size_t have = 0; have < frame;)
        have += get(in + have, frame - have);
    if (get64(in + hdr - 8) != frame - hdr)
        die("frame", "wrong length");
}

static void echo_peer(void)
{
    fd = accept(lfd, NULL, NULL);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sp_hello(fd, 49);
    set_io(fd);
    if (!strcmp(B.mode, "pipe"))
        for (;;)
            put(in, get(in, RX)); /* whatever came, goes back at once */
    for (;;) {
        get_frame();
        put(in, frame);
    }
}

static void dial_up(unsigned proto)
{
    fd = raw_dial();
    sp_hello(fd, proto);
    set_io(fd);
}

static void rtt(void)
{
    put(out, frame);
    get_frame();
}

static pthread_mutex_t mx = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static void *slot[2];

static void hand(int to, void *p)
{
    pthread_mutex_lock(&mx);
    slot[to] = p;
    pthread_cond_signal(&cv[to]);
    pthread_mutex_unlock(&mx);
}

static void *take(int at)
{
    pthread_mutex_lock(&mx);
    while (!slot[at])
        pthread_cond_wait(&cv[at], &mx);
    void *p = slot[at];
    slot[at] = NULL;
    pthread_mutex_unlock(&mx);
    return p;
}

static void *echo_thread(void *arg)
{
    for (;;)
        hand(0, take(1));
    return arg;
}

static void rtt_thread(void)
{
    hand(1, out);
    take(0);
}

/* ---- thr: a stream of frames; batch=K puts K of them into one write ---- */
static void stream_peer(void)
{
    size_t batch = (size_t)nopt("batch", 1);
    unsigned char *p = malloc(frame * batch);
    for (size_t i = 0; i < batch; i++)
        memcpy(p + i * frame, out, frame);
    dial_up(80);
    for (;;)
        put(p, frame * batch);
}

static long stream_read(void)
{
    want += get(in, RX);
    long k = (long)(want / frame);
    want %= frame;
    return k;
}

/* ---- pipe: win requests outstanding, replies answered in bulk ---- */
static long pipe_read(void)
{
    static unsigned char *many;
    size_t win = (size_t)nopt("ctx", 64);
    if (!many) {
        if (frame * win > RX / 2)
            die("pipe", "size times ctx too large");
        many = malloc(frame * win);
        for (size_t i = 0; i < win; i++)
            memcpy(many + i * frame, out, frame);
        put(many, frame * win);
    }
    long k = stream_read();
    put(many, frame * (size_t)k);
    return k;
}

/* ---- idle, connect, startup ---- */

static void accept_peer(void)
{
    for (int s; (s = accept(lfd, NULL, NULL)) >= 0; close(s))
        if (sp_hello(s, 49) && read_all(s, in, frame))
            write_all(s, in, frame);
}

static long connect_once(void)
{
    fd = raw_dial();
    if (!sp_hello(fd, 48) || !write_all(fd, out, frame) || !read_all(fd, in, frame))
        die("connect", "failed");
    close(fd);
    return 1;
}

static void startup_child(void)
{
    lfd = raw_listen();
    fd = raw_dial();
    int s = accept(lfd, NULL, NULL);
    unsigned char h[8] = {0, 'S', 'P', 0, 0, 48, 0, 0};
    write_all(fd, h, 8), sp_hello(s, 49), read_all(fd, h, 8);
    write_all(fd, out, frame), read_all(s, in, frame), write_all(s, in, frame),
        read_all(fd, in, frame);
    (void)!write(1, "x", 1);
}

int main(int argc, char **argv)
{
    bench_init(argc, argv);
    bool thr = !strcmp(B.mode, "thr");
    make_frame(thr ? 0 : 4);
    if (!strcmp(B.mode, "modes"))
        puts("lat thr pipe empty idle connect startup");
    else if (!strcmp(B.mode, "idle"))
        measure_idle("idle-child");
    else if (!strcmp(B.mode, "empty"))
        measure_idle("empty-child");
    else if (!strcmp(B.mode, "empty-child"))
        ready_and_sleep();
    else if (!strcmp(B.mode, "idle-child")) {
        raw_listen();
        ready_and_sleep();
    } else if (!strcmp(B.mode, "startup"))
        measure_startup();
    else if (!strcmp(B.mode, "startup-child"))
        startup_child();
    else if (!strcmp(B.mode, "lat") && !strcmp(B.tran, "inproc")) {
        pthread_t th;
        pthread_create(&th, NULL, echo_thread, NULL);
        measure_lat(rtt_thread);
    } else if (strcmp(B.tran, "inproc")) {
        lfd = raw_listen();
        if (thr) {
            peer(stream_peer);
            fd = accept(lfd, NULL, NULL);
            sp_hello(fd, 81);
            set_io(fd);
            measure_rate(stream_read);
        } else if (!strcmp(B.mode, "connect")) {
            peer(accept_peer);
            measure_rate(connect_once);
        } else {
            peer(echo_peer);
            dial_up(48);
            if (!strcmp(B.mode, "pipe"))
                measure_rate(pipe_read);
            else
                measure_lat(rtt);
        }
    } else
        die(B.mode, "no such mode here");
    fflush(stdout);
    drop_path();
    _exit(0);
}
