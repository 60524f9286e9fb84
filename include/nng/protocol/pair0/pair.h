/* The PAIR protocol, version 0: two sockets that talk to each other and to nobody else. */
#ifndef NNG_PROTOCOL_PAIR0_PAIR_H
#define NNG_PROTOCOL_PAIR0_PAIR_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens a socket; the caller closes it with nng_close. Raw: the same, for nng_device. */
NNG_DECL int nng_pair0_open(nng_socket *socket);
NNG_DECL int nng_pair0_open_raw(nng_socket *socket);

#ifndef nng_pair_open
#define nng_pair_open nng_pair0_open
#endif
#ifndef nng_pair_open_raw
#define nng_pair_open_raw nng_pair0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
