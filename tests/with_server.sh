#!/usr/bin/env bash
# Runs a command with a server on the demo models, its address in OCELLUS_URL.
set -euo pipefail

log=$(mktemp)
target/release/ocellus serve --http-address 127.0.0.1:0 --operations-address 127.0.0.1:0 \
    >"$log" 2>"$log.err" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -f "$log" "$log.err"' EXIT

# Loads step back where others want the processors, so on a busy machine they take long.
for _ in $(seq 1800); do
    grep -q 'Ocellus is ready' "$log" && break
    if ! kill -0 "$server" 2>/dev/null; then
        cat "$log.err" >&2
        exit 1
    fi
    sleep 0.1
done
if ! grep -q 'Ocellus is ready' "$log"; then
    echo "the server was not ready within three minutes" >&2
    tail -n 20 "$log.err" >&2
    exit 1
fi
OCELLUS_URL=$(sed -n 's#.*page and API *\(http://[^/]*\)/.*#\1#p' "$log")
export OCELLUS_URL
if ! "$@"; then
    echo "the server's last lines:" >&2
    tail -n 20 "$log.err" >&2
    exit 1
fi
