"""Fetching, with stand-ins for pip and npm."""

from __future__ import annotations

import hashlib
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools.setup.fault import SetupFault
from tools.setup.fetch import Download, fetch
from tools.setup.packages import HUMAN, Package, Registry
from tools.setup.places import Places

CONTENT = b"a package"
PACKAGE = Package(
    Registry.PYPI, "example", "1.0", "example-1.0.whl", hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
)


class Fetch(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.places = Places(Path(folder.name))
        quiet = mock.patch("builtins.print")
        quiet.start()
        self.addCleanup(quiet.stop)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.places.private.rglob("*") if path.is_file())

    def test_a_package_is_fetched_once(self) -> None:
        path = fetch(PACKAGE, self.places, brings(CONTENT))
        self.assertEqual(path.read_bytes(), CONTENT)
        self.assertEqual(fetch(PACKAGE, self.places, offline), path)

    def test_another_content_is_refused_and_not_kept(self) -> None:
        with self.assertRaisesRegex(SetupFault, "example 1.0: refused, its SHA-256 is"):
            fetch(PACKAGE, self.places, brings(b"another package"))
        self.assertEqual(self.left(), [])

    def test_a_damaged_file_in_the_cache_is_fetched_anew(self) -> None:
        self.places.downloads.mkdir(parents=True)
        (self.places.downloads / PACKAGE.file).write_bytes(CONTENT[:4])
        self.assertEqual(fetch(PACKAGE, self.places, brings(CONTENT)).read_bytes(), CONTENT)

    def test_a_client_that_fails_half_way_leaves_nothing(self) -> None:
        def fails(package: Package, folder: Path, places: Places) -> None:
            brings(CONTENT[:4])(package, folder, places)
            offline(package, folder, places)

        with self.assertRaises(SetupFault):
            fetch(PACKAGE, self.places, fails)
        self.assertEqual(self.left(), [])

    def test_a_missing_npm_is_said_with_its_remedy(self) -> None:
        remedy = self.assertRaisesRegex(SetupFault, "apt-get install npm")
        with mock.patch("shutil.which", return_value=None), remedy:
            fetch(HUMAN, self.places)


def brings(content: bytes) -> Download:
    def download(package: Package, folder: Path, _places: Places) -> None:
        (folder / package.file).write_bytes(content)

    return download


def offline(package: Package, _folder: Path, _places: Places) -> None:
    raise SetupFault(f"{package}: no network")
