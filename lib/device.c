/*
 * A device: what one raw socket receives the other sends, both ways. Each way is one request that is a
 * receive and a send in turn.
 */
#include "aio.h"
#include "alloc.h"
#include "loop.h"
#include "msg.h"
#include "socket.h"

struct device;

struct way {
    struct device *device;
    struct socket *from; /* held; NULL: the protocols have no such direction */
    struct socket *to;   /* held */
    struct request request;
    struct task task; /* the next step: a request may end inside the protocol's functions */
    bool sends;
    bool going;
};

struct device {
    struct loop *loop;
    struct request *owner; /* who is told of the end */
    struct way ways[2];
    int result; /* why it ends; 0: it does not yet */
};

static void device_end(struct device *device, int error);

static void way_step(struct way *way)
{
    struct context *context = way->sends ? &way->to->own : &way->from->own;
    nng_msg *msg = way->request.msg;

    if (!context->socket->handle.open) {
        device_end(way->device, NNG_ECLOSED);
        nng_msg_free(msg);
        return;
    }
    spry_request_init(&way->request, &way->device->loop->timers, way->request.finished);
    way->going = true;
    if (way->sends) {
        msg->pipe_id = 0; /* it names a pipe of the other socket */
        way->request.msg = msg;
        spry_context_send(context, &way->request);
    } else {
        spry_context_receive(context, &way->request);
    }
}

/* All is over: the sockets are let go, and whoever made the device is told. */
static void device_free(struct device *device)
{
    struct request *owner = device->owner;
    int result = device->result;

    for (int i = 0; i < 2; i++) {
        if (device->ways[i].from == NULL)
            continue;
        spry_socket_release(device->ways[i].from);
        spry_socket_release(device->ways[i].to);
    }
    spry_free(device, sizeof(*device));
    spry_request_finish(owner, result);
}

static void device_check(struct device *device)
{
    if (device->result != 0 && !device->ways[0].going && !device->ways[1].going)
        device_free(device);
}

static void device_end(struct device *device, int error)
{
    if (device->result == 0)
        device->result = error;
    for (int i = 0; i < 2; i++) {
        if (device->ways[i].going)
            spry_request_cancel(&device->ways[i].request, device->result);
    }
}

/* A message that cannot be sent, for its header or for want of memory, is lost; the device goes on. */
static void way_next(struct task *task)
{
    struct way *way = SPRY_CONTAINER(task, struct way, task);
    struct device *device = way->device;
    int result = way->request.result;

    way->going = false;
    if (way->sends && result != 0) {
        nng_msg_free(way->request.msg);
        way->request.msg = NULL;
    }
    if (device->result != 0 || result == NNG_ECLOSED || (!way->sends && result != 0)) {
        if (!way->sends && result == 0)
            nng_msg_free(way->request.msg);
        device_end(device, result);
    } else {
        way->sends = !way->sends;
        way_step(way);
    }
    device_check(device);
}

static void way_finished(struct request *request)
{
    struct way *way = SPRY_CONTAINER(request, struct way, request);

    spry_loop_post(way->device->loop, &way->task);
}

static void device_cancel(struct request *request, int error)
{
    device_end(request->owner, error);
}

static void way_init(struct device *device, struct way *way, struct socket *from, struct socket *to)
{
    if (from->protocol->receive == NULL || to->protocol->send == NULL)
        return;
    way->device = device;
    way->from = from;
    way->to = to;
    way->task.run = way_next;
    way->request.finished = way_finished;
    spry_socket_hold(from);
    spry_socket_hold(to);
}

/* NULL: no handle was meant. NNG_ECLOSED: one was, and it names nothing. */
static int device_socket(const struct loop *loop, nng_socket s, struct socket **out)
{
    *out = NULL;
    if (spry_handle_number(s.id) < 0)
        return 0;
    *out = spry_handle_find(&loop->handles, HANDLE_SOCKET, s.id);
    return *out != NULL ? 0 : NNG_ECLOSED;
}

/* Both sockets, which are one and the same for a device that sends back what it receives. */
static int device_sockets(const struct loop *loop, nng_socket s1, nng_socket s2,
                          struct socket *sockets[2])
{
    int rv = device_socket(loop, s1, &sockets[0]);

    if (rv == 0)
        rv = device_socket(loop, s2, &sockets[1]);
    if (rv != 0)
        return rv;
    if (sockets[0] == NULL)
        sockets[0] = sockets[1];
    if (sockets[1] == NULL)
        sockets[1] = sockets[0];
    if (sockets[0] == NULL || !sockets[0]->protocol->raw || !sockets[1]->protocol->raw ||
        sockets[0]->protocol->peer != sockets[1]->protocol->self)
        return NNG_EINVAL;
    return 0;
}

/* On an error `owner` is not finished. */
static int device_start(struct loop *loop, struct request *owner, nng_socket s1, nng_socket s2)
{
    struct socket *sockets[2];
    struct device *device;
    int rv = device_sockets(loop, s1, s2, sockets);

    if (rv != 0)
        return rv;
    device = spry_zalloc(sizeof(*device));
    if (device == NULL)
        return NNG_ENOMEM;
    device->loop = loop;
    device->owner = owner;
    way_init(device, &device->ways[0], sockets[0], sockets[1]);
    if (sockets[0] != sockets[1])
        way_init(device, &device->ways[1], sockets[1], sockets[0]);
    spry_request_hold(owner, device, device_cancel);
    for (int i = 0; i < 2; i++) {
        if (device->ways[i].from != NULL)
            way_step(&device->ways[i]);
    }
    return 0;
}

int nng_device(nng_socket s1, nng_socket s2)
{
    struct loop *loop = spry_loop_enter();
    struct waiter waiter;
    int rv;

    spry_waiter_init(&waiter, loop);
    rv = device_start(loop, &waiter.request, s1, s2);
    if (rv == 0)
        rv = spry_waiter_wait(loop, &waiter);
    else
        spry_waiter_fini(&waiter, loop);
    spry_loop_leave(loop);
    return rv;
}

void nng_device_aio(nng_aio *aio, nng_socket s1, nng_socket s2)
{
    struct loop *loop = spry_loop_enter();
    int rv;

    if (spry_aio_begin(aio, NULL)) {
        rv = device_start(loop, &aio->request, s1, s2);
        if (rv != 0)
            spry_request_finish(&aio->request, rv);
        else
            spry_aio_limit(aio, NNG_DURATION_INFINITE);
    }
    spry_loop_leave(loop);
}
