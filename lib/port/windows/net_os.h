/* Where Windows declares internet addresses; for net_address.c. */
#ifndef SPRY_NET_OS_H
#define SPRY_NET_OS_H

#include <winsock2.h>

#include <ws2tcpip.h>

#endif
