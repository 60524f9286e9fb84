/* A function of a DLL is called through a pointer; one of the program's comes before the import's. */
#include <winsock2.h>

#include <ws2tcpip.h>

#include "fake_addresses.h"

static int WSAAPI lookup(PCSTR node, PCSTR service, const ADDRINFOA *hints, PADDRINFOA *found)
{
    (void)hints;
    return fake_addresses(node, service, found);
}

static void WSAAPI forget(PADDRINFOA found)
{
    free(found);
}

typedef int(WSAAPI *lookup_call)(PCSTR, PCSTR, const ADDRINFOA *, PADDRINFOA *);
typedef void(WSAAPI *forget_call)(PADDRINFOA);

extern const lookup_call __imp_getaddrinfo;  /* NOLINT: the linker's name */
extern const forget_call __imp_freeaddrinfo; /* NOLINT */
const lookup_call __imp_getaddrinfo = lookup;
const forget_call __imp_freeaddrinfo = forget;
