/* A hundred clients at once, each with twenty requests, on threads of their own. */
#include "stress.h"

enum { CLIENTS = 100, REQUESTS = 20 };

static char url[64];

static unsigned __stdcall client_main(void *argument)
{
    nng_socket req = stress_req();

    NEED(nng_dial(req, url, NULL, (uintptr_t)argument % 2 == 0 ? 0 : NNG_FLAG_NONBLOCK));
    for (size_t i = 0; i < REQUESTS; i++)
        NEED(stress_ask(req, i * 500));
    stress_close(req);
    return 0;
}

static void crowd(void)
{
    HANDLE threads[CLIENTS];
    nng_socket rep = stress_rep();
    HANDLE echo;
    double before = stress_seconds();

    NEED(nng_listen(rep, url, NULL, 0));
    echo = stress_echo(&rep);
    for (uintptr_t i = 0; i < CLIENTS; i++)
        threads[i] = stress_thread(client_main, (void *)i);
    for (int i = 0; i < CLIENTS; i++)
        stress_join(threads[i]);
    stress_close(rep);
    stress_join(echo);
    printf("%s: %d requests in %.1f s\n", url, CLIENTS * REQUESTS, stress_seconds() - before);
}

int main(void)
{
    stress_start(100);
    (void)snprintf(url, sizeof(url), "ipc://spry-crowd-%lu", GetCurrentProcessId());
    crowd();
    (void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%lu", 20000 + GetCurrentProcessId() % 10000);
    crowd();
    return stress_end(2000);
}
