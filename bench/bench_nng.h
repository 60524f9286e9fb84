/* What the programs over nng 1.x's API share. Include after the protocol headers they need. */
#ifndef BENCH_NNG_H
#define BENCH_NNG_H
#include "bench.h"
#include <nng/nng.h>

#define CK(e)                                                                                      \
    do {                                                                                           \
        int rv_ = (int)(e);                                                                        \
        if (rv_)                                                                                   \
            die(#e, nng_strerror(rv_));                                                            \
    } while (0)

__attribute__((unused)) static void setup(nng_socket s)
{
    nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, 0); /* no limit */
    long buf = nopt("buf", -1);
    if (buf >= 0) {
        nng_socket_set_int(s, NNG_OPT_SENDBUF, (int)buf);
        nng_socket_set_int(s, NNG_OPT_RECVBUF, (int)buf);
    }
}

__attribute__((unused)) static void dial(nng_socket s)
{
    int rv = -1;
    for (int i = 0; i < 3000 && rv; i++)
        if ((rv = nng_dial(s, B.url, NULL, 0)))
            nap_ms(1);
    CK(rv);
}

#endif
