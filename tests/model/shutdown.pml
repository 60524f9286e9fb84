/*
 * The loop: the poller role, the wake-ups, the watchman, the end after the last socket and the start
 * that follows.
 *
 * It mirrors lib/loop.c (waiter_rouse, poller_promote, poller_check, loop_poll, waiter_finished,
 * spry_waiter_wait, waiter_sleep, watchman_poll, watchman_over, watchman_join, watchman_main,
 * spry_loop_pass, spry_loop_hold, spry_loop_release, spry_loop_end) over lib/port/windows/port.c
 * (spry_port_wait, spry_port_wake with its flag, spry_port_check). An op is here what op.pml shows it
 * to be.
 *
 * Processes: two threads of the program, each of which opens a socket, waits for a request and closes
 * again; before it closes, it may end the other's request, as a cancel or a message of inproc does, or
 * close the other's socket. The requests end by their ops too, whose packets any poller takes. A call
 * that blocks may be out on a thread of its own, and may be what the first thread waits for. The second
 * thread's socket listens: its close waits for the op too, whether it is the last one or not. The
 * kernel; the watchman, in three places, since one may be about to return when the next one starts; and
 * whoever calls into the library next, once a wake-up could not be posted.
 *
 * Bounds: ROUNDS of the first thread, one of the second; one op for each socket; one wake-up that is
 * not posted; no timers, no callbacks. A condition wakes nobody by itself. Time passes only where a
 * wait has a limit, and not for the watchman's doze while somebody closes.
 *
 * STRICT_CALLBACK asks for more than the design promises; README.md.
 */
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef POSTS_FAIL
#define POSTS_FAIL 1
#endif

#define NOBODY   3
#define WATCHMAN 2 /* the threads of the program are 0 and 1 */

/* enum waiter_place */
#define AWAKE   0
#define ASLEEP  1
#define POLLING 2
byte place[3];
bool blocked[3]; /* on its own condition, not signalled yet */
bool sleeper[2]; /* in loop.sleepers */

/* enum watchman_state */
#define WATCHMAN_NONE   0
#define WATCHMAN_AWAKE  1
#define WATCHMAN_DOZING 2
#define WATCHMAN_ASLEEP 3
byte watchman_state;

byte lock = NOBODY;
byte poller = NOBODY;
bool polls; /* it changed since the watchman looked */
byte sockets, enders, unlistened;
bool watchman_left;
bool ending[2]; /* waits for loop.ended, not signalled yet */
bool hasty;     /* 50 ms pass at once: spry_loop_end may leave before the watchman */

/* The port. */
bool port_open;
bool waking, owed;
bool unposted = POSTS_FAIL == 0; /* PostQueuedCompletionStatus failed, to the end */
byte wakes; /* packets that wake */
byte inside; /* threads in spry_port_wait */
byte attached, in_flight;

/* The op of each socket. */
#define CALL_NONE    0
#define CALL_PENDING 1
#define CALL_QUEUED  2
#define CALL_TAKEN   3 /* in loop.completed, or on its way there */
byte call[2];
bool shut[2]; /* its descriptor was closed */

/* The request of each thread. */
bool waits[2];
bool done[2];
bool robbed[2]; /* the other thread closed its socket */

/* The call that blocks, and what it leaves in loop.completed. */
bool out, posted;
bool bare; /* the first thread has no connection and waits for that call */

/* Where a watchman's thread is. */
#define THREAD_NONE  0
#define THREAD_RUNS  1
#define THREAD_ENDED 2
byte thread[3];
bool detached[3];
byte current; /* loop.watchman_thread */

bool returned[2];

#ifdef STRICT_CALLBACK
bool called, calling; /* the watchman is in a callback of the program's */
#else
#define calling false
#endif

#define HELD          assert(lock == me)
#define loop_busy     posted
#define poller_needed (loop_busy || attached > 0)
#define nobody_sleeps (!sleeper[0] && !sleeper[1])
#define loop_ending                                                                       \
    (unlistened > 0 || (sockets == 0 && watchman_state != WATCHMAN_NONE && !out && !calling))

#define mutex_lock()   atomic { lock == NOBODY -> lock = me }
#define mutex_unlock() atomic { HELD; lock = NOBODY }

