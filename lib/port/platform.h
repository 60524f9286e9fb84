/*
 * What the API offers programs of the system, beyond what the library itself needs (thread.h): only
 * programs that use it link it.
 */
#ifndef SPRY_PLATFORM_H
#define SPRY_PLATFORM_H

#include "thread.h"

#include <stdbool.h>

/* Nobody has the mutex or wants it any more. */
void spry_mutex_fini(struct mutex *mutex);

/* What any number of threads wait on. Cannot fail; init costs no system call. */
void spry_cond_init(struct cond *cond);
void spry_cond_fini(struct cond *cond);
void spry_cond_signal(struct cond *cond);
void spry_cond_broadcast(struct cond *cond);

/*
 * Waits for a signal or until `deadline_ns` (SPRY_NEVER: no limit), may return early. False: the deadline is there and this waiter took nobody's signal. A signal that
 * comes together with the deadline is told as a signal, so that none gets lost.
 */
bool spry_cond_wait_until(struct cond *cond, struct mutex *mutex, uint64_t deadline_ns);

/* As spry_thread_join, for as long as it takes; from the thread itself it only lets go. */
void spry_thread_await(struct thread *thread);

/* Names a thread, NULL: the calling one, for debuggers and the like, as far as the system can. */
void spry_thread_name(struct thread *thread, const char *name);

/* May return early. */
void spry_sleep_until(uint64_t deadline_ns);

/* Two descriptors that are each other's peer. NNG_ENOTSUP, NNG_ENOFILES, NNG_ENOMEM. */
int spry_socket_pair(int ends[2]);

/* Whether colours written to the standard error stream are seen by a person. */
bool spry_stderr_has_colours(void);

/* A line for the system's log; numbers as in RFC 5424, `id` may be NULL. */
void spry_system_log(unsigned severity, unsigned facility, const char *id, const char *text);

#endif
