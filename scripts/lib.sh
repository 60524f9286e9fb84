# Functions shared by the scripts. Source it from bash, in the project's root directory.

# need_packages NAME...: installs the Debian packages that are missing, with one apt-get run.
need_packages() {
    local missing=() name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null)" = 'install ok installed' ] ||
            missing+=("$name")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    echo "installing ${missing[*]}"
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
            --no-install-recommends "${missing[@]}" >/dev/null
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "cannot run as root: $*" >&2
        return 1
    fi
}

# built PRESET NAME: the path of a program of that build, wherever in its tree it is.
built() {
    local path
    path=$(find "build/$1" -type f -name "$2" -perm -u+x -print -quit 2>/dev/null)
    [ -n "$path" ] || { echo "build/$1 has no program $2" >&2; return 1; }
    echo "$PWD/$path"
}

# build PRESET: configures and builds it.
build() {
    cmake --preset "$1" >"build/$1.configure.log" 2>&1 || {
        cat "build/$1.configure.log"
        return 1
    }
    cmake --build "build/$1" --parallel "$(nproc)" || return 1
}

# step SECONDS TITLE COMMAND...: runs it with a limit of time, and says how it went. What it prints
# is kept in build/log; the last line is shown, and of a step that failed many more. A function may
# be the command. The outcome is kept for the summary; the step's status is returned, so that steps
# which depend on it can be left out with && or if.
steps_passed=()
steps_failed=()
logs_failed=()
step() {
    local limit=$1 title=$2 began=$SECONDS status=0 log
    shift 2
    log="build/log/$((${#steps_passed[@]} + ${#steps_failed[@]} + 1)) $title"
    mkdir -p build/log
    printf '\n=== %s\n' "$title"
    if [ "$(type -t "$1")" = function ]; then
        within "$limit" "$@" >"$log" 2>&1 || status=$?
    else
        timeout -k 5 "$limit" "$@" </dev/null >"$log" 2>&1 || status=$?
    fi
    if [ "$status" -eq 0 ]; then
        tail -n 1 "$log"
        steps_passed+=("$title")
        printf -- '--- %s: passed, %d s\n' "$title" $((SECONDS - began))
    else
        tail -n 200 "$log"
        [ "$status" -eq 124 ] && title="$title (over $limit s)"
        steps_failed+=("$title")
        logs_failed+=("$log")
        printf -- '--- %s: FAILED with status %d, %d s\n' "$title" "$status" $((SECONDS - began))
    fi
    return "$status"
}

# within SECONDS FUNCTION ARG...: a function of these scripts under timeout, in a shell of its own.
within() {
    local limit=$1
    shift
    export -f $(declare -F | awk '{ print $3 }')
    timeout -k 5 "$limit" bash -c 'set -o pipefail; "$@"' step "$@" </dev/null
}

# skip TITLE WHY: counts as failed, since what it would have shown is not known.
skip() {
    printf '\n=== %s\n--- left out: %s\n' "$1" "$2"
    steps_failed+=("$1 (left out: $2)")
}

# summary: the end of what the failed steps printed, their names, the time and a count; the status to
# leave with.
summary() {
    local each
    for each in "${logs_failed[@]}"; do
        printf '\n=== FAILED: %s\n' "$each"
        { grep -aiE 'fail|error|assert|fault|killed|timeout' "$each" | tail -n 20
          echo ...
          tail -n 20 "$each"; } | cut -c 1-300
    done
    printf '\n=== Summary, %d s\n' "$SECONDS"
    for each in "${steps_failed[@]}"; do
        echo "FAILED: $each"
    done
    printf '%d passed, %d failed\n' "${#steps_passed[@]}" "${#steps_failed[@]}"
    [ ${#steps_failed[@]} -eq 0 ] && [ ${#steps_passed[@]} -gt 0 ]
}
