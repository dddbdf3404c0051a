"""Reads the weights of a PyTorch `.pth` file in the format before 1.6, without PyTorch.

The file is five pickles (magic number, protocol, system, the state dict, the storage keys)
followed by each storage: an int64 count and its elements. Source: `_legacy_save` in
PyTorch's torch/serialization.py. A pickle may name any callable, so only the three kinds
that a state dict needs are allowed.
"""

from __future__ import annotations

import collections
import io
import pickle
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .fault import ConversionFault

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
ELEMENTS: dict[str, npt.DTypeLike] = {"FloatStorage": np.float32, "LongStorage": np.int64}

Array = npt.NDArray[Any]


def read(content: bytes) -> dict[str, Array]:
    """Tensors by name, in the shapes they were saved in."""
    file = io.BytesIO(content)
    try:
        if _StateUnpickler(file).load() != MAGIC_NUMBER:
            raise ConversionFault("not a PyTorch file of the format before 1.6")
        _protocol, _system = _StateUnpickler(file).load(), _StateUnpickler(file).load()
        state = _StateUnpickler(file)
        tensors: dict[str, _Tensor] = state.load()
        keys: list[str] = _StateUnpickler(file).load()
    except pickle.UnpicklingError as fault:
        raise ConversionFault(f"not a PyTorch state dict: {fault}") from fault
    storages = {key: _read_storage(file, state.dtypes[key]) for key in keys}
    return {name: tensor.view(storages[tensor.storage]) for name, tensor in tensors.items()}


@dataclass(frozen=True)
class _Tensor:
    """A view of a storage, in elements."""

    storage: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def view(self, storage: Array) -> Array:
        in_bytes = [stride * storage.itemsize for stride in self.strides]
        return np.lib.stride_tricks.as_strided(storage[self.offset :], self.shape, in_bytes).copy()


class _StateUnpickler(pickle.Unpickler):
    """Gives `_Tensor` for each tensor and notes the element type of each storage."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.dtypes: dict[str, np.dtype[Any]] = {}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in ELEMENTS:
            return np.dtype(ELEMENTS[name])
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, identity: tuple[str, np.dtype[Any], str, str, int, object]) -> str:
        _kind, dtype, key, _device, _count, _view = identity
        self.dtypes[key] = dtype
        return key


def _rebuild_tensor(
    storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_autograd: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


def _read_storage(file: io.BytesIO, dtype: np.dtype[Any]) -> Array:
    (count,) = struct.unpack("<q", file.read(8))
    return np.frombuffer(file.read(count * dtype.itemsize), dtype.newbyteorder("<"))
