"""ONNX Runtime's library, out of its Python wheel."""

from __future__ import annotations

import platform
import shutil
import zipfile

import packages
from failure import Failure
from places import CACHE, ENGINE

NOTICES = ("LICENSE", "ThirdPartyNotices.txt")


def install() -> None:
    """Puts the library and its licences into `.ocellus/onnxruntime`."""
    package = packages.onnxruntime()
    library = "libonnxruntime.dylib" if platform.system() == "Darwin" else "libonnxruntime.so"
    stamp = ENGINE / "package.sha256"
    if (ENGINE / library).is_file() and stamp.is_file() and stamp.read_text() == package.sha256:
        print(f"engine: ONNX Runtime {package.version} is there")
        return
    print(f"engine: ONNX Runtime {package.version}")
    wheel = package.fetch()
    fresh = CACHE / "onnxruntime.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as files:
        _copy(files, _library(files.namelist()), fresh / library)
        for notice in NOTICES:
            _copy(files, f"onnxruntime/{notice}", fresh / notice)
    (fresh / stamp.name).write_text(package.sha256)
    shutil.rmtree(ENGINE, ignore_errors=True)
    fresh.rename(ENGINE)
    print(f"engine: {ENGINE / library}, {(ENGINE / library).stat().st_size / 1e6:.1f} MB")


def _library(names: list[str]) -> str:
    """The library's name in the wheel: it carries its version."""
    for name in names:
        base = name.removeprefix("onnxruntime/capi/libonnxruntime.")
        if base != name and base.strip("0123456789.") in ("so", "dylib"):
            return name
    raise Failure("the wheel has no libonnxruntime")


def _copy(files: zipfile.ZipFile, name: str, to: object) -> None:
    with files.open(name) as source, open(to, "wb") as target:  # type: ignore[call-overload]
        shutil.copyfileobj(source, target)
