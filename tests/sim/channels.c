/* Bytes on their way between two ends, with little room or much. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

enum { DIRECT_MAX = 64 << 10, ROOM = 192 << 10, SPARE_MAX = 64, SMALL_MOVES = 60 };

static struct channel *all;
static uint8_t *spare[SPARE_MAX];
static size_t spare_count;

static uint8_t *buffer_take(void)
{
    uint8_t *buffer = spare_count > 0 ? spare[--spare_count] : malloc(ROOM);

    if (buffer == NULL)
        abort();
    return buffer;
}

static void buffer_give(uint8_t *buffer)
{
    if (buffer != NULL && spare_count < SPARE_MAX)
        spare[spare_count++] = buffer;
    else
        free(buffer);
}

struct channel *sim_channel_new(void)
{
    struct channel *channel = calloc(1, sizeof(*channel));

    if (channel == NULL)
        abort();
    channel->small_moves = SMALL_MOVES;
    channel->next = all;
    all = channel;
    return channel;
}

void sim_channel_close(struct channel *channel, int side)
{
    channel->closed[side] = true;
    channel->closed_seen_ns[side] =
        sim_chance(KNOB_CLOSE_LATE)
            ? sim_now_ns + ((uint64_t)sim_random() * sim_temper.hold_max_ns >> 32)
            : 0;
    if (channel->closed[1 - side]) {
        for (int i = 0; i < 2; i++) {
            buffer_give(channel->flows[i].bytes);
            channel->flows[i].bytes = NULL;
        }
    }
}

bool sim_channel_ended(const struct channel *channel, int side)
{
    return channel->closed[1 - side] && channel->closed_seen_ns[1 - side] <= sim_now_ns;
}

/* What waits for the reader is limited; what it asks for right now is not. */
size_t sim_channel_room(const struct channel *channel, int side, bool reader_waits)
{
    size_t limit = sim_temper.quota + (reader_waits ? DIRECT_MAX : 0);
    size_t count = channel->flows[side].count;

    return count < limit ? limit - count : 0;
}

void sim_channel_put(struct channel *channel, int side, const uint8_t *bytes, size_t count)
{
    struct flow *flow = &channel->flows[side];

    if (flow->bytes == NULL)
        flow->bytes = buffer_take();
    if (flow->begin + flow->count + count > ROOM) {
        memmove(flow->bytes, flow->bytes + flow->begin, flow->count);
        flow->begin = 0;
    }
    memcpy(flow->bytes + flow->begin + flow->count, bytes, count);
    flow->count += count;
}

size_t sim_channel_get(struct channel *channel, int side, uint8_t *bytes, size_t count)
{
    struct flow *flow = &channel->flows[1 - side];

    if (count > flow->count)
        count = flow->count;
    memcpy(bytes, flow->bytes + flow->begin, count);
    flow->begin += count;
    flow->count -= count;
    if (flow->count == 0)
        flow->begin = 0;
    return count;
}

size_t sim_piece(struct channel *channel, size_t count)
{
    if (count < 2 || channel->small_moves == 0 || !sim_chance(KNOB_SHORT_MOVE))
        return count;
    channel->small_moves--;
    return 1 + sim_below(sim_below(2) == 0 && count > 12 ? 12 : (uint32_t)count);
}

void sim_channels_free(void)
{
    while (all != NULL) {
        struct channel *channel = all;

        all = channel->next;
        buffer_give(channel->flows[0].bytes);
        buffer_give(channel->flows[1].bytes);
        free(channel);
    }
}
