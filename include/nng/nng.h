/*
 * Spry's nng 1.x API: messages, sockets, dialers, listeners, pipes, options.
 *
 * Returns    functions that return int give 0 or a positive NNG_E* code; what goes out through
 *            a pointer is written on success only. `*_id` give the id, or -1 if there is none.
 * Handles    are names: one that is closed or was never open gives NNG_ECLOSED (sockets) or
 *            NNG_ENOENT (dialers, listeners, pipes) and is otherwise harmless.
 * Threads    every function may be called from any thread at any time, but one nng_msg and one
 *            nng_url belong to one thread at a time.
 * Memory     any function that returns int may give NNG_ENOMEM.
 * Forks      a child has nothing of what its parent opened: handles are closed ones, an aio is a stopped
 *            one (freed as ever; what was under way on it goes on in the parent), the connections stay
 *            with the parent. It may open its own.
 */
#ifndef NNG_NNG_H
#define NNG_NNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NNG_DECL marks what the library exports; a program may define it first. */
#ifndef NNG_DECL
#if defined(_WIN32) && !defined(NNG_STATIC_LIB)
#if defined(NNG_SHARED_LIB)
#define NNG_DECL __declspec(dllexport)
#else
#define NNG_DECL __declspec(dllimport)
#endif
#elif defined(NNG_SHARED_LIB) && defined(NNG_HIDDEN_VISIBILITY)
#define NNG_DECL __attribute__((visibility("default")))
#else
#define NNG_DECL extern
#endif
#endif

/* Old names; defining NNG_ELIDE_DEPRECATED before inclusion hides them altogether. */
#ifndef NNG_DEPRECATED
#if defined(__GNUC__) || defined(__clang__)
#define NNG_DEPRECATED __attribute__((deprecated))
#else
#define NNG_DEPRECATED
#endif
#endif

/* The API version: that of nng 1.12.0, whose macros say 1.11.0. */
#define NNG_MAJOR_VERSION  1
#define NNG_MINOR_VERSION  11
#define NNG_PATCH_VERSION  0
#define NNG_RELEASE_SUFFIX ""

#define NNG_MAXADDRLEN    128
#define NNG_MAXADDRSTRLEN (NNG_MAXADDRLEN + 16)

#define NNG_PROTOCOL_NUMBER(major, minor) ((major)*16 + (minor))

/* --- Types ----------------------------------------------------------------------------------- */

/* Handles: passed by value, 0 is never valid, valid ids are 1 to 0x7fffffff. */
typedef struct nng_socket_s {
    uint32_t id;
} nng_socket;

typedef struct nng_ctx_s {
    uint32_t id;
} nng_ctx;

typedef struct nng_dialer_s {
    uint32_t id;
} nng_dialer;

typedef struct nng_listener_s {
    uint32_t id;
} nng_listener;

typedef struct nng_pipe_s {
    uint32_t id;
} nng_pipe;

// clang-format off
#define NNG_SOCKET_INITIALIZER { 0 }
#define NNG_CTX_INITIALIZER { 0 }
#define NNG_DIALER_INITIALIZER { 0 }
#define NNG_LISTENER_INITIALIZER { 0 }
#define NNG_PIPE_INITIALIZER { 0 }
// clang-format on

typedef struct nng_msg nng_msg;
typedef struct nng_aio nng_aio;
typedef struct nng_stat nng_stat;
typedef struct nng_stream nng_stream;
typedef struct nng_stream_dialer nng_stream_dialer;
typedef struct nng_stream_listener nng_stream_listener;
typedef struct nng_udp nng_udp;
typedef struct nng_thread nng_thread;
typedef struct nng_mtx nng_mtx;
typedef struct nng_cv nng_cv;

/* Milliseconds; negative values are the NNG_DURATION_* constants. */
typedef int32_t nng_duration;

/* Milliseconds since some fixed moment. */
typedef uint64_t nng_time;

#define NNG_DURATION_INFINITE (-1)
#define NNG_DURATION_DEFAULT  (-2)
#define NNG_DURATION_ZERO     (0)

typedef struct nng_iov {
    void *iov_buf;
    size_t iov_len;
} nng_iov;

/* Addresses. Ports and IPv4 addresses are in network byte order. */
enum nng_sockaddr_family {
    NNG_AF_UNSPEC = 0,
    NNG_AF_INPROC = 1,
    NNG_AF_IPC = 2,
    NNG_AF_INET = 3,
    NNG_AF_INET6 = 4,
    NNG_AF_ZT = 5,
    NNG_AF_ABSTRACT = 6
};

typedef struct nng_sockaddr_inproc {
    uint16_t sa_family;
    char sa_name[NNG_MAXADDRLEN];
} nng_sockaddr_inproc;

typedef struct nng_sockaddr_path {
    uint16_t sa_family;
    char sa_path[NNG_MAXADDRLEN];
} nng_sockaddr_path;

typedef struct nng_sockaddr_path nng_sockaddr_ipc;

typedef struct nng_sockaddr_in {
    uint16_t sa_family;
    uint16_t sa_port;
    uint32_t sa_addr;
} nng_sockaddr_in;

typedef struct nng_sockaddr_in6 {
    uint16_t sa_family;
    uint16_t sa_port;
    uint8_t sa_addr[16];
    uint32_t sa_scope;
} nng_sockaddr_in6;

typedef struct nng_sockaddr_zt {
    uint16_t sa_family;
    uint64_t sa_nwid;
    uint64_t sa_nodeid;
    uint32_t sa_port;
} nng_sockaddr_zt;

/* `sa_name` has `sa_len` bytes, any of them may be 0; the leading NUL of the system is left out. */
typedef struct nng_sockaddr_abstract {
    uint16_t sa_family;
    uint16_t sa_len;
    uint8_t sa_name[107];
} nng_sockaddr_abstract;

typedef struct nng_sockaddr_storage {
    uint16_t sa_family;
    uint64_t sa_pad[16];
} nng_sockaddr_storage;

typedef union nng_sockaddr {
    uint16_t s_family;
    nng_sockaddr_ipc s_ipc;
    nng_sockaddr_inproc s_inproc;
    nng_sockaddr_in6 s_in6;
    nng_sockaddr_in s_in;
    nng_sockaddr_zt s_zt;
    nng_sockaddr_abstract s_abstract;
    nng_sockaddr_storage s_storage;
} nng_sockaddr;

/* See nng_url_parse for which of the strings may be NULL. */
typedef struct nng_url {
    char *u_rawurl;
    char *u_scheme;
    char *u_userinfo;
    char *u_host;
    char *u_hostname;
    char *u_port;
    char *u_path;
    char *u_query;
    char *u_fragment;
    char *u_requri;
} nng_url;

/* --- Constants ------------------------------------------------------------------------------- */

enum nng_errno_enum {
    NNG_EINTR = 1,
    NNG_ENOMEM = 2,
    NNG_EINVAL = 3,
    NNG_EBUSY = 4,
    NNG_ETIMEDOUT = 5,
    NNG_ECONNREFUSED = 6,
    NNG_ECLOSED = 7,
    NNG_EAGAIN = 8,
    NNG_ENOTSUP = 9,
    NNG_EADDRINUSE = 10,
    NNG_ESTATE = 11,
    NNG_ENOENT = 12,
    NNG_EPROTO = 13,
    NNG_EUNREACHABLE = 14,
    NNG_EADDRINVAL = 15,
    NNG_EPERM = 16,
    NNG_EMSGSIZE = 17,
    NNG_ECONNABORTED = 18,
    NNG_ECONNRESET = 19,
    NNG_ECANCELED = 20,
    NNG_ENOFILES = 21,
    NNG_ENOSPC = 22,
    NNG_EEXIST = 23,
    NNG_EREADONLY = 24,
    NNG_EWRITEONLY = 25,
    NNG_ECRYPTO = 26,
    NNG_EPEERAUTH = 27,
    NNG_ENOARG = 28,
    NNG_EAMBIGUOUS = 29,
    NNG_EBADTYPE = 30,
    NNG_ECONNSHUT = 31,
    NNG_EINTERNAL = 1000,
    NNG_ESYSERR = 0x10000000, /* plus a system error number that has no name of its own */
    NNG_ETRANERR = 0x20000000 /* plus a number only the transport knows */
};

