/* The life of a request: initialised, held by a protocol, finished once. */
#include "request.h"

#include <assert.h>

static void request_limit_reached(struct timer *limit, uint64_t now_ns)
{
    (void)now_ns;
    spry_request_cancel(SPRY_CONTAINER(limit, struct request, limit), NNG_ETIMEDOUT);
}

void spry_request_init(struct request *request, struct timers *timers,
                       void (*finished)(struct request *))
{
    *request = (struct request){.timers = timers, .finished = finished};
    spry_list_init(&request->node);
    spry_timer_init(&request->limit, request_limit_reached);
}

void spry_request_hold(struct request *request, void *owner, void (*cancel)(struct request *, int))
{
    request->owner = owner;
    request->cancel = cancel;
}

void spry_request_finish(struct request *request, int result)
{
    assert(!request->done);
    spry_list_remove(&request->node);
    spry_timer_cancel(request->timers, &request->limit);
    request->result = result;
    request->done = true;
    request->finished(request);
}

void spry_request_cancel(struct request *request, int error)
{
    if (!request->done)
        request->cancel(request, error);
}

void spry_request_limit(struct request *request, uint64_t deadline_ns)
{
    if (!request->done)
        spry_timer_set(request->timers, &request->limit, deadline_ns);
}
