/* Dialers and listeners: create, start, retry, close; and the options they have. */
#include "endpoint.h"

#include "alloc.h"
#include "loop.h"
#include "pipe.h"
#include "socket.h"
#include "transport.h"

/* Between attempts at a listener whose queue is full; nng waits as long for a busy named pipe. */
#define BUSY_NS (10 * (uint64_t)1000000)

/* ---- life ---- */

void spry_endpoint_hold(struct endpoint *endpoint)
{
    endpoint->handle.refs++;
}

/* Frees what is not yet, or no longer, anyone else's business. */
static void endpoint_free(struct endpoint *endpoint)
{
    if (endpoint->state != NULL)
        endpoint->transport->fini(endpoint);
    nng_url_free(endpoint->url);
    nng_url_free(endpoint->url_given);
    spry_free(endpoint, sizeof(*endpoint));
}

void spry_endpoint_release(struct endpoint *endpoint)
{
    struct socket *socket = endpoint->socket;

    if (--endpoint->handle.refs > 0)
        return;
    endpoint_free(endpoint);
    spry_socket_release(socket);
}

static void dialer_retry(struct timer *timer, uint64_t now_ns)
{
    struct endpoint *dialer = SPRY_CONTAINER(timer, struct endpoint, retry);

    (void)now_ns;
    dialer->transport->dial(dialer);
}

/* Makes an endpoint of the URL alone; the lock is not held, since a name may be looked up. */
static int endpoint_make(struct endpoint **out, const char *url, enum handle_kind kind)
{
    struct endpoint *endpoint = spry_zalloc(sizeof(*endpoint));
    int (*init)(struct endpoint *);
    int rv;

    if (endpoint == NULL)
        return NNG_ENOMEM;
    endpoint->handle.kind = (uint8_t)kind;
    spry_list_init(&endpoint->socket_node);
    spry_list_init(&endpoint->carriers);
    spry_list_init(&endpoint->greeting);
    spry_timer_init(&endpoint->retry, dialer_retry);
    rv = nng_url_parse(&endpoint->url, url);
    if (rv != 0)
        goto fail;
    endpoint->transport = spry_transport_find(endpoint->url->u_scheme);
    rv = NNG_ENOTSUP;
    if (endpoint->transport == NULL)
        goto fail;
    init = kind == HANDLE_DIALER ? endpoint->transport->dialer_init
                                 : endpoint->transport->listener_init;
    if (init == NULL)
        goto fail;
    rv = init(endpoint);
    if (rv != 0)
        goto fail;
    *out = endpoint;
    return 0;
fail:
    endpoint_free(endpoint);
    return rv;
}

int spry_endpoint_open(struct endpoint **out, uint32_t socket_id, const char *url,
                       enum handle_kind kind)
{
    struct endpoint *endpoint;
    struct socket *socket;
    int rv;

    rv = spry_socket_enter(socket_id, &socket);
    if (rv != 0)
        return rv;
    spry_loop_leave(socket->loop);
    rv = endpoint_make(&endpoint, url, kind);
    if (rv != 0)
        return rv;
    rv = spry_socket_enter(socket_id, &socket); /* it may have been closed meanwhile */
    if (rv != 0) {
        endpoint_free(endpoint);
        return rv;
    }
    endpoint->loop = socket->loop;
    rv = spry_handle_open(&socket->loop->handles, &endpoint->handle, kind);
    if (rv != 0) {
        endpoint_free(endpoint);
    } else {
        endpoint->socket = socket;
        spry_socket_hold(socket);
        endpoint->options = socket->options;
        endpoint->backoff_ms = endpoint->options.reconnect_min_ms;
        spry_list_push(&socket->endpoints, &endpoint->socket_node);
        *out = endpoint;
    }
    if (rv != 0)
        spry_loop_leave(socket->loop);
    return rv;
}

static void starter_cancel(struct request *starter, int error)
{
    struct endpoint *dialer = starter->owner;

    dialer->starter = NULL;
    spry_request_finish(starter, error);
}

/* Answers the call that waits for the first attempt, if there is one. */
static bool dialer_answer(struct endpoint *dialer, int result)
{
    struct request *starter = dialer->starter;

    if (starter == NULL)
        return false;
    starter_cancel(starter, result);
    return true;
}

void spry_endpoint_close(struct endpoint *endpoint)
{
    spry_handle_close(&endpoint->loop->handles, &endpoint->handle);
    spry_list_remove(&endpoint->socket_node);
    spry_timer_cancel(&endpoint->loop->timers, &endpoint->retry);
    endpoint->started = false;
    endpoint->transport->stop(endpoint);
    while (!spry_list_empty(&endpoint->carriers)) {
        struct list *first = spry_list_first(&endpoint->carriers);
        struct carrier *carrier = SPRY_CONTAINER(first, struct carrier, node);

        if (carrier->pipe != NULL)
            spry_pipe_close(carrier->pipe);
        else
            carrier->ops->close(carrier);
    }
    (void)dialer_answer(endpoint, NNG_ECLOSED);
    spry_endpoint_release(endpoint);
}

/* ---- dialling ---- */

int spry_dialer_start(struct endpoint *dialer, struct request *starter)
{
    if (dialer->started)
        return NNG_ESTATE;
    dialer->started = true;
    dialer->backoff_ms = dialer->options.reconnect_min_ms;
    dialer->starter = starter;
    if (starter != NULL)
        spry_request_hold(starter, dialer, starter_cancel);
    dialer->transport->dial(dialer);
    return 0;
}

