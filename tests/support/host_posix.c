/* Linux where it matters: /proc; elsewhere such a count is 0. */
#include "host.h"

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static size_t entries(const char *path)
{
    DIR *dir = opendir(path);
    size_t count = 0;

    if (dir == NULL)
        return 0;
    while (readdir(dir) != NULL)
        count++;
    (void)closedir(dir);
    return count - 2;
}

size_t host_threads(void)
{
    return entries("/proc/self/task");
}

size_t host_descriptors(void)
{
    return entries("/proc/self/fd") - 1; /* without the one that reads the directory */
}

double host_cpu_seconds(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

long host_peak_kib(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

bool host_limits_descriptors(void)
{
    return true;
}

void host_descriptors_max(size_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        abort();
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        abort();
}

void host_descriptors_exhaust(void)
{
    int next = dup(0);

    close(next);
    host_descriptors_max((size_t)next);
}

bool host_signals_are_default(void)
{
    struct sigaction action;

    return sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL;
}

double host_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void host_sleep_ms(unsigned ms)
{
    struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&span, NULL);
}

size_t host_bytes_while_read(void)
{
    return 0;
}

bool host_has_ip6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool possible = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

    if (fd >= 0)
        (void)close(fd);
    return possible;
}

bool host_has_unix_sockets(void)
{
    return true;
}

bool host_user(uint64_t *uid, uint64_t *gid)
{
    *uid = getuid();
    *gid = getgid();
    return true;
}

int host_thread(void)
{
    return (int)syscall(SYS_gettid);
}

bool host_thread_sleeps(int thread)
{
    char path[64];
    char text[256] = "";
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/stat", thread);
    file = fopen(path, "r");
    if (file == NULL)
        return true;
    (void)!fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    return strstr(text, ") S ") != NULL;
}

bool host_switches(unsigned long *switches)
{
    DIR *tasks = opendir("/proc/self/task");
    unsigned long sum = 0;
    struct dirent *entry;

    if (tasks == NULL)
        return false;
    while ((entry = readdir(tasks)) != NULL) {
        char path[300];
        char line[200];
        FILE *status;

        if (atoi(entry->d_name) == 0 || atoi(entry->d_name) == getpid())
            continue;
        snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        status = fopen(path, "r");
        while (status != NULL && fgets(line, sizeof(line), status) != NULL) {
            unsigned long count;

            if (sscanf(line, "voluntary_ctxt_switches: %lu", &count) == 1)
                sum += count;
        }
        if (status != NULL)
            fclose(status);
    }
    closedir(tasks);
    *switches = sum;
    return true;
}

void host_directory_make(char *path, size_t room)
{
    (void)snprintf(path, room, "/tmp/spry-test-XXXXXX");
    if (mkdtemp(path) == NULL)
        abort();
}

void host_directory_remove(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        char file[64 + sizeof(entry->d_name) + 1];

        (void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)remove(file);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(path);
}

bool host_pair(intptr_t ends[2])
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) != 0)
        return false;
    ends[0] = fds[0];
    ends[1] = fds[1];
    return true;
}

bool host_send(intptr_t end, const void *data, size_t bytes)
{
    return send((int)end, data, bytes, MSG_NOSIGNAL) == (ssize_t)bytes;
}

void host_close(intptr_t end)
{
    (void)close((int)end);
}

bool host_polls(int descriptor, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = descriptor, .events = POLLIN};

    return poll(&poll_fd, 1, timeout_ms) == 1;
}
