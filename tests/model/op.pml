/*
 * One connection of the Windows port: a stream with a read call and a write call on one descriptor.
 *
 * It mirrors lib/port/windows/port.c (spry_port_submit, call_start, call_again, call_outcome,
 * spry_port_cancel, spry_port_shutdown, spry_port_dequeue, spry_port_run, spry_port_wait), lib/op.c,
 * transports/stream.c (stream_work, read_done, write_done, spry_stream_close, stream_reap) and
 * loop_settle of lib/loop.c. Names are those of the C code.
 *
 * Processes: the kernel's half of each call, as early, late and odd as docs/windows.md says it may be;
 * a thread that receives and one that sends; a poller; a thread that cancels one op; a closer, at any
 * moment.
 *
 * Bounds: READS reads and WRITES writes, each call made again at most once, because it only waited for
 * bytes or because they were not all; one close, one cancel. A wait that succeeds at once and the call
 * that call_start makes after it are one step here: nobody can see between them. Freed memory is not used again, so any later touch is seen.
 *
 * With CLOSE defined (close.pml) the kernel may also keep a call for ever.
 */
#ifndef READS
#define READS  2
#define WRITES 1
#endif

/* Index of a call (CALL_IN, CALL_OUT), of its op, and of the request that it is for. */
#define IN  0
#define OUT 1

/* enum op_state */
#define OP_IDLE      0
#define OP_IN_FLIGHT 1
#define OP_COMPLETED 2
byte state[2];

/*
 * Who has a call: nobody; the kernel; the kernel still, with the status word set; the port's queue of
 * packets; the thread that dequeued it or will run it from `started`.
 */
#define CALL_NONE    0
#define CALL_PENDING 1
#define CALL_STATUS  2
#define CALL_QUEUED  3
#define CALL_TAKEN   4
byte call[2];
bool failed[2];   /* call->error, then op->result */
bool canceled[2]; /* call->canceled */
bool asked[2];    /* the kernel was asked to end it: CancelIoEx, CloseHandle */
bool started[2];  /* in port.started */
bool task[2];     /* in loop.completed */
bool again[2];    /* ... and it is call->again, not op->task */
bool partial[2];  /* a call for this op brought a part already */
byte submitted[2], completed[2];

/* Whose the handle's value is: once closed, somebody else gets it at once. */
#define OURS  0
#define OTHER 1
byte handle;
bool open;   /* descriptor->handle is not SPRY_NO_HANDLE */
byte closes; /* CloseHandle was called */
bool quiet;  /* success at once queues no packet */
bool silent; /* the peer does nothing: calls end by a cancel or a close alone */

/* The stream. */
bool stream_closed; /* its phase */
bool posted;        /* `work` is in the loop's queue */
bool freed;

/* The socket's side: what callers look at. */
bool pipe_open;
bool waiting[2];
byte asks[2], ends[2]; /* requests made, requests finished */

byte lock; /* pid + 1 */
byte in_flight;
bool closing, closed;

#define TOUCH assert(!freed)                    /* the stream's memory is used */
#define HELD  assert(lock == _pid + 1)
#define WIN32 assert(handle == OURS && open)    /* a call with the descriptor's handle */

#define enter() atomic { lock == 0 -> lock = _pid + 1 }
#define leave() atomic { HELD; lock = 0 }

inline request_finish(_i)
{
    if
    :: waiting[_i] ->
        waiting[_i] = false;
        ends[_i]++;
        assert(ends[_i] == asks[_i])
    :: else
    fi
}

/* ---- the port: making calls, the lock held ---- */

/*
 * From here on the kernel may have the call: the packet may be dequeued before the call returns, so
 * nothing is written afterwards. Used at the end of an atomic step.
 */
inline call_start(_i)
{
    HELD; TOUCH;
    assert(call[_i] == CALL_NONE && !started[_i] && !task[_i]); /* the OVERLAPPED is nobody's */
    asked[_i] = false;
    if
#ifdef MUTANT_AGAIN_AFTER_CLOSE
    :: false
#else
    :: canceled[_i] || !open -> failed[_i] = true; call[_i] = CALL_TAKEN; started[_i] = true
#endif
    :: else ->
        WIN32;
        failed[_i] = false;
        if
        :: call[_i] = CALL_PENDING /* ERROR_IO_PENDING, or TRUE: a packet will come */
        :: quiet -> call[_i] = CALL_TAKEN; started[_i] = true /* TRUE: none will */
#ifdef MUTANT_ERROR_AS_PENDING
        :: failed[_i] = true; call[_i] = CALL_TAKEN
#else
        :: failed[_i] = true; call[_i] = CALL_TAKEN; started[_i] = true /* any other: none will */
#endif
        fi
    fi
}

/* What a call may do after it returned, and must not. */
inline call_returned(_i)
{
#ifdef MUTANT_PENDING_AS_ERROR
    /* Looks at the status word: "it failed already, so it was not submitted". */
    atomic {
        if
        :: (call[_i] == CALL_STATUS || call[_i] == CALL_QUEUED) && failed[_i] -> started[_i] = true
        :: else
        fi
    }
#endif
#ifdef MUTANT_WRITE_AFTER_CALL
    /* "op->result = 0" after the call: by now its packet may be in other hands. */
    atomic { TOUCH; assert(started[_i] || call[_i] == CALL_PENDING) }
#endif
    skip
}

