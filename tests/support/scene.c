/* Sockets in every state, and callbacks of every kind. */
#include "scene.h"

#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include "host.h"

#include <string.h>

#include <check.h>

/* How long a call that waits in a callback may wait for what does not come. */
enum { CALL_MS = 1, FULL_MAX = 1000 };

struct role {
    const char *name;
    int (*open)(nng_socket *socket);
    int (*open_peer)(nng_socket *socket);
    bool raw;
    bool contexts;
    bool dials;       /* it has its peer by a dialer, else by a listener */
    bool one_peer;    /* it refuses a second one */
    bool sends_first; /* a send needs nothing before it, and waits for a peer */
};

static const struct role roles[ROLES] = {
    [ROLE_REQ] = {"req", nng_req0_open, nng_rep0_open, .contexts = true, .dials = true,
                  .sends_first = true},
    [ROLE_REP] = {"rep", nng_rep0_open, nng_req0_open, .contexts = true},
    [ROLE_PAIR0] = {"pair0", nng_pair0_open, nng_pair0_open, .dials = true, .one_peer = true,
                    .sends_first = true},
    [ROLE_PAIR1] = {"pair1", nng_pair1_open, nng_pair1_open, .one_peer = true, .sends_first = true},
    [ROLE_RAW_REQ] = {"raw req", nng_req0_open_raw, nng_rep0_open, .raw = true, .dials = true},
    [ROLE_RAW_REP] = {"raw rep", nng_rep0_open_raw, nng_req0_open, .raw = true},
    [ROLE_RAW_PAIR1] = {"raw pair1", nng_pair1_open_raw, nng_pair1_open, .raw = true,
                        .one_peer = true},
};

static const char *const state_names[STATES] = {
    "fresh",   "listening", "retrying", "connected", "requested", "receiving",
    "sending", "full",      "deserted", "closing",   "closed",
};

static const char *const cue_names[CUES] = {
    "receive",         "send",    "context receive", "context send", "sleep", "device", "finish",
    "cancel function", "add-pre", "add-post",        "rem-post",
};

static _Thread_local int in_call;

void scene_call_begins(void)
{
    in_call++;
}

void scene_call_ends(void)
{
    in_call--;
}

const char *scene_role_name(enum scene_role role)
{
    return roles[role].name;
}

const char *scene_state_name(enum scene_state state)
{
    return state_names[state];
}

const char *scene_cue_name(enum scene_cue cue)
{
    return cue_names[cue];
}

static bool state_has_peer(enum scene_state state)
{
    switch (state) {
    case STATE_CONNECTED:
    case STATE_REQUESTED:
    case STATE_RECEIVING:
    case STATE_FULL:
    case STATE_DESERTED:
    case STATE_CLOSING:
    case STATE_CLOSED:
        return true;
    case STATE_FRESH:
    case STATE_LISTENING:
    case STATE_RETRYING:
    case STATE_SENDING:
    case STATES:
        break;
    }
    return false;
}

bool scene_possible(enum scene_role role, enum link_kind kind, enum scene_state state)
{
    switch (state) {
    case STATE_REQUESTED:
        return role != ROLE_RAW_REQ;
    case STATE_SENDING:
        return roles[role].sends_first;
    case STATE_FULL: /* elsewhere it is the system that has too much room */
        return (role == ROLE_PAIR0 || role == ROLE_PAIR1) && kind == LINK_INPROC;
    default:
        return true;
    }
}

bool scene_can_cue(enum scene_role role, enum scene_state state, enum scene_cue cue)
{
    switch (cue) {
    case CUE_CONTEXT_RECEIVE:
    case CUE_CONTEXT_SEND:
        return roles[role].contexts;
    case CUE_DEVICE:
        return roles[role].raw || state == STATE_FRESH; /* else it ends at once, in the same way */
    case CUE_ADD_POST:
        return !roles[role].one_peer || !state_has_peer(state) || state == STATE_DESERTED ||
               state == STATE_CLOSED;
    default:
        return true;
    }
}

void scene_urls(struct scene *scene, enum link_kind kind)
{
    static char urls[3][LINK_URL_BYTES];

    scene->kind = kind;
    for (int i = 0; i < 3; i++) {
        link_url(kind, urls[i]);
        scene->urls[i] = urls[i];
    }
}

/* What comes within microseconds is not waited for in milliseconds: there are thousands of scenes. */
static bool scene_wait(bool (*fact)(void *argument), void *argument)
{
    for (int i = 0; i < 100; i++) {
        if (fact(argument))
            return true;
        host_sleep_ms(0);
    }
    return link_wait(fact, argument);
}

