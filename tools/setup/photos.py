"""Photos for tests, out of two packages that ship some."""

from __future__ import annotations

from dataclasses import dataclass

from . import archive, whole_file
from .fault import SetupFault
from .fetch import fetch
from .packages import SCIKIT_IMAGE, SCIKIT_LEARN, Package
from .places import Places


@dataclass(frozen=True)
class Photo:
    """One picture: its name here and at the end of its path in the package, and its content."""

    package: Package
    folder: str
    name: str
    sha256: str
    licence: str


SKIMAGE = (SCIKIT_IMAGE, "skimage/data")
SKLEARN = (SCIKIT_LEARN, "sklearn/datasets/images")

PHOTOS = (
    Photo(
        *SKIMAGE,
        "astronaut.png",
        "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        "public domain (NASA)",
    ),
    Photo(
        *SKIMAGE,
        "camera.png",
        "b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        "CC0 (Lav Varshney)",
    ),
    Photo(
        *SKIMAGE,
        "chelsea.png",
        "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        "CC0 (Stefan van der Walt)",
    ),
    Photo(
        *SKIMAGE,
        "coffee.png",
        "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        "CC0 (Rachel Michetti)",
    ),
    Photo(
        *SKIMAGE,
        "horse.png",
        "c7fb60789fe394c485f842291ea3b21e50d140f39d6dcb5fb9917cc178225455",
        "CC0 (Andreas Preuss); a black silhouette",
    ),
    Photo(
        *SKIMAGE,
        "motorcycle_left.png",
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
        "Middlebury stereo data 2014 (Scharstein et al.), whose terms the package does not state",
    ),
    Photo(
        *SKIMAGE,
        "rocket.jpg",
        "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        "public domain (SpaceX)",
    ),
    Photo(
        *SKLEARN,
        "china.jpg",
        "8378025ad2519d649d02e32bd98990db4ab572357d9f09841c2fbfbb4fefad29",
        "CC BY 2.0 (danielbuechele)",
    ),
    Photo(
        *SKLEARN,
        "flower.jpg",
        "a77f6ec41e353afdf8bdff2ea981b2955535d8d83294f8cfa49cf4e423dd5638",
        "CC BY 2.0 (vultilion)",
    ),
)


def set_up(places: Places) -> None:
    """Leaves the photos and their licences in `.ocellus/photos/`."""
    for photo in PHOTOS:
        target = places.photos / photo.name
        if not whole_file.has_digest(target, photo.sha256):
            package = fetch(photo.package, places)
            whole_file.write(target, archive.read(package, f"{photo.folder}/{photo.name}"))
            if not whole_file.has_digest(target, photo.sha256):
                raise SetupFault(f"{places.named(target)} is not the photo that {photo.package} is known for")
    whole_file.write(places.photos / "README.md", _readme().encode())
    print(f"{places.named(places.photos)}: {len(PHOTOS)} photos", flush=True)


def _readme() -> str:
    rows = [f"| {photo.name} | {photo.package} | {photo.licence} |" for photo in PHOTOS]
    table = ["| photo | package | licence |", "|---|---|---|", *rows]
    return "\n".join(["# Photos for tests, and whose they are", "", *table]) + "\n"
