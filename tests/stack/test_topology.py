"""A picture goes through the gateway to a model that a publisher put into the store."""

from __future__ import annotations

import json
import os
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any

from tools.stack.stack import PLACES, ROOT, Choices, Stack, running

PICTURE = ROOT / "assets/samples/coffee.jpg"
SECONDS = 60


class Topology(unittest.TestCase):
    stack: Stack

    @classmethod
    def setUpClass(cls) -> None:
        binary = Path(os.environ.get("OCELLUS_STACK_BINARY", Choices.binary))
        context = running(Choices(binary=binary))
        cls.stack = context.__enter__()
        cls.addClassCleanup(context.__exit__, None, None, None)

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(self.stack.url + path, timeout=SECONDS) as answer:
            return json.load(answer)

    def infer(self, model: str) -> Any:
        request = urllib.request.Request(
            f"{self.stack.url}/v1/models/{model}/infer", PICTURE.read_bytes(), {"Content-Type": "image/jpeg"}
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)

    def test_the_demo_models_answer(self) -> None:
        models = {path.parent.parent.name for path in PLACES.models.glob("*/*/model.toml")}
        self.assertLessEqual(models, {model["name"] for model in self.get("/v1/models")["models"]})
        labels = [result["label"] for result in self.infer("detector")["images"][0]["results"]]
        self.assertIn("cup", labels)

    def test_publishing_again_changes_nothing(self) -> None:
        before = self.get("/v1/models")
        self.stack.publish_demo_models()
        self.assertEqual(self.get("/v1/models"), before)
        log = (self.stack.folder / "publish.log").read_text()
        self.assertIn("detector version 1 is already published", log)

    def test_a_model_that_is_published_meanwhile_answers(self) -> None:
        self.stack.publish(PLACES.models / "detector/1", "added", "7")
        end = time.monotonic() + SECONDS
        while "added" not in {model["name"] for model in self.get("/v1/models")["models"]}:
            self.assertLess(time.monotonic(), end, "it does not appear")
            time.sleep(0.1)
        while self.get("/v1/models/added").get("default_version") != 7:
            self.assertLess(time.monotonic(), end, "it is not loaded")
            time.sleep(0.1)
        self.assertEqual(self.infer("added")["model"]["version"], 7)
        self.stack.check()
