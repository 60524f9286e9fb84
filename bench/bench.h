/* Shared helpers: options, clocks, peers in a child process, measuring loops.
 * Every program prints one line of key=value pairs per run. */
#ifndef BENCH_H
#define BENCH_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static struct {
    int argc;
    char **argv;
    const char *mode, *tran; /* tran: inproc, ipc, tcp */
    size_t size;
    long ms, n; /* stop after ms, or after n if n > 0 */
    char url[128], path[96];
    int port;
    pid_t child;
} B;

__attribute__((unused, noreturn)) static void die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    if (B.child > 0)
        kill(B.child, SIGKILL);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

__attribute__((unused)) static void nap_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static const char *sopt(const char *key, const char *def)
{
    size_t k = strlen(key);
    for (int i = 2; i < B.argc; i++)
        if (strncmp(B.argv[i], key, k) == 0 && B.argv[i][k] == '=')
            return B.argv[i] + k + 1;
    return def;
}

static long nopt(const char *key, long def)
{
    const char *s = sopt(key, NULL);
    return s ? strtol(s, NULL, 0) : def;
}

static void drop_path(void)
{
    if (B.path[0])
        unlink(B.path);
}

/* PROGRAM MODE [t=tcp|ipc|inproc] [size=N] [ms=N] [n=N] [pin=CPU] ... */
static void bench_init(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s MODE [key=value ...]\n", argv[0]);
        exit(2);
    }
    B.argc = argc, B.argv = argv, B.mode = argv[1];
    B.tran = sopt("t", "tcp");
    B.size = (size_t)nopt("size", 64);
    B.ms = nopt("ms", 500), B.n = nopt("n", 0);
    long pin = nopt("pin", -1);
    if (pin >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)pin, &set);
        sched_setaffinity(0, sizeof set, &set);
    }
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(B.tran, "tcp") == 0) { /* ask the kernel for a free loopback port */
        struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(fd, (void *)&a, len) || getsockname(fd, (void *)&a, &len))
            die("bind", strerror(errno));
        close(fd);
        B.port = ntohs(a.sin_port);
        snprintf(B.url, sizeof B.url, "tcp://127.0.0.1:%d", B.port);
    } else if (strcmp(B.tran, "ipc") == 0) {
        const char *dir = getenv("TMPDIR");
        snprintf(B.path, sizeof B.path, "%.60s/spb.%d", dir ? dir : "/tmp", (int)getpid());
        snprintf(B.url, sizeof B.url, "ipc://%s", B.path);
        atexit(drop_path);
    } else {
        snprintf(B.url, sizeof B.url, "inproc://bench");
    }
}

/* Run fn in a child process, which dies with its parent. */
static void peer(void (*fn)(void))
{
    fflush(stdout);
    B.child = fork();
    if (B.child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fn();
        _exit(0);
    }
}

static struct rusage ru0;

static double cpu_us(const struct rusage *r)
{
    const struct timeval *u = &r->ru_utime, *s = &r->ru_stime;

    return (double)(u->tv_sec + s->tv_sec) * 1e6 + (double)(u->tv_usec + s->tv_usec);
}

/* Stop the child; print CPU time and voluntary switches of both sides per operation. */
static void print_cost(double ops)
{
    struct rusage me, kid;
    memset(&kid, 0, sizeof kid);
    getrusage(RUSAGE_SELF, &me);
    if (B.child > 0) {
        kill(B.child, SIGKILL);
        wait4(B.child, NULL, 0, &kid);
        B.child = 0;
    }
    printf(" cpu_us=%.3f vcsw=%.3f ops=%.0f\n", (cpu_us(&me) - cpu_us(&ru0) + cpu_us(&kid)) / ops,
           (double)(me.ru_nvcsw - ru0.ru_nvcsw + kid.ru_nvcsw) / ops, ops);
    fflush(stdout);
}

