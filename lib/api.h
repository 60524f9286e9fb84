/* What the public functions of include/nng stand on: objects named by id, values by option.h. */
#ifndef SPRY_API_H
#define SPRY_API_H

#include "option.h"

/* NNG_ECLOSED (socket, context) or NNG_ENOENT: no open object has this id; else as spry_option_set, _get. */
int spry_socket_option_set(uint32_t id, const char *name, const struct option_in *in);
int spry_socket_option_get(uint32_t id, const char *name, const struct option_out *out);
int spry_ctx_option_set(uint32_t id, const char *name, const struct option_in *in);
int spry_ctx_option_get(uint32_t id, const char *name, const struct option_out *out);
int spry_dialer_option_set(uint32_t id, const char *name, const struct option_in *in);
int spry_dialer_option_get(uint32_t id, const char *name, const struct option_out *out);
int spry_listener_option_set(uint32_t id, const char *name, const struct option_in *in);
int spry_listener_option_get(uint32_t id, const char *name, const struct option_out *out);
int spry_pipe_option_get(uint32_t id, const char *name, const struct option_out *out);

#endif
