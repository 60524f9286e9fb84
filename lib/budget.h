/*
 * The receive budget: how much memory peers may make the library hold, in messages that are being
 * received or wait for the program. Such messages are charged for every block they have (msg.c), from
 * the moment it is asked for until it is freed or the message is handed over.
 *
 * Called     from any thread, with or without the loop lock.
 */
#ifndef SPRY_BUDGET_H
#define SPRY_BUDGET_H

#include <stdbool.h>
#include <stddef.h>

/* 0: no limit, and nothing is counted. Legal only while no socket is open. */
void spry_budget_set(size_t bytes);

/* Messages received are to be charged. */
bool spry_budget_is_set(void);

/*
 * False: no room. The last eighth is only for blocks of a small message, so that large ones that stall
 * do not keep small requests out.
 */
bool spry_budget_take(size_t bytes);

/* What was taken is free again. */
void spry_budget_give(size_t bytes);

/* In the child of a fork: the messages that were charged are its parent's. */
void spry_budget_forget(void);

#endif