/* Dials again after a random time below the current wait, which then doubles up to the maximum. */
static void dialer_backoff(struct endpoint *dialer)
{
    const struct endpoint_options *options = &dialer->options;
    nng_duration wait_ms = dialer->backoff_ms;

    if (wait_ms > 0)
        wait_ms = (nng_duration)(spry_random() % (uint32_t)wait_ms);
    else
        wait_ms = 0; /* zero, or "for ever", which would be no dialer */
    if (options->reconnect_max_ms > 0 && dialer->backoff_ms < options->reconnect_max_ms)
        dialer->backoff_ms = dialer->backoff_ms > options->reconnect_max_ms / 2
                                 ? options->reconnect_max_ms
                                 : dialer->backoff_ms * 2;
    spry_timer_set(&dialer->loop->timers, &dialer->retry, spry_deadline(spry_clock_ns(), wait_ms));
}

void spry_endpoint_connected(struct endpoint *endpoint)
{
    endpoint->backoff_ms = endpoint->options.reconnect_min_ms;
    (void)dialer_answer(endpoint, 0);
}

static enum endpoint_count count_of(int error)
{
    switch (error) {
    case NNG_ECONNREFUSED:
        return COUNT_REFUSED;
    case NNG_ECONNSHUT:
    case NNG_ECONNRESET:
    case NNG_ECONNABORTED:
        return COUNT_DISCONNECT;
    case NNG_ECANCELED:
        return COUNT_CANCELED;
    case NNG_ETIMEDOUT:
        return COUNT_TIMEOUT;
    case NNG_EPROTO:
        return COUNT_PROTO;
    case NNG_EPEERAUTH:
    case NNG_ECRYPTO:
        return COUNT_AUTH;
    case NNG_ENOMEM:
        return COUNT_OOM;
    default:
        return COUNT_OTHER;
    }
}

void spry_endpoint_failed(struct endpoint *endpoint, int error)
{
    if (endpoint->handle.kind != HANDLE_DIALER) {
        endpoint->counts[count_of(error)]++;
        return;
    }
    if (!endpoint->started)
        return;
    if (endpoint->transport->dial_next != NULL && endpoint->transport->dial_next(endpoint, error))
        return;
    if (error == NNG_EAGAIN) { /* somebody is there, but busy: not a failure */
        spry_timer_set(&endpoint->loop->timers, &endpoint->retry, spry_clock_ns() + BUSY_NS);
        return;
    }
    endpoint->counts[count_of(error)]++;
    if (endpoint->starter == NULL) {
        dialer_backoff(endpoint);
        return;
    }
    endpoint->started = false;
    (void)dialer_answer(endpoint, error);
}

void spry_endpoint_lost(struct endpoint *endpoint)
{
    if (endpoint->handle.kind == HANDLE_DIALER && endpoint->started)
        dialer_backoff(endpoint);
}

/* ---- listening ---- */

void spry_endpoint_reject(struct endpoint *endpoint)
{
    endpoint->counts[COUNT_REJECTED]++;
    endpoint->socket->rejected++;
}

void spry_endpoint_greets(struct endpoint *endpoint, struct carrier *carrier)
{
    spry_list_push(&endpoint->greeting, &carrier->greeting_node);
    endpoint->greetings++;
}

void spry_endpoint_greeted(struct endpoint *endpoint, struct carrier *carrier)
{
    spry_list_remove(&carrier->greeting_node);
    endpoint->greetings--;
}

bool spry_endpoint_is_full(const struct endpoint *endpoint)
{
    return endpoint->pipes_max != 0 && endpoint->pipes >= (uint32_t)endpoint->pipes_max;
}

struct carrier *spry_endpoint_surplus(const struct endpoint *endpoint)
{
    if (endpoint->greetings_max == 0 || endpoint->greetings <= (uint32_t)endpoint->greetings_max)
        return NULL;
    return SPRY_CONTAINER(spry_list_first(&endpoint->greeting), struct carrier, greeting_node);
}

int spry_listener_start(struct endpoint *listener)
{
    int rv;

    if (listener->started)
        return NNG_ESTATE;
    rv = listener->transport->listen(listener);
    if (rv == 0)
        listener->started = true;
    return rv;
}

/* Programs may have the old URL (nng_listener_get_url), so it stays as long as the listener. */
void spry_listener_renamed(struct endpoint *listener, nng_url *url)
{
    listener->url_given = listener->url;
    listener->url = url;
}

/* ---- options ---- */

void spry_endpoint_options_init(struct endpoint_options *options)
{
    *options = (struct endpoint_options){
        .reconnect_min_ms = 1000,
        .ipc_permissions = -1,
        .tcp_nodelay = true,
    };
}

static int get_url(void *object, union option_value *value)
{
    value->string = ((struct endpoint *)object)->url->u_rawurl;
    return 0;
}

int spry_listener_get_pipes_max(void *listener, union option_value *value)
{
    value->integer = ((struct endpoint *)listener)->pipes_max;
    return 0;
}

int spry_listener_set_pipes_max(void *listener, const union option_value *value)
{
    ((struct endpoint *)listener)->pipes_max = value->integer;
    return 0;
}

int spry_listener_get_greetings_max(void *listener, union option_value *value)
{
    value->integer = ((struct endpoint *)listener)->greetings_max;
    return 0;
}

int spry_listener_set_greetings_max(void *listener, const union option_value *value)
{
    ((struct endpoint *)listener)->greetings_max = value->integer;
    return 0;
}

const struct option spry_endpoint_own_options[] = {
    {.name = NNG_OPT_URL, .type = OPTION_STRING, .get = get_url},
    {.name = NULL},
};
