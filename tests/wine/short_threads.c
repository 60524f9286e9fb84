/*
 * Each call is made on a thread that ends at once: what it left with the kernel must not end with it.
 * Windows cancels a thread's calls with the thread, unless their handle belongs to a completion port.
 */
#include "stress.h"

enum { ROUNDS = 100 };

struct call {
    nng_socket socket;
    const char *url;
    enum { DIAL, LISTEN, SEND, RECEIVE } what;
    int result;
};

static unsigned __stdcall call_main(void *argument)
{
    struct call *call = argument;
    char text[8];
    size_t bytes = sizeof(text);

    switch (call->what) {
    case DIAL:
        call->result = nng_dial(call->socket, call->url, NULL, 0);
        break;
    case LISTEN:
        call->result = nng_listen(call->socket, call->url, NULL, 0);
        break;
    case SEND:
        call->result = nng_send(call->socket, (char[]){"hello"}, 6, 0);
        break;
    case RECEIVE:
        call->result = nng_recv(call->socket, text, &bytes, 0);
        break;
    }
    return 0;
}

static int on_thread(nng_socket socket, const char *url, int what)
{
    struct call call = {.socket = socket, .url = url, .result = -1};

    call.what = what;
    stress_join(stress_thread(call_main, &call));
    return call.result;
}

int main(void)
{
    stress_start(100);
    for (int i = 0; i < ROUNDS; i++) {
        nng_socket rep = stress_rep();
        nng_socket req = stress_req();
        char url[64];

        if (i % 2 == 0)
            (void)snprintf(url, sizeof(url), "ipc://spry-short-%lu-%d", GetCurrentProcessId(), i);
        else
            (void)snprintf(url, sizeof(url), "tcp://127.0.0.1:%lu",
                           10000 + GetCurrentProcessId() % 10000);
        NEED(on_thread(rep, url, LISTEN));
        NEED(on_thread(req, url, DIAL));
        for (int k = 0; k < 5; k++) {
            NEED(on_thread(req, url, SEND));
            NEED(on_thread(rep, url, RECEIVE));
            NEED(on_thread(rep, url, SEND));
            NEED(on_thread(req, url, RECEIVE));
        }
        stress_close(i % 4 < 2 ? req : rep);
        stress_close(i % 4 < 2 ? rep : req);
    }
    return stress_end(2000);
}
