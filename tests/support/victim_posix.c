/* A fork that dies with its parent. */
#include "victim.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>

enum { DEADLINE_MS = 20000 };

struct victim victim_start(void (*act)(int stage, const char *url), int stage, const char *url)
{
    int ready[2];
    int begin[2];
    pid_t pid;

    ck_assert_int_eq(pipe(ready), 0);
    ck_assert_int_eq(pipe(begin), 0);
    pid = fork();
    if (pid == 0) {
        char byte;

        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(begin[1]);
        (void)!read(begin[0], &byte, 1);
        act(stage, url);
        (void)!write(ready[1], "", 1);
        for (;;)
            pause();
    }
    close(begin[0]);
    close(ready[1]);
    return (struct victim){.process = pid, .go = begin[1], .told = ready[0]};
}

void victim_go(struct victim *victim)
{
    close((int)victim->go);
    victim->go = -1;
}

void victim_await(const struct victim *victim)
{
    struct pollfd entry = {.fd = (int)victim->told, .events = POLLIN};
    char byte;

    ck_assert_int_eq(poll(&entry, 1, DEADLINE_MS), 1);
    ck_assert_int_eq(read((int)victim->told, &byte, 1), 1);
}

void victim_kill(const struct victim *victim)
{
    pid_t pid = (pid_t)victim->process;

    kill(pid, SIGKILL);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    close((int)victim->told);
}
