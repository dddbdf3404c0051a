"""The converted models on real photos: what they say, and how sure they are."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from tools.setup.places import Places

PLACES = Places(Path(__file__).resolve().parents[3])
VERSIONS = ("classifier/1", "classifier/2", "detector/1", "faces/1")
BUILT = all((PLACES.models / version / "model.onnx").is_file() for version in VERSIONS)
# The scores come from the same weights in another runtime on another machine.
TOLERANCE = 0.02

Array = npt.NDArray[np.float32]


@unittest.skipUnless(BUILT, "the demo models are not built: python3 -m tools.setup models")
@unittest.skipUnless(PLACES.photos.is_dir(), "the photos are missing: python3 -m tools.setup photos")
class DemoModels(unittest.TestCase):
    def check_class(self, version: str, photo: str, expected: str, score: float) -> None:
        side, fraction = {"classifier/1": (224, 224 / 256), "classifier/2": (260, 260 / 292)}[version]
        pixels = centre_crop(load(photo), side, fraction).transpose(2, 0, 1)[None]
        logits = run(version, (pixels - np.float32(127)) / np.float32(128))["logits"][0]
        probabilities = np.exp(logits - logits.max())
        probabilities /= probabilities.sum()
        with self.subTest(version=version, photo=photo):
            self.assertEqual(labels(version)[int(probabilities.argmax())], expected)
            self.assertAlmostEqual(float(probabilities.max()), score, delta=TOLERANCE)

    def test_classifier_1(self) -> None:
        self.check_class("classifier/1", "coffee.png", "espresso", 0.95)
        self.check_class("classifier/1", "chelsea.png", "tiger cat", 0.39)
        self.check_class("classifier/1", "china.jpg", "palace", 0.36)
        self.check_class("classifier/1", "flower.jpg", "daisy", 0.33)
        self.check_class("classifier/1", "motorcycle_left.png", "moped", 0.53)

    def test_classifier_2(self) -> None:
        self.check_class("classifier/2", "coffee.png", "espresso", 0.89)
        self.check_class("classifier/2", "china.jpg", "palace", 0.34)

    def test_classifiers_take_batches(self) -> None:
        batch = np.zeros((3, 3, 224, 224), np.float32)
        found = run("classifier/1", batch)
        self.assertEqual(found["logits"].shape, (3, 1000))
        self.assertEqual(found["embedding"].shape, (3, 1280))

    def check_detections(self, photo: str, expected: dict[str, float]) -> None:
        """The best score of each class above 0.3."""
        pixels = letterbox(load(photo), 512, fill=114, centred=False)[None]
        detections = run("detector/1", pixels)["detections"][0]
        best: dict[str, float] = {}
        for *_, score, index in detections[detections[:, 4] > 0.3]:
            name = labels("detector/1")[int(index)]
            best[name] = max(best.get(name, 0.0), float(score))
        with self.subTest(photo=photo):
            self.assertEqual(best.keys(), expected.keys())
            for name, score in expected.items():
                self.assertAlmostEqual(best[name], score, delta=TOLERANCE)

    def test_detector(self) -> None:
        self.check_detections("coffee.png", {"cup": 0.58, "dining table": 0.34})
        self.check_detections("motorcycle_left.png", {"motorcycle": 0.70})
        self.check_detections("chelsea.png", {"cat": 0.47})

    def faces_of(self, photo: str) -> list[float]:
        pixels = letterbox(load(photo), 192, fill=0, centred=True)[None]
        scores = run("faces/1", pixels / 127.5 - 1)["scores"][0]
        return sorted((float(score) for score in scores[scores > 0.5]), reverse=True)

    def test_faces(self) -> None:
        self.assertAlmostEqual(self.faces_of("astronaut.png")[0], 0.94, delta=TOLERANCE)
        for photo in ("chelsea.png", "coffee.png", "flower.jpg", "motorcycle_left.png"):
            with self.subTest(photo=photo):
                self.assertEqual(self.faces_of(photo), [])


def run(version: str, pixels: Array) -> dict[str, Array]:
    session = onnxruntime.InferenceSession(str(PLACES.models / version / "model.onnx"))
    names = [output.name for output in session.get_outputs()]
    (image,) = session.get_inputs()
    found: list[Any] = session.run(names, {image.name: pixels.astype(np.float32)})
    return dict(zip(names, found))


def labels(version: str) -> list[str]:
    return (PLACES.models / version / "labels.txt").read_text(encoding="utf-8").splitlines()


def load(photo: str) -> Image.Image:
    return Image.open(PLACES.photos / photo).convert("RGB")


def centre_crop(image: Image.Image, side: int, fraction: float) -> Array:
    """[side, side, 3], 0..255: the middle `fraction` of the shorter side, resized."""
    kept = int(min(image.size) * fraction)
    left, top = (image.width - kept) // 2, (image.height - kept) // 2
    cropped = image.crop((left, top, left + kept, top + kept))
    return np.asarray(cropped.resize((side, side), Image.Resampling.BICUBIC), np.float32)


def letterbox(image: Image.Image, side: int, *, fill: int, centred: bool) -> Array:
    """[side, side, 3], 0..255: the whole picture, the rest filled."""
    scale = side / max(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    canvas = Image.new("RGB", (side, side), (fill, fill, fill))
    offset = ((side - size[0]) // 2, (side - size[1]) // 2) if centred else (0, 0)
    canvas.paste(image.resize(size, Image.Resampling.BILINEAR), offset)
    return np.asarray(canvas, np.float32)
