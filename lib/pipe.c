/*
 * The life of a pipe: announced to the program, joined to the protocol, closed, told of again, and
 * freed when its last callback is over.
 */
#include "pipe.h"

#include "alloc.h"
#include "endpoint.h"
#include "loop.h"
#include "msg.h"
#include "pool.h"
#include "socket.h"

#include <string.h>

/* An option's value, or why there was none, at the end of the connection. */
struct kept {
    const struct option *option;
    union option_value value;
    int result;
};

static struct loop *loop_of(const struct pipe *pipe)
{
    return pipe->socket->loop;
}

void spry_pipe_send(struct pipe *pipe, nng_msg *msg)
{
    pipe->traffic.sent_messages++;
    pipe->traffic.sent_bytes += spry_msg_total(msg);
    pipe->carrier->ops->send(pipe->carrier, msg);
}

bool spry_pipe_can_send(struct pipe *pipe)
{
    return pipe->carrier->ops->can_send(pipe->carrier);
}

void spry_pipe_receive(struct pipe *pipe)
{
    pipe->carrier->ops->receive(pipe->carrier);
}

uint32_t spry_pipe_id(const struct pipe *pipe)
{
    return pipe->handle.id;
}

/* ---- options of the connection ---- */

static size_t options_count(const struct option *table)
{
    size_t count = 0;

    while (table != NULL && table[count].name != NULL)
        count++;
    return count;
}

/* A closed connection knows its peer no more, but a rem-post callback may ask. */
static void pipe_keep(struct pipe *pipe)
{
    const struct option *table = pipe->carrier->ops->options;
    size_t count = options_count(table);

    if (pipe->socket->notify[NNG_PIPE_EV_REM_POST].call == NULL)
        return;
    pipe->kept = spry_alloc((count + 1) * sizeof(*pipe->kept));
    if (pipe->kept == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        pipe->kept[i].option = &table[i];
        pipe->kept[i].result = table[i].get(pipe->carrier, &pipe->kept[i].value);
    }
    pipe->kept[count].option = NULL;
}

static void pipe_unkeep(struct pipe *pipe)
{
    size_t count = 0;

    if (pipe->kept == NULL)
        return;
    while (pipe->kept[count].option != NULL)
        count++;
    spry_free(pipe->kept, (count + 1) * sizeof(*pipe->kept));
}

static int get_kept(void *object, union option_value *value)
{
    const struct kept *kept = object;

    *value = kept->value;
    return kept->result;
}

int spry_pipe_option(struct pipe *pipe, const char *name, const struct option_out *out)
{
    if (pipe->carrier != NULL)
        return spry_option_get(pipe->carrier->ops->options, pipe->carrier, name, out);
    for (struct kept *kept = pipe->kept; kept != NULL && kept->option != NULL; kept++) {
        if (strcmp(kept->option->name, name) == 0) {
            struct option table[2] = {*kept->option, {.name = NULL}};

            table[0].get = get_kept;
            return spry_option_get(table, kept, name, out);
        }
    }
    return NNG_ENOTSUP;
}

void spry_pipe_hold(struct pipe *pipe)
{
    pipe->handle.refs++;
}

void spry_pipe_release(struct pipe *pipe)
{
    struct endpoint *endpoint = pipe->endpoint;

    if (--pipe->handle.refs > 0)
        return;
    pipe_unkeep(pipe);
    spry_pool_free(pipe, sizeof(*pipe) + pipe->socket->protocol->pipe_bytes);
    spry_endpoint_release(endpoint);
}

/* The id names nothing any more; the last callback about the pipe is over, or was not wanted. */
static void pipe_forget(struct pipe *pipe)
{
    spry_handle_close(&loop_of(pipe)->handles, &pipe->handle);
    spry_pipe_release(pipe);
}

/* ---- telling the program ---- */

/* True: the event has a callback, which is now due. */
static bool pipe_tell(struct pipe *pipe, nng_pipe_ev event)
{
    if (pipe->socket->notify[event].call == NULL)
        return false;
    pipe->events |= (uint8_t)(1U << event);
    if ((pipe->events & PIPE_NOTIFYING) == 0) {
        pipe->events |= PIPE_NOTIFYING;
        spry_pipe_hold(pipe);
        spry_loop_callback(loop_of(pipe), &pipe->notify);
    }
    return true;
}

static void pipe_join(struct pipe *pipe)
{
    const struct protocol *protocol = pipe->socket->protocol;

    if (pipe->peer != protocol->peer ||
        protocol->pipe_join(pipe->protocol, pipe->socket->state, pipe, spry_clock_ns()) != 0) {
        spry_pipe_reject(pipe);
        return;
    }
    if (pipe->state != PIPE_ANNOUNCED)
        return;
    pipe->state = PIPE_JOINED;
    (void)pipe_tell(pipe, NNG_PIPE_EV_ADD_POST);
}

