/*
 * Two equal peers: each side may speak when it likes. Here they count to ten together, one number
 * each in turn. This program builds against nng 1.x as well.
 *
 *   pair listen URL       waits for its mate and lets it begin
 *   pair dial URL         begins
 */
#include <nng/nng.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/supplemental/util/platform.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAST = 10 };

static void check(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
    exit(1);
}

static void say(nng_socket s, int number)
{
    char text[12];

    snprintf(text, sizeof(text), "%d", number);
    check(nng_send(s, text, strlen(text) + 1, 0), "send");
}

static int hear(nng_socket s)
{
    char text[12] = "";
    size_t bytes = sizeof(text) - 1;

    check(nng_recv(s, text, &bytes, 0), "receive");
    printf("%s\n", text);
    return (int)strtol(text, NULL, 10);
}

int main(int argc, char **argv)
{
    int number = 0;
    nng_socket s;

    if (argc != 3) {
        fprintf(stderr, "usage: pair listen|dial URL\n");
        return 2;
    }
    check(nng_pair1_open(&s), "open");
    check(nng_socket_set_ms(s, NNG_OPT_RECVTIMEO, 5000), "timeout");
    if (strcmp(argv[1], "listen") == 0) {
        check(nng_listen(s, argv[2], NULL, 0), "listen");
    } else {
        check(nng_dial(s, argv[2], NULL, 0), "dial");
        say(s, 1);
    }
    while (number < LAST) {
        number = hear(s);
        if (number < LAST)
            say(s, ++number);
    }
    nng_msleep(100); /* what was said last is on its way */
    check(nng_close(s), "close");
    return 0;
}
