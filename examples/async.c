/*
 * A server that works on many questions at once without a thread for each: every context of its
 * socket is one conversation, driven by callbacks. A question is a number of milliseconds; the answer
 * comes after as long. This program builds against nng 1.x as well.
 *
 *   async URL             answers for ever: tcp://127.0.0.1:5555, ipc:///tmp/x
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32
#include <windows.h>
#define pause() Sleep(INFINITE)
#else
#include <unistd.h>
#endif

enum { CONVERSATIONS = 16 };

struct conversation {
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *msg;
    enum { LISTENS, THINKS, ANSWERS } does;
};

static void check(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
    exit(1);
}

/* Keeps the question as a string for strtol; it is the message that becomes the answer. */
static nng_duration wanted(nng_msg *msg)
{
    char text[12] = "";
    size_t bytes = nng_msg_len(msg) < sizeof(text) - 1 ? nng_msg_len(msg) : sizeof(text) - 1;

    memcpy(text, nng_msg_body(msg), bytes);
    return (nng_duration)strtol(text, NULL, 10) % 60000;
}

static void answer(struct conversation *c, nng_duration ms)
{
    char text[40];

    snprintf(text, sizeof(text), "waited %d ms", (int)ms);
    nng_msg_clear(c->msg);
    check(nng_msg_append(c->msg, text, strlen(text)), "append");
}

/* Runs when what the conversation was doing is over, and begins the next thing. */
static void next(void *argument)
{
    struct conversation *c = argument;

    if (c->does == LISTENS && nng_aio_result(c->aio) == 0) {
        nng_duration ms;

        c->msg = nng_aio_get_msg(c->aio);
        ms = wanted(c->msg);
        answer(c, ms);
        c->does = THINKS;
        nng_sleep_aio(ms, c->aio);
    } else if (c->does == THINKS && nng_aio_result(c->aio) == 0) {
        nng_aio_set_msg(c->aio, c->msg);
        c->does = ANSWERS;
        nng_ctx_send(c->ctx, c->aio); /* takes the message */
    } else {
        check(nng_aio_result(c->aio), "conversation");
        c->does = LISTENS;
        nng_ctx_recv(c->ctx, c->aio);
    }
}

int main(int argc, char **argv)
{
    static struct conversation conversations[CONVERSATIONS];
    nng_socket s;

    if (argc != 2) {
        fprintf(stderr, "usage: async URL\n");
        return 2;
    }
    check(nng_rep0_open(&s), "open");
    for (int i = 0; i < CONVERSATIONS; i++) {
        struct conversation *c = &conversations[i];

        check(nng_ctx_open(&c->ctx, s), "context");
        check(nng_aio_alloc(&c->aio, next, c), "aio");
        nng_ctx_recv(c->ctx, c->aio);
    }
    check(nng_listen(s, argv[1], NULL, 0), "listen");
    for (;;)
        pause();
}
