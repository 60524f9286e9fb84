/* The one translation of Win32 and Winsock errors to NNG_E*. */
#include "system.h"

#include <nng/nng.h>

#include <winsock2.h>

#include <windows.h>

#include <stddef.h>

enum { HANDLES_CLOSED = 676 }; /* ERROR_HANDLES_CLOSED, which not all headers have */

/* Two kinds of op hear of the peer's end in words of their own. */
static int end_of_peer(uint32_t code, enum op_kind kind)
{
    if (code == ERROR_BROKEN_PIPE && kind == OP_READ)
        return NNG_ECONNSHUT;
    if (code == ERROR_NO_DATA && kind == OP_CONNECT)
        return NNG_ECONNABORTED; /* a client came to an instance, and left */
    return NNG_ECONNRESET;
}

int spry_system_error(uint32_t code, enum op_kind kind)
{
    static const struct {
        uint32_t system;
        int nng;
    } map[] = {
        {ERROR_OPERATION_ABORTED, NNG_ECANCELED},
        {ERROR_IO_PENDING, NNG_ECONNABORTED}, /* of a packet: its outcome is lost (port.c) */
        {ERROR_FILE_NOT_FOUND, NNG_ECONNREFUSED},
        {ERROR_PATH_NOT_FOUND, NNG_ECONNREFUSED},
        {ERROR_PIPE_BUSY, NNG_EAGAIN},
        {ERROR_ACCESS_DENIED, NNG_EPERM},
        {ERROR_SHARING_VIOLATION, NNG_EBUSY},
        {ERROR_INVALID_NAME, NNG_EADDRINVAL},
        {ERROR_BAD_PATHNAME, NNG_EADDRINVAL},
        {ERROR_FILENAME_EXCED_RANGE, NNG_EADDRINVAL},
        {ERROR_INVALID_HANDLE, NNG_ECLOSED},
        {ERROR_NOT_ENOUGH_MEMORY, NNG_ENOMEM},
        {ERROR_OUTOFMEMORY, NNG_ENOMEM},
        {ERROR_NO_SYSTEM_RESOURCES, NNG_ENOMEM},
        {ERROR_NOT_ENOUGH_QUOTA, NNG_ENOMEM},
        {ERROR_TOO_MANY_OPEN_FILES, NNG_ENOFILES},
        {ERROR_INVALID_PARAMETER, NNG_EINVAL},
        {ERROR_NOT_SUPPORTED, NNG_ENOTSUP},
        {ERROR_INVALID_FUNCTION, NNG_ENOTSUP},
        {ERROR_SEM_TIMEOUT, NNG_ETIMEDOUT},
        {WAIT_TIMEOUT, NNG_ETIMEDOUT},
        {ERROR_TIMEOUT, NNG_ETIMEDOUT},
        {ERROR_CONNECTION_REFUSED, NNG_ECONNREFUSED},
        {ERROR_CONNECTION_ABORTED, NNG_ECONNABORTED},
        {ERROR_NETWORK_UNREACHABLE, NNG_EUNREACHABLE},
        {ERROR_HOST_UNREACHABLE, NNG_EUNREACHABLE},
        {ERROR_PORT_UNREACHABLE, NNG_ECONNREFUSED},
        {WSAEINTR, NNG_EINTR},
        {WSAEACCES, NNG_EPERM},
        {WSAEINVAL, NNG_EINVAL},
        {WSAEMFILE, NNG_ENOFILES},
        {WSAEADDRINUSE, NNG_EADDRINUSE},
        {WSAEADDRNOTAVAIL, NNG_EADDRINVAL},
        {WSAEAFNOSUPPORT, NNG_ENOTSUP},
        {WSAEPROTONOSUPPORT, NNG_ENOTSUP},
        {WSAEOPNOTSUPP, NNG_ENOTSUP},
        {WSAENOPROTOOPT, NNG_ENOTSUP},
        {WSAENETUNREACH, NNG_EUNREACHABLE},
        {WSAEHOSTUNREACH, NNG_EUNREACHABLE},
        {WSAECONNABORTED, NNG_ECONNABORTED},
        {WSAECONNREFUSED, NNG_ECONNREFUSED},
        {WSAENOBUFS, NNG_ENOMEM},
        {WSAENETDOWN, NNG_EUNREACHABLE},
        {WSAEHOSTDOWN, NNG_EUNREACHABLE},
        {WSAEWOULDBLOCK, NNG_EAGAIN},
        {ERROR_PIPE_LISTENING, NNG_EINTERNAL},
        {WSAETIMEDOUT, NNG_ETIMEDOUT},
        {WSAENOTSOCK, NNG_ECLOSED},
    };

    switch (code) {
    case ERROR_SUCCESS:
        return 0;
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
    case ERROR_PIPE_NOT_CONNECTED:
    case ERROR_BAD_PIPE:
    case ERROR_NETNAME_DELETED:
    case ERROR_GRACEFUL_DISCONNECT:
    case HANDLES_CLOSED:
    case WSAECONNRESET:
    case WSAENETRESET:
    case WSAESHUTDOWN:
    case WSAENOTCONN:
        return end_of_peer(code, kind);
    default:
        break;
    }
    for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
        if (map[i].system == code)
            return map[i].nng;
    }
    return NNG_ESYSERR + (int)(code & 0x0fffffff);
}