/* Flags; unknown bits are ignored. */
#define NNG_FLAG_ALLOC    1u
#define NNG_FLAG_NONBLOCK 2u

typedef enum nng_pipe_ev {
    NNG_PIPE_EV_ADD_PRE = 0,
    NNG_PIPE_EV_ADD_POST = 1,
    NNG_PIPE_EV_REM_POST = 2,
    NNG_PIPE_EV_NUM = 3
} nng_pipe_ev;

enum nng_stat_type_enum {
    NNG_STAT_SCOPE = 0,
    NNG_STAT_LEVEL = 1,
    NNG_STAT_COUNTER = 2,
    NNG_STAT_STRING = 3,
    NNG_STAT_BOOLEAN = 4,
    NNG_STAT_ID = 5
};

enum nng_unit_enum {
    NNG_UNIT_NONE = 0,
    NNG_UNIT_BYTES = 1,
    NNG_UNIT_MESSAGES = 2,
    NNG_UNIT_MILLIS = 3,
    NNG_UNIT_EVENTS = 4
};

typedef int nng_init_parameter;

enum {
    NNG_INIT_PARAMETER_NONE = 0,
    NNG_INIT_NUM_TASK_THREADS = 1,
    NNG_INIT_NUM_EXPIRE_THREADS = 2,
    NNG_INIT_NUM_POLLER_THREADS = 3,
    NNG_INIT_NUM_RESOLVER_THREADS = 4,
    NNG_INIT_MAX_TASK_THREADS = 5,
    NNG_INIT_MAX_EXPIRE_THREADS = 6,
    NNG_INIT_MAX_POLLER_THREADS = 7
};

typedef enum nng_log_level {
    NNG_LOG_NONE = 0,
    NNG_LOG_ERR = 3,
    NNG_LOG_WARN = 4,
    NNG_LOG_NOTICE = 5,
    NNG_LOG_INFO = 6,
    NNG_LOG_DEBUG = 7
} nng_log_level;

typedef enum nng_log_facility {
    NNG_LOG_USER = 1,
    NNG_LOG_DAEMON = 3,
    NNG_LOG_AUTH = 10,
    NNG_LOG_LOCAL0 = 16,
    NNG_LOG_LOCAL1 = 17,
    NNG_LOG_LOCAL2 = 18,
    NNG_LOG_LOCAL3 = 19,
    NNG_LOG_LOCAL4 = 20,
    NNG_LOG_LOCAL5 = 21,
    NNG_LOG_LOCAL6 = 22,
    NNG_LOG_LOCAL7 = 23
} nng_log_facility;

typedef void (*nng_pipe_cb)(nng_pipe, nng_pipe_ev, void *);
typedef void (*nng_aio_cancelfn)(nng_aio *, void *, int);
typedef void (*nng_logger)(nng_log_level, nng_log_facility, const char *, const char *);

/* --- Option names ---------------------------------------------------------------------------- */

/* Of a socket; those of one protocol are in its header. */
#define NNG_OPT_SOCKNAME   "socket-name"
#define NNG_OPT_RAW        "raw"
#define NNG_OPT_PROTO      "protocol"
#define NNG_OPT_PROTONAME  "protocol-name"
#define NNG_OPT_PEER       "peer"
#define NNG_OPT_PEERNAME   "peer-name"
#define NNG_OPT_RECVBUF    "recv-buffer"
#define NNG_OPT_SENDBUF    "send-buffer"
#define NNG_OPT_RECVFD     "recv-fd" /* to poll for readability, see below */
#define NNG_OPT_SENDFD     "send-fd" /* for readability, too */
#define NNG_OPT_RECVTIMEO  "recv-timeout"
#define NNG_OPT_SENDTIMEO  "send-timeout"
#define NNG_OPT_MAXTTL     "ttl-max"
#define NNG_OPT_RECVMAXSZ  "recv-size-max"
#define NNG_OPT_RECONNMINT "reconnect-time-min"
#define NNG_OPT_RECONNMAXT "reconnect-time-max"

/*
 * The two descriptors are the socket's, to poll but not to read, write or close: readable while a call
 * with NNG_FLAG_NONBLOCK would end well. A poll under way when the socket closes returns. Other than
 * with nng 1.5.2: what came before its peer left a PAIR stays, and is shown; a REQ whose request was lost
 * shows that (NNG_ECONNRESET) as it shows an answer; polyamorous PAIR without a peer shows no room.
 */

/* Of dialers, listeners and pipes. */
#define NNG_OPT_LOCADDR "local-address"
#define NNG_OPT_REMADDR "remote-address"
#define NNG_OPT_URL     "url"

/* Of one transport. */
#define NNG_OPT_TCP_NODELAY             "tcp-nodelay"
#define NNG_OPT_TCP_KEEPALIVE           "tcp-keepalive"
#define NNG_OPT_TCP_BOUND_PORT          "tcp-bound-port"
#define NNG_OPT_IPC_PERMISSIONS         "ipc:permissions"
#define NNG_OPT_IPC_SECURITY_DESCRIPTOR "ipc:security-descriptor"
#define NNG_OPT_PEER_UID                "ipc:peer-uid"
#define NNG_OPT_PEER_GID                "ipc:peer-gid"
#define NNG_OPT_PEER_PID                "ipc:peer-pid"
#define NNG_OPT_PEER_ZONEID             "ipc:peer-zoneid"
#define NNG_OPT_IPC_PEER_UID            "ipc:peer-uid"
#define NNG_OPT_IPC_PEER_GID            "ipc:peer-gid"
#define NNG_OPT_IPC_PEER_PID            "ipc:peer-pid"
#define NNG_OPT_IPC_PEER_ZONEID         "ipc:peer-zoneid"
#define NNG_OPT_SOCKET_FD               "socket:fd"
#define NNG_OPT_TLS_CONFIG              "tls-config"
#define NNG_OPT_TLS_AUTH_MODE           "tls-authmode"
#define NNG_OPT_TLS_CERT_KEY_FILE       "tls-cert-key-file"
#define NNG_OPT_TLS_CA_FILE             "tls-ca-file"
#define NNG_OPT_TLS_SERVER_NAME         "tls-server-name"
#define NNG_OPT_TLS_VERIFIED            "tls-verified"
#define NNG_OPT_TLS_PEER_CN             "tls-peer-cn"
#define NNG_OPT_TLS_PEER_ALT_NAMES      "tls-peer-alt-names"
#define NNG_OPT_WS_REQUEST_HEADERS      "ws:request-headers"
#define NNG_OPT_WS_RESPONSE_HEADERS     "ws:response-headers"
#define NNG_OPT_WS_REQUEST_HEADER       "ws:request-header:"
#define NNG_OPT_WS_RESPONSE_HEADER      "ws:response-header:"
#define NNG_OPT_WS_REQUEST_URI          "ws:request-uri"
#define NNG_OPT_WS_SENDMAXFRAME         "ws:txframe-max"
#define NNG_OPT_WS_RECVMAXFRAME         "ws:rxframe-max"
#define NNG_OPT_WS_PROTOCOL             "ws:protocol"
#define NNG_OPT_WS_SEND_TEXT            "ws:send-text"
#define NNG_OPT_WS_RECV_TEXT            "ws:recv-text"

