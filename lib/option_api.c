/*
 * The typed accessors of the public API: each packs the caller's value with its type and passes it
 * to the one setter or getter of the object.
 */
#include "accessors.h"

SETTERS(socket)
GETTERS(socket)
SETTERS(dialer)
GETTERS(dialer)
SETTERS(listener)
GETTERS(listener)
GETTERS(pipe)
