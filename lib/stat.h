/* What is the same for all statistics of one name. */
#ifndef SPRY_STAT_H
#define SPRY_STAT_H

#include <nng/nng.h>
#include <stdint.h>

struct stat_about {
    const char *name; /* NULL ends a protocol's table */
    const char *text;
    uint8_t type; /* enum nng_stat_type_enum */
    uint8_t unit; /* enum nng_unit_enum */
};

#endif
