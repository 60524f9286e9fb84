/* The C library's own, which kernel.h hides. */
#include <arpa/inet.h>

int sim_real_pton6(const char *text, void *out);

int sim_real_pton6(const char *text, void *out)
{
    return inet_pton(AF_INET6, text, out);
}