/* --- Library --------------------------------------------------------------------------------- */

/* "1.11.0", see NNG_MAJOR_VERSION. Never NULL. */
NNG_DECL const char *nng_version(void);

/*
 * Closes every socket. Nothing else of the library is left then but what the program still owns
 * (messages, aios); it may be used again. Not while another thread is in the library.
 */
NNG_DECL void nng_fini(void);

/* Accepted and without effect: there are no pools of threads here. NNG_INIT_*. */
NNG_DECL void nng_init_set_parameter(nng_init_parameter parameter, uint64_t value);

/*
 * A short English text for any error code; never NULL, never freed. The text of a code without
 * a name of its own lasts until the same thread asks for the next such code.
 */
NNG_DECL const char *nng_strerror(int code);

/*
 * Memory that the library may take over or hand out. What one pair gives, only that pair takes:
 * nng_alloc with nng_free, nng_strdup (and any `*_get_string`) with nng_strfree. `bytes` of
 * nng_free is the size asked for. NULL on failure; freeing NULL does nothing.
 */
NNG_DECL void *nng_alloc(size_t bytes);
NNG_DECL void nng_free(void *block, size_t bytes);
NNG_DECL char *nng_strdup(const char *text);
NNG_DECL void nng_strfree(char *text);

/* --- Sockets --------------------------------------------------------------------------------- */

/*
 * Closes a socket and all that hangs on it, from any thread and any callback. Calls that wait on the
 * socket return NNG_ECLOSED; messages not yet sent may be lost. Callbacks that run or are due are
 * not waited for, see nng_pipe_notify. A second call gives NNG_ECLOSED.
 */
NNG_DECL int nng_close(nng_socket socket);
NNG_DECL int nng_socket_close(nng_socket socket);

#ifndef NNG_ELIDE_DEPRECATED
/* Closes every socket of the process, as nng_close; until none is open, whoever opens them. */
NNG_DECL NNG_DEPRECATED void nng_closeall(void);
#endif

/* The id if it is positive, else -1; does not tell whether the socket is open. */
NNG_DECL int nng_socket_id(nng_socket socket);

/* Protocol numbers and names of the socket and of the peers it talks to; names are static. */
NNG_DECL int nng_socket_proto_id(nng_socket socket, uint16_t *number);
NNG_DECL int nng_socket_peer_id(nng_socket socket, uint16_t *number);
NNG_DECL int nng_socket_proto_name(nng_socket socket, const char **name);
NNG_DECL int nng_socket_peer_name(nng_socket socket, const char **name);
NNG_DECL int nng_socket_raw(nng_socket socket, bool *raw);

/*
 * Options. The value is copied. The untyped setter takes any option, `bytes` being exactly the
 * size of its type, or for a string at least the text with its NUL. NNG_ENOTSUP: no such option
 * here; NNG_EBADTYPE: another type; NNG_EREADONLY; NNG_EINVAL: out of range.
 */
NNG_DECL int nng_socket_set(nng_socket socket, const char *name, const void *value, size_t bytes);
NNG_DECL int nng_socket_set_bool(nng_socket socket, const char *name, bool value);
NNG_DECL int nng_socket_set_int(nng_socket socket, const char *name, int value);
NNG_DECL int nng_socket_set_ms(nng_socket socket, const char *name, nng_duration value);
NNG_DECL int nng_socket_set_size(nng_socket socket, const char *name, size_t value);
NNG_DECL int nng_socket_set_uint64(nng_socket socket, const char *name, uint64_t value);
NNG_DECL int nng_socket_set_string(nng_socket socket, const char *name, const char *value);
NNG_DECL int nng_socket_set_ptr(nng_socket socket, const char *name, void *value);
NNG_DECL int nng_socket_set_addr(nng_socket socket, const char *name, const nng_sockaddr *value);

/*
 * The untyped getter is told the size of the buffer in `*bytes` and stores the size needed there;
 * a buffer too small gets what fits, and the result is NNG_EINVAL. A string is the caller's, to be
 * given to nng_strfree. NNG_ENOTSUP, NNG_EBADTYPE, NNG_EWRITEONLY as with the setters.
 */
NNG_DECL int nng_socket_get(nng_socket socket, const char *name, void *value, size_t *bytes);
NNG_DECL int nng_socket_get_bool(nng_socket socket, const char *name, bool *value);
NNG_DECL int nng_socket_get_int(nng_socket socket, const char *name, int *value);
NNG_DECL int nng_socket_get_ms(nng_socket socket, const char *name, nng_duration *value);
NNG_DECL int nng_socket_get_size(nng_socket socket, const char *name, size_t *value);
NNG_DECL int nng_socket_get_uint64(nng_socket socket, const char *name, uint64_t *value);
NNG_DECL int nng_socket_get_string(nng_socket socket, const char *name, char **value);
NNG_DECL int nng_socket_get_ptr(nng_socket socket, const char *name, void **value);
NNG_DECL int nng_socket_get_addr(nng_socket socket, const char *name, nng_sockaddr *value);

/* --- Listeners and dialers ------------------------------------------------------------------- */

/*
 * Creates and starts a listener, or a dialer; the handle is stored unless the pointer is NULL, and
 * nothing is left behind on failure. `flags` is NNG_FLAG_NONBLOCK or 0, see nng_dialer_start;
 * listeners ignore it. NNG_EINVAL: malformed URL; NNG_ENOTSUP: unknown scheme; NNG_EADDRINVAL.
 */
NNG_DECL int nng_listen(nng_socket socket, const char *url, nng_listener *listener, int flags);
NNG_DECL int nng_dial(nng_socket socket, const char *url, nng_dialer *dialer, int flags);

/* Creates without starting, so that options can be set first. */
NNG_DECL int nng_listener_create(nng_listener *listener, nng_socket socket, const char *url);
NNG_DECL int nng_dialer_create(nng_dialer *dialer, nng_socket socket, const char *url);

/* Binds and listens. NNG_ESTATE: started before; NNG_EADDRINUSE, NNG_EADDRINVAL, NNG_EPERM... */
NNG_DECL int nng_listener_start(nng_listener listener, int flags);

/*
 * Connects, and reconnects ever after. Waits for the first attempt and returns its error, after
 * which the dialer can be started again. With NNG_FLAG_NONBLOCK returns 0 at once and keeps
 * trying. NNG_ESTATE: started before; NNG_ECONNREFUSED, NNG_ETIMEDOUT, NNG_EUNREACHABLE...
 */
NNG_DECL int nng_dialer_start(nng_dialer dialer, int flags);

/* Closes it and its pipes, and ends its reconnecting; a blocked nng_dial returns NNG_ECLOSED. */
NNG_DECL int nng_listener_close(nng_listener listener);
NNG_DECL int nng_dialer_close(nng_dialer dialer);

/* The id if it is positive, else -1; does not tell whether the object is open. */
NNG_DECL int nng_listener_id(nng_listener listener);
NNG_DECL int nng_dialer_id(nng_dialer dialer);

