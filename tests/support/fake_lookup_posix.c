/* A function of the program comes before the C library's. */
#include "fake_lookup.h"

#include <netdb.h>

int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict found)
{
    (void)service;
    (void)hints;
    (void)found;
    fake_lookup(node);
    return EAI_NONAME;
}
