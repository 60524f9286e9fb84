/*
 * The loop's two duties: to run what events lead to (settle), and to hand the poller role round
 * (poll, wait, watchman).
 *
 * The role. `poller` is set exactly while some thread has the role; it waits in the kernel, or on
 * its own condition while there is nothing to watch but timers. A waiter who leaves hands the role
 * to one who sleeps. When nobody is blocked, the watchman takes the role after WATCH_DELAY_NS
 * without a change of it, so that a thread that comes back soon costs no switch of threads.
 */
#include "loop.h"

#include "fork.h"
#include "pool.h"
#include "spare.h"

#include <nng/nng.h>

#include <stddef.h>
#include <string.h>

/* Longer than a busy program stays out of the library, shorter than anyone notices. */
enum { WATCH_DELAY_NS = 1000 * 1000 };

/*
 * How long a close waits at most for other threads to come out of the library's calls, of which none
 * blocks: a thousand times what that takes, unless the machine is overloaded. It is a courtesy, not
 * a need: whatever is still in flight frees itself later.
 */
enum { END_WAIT_NS = 50 * 1000 * 1000 };

/* Rounds of system calls in a row, so that a stream that never runs dry keeps no thread for itself. */
enum { SETTLE_ROUNDS_MAX = 16 };

/* The same of what needs none: devices in a ring pass a message round for ever. */
enum { SETTLE_TASKS_MAX = 4096 };

static struct loop the_loop = {
    .lock = SPRY_MUTEX_INIT,
    .sleepers = {&the_loop.sleepers, &the_loop.sleepers},
    .enders = {&the_loop.enders, &the_loop.enders},
    .callers = {&the_loop.callers, &the_loop.callers},
    .onlookers = {&the_loop.onlookers, &the_loop.onlookers},
};

struct loop *spry_loop_enter(void)
{
    spry_mutex_lock(&the_loop.lock);
    return &the_loop;
}

/* Makes a thread look at its state again. */
static void waiter_rouse(struct loop *loop, struct waiter *waiter)
{
    switch ((enum waiter_place)waiter->place) {
    case WAITER_ASLEEP:
        spry_cond_signal(&waiter->cond);
        break;
    case WAITER_POLLING:
        spry_port_wake(&loop->port);
        break;
    case WAITER_AWAKE:
        break;
    }
}

/* Work is left: someone had to leave off (loop_settle), or left it to others (spry_loop_pass). */
static bool loop_busy(const struct loop *loop)
{
    return !spry_tasks_empty(&loop->port.started) || !spry_tasks_empty(&loop->completed);
}

/*
 * Only the system's events, timers and what was left over need a poller; waiters are woken by whoever
 * ends their call.
 */
static bool poller_needed(const struct loop *loop)
{
    return loop_busy(loop) || spry_port_watching(&loop->port) ||
           spry_timers_next(&loop->timers) != SPRY_NEVER;
}

/* The watchman leaves the role to threads that come back soon, unless the program waits elsewhere. */
static bool watchman_idle(const struct loop *loop)
{
    return loop->watchman_state == WATCHMAN_ASLEEP ||
           (loop->watchman_state == WATCHMAN_DOZING && loop->asyncs > 0);
}

static void poller_set(struct loop *loop, struct waiter *waiter)
{
    loop->poller = waiter;
    loop->polls++;
}

/* Nobody has the role: a sleeper gets it; if there is none, the watchman is made to notice. */
static void poller_promote(struct loop *loop)
{
    struct list *first = spry_list_first(&loop->sleepers);

    if (loop->poller != NULL)
        poller_set(loop, NULL);
    if (!poller_needed(loop))
        return;
    if (first != NULL) {
        struct waiter *waiter = SPRY_CONTAINER(first, struct waiter, node);

        spry_list_remove(&waiter->node);
        poller_set(loop, waiter);
        waiter_rouse(loop, waiter);
    } else if (watchman_idle(loop)) {
        spry_cond_signal(&loop->watchman.cond);
    }
}