/* The URL in parts, the library's; valid until the listener or dialer closes. */
NNG_DECL int nng_listener_get_url(nng_listener listener, const nng_url **url);
NNG_DECL int nng_dialer_get_url(nng_dialer dialer, const nng_url **url);

/* Options as for sockets; a getter asks the socket for what the object itself does not have. */
NNG_DECL int nng_listener_set(nng_listener listener, const char *name, const void *value,
                              size_t bytes);
NNG_DECL int nng_listener_set_bool(nng_listener listener, const char *name, bool value);
NNG_DECL int nng_listener_set_int(nng_listener listener, const char *name, int value);
NNG_DECL int nng_listener_set_ms(nng_listener listener, const char *name, nng_duration value);
NNG_DECL int nng_listener_set_size(nng_listener listener, const char *name, size_t value);
NNG_DECL int nng_listener_set_uint64(nng_listener listener, const char *name, uint64_t value);
NNG_DECL int nng_listener_set_string(nng_listener listener, const char *name, const char *value);
NNG_DECL int nng_listener_set_ptr(nng_listener listener, const char *name, void *value);
NNG_DECL int nng_listener_set_addr(nng_listener listener, const char *name,
                                   const nng_sockaddr *value);
NNG_DECL int nng_listener_get(nng_listener listener, const char *name, void *value, size_t *bytes);
NNG_DECL int nng_listener_get_bool(nng_listener listener, const char *name, bool *value);
NNG_DECL int nng_listener_get_int(nng_listener listener, const char *name, int *value);
NNG_DECL int nng_listener_get_ms(nng_listener listener, const char *name, nng_duration *value);
NNG_DECL int nng_listener_get_size(nng_listener listener, const char *name, size_t *value);
NNG_DECL int nng_listener_get_uint64(nng_listener listener, const char *name, uint64_t *value);
NNG_DECL int nng_listener_get_string(nng_listener listener, const char *name, char **value);
NNG_DECL int nng_listener_get_ptr(nng_listener listener, const char *name, void **value);
NNG_DECL int nng_listener_get_addr(nng_listener listener, const char *name, nng_sockaddr *value);

NNG_DECL int nng_dialer_set(nng_dialer dialer, const char *name, const void *value, size_t bytes);
NNG_DECL int nng_dialer_set_bool(nng_dialer dialer, const char *name, bool value);
NNG_DECL int nng_dialer_set_int(nng_dialer dialer, const char *name, int value);
NNG_DECL int nng_dialer_set_ms(nng_dialer dialer, const char *name, nng_duration value);
NNG_DECL int nng_dialer_set_size(nng_dialer dialer, const char *name, size_t value);
NNG_DECL int nng_dialer_set_uint64(nng_dialer dialer, const char *name, uint64_t value);
NNG_DECL int nng_dialer_set_string(nng_dialer dialer, const char *name, const char *value);
NNG_DECL int nng_dialer_set_ptr(nng_dialer dialer, const char *name, void *value);
NNG_DECL int nng_dialer_set_addr(nng_dialer dialer, const char *name, const nng_sockaddr *value);
NNG_DECL int nng_dialer_get(nng_dialer dialer, const char *name, void *value, size_t *bytes);
NNG_DECL int nng_dialer_get_bool(nng_dialer dialer, const char *name, bool *value);
NNG_DECL int nng_dialer_get_int(nng_dialer dialer, const char *name, int *value);
NNG_DECL int nng_dialer_get_ms(nng_dialer dialer, const char *name, nng_duration *value);
NNG_DECL int nng_dialer_get_size(nng_dialer dialer, const char *name, size_t *value);
NNG_DECL int nng_dialer_get_uint64(nng_dialer dialer, const char *name, uint64_t *value);
NNG_DECL int nng_dialer_get_string(nng_dialer dialer, const char *name, char **value);
NNG_DECL int nng_dialer_get_ptr(nng_dialer dialer, const char *name, void **value);
NNG_DECL int nng_dialer_get_addr(nng_dialer dialer, const char *name, nng_sockaddr *value);

/* --- Pipes ----------------------------------------------------------------------------------- */

/*
 * Names the function told of one kind of pipe event (NULL: nobody). Pipes made later are certain
 * to use it. Closing the pipe in NNG_PIPE_EV_ADD_PRE refuses the connection.
 *
 * The function runs on a thread of the library, under no lock, never two at once for one pipe; every
 * call is legal in it. NNG_PIPE_EV_REM_POST may still come after nng_close of the socket returned:
 * keep `arg` until then, or name NULL before.
 */
NNG_DECL int nng_pipe_notify(nng_socket socket, nng_pipe_ev event, nng_pipe_cb callback, void *arg);

/* Starts to close one connection and returns at once. */
NNG_DECL int nng_pipe_close(nng_pipe pipe);

/* The id if it is positive, else -1; does not tell whether the pipe is open. */
NNG_DECL int nng_pipe_id(nng_pipe pipe);

/* What the pipe belongs to; id 0 if there is no such thing. */
NNG_DECL nng_socket nng_pipe_socket(nng_pipe pipe);
NNG_DECL nng_dialer nng_pipe_dialer(nng_pipe pipe);
NNG_DECL nng_listener nng_pipe_listener(nng_pipe pipe);

/* Options as for sockets; asks the dialer or listener, then the socket, for what it lacks. */
NNG_DECL int nng_pipe_get(nng_pipe pipe, const char *name, void *value, size_t *bytes);
NNG_DECL int nng_pipe_get_bool(nng_pipe pipe, const char *name, bool *value);
NNG_DECL int nng_pipe_get_int(nng_pipe pipe, const char *name, int *value);
NNG_DECL int nng_pipe_get_ms(nng_pipe pipe, const char *name, nng_duration *value);
NNG_DECL int nng_pipe_get_size(nng_pipe pipe, const char *name, size_t *value);
NNG_DECL int nng_pipe_get_uint64(nng_pipe pipe, const char *name, uint64_t *value);
NNG_DECL int nng_pipe_get_string(nng_pipe pipe, const char *name, char **value);
NNG_DECL int nng_pipe_get_ptr(nng_pipe pipe, const char *name, void **value);
NNG_DECL int nng_pipe_get_addr(nng_pipe pipe, const char *name, nng_sockaddr *value);

/* --- Send and receive ------------------------------------------------------------------------ */

/*
 * Sends `bytes` bytes as one message, waiting up to the send timeout; 0 means accepted, not
 * delivered. With NNG_FLAG_ALLOC `data` comes from nng_alloc(bytes) and is the library's on
 * success only; without it the data is copied. NNG_FLAG_NONBLOCK: NNG_EAGAIN instead of waiting.
 * NNG_ECLOSED, NNG_ETIMEDOUT, NNG_ENOTSUP (wrong direction), NNG_ESTATE, NNG_EMSGSIZE.
 */
NNG_DECL int nng_send(nng_socket socket, void *data, size_t bytes, int flags);

/*
 * Receives one message, waiting up to the receive timeout. Without NNG_FLAG_ALLOC at most `*bytes`
 * bytes go into `data`, the rest is lost, and `*bytes` becomes the length of the whole message.
 * With NNG_FLAG_ALLOC `data` is a `void **`: a block the caller frees with nng_free(block, *bytes),
 * NULL for an empty message. Errors as with nng_send.
 */
NNG_DECL int nng_recv(nng_socket socket, void *data, size_t *bytes, int flags);

/* The same with messages: the library takes `msg` on success only; the caller owns `*msg`. */
NNG_DECL int nng_sendmsg(nng_socket socket, nng_msg *msg, int flags);
NNG_DECL int nng_recvmsg(nng_socket socket, nng_msg **msg, int flags);

