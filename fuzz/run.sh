#!/usr/bin/env bash
# Builds every fuzz target and runs each for so many seconds, two at a time: fuzz/run.sh SECONDS [TARGET…]
# What makes one fail is left in target/fuzz/failures; `target/…/TARGET FILE` runs that again.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
shift
targets=("$@")
if ((${#targets[@]} == 0)); then
    mapfile -t targets < <(sed -n 's#^path = "targets/\(.*\)\.rs"#\1#p' fuzz/Cargo.toml)
fi
host=$(rustc -vV | sed -n 's/^host: //p')

# LLVM's coverage by edges, with what is compared, for libFuzzer to learn from. `--target` keeps it out of
# what only runs while building.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Clink-dead-code -Ccodegen-units=16"
CARGO_TARGET_DIR=target/fuzz cargo build --locked --quiet --package ocellus-fuzz --profile fuzz --target "$host" --bins
unset RUSTFLAGS

run() {
    local target=$1 seeds
    case $target in
        decode) seeds=tests/goldens/inputs ;;
        contract) seeds=assets/models ;;
        *) seeds=fuzz/seeds/$target ;;
    esac
    mkdir -p "target/fuzz/corpus/$target" "target/fuzz/failures/$target"
    local found=("target/fuzz/corpus/$target")
    [[ -d $seeds ]] && found+=("$seeds")
    if ! OCELLUS_LOG_FILTER=error "target/fuzz/$host/fuzz/$target" "${found[@]}" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="target/fuzz/failures/$target/" >"target/fuzz/$target.log" 2>&1; then
        echo "$target FAILED:" >&2
        tail -n 40 "target/fuzz/$target.log" >&2
        return 1
    fi
    sed -n "s/^stat::number_of_executed_units: */$target: inputs run: /p" "target/fuzz/$target.log"
}
export -f run
export seconds host
printf '%s\n' "${targets[@]}" | xargs -P 2 -I TARGET bash -euo pipefail -c 'run TARGET'