/* What another thread is about to undo, and need not be waited for long. */
static bool loop_ending(const struct loop *loop)
{
    if (loop->unlistened > 0)
        return true;
    return loop->sockets == 0 && loop->watchman_state != WATCHMAN_NONE &&
           spry_list_empty(&loop->callers) && loop->standins == 0 && loop->offloads == 0;
}

/* What a closer waits for may need a poller: packets of what was closed, or a call's outcome. */
static bool enders_poll(const struct loop *loop)
{
    return loop_ending(loop) && (loop->unlistened > 0 || loop->port.in_flight > 0);
}

/* A closer: a waiter without a request, whose wait has a bound. */
struct ender {
    struct waiter waiter;
    struct list node; /* in loop->enders */
};

/* Something that closers wait for has changed. */
static void enders_rouse(struct loop *loop)
{
    struct list *node;

    for (node = loop->enders.next; node != &loop->enders; node = node->next)
        waiter_rouse(loop, &SPRY_CONTAINER(node, struct ender, node)->waiter);
}

/* The poller sleeps by what it knew: tells it of an earlier timer and of the first descriptor. */
static void poller_check(struct loop *loop)
{
    struct waiter *poller = loop->poller;

    spry_port_check(&loop->port);
    if (loop->sockets == 0 && loop->port.in_flight == 0)
        waiter_rouse(loop, &loop->watchman); /* it waits for the last poller and the last op */
    if (poller == NULL) {
        if (!spry_list_empty(&loop->sleepers) || watchman_idle(loop))
            poller_promote(loop);
        return;
    }
    if (poller->place == WAITER_AWAKE)
        return;
    if (spry_timers_next(&loop->timers) < loop->poll_deadline_ns || loop_busy(loop) ||
        (poller->place == WAITER_ASLEEP && spry_port_watching(&loop->port)) ||
        (loop->retired != NULL && poller->place == WAITER_POLLING) ||
        (!spry_list_empty(&loop->enders) && !enders_poll(loop)))
        waiter_rouse(loop, poller);
}

/*
 * Whoever has changed anything comes here before the lock is free: the end of every call and of every
 * poller's turn is loop_settle, which also comes here before each of its system calls, or spry_loop_pass;
 * a callback that settles later comes by itself. Who sleeps or polls changed nothing since it settled.
 */
static void onlookers_look(struct loop *loop)
{
    struct list *node;

    for (node = loop->onlookers.next; node != &loop->onlookers; node = node->next) {
        struct onlooker *onlooker = SPRY_CONTAINER(node, struct onlooker, node);

        onlooker->look(onlooker);
    }
}

/*
 * Runs completions and posted work, and makes the system calls they ask for, until all is quiet or
 * others must have their turn. While calls are made the loop cannot end.
 */
static void loop_settle(struct loop *loop)
{
    int rounds = 0;
    int tasks = 0;

    for (;;) {
        struct task *task = tasks++ < SETTLE_TASKS_MAX ? spry_tasks_pop(&loop->completed) : NULL;

        if (task != NULL) {
            task->run(task);
            continue;
        }
        onlookers_look(loop);
        if (!spry_tasks_empty(&loop->port.started) && rounds++ < SETTLE_ROUNDS_MAX) {
            struct task_queue started = spry_port_started(&loop->port);
            struct task_queue completed = {NULL, NULL};

            loop->port.in_flight++;
            spry_mutex_unlock(&loop->lock);
            spry_port_run(&loop->port, &started, &completed);
            spry_mutex_lock(&loop->lock);
            loop->port.in_flight--;
            spry_tasks_splice(&loop->completed, &completed);
        } else {
            return;
        }
    }
}

/* Whoever is in the kernel may hold an event; nobody there: nobody does. */
static void retired_free(struct loop *loop)
{
    struct retired *retired = loop->retired;

    loop->retired = NULL;
    while (retired != NULL) {
        struct retired *next = retired->next;

        retired->free(retired);
        retired = next;
    }
}

void spry_loop_retire(struct loop *loop, struct retired *retired)
{
    if (loop->poller == NULL || loop->poller->place != WAITER_POLLING) {
        retired->free(retired);
        return;
    }
    retired->next = loop->retired;
    loop->retired = retired;
}

