#!/bin/sh
# The figures the project is judged by: Spry, the system's nng and plain sockets, interleaved, as
# one table of medians and ratios, in under three minutes. Spry is taken from an installed tree.
#   gate.sh [PREFIX]        default: build/prefix in the project's root
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=$(cd "${1:-$here/../build/prefix}" && pwd)
cd "$here"
make -s raw
make -s sp NAME=nng
make -s sp NAME=spry INC="$prefix/include/spry" LIB="$prefix/lib/libspry.a"
exec timeout -k 5 240 ./run.py --gate --rounds 7 --progs raw,sp-nng,sp-spry \
    --json build/gate.json --strict
