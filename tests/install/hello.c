/* A program as a user would write it, built against the installed package only. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdio.h>

int main(void)
{
    nng_socket req, rep;
    char buf[8];
    size_t size = sizeof(buf);
    int rv = 0;

    rv |= nng_rep0_open(&rep) | nng_listen(rep, "inproc://hello", NULL, 0);
    rv |= nng_req0_open(&req) | nng_dial(req, "inproc://hello", NULL, 0);
    rv |= nng_send(req, "hello", 5, 0) | nng_recv(rep, buf, &size, 0);
    rv |= nng_close(req) | nng_close(rep);
    printf("%.*s\n", (int)size, buf);
    return rv;
}
