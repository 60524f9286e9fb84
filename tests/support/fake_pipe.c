/* The library as a protocol sees it, with every step in the hand of the test. */
#include "fake_pipe.h"

#include "fail_alloc.h"
#include "socket.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

enum { NS_PER_MS = 1000000 };

static const struct protocol *opened; /* what the last open function opened */

static void *zeroed(size_t bytes)
{
    void *block = calloc(1, bytes);

    ck_assert_ptr_nonnull(block);
    return block;
}

/* ---- what the library gives a protocol ---- */

int spry_socket_open(nng_socket *out, const struct protocol *protocol)
{
    out->id = 1;
    opened = protocol;
    return 0;
}

static struct fake_pipe *fake_of(const struct pipe *pipe)
{
    union {
        const struct pipe *pipe;
        struct fake_pipe *fake;
    } same = {pipe};

    ck_assert_msg(same.fake->state != NULL, "a pipe was used after it had left");
    return same.fake;
}

static struct pipe *pipe_of(struct fake_pipe *fake)
{
    return (struct pipe *)(void *)fake;
}

void spry_pipe_send(struct pipe *pipe, nng_msg *msg)
{
    struct fake_pipe *fake = fake_of(pipe);

    ck_assert_msg(spry_pipe_can_send(pipe), "sent without room");
    spry_msg_queue_push(&fake->sent, msg);
}

bool spry_pipe_can_send(struct pipe *pipe)
{
    struct fake_pipe *fake = fake_of(pipe);

    return fake->sent.count < fake->room;
}

void spry_pipe_receive(struct pipe *pipe)
{
    struct fake_pipe *fake = fake_of(pipe);

    ck_assert_msg(!fake->asked, "asked twice");
    fake->asked = true;
}

void spry_pipe_close(struct pipe *pipe)
{
    fake_leave(fake_of(pipe));
}

uint32_t spry_pipe_id(const struct pipe *pipe)
{
    return fake_of(pipe)->id;
}

static void *host_find_pipe(const struct protocol_host *host, uint32_t pipe_id)
{
    union {
        const struct protocol_host *host;
        struct fake_socket *socket;
    } same = {host};

    for (size_t i = 0; i < same.socket->pipe_count; i++) {
        if (same.socket->pipes[i]->id == pipe_id)
            return same.socket->pipes[i]->state;
    }
    return NULL;
}

/* ---- sockets and contexts ---- */

void fake_open(struct fake_socket *socket, int (*open)(nng_socket *), uint32_t random)
{
    nng_socket handle;

    fail_alloc_install(0);
    memset(socket, 0, sizeof(*socket));
    ck_assert_int_eq(open(&handle), 0);
    socket->protocol = opened;
    socket->now_ns = 1;
    socket->host = (struct protocol_host){
        .timers = &socket->timers, .random = random, .find_pipe = host_find_pipe};
    socket->state = zeroed(socket->protocol->socket_bytes);
    ck_assert_int_eq(socket->protocol->socket_init(socket->state, &socket->host), 0);
    fake_context_open(socket);
}

void fake_close(struct fake_socket *socket)
{
    socket->closing = true;
    for (size_t i = 0; i < FAKE_CONTEXTS_MAX; i++) {
        if (socket->contexts[i] != NULL)
            fake_context_close(socket, socket->contexts[i]);
    }
    for (size_t i = 0; i < socket->pipe_count; i++) {
        if (fake_is_open(socket->pipes[i]))
            fake_leave(socket->pipes[i]);
        free(socket->pipes[i]);
    }
    socket->protocol->socket_fini(socket->state);
    free(socket->state);
    ck_assert_uint_eq(spry_timers_next(&socket->timers), SPRY_NEVER);
    fail_alloc_finish();
}

void *fake_context_open(struct fake_socket *socket)
{
    size_t i = 0;

    while (socket->contexts[i] != NULL)
        ck_assert_uint_lt(++i, FAKE_CONTEXTS_MAX);
    socket->contexts[i] = zeroed(socket->protocol->context_bytes);
    ck_assert_int_eq(socket->protocol->context_init(socket->contexts[i], socket->state), 0);
    return socket->contexts[i];
}

