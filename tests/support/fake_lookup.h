/* Takes the place of the system's getaddrinfo in the whole program. */
#ifndef SPRY_TESTS_FAKE_LOOKUP_H
#define SPRY_TESTS_FAKE_LOOKUP_H

#include <stddef.h>
#include <stdint.h>

enum { FAKE_LOOKUP_MAX = 4 };

/* The test's: how many IPv4 addresses `name` has, 0: it is unknown; they are in network order. */
size_t fake_lookup(const char *name, uint32_t addresses[FAKE_LOOKUP_MAX]);

#endif
