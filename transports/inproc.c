/*
 * inproc: both ends in one process. A pair of carriers hands messages over; there is no queue, so a
 * message waits at its sender until the receiver asks. docs/wire.md section 3.
 */
#include "alloc.h"
#include "loop.h"
#include "msg.h"
#include "pipe.h"
#include "socket.h"
#include "transport.h"

#include <nng/transport/inproc/inproc.h>
#include <string.h>

struct pair;

/* One end. */
struct end {
    struct carrier carrier;
    struct pair *pair;
    nng_msg *out; /* sent here, not yet taken by the other end */
    bool wanted;  /* the pipe asked for a message */
    bool open;
};

/* Both ends; freed when both are closed and its work is done. */
struct pair {
    struct loop *loop;
    struct task work;
    bool posted;
    struct end ends[2]; /* the dialer's, the listener's */
};

/* Those who listen, by URL; under the loop lock. */
static struct list listeners = {&listeners, &listeners};

struct inproc_listener {
    struct list node;
    struct endpoint *endpoint;
};

static struct end *end_of(struct carrier *carrier)
{
    return SPRY_CONTAINER(carrier, struct end, carrier);
}

static struct end *end_other(const struct end *end)
{
    struct pair *pair = end->pair;

    return end == &pair->ends[0] ? &pair->ends[1] : &pair->ends[0];
}

static void pair_post(struct pair *pair)
{
    if (pair->posted)
        return;
    pair->posted = true;
    spry_loop_post(pair->loop, &pair->work);
}

/* The header goes in front of the body, as it would on a wire; who else holds it keeps the original. */
static int merge_header(nng_msg **msg)
{
    nng_msg *from = *msg;
    nng_msg *to;
    int rv;

    if (from->refs == 1) {
        rv = nng_msg_insert(from, from->header, from->header_bytes);
        if (rv == 0)
            nng_msg_header_clear(from);
        return rv;
    }
    rv = spry_msg_alloc(&to, spry_msg_total(from));
    if (rv != 0)
        return rv;
    memcpy(to->body, from->header, from->header_bytes);
    if (from->body_bytes > 0)
        memcpy(to->body + from->header_bytes, from->body, from->body_bytes);
    nng_msg_free(from);
    *msg = to;
    return 0;
}

/* Hands over what `from` sent, if the other end asked for it. True: something moved. */
static bool end_transfer(struct end *from)
{
    struct end *to = end_other(from);
    nng_msg *msg = from->out;

    if (!from->open || !to->open || msg == NULL || !to->wanted)
        return false;
    if (merge_header(&msg) !=
        0) { /* no memory: as a stream would, lose the pipe, not the message alone */
        spry_pipe_close(from->carrier.pipe);
        return true;
    }
    from->out = NULL;
    to->wanted = false;
    spry_pipe_received(to->carrier.pipe, msg);
    if (from->open)
        spry_pipe_sent(from->carrier.pipe);
    return true;
}

/* An end whose other end has gone is closed; a pair without ends is freed. */
static void pair_work(struct task *task)
{
    struct pair *pair = SPRY_CONTAINER(task, struct pair, work);

    while (end_transfer(&pair->ends[0]) || end_transfer(&pair->ends[1])) {
    }
    for (int i = 0; i < 2; i++) {
        struct end *end = &pair->ends[i];

        if (end->open && !end_other(end)->open)
            spry_pipe_close(end->carrier.pipe);
    }
    pair->posted = false;
    if (!pair->ends[0].open && !pair->ends[1].open)
        spry_free(pair, sizeof(*pair));
}

static void inproc_send(struct carrier *carrier, nng_msg *msg)
{
    struct end *end = end_of(carrier);

    end->out = msg;
    pair_post(end->pair);
}

static bool inproc_can_send(struct carrier *carrier)
{
    return end_of(carrier)->out == NULL;
}

static void inproc_receive(struct carrier *carrier)
{
    struct end *end = end_of(carrier);

    end->wanted = true;
    pair_post(end->pair);
}

static void inproc_close(struct carrier *carrier)
{
    struct end *end = end_of(carrier);

    end->open = false;
    carrier->pipe = NULL;
    carrier->endpoint = NULL;
    spry_list_remove(&carrier->node);
    nng_msg_free(end->out);
    end->out = NULL;
    pair_post(end->pair);
}

/* ---- options ---- */

static void name_address(const struct endpoint *endpoint, nng_sockaddr *address)
{
    memset(address, 0, sizeof(*address));
    address->s_inproc.sa_family = NNG_AF_INPROC;
    strncpy(address->s_inproc.sa_name, endpoint->url->u_rawurl,
            sizeof(address->s_inproc.sa_name) - 1);
}