/* ---- waking ---- */

/* spry_port_wake */
inline port_wake()
{
    if
    :: waking
    :: else ->
        waking = true;
        if
        :: !unposted ->
            unposted = true;
#ifndef MUTANT_NOT_OWED
            owed = true;
#endif
#ifndef MUTANT_OWED_AND_SET
            waking = false
#endif
#ifdef MUTANT_NO_WAKE
        :: true
#else
        :: wakes++
#endif
        fi;
        assert(port_open && wakes < 4)
    fi
}

/* spry_port_check */
inline port_check()
{
    if
    :: owed -> owed = false; port_wake()
    :: else
    fi
}

inline rouse(_w)
{
    if
    :: place[_w] == ASLEEP -> blocked[_w] = false
    :: place[_w] == POLLING -> port_wake()
    :: else
    fi
}

/* Wakes one of those who wait, if any. */
inline signal_ended()
{
    if
    :: ending[0] -> ending[0] = false
    :: ending[1] -> ending[1] = false
    :: !ending[0] && !ending[1]
    fi
}

inline poller_set(_w)
{
    poller = _w;
    polls = true
}

inline promoted(_w)
{
    sleeper[_w] = false;
    poller_set(_w);
    rouse(_w)
}

inline poller_promote()
{
    if
    :: poller != NOBODY -> poller_set(NOBODY)
    :: else
    fi;
    if
    :: poller_needed && sleeper[0] -> promoted(0)
    :: poller_needed && sleeper[1] -> promoted(1)
    :: poller_needed && nobody_sleeps && watchman_state == WATCHMAN_ASLEEP ->
        blocked[WATCHMAN] = false
    :: else
    fi
}

inline poller_check()
{
    port_check();
    if
#ifndef MUTANT_LAST_OP_UNTOLD
    :: sockets == 0 && in_flight == 0 -> rouse(WATCHMAN)
#endif
    :: else
    fi;
    if
    :: poller == NOBODY ->
        if
        :: !nobody_sleeps || watchman_state == WATCHMAN_ASLEEP -> poller_promote()
        :: else
        fi
    :: else ->
        if
        :: place[poller] != AWAKE && (loop_busy || (place[poller] == ASLEEP && attached > 0)) ->
            rouse(poller)
        :: else
        fi
    fi
}

/* spry_request_finish with waiter_finished */
inline finish(_t)
{
    assert(waits[_t] && !done[_t]);
    done[_t] = true;
    if
    :: poller == _t && place[_t] == ASLEEP -> poller_promote()
    :: else
    fi;
    rouse(_t)
}

/* ---- settle ---- */

inline completion(_t)
{
    if
    :: call[_t] == CALL_TAKEN ->
        call[_t] = CALL_NONE;
        assert(in_flight > 0);
        in_flight--;
        if
        :: shut[_t] -> /* stream_reap */
            shut[_t] = false;
            assert(attached > 0);
            attached--;
            if
            :: _t == 1 -> assert(unlistened > 0); unlistened--; signal_ended() /* instance_gone */
            :: else
            fi
        :: !shut[_t] && waits[_t] && !done[_t] -> finish(_t)
        :: else
        fi
    :: else
    fi
}

/* What the call that blocks has left; a thread may wait for it. */
inline run_posted()
{
    if
    :: posted ->
        posted = false;
        if
        :: bare && waits[0] && !done[0] -> finish(0)
        :: else
        fi
    :: else
    fi
}

inline settle()
{
    HELD;
    completion(0);
    completion(1);
    run_posted()
}

/* ---- the poller ---- */

/* All packets that are there. */
inline port_wait()
{
    atomic {
        wakes > 0 || call[0] == CALL_QUEUED || call[1] == CALL_QUEUED || busy ->
        assert(port_open);
        wakes = 0;
        if :: call[0] == CALL_QUEUED -> call[0] = CALL_TAKEN; takes[0] = true :: else fi;
        if :: call[1] == CALL_QUEUED -> call[1] = CALL_TAKEN; takes[1] = true :: else fi
    };
#ifdef MUTANT_FLAG_KEPT
    atomic { inside-- }
#else
    atomic { waking = false; inside-- }
#endif
}

