/* The library as a whole: there is nothing to begin, and nothing is left once all is closed. */
#define NNG_DEPRECATED /* nng_closeall is old, and does what is wanted */

#include <nng/nng.h>

void nng_fini(void)
{
    nng_closeall();
}

void nng_init_set_parameter(nng_init_parameter parameter, uint64_t value)
{
    (void)parameter;
    (void)value;
}