static int get_pipe_address(void *object, union option_value *value)
{
    name_address(((struct carrier *)object)->endpoint, &value->address);
    return 0;
}

static int get_endpoint_address(void *object, union option_value *value)
{
    name_address(object, &value->address);
    return 0;
}

static const struct option pipe_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_pipe_address},
    {.name = NNG_OPT_REMADDR, .type = OPTION_ADDRESS, .get = get_pipe_address},
    {.name = NULL},
};

static const struct option endpoint_options[] = {
    {.name = NNG_OPT_LOCADDR, .type = OPTION_ADDRESS, .get = get_endpoint_address},
    {.name = NULL},
};

static const struct carrier_ops inproc_ops = {
    .send = inproc_send,
    .can_send = inproc_can_send,
    .receive = inproc_receive,
    .close = inproc_close,
    .options = pipe_options,
};

/* ---- endpoints ---- */

/* The list of a fork's child has its parent's, too: those have no handle there. */
static struct inproc_listener *listener_find(const struct loop *loop, const char *url)
{
    for (struct list *node = listeners.next; node != &listeners; node = node->next) {
        struct inproc_listener *listener = SPRY_CONTAINER(node, struct inproc_listener, node);

        if (strcmp(listener->endpoint->url->u_rawurl, url) == 0 &&
            spry_handle_find(&loop->handles, HANDLE_LISTENER, listener->endpoint->handle.id) ==
                listener->endpoint)
            return listener;
    }
    return NULL;
}

static void end_init(struct pair *pair, struct end *end, struct endpoint *endpoint)
{
    end->pair = pair;
    end->open = true;
    end->carrier.ops = &inproc_ops;
    end->carrier.endpoint = endpoint;
    spry_list_init(&end->carrier.node);
    spry_list_push(&endpoint->carriers, &end->carrier.node);
}

/* The end's pipe begins; without memory for it the end is closed, and so is the other then. */
static int end_open(struct end *end, uint16_t peer)
{
    int rv = spry_pipe_open(&end->carrier, peer);

    if (rv != 0)
        inproc_close(&end->carrier);
    return rv;
}

static void inproc_dial(struct endpoint *dialer)
{
    struct inproc_listener *listener = listener_find(dialer->loop, dialer->url->u_rawurl);
    struct pair *pair;
    uint16_t self = dialer->socket->protocol->self;
    uint16_t peer;

    if (listener == NULL) {
        spry_endpoint_failed(dialer, NNG_ECONNREFUSED);
        return;
    }
    pair = spry_zalloc(sizeof(*pair));
    if (pair == NULL) {
        spry_endpoint_failed(dialer, NNG_ENOMEM);
        return;
    }
    peer = listener->endpoint->socket->protocol->self;
    pair->loop = dialer->loop;
    pair->work.run = pair_work;
    end_init(pair, &pair->ends[0], dialer);
    end_init(pair, &pair->ends[1], listener->endpoint);
    pair_post(pair);
    if (end_open(&pair->ends[1], self) != 0) {
        inproc_close(&pair->ends[0].carrier);
        spry_endpoint_failed(dialer, NNG_ENOMEM);
        return;
    }
    spry_endpoint_connected(dialer);
    if (end_open(&pair->ends[0], peer) != 0)
        spry_endpoint_failed(dialer, NNG_ENOMEM);
}

static int inproc_dialer_init(struct endpoint *dialer)
{
    (void)dialer;
    return 0;
}

static int inproc_listener_init(struct endpoint *listener)
{
    struct inproc_listener *state = spry_zalloc(sizeof(*state));

    if (state == NULL)
        return NNG_ENOMEM;
    state->endpoint = listener;
    spry_list_init(&state->node);
    listener->state = state;
    return 0;
}

static int inproc_listen(struct endpoint *listener)
{
    struct inproc_listener *state = listener->state;

    if (listener_find(listener->loop, listener->url->u_rawurl) != NULL)
        return NNG_EADDRINUSE;
    spry_list_push(&listeners, &state->node);
    return 0;
}

static void inproc_stop(struct endpoint *endpoint)
{
    struct inproc_listener *state = endpoint->state;

    if (state != NULL)
        spry_list_remove(&state->node);
}

static void inproc_fini(struct endpoint *endpoint)
{
    spry_free(endpoint->state, sizeof(struct inproc_listener));
}

const struct transport spry_inproc = {
    .schemes = (const char *const[]){"inproc", NULL},
    .dialer_init = inproc_dialer_init,
    .listener_init = inproc_listener_init,
    .dial = inproc_dial,
    .listen = inproc_listen,
    .stop = inproc_stop,
    .fini = inproc_fini,
    .dialer_options = endpoint_options,
    .listener_options = endpoint_options,
};

int nng_inproc_register(void)
{
    return 0;
}
