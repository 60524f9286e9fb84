/* Command lines; what a table says was also seen of nng 1.5.2. */
#include <stdlib.h>
#include <string.h>

#include <check.h>

#include <nng/nng.h>
#include <nng/supplemental/util/options.h>

enum { UNTOUCHED = -77 };

// clang-format off
static const nng_optspec options[] = {
    {"flag", 'f', 1, false},
    {"flagship", 0, 2, false},
    {"value", 'v', 3, true},
    {"verbose", 0, 4, false},
    {NULL, 'n', 5, true},
    {"re", 'r', 6, false},
    {"req", 0, 7, true},
    {"same-a", 0, 8, false},
    {"same-b", 0, 8, false},
    {"same", 0, 11, false},
    {"odd=name", 0, 9, false},
    {"wide", 0xe9, 10, false},
    {NULL, 0, 0, false},
};

static const nng_optspec only[] = {{"only", 'x', 1, false}, {NULL, '-', 2, false}, {NULL, 0, 0, false}};
static const nng_optspec nothing[] = {{NULL, 0, 0, false}};

/* `next` is a second word of every command line; `taken`: how many words the option takes. */
static const struct {
    const nng_optspec *specs;
    const char *word, *next;
    int rv, val, taken;
    const char *arg;
} cases[] = {
    {options, "-f", "next", 0, 1, 1, NULL},
    {options, "--flag", "next", 0, 1, 1, NULL},
    {options, "--flagship", "next", 0, 2, 1, NULL},
    {options, "--flags", "next", 0, 2, 1, NULL},
    {options, "--fl", "next", NNG_EAMBIGUOUS, UNTOUCHED, 0, NULL},
    {options, "--flag=", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "--FLAG", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "--flagshipp", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "-fx", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "-ff", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "-q", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "-v", NULL, NNG_ENOARG, UNTOUCHED, 0, NULL},
    {options, "-v", "next", 0, 3, 2, "next"},
    {options, "-v", "-f", 0, 3, 2, "-f"},
    {options, "-v", "", 0, 3, 2, ""},
    {options, "-vX", "next", 0, 3, 1, "X"},
    {options, "-v=X", "next", 0, 3, 1, "=X"},
    {options, "-nX", "next", 0, 5, 1, "X"},
    {options, "--value", NULL, NNG_ENOARG, UNTOUCHED, 0, NULL},
    {options, "--value", "next", 0, 3, 2, "next"},
    {options, "--value=", "next", 0, 3, 1, ""},
    {options, "--value=a=b", "next", 0, 3, 1, "a=b"},
    {options, "--value:a", "next", 0, 3, 1, "a"},
    {options, "--value:=a", "next", 0, 3, 1, "=a"},
    {options, "--val=z", "next", 0, 3, 1, "z"},
    {options, "--v", "next", NNG_EAMBIGUOUS, UNTOUCHED, 0, NULL},
    {options, "--verbose:", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "--n", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "--re", "next", 0, 6, 1, NULL},
    {options, "--re=1", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "--req", "next", 0, 7, 2, "next"},
    {options, "--r", "next", NNG_EAMBIGUOUS, UNTOUCHED, 0, NULL},
    {options, "--same", "next", 0, 11, 1, NULL},
    {options, "--same-", "next", NNG_EAMBIGUOUS, UNTOUCHED, 0, NULL},
    {options, "--odd", "next", 0, 9, 1, NULL},
    {options, "--", "next", NNG_EAMBIGUOUS, UNTOUCHED, 0, NULL},
    {options, "--=v", "next", NNG_EAMBIGUOUS, UNTOUCHED, 0, NULL},
    {options, "---", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "-=", "next", NNG_EINVAL, UNTOUCHED, 0, NULL},
    {options, "-", "next", -1, UNTOUCHED, 1, NULL},
    {options, "plain", "next", -1, UNTOUCHED, 0, NULL},
    {options, "", "next", -1, UNTOUCHED, 0, NULL},
    {only, "--", NULL, 0, 1, 1, NULL},
    {only, "---", NULL, NNG_EINVAL, UNTOUCHED, 0, NULL},
    {only, "--=", NULL, NNG_EINVAL, UNTOUCHED, 0, NULL},
    {nothing, "--", NULL, NNG_EINVAL, UNTOUCHED, 0, NULL},
    {nothing, "-x", NULL, NNG_EINVAL, UNTOUCHED, 0, NULL},
    {nothing, "-", NULL, -1, UNTOUCHED, 1, NULL},
};
// clang-format on
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

