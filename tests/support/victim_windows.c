/*
 * The same program again: an environment variable tells the new process, before its main, what to do: where
 * `act` is in the program, the arguments, and the number of the two events.
 */
#include "victim.h"

#include <windows.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <check.h>

enum { DEADLINE_MS = 20000, LIFE_MS = 60000 };

static const char variable[] = "SPRY_TEST_VICTIM";

static HANDLE event_named(const char *what, unsigned long number)
{
    char name[80];
    HANDLE event;

    (void)snprintf(name, sizeof(name), "spry-victim-%lu-%s", number, what);
    event = CreateEventA(NULL, TRUE, FALSE, name);
    if (event == NULL)
        abort();
    return event;
}

static char url[300];
static unsigned long number;
static uintptr_t offset; /* of `act` in the program */
static int stage;

START_TEST(victim_acts)
{
    uintptr_t base = (uintptr_t)GetModuleHandleW(NULL);

    ((void (*)(int, const char *))(base + offset))(stage, url);
    (void)SetEvent(event_named("told", number));
    Sleep(LIFE_MS);
}
END_TEST

/* What it does may use Check, so that it has to be a test. */
__attribute__((constructor(300))) static void victim_main(void)
{
    char text[400];
    DWORD bytes = GetEnvironmentVariableA(variable, text, sizeof(text));

    if (bytes == 0 || bytes >= sizeof(text))
        return;
    if (sscanf(text, "%lu %" SCNxPTR " %d %299s", &number, &offset, &stage, url) == 4 &&
        WaitForSingleObject(event_named("go", number), DEADLINE_MS) == WAIT_OBJECT_0) {
        TCase *tc = tcase_create("victim");
        Suite *suite = suite_create("victim");

        (void)_putenv("CK_RUN_CASE="); /* what was asked of the one that started this */
        (void)_putenv("CK_RUN_SUITE=");
        (void)_putenv("CK_LOG_FILE_NAME=");
        tcase_add_test(tc, victim_acts);
        suite_add_tcase(suite, tc);
        srunner_run_all(srunner_create(suite), CK_SILENT);
    }
    ExitProcess(1);
}

struct victim victim_start(void (*act)(int stage, const char *url), int at, const char *where)
{
    static unsigned long count;
    unsigned long own = GetCurrentProcessId() * 100 + ++count;
    uintptr_t place = (uintptr_t)act - (uintptr_t)GetModuleHandleW(NULL);
    STARTUPINFOW startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    wchar_t program[MAX_PATH];
    char text[400];
    struct victim victim = {.go = (intptr_t)event_named("go", own),
                            .told = (intptr_t)event_named("told", own)};

    (void)snprintf(text, sizeof(text), "%lu %" PRIxPTR " %d %s", own, place, at, where);
    ck_assert_int_gt((int)GetModuleFileNameW(NULL, program, MAX_PATH), 0);
    ck_assert(SetEnvironmentVariableA(variable, text));
    ck_assert(CreateProcessW(program, NULL, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process));
    ck_assert(SetEnvironmentVariableA(variable, NULL));
    (void)CloseHandle(process.hThread);
    victim.process = (intptr_t)process.hProcess;
    return victim;
}

void victim_go(struct victim *victim)
{
    ck_assert(SetEvent((HANDLE)victim->go));
}

void victim_await(const struct victim *victim)
{
    ck_assert_int_eq((int)WaitForSingleObject((HANDLE)victim->told, DEADLINE_MS), WAIT_OBJECT_0);
}

void victim_kill(const struct victim *victim)
{
    ck_assert(TerminateProcess((HANDLE)victim->process, 9));
    ck_assert_int_eq((int)WaitForSingleObject((HANDLE)victim->process, DEADLINE_MS), WAIT_OBJECT_0);
    (void)CloseHandle((HANDLE)victim->process);
    (void)CloseHandle((HANDLE)victim->go);
    (void)CloseHandle((HANDLE)victim->told);
}
