#!/bin/bash
# Publishes every FOLDER/<model>/<version>/ to OCELLUS_MODELS. What is published already, with the
# same content, is left as it is, so this may be run again and again.
set -euo pipefail

for folder in "$1"/*/*/; do
    folder=${folder%/}
    version=${folder##*/}
    model=${folder%/*}
    ocellus publish "$folder" --to "$OCELLUS_MODELS" --model "${model##*/}" --version "$version"
done
