/*
 * A listener of named pipes: the instances that wait for clients, their replacement, the timer for
 * what could not be made or connected, the close, and a second listen at the same name.
 *
 * It mirrors transports/ipc_windows.c (name_bind, name_drop, instance_create, instance_arm,
 * instances_arm, rearm, instance_connected, instance_gone, ipc_listen, ipc_stop), and of
 * transports/stream.c spry_stream_open, write_done, stream_fail, spry_stream_close and stream_reap. An
 * op is here what op.pml shows it to be: exactly one completion, at any time.
 *
 * Processes: the listener's owner; a poller, who also runs what was done at once; the timer;
 * clients, who come and leave whenever they like; the kernel.
 *
 * Bounds: ARMED instances that wait, INSTANCES at a time in all (more is "no memory"); one client that
 * comes VISITS times and one that comes once; LISTENS listens; FAILURES of CreateNamedPipe or
 * ConnectNamedPipe besides ERROR_NO_DATA.
 *
 * STRICT_FOUND and STRICT_JOIN ask for more than the design promises; README.md.
 */
#define ARMED     2
#define INSTANCES 4
#ifndef FAILURES
#define FAILURES  1
#endif
#ifndef LISTENS
#define LISTENS   1
#endif
#if LISTENS == 1
#define VISITS    2
#else
#define VISITS    1
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

/* The op that the stream has under way: its connect, then its hello and what follows. */
#define CALL_NONE    0
#define CALL_PENDING 1
#define CALL_DONE    2 /* its packet is queued, or it was done at once */
byte call[INSTANCES];
bool failed[INSTANCES];

/* struct ipc and struct pipe_name */
bool listening;
byte armed;
bool timer;
bool named; /* the name is in the list */
bool bound;
byte instances;

/* Since the pool was full last, one could not be made (scarce), or connected. */
bool scarce, excuse;
byte failures = FAILURES;
bool over;

byte lock; /* pid + 1 */
#define HELD    assert(lock == _pid + 1)
#define enter() atomic { lock == 0 -> lock = _pid + 1 }
/* The loop is left with the pool full, or somebody is going to see to it. */
#define leave()                                                              \
    atomic {                                                                 \
        HELD;                                                                \
        assert(!listening || armed == ARMED || timer);                       \
        lock = 0                                                             \
    }

#define HOLDS_NAME (opened[0] || opened[1] || opened[2] || opened[3])
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

/* ---- instances ---- */

/* The ops that are submitted; a connect may find its client there (535), or gone (232). */
inline connect_submit(_i)
{
    HELD;
    assert(opened[_i] && call[_i] == CALL_NONE);
    if
    :: peer[_i] == NOBODY -> call[_i] = CALL_PENDING
    :: failures > 0 -> failures--; call[_i] = CALL_DONE; failed[_i] = true
    :: peer[_i] == LEFT -> call[_i] = CALL_DONE; failed[_i] = true
    :: peer[_i] != NOBODY && peer[_i] != LEFT -> call[_i] = CALL_DONE; failed[_i] = false
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
    peer[_i] = NOBODY
}

/* instance_create and instance_arm; between the two system calls a client may come and go. */
inline instance_arm(_i)
{
    atomic {
        HELD;
        made = true;
        if
        :: NONE_LEFT -> made = false
        :: failures > 0 -> failures--; made = false
        :: !NONE_LEFT ->
            free_place(_i);
            /* FILE_FLAG_FIRST_PIPE_INSTANCE: were it there, it would be refused. */
            assert(instances > 0 || !HOLDS_NAME);
#ifdef STRICT_JOIN
            /* Without the flag: a pipe of that name that is not ours would be joined. */
            assert(instances == 0 || HOLDS_NAME);
#endif
            phase[_i] = STREAM_CONNECTING;
            opened[_i] = true;
            peer[_i] = NOBODY
        fi
    };
    atomic {
        if
        :: made -> connect_submit(_i); instances++; armed++
        :: else -> excuse = true; scarce = true
        fi
    }
}

