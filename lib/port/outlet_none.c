/* Where a port's events are not a descriptor's (poll, Windows). */
#include "outlet.h"

#include <nng/nng.h>

int spry_outlet_open(struct outlet *outlet, const struct port *port)
{
    (void)outlet;
    (void)port;
    return NNG_ENOTSUP;
}

void spry_outlet_close(struct outlet *outlet)
{
    (void)outlet;
}
