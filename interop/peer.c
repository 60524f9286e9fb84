/*
 * A load peer for the interop matrix; the same source is built against every library compared.
 *
 *   peer ROLE dial|listen URL COUNT SIZE [REPLY]
 *
 * ROLE is req or rep, pair0 or pair0-echo, pair0-source or pair0-sink, or the same of pair1.
 *
 * req and pair send COUNT requests of SIZE bytes, whose pattern depends on their number, one after
 * the other, and check each reply byte for byte: an echo, or REPLY where that is given. They print
 * "replies COUNT" and end. rep and echo echo COUNT requests and print "echoed COUNT". A source
 * sends COUNT messages without waiting and prints "sent COUNT"; a sink checks each and prints "got
 * COUNT". These three keep their connections until their standard input ends, so that nothing is
 * lost. All print "ready" when they listen or have dialled. Exit status 0: every step succeeded.
 */
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
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

struct job {
    long count;
    size_t size;
    const char *reply; /* or NULL: an echo */
};

static unsigned char *body_alloc(size_t size)
{
    unsigned char *body = malloc(size + 1);

    if (body == NULL)
        fail("message", 0, "out of memory");
    return body;
}

static void expect(nng_socket s, long number, const void *want, size_t want_size)
{
    size_t size;
    void *got;

    check(nng_recv(s, &got, &size, NNG_FLAG_ALLOC), "receive", number);
    if (size != want_size)
        fail("message", number, "wrong size");
    if (size != 0 && memcmp(got, want, size) != 0)
        fail("message", number, "wrong bytes");
    nng_free(got, size);
}

static void until_input_ends(void)
{
    while (getchar() != EOF) {
    }
}

static void ask(nng_socket s, const struct job *job)
{
    unsigned char *sent = body_alloc(job->size);

    for (long i = 0; i < job->count; i++) {
        fill(sent, job->size, i);
        check(nng_send(s, sent, job->size, 0), "send", i);
        if (job->reply != NULL)
            expect(s, i, job->reply, strlen(job->reply));
        else
            expect(s, i, sent, job->size);
    }
    free(sent);
    say("replies", job->count);
}

static void echo(nng_socket s, const struct job *job)
{
    nng_msg *msg;

    for (long i = 0; i < job->count; i++) {
        check(nng_recvmsg(s, &msg, 0), "receive", i);
        if (nng_msg_len(msg) != job->size)
            fail("request", i, "wrong size");
        check(nng_sendmsg(s, msg, 0), "send", i);
    }
    say("echoed", job->count);
    until_input_ends();
}

static void pour(nng_socket s, const struct job *job)
{
    unsigned char *sent = body_alloc(job->size);

    for (long i = 0; i < job->count; i++) {
        fill(sent, job->size, i);
        check(nng_send(s, sent, job->size, 0), "send", i);
    }
    free(sent);
    say("sent", job->count);
    until_input_ends();
}

static void drain(nng_socket s, const struct job *job)
{
    unsigned char *wanted = body_alloc(job->size);

    for (long i = 0; i < job->count; i++) {
        fill(wanted, job->size, i);
        expect(s, i, wanted, job->size);
    }
    free(wanted);
    say("got", job->count);
    until_input_ends();
}

static const struct role {
    const char *name;
    int (*open)(nng_socket *);
    void (*play)(nng_socket, const struct job *);
} roles[] = {
    {"req", nng_req0_open, ask},
    {"rep", nng_rep0_open, echo},
    {"pair0", nng_pair0_open, ask},
    {"pair0-echo", nng_pair0_open, echo},
    {"pair0-source", nng_pair0_open, pour},
    {"pair0-sink", nng_pair0_open, drain},
    {"pair1", nng_pair1_open, ask},
    {"pair1-echo", nng_pair1_open, echo},
    {"pair1-source", nng_pair1_open, pour},
    {"pair1-sink", nng_pair1_open, drain},
};

static const struct role *role_find(const char *name)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(roles[i].name, name) == 0)
            return &roles[i];
    }
    return NULL;
}

int main(int argc, char **argv)
{
    const struct role *role = argc < 6 ? NULL : role_find(argv[1]);
    struct job job;
    nng_socket s;

    if (role == NULL) {
        fputs("usage: peer ROLE dial|listen URL COUNT SIZE [REPLY]\n", stderr);
        return 2;
    }
    job.count = strtol(argv[4], NULL, 10);
    job.size = (size_t)strtoull(argv[5], NULL, 10);
    job.reply = argc > 6 ? argv[6] : NULL;
    check(role->open(&s), "open", 0);
    if (strcmp(argv[2], "dial") == 0)
        check(nng_dial(s, argv[3], NULL, 0), "dial", 0);
    else
        check(nng_listen(s, argv[3], NULL, 0), "listen", 0);
    say("ready", -1);
    role->play(s, &job);
    check(nng_close(s), "close", 0);
    return 0;
}