/* spry_port_submit */
inline submit(_i)
{
    assert(state[_i] == OP_IDLE);
    state[_i] = OP_IN_FLIGHT;
    in_flight++;
    submitted[_i]++;
    canceled[_i] = false;
    partial[_i] = false;
    call_start(_i)
}

/* CancelIoEx of this OVERLAPPED; CancelIoEx(handle, NULL) is that for each. The result is ignored. */
inline cancel_io(_i)
{
    WIN32;
    if
    :: call[_i] == CALL_PENDING -> asked[_i] = true
    :: else /* FALSE, 1168, though a packet may be queued */
#ifdef MUTANT_NOT_FOUND
        ->
        if
        :: state[_i] == OP_IN_FLIGHT && call[_i] != CALL_NONE ->
            state[_i] = OP_COMPLETED;
            call[_i] = CALL_NONE;
            task[_i] = true
        :: else
        fi
#endif
    fi
}

/* spry_port_cancel: of an op that may just have ended, on a descriptor that may be closed. */
inline cancel(_i)
{
    HELD; TOUCH;
    if
    :: state[_i] != OP_IDLE ->
        canceled[_i] = true;
        if
#ifdef MUTANT_CANCEL_AFTER_CLOSE
        :: true -> cancel_io(_i)
#else
        :: open -> cancel_io(_i)
        :: else
#endif
        fi
    :: else
    fi
}

/* spry_port_shutdown: looks at no call, waits for none. */
inline shutdown()
{
    HELD; TOUCH;
    cancel_io(IN);
    cancel_io(OUT);
    WIN32;
    handle = OTHER;
    open = false;
    closes++;
    asked[IN] = true;
    asked[OUT] = true
}

/* ---- the port: what a call brought, no lock ---- */

/* call_outcome: the op is complete, or its call is to be made again. */
inline call_outcome(_i)
{
    atomic {
        TOUCH; /* buffers, op, call */
        assert(call[_i] == CALL_TAKEN && state[_i] == OP_IN_FLIGHT);
        assert(!started[_i] && !task[_i]);
        if
        :: !failed[_i] && !partial[_i] -> partial[_i] = true; again[_i] = true
        :: again[_i] = false; state[_i] = OP_COMPLETED
        fi;
        call[_i] = CALL_NONE;
        mine[_i] = true
    }
#ifdef MUTANT_AGAIN_OFF_LOCK
    ;
    if
    :: again[_i] && open -> atomic { WIN32; mine[_i] = false; again[_i] = false; call[_i] = CALL_PENDING }
    :: else
    fi
#endif
}

/* spry_port_run and spry_port_wait: all that this thread took; then it locks again. */
inline outcomes()
{
    if
    :: takes[IN] -> call_outcome(IN)
    :: else
    fi;
    if
    :: takes[OUT] -> call_outcome(OUT)
    :: else
    fi;
    atomic {
        lock == 0 -> lock = _pid + 1;
        takes[IN] = false;
        takes[OUT] = false;
        if :: mine[IN] -> TOUCH; task[IN] = true; mine[IN] = false :: else fi;
        if :: mine[OUT] -> TOUCH; task[OUT] = true; mine[OUT] = false :: else fi
    }
}

/* ---- the stream, the lock held ---- */

#define NOBODYS(_i) (call[_i] == CALL_NONE && !started[_i] && !task[_i] && state[_i] == OP_IDLE)

inline stream_free()
{
    freed = true;
    assert(NOBODYS(IN) && NOBODYS(OUT) && !open)
}

#if defined(MUTANT_NO_REFERENCE) /* by the calls in the kernel alone */
#define UNDER_WAY(_i) (call[_i] != CALL_NONE && call[_i] != CALL_TAKEN)
#elif defined(MUTANT_FREE_AT_CLOSE)
#define UNDER_WAY(_i) false
#elif defined(MUTANT_FREE_ON_STATUS) /* HasOverlappedIoCompleted */
#define UNDER_WAY(_i) (call[_i] == CALL_PENDING)
#else
#define UNDER_WAY(_i) (state[_i] != OP_IDLE)
#endif

inline stream_reap()
{
    HELD; TOUCH;
    if
    :: stream_closed && !posted && !UNDER_WAY(IN) && !UNDER_WAY(OUT) -> stream_free()
    :: else
    fi
}

/* spry_pipe_close, spry_stream_close: the single cancels come after the handle is closed. */
inline stream_close()
{
    HELD; TOUCH;
    assert(!stream_closed);
    stream_closed = true;
    pipe_open = false;
    shutdown();
    cancel(IN);
    cancel(OUT);
    posted = true;
    request_finish(IN);
    request_finish(OUT);
#ifdef MUTANT_WAIT_IN_CLOSE
    (state[IN] == OP_IDLE && state[OUT] == OP_IDLE);
#endif
    skip
}