/* --- Contexts -------------------------------------------------------------------------------- */

/*
 * A context is one conversation of a socket: a request with its reply, apart from those of the socket
 * and of other contexts. Its time limits and the like are copied from the socket when it is opened.
 * A closed or unknown one gives NNG_ECLOSED; so does one whose socket was closed.
 *
 * Errors     NNG_ENOTSUP  the protocol has none
 */
NNG_DECL int nng_ctx_open(nng_ctx *ctx, nng_socket socket);

/* Ends what waits on it with NNG_ECLOSED. */
NNG_DECL int nng_ctx_close(nng_ctx ctx);
NNG_DECL int nng_ctx_id(nng_ctx ctx);

/* As nng_sendmsg and nng_recvmsg. */
NNG_DECL int nng_ctx_sendmsg(nng_ctx ctx, nng_msg *msg, int flags);
NNG_DECL int nng_ctx_recvmsg(nng_ctx ctx, nng_msg **msg, int flags);

/* As those of sockets, for NNG_OPT_SENDTIMEO, NNG_OPT_RECVTIMEO and what the protocol has. */
NNG_DECL int nng_ctx_set(nng_ctx ctx, const char *name, const void *value, size_t bytes);
NNG_DECL int nng_ctx_set_bool(nng_ctx ctx, const char *name, bool value);
NNG_DECL int nng_ctx_set_int(nng_ctx ctx, const char *name, int value);
NNG_DECL int nng_ctx_set_ms(nng_ctx ctx, const char *name, nng_duration value);
NNG_DECL int nng_ctx_set_size(nng_ctx ctx, const char *name, size_t value);
NNG_DECL int nng_ctx_set_uint64(nng_ctx ctx, const char *name, uint64_t value);
NNG_DECL int nng_ctx_set_string(nng_ctx ctx, const char *name, const char *value);
NNG_DECL int nng_ctx_set_ptr(nng_ctx ctx, const char *name, void *value);
NNG_DECL int nng_ctx_set_addr(nng_ctx ctx, const char *name, const nng_sockaddr *value);
NNG_DECL int nng_ctx_get(nng_ctx ctx, const char *name, void *value, size_t *bytes);
NNG_DECL int nng_ctx_get_bool(nng_ctx ctx, const char *name, bool *value);
NNG_DECL int nng_ctx_get_int(nng_ctx ctx, const char *name, int *value);
NNG_DECL int nng_ctx_get_ms(nng_ctx ctx, const char *name, nng_duration *value);
NNG_DECL int nng_ctx_get_size(nng_ctx ctx, const char *name, size_t *value);
NNG_DECL int nng_ctx_get_uint64(nng_ctx ctx, const char *name, uint64_t *value);
NNG_DECL int nng_ctx_get_string(nng_ctx ctx, const char *name, char **value);
NNG_DECL int nng_ctx_get_ptr(nng_ctx ctx, const char *name, void **value);
NNG_DECL int nng_ctx_get_addr(nng_ctx ctx, const char *name, nng_sockaddr *value);

/* --- Asynchronous operations ----------------------------------------------------------------- */

/*
 * An aio stands for one operation at a time: a send, a receive, a sleep, or one that the program
 * provides. `callback(argument)` runs once for each operation that was begun, whatever its end; it may
 * run before the call that began it returns, and never inside that call. It may begin the next
 * operation on the same aio, and may make any call of this library. Without a callback (NULL) the
 * end is found with nng_aio_wait or nng_aio_busy.
 *
 * Callbacks  run one after the other, on a thread of the library's, without any lock of its own. One
 *            that takes long holds up the others, what they and it send, and I/O that no other thread
 *            waits for: the system calls of those that are due together are made together. While
 *            one waits inside the library, others run on another thread.
 * Errors     of an operation, NNG_ECLOSED for an unknown handle included, come as its result.
 * Threads    the accessors (set, get, result, count) are for whoever owns the aio while nothing is
 *            under way on it, which is so again when its callback begins; the rest for any thread.
 * Mistakes   an operation that is begun while one is under way is not begun: no callback comes of it.
 *
 * Keeps the library's thread until it is freed. NNG_ENOMEM, NNG_ENOFILES.
 */
NNG_DECL int nng_aio_alloc(nng_aio **aio, void (*callback)(void *), void *argument);

/*
 * Stops, waits for the callback's return, and frees; NULL is fine. A message in the aio stays the
 * caller's. From the aio's own callback it is nng_aio_reap.
 */
NNG_DECL void nng_aio_free(nng_aio *aio);

/* The same without waiting: what is under way is cancelled, and freed after its callback. */
NNG_DECL void nng_aio_reap(nng_aio *aio);

/*
 * Cancels what is under way (NNG_ECANCELED) and waits for its callback's return, except from that
 * callback itself. Nothing can be begun on the aio any more: no callback, the result is NNG_ECANCELED.
 */
NNG_DECL void nng_aio_stop(nng_aio *aio);

/*
 * Asks for what is under way to end with `error`, for cancel and 0 NNG_ECANCELED; it may end as it
 * would have when that comes first. The callback comes as always. Nothing when nothing is under way.
 */
NNG_DECL void nng_aio_abort(nng_aio *aio, int error);
NNG_DECL void nng_aio_cancel(nng_aio *aio);

/* Waits until nothing is under way and the callback has returned; in that callback not at all. */
NNG_DECL void nng_aio_wait(nng_aio *aio);

/* Whether nng_aio_wait would wait. */
NNG_DECL bool nng_aio_busy(nng_aio *aio);

/* 0 or NNG_E* of the last operation; 0 before any. */
NNG_DECL int nng_aio_result(nng_aio *aio);

/* Bytes of the body of the message sent or received. */
NNG_DECL size_t nng_aio_count(nng_aio *aio);

/*
 * A send takes the message when it succeeds, else it is there still. A receive that succeeds puts one
 * there, which is the caller's.
 */
NNG_DECL void nng_aio_set_msg(nng_aio *aio, nng_msg *msg);
NNG_DECL nng_msg *nng_aio_get_msg(nng_aio *aio);

/*
 * How long each operation may take, in ms: NNG_ETIMEDOUT. NNG_DURATION_DEFAULT, as at first: as long as
 * the socket or context says; 0: it ends at once.
 */
NNG_DECL void nng_aio_set_timeout(nng_aio *aio, nng_duration timeout);

/* Until when the next operation may last, by nng_clock, instead of the timeout. */
NNG_DECL void nng_aio_set_expire(nng_aio *aio, nng_time when);

/* At most 8 parts, which are copied, not what they point to. NNG_EINVAL. */
NNG_DECL int nng_aio_set_iov(nng_aio *aio, unsigned count, const nng_iov *iov);

/* Four values each way, for the two sides of an operation; index 0 to 3. NNG_EINVAL; NULL. */
NNG_DECL int nng_aio_set_input(nng_aio *aio, unsigned index, void *value);
NNG_DECL int nng_aio_set_output(nng_aio *aio, unsigned index, void *value);
NNG_DECL void *nng_aio_get_input(nng_aio *aio, unsigned index);
NNG_DECL void *nng_aio_get_output(nng_aio *aio, unsigned index);

/* On a socket; nng_sock_ is another name. */
NNG_DECL void nng_send_aio(nng_socket socket, nng_aio *aio);
NNG_DECL void nng_recv_aio(nng_socket socket, nng_aio *aio);
NNG_DECL void nng_sock_send(nng_socket socket, nng_aio *aio);
NNG_DECL void nng_sock_recv(nng_socket socket, nng_aio *aio);