/* What this thread took is known to nobody until it has the lock. */
inline took(_t)
{
    if
    :: takes[_t] -> takes[_t] = false; completion(_t)
    :: else
    fi
}

inline cond_wait()
{
    HELD;
    place[me] = ASLEEP;
    blocked[me] = true;
    lock = NOBODY
}

inline loop_poll()
{
    if
    :: attached > 0 ->
        atomic { HELD; busy = loop_busy; place[me] = POLLING; inside++; lock = NOBODY };
        port_wait();
        atomic {
            mutex_lock();
            busy = false;
            place[me] = AWAKE;
            took(0);
            took(1);
            run_posted()
        }
    :: else ->
        if
        :: !loop_busy ->
            atomic { cond_wait() };
            atomic { !blocked[me] && lock == NOBODY -> lock = me; place[me] = AWAKE }
        :: else /* its deadline is over */
        fi;
        atomic { run_posted() }
    fi
}

/* ---- threads that block ---- */

inline waiter_sleep()
{
    atomic {
        sleeper[me] = true;
        if
        :: poller == WATCHMAN -> rouse(WATCHMAN)
        :: else
        fi
    };
    do
    :: !done[me] && poller != me ->
        atomic { cond_wait() };
        atomic { !blocked[me] && lock == NOBODY -> lock = me }
    :: else -> break
    od;
    atomic { place[me] = AWAKE; sleeper[me] = false }
}

inline waiter_wait()
{
    atomic { settle() };
    do
    :: !done[me] ->
        atomic {
            if
            :: poller == NOBODY -> poller_set(me)
            :: else
            fi
        };
        if
        :: poller == me -> loop_poll()
        :: else ->
            atomic { poller_check() };
            waiter_sleep()
        fi
    :: else -> break
    od;
    atomic {
        if
#ifndef MUTANT_ROLE_KEPT
        :: poller == me -> poller_promote()
#endif
        :: else
        fi
    }
}

/* ---- the watchman's thread ---- */

inline thread_detach(_p)
{
    assert(thread[_p] == THREAD_RUNS && !detached[_p]);
    detached[_p] = true
}

/* Whoever cleared the flag joins, without the lock. */
inline watchman_join()
{
    do
    :: atomic {
           watchman_left ->
           joined = current;
#ifndef MUTANT_JOINED_TWICE
           watchman_left = false;
#endif
           mutex_unlock()
       };
       atomic {
           thread[joined] != THREAD_RUNS ->
           assert(!detached[joined]);
           assert(thread[joined] == THREAD_ENDED); /* nobody joined it yet */
           thread[joined] = THREAD_NONE
       };
       atomic {
           mutex_lock();
#ifdef MUTANT_JOINED_TWICE
           watchman_left = false;
#endif
           joined = 0
       }
#ifdef MUTANT_JOINED_ONCE
       ; break
#endif
    :: else -> break
    od
}

/* Its end: the loop is as it was before its first socket. */
inline watchman_over()
{
    over = !(sockets > 0 || in_flight > 0 || poller != NOBODY || loop_busy);
#ifdef MUTANT_OVER_IN_FLIGHT
    over = !(sockets > 0 || poller != NOBODY || loop_busy);
#endif
#ifdef MUTANT_OVER_POLLER
    over = !(sockets > 0 || in_flight > 0 || loop_busy);
#endif
#ifdef MUTANT_OVER_BUSY
    over = !(sockets > 0 || in_flight > 0 || poller != NOBODY);
#endif
    if
    :: over ->
        /* spry_port_close */
        assert(port_open && inside == 0 && attached == 0 && in_flight == 0);
        assert(call[0] == CALL_NONE && call[1] == CALL_NONE && !posted);
        port_open = false;
        wakes = 0;
        waking = false;
        owed = false;
        watchman_state = WATCHMAN_NONE;
#if defined(MUTANT_NEVER_JOINED)
        watchman_left = false;
#elif defined(MUTANT_ALWAYS_LEFT)
        watchman_left = true;
#else
        watchman_left = enders > 0;
        if
        :: !watchman_left -> thread_detach(current)
        :: else
        fi;
#endif
#ifndef MUTANT_NO_SIGNAL
        signal_ended()
#endif
    :: else
    fi
}

