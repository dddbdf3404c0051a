"""Writes the sample photos beside this script from an unpacked scikit-image 0.26 wheel.

    pip download --no-deps scikit-image==0.26.0
    python make_samples.py scikit_image-0.26.0-*.whl

Needs Pillow. Every photo is public domain or CC0; README.md names the origin of each.
"""

import io
import sys
import zipfile
from pathlib import Path

from PIL import Image

LONGEST_SIDE = 800
QUALITY = 88
MAX_BYTES = 110_000
EXIF_ORIENTATION = 0x0112
TURN_CLOCKWISE_TO_VIEW = 6

# name of the sample -> (file in the wheel, whether its pixels are stored lying on their side)
SAMPLES = {
    "coffee.jpg": ("skimage/data/coffee.png", False),
    "cat.jpg": ("skimage/data/chelsea.png", False),
    "astronaut.jpg": ("skimage/data/astronaut.png", False),
    "rocket.jpg": ("skimage/data/rocket.jpg", False),
    "cameraman.jpg": ("skimage/data/camera.png", False),
    "sideways.jpg": ("skimage/data/coffee.png", True),
}


def encode(picture: Image.Image, sideways: bool) -> bytes:
    """A baseline JPEG; a sideways one needs its EXIF orientation to be seen upright."""
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    exif = Image.Exif()
    if sideways:
        picture = picture.transpose(Image.Transpose.ROTATE_90)
        exif[EXIF_ORIENTATION] = TURN_CLOCKWISE_TO_VIEW
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY, optimize=True, exif=exif)
    return out.getvalue()


def main(wheel: str) -> None:
    here = Path(__file__).parent
    with zipfile.ZipFile(wheel) as archive:
        for name, (member, sideways) in SAMPLES.items():
            data = encode(Image.open(io.BytesIO(archive.read(member))), sideways)
            if len(data) > MAX_BYTES:
                raise SystemExit(f"{name} is {len(data)} bytes, more than {MAX_BYTES}")
            (here / name).write_bytes(data)
            print(f"{name:16} {len(data):7} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
