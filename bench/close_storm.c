/* close_storm: does nng_close always return?
 *
 * One rep server echoes. `clients` threads each open a req socket, dial (every other time without
 * waiting), send, and close the socket from a second thread while the first waits in nng_recv:
 * the shape of nng issues 1813, 1827, 1837 and 1930. Written against nng 1.x's public API only, so
 * that the same source runs on every library. Prints key=value: the slowest close, the cycles,
 * how many got their reply first. Exit 0 when all ended; 3 when nothing moved for 10 s (a hang).
 *
 *   close_storm URL [cycles=1000] [clients=4]
 */
#define _POSIX_C_SOURCE 200809L
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *url;
static long cycles = 1000;
static nng_socket rep;
static atomic_long done, replies;
static atomic_llong worst_us;

static long long now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void *serve(void *unused)
{
    void *body;
    size_t size;
    (void)unused;
    while (nng_recv(rep, &body, &size, NNG_FLAG_ALLOC) == 0) {
        if (nng_send(rep, body, size, NNG_FLAG_ALLOC) != 0) {
            nng_free(body, size);
        }
    }
    return NULL;
}

static void *closer(void *arg)
{
    nng_close(*(nng_socket *)arg);
    return NULL;
}

static void *client(void *unused)
{
    (void)unused;
    for (long i = 0; i < cycles; i++) {
        nng_socket s;
        pthread_t t;
        void *body;
        size_t size;
        char hello[] = "hello";
        if (nng_req0_open(&s) != 0) {
            exit(1);
        }
        nng_dial(s, url, NULL, i & 1 ? NNG_FLAG_NONBLOCK : 0);
        nng_send(s, hello, sizeof(hello), 0);
        long long start = now_us();
        pthread_create(&t, NULL, closer, &s);
        if (nng_recv(s, &body, &size, NNG_FLAG_ALLOC) == 0) {
            nng_free(body, size);
            replies++;
        }
        pthread_join(t, NULL);
        long long took = now_us() - start;
        long long seen = worst_us;
        while (took > seen && !atomic_compare_exchange_weak(&worst_us, &seen, took)) {
        }
        done++;
    }
    return NULL;
}

static void *watch(void *unused)
{
    long last = -1;
    (void)unused;
    for (;;) {
        long now = done;
        if (now == last) {
            printf("hang=1 cycles=%ld worst_close_us=%lld\n", now, (long long)worst_us);
            fflush(stdout);
            _exit(3);
        }
        last = now;
        sleep(10);
    }
}

int main(int argc, char **argv)
{
    pthread_t server, guard, t[64];
    int clients = argc > 3 ? atoi(argv[3]) : 4;
    int rv;

    if (argc < 2 || clients < 1 || clients > 64) {
        fprintf(stderr, "usage: close_storm URL [cycles] [clients]\n");
        return 2;
    }
    url = argv[1];
    cycles = argc > 2 ? atol(argv[2]) : cycles;
    if ((rv = nng_rep0_open(&rep)) != 0 || (rv = nng_listen(rep, url, NULL, 0)) != 0) {
        fprintf(stderr, "%s: %s\n", url, nng_strerror(rv));
        return 1;
    }
    pthread_create(&server, NULL, serve, NULL);
    pthread_create(&guard, NULL, watch, NULL);
    long long start = now_us();
    for (int i = 0; i < clients; i++) {
        pthread_create(&t[i], NULL, client, NULL);
    }
    for (int i = 0; i < clients; i++) {
        pthread_join(t[i], NULL);
    }
    nng_close(rep);
    pthread_join(server, NULL);
    printf("hang=0 cycles=%ld replies=%ld worst_close_us=%lld per_s=%.0f\n", (long)done,
           (long)replies, (long long)worst_us, (double)done * 1e6 / (double)(now_us() - start));
    return 0;
}