void fake_context_close(struct fake_socket *socket, void *context)
{
    size_t i = 0;

    while (socket->contexts[i] != context)
        ck_assert_uint_lt(++i, FAKE_CONTEXTS_MAX);
    socket->contexts[i] = NULL;
    socket->protocol->context_fini(context);
    free(context);
}

/* ---- pipes ---- */

struct fake_pipe *fake_join(struct fake_socket *socket)
{
    struct fake_pipe *pipe = zeroed(sizeof(*pipe));

    ck_assert_uint_lt(socket->pipe_count, FAKE_PIPES_MAX);
    pipe->socket = socket;
    pipe->id = 100 + (uint32_t)socket->pipe_count;
    pipe->room = 1;
    pipe->state = zeroed(socket->protocol->pipe_bytes);
    socket->pipes[socket->pipe_count++] = pipe;
    ck_assert_int_eq(
        socket->protocol->pipe_join(pipe->state, socket->state, pipe_of(pipe), socket->now_ns), 0);
    return pipe;
}

int fake_join_refused(struct fake_socket *socket)
{
    struct fake_pipe *pipe = zeroed(sizeof(*pipe));
    int rv;

    pipe->socket = socket;
    pipe->state = zeroed(socket->protocol->pipe_bytes);
    rv = socket->protocol->pipe_join(pipe->state, socket->state, pipe_of(pipe), socket->now_ns);
    ck_assert_int_ne(rv, 0);
    ck_assert(!pipe->asked);
    free(pipe->state);
    free(pipe);
    return rv;
}

void fake_leave(struct fake_pipe *pipe)
{
    void *state = pipe->state;

    pipe->socket->protocol->pipe_leave(state, pipe->socket->now_ns);
    pipe->state = NULL;
    free(state);
    spry_msg_queue_flush(&pipe->sent);
}

bool fake_is_open(const struct fake_pipe *pipe)
{
    return pipe->state != NULL;
}

void fake_receive(struct fake_pipe *pipe, const void *bytes, size_t count)
{
    nng_msg *msg;

    ck_assert_msg(pipe->asked, "the protocol does not want a message now");
    ck_assert_int_eq(spry_msg_alloc(&msg, count), 0);
    if (count > 0)
        memcpy(nng_msg_body(msg), bytes, count);
    msg->pipe_id = pipe->id;
    pipe->asked = false;
    pipe->socket->protocol->pipe_received(pipe->state, msg, pipe->socket->now_ns);
}

void fake_receive_traced(struct fake_pipe *pipe, const char *trace, const char *body)
{
    uint8_t bytes[256];
    size_t count = 0;

    for (; *trace != '\0'; trace++) {
        uint8_t mark = (uint8_t)*trace;

        memcpy(bytes + count, (uint8_t[4]){mark, 0, 0, mark}, 4);
        count += 4;
    }
    memcpy(bytes + count, body, strlen(body));
    fake_receive(pipe, bytes, count + strlen(body));
}

nng_msg *fake_take(struct fake_pipe *pipe)
{
    return spry_msg_queue_pop(&pipe->sent);
}

void fake_flush(struct fake_pipe *pipe)
{
    spry_msg_queue_flush(&pipe->sent);
    pipe->socket->protocol->pipe_sent(pipe->state, pipe->socket->now_ns);
}

/* ---- requests and time ---- */

static void request_finished(struct request *request)
{
    struct fake_request *fake = SPRY_CONTAINER(request, struct fake_request, request);

    fake->finished++;
    if (fake->socket->closing) {
        nng_msg_free(request->msg);
        request->msg = NULL;
    }
}

static void request_init(struct fake_socket *socket, struct fake_request *fake)
{
    fake->finished = 0;
    fake->socket = socket;
    spry_request_init(&fake->request, &socket->timers, request_finished);
}

static bool request_message(struct fake_request *send, const void *header, size_t header_bytes,
                            const char *text)
{
    nng_msg *msg;

    if (spry_msg_alloc(&msg, strlen(text)) != 0)
        return false;
    if (text[0] != '\0')
        memcpy(nng_msg_body(msg), text, strlen(text));
    ck_assert_int_eq(nng_msg_header_append(msg, header, header_bytes), 0);
    send->request.msg = msg;
    return true;
}

bool fake_send(struct fake_socket *socket, void *context, struct fake_request *send,
               const char *text)
{
    request_init(socket, send);
    if (!request_message(send, "junk", 4, text))
        return false;
    socket->protocol->send(context, &send->request, socket->now_ns);
    return true;
}

