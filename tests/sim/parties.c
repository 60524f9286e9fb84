/* Servers that answer and clients that ask, each on a fiber, through the public calls. */
#include "world.h"

#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

static void timeouts_set(struct party *party)
{
    nng_duration ms = sim_world.strict ? NNG_DURATION_INFINITE : (nng_duration)(1 + sim_below(400));

    sim_plausible(nng_socket_set_ms(party->socket, NNG_OPT_RECVTIMEO, ms), "nng_socket_set_ms");
    sim_plausible(nng_socket_set_ms(party->socket, NNG_OPT_SENDTIMEO, ms), "nng_socket_set_ms");
    sim_plausible(
        nng_socket_set_ms(party->socket, NNG_OPT_RECONNMINT, (nng_duration)(5 + sim_below(30))),
        "nng_socket_set_ms");
    if (sim_below(2) == 0)
        sim_plausible(nng_socket_set_ms(party->socket, NNG_OPT_RECONNMAXT, 50),
                      "nng_socket_set_ms");
    if (sim_below(4) == 0)
        sim_plausible(nng_socket_set_size(party->socket, NNG_OPT_RECVMAXSZ, 2 << 20),
                      "nng_socket_set_size");
}

static bool party_open(struct party *party, int (*open)(nng_socket *socket))
{
    int rv = open(&party->socket);

    sim_expect(rv, "open");
    if (rv != 0)
        return false;
    party->open = true;
    timeouts_set(party);
    for (int event = 0; sim_world.callbacks && event < NNG_PIPE_EV_NUM; event++)
        sim_plausible(nng_pipe_notify(party->socket, (nng_pipe_ev)event, sim_pipe_event, NULL),
                      "nng_pipe_notify");
    return true;
}

/* A descriptor in either form, or one that is none. */
static int security_set(nng_listener listener, const struct place *place)
{
    struct {
        struct sim_descriptor head;
        uint8_t rest[40];
    } descriptor = {{SECURITY_DESCRIPTOR_REVISION, 0, 0, 48}, {1}};
    bool valid = sim_below(4) != 0;
    int rv;

    descriptor.head.control = sim_below(2) == 0 ? SE_SELF_RELATIVE : 0;
    if (!valid && sim_below(2) == 0)
        descriptor.head.control = 1; /* cannot be made self-relative */
    else if (!valid)
        descriptor.head.revision = 7;
    rv = nng_listener_set_ptr(listener, NNG_OPT_IPC_SECURITY_DESCRIPTOR, &descriptor);
    SIM_NOTE("security descriptor: %d", rv);
    if (place->pipe != NULL && rv != NNG_ENOENT && rv != NNG_ENOMEM && rv != NNG_ECLOSED &&
        (rv == 0) != valid)
        sim_fail("a %s security descriptor gives %d", valid ? "valid" : "broken", rv);
    return 0;
}

static int listen_at(struct party *party, const struct place *place)
{
    int rv;

    party->place = place;
    if (sim_below(4) != 0)
        return nng_listen(party->socket, place->listen_url, &party->listener, 0);
    rv = nng_listener_create(&party->listener, party->socket, place->listen_url);
    if (rv != 0)
        return rv;
    if (sim_below(2) == 0)
        (void)security_set(party->listener, place);
    rv = nng_listener_start(party->listener, 0);
    if (rv != 0)
        (void)nng_listener_close(party->listener);
    return rv;
}

/* Nobody else has the address, not even for a moment after its last listener was closed. */
static void listen_expect(int rv)
{
    sim_plausible(rv, "nng_listen");
    if (rv == NNG_EADDRINUSE && !sim_injected() && sim_world.lone)
        sim_fail("an address is in use that nobody has");
    if (sim_world.ending && (rv == NNG_ECLOSED || rv == NNG_ENOENT))
        return;
    if (rv != 0 && sim_world.strict)
        sim_fail("nng_listen returns %d, and nothing has failed", rv);
}

static void listen_twice(struct party *party, const struct place *place)
{
    int rv = nng_listen(party->socket, place->listen_url, NULL, 0);

    sim_plausible(rv, "nng_listen, again");
    if (rv == 0 && sim_world.strict)
        sim_fail("two listeners at %s", place->listen_url);
    if (rv == 0)
        sim_world.lone = false; /* the first had been closed by others; this one stays */
}

