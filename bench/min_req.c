/* The smallest useful requester, for size.sh. */
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
int main(int argc, char **argv)
{
    nng_socket s;
    nng_msg *m;
    if (argc < 2 || nng_req0_open(&s) || nng_dial(s, argv[1], NULL, 0))
        return 1;
    if (nng_msg_alloc(&m, 64) || nng_sendmsg(s, m, 0) || nng_recvmsg(s, &m, 0))
        return 1;
    return (int)nng_msg_len(m);
}
