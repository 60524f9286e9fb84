/*
 * Bytes of a stream, whole and in pieces that the input itself chooses: the same messages or the same
 * error either way, no more memory than what came justifies. First byte: lead, limit, sizes of pieces.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

struct outcome {
    struct msg_queue out;
    int rv;
};

static struct outcome read_all(const uint8_t *bytes, size_t count, uint8_t how, size_t piece)
{
    struct outcome outcome = {.rv = 0};
    struct reader reader;

    spry_reader_init(&reader, (how & 1) != 0, (how & 2) != 0 ? 100 : 1 << 20);
    for (size_t at = 0; at < count && outcome.rv == 0;) {
        size_t n = piece < count - at ? piece : count - at;
        struct span place;

        if (piece < count && spry_reader_place(&reader, &place)) {
            size_t placed = n < place.bytes ? n : place.bytes;

            memcpy(place.data, bytes + at, placed);
            spry_reader_placed(&reader, placed, &outcome.out);
            at += placed;
            n -= placed;
        }
        outcome.rv = spry_reader_feed(&reader, bytes + at, n, &outcome.out);
        at += n;
        if (reader.msg != NULL && nng_msg_capacity(reader.msg) > 8 * count + 8192)
            abort();
        piece = piece * 5 % 61 + 1;
    }
    spry_reader_fini(&reader);
    return outcome;
}

static void compare(struct outcome *a, struct outcome *b)
{
    nng_msg *x;

    if (a->rv != b->rv || a->out.count != b->out.count)
        abort();
    while ((x = spry_msg_queue_pop(&a->out)) != NULL) {
        nng_msg *y = spry_msg_queue_pop(&b->out);

        if (nng_msg_len(x) != nng_msg_len(y) ||
            (nng_msg_len(x) > 0 && memcmp(nng_msg_body(x), nng_msg_body(y), nng_msg_len(x)) != 0))
            abort();
        nng_msg_free(x);
        nng_msg_free(y);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole;
    struct outcome pieces;

    if (size < 1)
        return 0;
    whole = read_all(data + 1, size - 1, data[0], size);
    pieces = read_all(data + 1, size - 1, data[0], 1 + (size_t)(data[0] >> 2));
    compare(&whole, &pieces);
    return 0;
}
