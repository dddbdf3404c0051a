"""How a wheel's libraries are laid in an image's folder, with a wheel made here."""

from __future__ import annotations

import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from tools.gpu_bundle import libraries
from tools.setup.fault import SetupFault

MEMBERS = (
    "onnxruntime/LICENSE",
    "onnxruntime/capi/libonnxruntime.so.1.31.1",
    "onnxruntime/capi/libonnxruntime_providers_cuda.so",
    "onnxruntime/capi/onnxruntime_pybind11_state.so",
)


class Libraries(unittest.TestCase):
    def lay(self, *members: str) -> list[str]:
        with tempfile.TemporaryDirectory() as name, mock.patch("builtins.print"):
            wheel = Path(name) / "onnxruntime_gpu-1.31.1-cp312.whl"
            with zipfile.ZipFile(wheel, "w") as archive:
                for member in members:
                    archive.writestr(member, member)
            folder = Path(name) / "libraries"
            folder.mkdir()
            libraries.lay(libraries.ENGINE, wheel, folder)
            return sorted(path.name for path in folder.iterdir())

    def test_the_engine_and_its_providers_lie_side_by_side_without_python(self) -> None:
        laid = ["LICENSE", "libonnxruntime.so", "libonnxruntime_providers_cuda.so"]
        self.assertEqual(self.lay(*MEMBERS), laid)

    def test_a_wheel_without_the_provider_is_refused(self) -> None:
        with self.assertRaisesRegex(SetupFault, "has no file onnxruntime/capi/libonnxruntime_providers"):
            self.lay(*MEMBERS[:2])
