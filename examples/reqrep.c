/*
 * Request and reply in a few lines; this program builds against nng 1.x as well.
 *
 *   reqrep server URL     answers for ever: tcp://127.0.0.1:5555, ipc:///tmp/x, abstract://x
 *   reqrep client URL     asks once
 *   reqrep inproc URL     both in one process: inproc://anything
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
    exit(1);
}

static void *server(void *socket)
{
    nng_socket s = *(nng_socket *)socket;
    char question[64];
    char answer[96];

    for (;;) {
        size_t size = sizeof(question);

        check(nng_recv(s, question, &size, 0), "receive");
        snprintf(answer, sizeof(answer), "you said: %.*s", (int)size, question);
        check(nng_send(s, answer, strlen(answer), 0), "send");
    }
    return NULL;
}

static void client(const char *url)
{
    char question[] = "hello from Spry";
    char answer[96];
    size_t size = sizeof(answer);
    nng_socket s;

    check(nng_req0_open(&s), "open");
    check(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, 5000), "timeout");
    check(nng_dial(s, url, NULL, 0), "dial");
    check(nng_send(s, question, strlen(question), 0), "send");
    check(nng_recv(s, answer, &size, 0), "receive");
    printf("%.*s\n", (int)size, answer);
    check(nng_close(s), "close");
}

int main(int argc, char **argv)
{
    static nng_socket rep;
    pthread_t thread;

    if (argc != 3) {
        fprintf(stderr, "usage: reqrep server|client|inproc URL\n");
        return 2;
    }
    if (strcmp(argv[1], "client") != 0) {
        check(nng_rep0_open(&rep), "open");
        check(nng_listen(rep, argv[2], NULL, 0), "listen");
    }
    if (strcmp(argv[1], "server") == 0)
        server(&rep);
    if (strcmp(argv[1], "inproc") == 0)
        check(pthread_create(&thread, NULL, server, &rep), "thread");
    client(argv[2]);
    return 0;
}
