#!/bin/sh
# Every function that a public header declares is in the matrix of calls, and the other way round.
# Usage: tests/calls.sh test_call_matrix; CC names the compiler.
set -eu

program=$1
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LC_ALL=C
export LC_ALL

# What stands before a bracket in a declaration, all of them in one line each.
for header in $(cd include && find nng -name '*.h'); do
    printf '#include <%s>\n' "$header" | "${CC:-cc}" -xc -E -P -Iinclude -DNNG_DEPRECATED= -
done | tr '\n' ' ' | tr ';' '\n' | grep -v typedef |
    sed -n 's/^ *extern [^(]*[ *]\(nng_[a-z0-9_]*\)(.*/\1/p' | sort -u >"$work/declared"
"$program" --list | tr ' ' '\n' | sort -u >"$work/called"

[ "$(grep -c . "$work/declared")" -gt 300 ] || {
    echo "calls.sh: only $(grep -c . "$work/declared") functions found in the headers" >&2
    exit 1
}
comm -23 "$work/declared" "$work/called" >"$work/missing"
comm -13 "$work/declared" "$work/called" >"$work/extra"
if [ -s "$work/missing" ] || [ -s "$work/extra" ]; then
    echo "calls.sh: declared, but not in tests/support/calls.c:" $(cat "$work/missing") >&2
    echo "calls.sh: in tests/support/calls.c, but not declared:" $(cat "$work/extra") >&2
    exit 1
fi
echo "$(grep -c . "$work/declared") functions are called"
