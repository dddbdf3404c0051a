"""SAME padding against values worked out by hand."""

from __future__ import annotations

import unittest

from tools.setup.convert.padding import same

# Size, kernel, stride; output, before, after.
TABLE = [
    (224, 3, 2, 112, 0, 1),
    (260, 3, 2, 130, 0, 1),
    (65, 3, 2, 33, 1, 1),
    (112, 5, 2, 56, 1, 2),
    (7, 3, 1, 7, 1, 1),
    (7, 5, 1, 7, 2, 2),
    (8, 1, 1, 8, 0, 0),
    (8, 1, 2, 4, 0, 0),
    (8, 2, 2, 4, 0, 0),
    (2, 5, 3, 1, 1, 2),
]


class SamePadding(unittest.TestCase):
    def test_is_what_tensorflow_documents(self) -> None:
        for size, kernel, stride, *expected in TABLE:
            with self.subTest(size=size, kernel=kernel, stride=stride):
                self.assertEqual(list(same(size, kernel, stride)), expected)
