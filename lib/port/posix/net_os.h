/* Where POSIX systems declare internet addresses; for net_address.c. */
#ifndef SPRY_NET_OS_H
#define SPRY_NET_OS_H

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#endif
