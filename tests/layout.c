/*
 * Compiled, never run: sizes and offsets that programs linked against libnng.so.1 rely on (LP64,
 * api.md 2.4), and the values of constants that are not simply counted up.
 */
#include <stddef.h>

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pair1/pair.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#define LP64_SIZE(type, bytes, alignment)                                                          \
    _Static_assert(                                                                                \
        sizeof(void *) != 8 || (sizeof(type) == (bytes) && _Alignof(type) == (alignment)), #type)
#define LP64_OFFSET(type, member, bytes)                                                           \
    _Static_assert(sizeof(void *) != 8 || offsetof(type, member) == (bytes), #type "." #member)
#define VALUE(name, value) _Static_assert((name) == (value), #name)

LP64_SIZE(nng_socket, 4, 4);
LP64_SIZE(nng_ctx, 4, 4);
LP64_SIZE(nng_dialer, 4, 4);
LP64_SIZE(nng_listener, 4, 4);
LP64_SIZE(nng_pipe, 4, 4);
LP64_SIZE(nng_duration, 4, 4);
LP64_SIZE(nng_time, 8, 8);
LP64_SIZE(nng_pipe_ev, 4, 4);
LP64_SIZE(nng_init_parameter, 4, 4);
LP64_SIZE(nng_iov, 16, 8);
LP64_SIZE(nng_sockaddr_inproc, 130, 2);
LP64_SIZE(nng_sockaddr_path, 130, 2);
LP64_SIZE(nng_sockaddr_ipc, 130, 2);
LP64_SIZE(nng_sockaddr_in, 8, 4);
LP64_SIZE(nng_sockaddr_in6, 24, 4);
LP64_SIZE(nng_sockaddr_zt, 32, 8);
LP64_SIZE(nng_sockaddr_abstract, 112, 2);
LP64_SIZE(nng_sockaddr_storage, 136, 8);
LP64_SIZE(nng_sockaddr, 136, 8);
LP64_SIZE(nng_url, 80, 8);

LP64_OFFSET(nng_iov, iov_len, 8);
LP64_OFFSET(nng_sockaddr_in, sa_port, 2);
LP64_OFFSET(nng_sockaddr_in, sa_addr, 4);
LP64_OFFSET(nng_sockaddr_in6, sa_addr, 4);
LP64_OFFSET(nng_sockaddr_in6, sa_scope, 20);
LP64_OFFSET(nng_sockaddr_zt, sa_nwid, 8);
LP64_OFFSET(nng_sockaddr_zt, sa_nodeid, 16);
LP64_OFFSET(nng_sockaddr_zt, sa_port, 24);
LP64_OFFSET(nng_sockaddr_abstract, sa_len, 2);
LP64_OFFSET(nng_sockaddr_abstract, sa_name, 4);
LP64_OFFSET(nng_sockaddr_storage, sa_pad, 8);
LP64_OFFSET(nng_url, u_rawurl, 0);
LP64_OFFSET(nng_url, u_scheme, 8);
LP64_OFFSET(nng_url, u_userinfo, 16);
LP64_OFFSET(nng_url, u_host, 24);
LP64_OFFSET(nng_url, u_hostname, 32);
LP64_OFFSET(nng_url, u_port, 40);
LP64_OFFSET(nng_url, u_path, 48);
LP64_OFFSET(nng_url, u_query, 56);
LP64_OFFSET(nng_url, u_fragment, 64);
LP64_OFFSET(nng_url, u_requri, 72);

VALUE(NNG_ECONNSHUT, 31);
VALUE(NNG_EINTERNAL, 1000);
VALUE(NNG_ESYSERR, 0x10000000);
VALUE(NNG_ETRANERR, 0x20000000);
VALUE(NNG_AF_ABSTRACT, 6);
VALUE(NNG_PIPE_EV_NUM, 3);
VALUE(NNG_MAXADDRSTRLEN, 144);
VALUE(NNG_DURATION_INFINITE, -1);
VALUE(NNG_DURATION_DEFAULT, -2);
VALUE(NNG_PROTOCOL_NUMBER(3, 1), NNG_REP0_SELF);
VALUE(NNG_REQ0_PEER, NNG_REP0_SELF);
VALUE(NNG_PAIR1_SELF, 0x11);
VALUE(NNG_PAIR1_PEER, NNG_PAIR1_SELF);
VALUE(NNG_REP0_PEER, NNG_REQ0_SELF);
