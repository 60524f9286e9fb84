/*
 * The life of a message, and the bytes of its body and header. The room of a body may have spare
 * bytes at both ends; growth at either costs an amortised constant per byte.
 */
#include "msg.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "alloc.h"
#include "budget.h"
#include "spare.h"

/* MSG_INLINE_MAX: the largest body that is placed behind the struct; fits inline_bytes. */
/* MSG_SPARE_MIN: the least spare room that comes with a growing body, eight words. */
enum { MSG_INLINE_MAX = 1024, MSG_SPARE_MIN = 32 };

/*
 * MSG_PHASE: where in its page a large body begins. Copying by "rep movsb", which kernels and C
 * libraries use for large blocks, is fifteen times slower on some CPUs (AMD Zen) when the target
 * lies 1 to 30 bytes behind the source, modulo a page; a frame begins at a page in a socket's
 * buffers, and a large block 16 bytes into one. docs/design.md has the figures.
 */
enum { MSG_PAGE = 4096, MSG_PHASE = 256, MSG_LARGE = 64 << 10 };

_Static_assert(offsetof(nng_msg, header) == offsetof(nng_msg, frame) + FRAME_HEAD_MAX,
               "frame head and header leave as one span");
_Static_assert(offsetof(nng_msg, inline_store) == sizeof(nng_msg),
               "a message with an empty body is a whole struct");
_Static_assert((int)SPRY_HEADER_MAX <= UINT8_MAX && (int)MSG_INLINE_MAX <= UINT16_MAX,
               "lengths fit their fields");

static bool msg_is_inline(const nng_msg *msg)
{
    return !msg->apart;
}

static size_t msg_front_room(const nng_msg *msg)
{
    return (size_t)(msg->body - msg->store);
}

static bool add_overflows(size_t a, size_t b, size_t *sum)
{
    if (b > SIZE_MAX - a)
        return true;
    *sum = a + b;
    return false;
}

/* A block for a message; for a charged one, if the budget has room for it. NULL on failure. */
static void *block_alloc(size_t bytes, bool charged)
{
    void *block;

    if (charged && !spry_budget_take(bytes))
        return NULL;
    block = spry_alloc(bytes);
    if (block == NULL && charged)
        spry_budget_give(bytes);
    return block;
}

static void block_free(void *block, size_t bytes, bool charged)
{
    spry_free(block, bytes);
    if (charged)
        spry_budget_give(bytes);
}

/* A store of at least `*bytes`, set to its true size; NULL on failure. */
static uint8_t *store_alloc(size_t *bytes, bool charged)
{
    uint8_t *store = charged ? NULL : spry_spare_take(bytes);

    return store != NULL ? store : block_alloc(*bytes, charged);
}

/*
 * A store for a body of `body_bytes`, empty as yet; a large one begins at MSG_PHASE. NULL on failure.
 */
static uint8_t *store_for_body(size_t body_bytes, bool charged, size_t *bytes, size_t *front)
{
    uint8_t *store;

    *bytes = body_bytes;
    *front = 0;
    if (body_bytes < MSG_LARGE || add_overflows(body_bytes, MSG_PAGE, bytes))
        return store_alloc(bytes, charged);
    store = store_alloc(bytes, charged);
    if (store != NULL)
        *front = (MSG_PHASE - (uintptr_t)store) % MSG_PAGE;
    return store;
}

static void store_free(nng_msg *msg)
{
    if (msg_is_inline(msg) || (!msg->charged && spry_spare_give(msg->store, msg->store_bytes)))
        return;
    block_free(msg->store, msg->store_bytes, msg->charged);
}

/* A message without a body but with room for one of inline_bytes. */
static nng_msg *msg_new(size_t inline_bytes, bool charged)
{
    nng_msg *msg = block_alloc(sizeof(*msg) + inline_bytes, charged);

    if (msg == NULL)
        return NULL;
    msg->next = NULL;
    msg->store = msg->inline_store;
    msg->store_bytes = inline_bytes;
    msg->body = msg->store;
    msg->body_bytes = 0;
    msg->refs = 1;
    msg->pipe_id = 0;
    msg->inline_bytes = (uint16_t)inline_bytes; /* at most MSG_INLINE_MAX */
    msg->header_bytes = 0;
    msg->apart = false;
    msg->charged = charged;
    memset(msg->frame, 0, sizeof(msg->frame));
    return msg;
}

