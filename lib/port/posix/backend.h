/* What a readiness backend (epoll, poll) gives to port.c, and the one thing port.c gives to it. */
#ifndef SPRY_BACKEND_H
#define SPRY_BACKEND_H

#include "port.h"
#include "timeout.h"

/* NNG_E*; on error nothing is open. */
int spry_backend_open(struct port *port);
void spry_backend_close(struct port *port);

/* The system shall tell of the descriptor's events; `out`: of writability too. Its only user calls. */
int spry_backend_watch(struct port *port, struct descriptor *descriptor, bool out);
void spry_backend_forget(struct port *port, struct descriptor *descriptor);

/* SIDE_OUT is about to park an op, or has no more need of events. By the owner of that op. */
void spry_backend_arm(struct port *port, struct descriptor *descriptor);
void spry_backend_disarm(struct port *port, struct descriptor *descriptor);

/* An op was parked: a waiter that did not see it must be told. The descriptor may be gone. */
void spry_backend_parked(struct port *port);

/* An event on a side: runs the op that is parked there, or leaves word. By the waiter. */
void spry_side_event(struct port *port, struct descriptor *descriptor, enum side_index side,
                     struct task_queue *completed);

/* Makes the descriptor non-blocking and not inherited. NNG_E*. */
int spry_fd_quiet(int fd);

/* 0 or NNG_E* for an errno; the one place where system errors are translated. */
int spry_system_error(int code);

#endif
