/* Takes the place of the system's getaddrinfo in the whole program. */
#ifndef SPRY_TESTS_FAKE_LOOKUP_H
#define SPRY_TESTS_FAKE_LOOKUP_H

/* The test's: returns when `name` shall be unknown. */
void fake_lookup(const char *name);

#endif
