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

#include "budget.h"
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

/* Callbacks of one spry_run: as many as may settle together (callback.c). */
enum { RUN_CALLBACKS_MAX = 64 };

static struct loop the_loop = {
    .lock = SPRY_MUTEX_INIT,
    .sleepers = {&the_loop.sleepers, &the_loop.sleepers},
    .enders = {&the_loop.enders, &the_loop.enders},
    .callers = {&the_loop.callers, &the_loop.callers},
    .runners = {&the_loop.runners, &the_loop.runners},
    .onlookers = {&the_loop.onlookers, &the_loop.onlookers},
};

struct loop *spry_loop_enter(void)
{
    spry_mutex_lock(&the_loop.lock);
    return &the_loop;
}

void spry_loop_lock(struct loop *loop)
{
    spry_mutex_lock(&loop->lock);
}

void spry_loop_unlock(struct loop *loop)
{
    struct lasting_seat *wakes[LOOP_WAKES];
    unsigned count = loop->wakes_count;

    for (unsigned i = 0; i < count; i++)
        wakes[i] = loop->wakes[i];
    loop->wakes_count = 0;
    spry_mutex_unlock(&loop->lock);
    for (unsigned i = 0; i < count; i++)
        spry_seat_wake(&wakes[i]->seat);
}

static struct seat *waiter_seat(struct waiter *waiter)
{
    return waiter->lent != NULL ? &waiter->lent->seat : &waiter->own;
}

/* Releases the lock in its sleep, like spry_loop_unlock. */
static void waiter_doze(struct loop *loop, struct waiter *waiter, uint64_t deadline_ns)
{
    while (loop->wakes_count > 0)
        spry_seat_wake(&loop->wakes[--loop->wakes_count]->seat);
    waiter->place = WAITER_ASLEEP;
    spry_seat_sleep(waiter_seat(waiter), &loop->lock, deadline_ns);
    waiter->place = WAITER_AWAKE;
}

/* Makes a thread look at its state again. */
static void waiter_rouse(struct loop *loop, struct waiter *waiter)
{
    switch ((enum waiter_place)waiter->place) {
    case WAITER_ASLEEP:
        if (waiter->lent != NULL && loop->wakes_count < LOOP_WAKES)
            loop->wakes[loop->wakes_count++] = waiter->lent;
        else
            spry_seat_wake(waiter_seat(waiter));
        break;
    case WAITER_POLLING:
        spry_port_wake(&loop->port);
        break;
    case WAITER_AWAKE:
        break;
    }
}

/* A callback is due, or the loop is over: who runs callbacks looks whether there is one. */
static void runners_rouse(struct loop *loop)
{
    struct list *node;

    for (node = loop->runners.next; node != &loop->runners; node = node->next)
        waiter_rouse(loop, SPRY_CONTAINER(node, struct runner, node)->waiter);
}

/* Work is left: someone had to leave off (loop_settle), or left it to others (spry_loop_pass). */
static bool loop_busy(const struct loop *loop)
{
    return !spry_tasks_empty(&loop->port.started) || !spry_tasks_empty(&loop->completed);
}

bool spry_loop_due(const struct loop *loop)
{
    return loop_busy(loop) || !spry_tasks_empty(&loop->callbacks);
}