/* On a context. */
NNG_DECL void nng_ctx_send(nng_ctx ctx, nng_aio *aio);
NNG_DECL void nng_ctx_recv(nng_ctx ctx, nng_aio *aio);

/*
 * Forwards messages between two raw sockets of matching protocols, both ways as far as the protocols
 * go, until one of them is closed (NNG_ECLOSED) or receives with an error; closing both is left to the
 * caller. With one handle that is 0 or -1, or the same twice, what is received goes back where it came
 * from. A message that cannot be sent on is lost. nng_device blocks; nng_device_aio, which ends by
 * nng_aio_cancel too, does not.
 *
 * Errors     NNG_EINVAL  a socket is not raw, or the protocols do not match
 */
NNG_DECL int nng_device(nng_socket s1, nng_socket s2);
NNG_DECL void nng_device_aio(nng_aio *aio, nng_socket s1, nng_socket s2);

/* Succeeds after `duration` ms; NNG_ETIMEDOUT if the aio's timeout is shorter. Negative: never. */
NNG_DECL void nng_sleep_aio(nng_duration duration, nng_aio *aio);

/*
 * For those who provide an operation on someone's aio. begin: false, the aio was stopped (or is in
 * use), touch it no more. defer, at most once for an operation: `cancel(aio, argument, error)` is
 * called, once at most and on a thread that runs callbacks, to ask for its end, perhaps while it ends
 * by itself: then the provider's own lock decides. finish ends it, exactly once.
 */
NNG_DECL bool nng_aio_begin(nng_aio *aio);
NNG_DECL void nng_aio_defer(nng_aio *aio, nng_aio_cancelfn cancel, void *argument);
NNG_DECL void nng_aio_finish(nng_aio *aio, int result);

/* --- Messages -------------------------------------------------------------------------------- */

/*
 * A message is a body, as long as memory allows, and a header of at most 64 bytes. append and chop
 * work at the end, insert and trim at the front. What changes a length ends the validity of the
 * pointer to that part. Taking away more than there is: NNG_EINVAL; a header longer than
 * 64 bytes: NNG_EINVAL. On any error the message is unchanged. Numbers are big-endian.
 */

/* A body of `bytes` zero bytes, no header; the caller owns it. */
NNG_DECL int nng_msg_alloc(nng_msg **msg, size_t bytes);
NNG_DECL void nng_msg_free(nng_msg *msg);

/* An independent copy of header, body and pipe. */
NNG_DECL int nng_msg_dup(nng_msg **copy, const nng_msg *msg);

/* Sets the length of the body; new bytes have any value. */
NNG_DECL int nng_msg_realloc(nng_msg *msg, size_t bytes);

/* Makes room for a body of `bytes` bytes and changes nothing else. */
NNG_DECL int nng_msg_reserve(nng_msg *msg, size_t bytes);

/* How long the body can grow at its end without a new allocation. */
NNG_DECL size_t nng_msg_capacity(nng_msg *msg);

/* The pipe the message came in on, id 0 if none; in some raw modes the one it goes out to. */
NNG_DECL nng_pipe nng_msg_get_pipe(const nng_msg *msg);
NNG_DECL void nng_msg_set_pipe(nng_msg *msg, nng_pipe pipe);

/* The body. append and insert of NULL make room for bytes of any value. */
NNG_DECL void *nng_msg_body(nng_msg *msg);
NNG_DECL size_t nng_msg_len(const nng_msg *msg);
NNG_DECL void nng_msg_clear(nng_msg *msg);
NNG_DECL int nng_msg_append(nng_msg *msg, const void *data, size_t bytes);
NNG_DECL int nng_msg_insert(nng_msg *msg, const void *data, size_t bytes);
NNG_DECL int nng_msg_trim(nng_msg *msg, size_t bytes);
NNG_DECL int nng_msg_chop(nng_msg *msg, size_t bytes);
NNG_DECL int nng_msg_append_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_append_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_append_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_insert_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_insert_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_insert_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_trim_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_trim_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_trim_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_chop_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_chop_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_chop_u64(nng_msg *msg, uint64_t *value);

/* The header. */
NNG_DECL void *nng_msg_header(nng_msg *msg);
NNG_DECL size_t nng_msg_header_len(const nng_msg *msg);
NNG_DECL void nng_msg_header_clear(nng_msg *msg);
NNG_DECL int nng_msg_header_append(nng_msg *msg, const void *data, size_t bytes);
NNG_DECL int nng_msg_header_insert(nng_msg *msg, const void *data, size_t bytes);
NNG_DECL int nng_msg_header_trim(nng_msg *msg, size_t bytes);
NNG_DECL int nng_msg_header_chop(nng_msg *msg, size_t bytes);
NNG_DECL int nng_msg_header_append_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_header_append_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_header_append_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_header_insert_u16(nng_msg *msg, uint16_t value);
NNG_DECL int nng_msg_header_insert_u32(nng_msg *msg, uint32_t value);
NNG_DECL int nng_msg_header_insert_u64(nng_msg *msg, uint64_t value);
NNG_DECL int nng_msg_header_trim_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_header_trim_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_header_trim_u64(nng_msg *msg, uint64_t *value);
NNG_DECL int nng_msg_header_chop_u16(nng_msg *msg, uint16_t *value);
NNG_DECL int nng_msg_header_chop_u32(nng_msg *msg, uint32_t *value);
NNG_DECL int nng_msg_header_chop_u64(nng_msg *msg, uint64_t *value);

#ifndef NNG_ELIDE_DEPRECATED
/* Always NNG_ENOTSUP. */
NNG_DECL NNG_DEPRECATED int nng_msg_getopt(nng_msg *msg, int option, void *value, size_t *bytes);
#endif

/* --- URLs and addresses ---------------------------------------------------------------------- */

/*
 * Takes a URL apart; the caller frees the result with nng_url_free. For ipc, unix, abstract and
 * inproc all that follows `://` is u_path and all but u_rawurl, u_scheme and u_path is NULL. For
 * other schemes nothing is NULL and what is absent is "". NNG_EINVAL: malformed.
 */
NNG_DECL int nng_url_parse(nng_url **url, const char *text);
NNG_DECL int nng_url_clone(nng_url **copy, const nng_url *url);
NNG_DECL void nng_url_free(nng_url *url);

/*
 * Writes an address as text into `text`, cut off where it does not fit, and returns `text`, or
 * a static "unknown". NNG_MAXADDRSTRLEN bytes hold most addresses.
 */
NNG_DECL const char *nng_str_sockaddr(const nng_sockaddr *address, char *text, size_t bytes);

/* --- Time and threads ------------------------------------------------------------------------ */

/* Monotonic time in milliseconds since a moment that is fixed while the system runs. */
NNG_DECL nng_time nng_clock(void);

/* Blocks for at least `ms` milliseconds; returns at once if it is not positive. */
NNG_DECL void nng_msleep(nng_duration ms);

/* A number from the system's strong source. */
NNG_DECL uint32_t nng_random(void);

/*
 * Two connected stream sockets, as the system's socketpair gives them (POSIX): they block and are
 * inherited by other programs unless the caller changes that. The caller closes both. NNG_ENOTSUP:
 * the system has none (Windows); NNG_ENOFILES.
 */
NNG_DECL int nng_socket_pair(int ends[2]);

/*
 * Starts a thread that runs `run(argument)` with all signals blocked. Every thread is destroyed
 * once, which waits until it has ended and frees it; from the thread itself that waits for nothing.
 * NNG_EINVAL: `run` is NULL. Destroying NULL does nothing.
 */
