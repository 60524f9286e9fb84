/* Where POSIX systems declare internet addresses; for net_address.c. */
#ifndef SPRY_NET_OS_H
#define SPRY_NET_OS_H

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Only families that this machine has an address of. */
enum { RESOLVE_FLAGS = AI_ADDRCONFIG };

#endif
