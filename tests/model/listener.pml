/*
 * A listener of named pipes: the instances that wait for clients, their replacement, the timer for
 * what could not be made or connected, the close, and a second listen at the same name.
 *
 * It mirrors transports/ipc_windows.c (name_bind, name_unbind, name_drop, instance_create,
 * instance_arm, instances_arm, rearm, instance_connected, instance_close, instance_gone, ipc_listen,
 * ipc_stop), of transports/stream.c spry_stream_open, write_done, stream_fail, spry_stream_close and
 * stream_reap, and the wait of spry_loop_end. An op is here what op.pml shows it to be: exactly one
 * completion, at any time.
 *
 * Processes: the listener's owner; a poller, who also runs what was done at once; the timer;
 * clients, who come and leave whenever they like; the kernel.
 *
 * Bounds: ARMED instances that wait, INSTANCES at a time in all (more is "no memory"); one client that
 * comes VISITS times and one that comes once; LISTENS listens; FAILURES of CreateNamedPipe or
 * ConnectNamedPipe besides ERROR_NO_DATA.
 *
 * STRICT_AGAIN asks for more than the design promises; README.md.
 */
#define ARMED     2
#define INSTANCES 4
#ifndef LISTENS
#define LISTENS   1
#endif
#if LISTENS == 1
#define VISITS    2
#define FAILURES  2
#else
#define VISITS    1
#define FAILURES  1
#endif

/* A place for an instance, and its stream's phase. */
#define STREAM_NONE       0
#define STREAM_CONNECTING 1
#define STREAM_OPEN       2
#define STREAM_CLOSED     3
byte phase[INSTANCES];
bool opened[INSTANCES]; /* the handle; at most one CloseHandle */

/* The pipe in the kernel: waiting, with a client (its number), left by its client. */
#define NOBODY 0
#define LEFT   255
byte peer[INSTANCES];
bool kept[3]; /* a client still has its end of an instance that was closed */

/* The op that the stream has under way: its connect, then its hello and what follows. */
#define CALL_NONE    0
#define CALL_PENDING 1
#define CALL_DONE    2 /* its packet is queued, or it was done at once */
byte call[INSTANCES];

/* Its outcome. */
#define WELL   0
#define GONE   1 /* ERROR_NO_DATA: a client came and left */
#define FAILED 2
byte outcome[INSTANCES];

/* struct ipc, struct pipe_name and struct loop */
bool listening;
byte armed, open;
bool timer;
bool named; /* the name is in the list */
bool bound;
byte instances, leaving, unlistened;

/* What instance_arm returns. */
#define NOT_MADE 0
#define MADE     1
#define REFUSED  2 /* NNG_EADDRINUSE */

/* Since the pool was full last, one could not be made, or the last that waited not be connected. */
bool scarce;
byte failures = FAILURES;
bool hasty; /* 50 ms pass at once: spry_loop_end may leave before the instances are gone */
bool over;

byte lock; /* pid + 1 */
#define HELD    assert(lock == _pid + 1)
#define enter() atomic { lock == 0 -> lock = _pid + 1 }
/* The loop is left with the pool full, or somebody is going to see to it. */
#define leave()                                                              \
    atomic {                                                                 \
        HELD;                                                                \
        assert(!listening || armed == ARMED || timer);                       \
        assert(unlistened == leaving && leaving <= instances);               \
        lock = 0                                                             \
    }

/*
 * The system has the name while a handle of ours is open; it may have it while a call of a closed one
 * is not over (late), or while a client keeps its end.
 */
#define OPENED     (opened[0] || opened[1] || opened[2] || opened[3])
#define LATE(_i)   (!opened[_i] && call[_i] == CALL_PENDING)
#define ANY_LATE   (LATE(0) || LATE(1) || LATE(2) || LATE(3))
#define ANY_KEPT   (kept[1] || kept[2])
#define NONE_LEFT  (phase[0] != STREAM_NONE && phase[1] != STREAM_NONE && \
                    phase[2] != STREAM_NONE && phase[3] != STREAM_NONE)