/* ---- states ---- */

static nng_socket opened(int (*open)(nng_socket *socket))
{
    nng_socket socket;

    ck_assert_int_eq(open(&socket), 0);
    ck_assert_int_eq(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, LINK_DEADLINE_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 2), 0);
    return socket;
}

static void note_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct scene *scene = argument;

    (void)event;
    atomic_store(&scene->pipe, pipe.id);
}

static bool has_pipe(void *argument)
{
    return atomic_load(&((struct scene *)argument)->pipe) != 0;
}

static void connect_peer(struct scene *scene)
{
    scene->peer = opened(roles[scene->role].open_peer);
    ck_assert_int_eq(nng_pipe_notify(scene->own, NNG_PIPE_EV_ADD_POST, note_pipe, scene), 0);
    if (roles[scene->role].dials) {
        ck_assert_int_eq(nng_listen(scene->peer, scene->urls[0], NULL, 0), 0);
        ck_assert_int_eq(nng_dial(scene->own, scene->urls[0], &scene->dialer, 0), 0);
    } else {
        ck_assert_int_eq(nng_listen(scene->own, scene->urls[0], &scene->listener, 0), 0);
        ck_assert_int_eq(nng_dial(scene->peer, scene->urls[0], NULL, 0), 0);
    }
    ck_assert(scene_wait(has_pipe, scene));
}

static void request(struct scene *scene)
{
    nng_msg *msg;

    if (scene->role == ROLE_REQ) {
        ck_assert_int_eq(link_send(scene->own, "ask", 3, 0), 0);
        return;
    }
    ck_assert_int_eq(link_send(scene->peer, "ask", 3, 0), 0);
    if (scene->role == ROLE_REP) {
        ck_assert_int_eq(nng_recvmsg(scene->own, &msg, 0), 0);
        nng_msg_free(msg);
    }
}

static void begin_pending(struct scene *scene, bool sends)
{
    probe_open(&scene->pending, NULL, NULL);
    nng_aio_set_timeout(scene->pending.aio, NNG_DURATION_INFINITE);
    if (sends) {
        nng_aio_set_msg(scene->pending.aio, probe_msg("wait"));
        nng_send_aio(scene->own, scene->pending.aio);
    } else {
        nng_recv_aio(scene->own, scene->pending.aio);
    }
    scene->is_pending = true;
    ck_assert(nng_aio_busy(scene->pending.aio));
}

/* What a peer that receives nothing has room for. */
static void fill(nng_socket socket)
{
    int rv = 0;

    for (int i = 0; rv == 0 && i < FULL_MAX; i++)
        rv = link_send(socket, "full", 4, NNG_FLAG_NONBLOCK);
    ck_assert_int_eq(rv, NNG_EAGAIN);
}

static void enter_state(struct scene *scene)
{
    switch (scene->state) {
    case STATE_LISTENING:
        ck_assert_int_eq(nng_listen(scene->own, scene->urls[0], &scene->listener, 0), 0);
        break;
    case STATE_RETRYING:
        ck_assert_int_eq(nng_dial(scene->own, scene->urls[0], &scene->dialer, NNG_FLAG_NONBLOCK),
                         0);
        break;
    case STATE_REQUESTED:
        request(scene);
        break;
    case STATE_RECEIVING:
        if (scene->role == ROLE_REQ)
            request(scene);
        begin_pending(scene, false);
        break;
    case STATE_SENDING:
        begin_pending(scene, true);
        break;
    case STATE_FULL:
        fill(scene->own);
        begin_pending(scene, true);
        break;
    case STATE_DESERTED:
        ck_assert_int_eq(nng_close(scene->peer), 0);
        break;
    case STATE_CLOSED:
        ck_assert_int_eq(nng_close(scene->own), 0);
        break;
    case STATE_FRESH:
    case STATE_CONNECTED:
    case STATE_CLOSING:
    case STATES:
        break;
    }
}

static void limit_calls(struct scene *scene)
{
    ck_assert_int_eq(nng_socket_set_ms(scene->own, NNG_OPT_RECVTIMEO, CALL_MS), 0);
    ck_assert_int_eq(nng_socket_set_ms(scene->own, NNG_OPT_SENDTIMEO, CALL_MS), 0);
    if (scene->ctx.id == 0)
        return;
    ck_assert_int_eq(nng_ctx_set_ms(scene->ctx, NNG_OPT_RECVTIMEO, CALL_MS), 0);
    ck_assert_int_eq(nng_ctx_set_ms(scene->ctx, NNG_OPT_SENDTIMEO, CALL_MS), 0);
}

