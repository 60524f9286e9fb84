/*
 * The loop: the poller role, the wake-ups, the watchman, the end after the last socket and the start
 * that follows.
 *
 * It mirrors lib/loop.c (waiter_rouse, poller_promote, poller_check, loop_poll, waiter_finished,
 * spry_waiter_wait, waiter_sleep, watchman_poll, watchman_over, watchman_join, watchman_main,
 * spry_loop_pass, spry_loop_hold, spry_loop_release, enders_rouse, ender_wait, spry_loop_end) over
 * lib/port/windows/port.c (spry_port_wait, spry_port_wake with its flag, spry_port_check). An op is
 * here what op.pml shows it to be.
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
 * not posted; no timers; with CALLBACKS one callback, on the watchman's thread, which may
 * close either socket and may last until both threads are through; with RUNNER one op that another
 * thread has off-lock. A condition wakes nobody by itself. Time passes only where a wait has a limit,
 * and not for the watchman's doze while somebody closes; a closer's 50 ms pass only if `hasty`, so that
 * otherwise a close must get on without.
 *
 * Every run comes to an end, whoever is scheduled: there is no cycle (-DNP, -l), and at the end
 * the judge finds all at rest.
 */
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef CALLBACKS
#define CALLBACKS 0
#endif
#ifndef POSTS_FAIL
#define POSTS_FAIL 1
#endif

#define NOBODY   4
#define CALLBACK 3 /* the watchman's thread, in a callback of the program's */
#define WATCHMAN 2 /* the threads of the program are 0 and 1 */

/* enum waiter_place */
#define AWAKE   0
#define ASLEEP  1
#define POLLING 2
byte place[4];   /* of a thread's waiter, be it for a request or that of spry_loop_end */
bool blocked[4]; /* on its own condition, not signalled yet */
bool sleeper[4]; /* in loop.sleepers */
bool ender[4];   /* in loop.enders */

/* enum watchman_state */
#define WATCHMAN_NONE   0
#define WATCHMAN_AWAKE  1
#define WATCHMAN_DOZING 2
#define WATCHMAN_ASLEEP 3
byte watchman_state;

byte lock = NOBODY;
byte poller = NOBODY;
bool polls; /* it changed since the watchman looked */
byte sockets, unlistened;
bool watchman_left;
bool hasty; /* 50 ms pass at any time: spry_loop_end may leave before the watchman */

/* The port. */
bool port_open;
bool waking;
#if POSTS_FAIL
bool owed;
bool unposted; /* PostQueuedCompletionStatus failed, to the end */
#endif
byte wakes; /* packets that wake */
byte inside; /* threads in spry_port_wait */
byte attached, in_flight;

/* The op of each socket. */
#define CALL_NONE    0
#define CALL_PENDING 1
#define CALL_QUEUED  2
#define CALL_TAKEN   3 /* in the hands of a thread: `takes` */
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

#if CALLBACKS
bool called, callbacks; /* the callback was asked for; it is in loop.callbacks */
bool calling;           /* the watchman is in it */
#else
#define callbacks false
#define calling   false
#endif

#define HELD          assert(lock == me)
#define loop_busy     posted
#define poller_needed (loop_busy || attached > 0)
#if CALLBACKS
#define nobody_sleeps (!sleeper[0] && !sleeper[1] && !sleeper[CALLBACK])
#define nobody_ends   (!ender[0] && !ender[1] && !ender[CALLBACK])
#else
#define nobody_sleeps (!sleeper[0] && !sleeper[1])
#define nobody_ends   (!ender[0] && !ender[1])
#endif
#define loop_ending                                                                       \
    (unlistened > 0 || (sockets == 0 && watchman_state != WATCHMAN_NONE && !out && !calling))
#define enders_poll (loop_ending && (unlistened > 0 || in_flight > 0))

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
#if POSTS_FAIL
        :: !unposted ->
            unposted = true;
#ifndef MUTANT_NOT_OWED
            owed = true;
#endif
#ifndef MUTANT_OWED_AND_SET
            waking = false
#endif
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
#if POSTS_FAIL
    if
    :: owed -> owed = false; port_wake()
    :: else
    fi
#else
    skip
#endif
}

