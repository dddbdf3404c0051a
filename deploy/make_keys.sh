#!/bin/bash
# Prints new keys for docker-compose.yml, as lines of an .env file.
set -euo pipefail

key() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

echo "OCELLUS_STORE_ACCESS_KEY=ocellus"
echo "OCELLUS_STORE_SECRET_KEY=$(key)"
echo "OCELLUS_GRAFANA_PASSWORD=$(key)"
