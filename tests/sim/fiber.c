/* Stacks and the switch between them, for x86-64; the sanitizer is told of each. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if !defined(__x86_64__)
#error "the switch of stacks is written for x86-64"
#endif

void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t bytes);
void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *bytes);
void __asan_unpoison_memory_region(const volatile void *address, size_t bytes);

enum { STACK_BYTES = 192 << 10, GUARD_BYTES = 4096, SPARE_MAX = 64 };

static unsigned char *spare[SPARE_MAX];
static size_t spare_count;
static struct fiber process; /* the stack that main runs on */
static struct fiber *previous;

/* Saves what a call must keep, changes stacks, and takes up there. */
void sim_stack_switch(void **from, void *to);
__asm__(".text\n"
        ".globl sim_stack_switch\n"
        "sim_stack_switch:\n"
        "    pushq %rbp\n    pushq %rbx\n    pushq %r12\n"
        "    pushq %r13\n    pushq %r14\n    pushq %r15\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    popq %r15\n    popq %r14\n    popq %r13\n"
        "    popq %r12\n    popq %rbx\n    popq %rbp\n"
        "    ret\n");

static unsigned char *stack_take(void)
{
    unsigned char *stack;

    if (spare_count > 0) {
        stack = spare[--spare_count];
        __asan_unpoison_memory_region(stack, STACK_BYTES);
        return stack;
    }
    stack = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED)
        abort();
    (void)mprotect(stack, GUARD_BYTES, PROT_NONE);
    return stack + GUARD_BYTES;
}

static void finish_switch(void)
{
    const void *bottom;
    size_t bytes;

    __sanitizer_finish_switch_fiber(sim_self == NULL ? process.asan_stack : sim_self->asan_stack,
                                    &bottom, &bytes);
    if (previous == &process && process.stack == NULL)
        process.stack = (unsigned char *)(uintptr_t)bottom;
    if (previous == &process)
        process.id = (uint32_t)bytes;
}

static void fiber_begin(void)
{
    finish_switch();
    sim_fiber_main();
}

void sim_fiber_prepare(struct fiber *fiber)
{
    void **top;

    fiber->stack = stack_take();
    top = (void **)(void *)(fiber->stack + STACK_BYTES);
    *--top = NULL; /* where fiber_begin would return to; aligns the stack */
    *--top = (void *)(uintptr_t)fiber_begin;
    for (int i = 0; i < 6; i++)
        *--top = NULL;
    fiber->stack_top = top;
}

void sim_fiber_forget(struct fiber *fiber)
{
    if (spare_count < SPARE_MAX)
        spare[spare_count++] = fiber->stack;
    else
        (void)munmap(fiber->stack - GUARD_BYTES, STACK_BYTES + GUARD_BYTES);
    fiber->stack = NULL;
}

static void change(struct fiber *from, struct fiber *to)
{
    previous = from;
    sim_self = to == &process ? NULL : to;
    __sanitizer_start_switch_fiber(from->over ? NULL : &from->asan_stack, to->stack,
                                   to == &process ? process.id : STACK_BYTES);
    sim_stack_switch(&from->stack_top, to->stack_top);
    finish_switch();
}

void sim_fiber_enter(struct fiber *fiber)
{
    change(&process, fiber);
}

void sim_fiber_switch(struct fiber *to)
{
    change(sim_self, to == NULL ? &process : to);
}