void scene_open(struct scene *scene, enum scene_role role, enum scene_state state)
{
    scene->role = role;
    scene->state = state;
    scene->own = opened(roles[role].open);
    scene->peer = (nng_socket){0};
    scene->ctx = (nng_ctx){0};
    scene->dialer = (nng_dialer){0};
    scene->listener = (nng_listener){0};
    scene->is_pending = false;
    scene->pending_freed = false;
    scene->has_aio = false;
    scene->door = (nng_socket){0};
    scene->visitor = (nng_socket){0};
    atomic_store(&scene->pipe, 0);
    if (state_has_peer(state))
        connect_peer(scene);
    if (roles[role].contexts)
        ck_assert_int_eq(nng_ctx_open(&scene->ctx, scene->own), 0);
    enter_state(scene);
    if (state == STATE_CLOSED)
        return;
    limit_calls(scene);
    if (scene->dialer.id == 0)
        ck_assert_int_eq(nng_dialer_create(&scene->dialer, scene->own, scene->urls[1]), 0);
    if (scene->listener.id == 0)
        ck_assert_int_eq(nng_listener_create(&scene->listener, scene->own, scene->urls[1]), 0);
}

/* ---- cues ---- */

/* In the callback. */
static void scene_act(struct scene *scene)
{
    if (atomic_exchange(&scene->taken, true))
        return;
    if (in_call != 0)
        atomic_store(&scene->misplaced, true);
    atomic_store(&scene->entered, true);
    while (!atomic_load(&scene->go))
        host_sleep_ms(0);
    in_call++;
    scene->act(scene);
    in_call--;
    atomic_store(&scene->done, true);
}

static void aio_called(struct probe *probe)
{
    scene_act(probe->argument);
}

static void cancel_called(nng_aio *aio, void *argument, int error)
{
    struct scene *scene = argument;

    scene_act(scene);
    nng_aio_finish(aio, error);
    atomic_store(&scene->canceled, true);
}

/* The scenes are one after another, and what is told of one may come in the next. */
static struct scene *cued_scene;

static void pipe_called(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    struct scene *scene = cued_scene;

    if ((uintptr_t)argument != scene->number)
        return;
    if (event == NNG_PIPE_EV_ADD_PRE)
        atomic_store(&scene->announced, true);
    if ((int)event != (int)scene->cue - CUE_ADD_PRE || atomic_load(&scene->taken))
        return;
    scene->cued_pipe = pipe;
    scene_act(scene);
}

/* The visitor, or the end of a pipe that was there before. */
static bool was_announced(void *argument)
{
    struct scene *scene = argument;

    return atomic_load(&scene->announced) || atomic_load(&scene->entered);
}

static void visit(struct scene *scene)
{
    const struct role *role = &roles[scene->role];
    void *number = (void *)scene->number;
    int rv;

    scene->door = scene->own;
    if (scene->state == STATE_CLOSED)
        scene->door = opened(role->open);
    scene->visitor = opened(role->open_peer);
    cued_scene = scene;
    for (int event = 0; event < NNG_PIPE_EV_NUM; event++) {
        bool wanted = event == (int)scene->cue - CUE_ADD_PRE || event == NNG_PIPE_EV_ADD_PRE;

        ck_assert_int_eq(nng_pipe_notify(scene->door, (nng_pipe_ev)event,
                                         wanted ? pipe_called : NULL, wanted ? number : NULL),
                         0);
    }
    ck_assert_int_eq(nng_listen(scene->door, scene->urls[2], NULL, 0), 0);
    rv = nng_dial(scene->visitor, scene->urls[2], NULL, NNG_FLAG_NONBLOCK);
    ck_assert_int_eq(rv, 0);
    if (scene->cue == CUE_REM_POST) {
        ck_assert(scene_wait(was_announced, scene));
        ck_assert_int_eq(nng_close(scene->visitor), 0);
        scene->visitor.id = 0;
    }
}

