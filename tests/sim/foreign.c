/* The other end of a channel, by the byte and without the library. */
#include "kernel.h"

struct transfer {
    struct foreign *peer;
    bool in;
};

/* Tight for a while only, as pieces are small for a while only. */
static size_t room_of(const struct foreign *peer)
{
    return sim_channel_room(peer->channel, peer->side, peer->channel->small_moves == 0);
}

static bool transfer_ready(void *argument)
{
    const struct transfer *transfer = argument;
    const struct foreign *peer = transfer->peer;

    if (peer->channel->reset || peer->channel->closed[1 - peer->side])
        return true;
    if (transfer->in)
        return peer->channel->flows[1 - peer->side].count > 0;
    return room_of(peer) > 0;
}

bool sim_foreign_write(struct foreign *peer, const void *bytes, size_t count, uint64_t until_ns)
{
    struct transfer transfer = {peer, false};
    const uint8_t *at = bytes;

    while (count > 0) {
        size_t room;
        size_t piece;

        sim_point();
        if (!sim_block("room", transfer_ready, &transfer, until_ns) || peer->channel->reset ||
            peer->channel->closed[1 - peer->side])
            return false;
        room = room_of(peer);
        if (room < count && peer->channel->small_moves > 0)
            peer->channel->small_moves--;
        piece = sim_piece(peer->channel, room < count ? room : count);
        sim_channel_put(peer->channel, peer->side, at, piece);
        at += piece;
        count -= piece;
    }
    return true;
}

void sim_foreign_write_nothing(struct foreign *peer)
{
    sim_point();
    peer->channel->flows[peer->side].zeros += 2 + sim_below(3);
}

bool sim_foreign_read(struct foreign *peer, void *bytes, size_t count, uint64_t until_ns)
{
    struct transfer transfer = {peer, true};
    uint8_t *at = bytes;

    while (count > 0) {
        size_t got;

        sim_point();
        if (!sim_block("bytes", transfer_ready, &transfer, until_ns) || peer->channel->reset)
            return false;
        got = peer->channel->flows[1 - peer->side].count;
        if (got == 0)
            return false;
        got = sim_piece(peer->channel, got < count ? got : count);
        got = sim_channel_get(peer->channel, peer->side, at, got);
        at += got;
        count -= got;
    }
    return true;
}

void sim_foreign_close(struct foreign *peer)
{
    sim_point();
    if (peer->instance != NULL)
        peer->instance->pipe_state = PIPE_ENDED;
    if (peer->channel != NULL)
        sim_channel_close(peer->channel, peer->side);
    peer->channel = NULL;
}

bool sim_foreign_refused(const struct foreign *peer)
{
    return peer->channel->closed[1 - peer->side];
}
