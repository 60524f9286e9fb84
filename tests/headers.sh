#!/bin/sh
# Every public header compiles alone, twice in one file, with and without the deprecated names, as
# C99, C11 and C++; every header of the library compiles alone as C11.
# Usage: tests/headers.sh [source directory]; CC and CXX name the compilers.
set -eu

cd "${1:-$(dirname "$0")/..}"
warnings="-Wall -Wextra -Wpedantic -Wundef -Wshadow -Werror"

check() {
    header=$1
    shift
    printf '#include <%s>\n#include <%s>\nint nonempty;\n' "$header" "$header" |
        "$@" $warnings -Iinclude -Ilib -fsyntax-only - || {
        echo "headers.sh: $header fails with: $*" >&2
        exit 1
    }
}

for header in $(cd include && find . -name '*.h' | sed 's,^\./,,'); do
    for elide in -UNNG_ELIDE_DEPRECATED -DNNG_ELIDE_DEPRECATED; do
        check "$header" "${CC:-cc}" -xc -std=c99 $elide
        check "$header" "${CC:-cc}" -xc -std=c11 $elide
        check "$header" "${CXX:-c++}" -xc++ -std=c++11 $elide
    done
done
for header in alloc.h msg.h url.h idmap.h absent.h; do
    check "$header" "${CC:-cc}" -xc -std=c11 -Wno-unused-function
done

# nng.h may include these three standard headers and nothing else.
grep '^#include' include/nng/nng.h | sort | tr '\n' ' ' |
    grep -qx '#include <stdbool.h> #include <stddef.h> #include <stdint.h> '