inline watchman_sleep(_state, _limited)
{
    atomic { watchman_state = _state; cond_wait() };
    atomic {
        (!blocked[me] || (_limited && enders == 0)) && lock == NOBODY -> lock = me;
        blocked[me] = false;
        place[me] = AWAKE;
        watchman_state = WATCHMAN_AWAKE
    }
}

inline watchman_poll()
{
    atomic { poller_set(me) };
    do
    :: true ->
        loop_poll();
        if
        :: nobody_sleeps && sockets > 0 && poller_needed && poller == me
        :: else -> break
        fi
    od;
    atomic {
        if
        :: poller == me -> poller_promote()
        :: else
        fi
    }
}

#ifdef MUTANT_DOZES_AT_END
#define dozes (!quiet && !loop_busy)
#else
#define dozes (!quiet && !loop_busy && enders == 0)
#endif

proctype watchman(byte it)
{
    bool takes[2], busy, over, quiet;
    byte me = WATCHMAN;

end:
    do
    :: atomic { thread[it] == THREAD_RUNS && lock == NOBODY -> lock = me };
       do
       :: atomic {
              HELD;
              watchman_over();
              if
              :: over -> over = false; break
              :: else -> quiet = !polls; polls = false
              fi
          };
          if
#ifdef STRICT_CALLBACK
          :: !called ->
              atomic { called = true; calling = true; signal_ended(); mutex_unlock() };
              atomic { /* of the program's; not short */
                  returned[0] && returned[1] && lock == NOBODY -> lock = me;
                  calling = false;
                  settle();
                  poller_check()
              }
#endif
          :: dozes -> watchman_sleep(WATCHMAN_DOZING, true)
          :: !dozes && (poller != NOBODY || !poller_needed) ->
              watchman_sleep(WATCHMAN_ASLEEP, false)
          :: !dozes && poller == NOBODY && poller_needed -> watchman_poll()
          fi
       od;
       atomic { quiet = false; mutex_unlock() };
       atomic { /* returns */
           if
           :: detached[it] -> detached[it] = false; thread[it] = THREAD_NONE
           :: else -> thread[it] = THREAD_ENDED
           fi
       }
    od
}

/* ---- the program's threads ---- */

/* Without its beginning, which joins. */
inline loop_hold()
{
    if
    :: watchman_state != WATCHMAN_NONE -> sockets++; signal_ended()
    :: else ->
#ifdef MUTANT_HOLD_JOINS_LATE
        watchman_join();
#endif
        assert(!port_open && wakes == 0);
        port_open = true;
        place[WATCHMAN] = AWAKE;
        assert(!watchman_left); /* nobody would join it any more */
        if
        :: thread[0] == THREAD_NONE -> current = 0
        :: thread[0] != THREAD_NONE && thread[1] == THREAD_NONE -> current = 1
        :: thread[0] != THREAD_NONE && thread[1] != THREAD_NONE -> current = 2
        fi;
        assert(thread[current] == THREAD_NONE);
        thread[current] = THREAD_RUNS;
        polls = true; /* seen = polls - 1 */
        watchman_state = WATCHMAN_AWAKE;
        sockets++
    fi
}

inline loop_end()
{
    atomic {
        settle();
        poller_check();
        enders++;
        if
#ifndef MUTANT_NOT_ROUSED
        :: loop_ending -> rouse(WATCHMAN)
#endif
        :: else
        fi
    };
    do
    :: loop_ending && hasty -> break
    :: loop_ending ->
        atomic { ending[me] = true; mutex_unlock() };
        atomic { (!ending[me] || hasty) && lock == NOBODY -> lock = me };
        if
        :: hasty -> break
        :: !hasty
        fi
    :: else -> break
    od;
    atomic {
        ending[me] = false;
        /* When close returns, the thread and the port are gone, unless time ran out. */
        assert(hasty || unlistened == 0);
        assert(hasty || sockets > 0 || out || calling || watchman_state == WATCHMAN_NONE);
        enders--
    };
    watchman_join();
    atomic { signal_ended() }
}