static int cmp_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Time single operations. One uncounted first, so that both sides are connected. */
__attribute__((unused)) static void measure_lat(void (*op)(void))
{
    enum { CAP = 400000 };
    uint32_t *v = malloc(CAP * sizeof *v);
    long k = 0, all = 0;
    op();
    getrusage(RUSAGE_SELF, &ru0);
    int64_t warm = now_ns() + B.ms * 100000;
    if (B.n)
        for (; all < 100; all++)
            op();
    else
        for (; now_ns() < warm; all++)
            op();
    int64_t t0 = now_ns(), t = t0, u, end = t0 + (B.n ? 60000 : B.ms) * 1000000;
    while (k < CAP && (!B.n || k < B.n) && t < end) {
        op();
        u = now_ns();
        v[k++] = (uint32_t)(u - t);
        t = u;
    }
    all += k;
    qsort(v, (size_t)k, sizeof *v, cmp_u32);
    printf("p50_us=%.2f mean_us=%.2f p99_us=%.2f", v[k / 2] / 1e3,
           (double)(t - t0) / 1e3 / (double)k, v[k * 99 / 100] / 1e3);
    print_cost((double)all);
    free(v);
}

/* Count what op reports over a window. */
__attribute__((unused)) static void measure_rate(long (*op)(void))
{
    double k = 0, all = 0, most = (double)B.n;
    op();
    getrusage(RUSAGE_SELF, &ru0);
    int64_t warm = now_ns() + B.ms * 200000;
    if (!B.n)
        while (now_ns() < warm)
            all += (double)op();
    int64_t t0 = now_ns(), t = t0, end = t0 + (B.n ? 60000 : B.ms) * 1000000;
    while (t < end && (!B.n || k < most)) {
        k += (double)op();
        t = now_ns();
    }
    all += k;
    printf("per_s=%.0f MBps=%.1f", k * 1e9 / (double)(t - t0),
           k * (double)B.size * 1e3 / (double)(t - t0));
    print_cost(all);
}

/* ---- /proc readers ---- */
__attribute__((unused)) static long proc_num(pid_t pid, const char *file, const char *key)
{
    char p[64], line[256];
    long v = -1;
    size_t k = strlen(key);
    snprintf(p, sizeof p, "/proc/%d/%s", (int)pid, file);
    FILE *f = fopen(p, "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, k) == 0 && line[k] == ':') {
            v = strtol(line + k + 1, NULL, 10);
            break;
        }
    if (f)
        fclose(f);
    return v;
}

/* Walk /proc/PID/DIR: count entries, or add up a status key over them. */
__attribute__((unused)) static long proc_sum(pid_t pid, const char *dir, const char *key)
{
    char p[300];
    long v = 0;
    snprintf(p, sizeof p, "/proc/%d/%s", (int)pid, dir);
    DIR *d = opendir(p);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        if (!key) {
            v++;
            continue;
        }
        snprintf(p, sizeof p, "%s/%.40s/status", dir, e->d_name);
        v += proc_num(pid, p, key);
    }
    if (d)
        closedir(d);
    return v;
}

/* Starts this program again in another mode, with a pipe on its standard output. */
__attribute__((unused)) static pid_t spawn_self(const char *mode, int *out)
{
    int fd[2];
    pid_t pid;
    char m[24], t[16], *argv[] = {B.argv[0], m, t, NULL};
    snprintf(m, sizeof m, "%.20s", mode);
    snprintf(t, sizeof t, "t=%.10s", B.tran);
    if (pipe(fd))
        die("pipe", strerror(errno));
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, fd[1], 1);
    posix_spawn_file_actions_addclose(&fa, fd[0]);
    posix_spawn_file_actions_addclose(&fa, fd[1]);
    if (posix_spawn(&pid, "/proc/self/exe", &fa, NULL, argv, environ))
        die("spawn", strerror(errno));
    posix_spawn_file_actions_destroy(&fa);
    close(fd[1]);
    *out = fd[0];
    return pid;
}

/* For the child of spawn_self: says that it is ready, and sleeps until its parent ends it. */
__attribute__((unused)) static void ready_and_sleep(void)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)!write(1, "x", 1);
    for (;;)
        pause();
}

