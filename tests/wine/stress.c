#include "stress.h"

static atomic_long worst_us;
static unsigned limit_seconds;

void stress_die(const char *what, int line, int rv)
{
    printf("line %d: %s: %s (%d)\n", line, what, rv > 0 ? nng_strerror(rv) : "failed", rv);
    TerminateProcess(GetCurrentProcess(), 1);
}

static unsigned __stdcall guard(void *argument)
{
    (void)argument;
    Sleep(limit_seconds * 1000);
    printf("it hangs\n");
    TerminateProcess(GetCurrentProcess(), 3);
    return 0;
}

void stress_start(unsigned seconds)
{
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    (void)setvbuf(stderr, NULL, _IONBF, 0);
    (void)SetErrorMode(SEM_FAILCRITICALERRORS | SEM_NOGPFAULTERRORBOX);
    limit_seconds = seconds;
    (void)CloseHandle(stress_thread(guard, NULL));
}

double stress_seconds(void)
{
    LARGE_INTEGER now;
    LARGE_INTEGER per_second;

    (void)QueryPerformanceCounter(&now);
    (void)QueryPerformanceFrequency(&per_second);
    return (double)now.QuadPart / (double)per_second.QuadPart;
}

static nng_socket limited(nng_socket socket)
{
    NEED(nng_socket_set_ms(socket, NNG_OPT_RECVTIMEO, CALL_MS));
    NEED(nng_socket_set_ms(socket, NNG_OPT_SENDTIMEO, CALL_MS));
    NEED(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 5));
    return socket;
}

nng_socket stress_rep(void)
{
    nng_socket rep;

    NEED(nng_rep0_open(&rep));
    return limited(rep);
}

nng_socket stress_req(void)
{
    nng_socket req;

    NEED(nng_req0_open(&req));
    return limited(req);
}

int stress_ask(nng_socket req, size_t bytes)
{
    static atomic_uint salt;
    unsigned letter = atomic_fetch_add(&salt, 1) % 255 + 1;
    nng_msg *msg;
    int rv = nng_msg_alloc(&msg, bytes);

    if (rv != 0)
        return rv;
    memset(nng_msg_body(msg), (int)letter, bytes);
    rv = nng_sendmsg(req, msg, 0);
    if (rv != 0) {
        nng_msg_free(msg);
        return rv;
    }
    rv = nng_recvmsg(req, &msg, 0);
    if (rv != 0)
        return rv;
    if (nng_msg_len(msg) != bytes)
        stress_die("the answer has another length", __LINE__, -1);
    for (size_t i = 0; i < bytes; i++) {
        if (((unsigned char *)nng_msg_body(msg))[i] != letter)
            stress_die("the answer is another one", __LINE__, -1);
    }
    nng_msg_free(msg);
    return 0;
}

static unsigned __stdcall echo_main(void *argument)
{
    nng_socket rep = *(nng_socket *)argument;
    nng_msg *msg;
    int rv;

    while ((rv = nng_recvmsg(rep, &msg, 0)) != NNG_ECLOSED) {
        if (rv == 0 && nng_sendmsg(rep, msg, 0) != 0)
            nng_msg_free(msg);
    }
    return 0;
}

HANDLE stress_thread(unsigned(__stdcall *run)(void *argument), void *argument)
{
    HANDLE thread = (HANDLE)_beginthreadex(NULL, 0, run, argument, 0, NULL);

    if (thread == NULL)
        stress_die("no thread", __LINE__, -1);
    return thread;
}

HANDLE stress_echo(nng_socket *rep)
{
    return stress_thread(echo_main, rep);
}

void stress_join(HANDLE thread)
{
    (void)WaitForSingleObject(thread, INFINITE);
    (void)CloseHandle(thread);
}

void stress_close(nng_socket socket)
{
    double before = stress_seconds();
    long took_us;
    long seen = atomic_load(&worst_us);

    NEED(nng_close(socket));
    took_us = (long)((stress_seconds() - before) * 1e6);
    while (took_us > seen && !atomic_compare_exchange_weak(&worst_us, &seen, took_us)) {
    }
}

int stress_end(unsigned limit_ms)
{
    long took_us = atomic_load(&worst_us);

    printf("worst close %ld us\n", took_us);
    return took_us <= (long)limit_ms * 1000 ? EXIT_SUCCESS : EXIT_FAILURE;
}