static int msg_make(nng_msg **out, size_t body_bytes, bool charged)
{
    nng_msg *msg;

    msg = msg_new(body_bytes <= MSG_INLINE_MAX ? body_bytes : 0, charged);
    if (msg == NULL)
        return NNG_ENOMEM;
    if (body_bytes > MSG_INLINE_MAX) {
        size_t bytes;
        size_t front;
        uint8_t *store = store_for_body(body_bytes, charged, &bytes, &front);

        if (store == NULL)
            goto free_msg;
        msg->apart = true;
        msg->store = store;
        msg->store_bytes = bytes;
        msg->body = store + front;
    }
    msg->body_bytes = body_bytes;
    *out = msg;
    return 0;

free_msg:
    nng_msg_free(msg);
    return NNG_ENOMEM;
}

int spry_msg_alloc(nng_msg **out, size_t body_bytes)
{
    return msg_make(out, body_bytes, false);
}

int spry_msg_alloc_received(nng_msg **out, size_t body_bytes)
{
    return msg_make(out, body_bytes, spry_budget_is_set());
}

void spry_msg_settle(nng_msg *msg)
{
    if (!msg->charged)
        return;
    msg->charged = false;
    spry_budget_give(sizeof(*msg) + msg->inline_bytes);
    if (!msg_is_inline(msg))
        spry_budget_give(msg->store_bytes);
}

int nng_msg_alloc(nng_msg **out, size_t bytes)
{
    int rv = spry_msg_alloc(out, bytes);

    if (rv == 0)
        memset((*out)->body, 0, bytes);
    return rv;
}

void nng_msg_free(nng_msg *msg)
{
    if (msg == NULL)
        return;
    assert(msg->refs > 0);
    msg->refs--;
    if (msg->refs > 0)
        return;
    store_free(msg);
    block_free(msg, sizeof(*msg) + msg->inline_bytes, msg->charged);
}

void spry_msg_hold(nng_msg *msg)
{
    msg->refs++;
}

int nng_msg_dup(nng_msg **out, const nng_msg *msg)
{
    nng_msg *copy;
    int rv = spry_msg_alloc(&copy, msg->body_bytes);

    if (rv != 0)
        return rv;
    memcpy(copy->body, msg->body, msg->body_bytes);
    memcpy(copy->header, msg->header, msg->header_bytes);
    copy->header_bytes = msg->header_bytes;
    copy->pipe_id = msg->pipe_id;
    *out = copy;
    return 0;
}

int spry_msg_unshare(nng_msg **msg)
{
    nng_msg *copy;
    int rv;

    if ((*msg)->refs == 1)
        return 0;
    rv = nng_msg_dup(&copy, *msg);
    if (rv != 0)
        return rv;
    nng_msg_free(*msg);
    *msg = copy;
    return 0;
}

int spry_msg_adopt(nng_msg **out, void *block, size_t bytes)
{
    nng_msg *msg = msg_new(0, false);

    assert(block != NULL || bytes == 0);
    if (msg == NULL)
        return NNG_ENOMEM;
    if (block != NULL) {
        msg->apart = true;
        msg->store = block;
        msg->store_bytes = bytes;
        msg->body = msg->store;
        msg->body_bytes = bytes;
    }
    *out = msg;
    return 0;
}

/* The store itself, cut down to the body. */
static void *msg_detach_store(nng_msg *msg)
{
    uint8_t *block = msg->store;

    if (msg->body != msg->store) {
        memmove(msg->store, msg->body, msg->body_bytes);
        msg->body = msg->store;
    }
    if (msg->store_bytes != msg->body_bytes)
        block = spry_realloc(msg->store, msg->store_bytes, msg->body_bytes);
    if (block == NULL)
        return NULL;
    msg->apart = false; /* so that freeing the message leaves the block */
    msg->store = msg->inline_store;
    return block;
}

int spry_msg_detach(nng_msg *msg, void **block, size_t *bytes)
{
    size_t body_bytes = msg->body_bytes;
    void *body = NULL;

    if (body_bytes > 0) {
        if (msg->refs == 1 && !msg_is_inline(msg)) {
            body = msg_detach_store(msg);
        } else {
            body = spry_alloc(body_bytes);
            if (body != NULL)
                memcpy(body, msg->body, body_bytes);
        }
        if (body == NULL)
            return NNG_ENOMEM;
    }
    nng_msg_free(msg);
    *block = body;
    *bytes = body_bytes;
    return 0;
}