inline instances_arm()
{
    made = true;
    do
    :: armed < ARMED && made -> instance_arm(fresh)
    :: else -> break
    od;
    atomic {
        fresh = 0;
        if
        :: made -> assert(armed == ARMED); excuse = false; scarce = false
        :: else -> timer = true
        fi;
        made = false
    }
}

/* instance_connected: the replacement is there before the client has a word with us. */
inline instance_connected(_i)
{
    atomic { assert(listening && armed > 0); armed-- };
    if
    :: !failed[_i] ->
#ifdef MUTANT_REPLACE_LATER
        timer = true /* when its turn comes */
#else
        instances_arm()
#endif
#ifdef MUTANT_NO_TIMER
    :: else -> excuse = true
#else
    :: else -> atomic { excuse = true; timer = true }
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
        :: phase[_i] != STREAM_CLOSED && failed[_i] -> stream_close(_i)
        :: phase[_i] == STREAM_CONNECTING && !failed[_i] ->
            phase[_i] = STREAM_OPEN;
            hello_submit(_i)
        :: phase[_i] == STREAM_OPEN && !failed[_i] -> hello_submit(_i)
        fi;
        failed[_i] = false;
        stream_reap(_i);
        leave()
    }
}

/* ---- processes ---- */

inline carrier_close(_i)
{
    if
    :: opened[_i] -> stream_close(_i); stream_reap(_i)
    :: else
    fi
}

proctype owner()
{
    byte fresh, listens = LISTENS;
    bool made;

    do
    :: listens > 0 ->
        listens--;
        enter();
        /* ipc_listen */
        atomic {
            assert(!bound);
            named = true;
            bound = true;
            armed = 0
        };
        instance_arm(fresh);
        if
        :: made ->
            listening = true;
            instances_arm();
            leave();
            /* any time later: spry_endpoint_close with ipc_stop */
            atomic {
                enter();
                listening = false;
#ifndef MUTANT_TIMER_LEFT
                timer = false;
#endif
                bound = false;
                name_drop();
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
                assert(!HOLDS_NAME); /* the name is free when close returns */
                leave()
            }
        :: else ->
            atomic { bound = false; name_drop(); excuse = false; scarce = false; leave() }
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
    byte fresh;
    bool made;

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
    byte fresh;
    bool made;

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
            :: HOLDS_NAME && !WAITS(0) && !WAITS(1) && !WAITS(2) && !WAITS(3) /* busy: tries again */
            :: !HOLDS_NAME ->
#ifdef STRICT_FOUND
                assert(!listening || scarce)
#else
                assert(!listening || excuse)
#endif
            fi
        };
        atomic { /* leaves */
            if :: peer[0] == me -> peer[0] = LEFT :: else fi;
            if :: peer[1] == me -> peer[1] = LEFT :: else fi;
            if :: peer[2] == me -> peer[2] = LEFT :: else fi;
            if :: peer[3] == me -> peer[3] = LEFT :: else fi
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
        :: !opened[_i] || phase[_i] == STREAM_CONNECTING -> failed[_i] = false
        :: opened[_i] && phase[_i] == STREAM_OPEN && peer[_i] == LEFT -> failed[_i] = true
        :: opened[_i] && phase[_i] == STREAM_CONNECTING && failures > 0 ->
            failures--;
            failed[_i] = true
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
    assert(!HOLDS_NAME);
    assert(instances == 0 && !named);
    assert(phase[0] == STREAM_NONE && phase[1] == STREAM_NONE);
    assert(phase[2] == STREAM_NONE && phase[3] == STREAM_NONE)
}

init
{
    atomic {
        run owner();
        run poller();
        run clock();
        run client(1, VISITS);
        run client(2, 1);
        run kernel();
        run judge()
    }
}
