/* Parses the command line of a program. */
#ifndef NNG_SUPPLEMENTAL_UTIL_OPTIONS_H
#define NNG_SUPPLEMENTAL_UTIL_OPTIONS_H

#include <nng/nng.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One option. An entry whose o_val is 0 ends the table. */
struct nng_optspec {
    const char *o_name; /* without its dashes; NULL: there is only the letter */
    int o_short;        /* the letter, 0: there is only the name */
    int o_val;          /* what nng_opts_parse gives for it, not 0 */
    bool o_arg;         /* takes a value */
};

typedef struct nng_optspec nng_optspec;

/*
 * Looks at argv[*optidx], `*optidx` being 1 for the first call: a word `-x` or `--name`, of a name
 * any part that no other begins with. A value follows in the same word, `-xVALUE`, `--name=VALUE` or
 * `--name:VALUE`, or is the next word, whatever that is. Letters cannot be joined.
 *
 * Returns    0 with `*val`, and `*optarg` if the option takes a value, and `*optidx` behind it all;
 *            -1 at the end of the options: no word left, one without a dash, or a `-` alone, which
 *            is passed over. `--` is no end, but a name of which nothing is given.
 *            NNG_EINVAL      no such option, or a value it does not take
 *            NNG_EAMBIGUOUS  several names begin like this
 *            NNG_ENOARG      the value is missing
 *            On an error nothing is stored and `*optidx` is where it was.
 * Ownership  `*optarg` points into `argv`.
 */
NNG_DECL int nng_opts_parse(int argc, char *const *argv, const nng_optspec *specs, int *val,
                            char **optarg, int *optidx);

#ifdef __cplusplus
}
#endif

#endif
