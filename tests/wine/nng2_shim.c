/*
 * What a static library built by MSVC wants of its C runtime, on top of mingw-w64's msvcrt.
 *
 * Enough for nng.lib of the PyPI package nng 0.2.0, and no more. The names are those that the
 * linker asks for: __imp_NAME is the pointer through which MSVC calls a function of a runtime DLL.
 * The warnings about reserved and undeclared names are the point of this file, so they are off.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

/*
 * Called at a function's end with the cookie in rcx and the result in rax and xmm0: must change
 * nothing.
 */
uintptr_t __security_cookie = 0x2b992ddfa232;

__asm__(".globl __security_check_cookie\n"
        "__security_check_cookie:\n"
        "    cmp __security_cookie(%rip), %rcx\n"
        "    jne 1f\n"
        "    ret\n"
        "1:  call abort\n");

/* Both probe rax bytes of the stack and change no register. */
__asm__(".globl __chkstk\n"
        "__chkstk:\n"
        "    jmp ___chkstk_ms\n");

/* Looks for a spoilt cookie while an exception unwinds; 1 is ExceptionContinueSearch. */
int __GSHandlerCheck(void *record, void *frame, void *context, void *dispatch)
{
    (void)record, (void)frame, (void)context, (void)dispatch;
    return 1;
}

/*
 * The printf family. MSVC's headers define it inline, on top of __stdio_common_v*, in every object
 * that uses it; the linker drops those copies, so the names must be here too.
 */
uint64_t *__local_stdio_printf_options(void)
{
    static uint64_t options;

    return &options;
}

int shim_snprintf(char *text, size_t size, const char *format, ...) __asm__("snprintf");
int shim_old_snprintf(char *text, size_t size, const char *format, ...) __asm__("_snprintf");
int shim_vsnprintf(char *text, size_t size, const char *format, va_list) __asm__("vsnprintf");
int shim_fprintf(FILE *file, const char *format, ...) __asm__("fprintf");

int shim_snprintf(char *text, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = __mingw_vsnprintf(text, size, format, args);
    va_end(args);
    return length;
}

int shim_old_snprintf(char *text, size_t size, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = __mingw_vsnprintf(text, size, format, args);
    va_end(args);
    return length;
}

int shim_vsnprintf(char *text, size_t size, const char *format, va_list args)
{
    return __mingw_vsnprintf(text, size, format, args);
}

int shim_fprintf(FILE *file, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = __mingw_vfprintf(file, format, args);
    va_end(args);
    return length;
}

/* snprintf as C99 has it: mingw's own, since msvcrt's returns -1 when the text is cut. */
static int shim_vsprintf(uint64_t options, char *text, size_t size, const char *format,
                         void *locale, va_list args)
{
    (void)options, (void)locale;
    return __mingw_vsnprintf(text, size, format, args);
}

static int shim_vfprintf(uint64_t options, FILE *file, const char *format, void *locale,
                         va_list args)
{
    (void)options, (void)locale;
    return __mingw_vfprintf(file, format, args);
}

struct shim_timespec {
    int64_t seconds;
    long nanoseconds;
};

/* base is 1, TIME_UTC. FILETIME counts 100 ns since 1601. */
static int shim_timespec_get(struct shim_timespec *ts, int base)
{
    FILETIME now;
    uint64_t ticks;

    GetSystemTimeAsFileTime(&now);
    ticks = ((uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime) - 116444736000000000u;
    ts->seconds = (int64_t)(ticks / 10000000u);
    ts->nanoseconds = (long)(ticks % 10000000u) * 100;
    return base;
}

static size_t shim_strnlen(const char *text, size_t size)
{
    const char *end = memchr(text, 0, size);

    return end != NULL ? (size_t)(end - text) : size;
}

void *__imp___stdio_common_vsprintf = (void *)shim_vsprintf;
void *__imp___stdio_common_vfprintf = (void *)shim_vfprintf;
void *__imp__timespec64_get = (void *)shim_timespec_get;
void *__imp_strnlen = (void *)shim_strnlen;
void *__imp_strtoull = (void *)strtoull;
