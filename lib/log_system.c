/* The logger that hands over to the system's log. */
#include "platform.h"

#include <nng/nng.h>

#include <stddef.h>

enum { SEVERITIES = 8, FACILITIES = 24 }; /* of RFC 5424 */

void nng_system_logger(nng_log_level level, nng_log_facility facility, const char *id,
                       const char *text)
{
    unsigned severity = (unsigned)level < SEVERITIES ? (unsigned)level : NNG_LOG_DEBUG;
    unsigned from = (unsigned)facility < FACILITIES ? (unsigned)facility : NNG_LOG_USER;

    spry_system_log(severity, from, id, text != NULL ? text : "");
}
