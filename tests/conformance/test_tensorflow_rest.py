"""TensorFlow Serving's REST interface, against a gateway."""

from __future__ import annotations

import base64
import gzip
import json
import unittest
from typing import Any

from .support import PHOTO, ask

B64 = {"b64": base64.b64encode(PHOTO).decode()}
MODEL = "/v1/models/classifier"


class TensorFlowRest(unittest.TestCase):
    def good(self, method: str, path: str, body: bytes | object = b"", **headers: str) -> Any:
        reply = ask(method, path, body, headers)
        self.assertEqual(reply.status, 200, reply.body[:500])
        return reply.json

    def refused(self, status: int, words: str, method: str, path: str, body: bytes | object = b"") -> None:
        reply = ask(method, path, body)
        self.assertEqual(reply.status, status, reply.body)
        self.assertIn(words, reply.json["error"])

    def tensor(self) -> tuple[str, Any]:
        signatures = self.good("GET", f"{MODEL}/versions/1/metadata")["metadata"]["signature_def"]["signature_def"]
        ((name, info),) = signatures["serving_default"]["inputs"].items()
        axes = [int(dim["size"]) for dim in info["tensor_shape"]["dim"]][1:]
        value: Any = 0.25
        for axis in reversed(axes):
            value = [value] * axis
        return name, value

    def test_tensors_by_rows_and_columns(self) -> None:
        name, row = self.tensor()
        path = f"{MODEL}/versions/1:predict"
        bare = self.good("POST", path, {"instances": [row, row]})["predictions"]
        named = self.good("POST", path, {"instances": [{name: row}, {name: row}]})["predictions"]
        column = self.good("POST", path, {"inputs": {name: [row, row]}})["outputs"]
        alone = self.good("POST", path, {"inputs": [row, row], "signature_name": "serving_default"})["outputs"]
        self.assertEqual(len(bare), 2)
        self.assertEqual(bare, named)
        self.assertEqual(column, alone)
        self.assertEqual(bare, column if isinstance(column, list) else bare)

    def test_pictures(self) -> None:
        path = "/v1/models/detector:predict"
        answer = self.good("POST", path, {"instances": [B64, B64]})
        first, second = answer["predictions"]
        self.assertEqual(first, second)
        self.assertEqual((first["num_results"], first["labels"]), (2, ["cup", "dining table"]))
        named = self.good("POST", path, {"instances": [{"image": B64}]})["predictions"]
        self.assertEqual(named, [first])
        column = self.good("POST", path, {"inputs": {"image": [B64]}})["outputs"]
        self.assertEqual(column["labels"], [["cup", "dining table"]])
        packed = gzip.compress(json.dumps({"instances": [B64]}).encode())
        zipped = self.good("POST", path, packed, **{"Content-Encoding": "gzip"})["predictions"]
        self.assertEqual(zipped, [first])

    def test_classify(self) -> None:
        body = {"examples": [{"image": B64}], "signature_name": "classification"}
        ((best, *_),) = self.good("POST", f"{MODEL}:classify", body)["results"]
        self.assertEqual(best[0], "espresso")
        self.assertIsInstance(best[1], float)
        shared = {"context": {"image": B64}, "examples": [{}]}
        self.assertEqual(self.good("POST", f"{MODEL}:classify", shared)["results"][0][0], best)

    def test_status(self) -> None:
        status = self.good("GET", MODEL)["model_version_status"]
        expected = {"version": "2", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        self.assertEqual(status[0], expected)
        one = self.good("GET", f"{MODEL}/versions/1")["model_version_status"]
        self.assertEqual([each["version"] for each in one], ["1"])
        self.refused(404, "Could not find version 9 of model classifier", "GET", f"{MODEL}/versions/9")
        reply = ask("GET", "/v1/models/nothing")
        self.assertEqual(reply.status, 404)
        self.refused(400, "Unrecognized servable version label: nothing", "GET", f"{MODEL}/labels/nothing")

    def test_metadata(self) -> None:
        metadata = self.good("GET", f"{MODEL}/metadata")
        self.assertEqual(metadata["model_spec"]["version"], "2")
        signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
        self.assertEqual(signature["method_name"], "tensorflow/serving/predict")
        (info,) = signature["inputs"].values()
        self.assertEqual(info["dtype"], "DT_FLOAT")
        self.assertEqual(info["tensor_shape"]["dim"][0], {"size": "-1", "name": ""})

    def test_what_is_wrong_is_said(self) -> None:
        post = "POST"
        some = {"instances": [B64]}
        self.refused(404, "Servable not found for request: Latest(nothing)", post, "/v1/models/nothing:predict", some)
        path = f"{MODEL}/versions/9:predict"
        self.refused(404, "Servable not found for request: Specific(classifier, 9)", post, path, some)
        path = f"{MODEL}/labels/nothing:predict"
        self.refused(400, "Unrecognized servable version label: nothing", post, path, some)
        self.refused(400, "Missing 'inputs' or 'instances' key", post, f"{MODEL}:predict", {"other": 1})
        self.refused(400, "JSON Parse error", post, f"{MODEL}:predict", b"{")
        signature = {"signature_name": "nothing", "instances": [B64]}
        words = 'Serving signature name: "nothing" not found in signature def'
        self.refused(400, words, post, f"{MODEL}:predict", signature)
        self.refused(400, "Malformed request", post, f"{MODEL}:frobnicate", some)
        self.refused(400, "regress", post, f"{MODEL}:regress", {"examples": [{"x": 1}]})
        self.refused(400, "'examples' is expected", post, f"{MODEL}:classify", {})
        self.refused(400, "differ in length", post, f"{MODEL}:predict", {"instances": [[1, 2], [1]]})
        self.refused(400, "picture", post, f"{MODEL}:predict", {"instances": [{"b64": "AAAA"}]})
        self.refused(404, "Servable not found", "GET", "/v1/models/nothing/metadata")
