/* Where lines of a log go on POSIX systems. */
#include "platform.h"

#include <stddef.h>
#include <syslog.h>
#include <unistd.h>

bool spry_stderr_has_colours(void)
{
    return isatty(STDERR_FILENO) == 1;
}

/* The system's numbers are those of RFC 5424, the facility above three bits of severity. */
void spry_system_log(unsigned severity, unsigned facility, const char *id, const char *text)
{
    int priority = (int)(facility << 3 | severity);

    if (id != NULL)
        syslog(priority, "%s: %s", id, text);
    else
        syslog(priority, "%s", text);
}
