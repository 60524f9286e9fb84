/* The tcp transport is always there: nothing has to be registered. */
#ifndef NNG_TRANSPORT_TCP_TCP_H
#define NNG_TRANSPORT_TCP_TCP_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NNG_ELIDE_DEPRECATED
/* Does nothing and returns 0. */
NNG_DECL NNG_DEPRECATED int nng_tcp_register(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
