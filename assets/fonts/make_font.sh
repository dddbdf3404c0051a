#!/bin/sh
# Cuts DejaVu Sans Bold (Debian package fonts-dejavu-core 2.37) down to the scripts that labels are
# written in, for embedding. Needs fonttools (PyPI).
set -eu
cd "$(dirname "$0")"
pyftsubset /usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf \
    --output-file=DejaVuSans-Bold.ttf \
    --unicodes="U+0020-024F,U+0370-03FF,U+0400-052F,U+1E00-1EFF,U+2010-2027,U+2030-203A,U+20A0-20BF,U+2100-214F,U+2190-2199,U+2200-2265,U+FFFD" \
    --no-hinting --layout-features='' --legacy-kern --name-IDs='*' --notdef-outline \
    --drop-tables+=GPOS,GSUB,GDEF,FFTM
