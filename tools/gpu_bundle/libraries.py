"""Lays the engine with its CUDA provider, and what that loads, side by side in a folder, for an image.

`python3 -m tools.gpu_bundle.libraries FOLDER`, from the root of the repository.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import zipfile
from pathlib import Path, PurePosixPath

from tools.setup import turn
from tools.setup.fault import SetupFault
from tools.setup.places import Places

from . import wheels

ROOT = Path(__file__).resolve().parents[2]
# Without the Python that the bundle's engine has; the CUDA provider is looked for beside the library.
ENGINE = wheels.Choice(
    wheels.ENGINE.package,
    (
        "onnxruntime/capi/libonnxruntime.so.*",
        "onnxruntime/capi/libonnxruntime_providers_*.so",
        "onnxruntime/LICENSE",
    ),
    "engine",
)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.gpu_bundle.libraries",
        description="Lays the libraries that a GPU image needs, for Linux on x86-64, in a folder.",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder: Path = parser.parse_args().folder
    places = Places(ROOT)
    try:
        with turn.taken(places):
            choices = (ENGINE, *wheels.NVIDIA)
            fetched = wheels.fetch(choices, places)
        folder.mkdir(parents=True, exist_ok=True)
        for choice in choices:
            lay(choice, fetched[choice.package], folder)
    except (SetupFault, OSError) as fault:
        print(f"libraries stopped: {fault}", file=sys.stderr)
        return 1
    return 0


def lay(choice: wheels.Choice, wheel: Path, folder: Path) -> None:
    """Writes the files that are taken of one wheel; the engine's library loses its version."""
    with zipfile.ZipFile(wheel) as archive:
        for name, info in wheels.files(choice, wheel):
            file = PurePosixPath(name).name
            if file.startswith("libonnxruntime.so."):
                file = "libonnxruntime.so"
            with archive.open(info) as member, (folder / file).open("wb") as copy:
                shutil.copyfileobj(member, copy)
            print(f"{file}: {info.file_size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
