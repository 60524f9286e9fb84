/*
 * A socket in one of the states that it can be in, and a callback of the program's brought about there:
 * what the tests share that try every call, or every close, in all of them. The calling thread is the
 * program's; no callback may ever run on it.
 */
#ifndef SPRY_TESTS_SCENE_H
#define SPRY_TESTS_SCENE_H

#include "link.h"
#include "probe.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Whose socket it is. */
enum scene_role {
    ROLE_REQ,
    ROLE_REP,
    ROLE_PAIR0,
    ROLE_PAIR1,
    ROLE_RAW_REQ,
    ROLE_RAW_REP,
    ROLE_RAW_PAIR1,
    ROLES
};

enum scene_state {
    STATE_FRESH,
    STATE_LISTENING,
    STATE_RETRYING, /* its dialer finds nobody, again and again */
    STATE_CONNECTED,
    STATE_REQUESTED, /* a request without its reply, on either side; PAIR: a message waits */
    STATE_RECEIVING, /* connected; a receive is under way */
    STATE_SENDING,   /* a send is under way, for want of a peer */
    STATE_FULL,      /* the same for want of room */
    STATE_DESERTED,  /* the peer was there and is gone */
    STATE_CLOSING,   /* connected; another thread closes it meanwhile */
    STATE_CLOSED,
    STATES
};

/* The callbacks that a program can have. */
enum scene_cue {
    CUE_RECEIVE,
    CUE_SEND,
    CUE_CONTEXT_RECEIVE,
    CUE_CONTEXT_SEND,
    CUE_SLEEP,
    CUE_DEVICE,
    CUE_FINISH, /* of an operation that the program provides */
    CUE_CANCEL, /* its cancel function */
    CUE_ADD_PRE,
    CUE_ADD_POST,
    CUE_REM_POST,
    CUES
};

struct scene {
    enum scene_role role;
    enum link_kind kind;
    enum scene_state state;
    const char *urls[3]; /* own's, one for calls, one for cues; used again by the next scene */

    nng_socket own;
    nng_socket peer;
    nng_ctx ctx;           /* id 0: the protocol has none */
    nng_dialer dialer;     /* of own; not started but in STATE_RETRYING */
    nng_listener listener; /* of own; started but in STATE_FRESH and STATE_RETRYING */
    atomic_uint pipe;      /* of own, the last that joined; 0: none did */
    struct probe pending;  /* what is under way on own */
    bool is_pending;
    bool pending_freed; /* said by `act`, which did */

    /* The cue: `act` is called in the callback, once. */
    enum scene_cue cue;
    void (*act)(struct scene *scene);
    struct probe cued; /* for those of an aio */
    bool has_aio;
    bool aio_freed; /* said by `act`, which did */
    int begun;      /* operations on it; `act` adds those that it begins */
    nng_socket door;
    nng_socket visitor;
    nng_pipe cued_pipe; /* for those of a pipe */
    uintptr_t number;   /* tells a callback that comes late from this one's */
    atomic_bool taken;
    atomic_bool announced;
    atomic_bool canceled; /* the cancel function is over */
    atomic_bool entered;
    atomic_bool go; /* `act` is called now */
    atomic_bool done;
    atomic_bool misplaced; /* it ran on a thread that was in a call */
};

const char *scene_role_name(enum scene_role role);
const char *scene_state_name(enum scene_state state);
const char *scene_cue_name(enum scene_cue cue);

/* Whether there is such a thing: a protocol has contexts, a send that waits, a device. */
bool scene_possible(enum scene_role role, enum link_kind kind, enum scene_state state);
bool scene_can_cue(enum scene_role role, enum scene_state state, enum scene_cue cue);

/* The addresses that scenes with `kind` use from now on. */
void scene_urls(struct scene *scene, enum link_kind kind);

/* Brings the socket into that state; a zeroed scene with its addresses, or one that was closed. */
void scene_open(struct scene *scene, enum scene_role role, enum scene_state state);

/* Brings the callback about; it has been entered on return, and waits there for scene_go. */
void scene_cue(struct scene *scene, enum scene_cue cue, void (*act)(struct scene *scene));

void scene_go(struct scene *scene);

/* Until `act` has returned; false: it has not. */
bool scene_await(struct scene *scene);

/*
 * Closes what is open, after which each operation has had its one callback, and its message, if it has
 * one, is freed. The end of the one pending, when there was one, is in pending.result.
 */
void scene_close(struct scene *scene);

/* Around what a thread of the test's own calls: no callback may run on it then. */
void scene_call_begins(void);
void scene_call_ends(void);

#endif
