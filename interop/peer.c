/*
 * A load peer for the interop matrix; the same source is built against every library compared.
 *
 *   peer req|rep dial|listen URL COUNT SIZE [REPLY]
 *
 * req sends COUNT requests of SIZE bytes, whose pattern depends on their number, one after the
 * other, and checks each reply byte for byte: an echo, or REPLY where that is given. It prints
 * "replies COUNT" and ends. rep echoes COUNT requests and prints "echoed COUNT", then keeps its
 * connections until its standard input ends, so that no reply is lost. Both print "ready" when
 * they listen or have dialled. Exit status 0 when every step succeeded.
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void fail(const char *what, long number, const char *why)
{
    fprintf(stderr, "%s %ld: %s\n", what, number, why);
    exit(1);
}

static void check(int rv, const char *what, long number)
{
    if (rv != 0)
        fail(what, number, nng_strerror(rv));
}

static void say(const char *word, long number)
{
    if (number >= 0)
        printf("%s %ld\n", word, number);
    else
        printf("%s\n", word);
    fflush(stdout);
}

/* A generator rather than a counter, so that shifted or swapped blocks do not look alike. */
static void fill(unsigned char *body, size_t size, long number)
{
    unsigned int x = (unsigned int)number * 2654435761u + 12345u;

    for (size_t i = 0; i < size; i++) {
        x = x * 1103515245u + 12345u;
        body[i] = (unsigned char)(x >> 16);
    }
}

static void ask(nng_socket s, long count, size_t size, const char *reply)
{
    unsigned char *sent = malloc(size + 1);

    if (sent == NULL)
        fail("request", 0, "out of memory");
    for (long i = 0; i < count; i++) {
        const void *want = reply != NULL ? (const void *)reply : sent;
        size_t want_size = reply != NULL ? strlen(reply) : size;
        size_t got_size;
        void *got;

        fill(sent, size, i);
        check(nng_send(s, sent, size, 0), "send", i);
        check(nng_recv(s, &got, &got_size, NNG_FLAG_ALLOC), "receive", i);
        if (got_size != want_size)
            fail("reply", i, "wrong size");
        if (want_size != 0 && memcmp(got, want, want_size) != 0)
            fail("reply", i, "wrong bytes");
        nng_free(got, got_size);
    }
    free(sent);
    say("replies", count);
}

static void echo(nng_socket s, long count, size_t size)
{
    nng_msg *msg;

    for (long i = 0; i < count; i++) {
        check(nng_recvmsg(s, &msg, 0), "receive", i);
        if (nng_msg_len(msg) != size)
            fail("request", i, "wrong size");
        check(nng_sendmsg(s, msg, 0), "send", i);
    }
    say("echoed", count);
    while (getchar() != EOF) {
    }
}

int main(int argc, char **argv)
{
    nng_socket s;
    long count;
    size_t size;

    if (argc < 6) {
        fputs("usage: peer req|rep dial|listen URL COUNT SIZE [REPLY]\n", stderr);
        return 2;
    }
    count = strtol(argv[4], NULL, 10);
    size = (size_t)strtoull(argv[5], NULL, 10);
    if (strcmp(argv[1], "req") == 0)
        check(nng_req0_open(&s), "open", 0);
    else
        check(nng_rep0_open(&s), "open", 0);
    if (strcmp(argv[2], "dial") == 0)
        check(nng_dial(s, argv[3], NULL, 0), "dial", 0);
    else
        check(nng_listen(s, argv[3], NULL, 0), "listen", 0);
    say("ready", -1);
    if (strcmp(argv[1], "req") == 0)
        ask(s, count, size, argc > 6 ? argv[6] : NULL);
    else
        echo(s, count, size);
    check(nng_close(s), "close", 0);
    return 0;
}
