/* A function of a DLL is called through a pointer; one of the program's comes before the import's. */
#include "fake_lookup.h"

#include <winsock2.h>

#include <ws2tcpip.h>

static int WSAAPI lookup(PCSTR node, PCSTR service, const ADDRINFOA *hints, PADDRINFOA *found)
{
    (void)service;
    (void)hints;
    (void)found;
    fake_lookup(node);
    return EAI_NONAME;
}

typedef int(WSAAPI *lookup_call)(PCSTR, PCSTR, const ADDRINFOA *, PADDRINFOA *);

extern const lookup_call __imp_getaddrinfo; /* NOLINT: the linker's name */
const lookup_call __imp_getaddrinfo = lookup;
