"""How model versions appear and are refreshed, with a stand-in for the conversion."""

from __future__ import annotations

import hashlib
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from tools.setup import models
from tools.setup.fault import SetupFault
from tools.setup.models import Recipe
from tools.setup.packages import EFFICIENTNET_LITE0
from tools.setup.places import Places

WEIGHTS = b"weights"
RECIPE = Recipe(
    version="thing/1",
    converter="thing",
    package=EFFICIENTNET_LITE0,
    members=(),
    licence="",
    sha256=hashlib.sha256(WEIGHTS).hexdigest(),
)


class SetUp(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.places = Places(Path(folder.name))
        self.version = self.places.models / "thing" / "1"
        self.assets = self.places.assets / "thing" / "1"
        self.assets.mkdir(parents=True)
        (self.assets / "model.toml").write_text("task = 'classification'\n")
        (self.assets / "labels.txt").write_text("thing\n")
        (self.places.assets / "NOTICES.md").write_text(
            "# All\n\n## thing/1\n\nOurs.\n\n## other/1\n\nTheirs.\n"
        )
        self.places.apache_licence.write_text("Apache\n")

    def set_up(self, convert: mock.Mock) -> None:
        recipes = mock.patch.object(models, "RECIPES", (RECIPE,))
        conversion = mock.patch.object(models, "_convert", convert)
        with recipes, conversion, mock.patch("builtins.print"):
            models.set_up(self.places)

    def converts(self) -> mock.Mock:
        def convert(_recipe: Recipe, places: Places) -> Path:
            weights = places.staging / "thing" / "model.onnx"
            weights.parent.mkdir(parents=True)
            weights.write_bytes(WEIGHTS)
            return weights

        return mock.Mock(side_effect=convert)

    def test_a_version_appears_complete(self) -> None:
        self.set_up(self.converts())
        names = sorted(path.name for path in self.version.iterdir())
        self.assertEqual(names, ["LICENSE", "NOTICE.md", "labels.txt", "model.onnx", "model.toml"])
        self.assertEqual((self.version / "NOTICE.md").read_text(), "# thing/1\n\nOurs.\n")

    def test_nothing_is_converted_twice_and_contracts_are_refreshed(self) -> None:
        self.set_up(self.converts())
        (self.assets / "model.toml").write_text("task = 'detection'\n")
        offline = mock.Mock(side_effect=AssertionError)
        self.set_up(offline)
        offline.assert_not_called()
        self.assertEqual((self.version / "model.toml").read_text(), "task = 'detection'\n")

    def test_other_weights_are_replaced(self) -> None:
        self.set_up(self.converts())
        (self.version / "model.onnx").write_bytes(b"half")
        self.set_up(self.converts())
        self.assertEqual((self.version / "model.onnx").read_bytes(), WEIGHTS)

    def test_a_failed_conversion_leaves_no_version(self) -> None:
        with self.assertRaises(SetupFault):
            self.set_up(mock.Mock(side_effect=SetupFault("no network")))
        self.assertFalse(self.version.exists())

    def test_a_missing_contract_is_named(self) -> None:
        (self.assets / "model.toml").unlink()
        with self.assertRaisesRegex(SetupFault, r"assets/models/thing/1/model.toml is missing"):
            self.set_up(self.converts())
