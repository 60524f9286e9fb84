/*
 * Every public function, as a call on a scene: one line of a table each. tests/calls.sh fails when a
 * function that the headers declare is not in it.
 */
#ifndef SPRY_TESTS_CALLS_H
#define SPRY_TESTS_CALLS_H

#include "scene.h"

#include <stddef.h>
#include <stdint.h>

/* What its handle names: once that is closed there is but one answer. */
enum call_on { ON_NOTHING, ON_SOCKET, ON_CONTEXT, ON_DIALER, ON_LISTENER, ON_PIPE };

enum {
    CALL_CHANGES = 1,       /* wants a scene of its own; else it may be one of many in the same */
    CALL_OWN_AIO = 2,       /* of the aio whose callback it is in */
    CALL_WAITS = 4,         /* until the pending operation ends */
    CALL_BLOCKS = 8,        /* until the socket closes */
    CALL_BEGINS_OWN = 16,   /* an operation on that aio */
    CALL_BEGINS_OTHER = 32, /* one on an idle aio */
    CALL_PENDING = 64       /* needs a pending operation */
};

struct call {
    const char *names; /* functions, with spaces between; first the one that the answer is of */
    int (*run)(struct scene *scene);
    enum call_on on;
    uint32_t allowed; /* a bit for each answer while the handle is good */
    unsigned flags;
};

extern const struct call calls[];
extern const size_t calls_count;

/* What the calls use besides the scene: an idle aio, a message. */
void calls_open(void);

/* The idle aio has had `begun` callbacks in the end. */
void calls_close(int begun);

/* The name of a function that is left out, and the reason, or NULL. */
struct call_omitted {
    const char *name;
    const char *reason;
};
extern const struct call_omitted calls_omitted[];

#endif
