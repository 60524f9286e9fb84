/*
 * The fake Win32 kernel: one operating system thread, fibers for the program's threads, and a
 * seeded generator that decides everything that a real system leaves open. The same seed gives the
 * same run. What the real kernel would forgive or answer with a crash is a report that ends the
 * process.
 */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "win32.h"

/* ---- chance ---- */

/* What may happen, each with a probability of its own per seed; most are 0 in most seeds. */
enum knob {
    /* timing: no call fails for these */
    KNOB_SWITCH,         /* another fiber goes on at a scheduling point */
    KNOB_KERNEL,         /* the kernel takes a step at a scheduling point */
    KNOB_SPURIOUS_WAKE,  /* of a condition variable */
    KNOB_SPURIOUS_WAIT,  /* a wait on a port ends early */
    KNOB_AT_ONCE,        /* an operation succeeds in the call that starts it */
    KNOB_SHORT_MOVE,     /* bytes move in small pieces */
    KNOB_SHORT_WRITE,    /* a write ends with less than it was given */
    KNOB_HOLD,           /* an operation or its packet is late */
    KNOB_CLOSE_LATE,     /* the peer learns late of a close */
    KNOB_CANCEL_LATE,    /* a cancelled operation goes on for a while */
    KNOB_CANCEL_SUCCESS, /* or succeeds all the same */
    KNOB_CANCEL_LIES,    /* the cancel's own result is wrong */
    KNOB_SCRIBBLE,       /* bytes of a read buffer beyond the count are overwritten */
    KNOB_ERROR_RUBBISH,  /* a call that succeeds changes the last error */
    KNOB_SKIP_FAIL,      /* no notification mode can be set */
    KNOB_WAKE_FAIL,      /* no packet can be posted */
    KNOB_TIME_FIRST,     /* a time-out is due before the kernel goes on */
    KNOB_ZERO_WRITE,     /* a foreign peer writes nothing */
    KNOB_OPEN_BUSY,      /* all instances are taken for now */
    KNOB_OPEN_SLOW,
    KNOB_CONNECT_SLOW,
    KNOB_TIMING_LAST = KNOB_CONNECT_SLOW,
    /* faults: a call fails that need not */
    KNOB_ALLOC_FAIL,
    KNOB_THREAD_FAIL,
    KNOB_PORT_FAIL,
    KNOB_ASSOCIATE_FAIL,
    KNOB_CREATE_FAIL,
    KNOB_CONNECT_FAIL,
    KNOB_OPEN_FAIL,
    KNOB_OPEN_NOT_PIPE,
    KNOB_OPEN_DEAD,
    KNOB_IO_FAIL, /* a read or a write fails in its call */
    KNOB_RESET,   /* a connection breaks */
    KNOB_PID_FAIL,
    KNOB_RANDOM_FAIL,
    KNOB_SOCKET_FAIL,
    KNOB_CONTEXT_FAIL,
    KNOB_ACCEPT_GONE,
    KNOB_PARTIAL_ERROR,
    KNOB_NAME_LINGERS, /* a pipe's name is taken while a client of it is open */
    KNOBS
};

/* What a seed is like as a whole. */
struct temper {
    uint16_t chance[KNOBS]; /* in 65536 */
    uint64_t hold_max_ns;
    uint64_t step_max_ns; /* how far time goes at a scheduling point */
    size_t quota;         /* of a connection's buffer, each way */
    bool wine;            /* an operation whose thread has ended may end without an outcome */
    bool pooled;          /* the library's own pool, whose cells the sanitizer does not know */
    bool handles_reused;
    bool names_late; /* a closed instance is there until its operations are over */
    bool faultless;
};

extern struct temper sim_temper;

void sim_seed(uint64_t seed);
uint32_t sim_random(void);
uint32_t sim_below(uint32_t limit); /* 0 to limit - 1; 0 for 0 */
bool sim_chance(enum knob knob);
bool sim_may(enum knob knob); /* in this seed at all */
uint64_t sim_hold(void);      /* a moment up to which something is late; mostly 0 */

/* ---- reports ---- */

extern bool sim_verbose;
extern bool sim_starved;   /* what could not be posted is made up for by nobody */
extern uint64_t sim_fails; /* calls that failed for a fault in this seed */
void sim_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The argument must not be evaluated for nothing. */
#define SIM_NOTE(...)                                                                              \
    do {                                                                                           \
        if (sim_verbose)                                                                           \
            sim_note(__VA_ARGS__);                                                                 \
    } while (0)

/* ---- fibers ---- */

#define SIM_NEVER UINT64_MAX

