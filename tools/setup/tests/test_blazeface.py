"""The anchors of BlazeFace."""

from __future__ import annotations

import unittest

import numpy as np

from tools.setup.convert.blazeface import anchor_centres


class Anchors(unittest.TestCase):
    def test_run_along_rows(self) -> None:
        anchors = anchor_centres()
        self.assertEqual(anchors.shape, (2304, 2))
        half_a_cell = 0.5 / 48
        np.testing.assert_allclose(anchors[0], [half_a_cell, half_a_cell], rtol=1e-6)
        np.testing.assert_allclose(anchors[1], [3 * half_a_cell, half_a_cell], rtol=1e-6)
        np.testing.assert_allclose(anchors[48], [half_a_cell, 3 * half_a_cell], rtol=1e-6)
        np.testing.assert_allclose(anchors[-1], [1 - half_a_cell, 1 - half_a_cell], rtol=1e-6)
