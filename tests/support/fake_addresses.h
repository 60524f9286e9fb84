/* What fake_lookup finds as getaddrinfo tells it. Include the system's header of that first. */
#ifndef SPRY_TESTS_FAKE_ADDRESSES_H
#define SPRY_TESTS_FAKE_ADDRESSES_H

#include "fake_lookup.h"

#include <stdlib.h>

struct fake_address {
    struct addrinfo info;
    struct sockaddr_in address;
};

/* One block, to be freed. */
static inline int fake_addresses(const char *node, const char *service, struct addrinfo **found)
{
    uint32_t addresses[FAKE_LOOKUP_MAX];
    size_t count = fake_lookup(node, addresses);
    struct fake_address *all = count == 0 ? NULL : calloc(count, sizeof(*all));

    if (all == NULL)
        return EAI_NONAME;
    for (size_t i = 0; i < count; i++) {
        all[i].address.sin_family = AF_INET;
        all[i].address.sin_port = htons((uint16_t)atoi(service));
        all[i].address.sin_addr.s_addr = addresses[i];
        all[i].info.ai_family = AF_INET;
        all[i].info.ai_addr = (struct sockaddr *)&all[i].address;
        all[i].info.ai_addrlen = sizeof(all[i].address);
        all[i].info.ai_next = i + 1 < count ? &all[i + 1].info : NULL;
    }
    *found = &all[0].info;
    return 0;
}

#endif
