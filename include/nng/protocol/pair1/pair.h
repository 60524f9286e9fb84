/*
 * The PAIR protocol, version 1: as version 0, with a count of hops in the header of each message,
 * so that a loop of devices ends; and a form with many peers.
 */
#ifndef NNG_PROTOCOL_PAIR1_PAIR_H
#define NNG_PROTOCOL_PAIR1_PAIR_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NNG_PAIR1_SELF      0x11
#define NNG_PAIR1_PEER      0x11
#define NNG_PAIR1_SELF_NAME "pair1"
#define NNG_PAIR1_PEER_NAME "pair1"

/* bool, read-only: true on a socket of nng_pair1_open_poly, which alone has it. */
#define NNG_OPT_PAIR1_POLY "pair1:polyamorous"

/*
 * Opens a socket; the caller closes it with nng_close.
 * Raw: the header is the caller's to fill, with a 32-bit count of hops below 0xff.
 * Poly: many peers at once. A message goes to the pipe that nng_msg_set_pipe named; when that is
 * gone or slow it is dropped. With none named it goes to the peer that has been there longest.
 */
NNG_DECL int nng_pair1_open(nng_socket *socket);
NNG_DECL int nng_pair1_open_raw(nng_socket *socket);
NNG_DECL int nng_pair1_open_poly(nng_socket *socket);

#ifndef nng_pair_open
#define nng_pair_open nng_pair1_open
#endif
#ifndef nng_pair_open_raw
#define nng_pair_open_raw nng_pair1_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
