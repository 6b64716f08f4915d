# Shared by `.ci/run` and `.ci/weekly`: steps with budgets, and tools that are installed when a step needs them. It is sourced,
# and changes to the top of the repository.
#
# Set `only` to a pattern to run only the steps whose names match it.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0 RUST_BACKTRACE=1 DEBIAN_FRONTEND=noninteractive
export PATH="$PWD/target/tools/bin:$PATH:/usr/sbin"
# The steps choose these themselves, and the folder of all workspaces is set in `.cargo/config.toml`.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET_DIR RUSTFLAGS RUSTDOCFLAGS MIRIFLAGS RUSTUP_TOOLCHAIN

only=${only:-*}
times=()
skipped=()
declare -A begun=() # The steps that run in the background: their log, budget and name, by process.
failed=
started=$SECONDS

# wanted NAME: returns true if the step NAME was asked for.
wanted() {
    # shellcheck disable=SC2053 # The right-hand side is a pattern.
    [[ $1 == $only ]]
}

# step BUDGET NAME COMMAND...: runs COMMAND, and stops it after BUDGET seconds. The script ends if COMMAND fails.
step() {
    local budget=$1 name=$2 from=$SECONDS status=0
    shift 2
    wanted "$name" || return 0
    printf '\n=== %s (at most %s s)\n' "$name" "$budget"
    timeout --kill-after=10 "$budget" "$@" </dev/null || status=$?
    local took=$((SECONDS - from))
    times+=("$(printf '%5d of %5d s  %s' "$took" "$budget" "$name")")
    verdict "$status" "$took" "$budget" "$name"
}

# verdict STATUS SECONDS BUDGET NAME: says how a step ended, and ends the script if it failed.
verdict() {
    local status=$1 took=$2 budget=$3 name=$4
    if [ "$status" != 0 ]; then
        [ "$status" != 124 ] || echo "--- $name: stopped, because it took longer than its budget of $budget s"
        echo "--- $name: FAILED after $took s"
        failed=$name
        exit 1
    fi
    echo "--- $name: passed in $took s"
}

# begin BUDGET NAME COMMAND...: like `step`, but two such steps run at a time, each on one core. `join` waits for them.
begin() {
    local budget=$1 name=$2
    shift 2
    wanted "$name" || return 0
    while [ "${#begun[@]}" -ge 2 ]; do
        reap
    done
    local log
    log=$(mktemp)
    printf '\n=== %s (at most %s s) has begun\n' "$name" "$budget"
    {
        local from=$SECONDS status=0
        timeout --kill-after=10 "$budget" "$@" </dev/null >"$log" 2>&1 || status=$?
        echo "$status $((SECONDS - from))" >"$log.end"
    } &
    begun[$!]="$log $budget $name"
}

# join: waits for all steps that have begun.
join() {
    while [ "${#begun[@]}" != 0 ]; do
        reap
    done
}

# reap: waits for one of the steps that have begun, and prints its output.
reap() {
    local pid log budget name status took
    wait -n "${!begun[@]}" || true
    for pid in "${!begun[@]}"; do
        read -r log budget name <<<"${begun[$pid]}"
        if [ ! -s "$log.end" ]; then
            kill -0 "$pid" 2>/dev/null && continue
            echo '137 0' >"$log.end" # It was killed before it could say how it ended.
        fi
        read -r status took <"$log.end"
        unset "begun[$pid]"
        printf '\n=== %s\n' "$name"
        cat "$log"
        rm -f "$log" "$log.end"
        times+=("$(printf '%5d of %5d s  %s, beside another' "$took" "$budget" "$name")")
        verdict "$status" "$took" "$budget" "$name"
    done
}

# skip NAME REASON: reports that the step NAME does not run here.
skip() {
    wanted "$1" || return 0
    printf '\n=== %s: skipped, because %s\n' "$1" "$2"
    skipped+=("$1: $2")
}

# Prints the closing lines: the time of each step, what was skipped and why, and the verdict.
finish() {
    local status=$? pid
    for pid in "${!begun[@]}"; do
        pkill -P "$pid" 2>/dev/null || true
    done
    printf '\n=== times\n'
    [ "${#times[@]}" = 0 ] || printf '%s\n' "${times[@]}"
    printf '\n=== skipped: %s\n' "${#skipped[@]}"
    [ "${#skipped[@]}" = 0 ] || printf '  %s\n' "${skipped[@]}"
    if [ "$status" = 0 ] && [ "${#times[@]}" = 0 ] && [ "${#skipped[@]}" = 0 ]; then
        printf '\n=== FAILED: no step has a name like %s\n' "$only"
        exit 1
    elif [ "$status" = 0 ]; then
        printf '\n=== all %s steps passed in %s s\n' "${#times[@]}" $((SECONDS - started))
    else
        printf '\n=== FAILED after %s s: %s\n' $((SECONDS - started)) "${failed:-outside of a step}"
    fi
}
trap finish EXIT

# have PROGRAM...: returns true if every PROGRAM is installed. Debian's programs of Postgres are not in PATH, because there is a
# directory of them for each version; the tests look there, too.
have() {
    local program
    for program; do
        command -v "$program" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$program" >/dev/null || return 1
    done
}

# packages PROGRAM=PACKAGES...: installs, by one call of apt-get, the PACKAGES of each PROGRAM that is missing. Succeeds in any case.
# A run of chosen steps makes do with the programs that are installed.
packages() {
    local pair missing=()
    [ "$only" = '*' ] || return 0
    for pair; do
        # shellcheck disable=SC2206 # One program may need several packages.
        have "${pair%%=*}" || missing+=(${pair#*=})
    done
    [ "${#missing[@]}" != 0 ] || return 0
    if [ "$(id -u)" = 0 ] && have apt-get; then
        { timeout 120 apt-get update && timeout 600 apt-get install -y --no-install-recommends "${missing[@]}"; } \
            </dev/null >/dev/null 2>&1 || echo "apt-get cannot install ${missing[*]}"
    else
        echo "not installed, because that takes root and apt-get: ${missing[*]}"
    fi
}

# toolchain NAME COMPONENT...: returns true if rustup has the toolchain NAME with every COMPONENT, after trying to install them.
toolchain() {
    local name=$1 component
    shift
    have rustup || return 1
    rustup toolchain list | grep "^$name" >/dev/null ||
        timeout 600 rustup toolchain install "$name" --profile minimal "${@/#/--component=}" </dev/null >/dev/null 2>&1 ||
        return 1
    for component; do
        rustup component list --toolchain "$name" --installed 2>/dev/null | grep "^$component" >/dev/null ||
            timeout 300 rustup component add --toolchain "$name" "$component" </dev/null >/dev/null 2>&1 || return 1
    done
}

# target TRIPLE: returns true if the default toolchain can compile for TRIPLE, after trying to add it.
target() {
    have rustup && timeout 300 rustup target add "$1" </dev/null >/dev/null 2>&1
}

# tool CRATE: returns true if the program CRATE is installed, after trying to build it.
tool() {
    # In a folder of its own, because it would wait for every build in `target/` otherwise.
    have "$1" || CARGO_TARGET_DIR=target/tools/build timeout 900 cargo install "$1" --locked --root target/tools </dev/null \
        >/dev/null 2>&1
}
