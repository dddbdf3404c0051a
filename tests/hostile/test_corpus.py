"""The corpus itself: large, the same every time, and right about what is a picture."""

from __future__ import annotations

import io
import unittest
from unittest.mock import Mock

from PIL import Image

from .client import Answer
from .pictures import corpus
from .pictures.item import FINE
from .requests import raw, requests
from .run import Attack, Report


class Corpus(unittest.TestCase):
    """What `make hostile` sends."""

    def test_it_is_large_and_each_item_has_its_name(self) -> None:
        pictures, raws = corpus(1), requests()
        self.assertGreaterEqual(len(pictures), 200)
        self.assertGreaterEqual(len(raws), 200)
        self.assertEqual(len({picture.name for picture in pictures}), len(pictures))
        self.assertEqual(len({request.name for request in raws}), len(raws))

    def test_a_seed_makes_the_same_corpus(self) -> None:
        # Not `assertEqual`, which would look for the difference between hundreds of megabytes.
        self.assertTrue(corpus(1) == corpus(1))
        self.assertFalse(corpus(1) == corpus(2))
        self.assertTrue(requests() == requests())

    def test_what_must_be_answered_is_a_picture_to_pillow_too(self) -> None:
        for picture in corpus(1):
            if picture.expect == frozenset({FINE}):
                with self.subTest(picture.name), Image.open(io.BytesIO(picture.data)) as image:
                    self.assertIn(image.format, {"JPEG", "PNG", "GIF", "WEBP", "MPO"})

    def test_what_can_never_fit_is_not_to_be_sent_again(self) -> None:
        for status, body, expect, fine in [
            (413, b'{"error":"why"}', 413, True),
            (429, b'{"error":"why"}', 413, False),
            (429, b'{"code":"queue_full"}', 413, True),
            (503, b'{"error":"why"}', 413, True),
            (429, b'{"error":"why"}', 200, True),
        ]:
            with self.subTest(status=status, body=body, expect=expect):
                report = Report()
                answer = Answer(status, 0.0, {"retry-after": "1"}, body)
                Attack(Mock(), report, [], []).judge_raw(raw("a request", b"", expect), answer)
                self.assertEqual(not report.faults, fine)


if __name__ == "__main__":
    unittest.main()
