/*
 * Command lines, a word at a time: `-x`, `-xVALUE`, `-x VALUE`, `--name`, `--name=VALUE`,
 * `--name:VALUE`, `--name VALUE`, and of a name as much as tells it from the others.
 */
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <nng/nng.h>
#include <nng/supplemental/util/options.h>

/* A word that was understood: its option, and the value in the same word or NULL. */
struct option_word {
    const nng_optspec *spec;
    char *value;
};

/* `name` follows the dashes. An exact match wins over all that begin alike. */
static int long_find(const nng_optspec *specs, char *name, struct option_word *word)
{
    size_t bytes = strcspn(name, "=:");
    const nng_optspec *found = NULL;
    bool ambiguous = false;

    for (const nng_optspec *spec = specs; spec->o_val != 0; spec++) {
        if (spec->o_name == NULL || strncmp(spec->o_name, name, bytes) != 0)
            continue;
        if (spec->o_name[bytes] == '\0') {
            found = spec;
            ambiguous = false;
            break;
        }
        ambiguous = found != NULL;
        found = spec;
    }
    if (found == NULL)
        return NNG_EINVAL;
    if (ambiguous)
        return NNG_EAMBIGUOUS;
    word->spec = found;
    word->value = name[bytes] != '\0' ? name + bytes + 1 : NULL;
    return 0;
}

/* `letter` follows the dash; whatever comes after it is a value. */
static int short_find(const nng_optspec *specs, char *letter, struct option_word *word)
{
    for (const nng_optspec *spec = specs; spec->o_val != 0; spec++) {
        if (spec->o_short == 0 || spec->o_short != (unsigned char)*letter)
            continue;
        word->spec = spec;
        word->value = letter[1] != '\0' ? letter + 1 : NULL;
        return 0;
    }
    return NNG_EINVAL;
}

int nng_opts_parse(int argc, char *const *argv, const nng_optspec *specs, int *val, char **optarg,
                   int *optidx)
{
    int next = *optidx;
    struct option_word word;
    char *text;
    int rv;

    if (next < 0 || next >= argc || argv[next] == NULL || argv[next][0] != '-')
        return -1;
    text = argv[next++] + 1;
    if (*text == '\0') {
        *optidx = next;
        return -1;
    }
    rv = *text == '-' ? long_find(specs, text + 1, &word) : short_find(specs, text, &word);
    if (rv != 0)
        return rv;
    if (word.value != NULL && !word.spec->o_arg)
        return NNG_EINVAL;
    if (word.value == NULL && word.spec->o_arg) {
        if (next >= argc)
            return NNG_ENOARG;
        word.value = argv[next++];
    }
    if (word.spec->o_arg)
        *optarg = word.value;
    *val = word.spec->o_val;
    *optidx = next;
    return 0;
}