static nng_pipe_ev first_event(uint8_t events)
{
    if ((events & 1U << NNG_PIPE_EV_ADD_PRE) != 0)
        return NNG_PIPE_EV_ADD_PRE;
    return (events & 1U << NNG_PIPE_EV_ADD_POST) != 0 ? NNG_PIPE_EV_ADD_POST : NNG_PIPE_EV_REM_POST;
}

/* On the watchman: one callback, without the lock. Callbacks of one pipe come in order, never two at once. */
static void pipe_notify(struct task *task)
{
    struct pipe *pipe = SPRY_CONTAINER(task, struct pipe, notify);
    struct socket *socket = pipe->socket;
    struct loop *loop = loop_of(pipe);
    nng_pipe_ev event = first_event(pipe->events);
    nng_pipe_cb call = socket->notify[event].call;
    void *argument = socket->notify[event].argument;

    pipe->events &= (uint8_t) ~(1U << event);
    if (call != NULL) {
        spry_loop_unlock(loop);
        call((nng_pipe){pipe->handle.id}, event, argument);
        spry_loop_lock(loop);
    }
    if (event == NNG_PIPE_EV_ADD_PRE && pipe->state == PIPE_ANNOUNCED)
        pipe_join(pipe);
    if (pipe->events != PIPE_NOTIFYING) {
        spry_loop_callback(loop, &pipe->notify);
        return;
    }
    pipe->events = 0;
    if (pipe->state == PIPE_CLOSED)
        pipe_forget(pipe);
    spry_pipe_release(pipe);
}

/* ---- beginning and end ---- */

int spry_pipe_open(struct carrier *carrier, uint16_t peer)
{
    struct endpoint *endpoint = carrier->endpoint;
    struct socket *socket = endpoint->socket;
    struct pipe *pipe = spry_pool_alloc(sizeof(*pipe) + socket->protocol->pipe_bytes);
    int rv;

    if (pipe == NULL)
        return NNG_ENOMEM;
    rv = spry_handle_open(&socket->loop->handles, &pipe->handle, HANDLE_PIPE);
    if (rv != 0) {
        spry_pool_free(pipe, sizeof(*pipe) + socket->protocol->pipe_bytes);
        return rv;
    }
    pipe->socket = socket;
    pipe->endpoint = endpoint;
    spry_endpoint_hold(endpoint);
    pipe->carrier = carrier;
    carrier->pipe = pipe;
    pipe->peer = peer;
    pipe->state = PIPE_ANNOUNCED;
    pipe->notify.run = pipe_notify;
    endpoint->counts[COUNT_CONNECTED]++;
    spry_pipe_hold(pipe); /* joining may close it */
    if (!pipe_tell(pipe, NNG_PIPE_EV_ADD_PRE))
        pipe_join(pipe);
    spry_pipe_release(pipe);
    return 0;
}

void spry_pipe_close(struct pipe *pipe)
{
    struct carrier *carrier = pipe->carrier;
    bool joined = pipe->state == PIPE_JOINED;

    if (pipe->state == PIPE_CLOSED)
        return;
    pipe->state = PIPE_CLOSED;
    pipe_keep(pipe);
    pipe->carrier = NULL;
    carrier->ops->close(carrier);
    if (joined)
        pipe->socket->protocol->pipe_leave(pipe->protocol, spry_clock_ns());
    spry_traffic_add(&pipe->socket->traffic, &pipe->traffic);
    spry_endpoint_lost(pipe->endpoint);
    (void)pipe_tell(pipe, NNG_PIPE_EV_REM_POST);
    if ((pipe->events & PIPE_NOTIFYING) ==
        0) /* else after the last callback, inside which the id is good */
        pipe_forget(pipe);
}

void spry_pipe_reject(struct pipe *pipe)
{
    pipe->endpoint->counts[COUNT_REJECTED]++;
    pipe->socket->rejected++;
    spry_pipe_close(pipe);
}

void spry_pipe_received(struct pipe *pipe, nng_msg *msg)
{
    pipe->traffic.received_messages++;
    pipe->traffic.received_bytes += spry_msg_total(msg);
    msg->pipe_id = pipe->handle.id;
    pipe->socket->protocol->pipe_received(pipe->protocol, msg, spry_clock_ns());
}

void spry_pipe_sent(struct pipe *pipe)
{
    pipe->socket->protocol->pipe_sent(pipe->protocol, spry_clock_ns());
}
