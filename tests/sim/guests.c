/* Peers that are not the library: clients of its listeners, servers for its dialers. */
#include "world.h"

#include <string.h>

static const uint8_t req_hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
static const uint8_t rep_hello[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0};

static bool foreign_frame(struct foreign *peer, bool lead, const uint8_t *bytes, size_t count,
                          uint64_t until_ns)
{
    uint8_t head[9] = {1};

    for (int i = 0; i < 8; i++)
        head[8 - i] = i < 4 ? (uint8_t)(count >> 8 * i) : 0;
    return sim_foreign_write(peer, lead ? head : head + 1, lead ? 9 : 8, until_ns) &&
           sim_foreign_write(peer, bytes, count, until_ns);
}

/* A whole frame, at most `room` bytes of it kept; false: there is no more. */
static bool foreign_read_frame(struct foreign *peer, bool lead, uint8_t *bytes, size_t room,
                               size_t *count, uint64_t until_ns)
{
    uint8_t head[9];
    uint8_t rubbish[512];
    size_t left = 0;

    if (!sim_foreign_read(peer, head, lead ? 9 : 8, until_ns))
        return false;
    for (int i = 0; i < 8; i++)
        left = left << 8 | head[(lead ? 1 : 0) + i];
    if (lead && head[0] != 1)
        sim_fail("a frame begins with %u", head[0]);
    if (left > BODY_MAX + 64)
        sim_fail("a frame of %zu bytes", left);
    *count = left < room ? left : room;
    if (!sim_foreign_read(peer, bytes, *count, until_ns))
        return false;
    for (left -= *count; left > 0;) {
        size_t part = left < sizeof(rubbish) ? left : sizeof(rubbish);

        if (!sim_foreign_read(peer, rubbish, part, until_ns))
            return false;
        left -= part;
    }
    return true;
}

static void foreign_garbage(struct foreign *peer, uint64_t until_ns)
{
    uint8_t bytes[200];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)sim_random();
    (void)sim_foreign_write(peer, bytes, 1 + sim_below(sizeof(bytes)), until_ns);
}

/* A foreign client's connection. */
struct talk {
    struct foreign peer;
    bool lead;
    bool fair; /* it has done nothing wrong, and nobody else may close it */
    uint32_t relistens;
    uint64_t until_ns;
};

/* Nothing has been closed that a guest is connected to. */
static bool undisturbed(uint32_t relistens)
{
    return sim_world.strict && !sim_world.ending && sim_world.unlistening == 0 &&
           sim_world.relistens == relistens;
}

/* The library must not have closed what it had no reason to close. */
static void talk_judge(const struct talk *talk)
{
    if (talk->fair && undisturbed(talk->relistens) && sim_foreign_refused(&talk->peer))
        sim_fail("a foreign peer is refused that has done nothing wrong");
}

static void foreign_pause(struct foreign *peer)
{
    if (sim_below(2) == 0 || sim_chance(KNOB_ZERO_WRITE))
        sim_foreign_write_nothing(peer);
}

/* A request, and what must come of it if anything does. True: the answer was read. */
static bool talk_ask(struct talk *talk)
{
    uint8_t request[4 + 60] = {0x80};
    uint8_t answer[sizeof(request)];
    size_t bytes = 4 + sim_below(60);
    size_t got;

    for (size_t i = 1; i < bytes; i++)
        request[i] = (uint8_t)(i < 4 ? sim_random() : 7 * i);
    if (!foreign_frame(&talk->peer, talk->lead, request, bytes, talk->until_ns)) {
        talk_judge(talk);
        return false;
    }
    foreign_pause(&talk->peer);
    if (sim_below(4) == 0)
        return false;
    if (!foreign_read_frame(&talk->peer, talk->lead, answer, sizeof(answer), &got,
                            talk->until_ns)) {
        talk_judge(talk);
        return false;
    }
    for (size_t i = 4; i < bytes; i++)
        answer[i] ^= 0xff;
    if (got != bytes || memcmp(answer, request, bytes) != 0)
        sim_fail("a foreign request was answered with something else");
    return true;
}

/* True: both hellos are through, and the other one answers requests. */
static bool talk_greet(struct talk *talk)
{
    bool whole = sim_below(8) != 0;
    uint8_t hello[8];

    foreign_pause(&talk->peer);
    talk->fair = talk->fair && whole;
    if (!sim_foreign_write(&talk->peer, req_hello, whole ? 8 : 5, talk->until_ns) ||
        !sim_foreign_read(&talk->peer, hello, 8, talk->until_ns)) {
        talk_judge(talk);
        return false;
    }
    if (memcmp(hello, rep_hello, 8) != 0 && memcmp(hello, req_hello, 8) != 0)
        sim_fail("the library says another hello");
    return memcmp(hello, rep_hello, 8) == 0;
}