static void begin_cued(struct scene *scene)
{
    nng_socket none = NNG_SOCKET_INITIALIZER;
    nng_aio *aio = scene->cued.aio;
    nng_msg *msg = probe_msg("cue");

    if (scene->role == ROLE_RAW_REQ) /* without an id the peer would break off */
        ck_assert_int_eq(nng_msg_header_append_u32(msg, 0x80000001), 0);
    nng_aio_set_msg(aio, msg);
    switch (scene->cue) {
    case CUE_RECEIVE:
        nng_msg_free(nng_aio_get_msg(aio));
        nng_aio_set_msg(aio, NULL);
        nng_recv_aio(scene->own, aio);
        break;
    case CUE_SEND:
        nng_send_aio(scene->own, aio);
        break;
    case CUE_CONTEXT_RECEIVE:
        nng_msg_free(nng_aio_get_msg(aio));
        nng_aio_set_msg(aio, NULL);
        nng_ctx_recv(scene->ctx, aio);
        break;
    case CUE_CONTEXT_SEND:
        nng_ctx_send(scene->ctx, aio);
        break;
    case CUE_SLEEP:
        nng_sleep_aio(0, aio);
        break;
    case CUE_DEVICE:
        nng_device_aio(aio, scene->own, none);
        break;
    case CUE_FINISH:
        ck_assert(nng_aio_begin(aio));
        nng_aio_finish(aio, 0);
        break;
    case CUE_CANCEL:
        ck_assert(nng_aio_begin(aio));
        nng_aio_defer(aio, cancel_called, scene);
        break;
    case CUE_ADD_PRE:
    case CUE_ADD_POST:
    case CUE_REM_POST:
    case CUES:
        break;
    }
}

static bool was_entered(void *argument)
{
    return atomic_load(&((struct scene *)argument)->entered);
}

void scene_cue(struct scene *scene, enum scene_cue cue, void (*act)(struct scene *scene))
{
    scene->cue = cue;
    scene->act = act;
    scene->has_aio = cue < CUE_ADD_PRE;
    scene->aio_freed = false;
    scene->begun = 0;
    scene->door = (nng_socket){0};
    scene->visitor = (nng_socket){0};
    scene->number++;
    atomic_store(&scene->taken, false);
    atomic_store(&scene->announced, false);
    atomic_store(&scene->canceled, cue != CUE_CANCEL);
    atomic_store(&scene->entered, false);
    atomic_store(&scene->go, false);
    atomic_store(&scene->done, false);
    atomic_store(&scene->misplaced, false);
    in_call = 1;
    if (scene->has_aio) {
        probe_open(&scene->cued, cue == CUE_CANCEL ? NULL : aio_called, scene);
        nng_aio_set_timeout(scene->cued.aio, NNG_DURATION_INFINITE);
        scene->begun = 1;
        begin_cued(scene);
        if (cue != CUE_SLEEP && cue != CUE_FINISH)
            nng_aio_cancel(scene->cued.aio);
    } else {
        visit(scene);
    }
    ck_assert_msg(scene_wait(was_entered, scene), "no callback: %s, %s, %s",
                  roles[scene->role].name, state_names[scene->state], cue_names[cue]);
}

void scene_go(struct scene *scene)
{
    atomic_store(&scene->go, true);
}

static bool is_done(void *argument)
{
    struct scene *scene = argument;

    return atomic_load(&scene->done) && atomic_load(&scene->canceled);
}

bool scene_await(struct scene *scene)
{
    return scene_wait(is_done, scene);
}

static bool cued_returned(void *argument)
{
    struct scene *scene = argument;

    return atomic_load(&scene->cued.returned) >= scene->begun;
}

/* Once the callback that freed it has returned nothing of it is left to look at. */
static void end_cued(struct scene *scene)
{
    nng_msg *msg;

    if (!scene->has_aio)
        return;
    if (scene->aio_freed) {
        ck_assert(scene_wait(cued_returned, scene));
        ck_assert_int_eq(atomic_load(&scene->cued.calls), scene->begun);
        return;
    }
    nng_aio_stop(scene->cued.aio);
    msg = nng_aio_get_msg(scene->cued.aio);
    probe_close(&scene->cued, scene->begun);
    nng_msg_free(msg);
}

static void end_pending(struct scene *scene)
{
    nng_msg *msg;

    if (!scene->is_pending)
        return;
    scene->is_pending = false;
    if (scene->pending_freed) {
        ck_assert_int_eq(atomic_load(&scene->pending.returned), 1);
        return;
    }
    nng_aio_wait(scene->pending.aio);
    msg = nng_aio_get_msg(scene->pending.aio);
    probe_close(&scene->pending, 1);
    nng_msg_free(msg);
}

void scene_close(struct scene *scene)
{
    (void)nng_close(scene->own);
    (void)nng_close(scene->door);
    (void)nng_close(scene->visitor);
    (void)nng_close(scene->peer);
    end_cued(scene);
    end_pending(scene);
    scene->has_aio = false;
    in_call = 0;
}
