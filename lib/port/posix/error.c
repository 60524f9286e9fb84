/* The one translation of errno to NNG_E*. */
#include "backend.h"

#include <nng/nng.h>

#include <errno.h>

int spry_system_error(int code)
{
    static const struct {
        int system;
        int nng;
    } map[] = {
        {EINTR, NNG_EINTR},
        {EINVAL, NNG_EINVAL},
        {ENAMETOOLONG, NNG_EINVAL},
        {ENOMEM, NNG_ENOMEM},
        {ENOBUFS, NNG_ENOMEM},
        {EACCES, NNG_EPERM},
        {EPERM, NNG_EPERM},
        {EADDRINUSE, NNG_EADDRINUSE},
        {EADDRNOTAVAIL, NNG_EADDRINVAL},
        {EAFNOSUPPORT, NNG_ENOTSUP},
        {ENOPROTOOPT, NNG_ENOTSUP},
        {ENOSYS, NNG_ENOTSUP},
        {EOPNOTSUPP, NNG_ENOTSUP},
        {EPROTONOSUPPORT, NNG_ENOTSUP},
        {EAGAIN, NNG_EAGAIN},
        {EBADF, NNG_ECLOSED},
        {EPIPE, NNG_ECLOSED},
        {EBUSY, NNG_EBUSY},
        {ECONNABORTED, NNG_ECONNABORTED},
        {ECONNREFUSED, NNG_ECONNREFUSED},
        {ECONNRESET, NNG_ECONNRESET},
        {EHOSTUNREACH, NNG_EUNREACHABLE},
        {ENETUNREACH, NNG_EUNREACHABLE},
        {ENOENT, NNG_ENOENT},
        {EPROTO, NNG_EPROTO},
        {ETIMEDOUT, NNG_ETIMEDOUT},
        {ENOSPC, NNG_ENOSPC},
        {EFBIG, NNG_ENOSPC},
        {EDQUOT, NNG_ENOSPC},
        {ENFILE, NNG_ENOFILES},
        {EMFILE, NNG_ENOFILES},
        {EEXIST, NNG_EEXIST},
    };

    if (code == 0)
        return 0;
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if (map[i].system == code)
            return map[i].nng;
    }
    return NNG_ESYSERR + code;
}
