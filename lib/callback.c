/* Who runs the program's callbacks. */
#include "callback.h"

#include "alloc.h"
#include "fork.h"
#include "loop.h"

/* Beyond these, callbacks wait until one that waits is through; nng has at most as many. */
enum { STANDINS_MAX = 15 };

/* The same without threads of the library's: callbacks on one stack. */
enum { NESTED_MAX = STANDINS_MAX + 1 };

/* A thread that cannot be had now is asked for again. */
enum { AGAIN_MS = 10 };

/* Callbacks in a row whose system calls are made together: as many messages as go into one call. */
enum { UNSETTLED_MAX = 64, UNSETTLED_NS_MAX = 100 * 1000 };

struct standin {
    struct caller caller;
    struct thread thread;
};

void spry_caller_run(struct loop *loop, struct caller *caller, struct task *task)
{
    caller->task = task;
    caller->waits = false;
    spry_list_push(&loop->callers, &caller->node);
    task->run(task);
    spry_list_remove(&caller->node);
}

struct caller *spry_caller_self(const struct loop *loop)
{
    for (struct list *node = loop->callers.next; node != &loop->callers; node = node->next) {
        struct caller *caller = SPRY_CONTAINER(node, struct caller, node);

        if (spry_thread_is_self(caller->thread))
            return caller;
    }
    return NULL;
}

bool spry_caller_inside(const struct loop *loop, const struct task *task)
{
    for (struct list *node = loop->callers.next; node != &loop->callers; node = node->next) {
        const struct caller *caller = SPRY_CONTAINER(node, struct caller, node);

        if (caller->task == task && spry_thread_is_self(caller->thread))
            return true;
    }
    return false;
}

bool spry_caller_nests(const struct loop *loop)
{
    int depth = 0;

    for (struct list *node = loop->callers.next; node != &loop->callers; node = node->next)
        depth += spry_thread_is_self(SPRY_CONTAINER(node, struct caller, node)->thread) ? 1 : 0;
    return depth < NESTED_MAX;
}

void spry_caller_return(struct loop *loop, uint32_t forks)
{
    spry_loop_lock(loop);
    if (loop->forks == forks)
        return;
    spry_loop_unlock(loop);
    spry_fork_end();
}

bool spry_caller_settles(struct loop *loop, struct caller *caller)
{
    uint64_t now_ns;

    if (!spry_tasks_empty(&loop->callbacks)) {
        now_ns = spry_clock_ns();
        if (caller->unsettled++ == 0)
            caller->since_ns = now_ns;
        if (caller->unsettled < UNSETTLED_MAX && now_ns - caller->since_ns < UNSETTLED_NS_MAX)
            return false;
    }
    caller->unsettled = 0;
    return true;
}

bool spry_caller_settles_later(const struct loop *loop)
{
    return !spry_list_empty(&loop->callers) && !spry_tasks_empty(&loop->callbacks) &&
           spry_caller_self(loop) != NULL;
}

/* Its calls are left to others where it can be, since it is about to end: spry_loop_pass. */
static void standin_main(void *argument)
{
    struct standin *standin = argument;
    struct loop *loop = spry_loop_enter();
    struct task *task;

    while ((task = spry_tasks_pop(&loop->callbacks)) != NULL) {
        spry_caller_run(loop, &standin->caller, task);
        spry_loop_called(loop, &standin->caller);
    }
    loop->standins--;
    spry_free(standin, sizeof(*standin));
    spry_loop_pass(loop);
}

static bool standin_start(struct loop *loop)
{
    struct standin *standin = spry_zalloc(sizeof(*standin));

    if (standin == NULL)
        return false;
    spry_list_init(&standin->caller.node);
    standin->caller.thread = &standin->thread;
    standin->thread = (struct thread){.run = standin_main, .argument = standin};
    if (spry_thread_start(&standin->thread) != 0) {
        spry_free(standin, sizeof(*standin));
        return false;
    }
    loop->standins++;
    spry_thread_detach(&standin->thread); /* it waits for the lock before it can be over */
    return true;
}

static void standin_again(struct timer *timer, uint64_t now_ns)
{
    (void)now_ns;
    spry_callers_check(SPRY_CONTAINER(timer, struct loop, standin_again));
}

void spry_callers_init(struct loop *loop)
{
    spry_timer_init(&loop->standin_again, standin_again);
}

void spry_callers_fini(struct loop *loop)
{
    spry_timer_cancel(&loop->timers, &loop->standin_again);
}

void spry_callers_check(struct loop *loop)
{
    uint32_t waiting = 0;

    if (spry_tasks_empty(&loop->callbacks) || spry_list_empty(&loop->callers) ||
        loop->standins == STANDINS_MAX || loop->threadless)
        return;
    for (struct list *node = loop->callers.next; node != &loop->callers; node = node->next) {
        if (!SPRY_CONTAINER(node, struct caller, node)->waits)
            return;
        waiting++;
    }
    /* Else one of those has not come to its next callback yet. */
    if (waiting > loop->standins && !standin_start(loop))
        spry_timer_set(&loop->timers, &loop->standin_again,
                       spry_deadline(spry_clock_ns(), AGAIN_MS));
}