void spry_msg_pull_header(nng_msg *msg, size_t n)
{
    assert(n <= msg->body_bytes && n <= (size_t)(SPRY_HEADER_MAX - msg->header_bytes));
    memcpy(msg->header + msg->header_bytes, msg->body, n);
    msg->header_bytes = (uint8_t)(msg->header_bytes + n);
    msg->body += n;
    msg->body_bytes -= n;
}

/* Gives the body a store of `bytes` bytes of its own, with `front` spare bytes before it. */
static int msg_restore(nng_msg *msg, size_t front, size_t bytes)
{
    bool charged =
        msg->charged; /* then the old store and the new one count, until the old is freed */
    uint8_t *store = charged ? block_alloc(bytes, true) : spry_spare_take(&bytes);

    assert(front <= bytes && msg->body_bytes <= bytes - front);
    if (store == NULL && !charged && !msg_is_inline(msg) && front == msg_front_room(msg)) {
        store = spry_realloc(msg->store, msg->store_bytes, bytes);
        if (store == NULL)
            return NNG_ENOMEM;
    } else {
        if (store == NULL && !charged)
            store = spry_alloc(bytes);
        if (store == NULL)
            return NNG_ENOMEM;
        memcpy(store + front, msg->body, msg->body_bytes);
        store_free(msg);
    }
    msg->apart = true;
    msg->store = store;
    msg->store_bytes = bytes;
    msg->body = store + front;
    return 0;
}

/* Moves the body into a new store that has room for `capacity` bytes of it. */
static int msg_move(nng_msg *msg, size_t capacity)
{
    size_t bytes;
    size_t front;
    uint8_t *store = store_for_body(capacity, msg->charged, &bytes, &front);

    if (store == NULL)
        return NNG_ENOMEM;
    memcpy(store + front, msg->body, msg->body_bytes);
    store_free(msg);
    msg->apart = true;
    msg->store = store;
    msg->store_bytes = bytes;
    msg->body = store + front;
    return 0;
}

int spry_msg_extend(nng_msg *msg, size_t capacity)
{
    size_t front = msg_front_room(msg);
    size_t bytes;

    if (capacity <= msg->store_bytes - front)
        return 0;
    if (capacity <= msg->store_bytes) {
        memmove(msg->store, msg->body, msg->body_bytes);
        msg->body = msg->store;
        return 0;
    }
    if (capacity >= MSG_LARGE)
        return msg_move(msg, capacity);
    if (msg_is_inline(msg))
        front = 0;
    if (add_overflows(front, capacity, &bytes))
        return NNG_ENOMEM;
    return msg_restore(msg, front, bytes);
}

/*
 * Makes at least `front` and `back` bytes of room at the ends of the body; one of them is 0. Moving
 * the body within its store is worth it only while that frees as much as it copies; else the store
 * grows by the length of the body, at the end where room was asked for, or by no more than is
 * needed if that is all there is.
 */
static int msg_make_room(nng_msg *msg, size_t front, size_t back)
{
    size_t old_front = msg_front_room(msg);
    size_t old_back = msg->store_bytes - old_front - msg->body_bytes;
    size_t spare = msg->body_bytes > MSG_SPARE_MIN ? msg->body_bytes : MSG_SPARE_MIN;
    size_t need;
    size_t bytes;

    if (front <= old_front && back <= old_back)
        return 0;
    if (add_overflows(front, back, &need) || add_overflows(need, msg->body_bytes, &need))
        return NNG_ENOMEM;
    if (need <= msg->store_bytes && msg->store_bytes - need >= msg->body_bytes) {
        uint8_t *body = msg->store + front + (msg->store_bytes - need) / 2;

        memmove(body, msg->body, msg->body_bytes);
        msg->body = body;
        return 0;
    }
    if (!add_overflows(need, spare, &bytes)) {
        size_t new_front = front > old_front ? front + spare : old_front;
        size_t kept = front > old_front ? old_back : old_front;

        if (!add_overflows(bytes, kept, &bytes) && msg_restore(msg, new_front, bytes) == 0)
            return 0;
    }
    return msg_restore(msg, front, need);
}

