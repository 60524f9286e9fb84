/* A name is listened on, used for one request and given up, a thousand times. */
#include "stress.h"

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 1000;
    char url[64];

    stress_start(250);
    (void)snprintf(url, sizeof(url), "ipc://spry-relisten-%lu", GetCurrentProcessId());
    for (int i = 0; i < rounds; i++) {
        nng_socket rep = stress_rep();
        nng_socket req = stress_req();
        HANDLE echo;

        NEED(nng_listen(rep, url, NULL, 0));
        echo = stress_echo(&rep);
        NEED(nng_dial(req, url, NULL, i % 2 == 0 ? 0 : NNG_FLAG_NONBLOCK));
        NEED(stress_ask(req, (size_t)(i % 10 == 0 ? 100000 : i % 100)));
        if (i % 4 < 2) { /* either side may go first */
            stress_close(req);
            stress_close(rep);
        } else {
            stress_close(rep);
            stress_close(req);
        }
        stress_join(echo);
    }
    return stress_end(2000);
}