/* Nobody has anything open, and nothing of it is on its way. */
static bool loop_deserted(const struct loop *loop)
{
    return loop->sockets == 0 && loop->port.in_flight == 0;
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

/*
 * Nobody has the role: the sleeper that came last gets it, for the answers to the others are likely to
 * come first, and who has the role when its own comes must wake yet another. If there is none, the
 * watchman is made to notice.
 */
static void poller_promote(struct loop *loop)
{
    struct list *last = spry_list_last(&loop->sleepers);

    if (loop->poller != NULL)
        poller_set(loop, NULL);
    if (!poller_needed(loop))
        return;
    if (last != NULL) {
        struct waiter *waiter = SPRY_CONTAINER(last, struct waiter, node);

        spry_list_remove(&waiter->node);
        poller_set(loop, waiter);
        waiter_rouse(loop, waiter);
    } else if (watchman_idle(loop)) {
        waiter_rouse(loop, &loop->watchman);
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
    if (loop_deserted(loop))
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
        (loop->retired != NULL && poller->place == WAITER_POLLING) || loop_deserted(loop) ||
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
            loop->done++;
            task->run(task);
            continue;
        }
        onlookers_look(loop);
        if (!spry_tasks_empty(&loop->port.started) && rounds++ < SETTLE_ROUNDS_MAX) {
            struct task_queue started = spry_port_started(&loop->port);
            struct task_queue completed = {NULL, NULL};

            loop->port.in_flight++;
            spry_loop_unlock(loop);
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

/* Nothing is open and nothing in flight, and nobody is at work. */
static bool loop_over(const struct loop *loop)
{
    return loop_deserted(loop) && loop->poller == NULL && !spry_loop_due(loop) &&
           spry_list_empty(&loop->callers) && loop->standins == 0;
}

/* The loop is as it was before its first socket. */
static void loop_close(struct loop *loop)
{
    if (loop->unexpose != NULL)
        loop->unexpose(loop);
    loop->unexpose = NULL;
    spry_callers_fini(loop);
    spry_port_close(&loop->port);
    spry_idmap_fini(&loop->handles);
    spry_seat_fini(&loop->watchman.own);
    spry_pool_trim();
    spry_spare_enable(false);
    loop->watchman_state = WATCHMAN_NONE;
    enders_rouse(loop);
    runners_rouse(loop);
}

/* Without a watchman it is ended by whoever leaves it last. */
static void loop_close_unwatched(struct loop *loop)
{
    if (loop->watchman_state == WATCHMAN_AWAY && loop_over(loop))
        loop_close(loop);
}

void spry_loop_leave(struct loop *loop)
{
    if (spry_caller_settles_later(loop)) {
        onlookers_look(loop);
        poller_check(loop); /* who blocks may settle before the callback is through */
    } else {
        loop_settle(loop);
        poller_check(loop);
        loop_close_unwatched(loop);
    }
    spry_loop_unlock(loop);
}

void spry_loop_pass(struct loop *loop)
{
    onlookers_look(loop);
    if (loop->poller == NULL)
        waiter_rouse(loop, &loop->watchman); /* it may be dozing */
    poller_check(loop);
    spry_loop_unlock(loop);
}

/* A wake-up that came when the poller was gone would stay in what the program polls. */
static bool poll_in_kernel(const struct loop *loop)
{
    return spry_port_watching(&loop->port) || loop->unexpose != NULL;
}

static void timers_run(struct loop *loop)
{
    uint64_t next_ns = spry_timers_next(&loop->timers);
    uint64_t now_ns;

    if (next_ns == SPRY_NEVER)
        return;
    now_ns = spry_clock_ns();
    if (next_ns <= now_ns)
        loop->done++;
    spry_timers_run(&loop->timers, now_ns);
}

/*
 * One turn of the poller: waits for events or the first timer, `limit_ns` at most, then runs what they
 * lead to.
 */
static void loop_poll(struct loop *loop, struct waiter *self, uint64_t limit_ns)
{
    uint64_t next_ns = spry_timers_next(&loop->timers);

    loop->poll_deadline_ns = loop_busy(loop) ? 0 : next_ns < limit_ns ? next_ns : limit_ns;
    if (poll_in_kernel(loop)) {
        struct task_queue completed = {NULL, NULL};

        spry_port_prepare(&loop->port);
        self->place = WAITER_POLLING;
        spry_loop_unlock(loop);
        spry_port_wait(&loop->port, loop->poll_deadline_ns, &completed);
        spry_mutex_lock(&loop->lock);
        self->place = WAITER_AWAKE;
        spry_tasks_splice(&loop->completed, &completed);
        retired_free(loop);
    } else {
        waiter_doze(loop, self, loop->poll_deadline_ns);
    }
    timers_run(loop);
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
    spry_waiter_fini(&waiter, loop);
}

void spry_loop_called(struct loop *loop, struct caller *caller)
{
    if (!spry_caller_settles(loop, caller)) {
        onlookers_look(loop);
        poller_check(loop); /* the next callback may take long */
        return;
    }
    loop_settle(loop);
    poller_check(loop);
    if (!spry_tasks_empty(&loop->callbacks))
        loop_glance(loop);
}

/* ---- threads that block ---- */

/*
 * The caller's request is done, and it wants the role no more. When the poller sleeps on its condition,
 * the role is taken from it here, so that whoever blocks next gets it without another switch of threads.
 */
static void waiter_finished(struct request *request)
{
    struct waiter *waiter = SPRY_CONTAINER(request, struct waiter, request);
    struct loop *loop = SPRY_CONTAINER(request->timers, struct loop, timers);

    spry_list_remove(&waiter->node);
    if (loop->poller == waiter && waiter->place == WAITER_ASLEEP)
        poller_promote(loop);
    waiter_rouse(loop, waiter);
}

void spry_waiter_init(struct waiter *waiter, struct loop *loop)
{
    spry_request_init(&waiter->request, &loop->timers, waiter_finished);
    spry_list_init(&waiter->node);
    waiter->runner = NULL;
    waiter->place = WAITER_AWAKE;
    waiter->lent = loop->seats_free;
    if (waiter->lent != NULL)
        loop->seats_free = waiter->lent->next;
    else
        spry_seat_init(&waiter->own);
}

void spry_waiter_fini(struct waiter *waiter, struct loop *loop)
{
    if (waiter->lent == NULL) {
        spry_seat_fini(&waiter->own);
        return;
    }
    waiter->lent->next = loop->seats_free;
    loop->seats_free = waiter->lent;
}

void spry_runner_begin(struct loop *loop, struct runner *runner, struct waiter *waiter)
{
    spry_list_init(&runner->node);
    if (loop->watchman_state != WATCHMAN_AWAY || !spry_caller_nests(loop))
        return;
    spry_thread_self(&runner->thread);
    runner->caller = (struct caller){.thread = &runner->thread};
    spry_list_init(&runner->caller.node);
    runner->waiter = waiter;
    waiter->runner = runner;
    spry_list_push(&loop->runners, &runner->node);
}

void spry_runner_end(struct runner *runner)
{
    spry_list_remove(&runner->node);
}

static bool runner_due(const struct loop *loop, const struct waiter *waiter)
{
    return waiter->runner != NULL && !spry_tasks_empty(&loop->callbacks);
}

/* Runs a callback, if the waiter may and one is due. It may last, so others have the role meanwhile. */
static bool runner_call(struct loop *loop, struct waiter *waiter)
{
    if (!runner_due(loop, waiter))
        return false;
    if (loop->poller == waiter)
        poller_promote(loop);
    spry_caller_run(loop, &waiter->runner->caller, spry_tasks_pop(&loop->callbacks));
    spry_loop_called(loop, &waiter->runner->caller);
    return true;
}

/* Sleeps until the request is done, the role is ours or there is a callback for us. */
static void waiter_sleep(struct loop *loop, struct waiter *waiter)
{
    spry_list_push(&loop->sleepers, &waiter->node);
    if (loop->poller == &loop->watchman && loop->asyncs == 0)
        waiter_rouse(loop, &loop->watchman);
    while (!waiter->request.done && loop->poller != waiter && !runner_due(loop, waiter))
        waiter_doze(loop, waiter, SPRY_NEVER);
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
        if (runner_call(loop, waiter))
            continue;
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
    spry_waiter_fini(waiter, loop);
    return waiter->request.result;
}

/* ---- the program in the watchman's place ---- */

/* One sleep among those who would have the role. */
static void waiter_sleep_once(struct loop *loop, struct waiter *waiter, uint64_t until_ns)
{
    spry_list_push(&loop->sleepers, &waiter->node);
    waiter_doze(loop, waiter, until_ns);
    spry_list_remove(&waiter->node);
}

/* A turn as the poller, or a sleep while another one is; then callbacks. False: nothing was done. */
static bool run_turn(struct loop *loop, struct waiter *waiter, uint64_t until_ns)
{
    uint32_t done = loop->done;
    int calls = 0;

    if (runner_due(loop, waiter))
        until_ns = 0;
    if (loop->poller == NULL)
        poller_set(loop, waiter);
    if (loop->poller == waiter) {
        loop_poll(loop, waiter, until_ns);
    } else {
        poller_check(loop);
        waiter_sleep_once(loop, waiter, until_ns);
    }
    while (calls < RUN_CALLBACKS_MAX && runner_call(loop, waiter))
        calls++;
    return calls > 0 || loop->done != done;
}

int spry_loop_run(struct loop *loop, uint64_t until_ns)
{
    struct waiter waiter;
    struct runner runner;
    bool done;
    bool over;

    if (loop->watchman_state == WATCHMAN_NONE)
        return NNG_ECLOSED;
    spry_waiter_init(&waiter, loop);
    spry_runner_begin(loop, &runner, &waiter);
    do {
        done = run_turn(loop, &waiter, until_ns);
        over = loop->watchman_state == WATCHMAN_NONE || loop_deserted(loop);
    } while (!done && !over && spry_clock_ns() < until_ns);
    if (loop->poller == &waiter)
        poller_promote(loop);
    spry_runner_end(&runner);
    spry_waiter_fini(&waiter, loop);
    if (done)
        return 0;
    return over ? NNG_ECLOSED : NNG_ETIMEDOUT;
}

/* ---- the watchman ---- */

static void watchman_sleep(struct loop *loop, enum watchman_state state, uint64_t deadline_ns)
{
    loop->watchman_state = (uint8_t)state;
    waiter_doze(loop, &loop->watchman, deadline_ns);
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

static bool watchman_over(struct loop *loop)
{
    if (!loop_over(loop))
        return false;
    loop_close(loop);
    loop->watchman_left = !spry_list_empty(&loop->enders);
    if (!loop->watchman_left)
        spry_thread_detach(&loop->watchman_thread);
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
        spry_loop_unlock(loop);
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
    spry_loop_unlock(loop);
}

void spry_loop_callback(struct loop *loop, struct task *task)
{
    spry_tasks_push(&loop->callbacks, task);
    waiter_rouse(loop, &loop->watchman);
    runners_rouse(loop);
    spry_callers_check(loop);
}

/* Once for the process: nothing is kept for them. */
static void seats_init(struct loop *loop)
{
    for (unsigned i = 0; i < LOOP_SEATS && !loop->seated; i++) {
        spry_seat_init(&loop->seats[i].seat);
        loop->seats[i].next = loop->seats_free;
        loop->seats_free = &loop->seats[i];
    }
    loop->seated = true;
}

static int watchman_start(struct loop *loop)
{
    loop->watchman_thread = (struct thread){.run = watchman_main, .argument = loop};
    return spry_thread_start(&loop->watchman_thread);
}

/*
 * In the child of a fork, with its only thread: the loop is as before its first socket. What it had is
 * the parent's, and so are the threads that would have freed it.
 */
static void loop_forget(void)
{
    uint32_t forks = the_loop.forks + 1;
    bool threadless = the_loop.threadless;

    if (the_loop.watchman_state != WATCHMAN_NONE)
        spry_fork_drop(&the_loop.port);
    spry_budget_forget();
    spry_spare_forget();
    memset((char *)&the_loop + offsetof(struct loop, port), 0,
           sizeof(the_loop) - offsetof(struct loop, port));
    spry_list_init(&the_loop.sleepers);
    spry_list_init(&the_loop.enders);
    spry_list_init(&the_loop.callers);
    spry_list_init(&the_loop.onlookers);
    spry_list_init(&the_loop.runners);
    the_loop.threadless = threadless;
    the_loop.guarded = true;
    the_loop.forks = forks;
}

int spry_loop_hold(struct loop *loop)
{
    int rv;

    seats_init(loop);
    if (!loop->guarded) {
        spry_fork_guard(&loop->lock, loop_forget);
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
    spry_seat_init(&loop->watchman.own);
    spry_callers_init(loop);
    loop->watchman.place = WAITER_AWAKE;
    rv = loop->threadless ? 0 : watchman_start(loop);
    if (rv != 0) {
        spry_seat_fini(&loop->watchman.own);
        spry_idmap_fini(&loop->handles);
        spry_port_close(&loop->port);
        return rv;
    }
    loop->watchman_state = loop->threadless ? WATCHMAN_AWAY : WATCHMAN_AWAKE;
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

/* There is something to wait for. The role is let go when that is not what polling brings. */
static bool ender_waits(struct loop *loop, struct waiter *waiter)
{
    if (loop->poller == waiter && !enders_poll(loop))
        poller_promote(loop);
    loop_close_unwatched(loop);
    return loop_ending(loop);
}

/* One wait of a closer: as the poller if nobody is, else until that role or a word comes. */
static void ender_wait(struct loop *loop, struct waiter *waiter, uint64_t until_ns)
{
    bool polls = enders_poll(loop);

    if (polls && loop->poller == NULL)
        poller_set(loop, waiter);
    if (loop->poller == waiter) {
        loop_poll(loop, waiter, until_ns);
        return;
    }
    poller_check(loop);
    if (polls)
        spry_list_push(&loop->sleepers, &waiter->node);
    waiter_doze(loop, waiter, until_ns);
    spry_list_remove(&waiter->node);
}

void spry_loop_end(struct loop *loop)
{
    uint64_t until_ns = spry_clock_ns() + END_WAIT_NS;
    struct ender ender;

    spry_waiter_init(&ender.waiter, loop);
    spry_list_push(&loop->enders, &ender.node);
    loop_settle(loop);
    while (ender_waits(loop, &ender.waiter) && spry_clock_ns() < until_ns)
        ender_wait(loop, &ender.waiter, until_ns);
    spry_list_remove(&ender.node);
    if (loop->poller == &ender.waiter)
        poller_promote(loop);
    spry_waiter_fini(&ender.waiter, loop);
    watchman_join(loop);
}