bool fake_send_to(struct fake_socket *socket, struct fake_request *send, uint32_t pipe_id,
                  const void *header, size_t header_bytes, const char *text)
{
    request_init(socket, send);
    if (!request_message(send, header, header_bytes, text))
        return false;
    nng_msg_set_pipe(send->request.msg, (nng_pipe){pipe_id});
    socket->protocol->send(socket->contexts[0], &send->request, socket->now_ns);
    return true;
}

bool fake_send_raw(struct fake_socket *socket, struct fake_request *send, const void *header,
                   size_t header_bytes, const char *text)
{
    return fake_send_to(socket, send, 0, header, header_bytes, text);
}

void fake_begin_receive(struct fake_socket *socket, void *context, struct fake_request *receive)
{
    request_init(socket, receive);
    socket->protocol->receive(context, &receive->request, socket->now_ns);
}

void fake_advance(struct fake_socket *socket, uint64_t ms)
{
    uint64_t until_ns = socket->now_ns + ms * NS_PER_MS;

    while (spry_timers_next(&socket->timers) <= until_ns) {
        socket->now_ns = spry_timers_next(&socket->timers);
        spry_timers_run(&socket->timers, socket->now_ns);
    }
    socket->now_ns = until_ns;
}

/* ---- what the test expects ---- */

void fake_expect_waiting(const struct fake_request *request)
{
    ck_assert_uint_eq(request->finished, 0);
    ck_assert(!request->request.done);
}

void fake_expect_result(const struct fake_request *request, int result)
{
    ck_assert_uint_eq(request->finished, 1);
    ck_assert(request->request.done);
    ck_assert_int_eq(request->request.result, result);
}

void fake_expect_returned(struct fake_request *send, int error, const char *text)
{
    fake_expect_result(send, error);
    ck_assert_ptr_nonnull(send->request.msg);
    ck_assert_uint_eq(send->request.msg->refs, 1);
    ck_assert_uint_eq(nng_msg_header_len(send->request.msg), 0);
    ck_assert(fake_body_is(send->request.msg, text));
    nng_msg_free(send->request.msg);
    send->request.msg = NULL;
}

void fake_expect_received(struct fake_request *receive, const char *text)
{
    fake_expect_result(receive, 0);
    ck_assert_ptr_nonnull(receive->request.msg);
    ck_assert_uint_eq(receive->request.msg->refs, 1);
    ck_assert_uint_eq(nng_msg_header_len(receive->request.msg), 0);
    ck_assert(fake_body_is(receive->request.msg, text));
    nng_msg_free(receive->request.msg);
    receive->request.msg = NULL;
}

bool fake_body_is(nng_msg *msg, const char *text)
{
    return nng_msg_len(msg) == strlen(text) &&
           (text[0] == '\0' || memcmp(nng_msg_body(msg), text, strlen(text)) == 0);
}

static int option_set(struct fake_socket *socket, const char *name, enum option_type type,
                      const void *value)
{
    return spry_option_set(socket->protocol->socket_options, socket->state, name,
                           &(struct option_in){type, value, 0});
}

static int option_get(struct fake_socket *socket, const char *name, enum option_type type,
                      void *value)
{
    return spry_option_get(socket->protocol->socket_options, socket->state, name,
                           &(struct option_out){type, value, NULL});
}

int fake_set_int(struct fake_socket *socket, const char *name, int value)
{
    return option_set(socket, name, OPTION_INT, &value);
}

int fake_set_bool(struct fake_socket *socket, const char *name, bool value)
{
    return option_set(socket, name, OPTION_BOOL, &value);
}

int fake_set_ms(struct fake_socket *socket, const char *name, nng_duration value)
{
    return option_set(socket, name, OPTION_MS, &value);
}

int fake_get_int(struct fake_socket *socket, const char *name, int *value)
{
    return option_get(socket, name, OPTION_INT, value);
}

int fake_get_bool(struct fake_socket *socket, const char *name, bool *value)
{
    return option_get(socket, name, OPTION_BOOL, value);
}

int fake_get_ms(struct fake_socket *socket, const char *name, nng_duration *value)
{
    return option_get(socket, name, OPTION_MS, value);
}