inline free_place(_i)
{
    if
    :: phase[0] == STREAM_NONE -> _i = 0
    :: phase[0] != STREAM_NONE && phase[1] == STREAM_NONE -> _i = 1
    :: phase[0] != STREAM_NONE && phase[1] != STREAM_NONE && phase[2] == STREAM_NONE -> _i = 2
    :: else -> assert(phase[3] == STREAM_NONE); _i = 3
    fi
}

/* ---- names ---- */

inline name_drop()
{
    if
    :: bound || instances > 0
    :: else -> assert(named); named = false
    fi
}

inline name_unbind()
{
    bound = false;
#ifdef MUTANT_COUNTED_AGAIN
    unlistened = unlistened + instances;
#else
    unlistened = unlistened + instances - leaving;
#endif
    leaving = instances;
    name_drop()
}

/* ---- instances ---- */

/* The ops that are submitted; a connect may find its client there (535), or gone (232). */
inline connect_submit(_i)
{
    HELD;
    assert(opened[_i] && call[_i] == CALL_NONE);
    if
    :: peer[_i] == NOBODY -> call[_i] = CALL_PENDING
    :: failures > 0 -> failures--; call[_i] = CALL_DONE; outcome[_i] = FAILED
    :: peer[_i] == LEFT -> call[_i] = CALL_DONE; outcome[_i] = GONE
    :: peer[_i] != NOBODY && peer[_i] != LEFT -> call[_i] = CALL_DONE; outcome[_i] = WELL
    fi
}

inline hello_submit(_i)
{
    HELD;
    assert(opened[_i] && call[_i] == CALL_NONE);
    call[_i] = CALL_PENDING
}

/* stream_reap and instance_gone */
inline stream_reap(_i)
{
    if
    :: phase[_i] == STREAM_CLOSED && call[_i] == CALL_NONE ->
        assert(!opened[_i]);
        phase[_i] = STREAM_NONE;
        assert(instances > 0 && named);
        instances--;
#ifndef MUTANT_NEVER_GONE
        if
        :: leaving > 0 -> assert(unlistened > 0); leaving--; unlistened--
        :: else
        fi;
#endif
        name_drop()
    :: else
    fi
}

/* spry_stream_close, without the reaping, which comes by stream_work. */
inline stream_close(_i)
{
    HELD;
    phase[_i] = STREAM_CLOSED;
    assert(opened[_i]);
    opened[_i] = false;
    if
    :: peer[_i] == 1 || peer[_i] == 2 -> kept[peer[_i]] = true
    :: else
    fi;
    peer[_i] = NOBODY
}

inline instance_close(_i)
{
    assert(open > 0);
    open--;
    stream_close(_i)
}

/* instance_create and instance_arm; between the two system calls a client may come and go. */
#ifdef MUTANT_FIRST_BY_STREAMS
#define INSISTS (instances == 0)
#else
#define INSISTS (open == 0) /* FILE_FLAG_FIRST_PIPE_INSTANCE */
#endif
inline instance_arm(_i)
{
    atomic {
        HELD;
        assert(!INSISTS || !OPENED); /* or we are refused for our own */
        assert(INSISTS || OPENED);   /* or we join whoever took the name meanwhile */
        if
        :: NONE_LEFT -> made = NOT_MADE
        :: failures > 0 -> failures--; made = NOT_MADE
        :: INSISTS && (ANY_LATE || ANY_KEPT) ->
            assert(instances > 0 || ANY_KEPT);
            made = REFUSED
        :: !NONE_LEFT ->
            free_place(_i);
            made = MADE;
            phase[_i] = STREAM_CONNECTING;
            opened[_i] = true;
            peer[_i] = NOBODY
        fi
    };
    atomic {
        if
        :: made == MADE -> connect_submit(_i); instances++; armed++; open++
        :: else -> scarce = true
        fi
    }
}

