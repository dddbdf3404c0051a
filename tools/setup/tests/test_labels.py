"""The committed labels are what the packages give."""

from __future__ import annotations

import unittest
from pathlib import Path

from tools.setup import labels
from tools.setup.places import Places

PLACES = Places(Path(__file__).resolve().parents[3])


class Labels(unittest.TestCase):
    def test_committed_files_follow_from_the_packages(self) -> None:
        for version, names in labels.derive(PLACES).items():
            with self.subTest(version):
                committed = (PLACES.assets / version / "labels.txt").read_text(encoding="utf-8")
                self.assertEqual(committed.splitlines(), names)

    def test_no_two_classes_share_a_name(self) -> None:
        for version, count in (("classifier/1", 1000), ("detector/1", 80), ("faces/1", 1)):
            with self.subTest(version):
                names = (PLACES.assets / version / "labels.txt").read_text(encoding="utf-8").splitlines()
                self.assertEqual(len(names), count)
                self.assertEqual(len({name.lower() for name in names}), count)

    def test_the_rule_takes_the_first_synonym(self) -> None:
        self.assertEqual(
            labels.imagenet_names({"0": "tench, Tinca tinca", "1": "stingray"}), ["tench", "stingray"]
        )

    def test_coco_names_are_sorted_by_class(self) -> None:
        source = "{ class: 10, label: 'traffic light' },\n{ class: 2, label: 'bicycle' },"
        self.assertEqual(labels.coco_names(source), ["bicycle", "traffic light"])
