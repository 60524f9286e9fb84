/*
 * An endpoint: what owns an address and makes pipes. A dialer does so actively, again and again;
 * a listener passively. All with the loop lock held unless it says otherwise.
 */
#ifndef SPRY_ENDPOINT_H
#define SPRY_ENDPOINT_H

#include "handle.h"
#include "list.h"
#include "option.h"
#include "request.h"
#include "timer.h"

#include <limits.h>
#include <spry.h>

struct carrier;
struct loop;
struct socket;
struct transport;

/* Options that a socket keeps for its endpoints, and each endpoint for its pipes. */
struct endpoint_options {
    size_t recv_size_max; /* bytes of header and body; 0: no limit */
    nng_duration reconnect_min_ms;
    nng_duration reconnect_max_ms; /* 0: the wait does not grow */
    int ipc_permissions;           /* mode bits, -1: as the umask says */
    bool tcp_nodelay;
    bool tcp_keepalive;
};

/* What an endpoint counts: connections that became a pipe, and what became of others. */
enum endpoint_count {
    COUNT_CONNECTED,  /* dialed or accepted, through the handshake; rejected ones too */
    COUNT_REFUSED,    /* a dialer's: nobody listens */
    COUNT_DISCONNECT, /* the peer closed or reset it before the handshake was over */
    COUNT_CANCELED,
    COUNT_OTHER, /* a name that is not known, no more descriptors, no way there... */
    COUNT_TIMEOUT,
    COUNT_PROTO, /* not an SP peer */
    COUNT_AUTH,
    COUNT_OOM,
    COUNT_REJECTED, /* by the protocol, by the program in its add-pre callback, or by a limit */
    ENDPOINT_COUNTS,
};

struct endpoint {
    struct handle handle;  /* HANDLE_DIALER or HANDLE_LISTENER */
    struct socket *socket; /* held */
    struct loop *loop;
    const struct transport *transport;
    void *state; /* the transport's */
    nng_url *url;
    nng_url
        *url_given; /* a listener's URL before the system chose the rest; programs may hold it */
    struct endpoint_options options;
    struct list socket_node;
    struct list carriers;
    struct list greeting; /* those of them that exchange hellos, the oldest first */
    bool started;
    uint64_t counts[ENDPOINT_COUNTS]; /* by enum endpoint_count */
    uint32_t pipes;                   /* open */
    uint32_t greetings;               /* in `greeting` */

    /* A listener's limits, 0: none. */
    int pipes_max;
    int greetings_max;

    /* A dialer's. */
    struct request *starter; /* the call that waits for the first attempt */
    struct timer retry;
    nng_duration backoff_ms; /* the next wait is a random time below */
};

/*
 * Makes an endpoint of an open socket, not started. Called without the lock; on 0 the loop is
 * entered and the caller leaves it. NNG_ECLOSED, or what the URL deserves.
 */
int spry_endpoint_open(struct endpoint **out, uint32_t socket_id, const char *url,
                       enum handle_kind kind);

/*
 * Starts a dialer: `starter` (NULL: nobody waits) is finished with the result of the first attempt.
 * On an error of this call itself `starter` is not finished: NNG_ESTATE.
 */
int spry_dialer_start(struct endpoint *dialer, struct request *starter);

/* NNG_ESTATE when started already. */
int spry_listener_start(struct endpoint *listener);

/* Closes it and all that it made. Once. */
void spry_endpoint_close(struct endpoint *endpoint);

void spry_endpoint_hold(struct endpoint *endpoint);
void spry_endpoint_release(struct endpoint *endpoint);

/* ---- from the transport ---- */

/* The handshake with a peer is over; a pipe is made next. */
void spry_endpoint_connected(struct endpoint *endpoint);

/*
 * An attempt to dial failed; or an accept did, or what was accepted broke its handshake (a listener
 * goes on). It is counted here.
 */
void spry_endpoint_failed(struct endpoint *endpoint, int error);

/* A connection is not wanted; the caller closes it. It is counted here. */
void spry_endpoint_reject(struct endpoint *endpoint);

/* A carrier begins and ends its exchange of hellos; until it ends it is in `greeting`. */
void spry_endpoint_greets(struct endpoint *endpoint, struct carrier *carrier);
void spry_endpoint_greeted(struct endpoint *endpoint, struct carrier *carrier);

/* A listener has as many pipes as it may have. */
bool spry_endpoint_is_full(const struct endpoint *endpoint);

/* The one that must go for the last that came; NULL: there is room for all. */
struct carrier *spry_endpoint_surplus(const struct endpoint *endpoint);

/* The listener listens at `url`, of which the system chose a part; it owns `url`. At most once. */
void spry_listener_renamed(struct endpoint *listener, nng_url *url);

/* ---- from the pipe ---- */

/* A pipe of the endpoint is gone: a dialer dials again. */
void spry_endpoint_lost(struct endpoint *endpoint);

/* ---- options ---- */

void spry_endpoint_options_init(struct endpoint_options *options);

/* Of listeners whose connections have a handshake, for the transport's table. */
#define LISTENER_LIMIT_OPTIONS                                                                     \
    {.name = SPRY_OPT_PIPES_MAX,                                                                   \
     .type = OPTION_INT,                                                                           \
     .get = spry_listener_get_pipes_max,                                                           \
     .set = spry_listener_set_pipes_max,                                                           \
     .max = INT_MAX},                                                                              \
    {                                                                                              \
        .name = SPRY_OPT_HANDSHAKES_MAX, .type = OPTION_INT,                                       \
        .get = spry_listener_get_greetings_max, .set = spry_listener_set_greetings_max,            \
        .max = INT_MAX                                                                             \
    }
int spry_listener_get_pipes_max(void *listener, union option_value *value);
int spry_listener_set_pipes_max(void *listener, const union option_value *value);
int spry_listener_get_greetings_max(void *listener, union option_value *value);
int spry_listener_set_greetings_max(void *listener, const union option_value *value);

/* Of any endpoint, besides those in `options`; the object is the endpoint. */
extern const struct option spry_endpoint_own_options[];

#endif
