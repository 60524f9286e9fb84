/*
 * A broker: clients dial its front, servers its back, and neither need know where the others are.
 * Requests go to whichever server is free. This program builds against nng 1.x as well.
 *
 *   broker FRONT-URL BACK-URL
 */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <stdio.h>
#include <stdlib.h>

static void check(int rv, const char *what)
{
    if (rv == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, nng_strerror(rv));
    exit(1);
}

int main(int argc, char **argv)
{
    nng_socket front;
    nng_socket back;

    if (argc != 3) {
        fprintf(stderr, "usage: broker FRONT-URL BACK-URL\n");
        return 2;
    }
    /* Raw sockets hand on what they get, with the way back in the header. */
    check(nng_rep0_open_raw(&front), "open");
    check(nng_req0_open_raw(&back), "open");
    check(nng_listen(front, argv[1], NULL, 0), "listen");
    check(nng_listen(back, argv[2], NULL, 0), "listen");
    check(nng_device(front, back), "device");
    return 0;
}
