/*
 * Numbers in messages: every way to add a word to a body or header, or to take one off, in the byte
 * order of the network. Adding is an append or insert of the bytes; taking off reads, then trims
 * or chops, and writes its result only if the word was there.
 */
#include "msg.h"

static void word_encode(uint8_t *bytes, size_t n, uint64_t value)
{
    while (n-- > 0) {
        bytes[n] = (uint8_t)(value & 0xff);
        value >>= 8;
    }
}

static uint64_t word_decode(const uint8_t *bytes, size_t n)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        value = value << 8 | bytes[i];
    return value;
}

static const uint8_t *body_first(const nng_msg *msg)
{
    return msg->body;
}

static const uint8_t *header_first(const nng_msg *msg)
{
    return msg->header;
}

/*
 * The four functions for one part and one width: `part` is `header_` or nothing, as in the names of
 * the functions, `first` gives the first byte of the part.
 */
#define WORDS(part, first, bits)                                                                   \
    int nng_msg_##part##append_u##bits(nng_msg *msg, uint##bits##_t value)                         \
    {                                                                                              \
        uint8_t bytes[(bits) / 8];                                                                 \
                                                                                                   \
        word_encode(bytes, sizeof(bytes), value);                                                  \
        return nng_msg_##part##append(msg, bytes, sizeof(bytes));                                  \
    }                                                                                              \
                                                                                                   \
    int nng_msg_##part##insert_u##bits(nng_msg *msg, uint##bits##_t value)                         \
    {                                                                                              \
        uint8_t bytes[(bits) / 8];                                                                 \
                                                                                                   \
        word_encode(bytes, sizeof(bytes), value);                                                  \
        return nng_msg_##part##insert(msg, bytes, sizeof(bytes));                                  \
    }                                                                                              \
                                                                                                   \
    int nng_msg_##part##trim_u##bits(nng_msg *msg, uint##bits##_t *value)                          \
    {                                                                                              \
        if (nng_msg_##part##len(msg) < (bits) / 8)                                                 \
            return NNG_EINVAL;                                                                     \
        *value = (uint##bits##_t)word_decode(first(msg), (bits) / 8);                              \
        return nng_msg_##part##trim(msg, (bits) / 8);                                              \
    }                                                                                              \
                                                                                                   \
    int nng_msg_##part##chop_u##bits(nng_msg *msg, uint##bits##_t *value)                          \
    {                                                                                              \
        size_t bytes = nng_msg_##part##len(msg);                                                   \
                                                                                                   \
        if (bytes < (bits) / 8)                                                                    \
            return NNG_EINVAL;                                                                     \
        *value = (uint##bits##_t)word_decode(first(msg) + bytes - (bits) / 8, (bits) / 8);         \
        return nng_msg_##part##chop(msg, (bits) / 8);                                              \
    }

WORDS(, body_first, 16)
WORDS(, body_first, 32)
WORDS(, body_first, 64)
WORDS(header_, header_first, 16)
WORDS(header_, header_first, 32)
WORDS(header_, header_first, 64)
