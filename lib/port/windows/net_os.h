/* Where Windows declares internet addresses; for net_address.c. */
#ifndef SPRY_NET_OS_H
#define SPRY_NET_OS_H

#include <winsock2.h>

#include <ws2tcpip.h>

/* Not AI_ADDRCONFIG: loopback does not count there, and localhost must be found off line too. */
enum { RESOLVE_FLAGS = 0 };

#endif