NNG_DECL int nng_thread_create(nng_thread **thread, void (*run)(void *), void *argument);
NNG_DECL void nng_thread_destroy(nng_thread *thread);

/* Names a thread, NULL: the caller's, in debuggers and the like; may cut the name or do nothing. */
NNG_DECL void nng_thread_set_name(nng_thread *thread, const char *name);

/* A lock, not recursive; the thread that locked it unlocks it. Freed while unlocked; NULL is fine. */
NNG_DECL int nng_mtx_alloc(nng_mtx **mtx);
NNG_DECL void nng_mtx_free(nng_mtx *mtx);
NNG_DECL void nng_mtx_lock(nng_mtx *mtx);
NNG_DECL void nng_mtx_unlock(nng_mtx *mtx);

/*
 * A condition variable of one lock, which outlives it and is held by the caller of each of the
 * functions but alloc and free. Waiting gives the lock away meanwhile, and may end without a reason.
 * Freed while nobody waits; NULL is fine. NNG_EINVAL: `mtx` is NULL.
 */
NNG_DECL int nng_cv_alloc(nng_cv **cv, nng_mtx *mtx);
NNG_DECL void nng_cv_free(nng_cv *cv);
NNG_DECL void nng_cv_wait(nng_cv *cv);

/* Waits until nng_clock() is `when` at most; NNG_ETIMEDOUT: it is, and nobody woke the caller. */
NNG_DECL int nng_cv_until(nng_cv *cv, nng_time when);

/* Wakes all, or one, of those that wait. */
NNG_DECL void nng_cv_wake(nng_cv *cv);
NNG_DECL void nng_cv_wake1(nng_cv *cv);

/* --- Statistics ------------------------------------------------------------------------------ */

/*
 * A snapshot of what the library counts, a tree of nng_stat; it does not change any more. It belongs
 * to one thread at a time and all of it, strings too, is freed with its root; freeing NULL, or what
 * is not a root, does nothing.
 *
 * The root's children are scopes named socket, dialer, listener and pipe, one for each that is open:
 * the sockets by id, each followed by its dialers and listeners, each of these by its pipes. A
 * scope's value is the object's id and its children are values; names are nng's.
 *
 * tx_* and rx_* count messages that the protocol gave to or got from its peers, and their bytes of
 * header and body; a socket's are the sums of all pipes that it has had. connect and accept count
 * handshakes that came to their end, reject those whose pipe the protocol did not want, for the
 * peer's or for its being one too many, or that a callback for NNG_PIPE_EV_ADD_PRE closed; the others
 * count attempts that failed before.
 *
 * Where nng 1.5.2 differs: its scope of a socket has the value 0, the tx_bytes of its pipes are those
 * of the body alone, it counts nothing on inproc pipes, and on sockets of req and rep no messages; a
 * listener's pipes are of type NNG_STAT_COUNTER, an inproc endpoint has no rcv_max, and pair1 adds
 * statistics of its own, which are not here. Texts (nng_stat_desc) are not the same.
 */
NNG_DECL int nng_stats_get(nng_stat **root);
NNG_DECL void nng_stats_free(nng_stat *root);

/* Writes a tree, or a part of one, to the standard output. */
NNG_DECL void nng_stats_dump(nng_stat *tree);

/* NULL after the last sibling; NULL for a value, or a scope without any. */
NNG_DECL nng_stat *nng_stat_next(nng_stat *stat);
NNG_DECL nng_stat *nng_stat_child(nng_stat *stat);

/* The first of that name, depth first and `tree` included; NULL: none. */
NNG_DECL nng_stat *nng_stat_find(nng_stat *tree, const char *name);

/* The object's scope, in a whole tree or if `tree` is the one; NULL: it was not open. */
NNG_DECL nng_stat *nng_stat_find_socket(nng_stat *tree, nng_socket socket);
NNG_DECL nng_stat *nng_stat_find_dialer(nng_stat *tree, nng_dialer dialer);
NNG_DECL nng_stat *nng_stat_find_listener(nng_stat *tree, nng_listener listener);

NNG_DECL const char *nng_stat_name(nng_stat *stat);
NNG_DECL const char *nng_stat_desc(nng_stat *stat);

/* NNG_STAT_* and NNG_UNIT_*. */
NNG_DECL int nng_stat_type(nng_stat *stat);
NNG_DECL int nng_stat_unit(nng_stat *stat);

/* "" for what is not a string; 0 for a string; whether that is not 0. */
NNG_DECL const char *nng_stat_string(nng_stat *stat);
NNG_DECL uint64_t nng_stat_value(nng_stat *stat);
NNG_DECL bool nng_stat_bool(nng_stat *stat);

/* When the snapshot was taken, as nng_clock tells the time; of the root, 0 for others. */
NNG_DECL uint64_t nng_stat_timestamp(nng_stat *stat);

/* --- Logging --------------------------------------------------------------------------------- */

/*
 * Messages for the program's log; the library writes none of its own. `format` and what follows are
 * printf's; of the text 1023 bytes are kept. `id` names the kind of message and may be NULL. The
 * message goes to the logger, on the calling thread and under no lock, unless its level is above the
 * one set. nng_log_auth's facility is NNG_LOG_AUTH, that of the others the one set.
 */
NNG_DECL void nng_log_err(const char *id, const char *format, ...);
NNG_DECL void nng_log_warn(const char *id, const char *format, ...);
NNG_DECL void nng_log_notice(const char *id, const char *format, ...);
NNG_DECL void nng_log_info(const char *id, const char *format, ...);
NNG_DECL void nng_log_debug(const char *id, const char *format, ...);
NNG_DECL void nng_log_auth(nng_log_level level, const char *id, const char *format, ...);

/* The highest level that passes, at first NNG_LOG_NOTICE; NNG_LOG_NONE: none does. */
NNG_DECL void nng_log_set_level(nng_log_level level);
NNG_DECL nng_log_level nng_log_get_level(void);

/* At first NNG_LOG_USER. */
NNG_DECL void nng_log_set_facility(nng_log_facility facility);

/*
 * Who gets the messages, at first and with NULL nng_null_logger. It may be called by several threads
 * at once, and still be running when the call that names another one returns.
 */
NNG_DECL void nng_log_set_logger(nng_logger logger);

/*
 * Loggers: one that drops everything; one that writes a line to stderr, in colours if that is a
 * terminal and neither NNG_LOG_NO_COLOR nor NO_COLOR is in the environment; one for the system's log
 * (POSIX: syslog; Windows: the debugger's).
 */
NNG_DECL void nng_null_logger(nng_log_level level, nng_log_facility facility, const char *id,
                              const char *text);
NNG_DECL void nng_stderr_logger(nng_log_level level, nng_log_facility facility, const char *id,
                                const char *text);
NNG_DECL void nng_system_logger(nng_log_level level, nng_log_facility facility, const char *id,
                                const char *text);

/* --- Old spellings of options ---------------------------------------------------------------- */

#ifndef NNG_ELIDE_DEPRECATED
/* Each is the function of the new name: nng_[object_]setopt_* is nng_<object>_set_*. */
NNG_DECL NNG_DEPRECATED int nng_setopt(nng_socket socket, const char *name, const void *value,
                                       size_t bytes);
