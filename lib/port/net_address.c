/* Internet addresses: numbers, names, and the API's form of them. The same on all systems. */
#include "net.h"

#include "net_os.h"

#include <string.h>

static int net_family(const struct net_address *address)
{
    return ((const struct sockaddr *)(const void *)address->raw)->sa_family;
}

void spry_net_address(struct net_address *address, const void *system, size_t bytes)
{
    memset(address, 0, sizeof(*address));
    address->bytes = bytes < sizeof(address->raw) ? bytes : sizeof(address->raw);
    memcpy(address->raw, system, address->bytes);
}

static int port_number(const char *port, uint16_t *out)
{
    unsigned value = 0;

    for (const char *c = port == NULL ? "" : port; *c != '\0'; c++) {
        if (*c < '0' || *c > '9')
            return NNG_ENOENT;
        value = value * 10 + (unsigned)(*c - '0');
        if (value > 65535)
            return NNG_EADDRINVAL;
    }
    *out = htons((uint16_t)value);
    return 0;
}

/*
 * Four decimal numbers. Not by inet_pton: in a program that has no other use for it, its page of
 * the C library is a third of what an idle socket costs.
 */
static bool v4_number(const char *host, struct in_addr *out)
{
    uint32_t address = 0;

    for (int part = 0; part < 4; part++) {
        unsigned value = 0;
        int digits = 0;

        for (; *host >= '0' && *host <= '9' && digits < 3; host++, digits++)
            value = value * 10 + (unsigned)(*host - '0');
        if (digits == 0 || value > 255 || *host != (part < 3 ? '.' : '\0'))
            return false;
        address = address << 8 | value;
        host++;
    }
    out->s_addr = htonl(address);
    return true;
}

int spry_net_numeric(struct net_address *address, enum net_family family, const char *host,
                     const char *port)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    bool wildcard = host == NULL || host[0] == '\0';
    int rv = port_number(port, &v4.sin_port);

    if (rv != 0)
        return rv;
    v6.sin6_port = v4.sin_port;
    if (family != NET_V6 && (wildcard || v4_number(host, &v4.sin_addr))) {
        spry_net_address(address, &v4, sizeof(v4));
        return 0;
    }
    if (family != NET_V4 && (wildcard || inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)) {
        spry_net_address(address, &v6, sizeof(v6));
        return 0;
    }
    return NNG_ENOENT;
}

int spry_net_resolve(struct net_address *addresses, size_t *count, enum net_family family,
                     const char *host, const char *port, bool listening)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = RESOLVE_FLAGS};
    struct addrinfo *found;
    size_t n = 0;
    uint16_t number;
    int rv = port_number(port, &number); /* getaddrinfo takes a port modulo 65536 */

    if (rv != 0 && rv != NNG_ENOENT)
        return rv;
    hints.ai_family = family == NET_V4 ? AF_INET : family == NET_V6 ? AF_INET6 : AF_UNSPEC;
    if (listening)
        hints.ai_flags = AI_PASSIVE;
    rv = getaddrinfo(host == NULL || host[0] == '\0' ? NULL : host,
                     port == NULL || port[0] == '\0' ? "0" : port, &hints, &found);
    if (rv != 0)
        return rv == EAI_MEMORY ? NNG_ENOMEM : NNG_EADDRINVAL;
    for (struct addrinfo *a = found; a != NULL && n < NET_ADDRESSES_MAX; a = a->ai_next) {
        if (a->ai_family == AF_INET || a->ai_family == AF_INET6)
            spry_net_address(&addresses[n++], a->ai_addr, a->ai_addrlen);
    }
    freeaddrinfo(found);
    if (n == 0)
        return NNG_EADDRINVAL;
    *count = n;
    return 0;
}

void spry_net_export(const struct net_address *address, nng_sockaddr *out)
{
    memset(out, 0, sizeof(*out));
    switch (net_family(address)) {
    case AF_INET: {
        struct sockaddr_in v4;

        memcpy(&v4, address->raw, sizeof(v4));
        out->s_in.sa_family = NNG_AF_INET;
        out->s_in.sa_port = v4.sin_port;
        out->s_in.sa_addr = v4.sin_addr.s_addr;
        break;
    }
    case AF_INET6: {
        struct sockaddr_in6 v6;

        memcpy(&v6, address->raw, sizeof(v6));
        out->s_in6.sa_family = NNG_AF_INET6;
        out->s_in6.sa_port = v6.sin6_port;
        out->s_in6.sa_scope = v6.sin6_scope_id;
        memcpy(out->s_in6.sa_addr, &v6.sin6_addr, sizeof(out->s_in6.sa_addr));
        break;
    }
    default:
        out->s_family = NNG_AF_UNSPEC;
        break;
    }
}

uint16_t spry_net_port(const struct net_address *address)
{
    nng_sockaddr out;

    spry_net_export(address, &out);
    if (out.s_family == NNG_AF_INET)
        return ntohs(out.s_in.sa_port);
    if (out.s_family == NNG_AF_INET6)
        return ntohs(out.s_in6.sa_port);
    return 0;
}

int spry_net_import(struct net_address *address, const nng_sockaddr *in)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (in->s_family == NNG_AF_INET) {
        v4.sin_port = in->s_in.sa_port;
        v4.sin_addr.s_addr = in->s_in.sa_addr;
        spry_net_address(address, &v4, sizeof(v4));
        return 0;
    }
    if (in->s_family != NNG_AF_INET6)
        return NNG_EADDRINVAL;
    v6.sin6_port = in->s_in6.sa_port;
    v6.sin6_scope_id = in->s_in6.sa_scope;
    memcpy(&v6.sin6_addr, in->s_in6.sa_addr, sizeof(v6.sin6_addr));
    spry_net_address(address, &v6, sizeof(v6));
    return 0;
}