inline instances_arm()
{
    made = MADE;
    do
    :: armed < ARMED && made == MADE -> instance_arm(fresh)
    :: else -> break
    od;
    atomic {
        fresh = 0;
        if
        :: made == MADE -> assert(armed == ARMED); scarce = false
        :: else -> timer = true
        fi;
        made = NOT_MADE
    }
}

/* instance_connected: the replacement is there before the client has a word with us, or is closed. */
inline instance_connected(_i)
{
    atomic { assert(listening && armed > 0); armed-- };
    if
#if defined(MUTANT_REPLACE_LATER)
    :: outcome[_i] == WELL -> timer = true /* when its turn comes */
    :: outcome[_i] == GONE -> instances_arm()
#elif defined(MUTANT_GONE_LATER)
    :: outcome[_i] == WELL -> instances_arm()
    :: outcome[_i] == GONE -> timer = true
#else
    :: outcome[_i] != FAILED -> instances_arm()
#endif
#ifdef MUTANT_NO_TIMER
    :: else
#else
    :: outcome[_i] == FAILED ->
        atomic {
            timer = true;
            if
            :: armed == 0 -> scarce = true
            :: else
            fi
        }
#endif
    fi
}

/* write_done: of the connect, then of all that follows. */
inline done(_i)
{
    HELD;
    if
#ifdef MUTANT_LATE_CONNECTED
    :: phase[_i] != STREAM_OPEN -> instance_connected(_i)
#else
    :: phase[_i] == STREAM_CONNECTING -> instance_connected(_i)
#endif
    :: else
    fi;
    atomic {
        if
        :: phase[_i] == STREAM_CLOSED
        :: phase[_i] != STREAM_CLOSED && outcome[_i] != WELL -> /* stream_fail */
#ifdef MUTANT_FAILED_UNCOUNTED
            stream_close(_i)
#else
            instance_close(_i)
#endif
        :: phase[_i] == STREAM_CONNECTING && outcome[_i] == WELL ->
            phase[_i] = STREAM_OPEN;
            hello_submit(_i)
        :: phase[_i] == STREAM_OPEN && outcome[_i] == WELL -> hello_submit(_i)
        fi;
        outcome[_i] = WELL;
        stream_reap(_i);
        leave()
    }
}

/* ---- processes ---- */

inline carrier_close(_i)
{
    if
    :: opened[_i] -> instance_close(_i); stream_reap(_i)
    :: else
    fi
}

proctype owner()
{
    byte fresh, made, listens = LISTENS;

    do
    :: listens > 0 ->
        listens--;
        enter();
        /* ipc_listen */
        atomic {
            assert(!bound && !OPENED);
            named = true;
            bound = true;
            armed = 0;
            open = 0
        };
        instance_arm(fresh);
        if
#ifdef MUTANT_REFUSED_BY_OURS
        :: made == MADE ->
#else
        :: made == MADE || (made == REFUSED && instances > 0) ->
#endif
            listening = true;
            instances_arm();
            leave();
            /* Any time later, or when the pool is full, and that comes: */
            if
            :: true
            :: true -> armed == ARMED
            fi;
            /* spry_endpoint_close with ipc_stop */
            atomic {
                enter();
                listening = false;
#ifndef MUTANT_TIMER_LEFT
                timer = false;
#endif
                name_unbind();
#ifdef MUTANT_CLOSE_CONNECTED_LATER
                /* Leaves the connected ones to their end. */
                if :: phase[0] != STREAM_OPEN -> carrier_close(0) :: else fi;
                if :: phase[1] != STREAM_OPEN -> carrier_close(1) :: else fi;
                if :: phase[2] != STREAM_OPEN -> carrier_close(2) :: else fi;
                if :: phase[3] != STREAM_OPEN -> carrier_close(3) :: else fi;
#else
                carrier_close(0);
                carrier_close(1);
                carrier_close(2);
                carrier_close(3);
#endif
                assert(!OPENED); /* no handle of ours has the name when close returns */
                assert(open == 0);
                leave()
            };
            /* spry_loop_end */
            atomic {
                if
#if LISTENS > 1
                :: hasty
#endif
                :: !hasty && unlistened == 0 && lock == 0 -> assert(instances == 0 && !ANY_LATE)
                fi
            }
        :: else ->
            atomic {
                /* Not for what is ours: that is going, and is waited for. */
                assert(made != REFUSED || instances == 0);
#ifdef STRICT_AGAIN
                assert(made != REFUSED);
#endif
                name_unbind();
                scarce = false;
                made = NOT_MADE;
                leave()
            }
        fi
    :: else -> break
    od;
    over = true
}

