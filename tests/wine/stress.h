/* What the stress programs share: stopping on the first error, and the worst close. */
#ifndef SPRY_WINE_STRESS_H
#define SPRY_WINE_STRESS_H

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <windows.h>

#include <process.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CALL_MS = 20000 };

/* A call that must not fail: tells which and ends the process. */
#define NEED(call)                                                                                 \
    do {                                                                                           \
        int need_rv = (call);                                                                      \
        if (need_rv != 0)                                                                          \
            stress_die(#call, __LINE__, need_rv);                                                  \
    } while (0)

void stress_die(const char *what, int line, int rv);

/* Output at once; after `seconds` the process is ended with status 3. */
void stress_start(unsigned seconds);

double stress_seconds(void);

/* Sockets whose calls end after CALL_MS; REQs redial within milliseconds. */
nng_socket stress_rep(void);
nng_socket stress_req(void);

/* One request of `bytes` bytes and its answer, which must be the same. */
int stress_ask(nng_socket req, size_t bytes);

/* Answers until the socket closes; on a thread of its own, to be waited for. */
HANDLE stress_echo(nng_socket *rep);
HANDLE stress_thread(unsigned(__stdcall *run)(void *argument), void *argument);
void stress_join(HANDLE thread);

/* Closes and keeps the time of the longest. */
void stress_close(nng_socket socket);
/* Prints it as the last line, and fails when it took longer than `limit_ms`. */
int stress_end(unsigned limit_ms);

#endif
