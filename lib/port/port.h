/*
 * The port: all that the library asks of the system for I/O, in the terms of a completion port.
 * Exactly one backend is linked (epoll, poll, Windows completion ports; later kqueue). Whoever
 * holds the poller role waits in spry_port_wait; whoever submits runs what it submitted.
 *
 * Lock: the loop lock. "No lock": the caller must not hold it.
 */
#ifndef SPRY_PORT_H
#define SPRY_PORT_H

#include "op.h"
#include "port_os.h" /* struct port, struct descriptor: by system */
#include "task.h"

enum { SPRY_NO_HANDLE = -1 };

/* Opens the port. NNG_ENOMEM, NNG_ENOFILES. */
int spry_port_open(struct port *port);

/* No op is in flight, no descriptor attached, nobody waits. */
void spry_port_close(struct port *port);

/*
 * What a handle is: a socket that has its peer or listens, or one whose first op will be a connect;
 * on Windows also a named pipe's client end, or its server end, whose first op will be a connect to
 * no address, which waits for a client.
 */
enum attach_kind { ATTACH_CONNECTED, ATTACH_CONNECTING, ATTACH_PIPE, ATTACH_INSTANCE };

/*
 * Takes the open system handle into the port. Lock held.
 *
 * Ownership  on 0 the descriptor owns `handle`, on any error the caller still does.
 * Returns    NNG_ENOMEM, NNG_ENOSPC (the system's limit of watched handles)
 */
int spry_port_attach(struct port *port, struct descriptor *descriptor, intptr_t handle,
                     enum attach_kind kind);

/*
 * Ends the traffic both ways at once, for the peer too. Lock held. Ops in flight still complete. On
 * POSIX the handle stays until spry_port_detach; on Windows it is closed here, and the descriptor's
 * handle is SPRY_NO_HANDLE from now on.
 */
void spry_port_shutdown(struct port *port, struct descriptor *descriptor);

/*
 * Closes the handle. No op on it is in flight. Lock held.
 *
 * The descriptor's memory must live on until nobody is in spry_port_wait who entered it before:
 * the waiter may hold an event that names it (loop.h: spry_loop_retire).
 */
void spry_port_detach(struct port *port, struct descriptor *descriptor);

/* Bytes that have come and were not read; 0 where the system does not tell. By a read's op_work. */
size_t spry_port_pending(const struct descriptor *descriptor);

/* Handles attached. Lock held. */
bool spry_port_watching(const struct port *port);

/*
 * Gives the op to the port. Never fails: what goes wrong comes as the op's completion. Lock held;
 * the submitter calls spry_port_run after it released the lock when spry_port_started says so.
 */
void spry_port_submit(struct port *port, struct op *op);

/*
 * A request: the op still yields exactly one completion, which may report success. Lock held.
 * When it is there at once it is pushed to `completed`.
 */
void spry_port_cancel(struct port *port, struct op *op, struct task_queue *completed);

/* First thing of each completion: the op is its owner's again. Returns its result. Lock held. */
int spry_port_dequeue(struct port *port, struct op *op);

/* Takes all ops that have work for spry_port_run. Lock held. */
static inline struct task_queue spry_port_started(struct port *port)
{
    struct task_queue started = port->started;

    port->started.head = NULL;
    return started;
}

/*
 * Makes the system calls that are left to make (POSIX), or takes those further that were done when
 * they returned (Windows); completions are pushed to `completed`. No lock.
 */
void spry_port_run(struct port *port, struct task_queue *started, struct task_queue *completed);

/* Before spry_port_wait, by the thread that will wait. Lock held. */
void spry_port_prepare(struct port *port);

/*
 * Waits until something completes, spry_port_wake, or `deadline_ns` (SPRY_NEVER: no limit), one
 * thread at a time. May return early with nothing. No lock.
 */
void spry_port_wait(struct port *port, uint64_t deadline_ns, struct task_queue *completed);

/* Makes the present or the next spry_port_wait return soon. Any thread. */
void spry_port_wake(struct port *port);

/* Makes up for a wake-up that the system had no memory for. Each time the lock is left; held. */
void spry_port_check(struct port *port);

#endif
