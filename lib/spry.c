/* How the library as a whole runs: what the program says before its first socket. */
#include <spry.h>

#include "bounds.h"
#include "loop.h"

int spry_init(const spry_options *options)
{
    static const spry_options defaults = SPRY_OPTIONS_INITIALIZER;
    struct loop *loop;
    int rv = 0;

    if (options == NULL)
        options = &defaults;
    if (options->threads > 1 || !spry_bounds_legal(options))
        return NNG_EINVAL;
    loop = spry_loop_enter();
    if (loop->watchman_state != WATCHMAN_NONE) {
        rv = NNG_EBUSY;
    } else {
        loop->threadless = options->threads == 0;
        spry_bounds_set(options);
    }
    spry_loop_leave(loop);
    return rv;
}