/* The op may still be in flight, and its packet late. spry_loop_release */
inline socket_close(_t)
{
    if
    :: _t == 0 && bare -> bare = false
    :: !(_t == 0 && bare) && call[_t] == CALL_NONE -> attached--
    :: else ->
        shut[_t] = true;
        if
        :: _t == 1 -> unlistened++ /* name_unbind */
        :: else
        fi
#ifdef MUTANT_DETACHED_AT_CLOSE
        ; attached--
#endif
    fi;
    sockets--;
    if
    :: sockets == 0 -> rouse(WATCHMAN)
    :: else
    fi
}

proctype app(byte me; byte rounds)
{
    bool takes[2], busy, mine;
    byte joined, other = 1 - me;

    do
    :: rounds > 0 ->
        rounds--;
        mutex_lock();
#if !defined(MUTANT_HOLD_WITHOUT_JOIN) && !defined(MUTANT_HOLD_JOINS_LATE)
        watchman_join();
#endif
        atomic {
            loop_hold();
            if
            :: rounds == 0 && me == 0 -> out = true; in_flight++ /* spry_offload */
            :: rounds == 0 && me == 0 -> out = true; in_flight++; bare = true
            :: true
            fi;
            if
            :: me == 0 && bare
            :: else -> /* a connection with its op */
                attached++;
                in_flight++;
                call[me] = CALL_PENDING
            fi;
            waits[me] = true
        };
        waiter_wait();
        atomic {
            waits[me] = false;
            done[me] = false;
            settle();
            poller_check();
            mutex_unlock()
        };
        /* May stay out of the library as long as the other closes. */
        if
        :: true
        :: true -> enders == 0
        fi;
        atomic {
            mutex_lock();
            /* The other's request may end by this thread, and its socket too. */
            if
            :: waits[other] && !done[other] -> finish(other)
            :: waits[other] && !done[other] ->
                finish(other);
                socket_close(other);
                robbed[other] = true
            :: true
            fi;
            mine = !robbed[me];
            robbed[me] = false;
            if
            :: mine -> socket_close(me)
            :: else
            fi
        };
        if
        :: mine -> loop_end()
        :: else
        fi;
        mine = false;
        /* spry_loop_leave; a second round needs the op of the first to be over */
        atomic { settle(); poller_check(); mutex_unlock() };
        atomic { call[me] == CALL_NONE }
    :: else -> break
    od;
    returned[me] = true
}

/* offload_main: it is about to end, and leaves its work to others. */
proctype offload()
{
    byte me = 4;

end:
    do
    :: atomic {
           out && lock == NOBODY -> lock = me;
           posted = true;
           in_flight--;
           out = false;
           poller_check();
           mutex_unlock()
       }
    od
}

/* Another call into the library, whichever, comes sooner or later. */
proctype caller()
{
    byte me = 5;

end:
    do
    :: atomic { owed && lock == NOBODY -> lock = me; settle(); poller_check(); mutex_unlock() }
    od
}

/* An op of a socket whose request is over is silent until its descriptor is closed. */
proctype kernel()
{
end:
    do
    :: atomic { call[0] == CALL_PENDING && (shut[0] || !done[0] && waits[0]) -> call[0] = CALL_QUEUED }
    :: atomic { call[1] == CALL_PENDING && (shut[1] || !done[1] && waits[1]) -> call[1] = CALL_QUEUED }
    od
}

#ifndef LTL
proctype judge()
{
    timeout;
    assert(returned[0] && returned[1]); /* nobody waits for ever */
    assert(lock == NOBODY && poller == NOBODY && sockets == 0 && enders == 0);
    assert(in_flight == 0 && attached == 0 && inside == 0 && unlistened == 0 && !posted);
    assert(!port_open && watchman_state == WATCHMAN_NONE);
    assert(!watchman_left);
    /* Joined once or detached once; the one that was joined is not there any more. */
    assert(thread[0] == THREAD_NONE && thread[1] == THREAD_NONE && thread[2] == THREAD_NONE)
}
#else
ltl finished_returns { [] (done[0] -> <> !done[0]) && [] (done[1] -> <> !done[1]) }
#endif

init
{
    atomic {
        if :: hasty = true :: hasty = false fi;
        run app(0, ROUNDS);
        run app(1, 1);
        run watchman(0);
        run watchman(1);
        run watchman(2);
        run offload();
        run caller();
        run kernel();
#ifndef LTL
        run judge()
#endif
    }
}
