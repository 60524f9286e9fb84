/* Statistics as text, for those who ask; apart from stat.c, for printf is not small. */
#include <nng/nng.h>

#include <inttypes.h>
#include <stdio.h>

static const char *unit_text(int unit)
{
    switch (unit) {
    case NNG_UNIT_BYTES:
        return " bytes";
    case NNG_UNIT_MESSAGES:
        return " msgs";
    case NNG_UNIT_MILLIS:
        return " ms";
    case NNG_UNIT_EVENTS:
        return " events";
    default:
        return "";
    }
}

static void value_dump(nng_stat *stat)
{
    (void)printf("        %-32s", nng_stat_name(stat));
    if (nng_stat_type(stat) == NNG_STAT_STRING)
        (void)printf("\"%s\"\n", nng_stat_string(stat));
    else
        (void)printf("%" PRIu64 "%s\n", nng_stat_value(stat), unit_text(nng_stat_unit(stat)));
}

static void scope_dump(nng_stat *scope)
{
    if (nng_stat_name(scope)[0] != '\0')
        (void)printf("\n%s#%" PRIu64 ":\n", nng_stat_name(scope), nng_stat_value(scope));
    for (nng_stat *child = nng_stat_child(scope); child != NULL; child = nng_stat_next(child)) {
        if (nng_stat_type(child) == NNG_STAT_SCOPE)
            scope_dump(child);
        else
            value_dump(child);
    }
}

void nng_stats_dump(nng_stat *tree)
{
    if (nng_stat_type(tree) == NNG_STAT_SCOPE)
        scope_dump(tree);
    else
        value_dump(tree);
}
