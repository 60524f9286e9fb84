/* What the program on top of the library does in one seed. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Starts the fibers of a seed; sim_run does the rest. */
void sim_scenario_start(void);

/* Counters of the whole run. */
struct sim_totals {
    uint64_t requests;
    uint64_t answers;
    uint64_t closes;
    uint64_t strict; /* seeds in which every request had to be answered */
};
extern struct sim_totals sim_totals;

/* The allocator: counts, checks sizes, fails by chance. */
void sim_heap_begin(bool libc); /* libc: the C library's and VirtualAlloc, nothing fails */
void sim_heap_check(void);

#endif