static void dial(struct party *party, const char *url, bool waits)
{
    int rv;

    do {
        rv = nng_dial(party->socket, url, &party->dialer, waits ? 0 : NNG_FLAG_NONBLOCK);
        sim_plausible(rv, "nng_dial");
        if (rv != 0)
            sim_pause_for((uint64_t)(1 + sim_below(20)) * MS);
    } while (rv != 0 && rv != NNG_ECLOSED && sim_world.strict);
}

/* Addresses that are none, and one that the system completes. */
static void misuse(struct party *party)
{
    static const char *const urls[] = {
        "ipc://../sim",        "ipc://a/..", "ipc://.",           "ipc://\xff\xfe",
        "ipc://s\xed\xa0\x80", "ipc://",     "ipc://sim/../../x",
    };
    nng_listener listener;
    int port;
    int rv;

    rv = nng_listen(party->socket, urls[sim_below(sizeof(urls) / sizeof(urls[0]))], NULL, 0);
    if (rv == 0)
        sim_fail("a name that leaves the place of pipes is taken");
    if (rv != NNG_EADDRINVAL && rv != NNG_EINVAL)
        sim_plausible(rv, "nng_listen, misuse");
    rv = nng_listen(party->socket, "tcp://127.0.0.1:0", &listener, 0);
    sim_plausible(rv, "nng_listen, any port");
    if (rv == 0) {
        rv = nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port);
        if (rv == 0 && port == 0)
            sim_fail("a listener at no port");
        (void)sim_closed_in_time(sim_close_listener, listener.id, "nng_listener_close");
    }
}

/* ---- servers ---- */

static void server_relisten(struct party *party)
{
    if (party->listener.id == 0)
        return;
    sim_world.relistens++;
    sim_world.unlistening++;
    (void)sim_closed_in_time(sim_close_listener, party->listener.id, "nng_listener_close");
    sim_world.relistens++; /* for whoever came while it was closed */
    sim_world.unlistening--;
    if (sim_below(3) == 0)
        sim_pause_for(sim_below(2 * MS));
    listen_expect(listen_at(party, party->place));
}

static void server_listen(struct party *party)
{
    for (uint32_t i = 0; i < sim_world.place_count; i++) {
        const struct place *place = &sim_world.places[i];

        if (place->swapped) {
            dial(party, place->dial_url, false); /* its listener may come and go */
        } else if (i % sim_world.server_count == party->index) {
            listen_expect(listen_at(party, place));
            if (sim_below(8) == 0)
                listen_twice(party, place);
        }
    }
}

static int server_serve(struct party *party)
{
    nng_msg *msg;
    int rv = nng_recvmsg(party->socket, &msg, sim_below(16) == 0 ? NNG_FLAG_NONBLOCK : 0);

    sim_plausible(rv, "nng_recvmsg, server");
    if (rv != 0)
        return rv;
    sim_body_answer(nng_msg_body(msg), nng_msg_len(msg));
    rv = nng_sendmsg(party->socket, msg, 0);
    sim_plausible(rv, "nng_sendmsg, server");
    if (rv != 0)
        nng_msg_free(msg);
    return rv;
}

static void server_meanwhile(struct party *party)
{
    if (sim_below(24) == 0)
        server_relisten(party);
    if (sim_below(24) == 0)
        sim_look_at(party);
}

static void server_loop(struct party *party)
{
    int rv = 0;

    while (rv != NNG_ECLOSED && !(sim_world.ending && !sim_world.strict)) {
        rv = server_serve(party);
        if (rv != 0 && rv != NNG_ECLOSED)
            sim_pause_for(MS);
        server_meanwhile(party);
    }
}

unsigned sim_server_main(void *argument)
{
    struct party *party = argument;

    if (party_open(party, nng_rep0_open)) {
        server_listen(party);
        if (sim_below(12) == 0)
            misuse(party);
        if (sim_below(3) != 0 || !sim_async_serve(party, server_meanwhile))
            server_loop(party);
    }
    sim_party_close(party);
    party->over = true;
    return 0;
}

/* ---- clients ---- */

static int client_send(struct party *party, uint32_t id, size_t bytes)
{
    uint8_t *body = malloc(bytes + 1);
    int flags = sim_below(8) == 0 && !sim_world.prompt ? NNG_FLAG_NONBLOCK : 0;
    int rv;

    if (body == NULL)
        abort();
    sim_body_write(body, bytes, id, false);
    do {
        rv = nng_send(party->socket, body, bytes, flags);
        sim_plausible(rv, "nng_send, client");
        if (rv == NNG_EAGAIN)
            sim_pause_for((uint64_t)(1 + sim_below(5)) * MS);
    } while (rv == NNG_EAGAIN && sim_world.strict && !party->foreign);
    free(body);
    return rv;
}

