/* The log: a level, a facility and a function that gets what passes. The library logs nothing. */
#include <nng/nng.h>

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

enum { LINE_BYTES = 1024 }; /* a message, with its NUL; the rest is cut off */

static atomic_int level_max = NNG_LOG_NOTICE;
static atomic_int facility_now = NNG_LOG_USER;
static _Atomic(nng_logger) logger_now = nng_null_logger;

void nng_null_logger(nng_log_level level, nng_log_facility facility, const char *id,
                     const char *text)
{
    (void)level;
    (void)facility;
    (void)id;
    (void)text;
}

nng_log_level nng_log_get_level(void)
{
    return (nng_log_level)atomic_load(&level_max);
}

void nng_log_set_level(nng_log_level level)
{
    atomic_store(&level_max, (int)level);
}

void nng_log_set_facility(nng_log_facility facility)
{
    atomic_store(&facility_now, (int)facility);
}

void nng_log_set_logger(nng_logger logger)
{
    atomic_store(&logger_now, logger != NULL ? logger : nng_null_logger);
}

static void log_write(nng_log_level level, int facility, const char *id, const char *format,
                      va_list arguments)
{
    nng_logger logger = atomic_load(&logger_now);
    char line[LINE_BYTES];

    if (logger == nng_null_logger || format == NULL || level <= NNG_LOG_NONE ||
        (int)level > atomic_load(&level_max))
        return;
    if (vsnprintf(line, sizeof(line), format, arguments) >= 0)
        logger(level, (nng_log_facility)facility, id, line);
}

#define LOG_AT(name, level)                                                                        \
    void name(const char *id, const char *format, ...)                                             \
    {                                                                                              \
        va_list arguments;                                                                         \
                                                                                                   \
        va_start(arguments, format);                                                               \
        log_write(level, atomic_load(&facility_now), id, format, arguments);                       \
        va_end(arguments);                                                                         \
    }

LOG_AT(nng_log_err, NNG_LOG_ERR)
LOG_AT(nng_log_warn, NNG_LOG_WARN)
LOG_AT(nng_log_notice, NNG_LOG_NOTICE)
LOG_AT(nng_log_info, NNG_LOG_INFO)
LOG_AT(nng_log_debug, NNG_LOG_DEBUG)

void nng_log_auth(nng_log_level level, const char *id, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    log_write(level, NNG_LOG_AUTH, id, format, arguments);
    va_end(arguments);
}
