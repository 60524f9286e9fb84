/*
 * Servers that answer, clients that ask, a fiber that closes things, and peers that are not the
 * library, in rounds. In a strict seed nothing is closed early and no fault is injected: then each
 * request has to be answered.
 */
#include "world.h"

#include <string.h>

struct world sim_world;

static const struct place all_places[] = {
    {"ipc://sim-a", "ipc://sim-a", "sim-a", 0, false},
    {"ipc://Sim/b.x", "ipc://sim//B.X", "sim/b.x", 0, false},
    {"tcp://127.0.0.1:5551", "tcp://127.0.0.1:5551", NULL, 5551, false},
    {"tcp://*:5552", "tcp://localhost:5552", NULL, 5552, false},
    {"tcp://[::1]:5553", "tcp6://localhost:5553", NULL, 0, false},
    {"ipc://sim-c", "ipc://./sim-c", "sim-c", 0, false},
    {"inproc://sim", "inproc://sim", NULL, 0, false},
    {"tcp://127.0.0.1:5554", "tcp://127.0.0.1;127.0.0.1:5554", NULL, 5554, false},
};
enum { ALL_PLACES = sizeof(all_places) / sizeof(all_places[0]) };

const struct place sim_foreign_places[FOREIGN_PLACES] = {
    {NULL, "ipc://sim-foreign", "sim-foreign", 0, false},
    {NULL, "tcp://127.0.0.1:5559", NULL, 5559, false},
};

static bool clients_over(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < sim_world.client_count; i++) {
        if (!sim_world.clients[i].over)
            return false;
    }
    return true;
}

static bool guests_over(void *argument)
{
    (void)argument;
    return sim_world.guests == 0;
}

/* One that opens its socket after the end is told of it by the close. */
static bool servers_open(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < sim_world.server_count; i++) {
        if (!sim_world.servers[i].over && !sim_world.servers[i].open)
            return false;
    }
    return true;
}

static bool all_over(void *argument)
{
    for (uint32_t i = 0; i < sim_world.server_count; i++) {
        if (!sim_world.servers[i].over)
            return false;
    }
    return sim_world.others == 0 && clients_over(argument);
}

static void round_choose(void)
{
    sim_world.ending = false;
    sim_world.squatted = sim_world.foreigners > 0 && !sim_temper.faultless && sim_below(2) == 0;
    sim_world.place_count = 1 + sim_below(PLACES_MAX);
    sim_world.server_count = 1 + sim_below(SERVERS_MAX);
    sim_world.client_count = 1 + sim_below(CLIENTS_MAX);
    if (sim_world.server_count > sim_world.place_count)
        sim_world.server_count = sim_world.place_count;
    for (uint32_t i = 0, at = sim_below(ALL_PLACES); i < sim_world.place_count; i++, at++)
        sim_world.places[i] = all_places[at % ALL_PLACES];
    sim_world.places[0].swapped = false;
    if (sim_world.place_count > 1 && sim_world.client_count > 1)
        sim_world.places[1].swapped = sim_below(4) == 0;
    if (sim_world.server_count == 2 && sim_world.places[1].swapped)
        sim_world.server_count = 1;
    memset(sim_world.servers, 0, sizeof(sim_world.servers));
    memset(sim_world.clients, 0, sizeof(sim_world.clients));
}

static void round_start(void)
{
    round_choose();
    for (uint32_t i = 0; i < sim_world.server_count; i++) {
        sim_world.servers[i].index = i;
        (void)sim_fiber_start("server", sim_server_main, &sim_world.servers[i]);
    }
    if (sim_world.foreigners > 0 && sim_below(2) == 0) {
        uint32_t index = sim_world.client_count++;

        sim_world.clients[index].foreign = true;
        sim_world.others++;
        (void)sim_fiber_start("f-server", sim_host_main,
                              (void *)(uintptr_t)&sim_foreign_places[index % 2]);
    }
    for (uint32_t i = 0; i < sim_world.client_count; i++) {
        sim_world.clients[i].index = i;
        (void)sim_fiber_start("client", sim_client_main, &sim_world.clients[i]);
    }
    if (sim_world.squatted) {
        sim_world.others++;
        (void)sim_fiber_start("squatter", sim_host_main, &sim_world.places[0]);
    }
    for (uint32_t i = 0; i < sim_world.foreigners && !sim_world.squatted; i++) {
        sim_world.others++;
        sim_world.guests++;
        (void)sim_fiber_start("f-client", sim_guest_main, NULL);
    }
    if (sim_world.chaos) {
        sim_world.others++;
        (void)sim_fiber_start("chaos", sim_chaos_main, NULL);
    }
}

static void round_end(void)
{
    (void)sim_block("the clients", clients_over, NULL, SIM_NEVER);
    if (sim_world.strict)
        (void)sim_block("the guests", guests_over, NULL, SIM_NEVER);
    sim_world.ending = true;
    for (uint32_t i = 0; i < sim_world.client_count; i++)
        sim_party_close(&sim_world.clients[i]);
    (void)sim_block("the servers to open", servers_open, NULL, SIM_NEVER);
    for (uint32_t i = 0; i < sim_world.server_count; i++)
        sim_party_close(&sim_world.servers[i]);
    (void)sim_block("the others", all_over, NULL, SIM_NEVER);
    for (uint32_t i = 0; i < sim_world.server_count; i++)
        sim_party_close(&sim_world.servers[i]);
}

static unsigned scenario_main(void *argument)
{
    (void)argument;
    for (sim_world.round = 0; sim_world.round < sim_world.rounds; sim_world.round++) {
        SIM_NOTE("round %u", sim_world.round);
        round_start();
        round_end();
        if (sim_below(2) == 0)
            sim_pause_for((uint64_t)sim_below(500) * MS);
    }
    return 0;
}

void sim_scenario_start(void)
{
    sim_pattern_make();
    memset(&sim_world, 0, sizeof(sim_world));
    sim_world.chaos = sim_below(2) == 0;
    sim_world.strict = sim_temper.faultless && !sim_world.chaos;
    sim_world.prompt = !sim_may(KNOB_HOLD) && !sim_may(KNOB_TIME_FIRST) &&
                       !sim_may(KNOB_CANCEL_LATE) && !sim_may(KNOB_CLOSE_LATE) &&
                       !sim_may(KNOB_CONNECT_SLOW);
    sim_world.lone = sim_temper.faultless;
    sim_world.callbacks = sim_below(2) == 0;
    sim_world.foreigners = sim_below(5) < 2 ? 1 + sim_below(2) : 0;
    sim_world.rounds = 1 + sim_below(3);
    sim_totals.strict += sim_world.strict;
    SIM_NOTE("%s%s%s, %u foreigners, %u rounds", sim_world.strict ? "strict" : "loose",
             sim_world.chaos ? ", chaos" : "", sim_temper.faultless ? "" : ", faults",
             sim_world.foreigners, sim_world.rounds);
    (void)sim_fiber_start("scenario", scenario_main, NULL);
}
