/* Names of threads where no call is known for them. */
#include "platform.h"

void spry_thread_name(struct thread *thread, const char *name)
{
    (void)thread;
    (void)name;
}
