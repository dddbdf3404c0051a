"""The ONNX Runtime library, taken out of the Python package that ships it."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from . import archive, whole_file
from .fault import SetupFault
from .fetch import fetch
from .packages import (
    ONNXRUNTIME_LINUX_AARCH64,
    ONNXRUNTIME_LINUX_X86_64,
    ONNXRUNTIME_MACOS_ARM64,
    Package,
)
from .places import Places


@dataclass(frozen=True)
class Library:
    """The library of one platform: its package, its path in there, its name here, its digest."""

    package: Package
    member: str
    file: str
    sha256: str


LINUX = ("onnxruntime/capi/libonnxruntime.so.1.31.1", "libonnxruntime.so")
MACOS = ("onnxruntime/capi/libonnxruntime.1.31.1.dylib", "libonnxruntime.dylib")
NOTICES = ("LICENSE", "ThirdPartyNotices.txt")

# By what Python calls the system and the machine.
LIBRARIES: dict[tuple[str, str], Library] = {
    ("Linux", "x86_64"): Library(
        ONNXRUNTIME_LINUX_X86_64,
        *LINUX,
        "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    ),
    ("Linux", "aarch64"): Library(
        ONNXRUNTIME_LINUX_AARCH64,
        *LINUX,
        "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    ),
    ("Darwin", "arm64"): Library(
        ONNXRUNTIME_MACOS_ARM64,
        *MACOS,
        "d586cbe89effc085a09d3341b3cfbd5c322517f9d397aeb20814af21433f2b36",
    ),
}


def set_up(places: Places) -> None:
    """Leaves the library and its licences in `.ocellus/onnxruntime/`."""
    machine = (platform.system(), platform.machine())
    library = LIBRARIES.get(machine)
    if library is None:
        raise SetupFault("no ONNX Runtime is pinned for {} on {}".format(*machine))
    target = places.engine / library.file
    notices = [places.engine / name for name in NOTICES]
    if not (whole_file.has_digest(target, library.sha256) and all(notice.is_file() for notice in notices)):
        wheel = fetch(library.package, places)
        for notice in notices:
            whole_file.write(notice, archive.read(wheel, f"onnxruntime/{notice.name}"))
        whole_file.write(target, archive.read(wheel, library.member))
        if not whole_file.has_digest(target, library.sha256):
            raise SetupFault(f"{places.named(target)} is not the library that {library.package} is known for")
    print(f"{places.named(target)}: {library.package}, {target.stat().st_size / 1e6:.1f} MB", flush=True)
