/* What the files of this folder share. */
#ifndef SPRY_SYSTEM_H
#define SPRY_SYSTEM_H

#include "op.h"

#include <stdint.h>

/*
 * NNG_E* for a Win32 or Winsock error of a call of that kind; the one place where system errors are
 * translated. A broken pipe is the peer's orderly end to a read and a reset to a write.
 */
int spry_system_error(uint32_t code, enum op_kind kind);

/* A socket for AcceptEx on `listener`. */
int spry_net_socket_for(intptr_t listener, intptr_t *handle);

#endif
