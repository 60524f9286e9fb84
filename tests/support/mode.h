/*
 * How the library runs in a test, by SPRY_TEST_THREADS in the environment:
 *     (nothing)  as it does by itself, with its thread
 *     0          without a thread, and whoever waits in a test does the library's work meanwhile
 *     own        without one, and a thread of the test's own does it all the time: for suites that block
 *                in calls which need a callback, or in callbacks until the test goes on
 */
#ifndef SPRY_TESTS_MODE_H
#define SPRY_TESTS_MODE_H

#include <stdbool.h>

/* Whoever waits has to do the library's work: mode_pause. */
bool mode_threadless(void);

/* The library has its thread. */
bool mode_watched(void);

/* Before the first socket: tells the library. */
void mode_begin(void);

/* So long, or less when the library had something to do. */
void mode_pause(unsigned ms);

/* After the last close: what is due is done, and the library is gone. */
void mode_end(void);

/* host_polls, while the library's work is done. */
bool mode_polls(int descriptor, int timeout_ms);

#endif
