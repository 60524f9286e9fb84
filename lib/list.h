/* Intrusive doubly linked list: a ring through a head, so that a node leaves without knowing its list. */
#ifndef SPRY_LIST_H
#define SPRY_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

/* The object of `type` whose member `member` is at `pointer`. */
#define SPRY_CONTAINER(pointer, type, member)                                                      \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* Makes an empty head, or a node that is in no list. */
static inline void spry_list_init(struct list *head)
{
    head->next = head;
    head->prev = head;
}

/* For a head: no members. For a node: in no list. */
static inline bool spry_list_empty(const struct list *head)
{
    return head->next == head;
}

static inline void spry_list_push(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

/* Legal on a node that is in no list. */
static inline void spry_list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    spry_list_init(node);
}

/* NULL when empty; the node stays in the list. */
static inline struct list *spry_list_first(const struct list *head)
{
    return spry_list_empty(head) ? NULL : head->next;
}

/* The same of the other end. */
static inline struct list *spry_list_last(const struct list *head)
{
    return spry_list_empty(head) ? NULL : head->prev;
}

#endif
