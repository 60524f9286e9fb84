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

/*
 * Where the library gets its memory. Blocks are aligned for any type; `size`, `old_size` is what the block
 * was asked for, so that an allocator needs no header of its own.
 *
 * `alloc` and `realloc` give NULL when there is no room, and `realloc` leaves the old block as it was then.
 * `alloc` is asked for 0 bytes by nng_alloc(0) only, and may give NULL then. `realloc` is never asked for 0
 * bytes nor given NULL, `free` is never given NULL.
 *
 * Threads    called from any thread that is in the library, several at once, with locks of the library held:
 *            they must not call the library.
 */
typedef struct spry_allocator {
    void *(*alloc)(void *user, size_t size);
    void *(*realloc)(void *user, void *block, size_t old_size, size_t new_size);
    void (*free)(void *user, void *block, size_t size);
    void *user; /* the first argument of each */
} spry_allocator;

typedef struct spry_options {
    unsigned threads; /* 1: the library has a thread while a socket is open; 0: it has none */

    /* "Bounded memory" below has the whole. Zeros: the C library's memory, without a limit. */
    const spry_allocator *allocator; /* copied; with an arena: NULL */
    void *arena;           /* the library's memory, all of it; lent until the next spry_init */
    size_t arena_size;     /* bytes */
    size_t receive_budget; /* bytes that peers can make the library hold; 0: no limit */
} spry_options;

/* What holds without spry_init. */
#define SPRY_OPTIONS_INITIALIZER                                                                   \
    {                                                                                              \
        1, NULL, NULL, 0, 0                                                                        \
    }

/*
 * Sets how the library runs from the next first socket (or aio) on; NULL: as at first.
 *
 * Ownership  `options` is copied, and the allocator that it names.
 * Returns    NNG_EBUSY   a socket or an aio is there, or not all of the last one is gone yet
 *            NNG_EINVAL  a value is out of its range: threads above 1; an allocator that has not all of its
 *                        functions, or is beside an arena; an arena without a size, or the reverse
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
 * A child that is forked in a callback ends where that returns: it is to exec or _exit there.
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
 * Ownership  the library's: only to be polled, and gone with the last socket and aio. A thread in poll comes back
 *            then; one in epoll may not, whose epoll has forgotten the descriptor.
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

/*
 * --- Bounded memory ------------------------------------------------------------------------------
 *
 * **Allocator, arena.** All that the library asks for goes through the one or comes from the other, what it
 * gives to the program included (nng_alloc, messages, URLs, statistics). What neither can give is
 * NNG_ENOMEM where a call can say so; where a peer causes it, its connection is refused or closed; all else
 * goes on, and works again when memory is free again. An arena's blocks have no header and are rounded up to
 * what any type is aligned to, and to no less than two pointers; a call takes time with the number of its
 * holes. A string for nng_strfree must still be as long as it was: its size is taken from that.
 *
 * A block from before spry_init that is freed after it goes to the C library when an arena is set; an
 * allocator is handed it as any other. Before the next spry_init every block of the present one must have
 * been freed: messages, nng_alloc's, URLs, strings, statistics.
 *
 * Not the library's to place: stacks and control blocks of threads (none with threads = 0 and addresses in
 * digits), what the C library takes for itself (getaddrinfo, the first snprintf, qsort in nng_stats_get of
 * very many sockets), and what the kernel keeps for sockets. nng_thread_create and kin are the program's.
 *
 * **Receive budget.** Charged are messages that a peer is sending (what is there of a body, and the room made
 * for its next part) and those received that the library still has: inboxes, receive buffers, a device's way;
 * for all memory that they take, at least 128 bytes each. The charge ends when a message is the program's (a
 * receive or an aio ended with it) or freed. A message grows in steps, and the old part counts until the new
 * one has its bytes: one of n bytes needs up to 2 n for a moment. The last eighth of the budget is kept
 * for messages up to 1 KiB, so that large ones that stall do not keep small requests out.
 * What does not fit ends its own pipe, as NNG_ENOMEM does, and counts as `oom` in the statistics of its
 * endpoint; other pipes and the listener go on. It is no share for each: with NNG_OPT_RECVMAXSZ and
 * SPRY_OPT_PIPES_MAX a program can see to it that a few peers do not use it all up.
 * What comes by inproc is its sender's memory and not charged. Connections themselves are not, nor
 * the 8 KiB that one has on Windows while bytes of it are read: limit them as follows.
 */

/*
 * Limits of a listener for tcp and ipc, int, 0 (at first) to INT_MAX; 0: no limit. Set and got by
 * nng_listener_set_int and nng_listener_get_int at any time; what is there already stays. NNG_ENOTSUP for
 * inproc. Both count as `reject` in the listener's and the socket's statistics.
 *
 * SPRY_OPT_PIPES_MAX: connections past the handshake. One more is closed at once, before it has a word with
 * the protocol; its dialer finds out, and tries again as it does with a peer that is down.
 *
 * SPRY_OPT_HANDSHAKES_MAX: connections that have not yet said hello. One more takes the place of the oldest,
 * which is closed. (Were the newcomer refused, whoever connects and says nothing would lock all others out,
 * 10 s at a time. As it is, a client is only in danger for as long as its hello travels.)
 */
#define SPRY_OPT_PIPES_MAX      "spry:pipes-max"
#define SPRY_OPT_HANDSHAKES_MAX "spry:handshakes-max"

/*
 * bool, of a req socket and of its contexts, false at first: a request is sent once at most, for a service
 * where twice is worse than never. When its pipe is lost after it was handed to that, the receive (the next
 * one, if none waits) ends with NNG_ECONNRESET, and whether the request was served is not known. One that
 * waits for a pipe goes on waiting. While it is true NNG_OPT_REQ_RESENDTIME has no effect, and keeps its
 * value for when it is false again; a resend time of 0 or less has the same effect as true.
 * Set on the socket it holds for the socket's own requests and for contexts opened later; always from the
 * next request on.
 */
#define SPRY_OPT_REQ_AT_MOST_ONCE "spry:at-most-once"

#ifdef __cplusplus
}
#endif

#endif