struct fiber {
    const char *name;
    uint32_t id;
    void *stack_top; /* saved stack pointer */
    unsigned char *stack;
    void *asan_stack;
    unsigned (*main)(void *argument);
    void *argument;
    struct object *thread;         /* its handle's object; NULL: of the scenario */
    bool (*ready)(void *argument); /* NULL: it can go on */
    void *ready_argument;
    uint64_t deadline_ns;
    const char *waits_for;
    DWORD last_error;
    uint32_t locks; /* held */
    bool spurious;  /* may be woken for nothing */
    bool over;
    struct fiber *joiner; /* waits for its end with a lock held */
};

extern struct fiber *sim_self;
extern uint64_t sim_now_ns;
extern uint64_t sim_steps;

/* A new fiber; it starts later. */
struct fiber *sim_fiber_start(const char *name, unsigned (*main)(void *argument), void *argument);

/* A scheduling point: each call of the fake begins with it. */
void sim_point(void);

/* Waits until `ready` says so; false: the deadline came first. A `ready` of NULL: time only. */
bool sim_block(const char *what, bool (*ready)(void *argument), void *argument,
               uint64_t deadline_ns);

/* The same for a condition that may wake for nothing: then false too. */
bool sim_block_loosely(const char *what, bool (*ready)(void *argument), void *argument,
                       uint64_t deadline_ns);

/* Runs fibers from the process's own stack until all are over and the kernel is idle. */
void sim_run(void);

/* For fiber.c. */
void sim_fiber_enter(struct fiber *fiber); /* from the process's own stack */
void sim_fiber_switch(struct fiber *to);   /* from a fiber to another, or NULL: to the process */
void sim_fiber_prepare(struct fiber *fiber);
void sim_fiber_main(void) __attribute__((noreturn));
void sim_fiber_forget(struct fiber *fiber);

/* ---- bytes between two ends ---- */

struct flow { /* one way */
    uint8_t *bytes;
    size_t begin;
    size_t count;
    uint32_t zeros; /* writes of nothing that the reader has not seen */
};

struct channel {
    struct channel *next;
    struct flow flows[2]; /* by the side that writes */
    bool closed[2];
    uint64_t closed_seen_ns[2]; /* when the other side learns of it */
    bool reset;                 /* broken: both sides get an error */
    uint32_t small_moves;       /* left; so that a large message is not moved by the byte */
};

struct channel *sim_channel_new(void);
void sim_channel_close(struct channel *channel, int side);
bool sim_channel_ended(const struct channel *channel, int side); /* seen from `side` */
size_t sim_channel_room(const struct channel *channel, int side, bool reader_waits);
void sim_channel_put(struct channel *channel, int side, const uint8_t *bytes, size_t count);
size_t sim_channel_get(struct channel *channel, int side, uint8_t *bytes, size_t count);
size_t sim_piece(struct channel *channel, size_t count); /* how many of them move now: 1 or more */
void sim_channels_free(void);

/* ---- objects and their handles ---- */

enum object_kind { OBJECT_PORT, OBJECT_THREAD, OBJECT_PIPE, OBJECT_SOCKET, OBJECT_FILE };

enum pipe_state { PIPE_FRESH, PIPE_TAKEN, PIPE_ENDED }; /* of a server's instance */

enum socket_state { SOCKET_NEW, SOCKET_BOUND, SOCKET_LISTENING, SOCKET_CONNECTING, SOCKET_JOINED };

struct packet {
    struct packet *next;
    struct io *io; /* NULL: posted */
    ULONG_PTR key;
    DWORD bytes;
    LPOVERLAPPED overlapped;
};

struct object {
    struct object *next; /* of the seed */
    enum object_kind kind;
    HANDLE handle;       /* NULL: closed */
    struct object *port; /* associated */
    ULONG_PTR key;
    bool skip; /* FILE_SKIP_COMPLETION_PORT_ON_SUCCESS */
    uint32_t ios;

    struct fiber *fiber; /* thread */

    struct packet *packets; /* port: the oldest first */
    struct packet **packets_end;
    uint32_t attached; /* open handles that it serves */
    uint32_t waiters;
    uint64_t starved_until; /* no packet can be posted before this step */
    bool mercy;

    struct channel *channel; /* pipe, socket: NULL while not connected */
    int side;
    struct pipe_name *name; /* pipe */
    bool server;
    bool foreign; /* a server that is not the library; it has no handle */
    enum pipe_state pipe_state;
    uint64_t visible_ns; /* a fresh instance */

    enum socket_state socket_state;
    int family;
    struct sockaddr_storage local;
    struct sockaddr_storage remote;
    struct object *target;    /* the listener that a connect has chosen */
    struct arrival *arrivals; /* listener: connected clients */
    uint32_t arrival_count;
    bool updated; /* the context */
    bool exclusive;
};

HANDLE sim_handle_open(struct object *object);
struct object *sim_object_new(enum object_kind kind);
/* Fails the run when it is not an open handle of that kind. */
struct object *sim_object(HANDLE handle, enum object_kind kind, const char *call);
/* A pipe or a socket. */
struct object *sim_object_io(HANDLE handle, const char *call);
struct object *sim_object_any(HANDLE handle, const char *call);
void sim_handle_close(struct object *object);
void sim_objects_check(void);
extern struct object *sim_objects;

