/* What a peer says, on the calls of raw_peer_posix.c or raw_peer_windows.c. */
#include "raw_peer.h"

#include <stdlib.h>
#include <string.h>

#include <check.h>

struct raw_peer raw_connect(const char *url)
{
    struct raw_peer peer = raw_socket(url);

    raw_connect_to(&peer, url);
    return peer;
}

void raw_send(const struct raw_peer *peer, const void *data, size_t bytes)
{
    ck_assert_msg(raw_try_send(peer, data, bytes), "the other side takes no more");
}

void raw_send_bytewise(const struct raw_peer *peer, const void *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        raw_send(peer, (const char *)data + i, 1);
}

void raw_read(const struct raw_peer *peer, void *data, size_t bytes)
{
    size_t have = 0;

    while (have < bytes) {
        ssize_t got = raw_try_read(peer, (char *)data + have, bytes - have);

        ck_assert_msg(got > 0, "%zu of %zu bytes, then %s", have, bytes,
                      got == 0 ? "the end" : "a reset");
        have += (size_t)got;
    }
}

void raw_expect(const struct raw_peer *peer, const void *data, size_t bytes)
{
    char *got = malloc(bytes + 1);

    raw_read(peer, got, bytes);
    ck_assert_mem_eq(got, data, bytes);
    free(got);
}

void raw_expect_close(const struct raw_peer *peer)
{
    uint8_t byte;

    ck_assert_msg(raw_try_read(peer, &byte, 1) <= 0, "a byte instead of the end");
}

void raw_drain_until_close(const struct raw_peer *peer)
{
    uint8_t bytes[4096];

    while (raw_try_read(peer, bytes, sizeof(bytes)) > 0) {
    }
}

void raw_expect_hello(const struct raw_peer *peer, uint16_t other)
{
    const uint8_t hello[8] = {0, 'S', 'P', 0, (uint8_t)(other >> 8), (uint8_t)other, 0, 0};

    raw_expect(peer, hello, sizeof(hello));
}

void raw_greet(const struct raw_peer *peer, uint16_t self, uint16_t other)
{
    const uint8_t hello[8] = {0, 'S', 'P', 0, (uint8_t)(self >> 8), (uint8_t)self, 0, 0};

    raw_send(peer, hello, sizeof(hello));
    raw_expect_hello(peer, other);
}

size_t raw_head(const struct raw_peer *peer, uint64_t length, uint8_t *head)
{
    size_t bytes = 0;

    if (peer->lead)
        head[bytes++] = 1;
    for (int shift = 56; shift >= 0; shift -= 8)
        head[bytes++] = (uint8_t)(length >> shift);
    return bytes;
}

void raw_send_head(const struct raw_peer *peer, uint64_t length)
{
    uint8_t head[9];

    raw_send(peer, head, raw_head(peer, length, head));
}

void raw_send_frame(const struct raw_peer *peer, const void *data, size_t bytes)
{
    raw_send_head(peer, bytes);
    if (bytes > 0)
        raw_send(peer, data, bytes);
}

size_t raw_read_frame(const struct raw_peer *peer, void *data, size_t room)
{
    uint8_t head[9];
    size_t lead = peer->lead ? 1 : 0;
    uint64_t length = 0;

    raw_read(peer, head, lead + 8);
    if (peer->lead)
        ck_assert_uint_eq(head[0], 1);
    for (size_t i = 0; i < 8; i++)
        length = length << 8 | head[lead + i];
    ck_assert_uint_le(length, room);
    raw_read(peer, data, length);
    return length;
}

void raw_expect_frame(const struct raw_peer *peer, const void *data, size_t bytes)
{
    uint8_t *got = malloc(bytes + 1);

    ck_assert_uint_eq(raw_read_frame(peer, got, bytes), bytes);
    ck_assert_mem_eq(got, data, bytes);
    free(got);
}
