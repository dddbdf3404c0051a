"""Reads the weights in a PyTorch file of the format before 1.6, without PyTorch.

The file is a row of pickles: magic number, protocol, system, the object with its tensors, the keys
of the storages; then each storage's element count and raw little-endian elements. The unpickler
knows the few names that a state dict needs and refuses every other, so the file runs no code.
"""

from __future__ import annotations

import collections
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
DTYPES = {"FloatStorage": np.float32, "LongStorage": np.int64}


@dataclass(frozen=True)
class _View:
    """A tensor as it is pickled: a view of a storage."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.dtypes: dict[str, type[np.generic]] = {}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: _View(storage, offset, shape, strides)
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in DTYPES:
            return name
        raise pickle.UnpicklingError(f"{module}.{name} is not a name that weights need")

    def persistent_load(self, persistent: tuple[object, ...]) -> str:
        _, kind, key, *_ = persistent
        self.dtypes[str(key)] = DTYPES[str(kind)]
        return str(key)


def load(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of a state dict by name."""
    with path.open("rb") as file:
        if _Unpickler(file).load() != MAGIC:
            raise pickle.UnpicklingError(f"{path.name} is not a PyTorch file of the old format")
        for _ in ("protocol", "system"):
            _Unpickler(file).load()
        unpickler = _Unpickler(file)
        views: dict[str, _View] = unpickler.load()
        storages = {}
        for key in _Unpickler(file).load():
            dtype = np.dtype(unpickler.dtypes[key])
            (count,) = struct.unpack("<q", file.read(8))
            storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    return {name: _array(view, storages[view.storage]) for name, view in views.items()}


def _array(view: _View, storage: NDArray[np.generic]) -> NDArray[np.generic]:
    strides = [stride * storage.itemsize for stride in view.strides]
    return np.lib.stride_tricks.as_strided(storage[view.offset :], view.shape, strides).copy()
