/* The ipc transport is always there: nothing has to be registered. */
#ifndef NNG_TRANSPORT_IPC_IPC_H
#define NNG_TRANSPORT_IPC_IPC_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef NNG_ELIDE_DEPRECATED
/* Does nothing and returns 0. */
NNG_DECL NNG_DEPRECATED int nng_ipc_register(void);
#endif

#ifdef __cplusplus
}
#endif

#endif
