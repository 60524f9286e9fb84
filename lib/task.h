/* Work that waits its turn: a link and what to do. One queue at a time may hold a task. */
#ifndef SPRY_TASK_H
#define SPRY_TASK_H

#include <stdbool.h>
#include <stddef.h>

struct task {
    struct task *next;
    void (*run)(struct task *task);
};

struct task_queue {
    struct task *head;
    struct task **tail; /* NULL while nothing was ever pushed, so that a zeroed queue is empty */
};

static inline bool spry_tasks_empty(const struct task_queue *queue)
{
    return queue->head == NULL;
}

static inline void spry_tasks_push(struct task_queue *queue, struct task *task)
{
    if (queue->head == NULL)
        queue->tail = &queue->head;
    task->next = NULL;
    *queue->tail = task;
    queue->tail = &task->next;
}

/* NULL when empty. */
static inline struct task *spry_tasks_pop(struct task_queue *queue)
{
    struct task *task = queue->head;

    if (task != NULL)
        queue->head = task->next;
    return task;
}

/* Moves all of `from` behind what `to` holds. */
static inline void spry_tasks_splice(struct task_queue *to, struct task_queue *from)
{
    if (from->head == NULL)
        return;
    if (to->head == NULL)
        to->tail = &to->head;
    *to->tail = from->head;
    to->tail = from->tail;
    from->head = NULL;
}

#endif
