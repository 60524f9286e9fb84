/* Every public function, as a call on a scene. */
#define NNG_DEPRECATED /* the old names are called, too */

#include "calls.h"

#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/util/idhash.h>
#include <nng/supplemental/util/options.h>
#include <nng/transport/inproc/inproc.h>
#include <nng/transport/ipc/ipc.h>
#include <nng/transport/tcp/tcp.h>

#include <string.h>

#include <check.h>

/* Answers that no function gives: what was looked at is not as it should be. */
enum { WRONG = NNG_EINTERNAL };

static struct {
    struct probe other; /* idle */
    bool other_freed;
    nng_msg *msg;
} props;

void calls_open(void)
{
    probe_open(&props.other, NULL, NULL);
    nng_aio_set_timeout(props.other.aio, NNG_DURATION_INFINITE);
    props.other_freed = false;
    ck_assert_int_eq(nng_msg_alloc(&props.msg, 64), 0);
}

static bool other_returned(void *argument)
{
    return atomic_load(&props.other.returned) >= *(int *)argument;
}

void calls_close(int begun)
{
    nng_msg *msg;

    nng_msg_free(props.msg);
    ck_assert(link_wait(other_returned, &begun));
    if (props.other_freed) {
        ck_assert_int_eq(atomic_load(&props.other.calls), begun);
        return;
    }
    nng_aio_stop(props.other.aio);
    msg = nng_aio_get_msg(props.other.aio);
    probe_close(&props.other, begun);
    nng_msg_free(msg);
}

static int truth(bool is)
{
    return is ? 0 : WRONG;
}

static nng_pipe pipe_of(struct scene *s)
{
    return (nng_pipe){s->cue >= CUE_ADD_PRE ? s->cued_pipe.id : atomic_load(&s->pipe)};
}

/* clang-format off */

/* A function of one expression, which is its answer; one that gives none. */
#define CALL(name, expression) \
    static int call_##name(struct scene *s) \
    { \
        (void)s; \
        return expression; \
    }
#define DO(name, statement) \
    static int call_##name(struct scene *s) \
    { \
        (void)s; \
        statement; \
        return 0; \
    }

/* ---- options: each type of each object, by both families of names ---- */

static char name_room[128];
static const nng_sockaddr no_address;

