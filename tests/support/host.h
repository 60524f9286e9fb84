/*
 * What the tests ask of the system itself: host_posix.c or host_windows.c. Nothing of the library or of
 * Check is used here. What a system does not tell, no test on it looks at.
 */
#ifndef SPRY_TESTS_HOST_H
#define SPRY_TESTS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of this process: threads, open descriptors (Windows: handles), processor time, peak memory. */
size_t host_threads(void);
size_t host_descriptors(void);
double host_cpu_seconds(void);
long host_peak_kib(void);

/*
 * Lets the process have so many descriptors, or not one more than it has; for tests to be left out
 * where handles have no limit that can be set.
 */
bool host_limits_descriptors(void);
void host_descriptors_max(size_t wanted);
void host_descriptors_exhaust(void);

/* A write to a closed connection would still end the process, where there is such a signal. */
bool host_signals_are_default(void);

double host_seconds(void);
void host_sleep_ms(unsigned ms);

bool host_has_ip6(void);

/* The names of unix:// and abstract:// exist here. */
bool host_has_unix_sockets(void);

/* Who the process runs as, when the system tells a peer's user; else false. */
bool host_user(uint64_t *uid, uint64_t *gid);

/* The calling thread, never 0, and whether that thread sleeps in the system or is over. */
int host_thread(void);
bool host_thread_sleeps(int thread);

/* Switches so far of all threads but the first; false where nobody counts them. */
bool host_switches(unsigned long *switches);

/* A directory of the test's own for socket files, and its end with all that is in it. */
void host_directory_make(char *path, size_t room);
void host_directory_remove(const char *path);

/* What the port has for a connection while bytes of it are read; 0: nothing, they go by the stack. */
size_t host_bytes_while_read(void);

/* Two ends of one connection; the first does not block and is fit for a port. */
bool host_pair(intptr_t ends[2]);
/* All or nothing; false when it cannot be sent at once or for ever. */
bool host_send(intptr_t end, const void *data, size_t bytes);
void host_close(intptr_t end);

/* What a program's poll says of a descriptor that it was given: readable within `timeout_ms`. */
bool host_polls(int descriptor, int timeout_ms);

#endif
