#!/usr/bin/env bash
# Holds the running server against its own description: `run.sh SCHEMATHESIS`, address in OCELLUS_URL.
set -euo pipefail

"$1" --config-file "$(dirname "$0")/schemathesis.toml" run "$OCELLUS_URL/openapi.json" --url "$OCELLUS_URL" \
    --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
    --max-examples 40 --seed 1 --workers 1 --no-color
