"""What the tiny models of the Rust tests, in tests/models/, promise."""

from __future__ import annotations

import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

TESTS = Path(__file__).resolve().parents[3] / "tests"
Array = npt.NDArray[Any]


class TinyModels(unittest.TestCase):
    def test_the_committed_files_are_what_the_script_makes(self) -> None:
        script = TESTS / "models" / "make_models.py"
        made = subprocess.run([sys.executable, str(script), "--check"], check=False, capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr.decode())

    def test_colors_say_the_mean_of_each_channel(self) -> None:
        image = np.zeros((2, 3, 8, 8), np.float32)
        image[0, 0], image[1, 2, :4] = 1, 0.5
        expected = np.array([[10, 0, 0], [0, 0, 2.5]])
        self.check("models/colors/1", {"images": image}, {"logits": expected})
        self.check("models/colors/2", {"images": image}, {"logits": 2 * expected})
        self.check("models/half/1", {"images": image.astype(np.float16)}, {"logits": expected})
        pixels = (image * 254).astype(np.uint8)
        scaled = expected * 254 / 255
        self.check("models/bytes/1", {"images": pixels.transpose(0, 2, 3, 1)}, {"logits": scaled})
        self.check("models/ints/1", {"images": pixels.astype(np.int32)}, {"logits": scaled})

    def test_not_a_number_never_says_one(self) -> None:
        found = run("broken_models/not_a_number/1", {"images": np.ones((1, 3, 8, 8), np.float32)})
        self.assertTrue(np.isnan(found["logits"]).all())

    def test_spots_bound_the_pixels_of_one_channel(self) -> None:
        for model, height, width in (("spots/1", 64, 96), ("spots_any/1", 30, 50)):
            image = np.zeros((1, height, width, 3), np.float32)
            image[0, 10:21, 30:46, 0] = 255
            image[0, 5, 7, 2] = 128
            image[0, 25:, 0:3] = 255  # White belongs to no channel alone.
            expected = [
                [30, 10, 46, 21, 0.9, 0],
                [0, 0, 0, 0, 0, 1],
                [7, 5, 8, 6, 0.7, 2],
                [31, 11, 47, 22, 0.5, 0],
            ]
            with self.subTest(model):
                self.check(f"models/{model}", {"image": image}, {"detections": np.array([expected])})

    def test_marks_bound_red_twice_and_blue_once(self) -> None:
        image = np.full((1, 3, 64, 64), -1, np.float32)
        image[0, 2, 16:32, 8:40] = 1  # Red: the third channel of BGR.
        found = run("models/marks/1", {"image": image})
        np.testing.assert_allclose(found["boxes"][0, 0], [0.25, 0.125, 0.5, 0.625])
        np.testing.assert_allclose(found["keypoints"][0, 0], [[0.125, 0.25], [0.625, 0.5]])
        top, left, bottom, right = found["boxes"][0, 1]
        # Inside the first box, so the overlap is the ratio of the areas.
        self.assertGreater((bottom - top) * (right - left) / (0.25 * 0.5), 0.7)
        first, second, blue = found["scores"][0, :, 0]
        self.assertGreater(first, second)
        self.assertEqual(blue, -10)

    def check(self, model: str, inputs: dict[str, Array], expected: dict[str, Array]) -> None:
        found = run(model, inputs)
        self.assertEqual(found.keys(), expected.keys())
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=1e-6, err_msg=f"{model} {name}")


def run(model: str, inputs: dict[str, Array]) -> dict[str, Array]:
    session = onnxruntime.InferenceSession(str(TESTS / model / "model.onnx"))
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs)))
