/*
 * interop/peer.c over nng 2.0, whose API asks for nng_init and gives messages, not buffers.
 *
 * nng_fini is never called: it waits for threads that Wine does not wake.
 */
#include <nng/nng.h>

#include <string.h>

/* nng 1.x: nng_recv(NNG_FLAG_ALLOC), the only way in which peer.c calls it. */
static int receive_alloc(nng_socket s, void **body, size_t *size)
{
    nng_msg *msg;
    int rv;

    rv = nng_recvmsg(s, &msg, 0);
    if (rv != 0)
        return rv;
    *size = nng_msg_len(msg);
    *body = nng_alloc(*size + 1);
    if (*body == NULL)
        return NNG_ENOMEM;
    memcpy(*body, nng_msg_body(msg), *size);
    nng_msg_free(msg);
    return 0;
}

#undef nng_recv
#define nng_recv(s, body, size, flags) receive_alloc(s, body, size)
#define nng_free(body, size) nng_free(body, (size) + 1)
#define nng_strerror(rv) nng_strerror((nng_err)(rv))
#define nng_close(s) nng_socket_close(s)
#define main peer_main
#include "../../interop/peer.c"
#undef main

int main(int argc, char **argv)
{
    check(nng_init(NULL), "nng_init", 0);
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        printf("nng %s\n", nng_version());
        return 0;
    }
    return peer_main(argc, argv);
}
