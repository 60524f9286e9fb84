/* Looks at things and closes them, from a fiber of its own and from callbacks. */
#include "world.h"

void sim_look_at(struct party *party)
{
    nng_sockaddr address;
    nng_duration ms;
    bool raw;
    int port;

    sim_plausible(nng_socket_get_ms(party->socket, NNG_OPT_RECVTIMEO, &ms), "nng_socket_get_ms");
    sim_plausible(nng_socket_get_bool(party->socket, NNG_OPT_RAW, &raw), "nng_socket_get_bool");
    (void)nng_dialer_get_addr(party->dialer, NNG_OPT_REMADDR, &address);
    (void)nng_listener_get_addr(party->listener, NNG_OPT_LOCADDR, &address);
    (void)nng_listener_get_int(party->listener, NNG_OPT_TCP_BOUND_PORT, &port);
}

void sim_look_at_pipe(nng_pipe pipe)
{
    nng_sockaddr address;
    uint64_t pid;

    (void)nng_pipe_get_addr(pipe, NNG_OPT_LOCADDR, &address);
    (void)nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address);
    (void)nng_pipe_get_uint64(pipe, NNG_OPT_PEER_PID, &pid);
    (void)nng_pipe_listener(pipe);
    (void)nng_pipe_dialer(pipe);
}

/* ---- chaos ---- */

static struct party *some_party(void)
{
    uint32_t index = sim_below(sim_world.server_count + sim_world.client_count);

    return index < sim_world.server_count ? &sim_world.servers[index]
                                          : &sim_world.clients[index - sim_world.server_count];
}

static void chaos_act(void)
{
    struct party *party = some_party();
    uint32_t pipe = sim_world.pipes[sim_below(PIPES_MAX)];
    const char *url = sim_world.places[sim_below(sim_world.place_count)].dial_url;

    switch (sim_below(9)) {
    case 0:
        (void)sim_closed_in_time(sim_close_socket, party->socket.id, "nng_close");
        break;
    case 1:
    case 2:
        (void)sim_closed_in_time(sim_close_dialer, party->dialer.id, "nng_dialer_close");
        break;
    case 3:
        (void)sim_closed_in_time(sim_close_listener, party->listener.id, "nng_listener_close");
        break;
    case 4:
    case 5:
        (void)sim_closed_in_time(sim_close_pipe, pipe, "nng_pipe_close");
        break;
    case 6:
        sim_look_at(party);
        break;
    case 7:
        sim_look_at_pipe((nng_pipe){pipe});
        break;
    case 8:
        (void)nng_dial(party->socket, url, NULL, NNG_FLAG_NONBLOCK);
        break;
    }
}

unsigned sim_chaos_main(void *argument)
{
    (void)argument;
    for (uint32_t left = 1 + sim_below(8); left > 0 && !sim_world.ending; left--) {
        if (sim_below(3) != 0)
            sim_pause_for((uint64_t)sim_below(30) * sim_below(MS));
        chaos_act();
    }
    sim_world.others--;
    return 0;
}

/* A blocking call in a callback; not on a server's socket, or its thread answers the wrong one. */
static void receive_here(nng_socket socket)
{
    nng_msg *msg;
    int rv;

    for (uint32_t i = 0; i < sim_world.server_count; i++) {
        if (sim_world.servers[i].socket.id == socket.id)
            return;
    }
    rv = nng_recvmsg(socket, &msg, 0);

    sim_plausible(rv, "nng_recvmsg, callback");
    if (rv == 0)
        nng_msg_free(msg);
}

void sim_pipe_event(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    (void)argument;
    SIM_NOTE("pipe %u event %d", pipe.id, (int)event);
    sim_point();
    if (event == NNG_PIPE_EV_ADD_PRE)
        sim_world.pipes[sim_world.pipe_count++ % PIPES_MAX] = pipe.id;
    if (sim_below(4) == 0)
        sim_look_at_pipe(pipe);
    if (!sim_world.chaos)
        return;
    if (sim_below(12) == 0)
        (void)sim_closed_in_time(sim_close_pipe, pipe.id, "nng_pipe_close");
    else if (sim_below(12) == 0)
        chaos_act();
    else if (sim_below(40) == 0)
        (void)sim_closed_in_time(sim_close_socket, nng_pipe_socket(pipe).id, "nng_close");
    else if (sim_below(30) == 0)
        sim_pause_for((uint64_t)sim_below(20) * MS);
    else if (sim_below(30) == 0)
        (void)nng_dial(nng_pipe_socket(pipe), sim_world.places[0].dial_url, NULL, 0);
    else if (sim_below(30) == 0)
        receive_here(nng_pipe_socket(pipe));
}