inline take(_i)
{
    atomic { call[_i] == CALL_DONE && lock == 0 -> lock = _pid + 1; call[_i] = CALL_NONE };
    done(_i)
}

proctype poller()
{
    byte fresh, made;

end:
    do
    :: take(0)
    :: take(1)
    :: take(2)
    :: take(3)
    od
}

/* rearm */
proctype clock()
{
    byte fresh, made;

end:
    do
    :: atomic { timer && lock == 0 -> lock = _pid + 1; timer = false };
       assert(listening);
       instances_arm();
       leave()
    od
}

#define WAITS(_i) (opened[_i] && peer[_i] == NOBODY)

/* Opens the name, is let in, told "busy", or told that there is no such pipe. */
proctype client(byte me; byte visits)
{
end:
    do
    :: visits > 0 ->
        atomic {
            visits--;
            if
            :: WAITS(0) -> peer[0] = me
            :: WAITS(1) -> peer[1] = me
            :: WAITS(2) -> peer[2] = me
            :: WAITS(3) -> peer[3] = me
            :: (OPENED || ANY_LATE || ANY_KEPT) && !WAITS(0) && !WAITS(1) && !WAITS(2) && !WAITS(3)
                /* busy: tries again */
            :: !OPENED -> assert(!listening || scarce) /* there is no such pipe */
            fi
        };
        atomic { /* leaves */
            if :: peer[0] == me -> peer[0] = LEFT :: else fi;
            if :: peer[1] == me -> peer[1] = LEFT :: else fi;
            if :: peer[2] == me -> peer[2] = LEFT :: else fi;
            if :: peer[3] == me -> peer[3] = LEFT :: else fi;
            kept[me] = false
        }
    :: else -> break
    od
}

/* A pending op ends when there is reason to, and with any outcome once the handle is closed. */
inline end_op(_i)
{
    atomic {
        call[_i] == CALL_PENDING && (!opened[_i] || peer[_i] != NOBODY) ->
        if
        :: !opened[_i] || phase[_i] == STREAM_CONNECTING -> outcome[_i] = WELL
        :: opened[_i] && phase[_i] == STREAM_OPEN && peer[_i] == LEFT -> outcome[_i] = FAILED
        :: opened[_i] && phase[_i] == STREAM_CONNECTING && failures > 0 ->
            failures--;
            outcome[_i] = FAILED
        fi;
        call[_i] = CALL_DONE
    }
}

proctype kernel()
{
end:
    do
    :: end_op(0)
    :: end_op(1)
    :: end_op(2)
    :: end_op(3)
    od
}

proctype judge()
{
    timeout;
    assert(over && lock == 0 && !listening);
    assert(!OPENED && open == 0);
    assert(instances == 0 && leaving == 0 && unlistened == 0 && !named);
    assert(phase[0] == STREAM_NONE && phase[1] == STREAM_NONE);
    assert(phase[2] == STREAM_NONE && phase[3] == STREAM_NONE)
}

init
{
    atomic {
#if LISTENS > 1
        if :: hasty = true :: hasty = false fi;
#endif
        run owner();
        run poller();
        run clock();
        run client(1, VISITS);
        run client(2, 1);
        run kernel();
        run judge()
    }
}
