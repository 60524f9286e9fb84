/* Windows has no fork. */
#include "fork.h"

void spry_fork_guard(struct mutex *lock, void (*forget)(void))
{
    (void)lock;
    (void)forget;
}

void spry_fork_drop(struct port *port)
{
    (void)port;
}

void spry_fork_guard_leaf(struct mutex *leaf)
{
    (void)leaf;
}

void spry_fork_end(void)
{
}
