#!/bin/sh
# Joins the parts that lie beside this file, once their SHA-256s are proven, into a folder.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: $0 FOLDER" >&2
    exit 2
fi
mkdir -p "$1"
folder=$(cd "$1" && pwd)
cd "$(dirname "$0")"
sha256sum --quiet --check parts.sha256
cut -d ' ' -f 3 parts.sha256 | xargs cat | tar -xzf - -C "$folder"
echo "$folder: $(find "$folder" -type f | wc -l) files, $(du -sm "$folder" | cut -f 1) MB"