NNG_DECL NNG_DEPRECATED int nng_setopt_bool(nng_socket socket, const char *name, bool value);
NNG_DECL NNG_DEPRECATED int nng_setopt_int(nng_socket socket, const char *name, int value);
NNG_DECL NNG_DEPRECATED int nng_setopt_ms(nng_socket socket, const char *name, nng_duration value);
NNG_DECL NNG_DEPRECATED int nng_setopt_size(nng_socket socket, const char *name, size_t value);
NNG_DECL NNG_DEPRECATED int nng_setopt_uint64(nng_socket socket, const char *name, uint64_t value);
NNG_DECL NNG_DEPRECATED int nng_setopt_string(nng_socket socket, const char *name,
                                              const char *value);
NNG_DECL NNG_DEPRECATED int nng_setopt_ptr(nng_socket socket, const char *name, void *value);
NNG_DECL NNG_DEPRECATED int nng_getopt(nng_socket socket, const char *name, void *value,
                                       size_t *bytes);
NNG_DECL NNG_DEPRECATED int nng_getopt_bool(nng_socket socket, const char *name, bool *value);
NNG_DECL NNG_DEPRECATED int nng_getopt_int(nng_socket socket, const char *name, int *value);
NNG_DECL NNG_DEPRECATED int nng_getopt_ms(nng_socket socket, const char *name, nng_duration *value);
NNG_DECL NNG_DEPRECATED int nng_getopt_size(nng_socket socket, const char *name, size_t *value);
NNG_DECL NNG_DEPRECATED int nng_getopt_uint64(nng_socket socket, const char *name, uint64_t *value);
NNG_DECL NNG_DEPRECATED int nng_getopt_string(nng_socket socket, const char *name, char **value);
NNG_DECL NNG_DEPRECATED int nng_getopt_ptr(nng_socket socket, const char *name, void **value);

NNG_DECL NNG_DEPRECATED int nng_ctx_setopt(nng_ctx ctx, const char *name, const void *value,
                                           size_t bytes);
NNG_DECL NNG_DEPRECATED int nng_ctx_setopt_bool(nng_ctx ctx, const char *name, bool value);
NNG_DECL NNG_DEPRECATED int nng_ctx_setopt_int(nng_ctx ctx, const char *name, int value);
NNG_DECL NNG_DEPRECATED int nng_ctx_setopt_ms(nng_ctx ctx, const char *name, nng_duration value);
NNG_DECL NNG_DEPRECATED int nng_ctx_setopt_size(nng_ctx ctx, const char *name, size_t value);
NNG_DECL NNG_DEPRECATED int nng_ctx_getopt(nng_ctx ctx, const char *name, void *value,
                                           size_t *bytes);
NNG_DECL NNG_DEPRECATED int nng_ctx_getopt_bool(nng_ctx ctx, const char *name, bool *value);
NNG_DECL NNG_DEPRECATED int nng_ctx_getopt_int(nng_ctx ctx, const char *name, int *value);
NNG_DECL NNG_DEPRECATED int nng_ctx_getopt_ms(nng_ctx ctx, const char *name, nng_duration *value);
NNG_DECL NNG_DEPRECATED int nng_ctx_getopt_size(nng_ctx ctx, const char *name, size_t *value);

NNG_DECL NNG_DEPRECATED int nng_dialer_setopt(nng_dialer dialer, const char *name,
                                              const void *value, size_t bytes);
NNG_DECL NNG_DEPRECATED int nng_dialer_setopt_bool(nng_dialer dialer, const char *name, bool value);
NNG_DECL NNG_DEPRECATED int nng_dialer_setopt_int(nng_dialer dialer, const char *name, int value);
NNG_DECL NNG_DEPRECATED int nng_dialer_setopt_ms(nng_dialer dialer, const char *name,
                                                 nng_duration value);
NNG_DECL NNG_DEPRECATED int nng_dialer_setopt_size(nng_dialer dialer, const char *name,
                                                   size_t value);
NNG_DECL NNG_DEPRECATED int nng_dialer_setopt_uint64(nng_dialer dialer, const char *name,
                                                     uint64_t value);
NNG_DECL NNG_DEPRECATED int nng_dialer_setopt_string(nng_dialer dialer, const char *name,
                                                     const char *value);
NNG_DECL NNG_DEPRECATED int nng_dialer_setopt_ptr(nng_dialer dialer, const char *name, void *value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt(nng_dialer dialer, const char *name, void *value,
                                              size_t *bytes);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_bool(nng_dialer dialer, const char *name,
                                                   bool *value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_int(nng_dialer dialer, const char *name, int *value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_ms(nng_dialer dialer, const char *name,
                                                 nng_duration *value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_size(nng_dialer dialer, const char *name,
                                                   size_t *value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_uint64(nng_dialer dialer, const char *name,
                                                     uint64_t *value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_string(nng_dialer dialer, const char *name,
                                                     char **value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_ptr(nng_dialer dialer, const char *name,
                                                  void **value);
NNG_DECL NNG_DEPRECATED int nng_dialer_getopt_sockaddr(nng_dialer dialer, const char *name,
                                                       nng_sockaddr *value);

NNG_DECL NNG_DEPRECATED int nng_listener_setopt(nng_listener listener, const char *name,
                                                const void *value, size_t bytes);
NNG_DECL NNG_DEPRECATED int nng_listener_setopt_bool(nng_listener listener, const char *name,
                                                     bool value);
NNG_DECL NNG_DEPRECATED int nng_listener_setopt_int(nng_listener listener, const char *name,
                                                    int value);
NNG_DECL NNG_DEPRECATED int nng_listener_setopt_ms(nng_listener listener, const char *name,
                                                   nng_duration value);
NNG_DECL NNG_DEPRECATED int nng_listener_setopt_size(nng_listener listener, const char *name,
                                                     size_t value);
NNG_DECL NNG_DEPRECATED int nng_listener_setopt_uint64(nng_listener listener, const char *name,
                                                       uint64_t value);
NNG_DECL NNG_DEPRECATED int nng_listener_setopt_string(nng_listener listener, const char *name,
                                                       const char *value);
NNG_DECL NNG_DEPRECATED int nng_listener_setopt_ptr(nng_listener listener, const char *name,
                                                    void *value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt(nng_listener listener, const char *name,
                                                void *value, size_t *bytes);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_bool(nng_listener listener, const char *name,
                                                     bool *value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_int(nng_listener listener, const char *name,
                                                    int *value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_ms(nng_listener listener, const char *name,
                                                   nng_duration *value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_size(nng_listener listener, const char *name,
                                                     size_t *value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_uint64(nng_listener listener, const char *name,
                                                       uint64_t *value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_string(nng_listener listener, const char *name,
                                                       char **value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_ptr(nng_listener listener, const char *name,
                                                    void **value);
NNG_DECL NNG_DEPRECATED int nng_listener_getopt_sockaddr(nng_listener listener, const char *name,
                                                         nng_sockaddr *value);

NNG_DECL NNG_DEPRECATED int nng_pipe_getopt(nng_pipe pipe, const char *name, void *value,
                                            size_t *bytes);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_bool(nng_pipe pipe, const char *name, bool *value);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_int(nng_pipe pipe, const char *name, int *value);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_ms(nng_pipe pipe, const char *name,
                                               nng_duration *value);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_size(nng_pipe pipe, const char *name, size_t *value);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_uint64(nng_pipe pipe, const char *name,
                                                   uint64_t *value);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_string(nng_pipe pipe, const char *name, char **value);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_ptr(nng_pipe pipe, const char *name, void **value);
NNG_DECL NNG_DEPRECATED int nng_pipe_getopt_sockaddr(nng_pipe pipe, const char *name,
                                                     nng_sockaddr *value);
#endif

#ifdef __cplusplus
}
#endif

#endif
