/*
 * Statistics: a snapshot of what objects count, taken under the loop lock into one block. Objects
 * have numbers only; names and texts are here. Nothing else of the library refers to this file.
 */
#include "stat.h"
#include "alloc.h"
#include "loop.h"
#include "pipe.h"
#include "socket.h"

#include <stdlib.h>
#include <string.h>

/* A scope's value is the id of its object, and its children are the statistics behind it. */
struct nng_stat {
    const struct stat_about *about;
    uint64_t number;
    const char *string; /* NULL: a number */
    nng_stat *next;     /* sibling */
};

struct snapshot {
    size_t bytes;
    nng_stat stats[]; /* the root first, whose number is the time in ms; then texts */
};

static const struct stat_about root_about = {"", "all statistics", NNG_STAT_SCOPE, NNG_UNIT_NONE};

/* The first of each is the scope. */
static const struct stat_about socket_about[] = {
    {"socket", "a socket", NNG_STAT_SCOPE, NNG_UNIT_NONE},
    {"id", "id of the socket", NNG_STAT_ID, NNG_UNIT_NONE},
    {"name", "name of the socket", NNG_STAT_STRING, NNG_UNIT_NONE},
    {"protocol", "its protocol", NNG_STAT_STRING, NNG_UNIT_NONE},
    {"dialers", "open dialers", NNG_STAT_LEVEL, NNG_UNIT_NONE},
    {"listeners", "open listeners", NNG_STAT_LEVEL, NNG_UNIT_NONE},
    {"pipes", "open pipes", NNG_STAT_LEVEL, NNG_UNIT_NONE},
    {"reject", "rejected pipes", NNG_STAT_COUNTER, NNG_UNIT_NONE},
    {"tx_msgs", "messages sent", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
    {"rx_msgs", "messages received", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},
    {"tx_bytes", "bytes sent", NNG_STAT_COUNTER, NNG_UNIT_BYTES},
    {"rx_bytes", "bytes received", NNG_STAT_COUNTER, NNG_UNIT_BYTES},
};

// clang-format off
#define ENDPOINT_FAILURES                                                                          \
    {"disconnect", "ended by the peer in the handshake", NNG_STAT_COUNTER, NNG_UNIT_NONE},         \
    {"canceled", "canceled connections", NNG_STAT_COUNTER, NNG_UNIT_NONE},                         \
    {"other", "other errors", NNG_STAT_COUNTER, NNG_UNIT_NONE},                                    \
    {"timeout", "timeouts", NNG_STAT_COUNTER, NNG_UNIT_NONE},                                      \
    {"proto", "protocol errors", NNG_STAT_COUNTER, NNG_UNIT_NONE},                                 \
    {"auth", "authentication errors", NNG_STAT_COUNTER, NNG_UNIT_NONE},                            \
    {"oom", "lacks of memory", NNG_STAT_COUNTER, NNG_UNIT_NONE},                                   \
    {"reject", "rejected pipes", NNG_STAT_COUNTER, NNG_UNIT_NONE},                                 \
    {"rcv_max", "limit of a message received, 0: none", NNG_STAT_LEVEL, NNG_UNIT_BYTES}
// clang-format on

static const struct stat_about dialer_about[] = {
    {"dialer", "a dialer", NNG_STAT_SCOPE, NNG_UNIT_NONE},
    {"id", "id of the dialer", NNG_STAT_ID, NNG_UNIT_NONE},
    {"socket", "id of its socket", NNG_STAT_ID, NNG_UNIT_NONE},
    {"url", "where it connects to", NNG_STAT_STRING, NNG_UNIT_NONE},
    {"pipes", "open pipes", NNG_STAT_LEVEL, NNG_UNIT_NONE},
    {"connect", "connections made", NNG_STAT_COUNTER, NNG_UNIT_NONE},
    {"refused", "connections refused", NNG_STAT_COUNTER, NNG_UNIT_NONE},
    ENDPOINT_FAILURES,
};

static const struct stat_about listener_about[] = {
    {"listener", "a listener", NNG_STAT_SCOPE, NNG_UNIT_NONE},
    {"id", "id of the listener", NNG_STAT_ID, NNG_UNIT_NONE},
    {"socket", "id of its socket", NNG_STAT_ID, NNG_UNIT_NONE},
    {"url", "where it listens", NNG_STAT_STRING, NNG_UNIT_NONE},
    {"pipes", "open pipes", NNG_STAT_LEVEL, NNG_UNIT_NONE},
    {"accept", "connections accepted", NNG_STAT_COUNTER, NNG_UNIT_NONE},
    ENDPOINT_FAILURES,
};

// clang-format off
#define PIPE_ABOUT(endpoint, endpoint_text)                                                        \
    {"pipe", "a pipe", NNG_STAT_SCOPE, NNG_UNIT_NONE},                                             \
    {"id", "id of the pipe", NNG_STAT_ID, NNG_UNIT_NONE},                                          \
    {"socket", "id of its socket", NNG_STAT_ID, NNG_UNIT_NONE},                                    \
    {"rx_msgs", "messages received", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},                         \
    {"tx_msgs", "messages sent", NNG_STAT_COUNTER, NNG_UNIT_MESSAGES},                             \
    {"rx_bytes", "bytes received", NNG_STAT_COUNTER, NNG_UNIT_BYTES},                              \
    {"tx_bytes", "bytes sent", NNG_STAT_COUNTER, NNG_UNIT_BYTES},                                  \
    {endpoint, endpoint_text, NNG_STAT_ID, NNG_UNIT_NONE}
// clang-format on

static const struct stat_about dialed_about[] = {PIPE_ABOUT("dialer", "id of its dialer")};
static const struct stat_about accepted_about[] = {PIPE_ABOUT("listener", "id of its listener")};

enum {
    SOCKET_STATS = sizeof(socket_about) / sizeof(socket_about[0]),
    DIALER_STATS = sizeof(dialer_about) / sizeof(dialer_about[0]),
    LISTENER_STATS = sizeof(listener_about) / sizeof(listener_about[0]),
    PIPE_STATS = sizeof(dialed_about) / sizeof(dialed_about[0]),
};

/* ---- what there is ---- */

/* Counted first, so that one block holds it all. */
struct size {
    size_t sockets;
    size_t stats;
    size_t text_bytes;
};

static struct socket *socket_next(struct loop *loop, uint32_t *cursor)
{
    struct handle *handle;

    while ((handle = spry_idmap_next(&loop->handles, cursor)) != NULL) {
        if (handle->kind == HANDLE_SOCKET)
            return SPRY_CONTAINER(handle, struct socket, handle);
    }
    return NULL;
}

static size_t protocol_stats(const struct protocol *protocol)
{
    size_t count = 0;

    while (protocol->stats != NULL && protocol->stats[count].name != NULL)
        count++;
    return count;
}

static void socket_measure(const struct socket *socket, struct size *size)
{
    size->sockets++;
    size->stats += SOCKET_STATS + protocol_stats(socket->protocol);
    size->text_bytes += strlen(socket->name) + 1;
    for (struct list *node = socket->endpoints.next; node != &socket->endpoints;
         node = node->next) {
        const struct endpoint *endpoint = SPRY_CONTAINER(node, struct endpoint, socket_node);

        size->stats += endpoint->handle.kind == HANDLE_DIALER ? DIALER_STATS : LISTENER_STATS;
        size->stats += endpoint->pipes * PIPE_STATS;
        size->text_bytes += strlen(endpoint->url->u_rawurl) + 1;
    }
}

/* ---- writing it down ---- */

struct writer {
    nng_stat *stat;                 /* the next to write */
    const struct stat_about *about; /* of that */
    nng_stat *scope;                /* the one that is being written */
    char *text;
};

static void put(struct writer *w, uint64_t number, const char *string)
{
    *w->stat = (nng_stat){w->about++, number, string, w->stat + 1};
    w->stat++;
}

static void put_number(struct writer *w, uint64_t number)
{
    put(w, number, NULL);
}

static void put_copy(struct writer *w, const char *string)
{
    size_t bytes = strlen(string) + 1;

    put(w, 0, memcpy(w->text, string, bytes));
    w->text += bytes;
}

static void scope_begin(struct writer *w, const struct stat_about *about,
                        const struct handle *handle)
{
    w->scope = w->stat;
    w->about = about;
    put_number(w, handle->id);
    put_number(w, handle->id);
}

static void scope_end(struct writer *w)
{
    w->stat[-1].next = NULL;
    w->scope->next = w->stat;
}

static void write_pipe(struct writer *w, const struct pipe *pipe)
{
    bool dialed = pipe->endpoint->handle.kind == HANDLE_DIALER;

    scope_begin(w, dialed ? dialed_about : accepted_about, &pipe->handle);
    put_number(w, pipe->socket->handle.id);
    put_number(w, pipe->traffic.received_messages);
    put_number(w, pipe->traffic.sent_messages);
    put_number(w, pipe->traffic.received_bytes);
    put_number(w, pipe->traffic.sent_bytes);
    put_number(w, pipe->endpoint->handle.id);
    scope_end(w);
}

static void write_endpoint(struct writer *w, const struct endpoint *endpoint)
{
    bool dials = endpoint->handle.kind == HANDLE_DIALER;

    scope_begin(w, dials ? dialer_about : listener_about, &endpoint->handle);
    put_number(w, endpoint->socket->handle.id);
    put_copy(w, endpoint->url->u_rawurl);
    put_number(w, endpoint->pipes);
    for (int i = 0; i < ENDPOINT_COUNTS; i++) {
        if (dials || i != COUNT_REFUSED)
            put_number(w, endpoint->counts[i]);
    }
    put_number(w, endpoint->options.recv_size_max);
    scope_end(w);
    for (struct list *node = endpoint->carriers.next; node != &endpoint->carriers;
         node = node->next) {
        const struct carrier *carrier = SPRY_CONTAINER(node, struct carrier, node);

        if (carrier->pipe != NULL)
            write_pipe(w, carrier->pipe);
    }
}

/* A socket's sums: endpoints by kind, and its pipes', open and closed. */
struct sums {
    uint64_t dialers, listeners, pipes;
    struct traffic traffic;
};

static void socket_sum(const struct socket *socket, struct sums *sums)
{
    *sums = (struct sums){.traffic = socket->traffic};
    for (struct list *node = socket->endpoints.next; node != &socket->endpoints;
         node = node->next) {
        const struct endpoint *endpoint = SPRY_CONTAINER(node, struct endpoint, socket_node);

        if (endpoint->handle.kind == HANDLE_DIALER)
            sums->dialers++;
        else
            sums->listeners++;
        for (struct list *at = endpoint->carriers.next; at != &endpoint->carriers; at = at->next) {
            const struct pipe *pipe = SPRY_CONTAINER(at, struct carrier, node)->pipe;

            if (pipe != NULL) {
                sums->pipes++;
                spry_traffic_add(&sums->traffic, &pipe->traffic);
            }
        }
    }
}

/* They follow the socket's own, in the same scope. */
static void write_protocol(struct writer *w, const struct socket *socket)
{
    const struct protocol *protocol = socket->protocol;
    size_t count = protocol_stats(protocol);

    w->about = protocol->stats;
    for (size_t i = 0; i < count; i++)
        put_number(w, protocol->stat(socket->state, i));
}

static void write_socket(struct writer *w, const struct socket *socket)
{
    struct sums sums;

    socket_sum(socket, &sums);
    scope_begin(w, socket_about, &socket->handle);
    put_copy(w, socket->name);
    put(w, 0, socket->protocol->self_name);
    put_number(w, sums.dialers);
    put_number(w, sums.listeners);
    put_number(w, sums.pipes);
    put_number(w, socket->rejected);
    put_number(w, sums.traffic.sent_messages);
    put_number(w, sums.traffic.received_messages);
    put_number(w, sums.traffic.sent_bytes);
    put_number(w, sums.traffic.received_bytes);
    write_protocol(w, socket);
    scope_end(w);
    for (struct list *node = socket->endpoints.next; node != &socket->endpoints; node = node->next)
        write_endpoint(w, SPRY_CONTAINER(node, struct endpoint, socket_node));
}

/* As they were opened; the id table is in no order. */
static int by_id(const void *a, const void *b)
{
    const struct socket *const *one = a;
    const struct socket *const *other = b;

    return (*one)->handle.id < (*other)->handle.id ? -1 : 1;
}

/* `sockets` has room for as many pointers as there are. */
static void write_all(struct writer *w, struct loop *loop, struct socket **sockets)
{
    nng_stat *root = w->stat;
    struct socket *socket;
    uint32_t cursor = 0;
    size_t count = 0;

    while ((socket = socket_next(loop, &cursor)) != NULL)
        sockets[count++] = socket;
    if (count > 1)
        qsort(sockets, count, sizeof(*sockets), by_id);
    w->scope = root;
    w->about = &root_about;
    put_number(w, spry_clock_ns() / 1000000);
    for (size_t i = 0; i < count; i++)
        write_socket(w, sockets[i]);
    if (w->scope != root)
        w->scope->next = NULL;
    root->next = NULL;
}

static int snapshot_take(struct loop *loop, nng_stat **root)
{
    struct size size = {.stats = 1};
    struct writer writer = {.stat = NULL};
    struct snapshot *snapshot;
    struct socket *socket;
    struct socket **sockets;
    uint32_t cursor = 0;
    size_t bytes;

    while ((socket = socket_next(loop, &cursor)) != NULL)
        socket_measure(socket, &size);
    bytes = sizeof(*snapshot) + size.stats * sizeof(nng_stat) + size.sockets * sizeof(*sockets) +
            size.text_bytes;
    snapshot = spry_alloc(bytes);
    if (snapshot == NULL)
        return NNG_ENOMEM;
    snapshot->bytes = bytes;
    sockets = (struct socket **)(void *)(snapshot->stats + size.stats);
    writer.stat = snapshot->stats;
    writer.text = (char *)(sockets + size.sockets);
    write_all(&writer, loop, sockets);
    *root = snapshot->stats;
    return 0;
}

int nng_stats_get(nng_stat **root)
{
    struct loop *loop = spry_loop_enter();
    int rv = snapshot_take(loop, root);

    spry_loop_leave(loop);
    return rv;
}

static bool is_root(const nng_stat *stat)
{
    return stat->about == &root_about;
}

void nng_stats_free(nng_stat *root)
{
    struct snapshot *snapshot;

    if (root == NULL || !is_root(root))
        return;
    snapshot = SPRY_CONTAINER(root, struct snapshot, stats);
    spry_free(snapshot, snapshot->bytes);
}

/* ---- reading ---- */

nng_stat *nng_stat_next(nng_stat *stat)
{
    return stat->next;
}

/* The root of an empty tree has texts behind it, or nothing. */
nng_stat *nng_stat_child(nng_stat *stat)
{
    if (stat->about->type != NNG_STAT_SCOPE)
        return NULL;
    if (is_root(stat) && SPRY_CONTAINER(stat, struct snapshot, stats)->bytes ==
                             sizeof(struct snapshot) + sizeof(*stat))
        return NULL;
    return stat + 1;
}

const char *nng_stat_name(nng_stat *stat)
{
    return stat->about->name;
}

const char *nng_stat_desc(nng_stat *stat)
{
    return stat->about->text;
}

int nng_stat_type(nng_stat *stat)
{
    return stat->about->type;
}

int nng_stat_unit(nng_stat *stat)
{
    return stat->about->unit;
}

uint64_t nng_stat_value(nng_stat *stat)
{
    return is_root(stat) ? 0 : stat->number;
}

const char *nng_stat_string(nng_stat *stat)
{
    return stat->string != NULL ? stat->string : "";
}

bool nng_stat_bool(nng_stat *stat)
{
    return nng_stat_value(stat) != 0;
}

uint64_t nng_stat_timestamp(nng_stat *stat)
{
    return is_root(stat) ? stat->number : 0;
}

/* The tree is three deep. */
nng_stat *nng_stat_find(nng_stat *tree, const char *name)
{
    nng_stat *found = NULL;

    if (strcmp(tree->about->name, name) == 0)
        return tree;
    for (nng_stat *child = nng_stat_child(tree); child != NULL && found == NULL;
         child = child->next)
        found = nng_stat_find(child, name);
    return found;
}

static nng_stat *find_scope(nng_stat *tree, const struct stat_about *about, uint32_t id)
{
    nng_stat *child;

    if (tree->about == about)
        return tree->number == id ? tree : NULL;
    if (!is_root(tree))
        return NULL;
    for (child = nng_stat_child(tree); child != NULL; child = child->next) {
        if (child->about == about && child->number == id)
            return child;
    }
    return NULL;
}

nng_stat *nng_stat_find_socket(nng_stat *tree, nng_socket socket)
{
    return find_scope(tree, socket_about, socket.id);
}

nng_stat *nng_stat_find_dialer(nng_stat *tree, nng_dialer dialer)
{
    return find_scope(tree, dialer_about, dialer.id);
}

nng_stat *nng_stat_find_listener(nng_stat *tree, nng_listener listener)
{
    return find_scope(tree, listener_about, listener.id);
}