void spry_loop_leave(struct loop *loop)
{
    if (spry_caller_settles_later(loop)) {
        onlookers_look(loop);
        if (loop->poller != NULL)
            poller_check(loop); /* it may settle before the callback is through */
    } else {
        loop_settle(loop);
        poller_check(loop);
    }
    spry_mutex_unlock(&loop->lock);
}

void spry_loop_pass(struct loop *loop)
{
    onlookers_look(loop);
    if (loop->poller == NULL)
        waiter_rouse(loop, &loop->watchman); /* it may be dozing */
    poller_check(loop);
    spry_mutex_unlock(&loop->lock);
}

/*
 * One turn of the poller: waits for events or the first timer, `limit_ns` at most, then runs what they
 * lead to.
 */
static void loop_poll(struct loop *loop, struct waiter *self, uint64_t limit_ns)
{
    uint64_t next_ns = spry_timers_next(&loop->timers);

    loop->poll_deadline_ns = loop_busy(loop) ? 0 : next_ns < limit_ns ? next_ns : limit_ns;
    if (spry_port_watching(&loop->port)) {
        struct task_queue completed = {NULL, NULL};

        spry_port_prepare(&loop->port);
        self->place = WAITER_POLLING;
        spry_mutex_unlock(&loop->lock);
        spry_port_wait(&loop->port, loop->poll_deadline_ns, &completed);
        spry_mutex_lock(&loop->lock);
        self->place = WAITER_AWAKE;
        spry_tasks_splice(&loop->completed, &completed);
        retired_free(loop);
    } else {
        self->place = WAITER_ASLEEP;
        spry_cond_wait(&self->cond, &loop->lock, loop->poll_deadline_ns);
        self->place = WAITER_AWAKE;
    }
    if (spry_timers_next(&loop->timers) != SPRY_NEVER)
        spry_timers_run(&loop->timers, spry_clock_ns());
    loop_settle(loop);
}

/* Callbacks may follow one another for ever; events and timers have their turn. */
static void loop_glance(struct loop *loop)
{
    struct waiter waiter;

    if (loop->poller != NULL || !poller_needed(loop))
        return;
    spry_waiter_init(&waiter, loop);
    poller_set(loop, &waiter);
    loop_poll(loop, &waiter, 0);
    if (loop->poller == &waiter)
        poller_promote(loop);
    spry_cond_fini(&waiter.cond);
}

void spry_loop_called(struct loop *loop, struct caller *caller)
{
    if (!spry_caller_settles(loop, caller)) {
        onlookers_look(loop);
        return;
    }
    loop_settle(loop);
    poller_check(loop);
    if (!spry_tasks_empty(&loop->callbacks))
        loop_glance(loop);
}

/* ---- threads that block ---- */

/*
 * The caller's request is done. When the poller sleeps on its condition, the role is taken from it
 * here, so that whoever blocks next gets it without another switch of threads.
 */
static void waiter_finished(struct request *request)
{
    struct waiter *waiter = SPRY_CONTAINER(request, struct waiter, request);
    struct loop *loop = SPRY_CONTAINER(request->timers, struct loop, timers);

    if (loop->poller == waiter && waiter->place == WAITER_ASLEEP)
        poller_promote(loop);
    waiter_rouse(loop, waiter);
}

void spry_waiter_init(struct waiter *waiter, struct loop *loop)
{
    spry_request_init(&waiter->request, &loop->timers, waiter_finished);
    spry_cond_init(&waiter->cond);
    spry_list_init(&waiter->node);
    waiter->place = WAITER_AWAKE;
}

/* Sleeps until the request is done or the role is ours. */
static void waiter_sleep(struct loop *loop, struct waiter *waiter)
{
    spry_list_push(&loop->sleepers, &waiter->node);
    if (loop->poller == &loop->watchman && loop->asyncs == 0)
        waiter_rouse(loop, &loop->watchman);
    waiter->place = WAITER_ASLEEP;
    while (!waiter->request.done && loop->poller != waiter)
        spry_cond_wait(&waiter->cond, &loop->lock, SPRY_NEVER);
    waiter->place = WAITER_AWAKE;
    spry_list_remove(&waiter->node);
}