#define SETTERS(prefix, handle) \
    CALL(prefix, prefix(handle, NNG_OPT_MAXTTL, &(int){8}, sizeof(int))) \
    CALL(prefix##_bool, prefix##_bool(handle, NNG_OPT_TCP_NODELAY, true)) \
    CALL(prefix##_int, prefix##_int(handle, NNG_OPT_MAXTTL, 8)) \
    CALL(prefix##_ms, prefix##_ms(handle, NNG_OPT_SENDTIMEO, 1)) \
    CALL(prefix##_size, prefix##_size(handle, NNG_OPT_RECVMAXSZ, 0))
#define SETTERS_MORE(prefix, handle) \
    CALL(prefix##_uint64, prefix##_uint64(handle, NNG_OPT_PEER_UID, 0)) \
    CALL(prefix##_string, prefix##_string(handle, NNG_OPT_SOCKNAME, "scene")) \
    CALL(prefix##_ptr, prefix##_ptr(handle, NNG_OPT_TLS_CONFIG, NULL))
#define SETTERS_ADDRESS(prefix, handle) \
    CALL(prefix##_addr, prefix##_addr(handle, NNG_OPT_LOCADDR, &no_address))
#define GETTERS(prefix, handle) \
    CALL(prefix, prefix(handle, NNG_OPT_URL, name_room, &(size_t){sizeof(name_room)})) \
    CALL(prefix##_bool, prefix##_bool(handle, NNG_OPT_RAW, &(bool){false})) \
    CALL(prefix##_int, prefix##_int(handle, NNG_OPT_MAXTTL, &(int){0})) \
    CALL(prefix##_ms, prefix##_ms(handle, NNG_OPT_RECVTIMEO, &(nng_duration){0})) \
    CALL(prefix##_size, prefix##_size(handle, NNG_OPT_RECVMAXSZ, &(size_t){0}))
#define GETTERS_MORE(prefix, handle) \
    CALL(prefix##_uint64, prefix##_uint64(handle, NNG_OPT_PEER_UID, &(uint64_t){0})) \
    CALL(prefix##_ptr, prefix##_ptr(handle, NNG_OPT_TLS_CONFIG, &(void *){NULL})) \
    static int call_##prefix##_string(struct scene *s) \
    { \
        char *text = NULL; \
        int rv = prefix##_string(handle, NNG_OPT_URL, &text); \
        nng_strfree(text); \
        return rv; \
    }
#define GETTERS_ADDRESS(prefix, type, handle) \
    CALL(prefix##_##type, prefix##_##type(handle, NNG_OPT_LOCADDR, &(nng_sockaddr){0}))

#define OPTIONS_OF(object, handle) \
    SETTERS(nng_##object##_set, handle) \
    SETTERS_MORE(nng_##object##_set, handle) \
    SETTERS_ADDRESS(nng_##object##_set, handle) \
    GETTERS(nng_##object##_get, handle) \
    GETTERS_MORE(nng_##object##_get, handle) \
    GETTERS_ADDRESS(nng_##object##_get, addr, handle)
#define OLD_OPTIONS_OF(object, handle) \
    SETTERS(object##_setopt, handle) \
    SETTERS_MORE(object##_setopt, handle) \
    GETTERS(object##_getopt, handle) \
    GETTERS_MORE(object##_getopt, handle)

OPTIONS_OF(socket, s->own)
OPTIONS_OF(ctx, s->ctx)
OPTIONS_OF(dialer, s->dialer)
OPTIONS_OF(listener, s->listener)
GETTERS(nng_pipe_get, pipe_of(s))
GETTERS_MORE(nng_pipe_get, pipe_of(s))
GETTERS_ADDRESS(nng_pipe_get, addr, pipe_of(s))
OLD_OPTIONS_OF(nng, s->own)
SETTERS(nng_ctx_setopt, s->ctx)
GETTERS(nng_ctx_getopt, s->ctx)
OLD_OPTIONS_OF(nng_dialer, s->dialer)
GETTERS_ADDRESS(nng_dialer_getopt, sockaddr, s->dialer)
OLD_OPTIONS_OF(nng_listener, s->listener)
GETTERS_ADDRESS(nng_listener_getopt, sockaddr, s->listener)
GETTERS(nng_pipe_getopt, pipe_of(s))
GETTERS_MORE(nng_pipe_getopt, pipe_of(s))
GETTERS_ADDRESS(nng_pipe_getopt, sockaddr, pipe_of(s))

CALL(receive_descriptor, nng_socket_get_int(s->own, NNG_OPT_RECVFD, &(int){0}))
CALL(send_descriptor, nng_socket_get_int(s->own, NNG_OPT_SENDFD, &(int){0}))

/* ---- what is asked of an object ---- */

CALL(nng_socket_id, truth(nng_socket_id(s->own) == (int)s->own.id))
CALL(nng_ctx_id, truth(nng_ctx_id(s->ctx) == (s->ctx.id != 0 ? (int)s->ctx.id : -1)))
CALL(nng_dialer_id, truth(nng_dialer_id(s->dialer) == (s->dialer.id != 0 ? (int)s->dialer.id : -1)))
CALL(nng_listener_id, truth(nng_listener_id(s->listener) == (s->listener.id != 0 ? (int)s->listener.id : -1)))
CALL(nng_pipe_id, truth(nng_pipe_id((nng_pipe){7}) == 7))
CALL(nng_pipe_socket, truth(nng_pipe_socket(pipe_of(s)).id < 0x80000000))
CALL(nng_pipe_dialer, truth(nng_pipe_dialer(pipe_of(s)).id < 0x80000000))
CALL(nng_pipe_listener, truth(nng_pipe_listener(pipe_of(s)).id < 0x80000000))
CALL(nng_socket_proto_id, nng_socket_proto_id(s->own, &(uint16_t){0}))
CALL(nng_socket_peer_id, nng_socket_peer_id(s->own, &(uint16_t){0}))
CALL(nng_socket_proto_name, nng_socket_proto_name(s->own, &(const char *){NULL}))
CALL(nng_socket_peer_name, nng_socket_peer_name(s->own, &(const char *){NULL}))
CALL(nng_socket_raw, nng_socket_raw(s->own, &(bool){false}))
CALL(nng_dialer_get_url, nng_dialer_get_url(s->dialer, &(const nng_url *){NULL}))
CALL(nng_listener_get_url, nng_listener_get_url(s->listener, &(const nng_url *){NULL}))

/* ---- messages: what is taken away was put in before ---- */

#define MSG props.msg
CALL(nng_msg_realloc, nng_msg_realloc(MSG, 64))
CALL(nng_msg_reserve, nng_msg_reserve(MSG, 100))
CALL(nng_msg_capacity, truth(nng_msg_capacity(MSG) >= 64))
CALL(nng_msg_get_pipe, truth(nng_msg_get_pipe(MSG).id == 0))
DO(nng_msg_set_pipe, nng_msg_set_pipe(MSG, (nng_pipe){0}))
CALL(nng_msg_body, truth(nng_msg_body(MSG) != NULL))
CALL(nng_msg_getopt, truth(nng_msg_getopt(MSG, 0, NULL, NULL) == NNG_ENOTSUP))
CALL(nng_msg_len, truth(nng_msg_len(MSG) > 0))
CALL(nng_msg_header, truth(nng_msg_header_len(MSG) == 0 || nng_msg_header(MSG) != NULL))
DO(nng_msg_clear, nng_msg_clear(MSG))
DO(nng_msg_header_clear, nng_msg_header_clear(MSG))
#define MSG_PART(part) \
    CALL(part##_append, part##_append(MSG, "text", 4)) \
    CALL(part##_insert, part##_insert(MSG, "text", 4)) \
    CALL(part##_append_u16, part##_append_u16(MSG, 1)) \
    CALL(part##_append_u32, part##_append_u32(MSG, 1)) \
    CALL(part##_append_u64, part##_append_u64(MSG, 1)) \
    CALL(part##_insert_u16, part##_insert_u16(MSG, 1)) \
    CALL(part##_insert_u32, part##_insert_u32(MSG, 1)) \
    CALL(part##_insert_u64, part##_insert_u64(MSG, 1)) \
    CALL(part##_trim, part##_trim(MSG, 4)) \
    CALL(part##_chop, part##_chop(MSG, 4)) \
    CALL(part##_trim_u16, part##_trim_u16(MSG, &(uint16_t){0})) \
    CALL(part##_trim_u32, part##_trim_u32(MSG, &(uint32_t){0})) \
    CALL(part##_trim_u64, part##_trim_u64(MSG, &(uint64_t){0})) \
    CALL(part##_chop_u16, part##_chop_u16(MSG, &(uint16_t){0})) \
    CALL(part##_chop_u32, part##_chop_u32(MSG, &(uint32_t){0})) \
    CALL(part##_chop_u64, part##_chop_u64(MSG, &(uint64_t){0}))
MSG_PART(nng_msg)
MSG_PART(nng_msg_header)

static int call_nng_msg_dup(struct scene *s)
{
    nng_msg *copy;
    int rv = nng_msg_dup(&copy, MSG);

    (void)s;
    if (rv == 0)
        nng_msg_free(copy);
    return rv;
}

/* ---- the library, memory, addresses, the system ---- */

CALL(nng_version, truth(nng_version() != NULL))
CALL(nng_strerror, truth(nng_strerror(NNG_ECLOSED) != NULL))
DO(nng_init_set_parameter, nng_init_set_parameter(NNG_INIT_MAX_TASK_THREADS, 1))
DO(nng_alloc, nng_free(nng_alloc(10), 10))
DO(nng_strdup, nng_strfree(nng_strdup("text")))
CALL(nng_clock, truth(nng_clock() > 0))
DO(nng_msleep, nng_msleep(0))
DO(nng_random, (void)nng_random())
CALL(nng_str_sockaddr, truth(nng_str_sockaddr(&no_address, name_room, sizeof(name_room)) != NULL))
CALL(nng_tcp_register, nng_tcp_register())
CALL(nng_inproc_register, nng_inproc_register())
CALL(nng_ipc_register, nng_ipc_register())
DO(nng_log_err, nng_log_err("id", "%d", 1))
DO(nng_log_warn, nng_log_warn("id", "%d", 1))
DO(nng_log_notice, nng_log_notice("id", "%d", 1))
DO(nng_log_info, nng_log_info("id", "%d", 1))
DO(nng_log_debug, nng_log_debug("id", "%d", 1))
DO(nng_log_auth, nng_log_auth(NNG_LOG_INFO, "id", "%d", 1))
DO(nng_log_set_level, nng_log_set_level(NNG_LOG_NOTICE))
CALL(nng_log_get_level, truth(nng_log_get_level() == NNG_LOG_NOTICE))
DO(nng_log_set_facility, nng_log_set_facility(NNG_LOG_USER))
DO(nng_log_set_logger, nng_log_set_logger(nng_null_logger))
DO(nng_null_logger, nng_null_logger(NNG_LOG_INFO, NNG_LOG_USER, "id", "text"))

/* clang-format on */

static int call_nng_url_parse(struct scene *s)
{
    nng_url *url;
    nng_url *copy;
    int rv = nng_url_parse(&url, s->urls[0]);

    if (rv != 0)
        return rv;
    rv = nng_url_clone(&copy, url);
    if (rv == 0)
        nng_url_free(copy);
    nng_url_free(url);
    return rv;
}

static int call_nng_id_map_alloc(struct scene *s)
{
    nng_id_map *map;
    uint32_t cursor = 0;
    void *value;
    uint64_t id;
    int rv = nng_id_map_alloc(&map, 1, 10, 0);

    if (rv != 0)
        return rv;
    rv = nng_id_alloc(map, &id, s);
    if (rv == 0)
        rv = nng_id_set(map, id, s);
    if (rv == 0)
        rv = truth(nng_id_get(map, id) == s && nng_id_visit(map, &id, &value, &cursor));
    if (rv == 0)
        rv = nng_id_remove(map, id);
    nng_id_map_free(map);
    return rv;
}

static int call_nng_opts_parse(struct scene *s)
{
    static const nng_optspec specs[] = {{"help", 'h', 1, false}, {NULL, 0, 0, false}};
    char program[] = "program";
    char option[] = "-h";
    char *words[] = {program, option, NULL};
    char *argument;
    int at = 1;

    (void)s;
    return nng_opts_parse(2, words, specs, &(int){0}, &argument, &at);
}

/* A thread of the program's, and the two waiting for each other. */
struct meeting {
    nng_mtx *mtx;
    nng_cv *cv;
    bool met;
};

static void meeting_main(void *argument)
{
    struct meeting *meeting = argument;

    nng_mtx_lock(meeting->mtx);
    meeting->met = true;
    nng_cv_wake(meeting->cv);
    nng_cv_wake1(meeting->cv);
    nng_mtx_unlock(meeting->mtx);
}

static int call_nng_thread_create(struct scene *s)
{
    struct meeting meeting = {.met = false};
    nng_thread *thread;
    int rv;

    (void)s;
    if (nng_mtx_alloc(&meeting.mtx) != 0 || nng_cv_alloc(&meeting.cv, meeting.mtx) != 0)
        return WRONG;
    rv = nng_thread_create(&thread, meeting_main, &meeting);
    if (rv == 0) {
        nng_thread_set_name(thread, "meeting");
        nng_mtx_lock(meeting.mtx);
        while (!meeting.met)
            nng_cv_wait(meeting.cv);
        (void)nng_cv_until(meeting.cv, nng_clock());
        nng_mtx_unlock(meeting.mtx);
        nng_thread_destroy(thread);
    }
    nng_cv_free(meeting.cv);
    nng_mtx_free(meeting.mtx);
    return rv;
}

static int call_nng_stats_get(struct scene *s)
{
    nng_stat *root;
    nng_stat *first;
    int rv = nng_stats_get(&root);

    if (rv != 0)
        return rv;
    (void)nng_stat_find(root, "socket");
    (void)nng_stat_find_socket(root, s->own);
    (void)nng_stat_find_dialer(root, s->dialer);
    (void)nng_stat_find_listener(root, s->listener);
    first = nng_stat_child(root);
    if (first != NULL) {
        (void)nng_stat_next(first);
        (void)nng_stat_desc(first);
        (void)nng_stat_unit(first);
        (void)nng_stat_string(first);
        (void)nng_stat_value(first);
        rv = truth(nng_stat_name(first) != NULL && nng_stat_type(first) == NNG_STAT_SCOPE);
    }
    (void)nng_stat_bool(root);
    if (rv == 0)
        rv = truth(nng_stat_timestamp(root) > 0);
    nng_stats_free(root);
    return rv;
}

/* ---- opening ---- */

static int open_and_close(int (*open)(nng_socket *socket))
{
    nng_socket socket;
    int rv = open(&socket);

    return rv != 0 ? rv : nng_close(socket);
}

/* clang-format off */
CALL(nng_req0_open, open_and_close(nng_req0_open))
CALL(nng_req0_open_raw, open_and_close(nng_req0_open_raw))
CALL(nng_rep0_open, open_and_close(nng_rep0_open))
CALL(nng_rep0_open_raw, open_and_close(nng_rep0_open_raw))
CALL(nng_pair0_open, open_and_close(nng_pair0_open))
CALL(nng_pair0_open_raw, open_and_close(nng_pair0_open_raw))
CALL(nng_pair1_open, open_and_close(nng_pair1_open))
CALL(nng_pair1_open_raw, open_and_close(nng_pair1_open_raw))
CALL(nng_pair1_open_poly, open_and_close(nng_pair1_open_poly))

CALL(nng_ctx_open, nng_ctx_open(&(nng_ctx){0}, s->own))
CALL(nng_listen, nng_listen(s->own, s->urls[1], NULL, 0))
CALL(nng_dial, nng_dial(s->own, s->urls[1], NULL, 0))
CALL(dial_later, nng_dial(s->own, s->urls[1], NULL, NNG_FLAG_NONBLOCK))
CALL(nng_listener_create, nng_listener_create(&(nng_listener){0}, s->own, s->urls[1]))
CALL(nng_dialer_create, nng_dialer_create(&(nng_dialer){0}, s->own, s->urls[1]))
CALL(nng_listener_start, nng_listener_start(s->listener, 0))
CALL(nng_dialer_start, nng_dialer_start(s->dialer, 0))
CALL(start_later, nng_dialer_start(s->dialer, NNG_FLAG_NONBLOCK))
CALL(nng_pipe_notify, nng_pipe_notify(s->own, NNG_PIPE_EV_ADD_POST, NULL, NULL))

/* ---- closing ---- */

CALL(nng_close, nng_close(s->own))
CALL(close_peer, (nng_close(s->peer), 0))
CALL(nng_socket_close, nng_socket_close(s->own))
DO(nng_closeall, nng_closeall())
DO(nng_fini, nng_fini())
CALL(nng_ctx_close, nng_ctx_close(s->ctx))
CALL(nng_dialer_close, nng_dialer_close(s->dialer))
CALL(nng_listener_close, nng_listener_close(s->listener))
CALL(nng_pipe_close, nng_pipe_close(pipe_of(s)))
/* clang-format on */

/* ---- sending and receiving ---- */

static int send_message(struct scene *s, bool context, int flags)
{
    nng_msg *msg;
    int rv = nng_msg_alloc(&msg, 5);

    if (rv != 0)
        return rv;
    rv = context ? nng_ctx_sendmsg(s->ctx, msg, flags) : nng_sendmsg(s->own, msg, flags);
    if (rv != 0)
        nng_msg_free(msg);
    return rv;
}

static int receive_message(struct scene *s, bool context, int flags)
{
    nng_msg *msg = NULL;
    int rv = context ? nng_ctx_recvmsg(s->ctx, &msg, flags) : nng_recvmsg(s->own, &msg, flags);

    nng_msg_free(msg);
    return rv;
}

/* clang-format off */
CALL(nng_send, link_send(s->own, "text", 4, 0))
CALL(nng_recv, nng_recv(s->own, name_room, &(size_t){sizeof(name_room)}, 0))
CALL(nng_sendmsg, send_message(s, false, 0))
CALL(nng_recvmsg, receive_message(s, false, 0))
CALL(nng_ctx_sendmsg, send_message(s, true, 0))
CALL(nng_ctx_recvmsg, receive_message(s, true, 0))
CALL(sendmsg_now, send_message(s, false, NNG_FLAG_NONBLOCK))
CALL(recvmsg_now, receive_message(s, false, NNG_FLAG_NONBLOCK))
CALL(ctx_sendmsg_now, send_message(s, true, NNG_FLAG_NONBLOCK))
CALL(ctx_recvmsg_now, receive_message(s, true, NNG_FLAG_NONBLOCK))
CALL(nng_device, nng_device(s->own, (nng_socket){0}))
/* clang-format on */

/* ---- aios: an idle one, that of the callback, the pending one ---- */

/* What a receive left in it is no longer wanted; a send needs one. */
static nng_aio *own_aio(struct scene *s, bool sends)
{
    nng_msg_free(nng_aio_get_msg(s->cued.aio));
    nng_aio_set_msg(s->cued.aio, NULL);
    if (sends) {
        nng_msg *msg;

        if (nng_msg_alloc(&msg, 5) == 0)
            nng_aio_set_msg(s->cued.aio, msg);
    }
    return s->cued.aio;
}

static nng_aio *other_aio(bool sends)
{
    nng_msg *msg;

    if (sends && nng_msg_alloc(&msg, 5) == 0)
        nng_aio_set_msg(props.other.aio, msg);
    return props.other.aio;
}

static void provide(nng_aio *aio)
{
    if (nng_aio_begin(aio)) {
        nng_aio_defer(aio, NULL, NULL);
        nng_aio_finish(aio, 0);
    }
}

static int call_own_free(struct scene *s)
{
    nng_aio *aio = own_aio(s, false);

    s->aio_freed = true;
    nng_aio_free(aio);
    return 0;
}

static int call_own_reap(struct scene *s)
{
    nng_aio *aio = own_aio(s, false);

    s->aio_freed = true;
    nng_aio_reap(aio);
    return 0;
}

static int call_other_free(struct scene *s)
{
    (void)s;
    props.other_freed = true;
    nng_aio_free(props.other.aio);
    return 0;
}

static int call_other_reap(struct scene *s)
{
    (void)s;
    props.other_freed = true;
    nng_aio_reap(props.other.aio);
    return 0;
}

/* Its end and the message have been seen by its own callback then. */
static int call_pending_free(struct scene *s)
{
    nng_aio_stop(s->pending.aio);
    nng_msg_free(nng_aio_get_msg(s->pending.aio));
    s->pending_freed = true;
    nng_aio_free(s->pending.aio);
    return truth(atomic_load(&s->pending.returned) == 1);
}

static int call_nng_aio_alloc(struct scene *s)
{
    nng_aio *aio;
    int rv = nng_aio_alloc(&aio, NULL, NULL);

    (void)s;
    if (rv == 0)
        nng_aio_free(aio);
    return rv;
}

static int call_nng_aio_stop(struct scene *s)
{
    nng_aio_stop(s->pending.aio);
    return truth(!nng_aio_busy(s->pending.aio) && atomic_load(&s->pending.returned) == 1);
}

static int call_nng_aio_wait(struct scene *s)
{
    nng_aio_wait(s->pending.aio);
    return truth(!nng_aio_busy(s->pending.aio) && atomic_load(&s->pending.returned) == 1);
}

/* clang-format off */
DO(nng_send_aio, nng_send_aio(s->own, other_aio(true)))
DO(nng_recv_aio, nng_recv_aio(s->own, other_aio(false)))
DO(nng_sock_send, nng_sock_send(s->own, other_aio(true)))
DO(nng_sock_recv, nng_sock_recv(s->own, other_aio(false)))
DO(nng_ctx_send, nng_ctx_send(s->ctx, other_aio(true)))
DO(nng_ctx_recv, nng_ctx_recv(s->ctx, other_aio(false)))
DO(nng_device_aio, nng_device_aio(other_aio(false), s->own, (nng_socket){0}))
DO(nng_sleep_aio, nng_sleep_aio(0, other_aio(false)))
DO(nng_aio_begin, provide(other_aio(false)))

DO(own_send, nng_send_aio(s->own, own_aio(s, true)))
DO(own_receive, nng_recv_aio(s->own, own_aio(s, false)))
DO(own_ctx_send, nng_ctx_send(s->ctx, own_aio(s, true)))
DO(own_ctx_receive, nng_ctx_recv(s->ctx, own_aio(s, false)))
DO(own_device, nng_device_aio(own_aio(s, false), s->own, (nng_socket){0}))
DO(own_sleep, nng_sleep_aio(0, own_aio(s, false)))
DO(own_provide, provide(own_aio(s, false)))
DO(own_stop, nng_aio_stop(s->cued.aio))
DO(own_abort, nng_aio_abort(s->cued.aio, NNG_EINTR))
DO(own_cancel, nng_aio_cancel(s->cued.aio))
DO(own_wait, nng_aio_wait(s->cued.aio))
CALL(own_busy, truth(nng_aio_busy(s->cued.aio)))

DO(other_stop, nng_aio_stop(props.other.aio))
DO(other_wait, nng_aio_wait(props.other.aio))
DO(nng_aio_abort, nng_aio_abort(s->pending.aio, NNG_EINTR))
DO(nng_aio_cancel, nng_aio_cancel(s->pending.aio))
CALL(nng_aio_busy, truth(!nng_aio_busy(props.other.aio)))
CALL(nng_aio_result, truth(nng_aio_result(props.other.aio) == 0))
CALL(nng_aio_count, truth(nng_aio_count(props.other.aio) == 0))
CALL(nng_aio_get_msg, truth(nng_aio_get_msg(props.other.aio) == NULL))
DO(nng_aio_set_msg, nng_aio_set_msg(props.other.aio, NULL))
DO(nng_aio_set_timeout, nng_aio_set_timeout(props.other.aio, NNG_DURATION_INFINITE))
DO(nng_aio_set_expire, nng_aio_set_expire(props.other.aio, UINT64_MAX))
CALL(nng_aio_set_iov, nng_aio_set_iov(props.other.aio, 0, NULL))
CALL(nng_aio_set_input, nng_aio_set_input(props.other.aio, 0, NULL))
CALL(nng_aio_set_output, nng_aio_set_output(props.other.aio, 0, NULL))
CALL(nng_aio_get_input, truth(nng_aio_get_input(props.other.aio, 0) == NULL))
CALL(nng_aio_get_output, truth(nng_aio_get_output(props.other.aio, 0) == NULL))

/* ---- the table ---- */

#define BIT(code) (UINT32_C(1) << (code))
#define OK BIT(0)
#define OPTION (OK | BIT(NNG_ENOTSUP) | BIT(NNG_EBADTYPE) | BIT(NNG_EREADONLY) | BIT(NNG_EWRITEONLY) | BIT(NNG_ESTATE) | BIT(NNG_EBUSY))
#define TRAFFIC (OK | BIT(NNG_ETIMEDOUT) | BIT(NNG_ESTATE) | BIT(NNG_EPROTO) | BIT(NNG_ECANCELED))
#define TRAFFIC_NOW (OK | BIT(NNG_EAGAIN) | BIT(NNG_ESTATE) | BIT(NNG_EPROTO))

#define LOOK(function, on, allowed) {#function, call_##function, on, allowed, 0}
#define CHANGE(function, on, allowed) {#function, call_##function, on, allowed, CALL_CHANGES}
#define NAMED(names, function, on, allowed, flags) {names, call_##function, on, allowed, CALL_CHANGES | (flags)}
#define ALSO(names, function, on, allowed) {names, call_##function, on, allowed, 0}

#define SET_ROWS(prefix, on) \
    LOOK(prefix, on, OPTION), LOOK(prefix##_bool, on, OPTION), LOOK(prefix##_int, on, OPTION), \
    LOOK(prefix##_ms, on, OPTION), LOOK(prefix##_size, on, OPTION)
#define MORE_ROWS(prefix, on) \
    LOOK(prefix##_uint64, on, OPTION), LOOK(prefix##_string, on, OPTION), LOOK(prefix##_ptr, on, OPTION)
#define OPTION_ROWS(object, on) \
    SET_ROWS(nng_##object##_set, on), MORE_ROWS(nng_##object##_set, on), LOOK(nng_##object##_set_addr, on, OPTION | BIT(NNG_EADDRINVAL)), \
    SET_ROWS(nng_##object##_get, on), MORE_ROWS(nng_##object##_get, on), LOOK(nng_##object##_get_addr, on, OPTION)
#define OLD_ROWS(object, on) \
    SET_ROWS(object##_setopt, on), MORE_ROWS(object##_setopt, on), \
    SET_ROWS(object##_getopt, on), MORE_ROWS(object##_getopt, on)
#define MSG_ROWS(part) \
    LOOK(part##_append, ON_NOTHING, OK), LOOK(part##_insert, ON_NOTHING, OK), \
    LOOK(part##_append_u16, ON_NOTHING, OK), LOOK(part##_append_u32, ON_NOTHING, OK), \
    LOOK(part##_append_u64, ON_NOTHING, OK), LOOK(part##_insert_u16, ON_NOTHING, OK), \
    LOOK(part##_insert_u32, ON_NOTHING, OK), LOOK(part##_insert_u64, ON_NOTHING, OK), \
    LOOK(part##_trim, ON_NOTHING, OK), LOOK(part##_chop, ON_NOTHING, OK), \
    LOOK(part##_trim_u16, ON_NOTHING, OK), LOOK(part##_trim_u32, ON_NOTHING, OK), \
    LOOK(part##_trim_u64, ON_NOTHING, OK), LOOK(part##_chop_u16, ON_NOTHING, OK), \
    LOOK(part##_chop_u32, ON_NOTHING, OK), LOOK(part##_chop_u64, ON_NOTHING, OK)

const struct call calls[] = {
    OPTION_ROWS(socket, ON_SOCKET),
    OPTION_ROWS(ctx, ON_CONTEXT),
    OPTION_ROWS(dialer, ON_DIALER),
    OPTION_ROWS(listener, ON_LISTENER),
    SET_ROWS(nng_pipe_get, ON_PIPE), MORE_ROWS(nng_pipe_get, ON_PIPE), LOOK(nng_pipe_get_addr, ON_PIPE, OPTION),
    OLD_ROWS(nng, ON_SOCKET),
    SET_ROWS(nng_ctx_setopt, ON_CONTEXT), SET_ROWS(nng_ctx_getopt, ON_CONTEXT),
    OLD_ROWS(nng_dialer, ON_DIALER), LOOK(nng_dialer_getopt_sockaddr, ON_DIALER, OPTION),
    OLD_ROWS(nng_listener, ON_LISTENER), LOOK(nng_listener_getopt_sockaddr, ON_LISTENER, OPTION),
    SET_ROWS(nng_pipe_getopt, ON_PIPE), MORE_ROWS(nng_pipe_getopt, ON_PIPE), LOOK(nng_pipe_getopt_sockaddr, ON_PIPE, OPTION),
    ALSO("nng_socket_get_int", receive_descriptor, ON_SOCKET, OK),
    ALSO("nng_socket_get_int", send_descriptor, ON_SOCKET, OK),

    LOOK(nng_socket_id, ON_NOTHING, OK),
    LOOK(nng_ctx_id, ON_NOTHING, OK),
    LOOK(nng_dialer_id, ON_NOTHING, OK),
    LOOK(nng_listener_id, ON_NOTHING, OK),
    LOOK(nng_pipe_id, ON_NOTHING, OK),
    LOOK(nng_pipe_socket, ON_NOTHING, OK),
    LOOK(nng_pipe_dialer, ON_NOTHING, OK),
    LOOK(nng_pipe_listener, ON_NOTHING, OK),
    LOOK(nng_socket_proto_id, ON_SOCKET, OK),
    LOOK(nng_socket_peer_id, ON_SOCKET, OK),
    LOOK(nng_socket_proto_name, ON_SOCKET, OK),
    LOOK(nng_socket_peer_name, ON_SOCKET, OK),
    LOOK(nng_socket_raw, ON_SOCKET, OK),
    LOOK(nng_dialer_get_url, ON_DIALER, OK),
    LOOK(nng_listener_get_url, ON_LISTENER, OK),

    MSG_ROWS(nng_msg),
    MSG_ROWS(nng_msg_header),
    LOOK(nng_msg_realloc, ON_NOTHING, OK),
    LOOK(nng_msg_reserve, ON_NOTHING, OK),
    LOOK(nng_msg_capacity, ON_NOTHING, OK),
    LOOK(nng_msg_get_pipe, ON_NOTHING, OK),
    LOOK(nng_msg_set_pipe, ON_NOTHING, OK),
    LOOK(nng_msg_body, ON_NOTHING, OK),
    LOOK(nng_msg_getopt, ON_NOTHING, OK),
    LOOK(nng_msg_len, ON_NOTHING, OK),
    ALSO("nng_msg_header nng_msg_header_len", nng_msg_header, ON_NOTHING, OK),
    ALSO("nng_msg_dup nng_msg_free nng_msg_alloc", nng_msg_dup, ON_NOTHING, OK),
    LOOK(nng_msg_clear, ON_NOTHING, OK),
    LOOK(nng_msg_header_clear, ON_NOTHING, OK),

    LOOK(nng_version, ON_NOTHING, OK),
    LOOK(nng_strerror, ON_NOTHING, OK),
    LOOK(nng_init_set_parameter, ON_NOTHING, OK),
    ALSO("nng_alloc nng_free", nng_alloc, ON_NOTHING, OK),
    ALSO("nng_strdup nng_strfree", nng_strdup, ON_NOTHING, OK),
    LOOK(nng_clock, ON_NOTHING, OK),
    LOOK(nng_msleep, ON_NOTHING, OK),
    LOOK(nng_random, ON_NOTHING, OK),
    LOOK(nng_str_sockaddr, ON_NOTHING, OK),
    LOOK(nng_tcp_register, ON_NOTHING, OK),
    LOOK(nng_inproc_register, ON_NOTHING, OK),
    LOOK(nng_ipc_register, ON_NOTHING, OK),
    LOOK(nng_log_err, ON_NOTHING, OK),
    LOOK(nng_log_warn, ON_NOTHING, OK),
    LOOK(nng_log_notice, ON_NOTHING, OK),
    LOOK(nng_log_info, ON_NOTHING, OK),
    LOOK(nng_log_debug, ON_NOTHING, OK),
    LOOK(nng_log_auth, ON_NOTHING, OK),
    LOOK(nng_log_set_level, ON_NOTHING, OK),
    LOOK(nng_log_get_level, ON_NOTHING, OK),
    LOOK(nng_log_set_facility, ON_NOTHING, OK),
    LOOK(nng_log_set_logger, ON_NOTHING, OK),
    LOOK(nng_null_logger, ON_NOTHING, OK),
    ALSO("nng_url_parse nng_url_clone nng_url_free", nng_url_parse, ON_NOTHING, OK),
    ALSO("nng_id_map_alloc nng_id_map_free nng_id_alloc nng_id_set nng_id_get nng_id_visit nng_id_remove",
         nng_id_map_alloc, ON_NOTHING, OK),
    LOOK(nng_opts_parse, ON_NOTHING, OK),
    ALSO("nng_thread_create nng_thread_destroy nng_thread_set_name nng_mtx_alloc nng_mtx_free nng_mtx_lock "
         "nng_mtx_unlock nng_cv_alloc nng_cv_free nng_cv_wait nng_cv_until nng_cv_wake nng_cv_wake1",
         nng_thread_create, ON_NOTHING, OK),
    ALSO("nng_stats_get nng_stats_free nng_stat_find nng_stat_find_socket nng_stat_find_dialer "
         "nng_stat_find_listener nng_stat_child nng_stat_next nng_stat_desc nng_stat_unit nng_stat_string "
         "nng_stat_value nng_stat_name nng_stat_type nng_stat_bool nng_stat_timestamp",
         nng_stats_get, ON_NOTHING, OK),

    LOOK(nng_aio_alloc, ON_NOTHING, OK),
    LOOK(nng_aio_busy, ON_NOTHING, OK),
    LOOK(nng_aio_result, ON_NOTHING, OK),
    LOOK(nng_aio_count, ON_NOTHING, OK),
    LOOK(nng_aio_get_msg, ON_NOTHING, OK),
    LOOK(nng_aio_set_msg, ON_NOTHING, OK),
    LOOK(nng_aio_set_timeout, ON_NOTHING, OK),
    LOOK(nng_aio_set_expire, ON_NOTHING, OK),
    LOOK(nng_aio_set_iov, ON_NOTHING, OK),
    LOOK(nng_aio_set_input, ON_NOTHING, OK),
    LOOK(nng_aio_set_output, ON_NOTHING, OK),
    LOOK(nng_aio_get_input, ON_NOTHING, OK),
    LOOK(nng_aio_get_output, ON_NOTHING, OK),
    ALSO("nng_aio_wait", other_wait, ON_NOTHING, OK),

    LOOK(nng_req0_open, ON_NOTHING, OK),
    LOOK(nng_req0_open_raw, ON_NOTHING, OK),
    LOOK(nng_rep0_open, ON_NOTHING, OK),
    LOOK(nng_rep0_open_raw, ON_NOTHING, OK),
    LOOK(nng_pair0_open, ON_NOTHING, OK),
    LOOK(nng_pair0_open_raw, ON_NOTHING, OK),
    LOOK(nng_pair1_open, ON_NOTHING, OK),
    LOOK(nng_pair1_open_raw, ON_NOTHING, OK),
    LOOK(nng_pair1_open_poly, ON_NOTHING, OK),

    CHANGE(nng_ctx_open, ON_SOCKET, OK | BIT(NNG_ENOTSUP)),
    CHANGE(nng_listen, ON_SOCKET, OK),
    CHANGE(nng_dial, ON_SOCKET, OK | BIT(NNG_ECONNREFUSED)),
    NAMED("nng_dial", dial_later, ON_SOCKET, OK, 0),
    CHANGE(nng_listener_create, ON_SOCKET, OK),
    CHANGE(nng_dialer_create, ON_SOCKET, OK),
    CHANGE(nng_listener_start, ON_LISTENER, OK | BIT(NNG_ESTATE)),
    CHANGE(nng_dialer_start, ON_DIALER, OK | BIT(NNG_ESTATE) | BIT(NNG_ECONNREFUSED)),
    NAMED("nng_dialer_start", start_later, ON_DIALER, OK | BIT(NNG_ESTATE), 0),
    CHANGE(nng_pipe_notify, ON_SOCKET, OK),

    CHANGE(nng_close, ON_SOCKET, OK),
    NAMED("nng_close", close_peer, ON_NOTHING, OK, 0),
    CHANGE(nng_socket_close, ON_SOCKET, OK),
    CHANGE(nng_closeall, ON_NOTHING, OK),
    CHANGE(nng_fini, ON_NOTHING, OK),
    CHANGE(nng_ctx_close, ON_CONTEXT, OK),
    CHANGE(nng_dialer_close, ON_DIALER, OK),
    CHANGE(nng_listener_close, ON_LISTENER, OK),
    CHANGE(nng_pipe_close, ON_PIPE, OK),

    CHANGE(nng_send, ON_SOCKET, TRAFFIC),
    CHANGE(nng_recv, ON_SOCKET, TRAFFIC),
    CHANGE(nng_sendmsg, ON_SOCKET, TRAFFIC),
    CHANGE(nng_recvmsg, ON_SOCKET, TRAFFIC),
    CHANGE(nng_ctx_sendmsg, ON_CONTEXT, TRAFFIC),
    CHANGE(nng_ctx_recvmsg, ON_CONTEXT, TRAFFIC),
    NAMED("nng_sendmsg", sendmsg_now, ON_SOCKET, TRAFFIC_NOW, 0),
    NAMED("nng_recvmsg", recvmsg_now, ON_SOCKET, TRAFFIC_NOW, 0),
    NAMED("nng_ctx_sendmsg", ctx_sendmsg_now, ON_CONTEXT, TRAFFIC_NOW, 0),
    NAMED("nng_ctx_recvmsg", ctx_recvmsg_now, ON_CONTEXT, TRAFFIC_NOW, 0),
    NAMED("nng_device", nng_device, ON_SOCKET, BIT(NNG_EINVAL) | BIT(NNG_ECLOSED), CALL_BLOCKS),

    NAMED("nng_send_aio", nng_send_aio, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_recv_aio", nng_recv_aio, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_sock_send", nng_sock_send, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_sock_recv", nng_sock_recv, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_ctx_send", nng_ctx_send, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_ctx_recv", nng_ctx_recv, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_device_aio", nng_device_aio, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_sleep_aio", nng_sleep_aio, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_aio_begin nng_aio_defer nng_aio_finish", nng_aio_begin, ON_NOTHING, OK, CALL_BEGINS_OTHER),
    NAMED("nng_aio_stop", other_stop, ON_NOTHING, OK, 0),
    NAMED("nng_aio_free", other_free, ON_NOTHING, OK, 0),
    NAMED("nng_aio_reap", other_reap, ON_NOTHING, OK, 0),

    NAMED("nng_send_aio", own_send, ON_NOTHING, OK, CALL_OWN_AIO | CALL_BEGINS_OWN),
    NAMED("nng_recv_aio", own_receive, ON_NOTHING, OK, CALL_OWN_AIO | CALL_BEGINS_OWN),
    NAMED("nng_ctx_send", own_ctx_send, ON_NOTHING, OK, CALL_OWN_AIO | CALL_BEGINS_OWN),
    NAMED("nng_ctx_recv", own_ctx_receive, ON_NOTHING, OK, CALL_OWN_AIO | CALL_BEGINS_OWN),
    NAMED("nng_device_aio", own_device, ON_NOTHING, OK, CALL_OWN_AIO | CALL_BEGINS_OWN),
    NAMED("nng_sleep_aio", own_sleep, ON_NOTHING, OK, CALL_OWN_AIO | CALL_BEGINS_OWN),
    NAMED("nng_aio_begin", own_provide, ON_NOTHING, OK, CALL_OWN_AIO | CALL_BEGINS_OWN),
    NAMED("nng_aio_stop", own_stop, ON_NOTHING, OK, CALL_OWN_AIO),
    NAMED("nng_aio_abort", own_abort, ON_NOTHING, OK, CALL_OWN_AIO),
    NAMED("nng_aio_cancel", own_cancel, ON_NOTHING, OK, CALL_OWN_AIO),
    NAMED("nng_aio_wait", own_wait, ON_NOTHING, OK, CALL_OWN_AIO),
    NAMED("nng_aio_busy", own_busy, ON_NOTHING, OK, CALL_OWN_AIO),
    NAMED("nng_aio_free", own_free, ON_NOTHING, OK, CALL_OWN_AIO),
    NAMED("nng_aio_reap", own_reap, ON_NOTHING, OK, CALL_OWN_AIO),

    NAMED("nng_aio_abort", nng_aio_abort, ON_NOTHING, OK, CALL_PENDING),
    NAMED("nng_aio_cancel", nng_aio_cancel, ON_NOTHING, OK, CALL_PENDING),
    NAMED("nng_aio_stop", nng_aio_stop, ON_NOTHING, OK, CALL_PENDING),
    NAMED("nng_aio_free", pending_free, ON_NOTHING, OK, CALL_PENDING),
    NAMED("nng_aio_wait", nng_aio_wait, ON_NOTHING, OK, CALL_PENDING | CALL_WAITS),
};
/* clang-format on */

const size_t calls_count = sizeof(calls) / sizeof(calls[0]);

const struct call_omitted calls_omitted[] = {
    {"nng_stats_dump", "it writes to the standard output; test_stat calls it"},
    {"nng_stderr_logger", "it writes to stderr, under no lock of the library; test_log calls it"},
    {"nng_system_logger",
     "it writes to the system's log, under no lock of the library; test_log does"},
    {"nng_socket_pair", "it makes descriptors of the system's and has nothing to do with sockets; "
                        "test_platform calls it"},
    {NULL, NULL},
};