inline stream_work()
{
    atomic {
        HELD; TOUCH;
        posted = false;
        if
        :: !stream_closed && waiting[OUT] && state[OUT] == OP_IDLE -> submit(OUT)
        :: else
        fi
    };
    call_returned(OUT);
    atomic {
        if
        :: !stream_closed && waiting[IN] && state[IN] == OP_IDLE -> submit(IN)
        :: else
        fi
    };
    call_returned(IN);
    atomic { stream_reap() }
}

/* read_done, write_done, with spry_port_dequeue */
inline completion(_i)
{
    TOUCH;
    assert(state[_i] == OP_COMPLETED && call[_i] == CALL_NONE);
    state[_i] = OP_IDLE;
    in_flight--;
    completed[_i]++;
    assert(completed[_i] == submitted[_i]);
    if
    :: !stream_closed && failed[_i] -> stream_close()
    :: !stream_closed && !failed[_i] -> request_finish(_i)
    :: else /* late: it steps the op, and that is all */
    fi;
    stream_reap()
}

inline task_run(_i)
{
    atomic {
        HELD;
        task[_i] = false;
        if
        :: again[_i] -> again[_i] = false; call_start(_i) /* call_again */
        :: else -> completion(_i)
        fi
    };
    call_returned(_i)
}

/* loop_settle: the tasks first, in any order; then what was done at once, off the lock. */
inline settle()
{
    do
    :: task[IN] -> task_run(IN)
    :: task[OUT] -> task_run(OUT)
    :: posted -> stream_work()
    :: !posted && !task[IN] && !task[OUT] ->
        if
        :: started[IN] || started[OUT] ->
            atomic {
                takes[IN] = started[IN];
                takes[OUT] = started[OUT];
                started[IN] = false;
                started[OUT] = false;
                leave()
            };
            outcomes()
        :: else -> break
        fi
    od
}

/* ---- processes ---- */

/* A thread that blocks in a receive (IN) or a send (OUT). */
proctype caller(byte which; byte times)
{
    bool takes[2], mine[2];

    do
    :: times > 0 ->
        atomic {
            enter();
            times--;
            asks[which]++;
            if
            :: pipe_open -> TOUCH; waiting[which] = true; posted = true
            :: else -> ends[which]++
            fi
        };
        settle();
        leave();
        ends[which] == asks[which]
    :: else -> break
    od
}

/* Has the role all the time. Packets come in any order, one or both at a time. */
proctype poller()
{
    bool takes[2], mine[2];

end:
    do
    :: atomic {
           call[IN] == CALL_QUEUED || call[OUT] == CALL_QUEUED ->
           if
           :: call[IN] == CALL_QUEUED -> takes[IN] = true; call[IN] = CALL_TAKEN
           :: call[OUT] == CALL_QUEUED -> takes[OUT] = true; call[OUT] = CALL_TAKEN
           :: call[IN] == CALL_QUEUED && call[OUT] == CALL_QUEUED ->
               takes[IN] = true; call[IN] = CALL_TAKEN;
               takes[OUT] = true; call[OUT] = CALL_TAKEN
           fi
       };
       outcomes();
       settle();
       leave()
    od
}

proctype closer()
{
    bool takes[2], mine[2];

    closing = true;
    atomic {
        enter();
        if
        :: pipe_open -> stream_close()
        :: else
        fi
    };
    settle();
    leave();
    closed = true
}

/* One op is not wanted any more. */
proctype canceller()
{
    atomic {
        enter();
        if
        :: pipe_open -> cancel(IN)
        :: pipe_open -> cancel(OUT)
        :: else
        fi;
        leave()
    }
}

/* The kernel's half of a call; what it touches is ours. */
proctype kernel(byte which)
{
end:
    do
    :: atomic {
           call[which] == CALL_PENDING && (!silent || asked[which]) ->
           TOUCH;
           call[which] = CALL_STATUS;
           if
           :: failed[which] = false /* also after a cancel or the close */
           :: failed[which] = true
           fi
       }
    :: atomic { call[which] == CALL_STATUS -> TOUCH; call[which] = CALL_QUEUED }
#ifdef CLOSE
    :: call[which] == CALL_PENDING -> break /* and that was the last of it */
#endif
    od
}

#ifndef CLOSE
/* When nothing moves any more. */
proctype judge()
{
    timeout;
    assert(closed && lock == 0);                       /* close came back */
    assert(ends[IN] == READS && ends[OUT] == WRITES);  /* every request ended */
    assert(completed[IN] == submitted[IN] && completed[OUT] == submitted[OUT]);
    assert(in_flight == 0);
    assert(freed && closes == 1)
}
#endif

init
{
    atomic {
        handle = OURS;
        open = true;
        pipe_open = true;
        if :: quiet = true :: quiet = false fi;
        if :: silent = true :: silent = false fi;
        run kernel(IN);
        run kernel(OUT);
        run poller();
        run caller(IN, READS);
        run caller(OUT, WRITES);
        run closer();
#ifndef CLOSE
        run canceller();
        run judge()
#endif
    }
}
