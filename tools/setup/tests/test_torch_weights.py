"""The reader of PyTorch's old format, on files written by hand in that format."""

from __future__ import annotations

import collections
import io
import os
import pickle
import struct
import sys
import types
import unittest
from unittest import mock

import numpy as np

from tools.setup.convert import torch_weights
from tools.setup.convert.fault import ConversionFault


class TorchWeights(unittest.TestCase):
    def test_reads_views_of_one_storage(self) -> None:
        weights = torch_weights.read(old_format(np.arange(6, dtype="<f4")))
        np.testing.assert_array_equal(weights["rows"], [[0, 1, 2], [3, 4, 5]])
        np.testing.assert_array_equal(weights["columns"], [[0, 3], [1, 4], [2, 5]])
        np.testing.assert_array_equal(weights["last"], [4, 5])
        self.assertEqual(weights["rows"].dtype, np.float32)

    def test_refuses_a_pickle_that_names_another_callable(self) -> None:
        with self.assertRaisesRegex(ConversionFault, r"it names \w+\.system"):
            torch_weights.read(pickle.dumps(Harmful()))

    def test_refuses_another_format(self) -> None:
        with self.assertRaisesRegex(ConversionFault, "format before 1.6"):
            torch_weights.read(pickle.dumps(1))
        with self.assertRaisesRegex(ConversionFault, "not a PyTorch state dict"):
            torch_weights.read(b"PK\x03\x04 the format since 1.6 is a zip file")


class Harmful:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("true",)


class Tensor:
    """Pickles as PyTorch's own tensors do."""

    def __init__(self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.view = (offset, shape, strides)

    def __reduce__(self) -> tuple[object, ...]:
        rebuild = sys.modules["torch._utils"].__dict__["_rebuild_tensor_v2"]
        return rebuild, (Storage(), *self.view, False, collections.OrderedDict())


class Storage:
    """Stands for the file's only storage."""


class StatePickler(pickle.Pickler):
    def persistent_id(self, value: object) -> object:
        if isinstance(value, Storage):
            return ("storage", sys.modules["torch"].__dict__["FloatStorage"], "key", "cpu", 6, None)
        return None


def old_format(storage: np.ndarray[tuple[int], np.dtype[np.float32]]) -> bytes:
    """Three tensors over one storage of six elements, as `torch.save` wrote them before 1.6."""
    state = collections.OrderedDict(
        rows=Tensor(0, (2, 3), (3, 1)), columns=Tensor(0, (3, 2), (1, 3)), last=Tensor(4, (2,), (1,))
    )
    file = io.BytesIO()
    for header in (torch_weights.MAGIC_NUMBER, 1001, {"little_endian": True}):
        pickle.dump(header, file, protocol=2)
    with mock.patch.dict(sys.modules, stand_ins()):
        StatePickler(file, protocol=2).dump(state)
    pickle.dump(["key"], file, protocol=2)
    file.write(struct.pack("<q", storage.size) + storage.tobytes())
    return file.getvalue()


def stand_ins() -> dict[str, types.ModuleType]:
    """Modules of PyTorch's names with the two things that a state dict refers to."""

    def rebuild() -> None: ...

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    storage = type("FloatStorage", (), {"__module__": "torch"})
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.__dict__["FloatStorage"] = storage
    utils.__dict__["_rebuild_tensor_v2"] = rebuild
    return {"torch": torch, "torch._utils": utils}
