"""How gpu-check holds two answers against each other."""

from __future__ import annotations

import unittest
from typing import Any

from tools.gpu_check import gpu_check


def result(label: str, confidence: float, x1: float = 0.0) -> dict[str, Any]:
    box = {"x1": x1, "y1": 0.0, "x2": x1 + 10, "y2": 10.0}
    return {"label": label, "confidence": confidence, "box": box}


class Paired(unittest.TestCase):
    def test_each_result_finds_its_nearest_of_the_same_label(self) -> None:
        ones = [result("cup", 0.9, 0), result("cup", 0.8, 50), result("cat", 0.7)]
        others = [result("cup", 0.81, 51), result("cup", 0.89, 1)]
        pairs, lonely = gpu_check.paired(ones, others)
        self.assertEqual([gpu_check.distance(*pair) for pair in pairs], [1, 1])
        self.assertEqual([one["label"] for one in lonely], ["cat"])

    def test_what_only_the_other_side_has_is_lonely_too(self) -> None:
        _, lonely = gpu_check.paired([], [result("dog", 0.5)])
        self.assertEqual(len(lonely), 1)


if __name__ == "__main__":
    unittest.main()
