/* The REQ protocol: asks, and waits for the answer; asks again when it does not come. */
#ifndef NNG_PROTOCOL_REQREP0_REQ_H
#define NNG_PROTOCOL_REQREP0_REQ_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NNG_REQ0_SELF      0x30
#define NNG_REQ0_PEER      0x31
#define NNG_REQ0_SELF_NAME "req"
#define NNG_REQ0_PEER_NAME "rep"

/* Milliseconds (nng_duration): when to ask again, and how often to look whether it is time. */
#define NNG_OPT_REQ_RESENDTIME "req:resend-time"
#define NNG_OPT_REQ_RESENDTICK "req:resend-tick"

/* Opens a socket; the caller closes it with nng_close. Raw: the header is the caller's to fill. */
NNG_DECL int nng_req0_open(nng_socket *socket);
NNG_DECL int nng_req0_open_raw(nng_socket *socket);

#ifndef nng_req_open
#define nng_req_open nng_req0_open
#endif
#ifndef nng_req_open_raw
#define nng_req_open_raw nng_req0_open_raw
#endif

#ifdef __cplusplus
}
#endif

#endif
