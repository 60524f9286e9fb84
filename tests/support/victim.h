/*
 * A process that does something with the library's peer and is then killed without a chance to say
 * good-bye: a fork, or on Windows the same program started once more.
 */
#ifndef SPRY_TESTS_VICTIM_H
#define SPRY_TESTS_VICTIM_H

#include <stdint.h>

struct victim {
    intptr_t process;
    intptr_t go;   /* what it waits for */
    intptr_t told; /* tells that it is where it shall die */
};

/*
 * Starts one, which waits for victim_go, then calls `act` and waits to be killed. To be called
 * before the library has threads.
 */
struct victim victim_start(void (*act)(int stage, const char *url), int stage, const char *url);
void victim_go(struct victim *victim);
/* Until `act` has returned. */
void victim_await(const struct victim *victim);
void victim_kill(const struct victim *victim);

#endif
