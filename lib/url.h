/*
 * URLs in parts; nng_url_parse and its kin are in nng.h. What the parts mean to a transport, and
 * which of them it refuses, is the transport's business.
 */
#ifndef SPRY_URL_H
#define SPRY_URL_H

#include <stddef.h>
#include <stdint.h>

#include <nng/nng.h>

/*
 * Decodes the %xx escapes of an abstract name into at most `capacity` bytes; NUL bytes are legal.
 * NNG_EADDRINVAL: a bad escape, or too long.
 */
int spry_url_decode(const char *text, uint8_t *out, size_t capacity, size_t *bytes);

#endif
