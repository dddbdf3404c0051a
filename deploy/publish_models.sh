#!/bin/bash
# Publishes every FOLDER/<model>/<version>/ to OCELLUS_MODELS. What is published already, with the
# same content, is left as it is, so this may be run again and again.
set -euo pipefail

cd "$1"
for folder in */*/; do
    version=${folder%/}
    ocellus publish "$folder" --to "$OCELLUS_MODELS" --model "${version%/*}" --version "${version#*/}"
done
