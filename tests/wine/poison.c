/*
 * An allocator that finds who writes to memory after it was freed, the kernel included. Linked with
 * --wrap for malloc, calloc, realloc, free and strdup: a freed block is filled with a pattern and kept in a
 * ring; when it leaves the ring, or at the end of the program, every byte must still be there.
 */
#include <windows.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    RING = 1 << 14,         /* blocks kept at most */
    RING_BYTES = 256 << 20, /* bytes kept at most */
    FILL = 0xdb,
    MARK_LIVE = 0x11fe11fe,
    MARK_FREED = 0x0dead0ff
};

/* In front of each block; keeps the alignment of malloc. */
struct head {
    size_t bytes;
    uint32_t mark;
    uint32_t thread; /* that freed it */
};
_Static_assert(sizeof(struct head) == 16, "keeps the alignment");

void *__real_malloc(size_t bytes);
void __real_free(void *block);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void __wrap_free(void *block);
char *__wrap_strdup(const char *text);
char *__wrap__strdup(const char *text);

static SRWLOCK lock = SRWLOCK_INIT;
static struct head *ring[RING];
static size_t ring_at;
static size_t ring_bytes;

static void fail(const char *what, const struct head *head, size_t at)
{
    char text[200];
    DWORD written;
    int n = snprintf(text, sizeof(text),
                     "poison: %s: block of %llu bytes at %p, byte %llu, freed by %lx\n", what,
                     (unsigned long long)head->bytes, (const void *)(head + 1),
                     (unsigned long long)at, (unsigned long)head->thread);

    (void)WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)n, &written, NULL);
    TerminateProcess(GetCurrentProcess(), 66);
}

static void check(const struct head *head)
{
    const uint8_t *bytes = (const uint8_t *)(head + 1);

    if (head->mark != MARK_FREED)
        fail("written in front of after free", head, 0);
    for (size_t i = 0; i < head->bytes; i++) {
        if (bytes[i] != FILL)
            fail("written to after free", head, i);
    }
}

/* Lock held. */
static void ring_drop(size_t at)
{
    struct head *head = ring[at];

    if (head == NULL)
        return;
    ring[at] = NULL;
    ring_bytes -= head->bytes;
    check(head);
    __real_free(head);
}

void *__wrap_malloc(size_t bytes)
{
    struct head *head = bytes < SIZE_MAX / 2 ? __real_malloc(sizeof(*head) + bytes) : NULL;

    if (head == NULL)
        return NULL;
    *head = (struct head){.bytes = bytes, .mark = MARK_LIVE};
    memset(head + 1, 0xa5, bytes);
    return head + 1;
}

void __wrap_free(void *block)
{
    struct head *head = (struct head *)block - 1;

    if (block == NULL)
        return;
    if (head->mark != MARK_LIVE)
        fail(head->mark == MARK_FREED ? "freed twice" : "freed but never allocated", head, 0);
    head->mark = MARK_FREED;
    head->thread = GetCurrentThreadId();
    memset(block, FILL, head->bytes);
    AcquireSRWLockExclusive(&lock);
    ring_drop(ring_at);
    ring[ring_at] = head;
    ring_bytes += head->bytes;
    ring_at = (ring_at + 1) % RING;
    for (size_t i = ring_at; ring_bytes > RING_BYTES; i = (i + 1) % RING)
        ring_drop(i);
    ReleaseSRWLockExclusive(&lock);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    void *block = bytes == 0 || count <= SIZE_MAX / bytes ? __wrap_malloc(count * bytes) : NULL;

    if (block != NULL)
        memset(block, 0, count * bytes);
    return block;
}

/* Always moves. */
void *__wrap_realloc(void *block, size_t bytes)
{
    const struct head *head = (const struct head *)block - 1;
    void *moved = __wrap_malloc(bytes);

    if (block == NULL || moved == NULL)
        return moved;
    memcpy(moved, block, head->bytes < bytes ? head->bytes : bytes);
    __wrap_free(block);
    return moved;
}

/* The C library's own takes from the C library's own malloc. */
char *__wrap_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = __wrap_malloc(bytes);

    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}

char *__wrap__strdup(const char *text)
{
    return __wrap_strdup(text);
}

/* Shows that the ring does see a write: 66 is the status that tells of one. */
__attribute__((constructor)) static void poison_test(void)
{
    uint8_t *volatile block;

    if (GetEnvironmentVariableA("SPRY_POISON_TEST", NULL, 0) == 0)
        return;
    block = __wrap_malloc(100);
    __wrap_free(block);
    block[50] = 0;
}

__attribute__((destructor)) static void poison_end(void)
{
    AcquireSRWLockExclusive(&lock);
    for (size_t i = 0; i < RING; i++)
        ring_drop(i);
    ReleaseSRWLockExclusive(&lock);
}