/* ---- operations ---- */

enum io_kind { IO_READ, IO_WRITE, IO_CONNECT_PIPE, IO_ACCEPT, IO_CONNECT };
enum io_stage {
    IO_RUNNING, /* the kernel has it */
    IO_WRITTEN, /* OVERLAPPED says how it went */
    IO_QUEUED   /* the packet waits in the port */
};

enum { IO_SPANS = 40 };

struct io {
    enum io_kind kind;
    enum io_stage stage;
    struct object *object;
    struct object *port;
    ULONG_PTR key;
    LPOVERLAPPED overlapped;
    WSABUF spans[IO_SPANS];
    uint32_t span_count;
    size_t offered;
    size_t moved;
    uint64_t sum;     /* of what is written */
    uint64_t held_ns; /* nothing happens before */
    bool cancelled;
    bool orphaned; /* its handle was closed */
    bool fresh;    /* in the call that starts it */
    NTSTATUS status;
    size_t count;

    struct fiber *maker;
    struct object *accepted; /* IO_ACCEPT: into which socket */
    uint8_t *addresses;
    DWORD addresses_bytes;
};

/* The OVERLAPPED and the buffers as they come; fails the run when it is in use. */
struct io *sim_io_new(enum io_kind kind, struct object *object, LPOVERLAPPED overlapped,
                      const WSABUF *spans, DWORD count, const char *call);

/*
 * Ends the call that starts `io`: it may be done at once, or pending. `bytes` gets the count when
 * done. The result is that of ReadFile.
 */
BOOL sim_io_start(struct io *io, LPDWORD bytes);

/* The call itself fails: no packet will come. FALSE. */
BOOL sim_io_refuse(struct io *io, DWORD error);

/* Takes an operation that runs as far as it goes; false: it waits for something. */
bool sim_io_progress(struct io *io);
void sim_io_finish(struct io *io, NTSTATUS status, size_t count);
bool sim_pipe_connect_progress(struct io *io);
bool sim_accept_progress(struct io *io);
bool sim_connect_progress(struct io *io);

/* The kernel takes one step; false: there is nothing that it can do now. */
bool sim_kernel_step(void);
uint64_t sim_kernel_deadline(void); /* when something that is held goes on */
void sim_io_orphan(struct object *object);
void sim_ios_check(void);
void sim_ios_list(void);                          /* for a report */
bool sim_io_accepts(const struct object *object); /* AcceptEx is to fill this socket */
bool sim_io_waits(const struct object *object, enum io_kind kind);
void sim_io_dequeued(struct io *io);
void sim_port_push(struct object *port, struct packet *packet);

/* ---- results of calls ---- */

BOOL sim_error(DWORD code); /* FALSE */
BOOL sim_ok(void);          /* TRUE; the last error may be anything */
#define SIM_FAULT(knob, code) (sim_fails++, sim_error(code))
/* The caller may wait here; a report when it holds a lock. */
void sim_may_wait(const char *call);

/* Status and Win32 code of the same thing. */
ULONG sim_code_of(NTSTATUS status);
NTSTATUS sim_status_of(DWORD code);

/* ---- the rest of the system ---- */

/* What the fake takes for a security descriptor: a head, then bytes if it is self-relative. */
struct sim_descriptor {
    BYTE revision;
    BYTE pad;
    SECURITY_DESCRIPTOR_CONTROL control;
    DWORD bytes; /* of the self-relative form */
};

void sim_names_check(void);
void sim_sockets_check(void);
void sim_memory_check(void);
extern int sim_wsa_count;
extern size_t sim_pages;

/* ---- peers that are not the library ---- */

struct foreign {
    struct channel *channel;
    int side;
    struct object *instance; /* a server's end of a pipe */
    struct object *listener; /* a listening socket */
};

bool sim_foreign_open_pipe(struct foreign *peer, const char *name);
bool sim_foreign_serve_pipe(struct foreign *peer, const char *name, uint64_t until_ns);
bool sim_foreign_open_tcp(struct foreign *peer, uint16_t port);
bool sim_foreign_serve_tcp(struct foreign *peer, uint16_t port, uint64_t until_ns);
/* false: the other side has closed, or the time is over. */
bool sim_foreign_write(struct foreign *peer, const void *bytes, size_t count, uint64_t until_ns);
void sim_foreign_write_nothing(struct foreign *peer);
bool sim_foreign_read(struct foreign *peer, void *bytes, size_t count, uint64_t until_ns);
void sim_foreign_close(struct foreign *peer);
bool sim_foreign_refused(const struct foreign *peer); /* the library has closed the connection */

#endif
