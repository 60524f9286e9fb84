/* What every call and every message is held against. */
#include "world.h"

#include <stdlib.h>
#include <string.h>

static const uint32_t magic = 0x5370721au;

static uint8_t *pattern;

void sim_pause_for(uint64_t ns)
{
    (void)sim_block("a pause", NULL, NULL, sim_now_ns + ns);
}

bool sim_injected(void)
{
    return sim_fails > 0;
}

/* Errors that make sense when things are closed and fail; the rest is a bug, whoever has it. */
void sim_plausible(int rv, const char *call)
{
    static const int fine[] = {0,
                               NNG_ENOMEM,
                               NNG_ECLOSED,
                               NNG_EAGAIN,
                               NNG_ETIMEDOUT,
                               NNG_ESTATE,
                               NNG_ENOENT,
                               NNG_ECONNREFUSED,
                               NNG_ECONNRESET,
                               NNG_ECANCELED,
                               NNG_ECONNABORTED,
                               NNG_ECONNSHUT,
                               NNG_EADDRINUSE,
                               NNG_EPROTO};
    static const int injected_only[] = {NNG_EPERM,   NNG_EADDRINVAL,   NNG_ENOFILES, NNG_EBUSY,
                                        NNG_ENOTSUP, NNG_EUNREACHABLE, NNG_EINVAL};

    SIM_NOTE("%s: %d", call, rv);
    for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
        if (rv == fine[i])
            return;
    }
    for (size_t i = 0; i < sizeof(injected_only) / sizeof(injected_only[0]); i++) {
        if (sim_injected() && rv == injected_only[i])
            return;
    }
    sim_fail("%s returns %d", call, rv);
}

/* It must have gone well, if nothing was there to hinder it. */
void sim_expect(int rv, const char *call)
{
    sim_plausible(rv, call);
    if (rv != 0 && sim_world.strict)
        sim_fail("%s returns %d, and nothing has failed", call, rv);
}

/* ---- bodies ---- */

void sim_pattern_make(void)
{
    uint32_t value = 1;

    if (pattern != NULL)
        return;
    pattern = malloc(PATTERN_BYTES);
    if (pattern == NULL)
        abort();
    for (size_t i = 0; i < PATTERN_BYTES; i++) {
        value = value * 1664525 + 1013904223;
        pattern[i] = (uint8_t)(value >> 24);
    }
}

size_t sim_body_size(void)
{
    static const size_t sizes[] = {0, 1, 64, 64, 5000, 70000};

    if (sim_below(1500) == 0)
        return BODY_MAX;
    return sim_below(60) == 0 ? BODY_LARGE : sizes[sim_below(6)];
}

void sim_body_write(uint8_t *body, size_t bytes, uint32_t id, bool answer)
{
    memcpy(body, pattern + id % 256 + (answer ? 300 : 0), bytes);
    if (bytes >= 8) {
        memcpy(body, &magic, 4);
        memcpy(body + 4, &id, 4);
    }
}

void sim_body_check(const uint8_t *body, size_t bytes, uint32_t id, bool answer)
{
    const uint8_t *want = pattern + id % 256 + (answer ? 300 : 0);
    size_t head = bytes >= 8 ? 8 : 0;

    if (bytes > BODY_MAX || memcmp(body + head, want + head, bytes - head) != 0)
        sim_fail("the bytes of %s %u (%zu) are others", answer ? "answer" : "request", id, bytes);
}

/* What a server makes of a request; of one that is not ours: each byte the other way round. */
void sim_body_answer(uint8_t *body, size_t bytes)
{
    uint32_t id;

    if (bytes >= 8 && memcmp(body, &magic, 4) == 0) {
        memcpy(&id, body + 4, 4);
        sim_body_check(body, bytes, id, false);
        sim_body_write(body, bytes, id, true);
        return;
    }
    for (size_t i = 0; i < bytes; i++)
        body[i] ^= 0xff;
}

/* ---- closing ---- */

/* Close must not wait, but for other threads on their way out: 50 ms at most, of virtual time. */
int sim_closed_in_time(int (*close)(uint32_t id), uint32_t id, const char *call)
{
    uint64_t begin_ns = sim_now_ns;
    uint64_t steps = sim_steps;
    int rv = close(id);
    uint64_t limit_ns = (sim_world.prompt && !sim_world.chaos ? PROMPT_MS : 53) * (uint64_t)MS +
                        (sim_steps - steps) * 2 * sim_temper.step_max_ns;

    if (sim_now_ns - begin_ns > limit_ns)
        sim_fail("%s took %.3f ms", call, (double)(sim_now_ns - begin_ns) / MS);
    sim_totals.closes++;
    SIM_NOTE("%s of %u: %d", call, id, rv);
    if (rv != 0 && rv != NNG_ECLOSED && rv != NNG_ENOENT)
        sim_fail("%s returns %d", call, rv);
    return rv;
}

int sim_close_socket(uint32_t id)
{
    return nng_close((nng_socket){id});
}

int sim_close_dialer(uint32_t id)
{
    return nng_dialer_close((nng_dialer){id});
}

int sim_close_listener(uint32_t id)
{
    return nng_listener_close((nng_listener){id});
}

int sim_close_pipe(uint32_t id)
{
    return nng_pipe_close((nng_pipe){id});
}

void sim_party_close(struct party *party)
{
    int rv;

    if (!party->open)
        return;
    party->open = false;
    rv = sim_closed_in_time(sim_close_socket, party->socket.id, "nng_close");
    if (rv != 0 && !sim_world.chaos)
        sim_fail("nng_close of an open socket returns %d", rv);
}
