#!/bin/sh
# size.sh NAME INC LIB.a [NAME INC LIB.a ...]: a minimal req and rep linked with each
# static library; text, data, bss and file size, and what is left after taking away an
# empty program linked the same way (= the library's own share; with a static libc, also
# the parts of libc that only it pulls in). Set EXTRA for further libraries.
set -e
here=$(cd "$(dirname "$0")" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
CC=${CC:-cc}
flags="-std=c11 -Os -ffunction-sections -fdata-sections -Wl,--gc-sections -s -DNNG_STATIC_LIB"
echo 'int main(void) { return 0; }' >"$tmp/empty.c"
sizes() { echo "$(size "$1" | awk 'NR == 2 { print $1, $2, $3 }') $(stat -c %s "$1")"; }
printf '%-12s %-4s %-8s %8s %7s %7s %8s   %s\n' library prog libc text data bss file "library's share: text data bss file"
while [ $# -ge 3 ]; do
    for libc in dynamic static; do
        opt=; [ $libc = static ] && opt=-static
        $CC $flags $opt -o "$tmp/empty" "$tmp/empty.c" -lpthread
        for p in req rep; do
            if ! $CC $flags $opt -I"$2" -o "$tmp/p" "$here/min_$p.c" "$3" $EXTRA -lpthread 2>"$tmp/err"; then
                printf '%-12s %-4s %-8s does not link: %s\n' "$1" $p $libc "$(grep -v warning "$tmp/err" | tail -1)"
                continue
            fi
            echo "$1 $p $libc $(sizes "$tmp/p") $(sizes "$tmp/empty")" | awk '{
                printf "%-12s %-4s %-8s %8d %7d %7d %8d   %d %d %d %d\n", $1, $2, $3, $4, $5, $6, $7, $4-$8, $5-$9, $6-$10, $7-$11 }'
        done
    done
    shift 3
done
