/* What a socket is: its protocol's numbers and names, which never change. */
#include "loop.h"
#include "socket.h"

/* A protocol is constant data, so it may be looked at after the socket is gone. */
static int protocol_of(nng_socket s, const struct protocol **protocol)
{
    struct socket *socket;
    struct loop *loop;
    int rv = spry_socket_enter(s.id, &socket);

    if (rv != 0)
        return rv;
    loop = socket->loop;
    *protocol = socket->protocol;
    spry_loop_leave(loop);
    return 0;
}

#define ABOUT(name, ctype, field)                                                                  \
    int nng_socket_##name(nng_socket s, ctype *value)                                              \
    {                                                                                              \
        const struct protocol *protocol;                                                           \
        int rv = protocol_of(s, &protocol);                                                        \
                                                                                                   \
        if (rv == 0)                                                                               \
            *value = protocol->field;                                                              \
        return rv;                                                                                 \
    }

ABOUT(proto_id, uint16_t, self)
ABOUT(peer_id, uint16_t, peer)
ABOUT(proto_name, const char *, self_name)
ABOUT(peer_name, const char *, peer_name)
ABOUT(raw, bool, raw)
