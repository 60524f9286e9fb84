/* Windows has no fork. */
#include "fork.h"

void spry_fork_guard(struct mutex *lock, struct port *port, void (*forget)(void))
{
    (void)lock;
    (void)port;
    (void)forget;
}

void spry_fork_guard_leaf(struct mutex *leaf)
{
    (void)leaf;
}

void spry_fork_end(void)
{
}
