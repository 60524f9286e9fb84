/*
 * Error codes as text, and the version. Codes without a text of their own are written into a buffer
 * of the calling thread, so that no two threads ever share one.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <nng/nng.h>

#define DIGITS(x)                    #x
#define VERSION(major, minor, patch) DIGITS(major) "." DIGITS(minor) "." DIGITS(patch)

/* Indexed by code; "Object closed" and "Timed out" are compared by existing programs. */
static const char *const error_texts[] = {
    [0] = "Success",
    [NNG_EINTR] = "Interrupted",
    [NNG_ENOMEM] = "Out of memory",
    [NNG_EINVAL] = "Invalid argument",
    [NNG_EBUSY] = "Resource busy",
    [NNG_ETIMEDOUT] = "Timed out",
    [NNG_ECONNREFUSED] = "Connection refused",
    [NNG_ECLOSED] = "Object closed",
    [NNG_EAGAIN] = "Try again",
    [NNG_ENOTSUP] = "Not supported",
    [NNG_EADDRINUSE] = "Address in use",
    [NNG_ESTATE] = "Incorrect state",
    [NNG_ENOENT] = "Entry not found",
    [NNG_EPROTO] = "Protocol error",
    [NNG_EUNREACHABLE] = "Destination unreachable",
    [NNG_EADDRINVAL] = "Address invalid",
    [NNG_EPERM] = "Permission denied",
    [NNG_EMSGSIZE] = "Message too large",
    [NNG_ECONNABORTED] = "Connection aborted",
    [NNG_ECONNRESET] = "Connection reset",
    [NNG_ECANCELED] = "Operation canceled",
    [NNG_ENOFILES] = "Out of files",
    [NNG_ENOSPC] = "Out of space",
    [NNG_EEXIST] = "Resource already exists",
    [NNG_EREADONLY] = "Read only resource",
    [NNG_EWRITEONLY] = "Write only resource",
    [NNG_ECRYPTO] = "Cryptographic error",
    [NNG_EPEERAUTH] = "Peer could not be authenticated",
    [NNG_ENOARG] = "Option requires argument",
    [NNG_EAMBIGUOUS] = "Ambiguous option",
    [NNG_EBADTYPE] = "Incorrect type",
    [NNG_ECONNSHUT] = "Connection shutdown",
};

const char *nng_strerror(int code)
{
    static _Thread_local char text[40];

    if (code >= 0 && (size_t)code < sizeof(error_texts) / sizeof(error_texts[0]))
        return error_texts[code];
    if (code == NNG_EINTERNAL)
        return "Internal error";
    /* For known numbers strerror shares no buffer in glibc, musl, UCRT and the BSDs. */
    if (code >= NNG_ESYSERR && code < NNG_ETRANERR)
        return strerror(code - NNG_ESYSERR);
    if (code >= NNG_ETRANERR)
        (void)snprintf(text, sizeof(text), "Transport error #%d", code - NNG_ETRANERR);
    else
        (void)snprintf(text, sizeof(text), "Unknown error #%d", code);
    return text;
}

const char *nng_version(void)
{
    return VERSION(NNG_MAJOR_VERSION, NNG_MINOR_VERSION, NNG_PATCH_VERSION) NNG_RELEASE_SUFFIX;
}
