/* PAIR, version 0, cooked and raw (wire.md 5): one peer, no header. */
#include <nng/protocol/pair0/pair.h>

#include "pair.h"
#include "socket.h"

static void pair0_pipe_received(void *state, nng_msg *msg, uint64_t now_ns)
{
    (void)now_ns;
    spry_pair_deliver(state, msg);
}

static int pair0_socket_init(void *state, const struct protocol_host *host)
{
    spry_pair_init(state, host, nng_msg_header_clear);
    return 0;
}

static const struct option pair0_options[] = {PAIR_BUFFER_OPTIONS, {.name = NULL}};

// clang-format off
#define PAIR0_PROTOCOL(is_raw)                                                                     \
    {                                                                                              \
        .self = 0x10,                                                                              \
        .peer = 0x10,                                                                              \
        .self_name = "pair",                                                                       \
        .peer_name = "pair",                                                                       \
        .raw = (is_raw),                                                                           \
        .contexts = false,                                                                         \
        .socket_bytes = sizeof(struct pair),                                                       \
        .context_bytes = sizeof(struct pair_context),                                              \
        .pipe_bytes = sizeof(struct pair_pipe),                                                    \
        .socket_options = pair0_options,                                                           \
        .socket_init = pair0_socket_init,                                                          \
        .socket_fini = spry_pair_fini,                                                             \
        .context_init = spry_pair_context_init,                                                    \
        .context_fini = spry_pair_context_fini,                                                    \
        .pipe_join = spry_pair_join,                                                               \
        .pipe_leave = spry_pair_leave,                                                             \
        .pipe_received = pair0_pipe_received,                                                      \
        .pipe_sent = spry_pair_sent,                                                               \
        .send = spry_pair_send,                                                                    \
        .receive = spry_pair_receive,                                                              \
        .ready = spry_pair_ready,                                                                  \
    }
// clang-format on

static const struct protocol pair0_protocol = PAIR0_PROTOCOL(false);
static const struct protocol pair0_raw_protocol = PAIR0_PROTOCOL(true);

int nng_pair0_open(nng_socket *socket)
{
    return spry_socket_open(socket, &pair0_protocol);
}

int nng_pair0_open_raw(nng_socket *socket)
{
    return spry_socket_open(socket, &pair0_raw_protocol);
}
