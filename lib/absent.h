/*
 * Functions of nng that Spry has not, but that libnng.so.1 has to export: a program that binds all
 * its symbols at once would not start without them. tools/symbols writes one line for each.
 *
 * They are defined with their true parameters, since on some machines those decide where the
 * nng_aio is found. The types are those of nng's headers that Spry may not have; a header that has
 * them too is never included here.
 */
#ifndef SPRY_ABSENT_H
#define SPRY_ABSENT_H

#include <errno.h>
#include <nng/nng.h>

typedef struct nng_id_map_s nng_id_map;
typedef struct nng_optspec nng_optspec;
typedef struct nng_tls_config nng_tls_config;
typedef struct nng_tls_engine nng_tls_engine;
typedef struct nng_http_req nng_http_req;
typedef struct nng_http_res nng_http_res;
typedef struct nng_http_conn nng_http_conn;
typedef struct nng_http_handler nng_http_handler;
typedef struct nng_http_server nng_http_server;
typedef struct nng_http_client nng_http_client;
struct nn_msghdr;
struct nn_cmsghdr;
struct nn_pollfd;

/* Enumerations there, and passed as this type. */
typedef int nng_tls_mode;
typedef int nng_tls_auth_mode;
typedef int nng_tls_version;

NNG_DECL bool nng_aio_begin(nng_aio *aio);
NNG_DECL void nng_aio_finish(nng_aio *aio, int rv);

#define NN_ABSENT (errno = ENOTSUP, -1)

/* One that Spry has: only compared with what nng.h says. */
#define PRESENT(type, name, parameters) NNG_DECL type name parameters;

#define ABSENT(type, name, parameters, value)                                                      \
    NNG_DECL type name parameters;                                                                 \
    type name parameters                                                                           \
    {                                                                                              \
        return value;                                                                              \
    }

#define ABSENT_VOID(name, parameters)                                                              \
    NNG_DECL void name parameters;                                                                 \
    void name parameters                                                                           \
    {                                                                                              \
    }

/* One that is to finish `aio`; as long as there are no aios either, nng_aio_begin gives false. */
#define ABSENT_AIO(name, parameters)                                                               \
    NNG_DECL void name parameters;                                                                 \
    void name parameters                                                                           \
    {                                                                                              \
        if (nng_aio_begin(aio))                                                                    \
            nng_aio_finish(aio, NNG_ENOTSUP);                                                      \
    }

#endif
