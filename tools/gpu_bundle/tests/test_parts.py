"""Parts come to what was written, and what was changed on the way is refused."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path
from typing import IO, cast

from tools.gpu_bundle.parts import LIST, Parts

UNPACK = Path(__file__).parents[1] / "unpack.sh"


class PartsTest(unittest.TestCase):
    def setUp(self) -> None:
        held = tempfile.TemporaryDirectory()
        self.addCleanup(held.cleanup)
        self.folder = Path(held.name)

    def bundle(self, content: bytes, most_bytes: int) -> list[int]:
        parts = Parts(self.folder, most_bytes)
        packed = gzip.GzipFile("", "wb", 1, cast("IO[bytes]", parts), mtime=0)
        with parts, packed, tarfile.open(fileobj=packed, mode="w|") as bundle:
            entry = tarfile.TarInfo("lib/large.so")
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
        return parts.sizes

    def unpack(self, target: Path) -> subprocess.CompletedProcess[bytes]:
        script = self.folder / "unpack.sh"
        script.write_bytes(UNPACK.read_bytes())
        return subprocess.run(["sh", str(script), str(target)], capture_output=True, check=False)

    def test_a_large_file_is_split_and_joined(self) -> None:
        content = os.urandom(100_000)
        sizes = self.bundle(content, 30_000)
        self.assertEqual((len(sizes), max(sizes)), (4, 30_000))
        self.assertEqual(len((self.folder / LIST).read_text().splitlines()), 4)
        target = self.folder / "unpacked"
        self.assertEqual(self.unpack(target).returncode, 0)
        self.assertEqual((target / "lib/large.so").read_bytes(), content)

    def test_a_part_that_was_changed_or_lost_is_refused(self) -> None:
        self.bundle(os.urandom(100_000), 30_000)
        part = self.folder / "part-02.tar.gz"
        part.write_bytes(b"x" + part.read_bytes()[1:])
        target = self.folder / "unpacked"
        self.assertNotEqual(self.unpack(target).returncode, 0)
        part.unlink()
        self.assertNotEqual(self.unpack(target).returncode, 0)
        self.assertEqual(list(target.iterdir()), [])