/* A thread that waits inside a callback may wait for another one. */
static struct caller *caller_wait(struct loop *loop)
{
    struct caller *caller = spry_list_empty(&loop->callers) ? NULL : spry_caller_self(loop);

    if (caller == NULL)
        return NULL;
    caller->waits = true;
    spry_callers_check(loop);
    return caller;
}

int spry_waiter_wait(struct loop *loop, struct waiter *waiter)
{
    struct caller *caller;

    loop_settle(loop);
    caller = waiter->request.done ? NULL : caller_wait(loop);
    while (!waiter->request.done) {
        if (loop->poller == NULL)
            poller_set(loop, waiter);
        if (loop->poller == waiter) {
            loop_poll(loop, waiter, SPRY_NEVER);
        } else {
            poller_check(loop);
            waiter_sleep(loop, waiter);
        }
    }
    if (caller != NULL)
        caller->waits = false;
    if (loop->poller == waiter)
        poller_promote(loop);
    spry_cond_fini(&waiter->cond);
    return waiter->request.result;
}

/* ---- the watchman ---- */

static void watchman_sleep(struct loop *loop, enum watchman_state state, uint64_t deadline_ns)
{
    loop->watchman_state = (uint8_t)state;
    loop->watchman.place = WAITER_ASLEEP;
    spry_cond_wait(&loop->watchman.cond, &loop->lock, deadline_ns);
    loop->watchman.place = WAITER_AWAKE;
    loop->watchman_state = WATCHMAN_AWAKE;
}

/* Polls until a thread that blocks wants the role, or there is something else to do. */
static void watchman_poll(struct loop *loop)
{
    poller_set(loop, &loop->watchman);
    do {
        loop_poll(loop, &loop->watchman, SPRY_NEVER);
    } while ((spry_list_empty(&loop->sleepers) || loop->asyncs > 0) &&
             spry_tasks_empty(&loop->callbacks) && loop->sockets > 0 && poller_needed(loop) &&
             loop->poller == &loop->watchman);
    if (loop->poller == &loop->watchman)
        poller_promote(loop);
}

/* Nothing is open and nothing in flight: the loop is as it was before its first socket. */
static bool watchman_over(struct loop *loop)
{
    if (loop->sockets > 0 || loop->port.in_flight > 0 || loop->poller != NULL || loop_busy(loop) ||
        !spry_tasks_empty(&loop->callbacks) || loop->standins > 0)
        return false;
    spry_callers_fini(loop);
    spry_port_close(&loop->port);
    spry_idmap_fini(&loop->handles);
    spry_cond_fini(&loop->watchman.cond);
    spry_pool_trim();
    spry_spare_enable(false);
    loop->watchman_state = WATCHMAN_NONE;
    loop->watchman_left = !spry_list_empty(&loop->enders);
    if (!loop->watchman_left)
        spry_thread_detach(&loop->watchman_thread);
    enders_rouse(loop);
    return true;
}

/*
 * All that is left of it is its thread's end. That may run the destructors of what the program's
 * callbacks keep by thread, so the lock is released; whoever cleared the flag joins.
 */
static void watchman_join(struct loop *loop)
{
    while (loop->watchman_left) {
        struct thread thread = loop->watchman_thread;

        loop->watchman_left = false;
        spry_mutex_unlock(&loop->lock);
        spry_thread_join(&thread);
        spry_mutex_lock(&loop->lock);
    }
}

static void watchman_main(void *argument)
{
    struct loop *loop = argument;
    struct caller self = {.thread = &loop->watchman_thread};
    uint32_t seen;

    spry_list_init(&self.node);
    spry_mutex_lock(&loop->lock);
    seen = loop->polls - 1;
    while (!watchman_over(loop)) {
        struct task *callback = spry_tasks_pop(&loop->callbacks);
        bool quiet = seen == loop->polls;

        seen = loop->polls;
        if (callback != NULL) {
            enders_rouse(loop);
            spry_caller_run(loop, &self, callback);
            spry_loop_called(loop, &self);
        } else if (!quiet && !loop_busy(loop) && spry_list_empty(&loop->enders) &&
                   loop->asyncs == 0) {
            spry_spare_enable(true);
            watchman_sleep(loop, WATCHMAN_DOZING, spry_clock_ns() + WATCH_DELAY_NS);
        } else if (loop->poller != NULL || !poller_needed(loop)) {
            spry_spare_enable(false);
            watchman_sleep(loop, WATCHMAN_ASLEEP, SPRY_NEVER);
        } else {
            spry_spare_enable(false);
            watchman_poll(loop);
        }
    }
    spry_mutex_unlock(&loop->lock);
}

