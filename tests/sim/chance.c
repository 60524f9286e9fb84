/* The generator, and what it makes of a seed before anything runs. */
#include "kernel.h"

struct temper sim_temper;
static uint64_t state;

static uint64_t next(void)
{
    uint64_t z = (state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint32_t sim_random(void)
{
    return (uint32_t)(next() >> 32);
}

uint32_t sim_below(uint32_t limit)
{
    return (uint32_t)(((uint64_t)sim_random() * limit) >> 32);
}

bool sim_chance(enum knob knob)
{
    uint16_t chance = sim_temper.chance[knob];

    return chance != 0 && (sim_random() & 0xffff) < chance;
}

bool sim_may(enum knob knob)
{
    return sim_temper.chance[knob] != 0;
}

/* Mostly never, sometimes now and then, seldom at every turn. */
static uint16_t timing_chance(void)
{
    switch (sim_below(8)) {
    case 0:
    case 1:
        return (uint16_t)sim_below(3000);
    case 2:
        return (uint16_t)(6000 + sim_below(14000));
    case 3:
        return (uint16_t)(20000 + sim_below(40000));
    default:
        return 0;
    }
}

static uint16_t fault_chance(void)
{
    switch (sim_below(16)) {
    case 0:
    case 1:
        return (uint16_t)(400 + sim_below(2000));
    case 2:
        return (uint16_t)(3000 + sim_below(9000));
    case 3:
        return (uint16_t)(12000 + sim_below(30000));
    default:
        return 0;
    }
}

uint64_t sim_hold(void)
{
    if (!sim_chance(KNOB_HOLD))
        return 0;
    return sim_now_ns + ((uint64_t)sim_random() * sim_temper.hold_max_ns >> 32);
}

void sim_seed(uint64_t seed)
{
    static const uint64_t holds[] = {20000, 1000000, 20000000, 400000000};
    static const uint64_t steps[] = {0, 200, 2000, 2000};
    static const size_t quotas[] = {1, 100, 4096, 4096, 65536, 65536};

    state = seed * 0xd1342543de82ef95u + 1;
    sim_temper = (struct temper){0};
    sim_temper.faultless = sim_below(3) == 0;
    for (int i = 0; i < KNOBS; i++) {
        if (i <= KNOB_TIMING_LAST)
            sim_temper.chance[i] = timing_chance();
        else if (!sim_temper.faultless)
            sim_temper.chance[i] = fault_chance();
    }
    sim_temper.chance[KNOB_SWITCH] = (uint16_t)(sim_below(2) == 0 ? 3000 : sim_below(40000));
    sim_temper.chance[KNOB_KERNEL] = (uint16_t)(sim_below(2) == 0 ? 30000 : sim_below(50000));
    if (sim_temper.chance[KNOB_SPURIOUS_WAKE] > 20000)
        sim_temper.chance[KNOB_SPURIOUS_WAKE] = 20000;
    if (sim_temper.chance[KNOB_TIME_FIRST] > 15000)
        sim_temper.chance[KNOB_TIME_FIRST] = 15000;
    sim_temper.hold_max_ns = holds[sim_below(4)];
    sim_temper.step_max_ns = steps[sim_below(4)];
    sim_temper.quota = quotas[sim_below(6)];
    sim_temper.wine = sim_below(4) == 0;
    sim_temper.pooled = sim_below(4) == 0;
    sim_temper.names_late = sim_below(2) == 0;
    sim_temper.handles_reused = sim_below(4) != 0;
}
