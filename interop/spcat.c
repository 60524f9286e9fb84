/*
 * A req, rep or pair peer for the command line, with the spelling of nng's nngcat for the part that
 * the vectors and the matrix use:
 *
 *   spcat --req|--rep|--pair0|--pair1 --bind URL|--connect URL [-D TEXT] [-i SECONDS] [--hex]
 *         [--recv-maxsz N]
 *
 * rep prints each request and answers it with TEXT; req sends TEXT, prints the reply and ends, or
 * repeats every SECONDS; pair sends TEXT if there is one, and prints what comes. Uses only blocking
 * calls of nng 1.x's API.
 */
#define _POSIX_C_SOURCE 200809L
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct options;

struct role {
    const char *name;
    int (*open)(nng_socket *);
    void (*play)(const struct options *, nng_socket);
    bool needs_text;
};

struct options {
    const struct role *role;
    bool hex;
    const char *bind_url, *connect_url, *text;
    double interval_s; /* negative: once */
    size_t recv_max;
};

static _Noreturn void usage(void)
{
    fputs("usage: spcat --req|--rep|--pair0|--pair1 --bind URL|--connect URL [-D TEXT]\n"
          "             [-i SECONDS] [--hex] [--recv-maxsz BYTES]\n",
          stderr);
    exit(2);
}

static void check(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "Unable to %s: %s\n", what, nng_strerror(rv));
    exit(1);
}

static void print_body(const struct options *o, const unsigned char *body, size_t size)
{
    if (!o->hex) {
        fwrite(body, 1, size, stdout);
    } else {
        putchar('"');
        for (size_t i = 0; i < size; i++)
            printf("\\x%02x", body[i]);
        putchar('"');
    }
    putchar('\n');
    fflush(stdout);
}

static void recv_and_print(const struct options *o, nng_socket s)
{
    void *body;
    size_t size;

    check(nng_recv(s, &body, &size, NNG_FLAG_ALLOC), "receive");
    print_body(o, body, size);
    nng_free(body, size);
}

static void send_text(const struct options *o, nng_socket s)
{
    /* The call only reads the buffer; its prototype lacks the const. */
    check(nng_send(s, (void *)(uintptr_t)o->text, strlen(o->text), 0), "send");
}

static void serve(const struct options *o, nng_socket s)
{
    for (;;) {
        recv_and_print(o, s);
        if (o->text != NULL)
            send_text(o, s);
    }
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_until(double when_s)
{
    double left_s = when_s - now_s();
    struct timespec t;

    if (left_s <= 0)
        return;
    t.tv_sec = (time_t)left_s;
    t.tv_nsec = (long)((left_s - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

static void ask(const struct options *o, nng_socket s)
{
    for (;;) {
        double due_s = now_s() + o->interval_s;

        send_text(o, s);
        recv_and_print(o, s);
        if (o->interval_s < 0)
            return;
        sleep_until(due_s);
    }
}

static void converse(const struct options *o, nng_socket s)
{
    if (o->text != NULL)
        send_text(o, s);
    for (;;)
        recv_and_print(o, s);
}

static const struct role roles[] = {
    {"--req", nng_req0_open, ask, true},
    {"--rep", nng_rep0_open, serve, false},
    {"--pair0", nng_pair0_open, converse, false},
    {"--pair1", nng_pair1_open, converse, false},
};

static const struct role *role_find(const char *argument)
{
    for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
        if (strcmp(argument, roles[i].name) == 0)
            return &roles[i];
    }
    return NULL;
}

static const char *next_arg(char ***argv)
{
    if ((*argv)[1] == NULL)
        usage();
    return *++*argv;
}

static struct options options_parse(char **argv)
{
    struct options o = {.interval_s = -1};

    while (*++argv != NULL) {
        const struct role *role = role_find(*argv);

        if (role != NULL && o.role == NULL)
            o.role = role;
        else if (strcmp(*argv, "--hex") == 0)
            o.hex = true;
        else if (strcmp(*argv, "--bind") == 0)
            o.bind_url = next_arg(&argv);
        else if (strcmp(*argv, "--connect") == 0)
            o.connect_url = next_arg(&argv);
        else if (strcmp(*argv, "-D") == 0)
            o.text = next_arg(&argv);
        else if (strcmp(*argv, "-i") == 0)
            o.interval_s = strtod(next_arg(&argv), NULL);
        else if (strcmp(*argv, "--recv-maxsz") == 0)
            o.recv_max = (size_t)strtoull(next_arg(&argv), NULL, 10);
        else
            usage();
    }
    if (o.role == NULL || (o.bind_url == NULL) == (o.connect_url == NULL) ||
        (o.role->needs_text && o.text == NULL))
        usage();
    return o;
}

int main(int argc, char **argv)
{
    struct options o = options_parse(argv);
    char what[256];
    nng_socket s;

    (void)argc;
    check(o.role->open(&s), "open socket");
    check(nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, o.recv_max), "limit received messages");
    if (o.bind_url != NULL) {
        snprintf(what, sizeof(what), "listen on %s", o.bind_url);
        check(nng_listen(s, o.bind_url, NULL, 0), what);
    } else {
        snprintf(what, sizeof(what), "dial on %s", o.connect_url);
        check(nng_dial(s, o.connect_url, NULL, 0), what);
    }
    o.role->play(&o, s);
    nng_close(s);
    return 0;
}
