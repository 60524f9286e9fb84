/* The smallest useful replier, for size.sh. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
int main(int argc, char **argv)
{
    nng_socket s;
    nng_msg *m;
    if (argc < 2 || nng_rep0_open(&s) || nng_listen(s, argv[1], NULL, 0))
        return 1;
    while (!nng_recvmsg(s, &m, 0) && !nng_sendmsg(s, m, 0)) {
    }
    return 1;
}
