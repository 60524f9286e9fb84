/* The logger that writes to the standard error stream, a line for each message. */
#include "platform.h"

#include <nng/nng.h>

#include <stdio.h>
#include <stdlib.h>

struct look {
    const char *word;
    const char *colour; /* the ANSI sequence that begins it */
};

static struct look level_look(nng_log_level level)
{
    switch (level) {
    case NNG_LOG_NONE:
        return (struct look){"NONE", ""};
    case NNG_LOG_ERR:
        return (struct look){"ERROR", "\033[31m"};
    case NNG_LOG_WARN:
        return (struct look){"WARN", "\033[33m"};
    case NNG_LOG_NOTICE:
        return (struct look){"NOTICE", "\033[1m"};
    case NNG_LOG_INFO:
        return (struct look){"INFO", ""};
    case NNG_LOG_DEBUG:
        return (struct look){"DEBUG", "\033[36m"};
    }
    return (struct look){"LOG", ""}; /* the program's own number */
}

static bool colours_wanted(void)
{
    return getenv("NNG_LOG_NO_COLOR") == NULL && getenv("NO_COLOR") == NULL &&
           spry_stderr_has_colours();
}

/* One call of the C library for the whole line, so that lines of several threads do not mix. */
void nng_stderr_logger(nng_log_level level, nng_log_facility facility, const char *id,
                       const char *text)
{
    struct look look = level_look(level);
    bool coloured = look.colour[0] != '\0' && colours_wanted();

    (void)facility;
    (void)fprintf(stderr, "%s[%s]%s %s%s%s\n", coloured ? look.colour : "", look.word,
                  coloured ? "\033[0m" : "", id != NULL ? id : "", id != NULL ? ": " : "",
                  text != NULL ? text : "");
}