inline rouse(_w)
{
    if
    :: place[_w] == ASLEEP -> blocked[_w] = false
    :: place[_w] == POLLING -> port_wake()
    :: else
    fi
}

inline ender_rouse(_w)
{
    if
    :: ender[_w] -> rouse(_w)
    :: else
    fi
}

inline enders_rouse()
{
    ender_rouse(0);
    ender_rouse(1)
#if CALLBACKS
    ; ender_rouse(CALLBACK)
#endif
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
#if CALLBACKS
    :: poller_needed && sleeper[CALLBACK] -> promoted(CALLBACK)
#endif
    :: poller_needed && nobody_sleeps && watchman_state == WATCHMAN_ASLEEP ->
        blocked[WATCHMAN] = false
    :: else
    fi
#ifdef MUTANT_KEPT_AWAKE
    ; enders_rouse()
#endif
}

#ifdef MUTANT_ENDER_KEPT
#define poller_over false
#else
#define poller_over (!nobody_ends && !enders_poll)
#endif

inline poller_check()
{
    port_check();
    if
#if defined(MUTANT_KEPT_AWAKE)
    :: sockets == 0 -> rouse(WATCHMAN)
#elif !defined(MUTANT_LAST_OP_UNTOLD)
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
        :: place[poller] != AWAKE &&
           (loop_busy || (place[poller] == ASLEEP && attached > 0) || poller_over) ->
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

inline loop_unlistened()
{
    assert(unlistened > 0);
    unlistened--;
#ifndef MUTANT_UNLISTENED_UNTOLD
    enders_rouse()
#endif
}

inline completion(_t)
{
    assert(call[_t] == CALL_TAKEN && in_flight > 0);
    call[_t] = CALL_NONE;
    in_flight--;
    if
    :: shut[_t] -> /* stream_reap */
        shut[_t] = false;
        assert(attached > 0);
        attached--;
        if
        :: _t == 1 -> loop_unlistened() /* instance_gone */
        :: else
        fi
    :: !shut[_t] && waits[_t] && !done[_t] -> finish(_t)
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

/* Whoever takes packets runs what they bring as soon as it has the lock (took). */
inline settle()
{
    HELD;
    run_posted()
}

/* ---- the poller ---- */

#define packets (wakes > 0 || call[0] == CALL_QUEUED || call[1] == CALL_QUEUED)

/* All packets that are there. */
inline port_wait(_limited)
{
    atomic {
        packets || busy || (_limited && hasty) ->
        assert(port_open);
        if :: !packets && !busy -> late = true :: else fi;
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

/* The lock again, after a signal or when the time is over. */
inline cond_woken(_limited)
{
    (!blocked[me] || (_limited && hasty)) && lock == NOBODY -> lock = me;
    if :: blocked[me] -> blocked[me] = false; late = true :: else fi
}

inline loop_poll(_limited)
{
    if
    :: attached > 0 ->
        atomic { HELD; busy = loop_busy; place[me] = POLLING; inside++; lock = NOBODY };
        port_wait(_limited);
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
            atomic { cond_woken(_limited); place[me] = AWAKE }
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
        :: poller == me -> loop_poll(false)
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
    over = !(sockets > 0 || in_flight > 0 || poller != NOBODY || loop_busy || callbacks);
#ifdef MUTANT_OVER_IN_FLIGHT
    over = !(sockets > 0 || poller != NOBODY || loop_busy || callbacks);
#endif
#ifdef MUTANT_OVER_POLLER
    over = !(sockets > 0 || in_flight > 0 || loop_busy || callbacks);
#endif
#ifdef MUTANT_OVER_BUSY
    over = !(sockets > 0 || in_flight > 0 || poller != NOBODY || callbacks);
#endif
    if
    :: over ->
        /* spry_port_close */
        assert(port_open && inside == 0 && attached == 0 && in_flight == 0);
        assert(call[0] == CALL_NONE && call[1] == CALL_NONE && !posted);
        port_open = false;
        wakes = 0;
        waking = false;
#if POSTS_FAIL
        owed = false;
#endif
        watchman_state = WATCHMAN_NONE;
#if defined(MUTANT_NEVER_JOINED)
        watchman_left = false;
#elif defined(MUTANT_ALWAYS_LEFT)
        watchman_left = true;
#else
        watchman_left = !nobody_ends;
        if
        :: !watchman_left -> thread_detach(current)
        :: else
        fi;
#endif
#ifndef MUTANT_NO_SIGNAL
        enders_rouse()
#endif
    :: else
    fi
}

inline watchman_sleep(_state, _limited)
{
    atomic { watchman_state = _state; cond_wait() };
    atomic {
        (!blocked[me] || (_limited && nobody_ends)) && lock == NOBODY -> lock = me;
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
        loop_poll(false);
        if
        :: nobody_sleeps && !callbacks && sockets > 0 && poller_needed && poller == me
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

/* ---- the end of a close ---- */

/* One wait of a closer. */
inline ender_wait()
{
    atomic {
#ifndef MUTANT_ENDER_IDLE
        polling = enders_poll;
#endif
        if
        :: polling && poller == NOBODY -> poller_set(me)
        :: else
        fi
    };
    if
    :: polling && poller == me -> loop_poll(true)
    :: else ->
        atomic {
            if
#ifndef MUTANT_ENDER_STAYS
            :: poller == me -> poller_promote()
#endif
            :: else
            fi;
#ifndef MUTANT_NOT_ROUSED
            poller_check();
#endif
#if !defined(MUTANT_ENDER_APART) && !defined(MUTANT_KEPT_AWAKE)
            sleeper[me] = polling;
#endif
            cond_wait()
        };
        atomic { cond_woken(true); place[me] = AWAKE; sleeper[me] = false }
    fi;
    polling = false
}

inline loop_end()
{
    atomic { ender[me] = true; settle() };
    do
    :: loop_ending && hasty -> break
    :: loop_ending && !late -> ender_wait()
    :: !loop_ending -> break
    od;
    atomic {
        late = false;
        /* When close returns, the thread and the port are gone, unless time ran out. */
        assert(hasty || unlistened == 0);
        assert(hasty || sockets > 0 || out || calling || watchman_state == WATCHMAN_NONE);
        ender[me] = false;
        if
#ifndef MUTANT_ENDER_ROLE_KEPT
        :: poller == me -> poller_promote()
#endif
        :: else
        fi
    };
    watchman_join()
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

/* Another's request ends by this thread, and its socket too. */
inline rob(_t)
{
    finish(_t);
    socket_close(_t);
    robbed[_t] = true
}

#if CALLBACKS
inline callback_tells()
{
#ifdef MUTANT_CALLING_UNTOLD
    skip
#else
    enders_rouse()
#endif
}

/* It may close a socket, and may be long. */
inline callback_run()
{
    atomic { callbacks = false; calling = true; callback_tells(); mutex_unlock(); me = CALLBACK };
    if
    :: atomic { waits[0] && !done[0] && lock == NOBODY -> lock = me; rob(0) }; robs = true
    :: atomic { waits[1] && !done[1] && lock == NOBODY -> lock = me; rob(1) }; robs = true
    :: true
    fi;
    if
    :: robs ->
        robs = false;
        loop_end();
        atomic { settle(); poller_check(); mutex_unlock() } /* spry_loop_leave */
    :: else
    fi;
    if
    :: true
    :: true -> returned[0] && returned[1]
    fi;
    atomic {
        me = WATCHMAN;
        mutex_lock();
        calling = false;
        settle();
        poller_check()
    }
}

#endif

#define dozes (!quiet && !loop_busy && nobody_ends)

proctype watchman(byte it)
{
    bool takes[2], busy, over, quiet, robs, polling, late;
    byte me = WATCHMAN, joined;

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
#if CALLBACKS
          :: callbacks -> callback_run()
#endif
          :: !callbacks && dozes -> watchman_sleep(WATCHMAN_DOZING, true)
          :: !callbacks && !dozes && (poller != NOBODY || !poller_needed) ->
              watchman_sleep(WATCHMAN_ASLEEP, false)
          :: !callbacks && !dozes && poller == NOBODY && poller_needed -> watchman_poll()
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
    :: watchman_state != WATCHMAN_NONE ->
        sockets++;
#ifndef MUTANT_HOLD_UNTOLD
        enders_rouse()
#endif
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
#if ROUNDS > 1
        :: thread[0] != THREAD_NONE && thread[1] != THREAD_NONE -> current = 2
#endif
        fi;
        assert(thread[current] == THREAD_NONE);
        thread[current] = THREAD_RUNS;
        polls = true; /* seen = polls - 1 */
        watchman_state = WATCHMAN_AWAKE;
        sockets++
    fi
}

proctype app(byte me; byte rounds)
{
    bool takes[2], busy, mine, polling, late;
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
        :: true -> nobody_ends
        fi;
        atomic {
            mutex_lock();
            /* The other's request may end by this thread, and its socket too. */
            if
            :: waits[other] && !done[other] -> finish(other)
            :: waits[other] && !done[other] -> rob(other)
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
        /* spry_loop_leave; another round needs the op of this one to be over */
        atomic { settle(); poller_check(); mutex_unlock() };
        atomic { rounds == 0 || call[me] == CALL_NONE }
    :: else -> break
    od;
    returned[me] = true
}

/* offload_main: it is about to end, and leaves its work to others. */
proctype offload()
{
    byte me = 5;

end:
    do
    :: atomic {
           out && lock == NOBODY -> lock = me;
           posted = true;
           in_flight--;
           out = false;
           if /* spry_loop_pass */
           :: poller == NOBODY -> rouse(WATCHMAN)
           :: else
           fi;
           poller_check();
           mutex_unlock()
       }
    od
}

#if CALLBACKS
/* spry_loop_callback, by whoever has the lock */
proctype asker()
{
    byte me = 7;

end:
    do
    :: atomic {
           !called && port_open && lock == NOBODY -> lock = me;
           called = true;
           callbacks = true;
           rouse(WATCHMAN);
           mutex_unlock()
       }
    od
}

#endif

#if POSTS_FAIL
/* Another call into the library, whichever, comes sooner or later. */
proctype caller()
{
    byte me = 6;

end:
    do
    :: atomic { owed && lock == NOBODY -> lock = me; settle(); poller_check(); mutex_unlock() }
    od
}

#endif

#ifdef RUNNER
inline run_op(_t)
{
    call[_t] = CALL_TAKEN;
    takes[_t] = true;
    in_flight++;
    lock = NOBODY
}

/* A thread somewhere in the library whose loop_settle has an op in spry_port_run; once. */
proctype runner()
{
    bool takes[2];
    byte me = 8;

end:
    atomic {
        lock == NOBODY &&
        (call[0] == CALL_PENDING && shut[0] || call[1] == CALL_PENDING && shut[1]) ->
        lock = me;
        if
        :: call[0] == CALL_PENDING && shut[0] -> run_op(0)
        :: call[1] == CALL_PENDING && shut[1] -> run_op(1)
        fi
    };
    atomic {
        mutex_lock();
        in_flight--;
        took(0);
        took(1);
        settle();
        poller_check();
        mutex_unlock()
    }
}
#endif

/* An op of a socket whose request is over is silent until its descriptor is closed. */
proctype kernel()
{
end:
    do
    :: atomic { call[0] == CALL_PENDING && (shut[0] || !done[0] && waits[0]) -> call[0] = CALL_QUEUED }
    :: atomic { call[1] == CALL_PENDING && (shut[1] || !done[1] && waits[1]) -> call[1] = CALL_QUEUED }
    od
}

proctype judge()
{
    timeout;
    assert(returned[0] && returned[1]); /* nobody waits for ever */
    assert(lock == NOBODY && poller == NOBODY && sockets == 0 && nobody_ends && nobody_sleeps);
    assert(in_flight == 0 && attached == 0 && inside == 0 && unlistened == 0 && !posted);
    assert(!port_open && watchman_state == WATCHMAN_NONE);
    assert(!watchman_left);
    /* Joined once or detached once; the one that was joined is not there any more. */
    assert(thread[0] == THREAD_NONE && thread[1] == THREAD_NONE && thread[2] == THREAD_NONE)
}

init
{
    atomic {
        if :: hasty = true :: hasty = false fi;
        run app(0, ROUNDS);
        run app(1, 1);
        run watchman(0);
        run watchman(1);
#if ROUNDS > 1
        run watchman(2);
#endif
        run offload();
#if POSTS_FAIL
        run caller();
#endif
#ifdef RUNNER
        run runner();
#endif
#if CALLBACKS
        run asker();
#endif
        run kernel();
        run judge()
    }
}
