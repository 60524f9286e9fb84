/* The bounds of memory that spry_init sets: where it comes from, and how much peers get of it. */
#ifndef SPRY_BOUNDS_H
#define SPRY_BOUNDS_H

#include <spry.h>
#include <stdbool.h>

/* The options about memory are in their range. */
bool spry_bounds_legal(const spry_options *options);

/* Legal options take effect. While no socket and no aio is there; lock held. */
void spry_bounds_set(const spry_options *options);

#endif