static int client_receive(struct party *party, uint32_t id, size_t bytes)
{
    bool ours = !party->foreign && !sim_world.squatted;
    int flags = sim_below(8) == 0 && !sim_world.prompt ? NNG_FLAG_NONBLOCK : 0;
    nng_msg *msg;
    int rv;

    do {
        rv = nng_recvmsg(party->socket, &msg, flags);
        sim_plausible(rv, "nng_recvmsg, client");
        if (rv == NNG_EAGAIN)
            sim_pause_for((uint64_t)(1 + sim_below(5)) * MS);
    } while (rv == NNG_EAGAIN && sim_world.strict && !party->foreign);
    if (rv != 0)
        return rv;
    if (ours && nng_msg_len(msg) != bytes)
        sim_fail("an answer of %zu bytes to a request of %zu", nng_msg_len(msg), bytes);
    if (ours && bytes >= 8)
        sim_body_check(nng_msg_body(msg), bytes, id, true);
    nng_msg_free(msg);
    return 0;
}

/* With a connection that was in use before, nothing but the kernel can make an answer late. */
static void promptly(struct party *party, uint64_t begin_ns, uint64_t begin_steps)
{
    uint64_t limit_ns = 4 * (uint64_t)MS + (sim_steps - begin_steps) * 2 * sim_temper.step_max_ns;

    if (sim_world.relistens == 0 && sim_world.strict && sim_world.prompt && party->ids > 1 &&
        !party->foreign && sim_now_ns - begin_ns > limit_ns)
        sim_fail("an answer took %.3f ms, and nothing was slow",
                 (double)(sim_now_ns - begin_ns) / MS);
}

static void client_ask(struct party *party)
{
    uint32_t id = (party->index + 1) * 1000 + ++party->ids;
    size_t bytes = sim_body_size();
    uint64_t begin_ns = sim_now_ns;
    uint64_t begin_steps = sim_steps;
    int rv = client_send(party, id, bytes);

    sim_totals.requests++;
    if (rv == 0 && !sim_world.strict && sim_below(10) == 0)
        return; /* never asks for the answer */
    if (rv == 0)
        rv = client_receive(party, id, bytes);
    promptly(party, begin_ns, begin_steps);
    if (rv == 0)
        sim_totals.answers++;
    else if (sim_world.strict && !party->foreign)
        sim_fail("request %u has no answer: %d", id, rv);
}

static void client_connect(struct party *party)
{
    const struct place *place = &sim_world.places[party->index % sim_world.place_count];
    uint32_t which = party->index % FOREIGN_PLACES;
    nng_duration resend_ms = (nng_duration)((sim_world.strict ? 5000 : 20) + sim_below(200));

    if (sim_below(3) == 0)
        sim_plausible(nng_socket_set_ms(party->socket, NNG_OPT_REQ_RESENDTIME, resend_ms),
                      "nng_socket_set_ms");
    if (party->foreign) {
        sim_plausible(nng_dial(party->socket, sim_foreign_places[which].dial_url, &party->dialer,
                               NNG_FLAG_NONBLOCK),
                      "nng_dial, foreign");
        return;
    }
    if (place->swapped && party->index != 1)
        place = &sim_world.places[0];
    if (place->swapped)
        listen_expect(listen_at(party, place));
    else
        dial(party, place->dial_url, sim_below(3) == 0);
    if (sim_below(4) == 0)
        dial(party, sim_world.places[0].dial_url, sim_below(3) == 0);
}

unsigned sim_client_main(void *argument)
{
    struct party *party = argument;

    if (party_open(party, nng_req0_open)) {
        if (party->foreign) {
            sim_plausible(nng_socket_set_ms(party->socket, NNG_OPT_RECVTIMEO, 50),
                          "nng_socket_set_ms");
            sim_plausible(nng_socket_set_ms(party->socket, NNG_OPT_SENDTIMEO, 50),
                          "nng_socket_set_ms");
        }
        client_connect(party);
        for (uint32_t left = sim_below(5); left > 0; left--)
            client_ask(party);
        if (sim_below(8) == 0)
            sim_look_at(party);
    }
    if (sim_below(4) != 0)
        sim_party_close(party);
    party->over = true;
    return 0;
}
