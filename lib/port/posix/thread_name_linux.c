/* Names of threads on Linux, in glibc and musl alike. */
#define _GNU_SOURCE /* pthread_setname_np */

#include "platform.h"

#include <string.h>

enum { NAME_BYTES = 16 }; /* the kernel's limit, with the NUL; a longer name is refused, not cut */

void spry_thread_name(struct thread *thread, const char *name)
{
    char cut[NAME_BYTES] = {0};

    memcpy(cut, name, strnlen(name, sizeof(cut) - 1));
    (void)pthread_setname_np(thread != NULL ? thread->handle.system : pthread_self(), cut);
}
