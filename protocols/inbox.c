/* Messages that wait for a receive, and receives that wait for a message. */
#include "inbox.h"

void spry_inbox_init(struct inbox *inbox)
{
    spry_list_init(&inbox->receives);
    spry_list_init(&inbox->filled);
}

void spry_inbox_join(struct inbox_slot *slot, struct pipe *pipe)
{
    slot->pipe = pipe;
    slot->msg = NULL;
    spry_list_init(&slot->node);
    spry_pipe_receive(pipe);
}

void spry_inbox_leave(struct inbox_slot *slot)
{
    spry_list_remove(&slot->node);
    nng_msg_free(slot->msg);
    slot->msg = NULL;
}

void spry_inbox_put(struct inbox *inbox, struct inbox_slot *slot, nng_msg *msg)
{
    slot->msg = msg;
    spry_list_push(&inbox->filled, &slot->node);
}

bool spry_inbox_ready(const struct inbox *inbox)
{
    return !spry_list_empty(&inbox->filled);
}

nng_msg *spry_inbox_take(struct inbox *inbox)
{
    struct list *first = spry_list_first(&inbox->filled);
    struct inbox_slot *slot;
    nng_msg *msg;

    if (first == NULL)
        return NULL;
    slot = SPRY_CONTAINER(first, struct inbox_slot, node);
    msg = slot->msg;
    slot->msg = NULL;
    spry_list_remove(&slot->node);
    spry_pipe_receive(slot->pipe);
    return msg;
}

struct request *spry_inbox_receive_first(struct inbox *inbox)
{
    struct list *first = spry_list_first(&inbox->receives);

    return first == NULL ? NULL : SPRY_CONTAINER(first, struct request, node);
}

void spry_inbox_deliver(struct inbox *inbox, struct inbox_slot *slot, nng_msg *msg)
{
    struct request *receive = spry_inbox_receive_first(inbox);

    if (receive == NULL) {
        spry_inbox_put(inbox, slot, msg);
        return;
    }
    spry_pipe_receive(slot->pipe);
    receive->msg = msg;
    spry_request_finish(receive, 0);
}

void spry_inbox_receive(struct inbox *inbox, struct request *request)
{
    request->msg = spry_inbox_take(inbox);
    if (request->msg != NULL) {
        spry_request_finish(request, 0);
        return;
    }
    spry_request_hold(request, inbox, spry_request_finish);
    spry_list_push(&inbox->receives, &request->node);
}

void spry_inbox_close(struct inbox *inbox, int error)
{
    struct request *receive;

    while ((receive = spry_inbox_receive_first(inbox)) != NULL)
        spry_request_finish(receive, error);
}