/* A fresh process sets itself up and sleeps; watch it from outside. */
__attribute__((unused)) static void measure_idle(const char *mode)
{
    int fd;
    char c;
    pid_t pid = B.child = spawn_self(mode, &fd);
    if (read(fd, &c, 1) != 1)
        die(mode, "did not start");
    nap_ms(100);
    long a = proc_sum(pid, "task", "voluntary_ctxt_switches");
    nap_ms(B.ms);
    long b = proc_sum(pid, "task", "voluntary_ctxt_switches");
    printf("rss_kb=%ld pss_kb=%ld anon_kb=%ld threads=%ld fds=%ld wakeups_per_s=%.2f\n",
           proc_num(pid, "smaps_rollup", "Rss"), proc_num(pid, "smaps_rollup", "Pss"),
           proc_num(pid, "smaps_rollup", "Anonymous"), proc_sum(pid, "task", NULL),
           proc_sum(pid, "fd", NULL), (double)(b - a) * 1e3 / (double)B.ms);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    B.child = 0;
}

/* The child of startup mode writes a byte after its first reply. */
__attribute__((unused)) static void measure_startup(void)
{
    uint32_t first[64], done[64];
    int runs = (int)nopt("runs", 21);
    if (runs > 64)
        runs = 64;
    for (int i = 0; i < runs; i++) {
        int fd;
        char c;
        int64_t t0 = now_ns();
        pid_t pid = spawn_self("startup-child", &fd);
        if (read(fd, &c, 1) != 1)
            die("startup-child", "no reply");
        first[i] = (uint32_t)((now_ns() - t0) / 1000);
        waitpid(pid, NULL, 0);
        done[i] = (uint32_t)((now_ns() - t0) / 1000);
        close(fd);
    }
    qsort(first, (size_t)runs, 4, cmp_u32), qsort(done, (size_t)runs, 4, cmp_u32);
    printf("first_reply_us=%u exit_us=%u min_us=%u\n", first[runs / 2], done[runs / 2], first[0]);
}

/* ---- plain sockets ---- */
__attribute__((unused)) static int raw_addr(struct sockaddr_storage *ss, socklen_t *len)
{
    memset(ss, 0, sizeof *ss);
    if (B.port) {
        struct sockaddr_in *a = (void *)ss;
        a->sin_family = AF_INET, a->sin_addr.s_addr = htonl(INADDR_LOOPBACK),
        a->sin_port = htons((uint16_t)B.port);
        *len = sizeof *a;
        return AF_INET;
    }
    struct sockaddr_un *u = (void *)ss;
    u->sun_family = AF_UNIX;
    strncpy(u->sun_path, B.path, sizeof u->sun_path - 1);
    *len = sizeof *u;
    return AF_UNIX;
}

__attribute__((unused)) static int raw_listen(void)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int on = 1, fd = socket(raw_addr(&ss, &len), SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (void *)&ss, len) || listen(fd, 4096))
        die("listen", strerror(errno));
    return fd;
}

__attribute__((unused)) static int raw_dial(void)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int on = 1, af = raw_addr(&ss, &len);
    for (int i = 0; i < 3000; i++) {
        int fd = socket(af, SOCK_STREAM, 0);
        if (fd < 0)
            die("socket", strerror(errno));
        if (connect(fd, (void *)&ss, len) == 0) {
            if (af == AF_INET)
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            return fd;
        }
        close(fd);
        nap_ms(1);
    }
    die("connect", strerror(errno));
}

__attribute__((unused)) static void put64(unsigned char *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (unsigned char)v;
}

__attribute__((unused)) static uint64_t get64(const unsigned char *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

__attribute__((unused)) static bool read_all(int fd, void *buf, size_t len)
{
    for (char *p = buf; len;) {
        ssize_t k = read(fd, p, len);
        if (k <= 0)
            return false;
        p += k, len -= (size_t)k;
    }
    return true;
}

__attribute__((unused)) static bool write_all(int fd, const void *buf, size_t len)
{
    for (const char *p = buf; len;) {
        ssize_t k = write(fd, p, len);
        if (k < 0)
            return false;
        p += k, len -= (size_t)k;
    }
    return true;
}

/* The 8-byte SP greeting: each side sends its own protocol number. */
__attribute__((unused)) static bool sp_hello(int fd, unsigned proto)
{
    unsigned char h[8] = {0, 'S', 'P', 0, (unsigned char)(proto >> 8), (unsigned char)proto, 0, 0};
    return write_all(fd, h, 8) && read_all(fd, h, 8);
}
#endif