size_t nng_msg_capacity(nng_msg *msg)
{
    return msg->store_bytes - msg_front_room(msg);
}

int nng_msg_reserve(nng_msg *msg, size_t bytes)
{
    return spry_msg_extend(msg, bytes);
}

int nng_msg_realloc(nng_msg *msg, size_t bytes)
{
    int rv = spry_msg_extend(msg, bytes);

    if (rv == 0)
        msg->body_bytes = bytes;
    return rv;
}

nng_pipe nng_msg_get_pipe(const nng_msg *msg)
{
    nng_pipe pipe = {msg->pipe_id};

    return pipe;
}

void nng_msg_set_pipe(nng_msg *msg, nng_pipe pipe)
{
    msg->pipe_id = pipe.id;
}

void *nng_msg_body(nng_msg *msg)
{
    return msg->body;
}

size_t nng_msg_len(const nng_msg *msg)
{
    return msg->body_bytes;
}

void nng_msg_clear(nng_msg *msg)
{
    msg->body = msg->store;
    msg->body_bytes = 0;
}

int nng_msg_append(nng_msg *msg, const void *data, size_t bytes)
{
    int rv = msg_make_room(msg, 0, bytes);

    if (rv != 0)
        return rv;
    if (data != NULL)
        memcpy(msg->body + msg->body_bytes, data, bytes);
    msg->body_bytes += bytes;
    return 0;
}

int nng_msg_insert(nng_msg *msg, const void *data, size_t bytes)
{
    int rv = msg_make_room(msg, bytes, 0);

    if (rv != 0)
        return rv;
    msg->body -= bytes;
    if (data != NULL)
        memcpy(msg->body, data, bytes);
    msg->body_bytes += bytes;
    return 0;
}

int nng_msg_trim(nng_msg *msg, size_t bytes)
{
    if (bytes > msg->body_bytes)
        return NNG_EINVAL;
    msg->body += bytes;
    msg->body_bytes -= bytes;
    return 0;
}

int nng_msg_chop(nng_msg *msg, size_t bytes)
{
    if (bytes > msg->body_bytes)
        return NNG_EINVAL;
    msg->body_bytes -= bytes;
    return 0;
}

void *nng_msg_header(nng_msg *msg)
{
    return msg->header;
}

size_t nng_msg_header_len(const nng_msg *msg)
{
    return msg->header_bytes;
}

void nng_msg_header_clear(nng_msg *msg)
{
    msg->header_bytes = 0;
}

int nng_msg_header_append(nng_msg *msg, const void *data, size_t bytes)
{
    if (bytes > (size_t)(SPRY_HEADER_MAX - msg->header_bytes))
        return NNG_EINVAL;
    if (data != NULL)
        memcpy(msg->header + msg->header_bytes, data, bytes);
    msg->header_bytes = (uint8_t)(msg->header_bytes + bytes);
    return 0;
}

int nng_msg_header_insert(nng_msg *msg, const void *data, size_t bytes)
{
    if (bytes > (size_t)(SPRY_HEADER_MAX - msg->header_bytes))
        return NNG_EINVAL;
    memmove(msg->header + bytes, msg->header, msg->header_bytes);
    if (data != NULL)
        memcpy(msg->header, data, bytes);
    msg->header_bytes = (uint8_t)(msg->header_bytes + bytes);
    return 0;
}

int nng_msg_header_trim(nng_msg *msg, size_t bytes)
{
    if (bytes > msg->header_bytes)
        return NNG_EINVAL;
    msg->header_bytes = (uint8_t)(msg->header_bytes - bytes);
    memmove(msg->header, msg->header + bytes, msg->header_bytes);
    return 0;
}

int nng_msg_header_chop(nng_msg *msg, size_t bytes)
{
    if (bytes > msg->header_bytes)
        return NNG_EINVAL;
    msg->header_bytes = (uint8_t)(msg->header_bytes - bytes);
    return 0;
}

int nng_msg_getopt(nng_msg *msg, int option, void *value, size_t *bytes)
{
    (void)msg;
    (void)option;
    (void)value;
    (void)bytes;
    return NNG_ENOTSUP;
}
