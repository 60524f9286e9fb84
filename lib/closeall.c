/* The end of every socket there is. */
#include "loop.h"
#include "socket.h"

/* One that is open, 0: none is. */
static uint32_t any_socket(void)
{
    struct loop *loop = spry_loop_enter();
    uint32_t cursor = 0;
    uint32_t id = 0;
    const struct handle *handle;

    while (id == 0 && (handle = spry_idmap_next(&loop->handles, &cursor)) != NULL) {
        if (handle->kind == HANDLE_SOCKET)
            id = handle->id;
    }
    spry_loop_leave(loop);
    return id;
}

void nng_closeall(void)
{
    nng_socket socket;

    while ((socket.id = any_socket()) != 0)
        (void)nng_socket_close(socket);
}
