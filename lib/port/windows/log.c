/*
 * Where lines of a log go on Windows: to whoever debugs the program. The event log would want a
 * source registered with the system.
 */
#include "platform.h"

#include <windows.h>

/* A console shows them only after it was told to, which is the program's affair. */
bool spry_stderr_has_colours(void)
{
    return false;
}

void spry_system_log(unsigned severity, unsigned facility, const char *id, const char *text)
{
    (void)severity;
    (void)facility;
    if (id != NULL) {
        OutputDebugStringA(id);
        OutputDebugStringA(": ");
    }
    OutputDebugStringA(text);
    OutputDebugStringA("\n");
}