START_TEST(a_word_is_read_as_the_table_says)
{
    char *argv[4] = {strdup("program"), strdup(cases[_i].word), NULL, NULL};
    int argc = cases[_i].next != NULL ? 3 : 2;
    int val = UNTOUCHED;
    char untouched;
    char *arg = &untouched;
    int index = 1;

    if (cases[_i].next != NULL)
        argv[2] = strdup(cases[_i].next);
    ck_assert_int_eq(nng_opts_parse(argc, argv, cases[_i].specs, &val, &arg, &index), cases[_i].rv);
    ck_assert_int_eq(val, cases[_i].val);
    ck_assert_int_eq(index, 1 + cases[_i].taken);
    if (cases[_i].arg == NULL)
        ck_assert_ptr_eq(arg, &untouched);
    else
        ck_assert_str_eq(arg, cases[_i].arg);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
}
END_TEST

START_TEST(a_command_line_is_read_to_the_first_plain_word)
{
    char words[][16] = {"program", "-f", "--value", "-x", "--re", "plain", "-f"};
    char *argv[7];
    int index = 1;
    int val;
    char *arg;

    for (int i = 0; i < 7; i++)
        argv[i] = words[i];
    ck_assert_int_eq(nng_opts_parse(7, argv, options, &val, &arg, &index), 0);
    ck_assert_int_eq(val, 1);
    ck_assert_int_eq(nng_opts_parse(7, argv, options, &val, &arg, &index), 0);
    ck_assert_int_eq(val, 3);
    ck_assert_ptr_eq(arg, words[3]);
    ck_assert_int_eq(nng_opts_parse(7, argv, options, &val, &arg, &index), 0);
    ck_assert_int_eq(val, 6);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(nng_opts_parse(7, argv, options, &val, &arg, &index), -1);
        ck_assert_int_eq(index, 5);
    }
}
END_TEST

START_TEST(an_index_outside_the_words_is_the_end)
{
    static const int indices[] = {-1, 2, 3, 1000};
    char words[][8] = {"program", "-f"};
    char *argv[] = {words[0], words[1], NULL};

    for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        int index = indices[i];
        int val;
        char *arg;

        ck_assert_int_eq(nng_opts_parse(2, argv, options, &val, &arg, &index), -1);
        ck_assert_int_eq(index, indices[i]);
    }
}
END_TEST

START_TEST(a_letter_beyond_ascii_is_its_byte)
{
    char words[][8] = {"program", "-\xe9"};
    char *argv[] = {words[0], words[1], NULL};
    int index = 1;
    int val;
    char *arg;

    ck_assert_int_eq(nng_opts_parse(2, argv, options, &val, &arg, &index), 0);
    ck_assert_int_eq(val, 10);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("opts");
    TCase *tc = tcase_create("opts");
    SRunner *runner = srunner_create(suite);
    int failed;

    suite_add_tcase(suite, tc);
    tcase_add_loop_test(tc, a_word_is_read_as_the_table_says, 0, CASES);
    tcase_add_test(tc, a_command_line_is_read_to_the_first_plain_word);
    tcase_add_test(tc, an_index_outside_the_words_is_the_end);
    tcase_add_test(tc, a_letter_beyond_ascii_is_its_byte);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