void spry_loop_callback(struct loop *loop, struct task *task)
{
    spry_tasks_push(&loop->callbacks, task);
    waiter_rouse(loop, &loop->watchman);
    spry_callers_check(loop);
}

/*
 * In the child of a fork, with its only thread: the loop is as before its first socket. What it had is
 * the parent's, and so are the threads that would have freed it.
 */
static void loop_forget(void)
{
    uint32_t forks = the_loop.forks + 1;

    memset((char *)&the_loop + offsetof(struct loop, port), 0,
           sizeof(the_loop) - offsetof(struct loop, port));
    spry_list_init(&the_loop.sleepers);
    spry_list_init(&the_loop.enders);
    spry_list_init(&the_loop.callers);
    spry_list_init(&the_loop.onlookers);
    the_loop.guarded = true;
    the_loop.forks = forks;
}

int spry_loop_hold(struct loop *loop)
{
    int rv;

    if (!loop->guarded) {
        spry_fork_guard(&loop->lock, &loop->port, loop_forget);
        loop->guarded = true;
    }
    watchman_join(loop);
    if (loop->watchman_state != WATCHMAN_NONE) {
        loop->sockets++;
        enders_rouse(loop);
        return 0;
    }
    rv = spry_port_open(&loop->port);
    if (rv != 0)
        return rv;
    spry_idmap_init(&loop->handles, 1, 0x7fffffff, spry_random());
    spry_cond_init(&loop->watchman.cond);
    spry_callers_init(loop);
    loop->watchman.place = WAITER_AWAKE;
    loop->watchman_thread = (struct thread){.run = watchman_main, .argument = loop};
    rv = spry_thread_start(&loop->watchman_thread);
    if (rv != 0) {
        spry_cond_fini(&loop->watchman.cond);
        spry_idmap_fini(&loop->handles);
        spry_port_close(&loop->port);
        return rv;
    }
    loop->watchman_state = WATCHMAN_AWAKE;
    loop->sockets++;
    return 0;
}

void spry_loop_release(struct loop *loop)
{
    loop->sockets--;
    if (loop->sockets == 0)
        waiter_rouse(loop, &loop->watchman);
}

void spry_loop_unlistened(struct loop *loop)
{
    loop->unlistened--;
    enders_rouse(loop);
}

/* One wait of a closer: as the poller if nobody is, else until that role or a word comes. */
static void ender_wait(struct loop *loop, struct waiter *waiter, uint64_t until_ns)
{
    bool polls = enders_poll(loop);

    if (polls && loop->poller == NULL)
        poller_set(loop, waiter);
    if (polls && loop->poller == waiter) {
        loop_poll(loop, waiter, until_ns);
        return;
    }
    if (loop->poller == waiter)
        poller_promote(loop);
    poller_check(loop);
    if (polls)
        spry_list_push(&loop->sleepers, &waiter->node);
    waiter->place = WAITER_ASLEEP;
    spry_cond_wait(&waiter->cond, &loop->lock, until_ns);
    waiter->place = WAITER_AWAKE;
    spry_list_remove(&waiter->node);
}

void spry_loop_end(struct loop *loop)
{
    uint64_t until_ns = spry_clock_ns() + END_WAIT_NS;
    struct ender ender;

    spry_waiter_init(&ender.waiter, loop);
    spry_list_push(&loop->enders, &ender.node);
    loop_settle(loop);
    while (loop_ending(loop) && spry_clock_ns() < until_ns)
        ender_wait(loop, &ender.waiter, until_ns);
    spry_list_remove(&ender.node);
    if (loop->poller == &ender.waiter)
        poller_promote(loop);
    spry_cond_fini(&ender.waiter.cond);
    watchman_join(loop);
}
