/*
 * The other process is killed in the middle of its requests, or of its answers: the one that stays
 * notices, serves others or finds another server, and closes in bounded time. The program starts
 * itself for the one that dies: killed_peer client|server URL.
 *
 * Wine's server sometimes keeps a killed process's TCP sockets open (seen in /proc/net/tcp: established,
 * owned by nobody), so that no end of it ever comes; pipes it closes. There, over tcp, the survivor
 * need only go on serving, and the part that depends on the end is left out.
 */
#include "stress.h"

enum { ROUNDS = 10, RUN_MS = 150 };

static atomic_long came; /* pipes so far */
static atomic_long gone; /* and of those, how many ended */

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *argument)
{
    (void)pipe;
    (void)argument;
    atomic_fetch_add(event == NNG_PIPE_EV_ADD_POST ? &came : &gone, 1);
}

static void count_pipes(nng_socket socket)
{
    atomic_store(&came, 0);
    atomic_store(&gone, 0);
    NEED(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, on_pipe, NULL));
    NEED(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, on_pipe, NULL));
}

static void ask_for_ever(const char *url)
{
    nng_socket req = stress_req();

    NEED(nng_dial(req, url, NULL, NNG_FLAG_NONBLOCK));
    for (size_t i = 0;; i++)
        (void)stress_ask(req, i % 5 == 0 ? 300000 : 10);
}

static void answer_for_ever(const char *url)
{
    nng_socket rep = stress_rep();

    NEED(nng_listen(rep, url, NULL, 0));
    stress_join(stress_echo(&rep));
}

static bool end_is_told(const char *url)
{
    return strncmp(url, "tcp", 3) != 0 ||
           GetProcAddress(GetModuleHandleA("ntdll.dll"), "wine_get_version") == NULL;
}

static HANDLE start(const char *role, const char *url)
{
    STARTUPINFOA startup = {.cb = sizeof(startup)};
    PROCESS_INFORMATION process;
    char program[MAX_PATH];
    char command[MAX_PATH + 200];

    if (GetModuleFileNameA(NULL, program, sizeof(program)) == 0)
        stress_die("own name", __LINE__, -1);
    (void)snprintf(command, sizeof(command), "\"%s\" %s %s", program, role, url);
    if (!CreateProcessA(NULL, command, NULL, NULL, FALSE, 0, NULL, NULL, &startup, &process))
        stress_die("no process", __LINE__, (int)GetLastError());
    (void)CloseHandle(process.hThread);
    return process.hProcess;
}

static void end(HANDLE process)
{
    (void)TerminateProcess(process, 9);
    (void)WaitForSingleObject(process, INFINITE);
    (void)CloseHandle(process);
}

static void await(atomic_long *counter, long count, const char *what)
{
    for (int i = 0; atomic_load(counter) < count; i++) {
        if (i > 10000) {
            printf("%ld of %ld pipes that came are gone\n", atomic_load(&gone), atomic_load(&came));
            stress_die(what, __LINE__, -1);
        }
        Sleep(1);
    }
}

/* Clients die; the server goes on with a client of its own all the time. */
static void clients_die(const char *url)
{
    nng_socket rep = stress_rep();
    nng_socket req = stress_req();
    HANDLE echo;

    count_pipes(rep);
    NEED(nng_listen(rep, url, NULL, 0));
    echo = stress_echo(&rep);
    NEED(nng_dial(req, url, NULL, 0));
    printf("clients die, %s\n", url);
    for (long i = 0; i < ROUNDS; i++) {
        HANDLE client = start("client", url);
        double until;

        await(&came, i + 2, "the client does not come");
        until = stress_seconds() + RUN_MS / 1000.0 + (double)i * 0.007;
        while (stress_seconds() < until)
            NEED(stress_ask(req, 1000));
        end(client);
        NEED(stress_ask(req, 1000));
        if (end_is_told(url))
            await(&gone, i + 1, "nobody notices");
    }
    stress_close(rep);
    stress_close(req);
    stress_join(echo);
}

/* Servers die under a client; its request is answered by the next one. */
static void servers_die(const char *url)
{
    nng_socket req = stress_req();

    count_pipes(req);
    NEED(nng_dial(req, url, NULL, NNG_FLAG_NONBLOCK));
    printf("servers die, %s\n", url);
    for (long i = 0; i < ROUNDS; i++) {
        HANDLE server = start("server", url);
        double until;
        nng_msg *msg;

        NEED(stress_ask(req, 10)); /* it is there */
        until = stress_seconds() + 0.05 + (double)i * 0.007;
        while (stress_seconds() < until)
            NEED(stress_ask(req, 200000));
        NEED(nng_msg_alloc(&msg, 3000000)); /* on its way there or back */
        NEED(nng_sendmsg(req, msg, 0));
        end(server);
        await(&gone, i + 1, "nobody notices");
    }
    stress_close(req); /* with a request that nobody will answer */
}

int main(int argc, char **argv)
{
    char url[64];

    stress_start(argc > 1 ? 60 : 200);
    if (argc > 2 && strcmp(argv[1], "client") == 0)
        ask_for_ever(argv[2]);
    if (argc > 2 && strcmp(argv[1], "server") == 0)
        answer_for_ever(argv[2]);
    if (argc > 2)
        return 1;
    (void)snprintf(url, sizeof(url), "ipc://spry-killed-%lu", GetCurrentProcessId());
    clients_die(url);
    servers_die(url);
    (void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%lu", 30000 + GetCurrentProcessId() % 10000);
    clients_die(url);
    if (end_is_told(url))
        servers_die(url);
    return stress_end(2000);
}