static void talk_have(struct talk *talk)
{
    uint8_t huge[9] = {1, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff};
    bool lead = talk->lead;

    if (sim_below(8) == 0)
        return;
    if (sim_below(8) == 0) {
        foreign_garbage(&talk->peer, talk->until_ns);
        return;
    }
    if (sim_below(12) == 0) { /* longer than a handshake may take */
        sim_pause_for(11000 * (uint64_t)MS);
        return;
    }
    if (!talk_greet(talk))
        return;
    for (uint32_t left = sim_below(4); left > 0 && talk_ask(talk);)
        left--;
    if (sim_below(6) == 0)
        (void)sim_foreign_write(&talk->peer, lead ? huge : huge + 1, lead ? 9 : 8, talk->until_ns);
    else if (sim_below(6) == 0)
        foreign_garbage(&talk->peer, talk->until_ns);
    if (sim_below(3) == 0)
        sim_pause_for(sim_below(40 * MS));
}

/* More clients than a listener keeps instances for; each must find one in the end. */
static void crowd(const struct place *place)
{
    struct foreign peers[CROWD] = {{NULL, 0, NULL, NULL}};
    uint32_t relistens = sim_world.relistens;
    uint64_t until_ns = sim_now_ns + 30000 * (uint64_t)MS;
    uint32_t count = 0;

    while (count < CROWD && !sim_world.ending && sim_world.relistens == relistens &&
           sim_now_ns < until_ns) {
        if (sim_foreign_open_pipe(&peers[count], place->pipe))
            count++;
        else
            sim_pause_for(MS); /* all taken, or nobody listens yet */
    }
    if (count > 0 && count < CROWD && undisturbed(relistens))
        sim_fail("a listener has no instance for its next client");
    while (count > 0)
        sim_foreign_close(&peers[--count]);
}

static bool guest_enter(struct foreign *peer, const struct place *place)
{
    if (place->pipe != NULL)
        return sim_foreign_open_pipe(peer, place->pipe);
    return place->port != 0 && sim_foreign_open_tcp(peer, place->port);
}

unsigned sim_guest_main(void *argument)
{
    (void)argument;
    if (sim_world.places[0].pipe != NULL && sim_below(3) == 0)
        crowd(&sim_world.places[0]);
    for (uint32_t left = 1 + sim_below(3); left > 0; left--) {
        const struct place *place = &sim_world.places[sim_below(sim_world.place_count)];
        struct talk talk = {.lead = place->pipe != NULL,
                            .fair = !place->swapped,
                            .until_ns = sim_now_ns + (uint64_t)sim_below(300) * MS};
        bool open = guest_enter(&talk.peer, place);

        for (int tries = 20; !open && tries > 0 && !sim_world.ending; tries--) {
            sim_pause_for(2 * MS);
            open = guest_enter(&talk.peer, place);
        }
        talk.relistens = sim_world.relistens;
        if (open) {
            talk_have(&talk);
            sim_foreign_close(&talk.peer);
        }
        sim_pause_for(sim_below(10 * MS));
    }
    sim_world.guests--;
    sim_world.others--;
    return 0;
}

/* Answers what it is asked, or something else, or dies. */
static void foreign_answer(struct foreign *peer, bool lead, uint64_t until_ns)
{
    uint8_t hello[8];
    uint8_t frame[6000];
    size_t count;

    if (!sim_foreign_write(peer, rep_hello, 8, until_ns) ||
        !sim_foreign_read(peer, hello, 8, until_ns))
        return;
    while (foreign_read_frame(peer, lead, frame, sizeof(frame), &count, until_ns)) {
        foreign_pause(peer);
        if (sim_below(8) == 0) {
            foreign_garbage(peer, until_ns);
            return;
        }
        if (sim_below(4) != 0 && !foreign_frame(peer, lead, frame, count, until_ns))
            return;
        if (sim_below(8) == 0)
            return;
    }
}

unsigned sim_host_main(void *argument)
{
    const struct place *place = argument;
    bool lead = place->pipe != NULL;

    while (!sim_world.ending) {
        uint64_t until_ns = sim_now_ns + (uint64_t)(20 + sim_below(60)) * MS;
        struct foreign peer;
        bool taken = lead ? sim_foreign_serve_pipe(&peer, place->pipe, until_ns)
                          : sim_foreign_serve_tcp(&peer, place->port, until_ns);

        if (taken) {
            if (sim_below(6) == 0)
                foreign_garbage(&peer, until_ns);
            else if (sim_below(6) != 0)
                foreign_answer(&peer, lead, until_ns);
            sim_foreign_close(&peer);
        }
        sim_pause_for(sim_below(5 * MS));
    }
    sim_world.others--;
    return 0;
}
