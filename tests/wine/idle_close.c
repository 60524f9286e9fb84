/* Connections without traffic cost no time, and are closed as fast as any. idle_close [SECONDS] */
#include "stress.h"

enum { PAIRS = 10, CLOSE_MS = 1000 }; /* 100 ms, ten times as slow under Wine */

static double cpu_seconds(void)
{
    FILETIME times[4];
    double sum = 0;

    if (!GetProcessTimes(GetCurrentProcess(), &times[0], &times[1], &times[2], &times[3]))
        stress_die("GetProcessTimes", __LINE__, -1);
    for (int i = 2; i < 4; i++)
        sum += ((double)times[i].dwHighDateTime * 4294967296.0 + (double)times[i].dwLowDateTime);
    return sum / 1e7;
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 30;
    nng_socket reps[2];
    nng_socket reqs[2 * PAIRS];
    HANDLE echoes[2];
    char url[64];
    double before;
    double used;

    stress_start(seconds + 60);
    for (int i = 0; i < 2; i++) {
        if (i == 0)
            (void)snprintf(url, sizeof(url), "ipc://spry-idle-%lu", GetCurrentProcessId());
        else
            (void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%lu",
                           40000 + GetCurrentProcessId() % 10000);
        reps[i] = stress_rep();
        NEED(nng_socket_set_ms(reps[i], NNG_OPT_RECVTIMEO, NNG_DURATION_INFINITE));
        NEED(nng_listen(reps[i], url, NULL, 0));
        echoes[i] = stress_echo(&reps[i]);
        for (int k = 0; k < PAIRS; k++) {
            reqs[i * PAIRS + k] = stress_req();
            NEED(nng_dial(reqs[i * PAIRS + k], url, NULL, 0));
            NEED(stress_ask(reqs[i * PAIRS + k], 1000));
        }
    }
    Sleep(200);
    before = cpu_seconds();
    Sleep(seconds * 1000);
    used = cpu_seconds() - before;
    printf("%.3f s of processor time in %u s\n", used, seconds);
    if (used > 0.05)
        stress_die("it does something", __LINE__, -1);
    for (int i = 0; i < 2; i++)
        stress_close(reps[i]);
    for (int i = 0; i < 2 * PAIRS; i++)
        stress_close(reqs[i]);
    for (int i = 0; i < 2; i++)
        stress_join(echoes[i]);
    return stress_end(CLOSE_MS);
}
