/* A URL of any text: refused, or in parts that are strings and that say the same when copied. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"

static void same(const char *a, const char *b)
{
    if ((a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0))
        abort();
}

static void look(const nng_url *url)
{
    uint8_t name[107];
    size_t bytes = 0;
    nng_url *copy;

    if (url->u_scheme == NULL || url->u_rawurl == NULL)
        abort();
    if (nng_url_clone(&copy, url) != 0)
        abort();
    same(url->u_rawurl, copy->u_rawurl);
    same(url->u_scheme, copy->u_scheme);
    same(url->u_userinfo, copy->u_userinfo);
    same(url->u_host, copy->u_host);
    same(url->u_hostname, copy->u_hostname);
    same(url->u_port, copy->u_port);
    same(url->u_path, copy->u_path);
    same(url->u_query, copy->u_query);
    same(url->u_fragment, copy->u_fragment);
    nng_url_free(copy);
    if (url->u_path != NULL && spry_url_decode(url->u_path, name, sizeof(name), &bytes) == 0 &&
        bytes > sizeof(name))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    nng_url *url;

    if (text == NULL)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (nng_url_parse(&url, text) == 0) {
        look(url);
        nng_url_free(url);
    }
    free(text);
    return 0;
}
