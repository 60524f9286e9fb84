/*
 * What Spry has and nng has not: how the library as a whole runs. A program that includes no more than
 * <nng/nng.h> needs nothing of this.
 *
 * Returns    0 or a positive NNG_E* code; what goes out through a pointer is written on success only.
 * Threads    every function may be called from any thread at any time.
 */
#ifndef SPRY_H
#define SPRY_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct spry_options {
    unsigned threads; /* 1: the library has a thread while a socket is open; 0: it has none */
} spry_options;

/* What holds without spry_init. */
#define SPRY_OPTIONS_INITIALIZER                                                                   \
    {                                                                                              \
        1                                                                                          \
    }

/*
 * Sets how the library runs from the next first socket (or aio) on; NULL: as at first.
 *
 * Ownership  `options` is copied.
 * Returns    NNG_EBUSY   a socket or an aio is there, or not all of the last one is gone yet
 *            NNG_EINVAL  a value is out of its range
 */
NNG_DECL int spry_init(const spry_options *options);

/*
 * --- Without a thread: threads = 0 ---------------------------------------------------------------
 *
 * The library starts no thread; what its own would do the program does in spry_run: it waits for I/O
 * and timers and runs what they lead to, and runs callbacks (of pipe events and aios).
 *
 * Calls that block (nng_send, nng_recv, nng_dial, nng_device, their kin for messages and contexts) wait
 * for I/O and timers themselves, for all sockets, as they do with a thread. They run no callback.
 *
 * Callbacks run only in spry_run, and in the calls whose contract is to wait for one: nng_aio_wait,
 * nng_aio_stop and nng_aio_free run those that are due until the aio's own is over. So does a callback that
 * makes one of these calls, inside itself, up to 16 deep; a callback further up the same thread is not
 * waited for (as nng_aio_free in an aio's own callback does not). The callbacks of one pipe or aio never
 * overlap; others do when several threads run them.
 *
 * A pipe whose socket has an NNG_PIPE_EV_ADD_PRE callback carries messages only after that callback: a
 * program of one thread lets spry_run do it before it blocks in nng_send for the pipe.
 *
 * nng_close waits for no callback. What is due when the last socket is closed runs in the next spry_run, and
 * then the library is as it was before the first; nothing is left to do when spry_run says NNG_ECLOSED.
 *
 * A host name (not an address in digits) is looked up by a thread that ends with that. Other threads of the
 * library there are none.
 */

/*
 * Does what there is to do: waits for I/O and timers, `timeout` ms at most (0: not at all; infinite:
 * NNG_DURATION_INFINITE), until it did something, then runs the callbacks that are due. A call does a
 * bounded part of what goes on for ever. Several threads may be in it at once: one of them waits for I/O,
 * and callbacks run on any. Legal in a callback.
 *
 * Returns    0              something was done, and there may be more
 *            NNG_ETIMEDOUT  nothing was
 *            NNG_ECLOSED    no socket and no aio is open, nor anything left of them
 *            NNG_EINVAL     `timeout` is NNG_DURATION_DEFAULT
 *            NNG_ESTATE     the library has its own thread
 */
NNG_DECL int spry_run(nng_duration timeout);

/*
 * For a program with a loop of its own: a descriptor that is readable while spry_run has something to do,
 * but for time that passes, which spry_timeout tells. This misses nothing, whatever other threads do:
 *
 *     for (;;) {
 *         spry_timeout(&ms);
 *         poll(descriptors, count, ms);    with `fd` among them, for POLLIN
 *         spry_run(0);
 *     }
 *
 * It may be readable in vain. It can be given to epoll as well, level-triggered.
 *
 * Ownership  the library's: only to be polled, and gone with the last socket and aio.
 * Returns    NNG_ENOTSUP               the system's port has none: Windows, and where poll is used
 *            NNG_ECLOSED, NNG_ESTATE   as spry_run
 *            NNG_ENOFILES
 */
NNG_DECL int spry_fd(int *fd);

/*
 * How long spry_run need not be called if the descriptor does not become readable: 0 or more ms, or
 * NNG_DURATION_INFINITE. When another thread starts an earlier timer, the descriptor becomes readable, and
 * stays so until this is asked again: ask each time before waiting.
 *
 * Returns    NNG_ECLOSED, NNG_ESTATE   as spry_run
 */
NNG_DECL int spry_timeout(nng_duration *timeout);

#ifdef __cplusplus
}
#endif

#endif
