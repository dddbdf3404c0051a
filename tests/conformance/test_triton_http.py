"""tritonclient.http, unmodified, against a gateway; and what its protocol says beside it."""

from __future__ import annotations

import base64
import unittest

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from .support import PHOTO, ask, gateway

HEAD = "Inference-Header-Content-Length"


class TritonHttp(unittest.TestCase):
    def setUp(self) -> None:
        self.client = triton.InferenceServerClient(gateway(), network_timeout=120)
        self.addCleanup(self.client.close)

    def picture(self, binary: bool = True) -> triton.InferInput:
        picture = triton.InferInput("image", [1], "BYTES")
        if binary:
            picture.set_data_from_numpy(np.array([PHOTO], dtype=object))
        else:
            picture.set_data_from_numpy(np.array([base64.b64encode(PHOTO)], dtype=object), binary_data=False)
        return picture

    def tensor(self, rows: int = 2, binary: bool = True) -> triton.InferInput:
        described = self.client.get_model_metadata("classifier", "1")["inputs"][0]
        values = np.random.default_rng(7).random((rows, *described["shape"][1:]), np.float32)
        tensor = triton.InferInput(described["name"], list(values.shape), described["datatype"])
        tensor.set_data_from_numpy(values, binary_data=binary)
        return tensor

    def test_health(self) -> None:
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("detector"))
        self.assertTrue(self.client.is_model_ready("detector", "1"))
        self.assertFalse(self.client.is_model_ready("nothing"))

    def test_descriptions(self) -> None:
        self.assertEqual(self.client.get_server_metadata()["name"], "ocellus")
        self.assertEqual(self.client.get_model_metadata("classifier")["versions"], ["2", "1"])
        config = self.client.get_model_config("classifier", "1")
        self.assertEqual((config["name"], config["max_batch_size"]), ("classifier", 8))
        index = self.client.get_model_repository_index()
        self.assertIn(("detector", "1", "READY"), [(one["name"], one["version"], one["state"]) for one in index])

    def test_tensors_binary_and_as_json(self) -> None:
        name = self.client.get_model_metadata("classifier", "1")["outputs"][0]["name"]
        expected = self.client.infer("classifier", [self.tensor()], "1").as_numpy(name)
        for binary_in in (True, False):
            for binary_out in (True, False):
                wanted = [triton.InferRequestedOutput(name, binary_data=binary_out)]
                answer = self.client.infer("classifier", [self.tensor(binary=binary_in)], "1", outputs=wanted)
                np.testing.assert_allclose(answer.as_numpy(name), expected, rtol=1e-4, atol=1e-5)
        wanted = [triton.InferRequestedOutput(name, class_count=2)]
        best = self.client.infer("classifier", [self.tensor()], "1", outputs=wanted).as_numpy(name)
        self.assertEqual(int(best[0][0].decode().split(":")[1]), int(expected[0].argmax()))

    def test_pictures(self) -> None:
        expected = self.client.infer("detector", [self.picture()], request_id="mine")
        self.assertEqual(expected.get_response()["id"], "mine")
        self.assertEqual(expected.as_numpy("labels").tolist(), [[b"cup", b"dining table"]])
        for answer in (
            self.client.infer("detector", [self.picture(binary=False)]),
            self.client.infer("detector", [self.picture()], request_compression_algorithm="gzip"),
            self.client.infer("detector", [self.picture()], request_compression_algorithm="deflate"),
            self.client.async_infer("detector", [self.picture()]).get_result(),
        ):
            np.testing.assert_array_equal(answer.as_numpy("boxes"), expected.as_numpy("boxes"))
        few = self.client.infer("detector", [self.picture()], parameters={"max_detections": 1})
        self.assertEqual(few.as_numpy("num_results").tolist(), [1])

    def test_a_body_that_is_a_picture(self) -> None:
        reply = ask("POST", "/v2/models/detector/infer", PHOTO, {HEAD: "0"})
        self.assertEqual(reply.status, 200, reply.body)
        outputs = {output["name"]: output for output in reply.json["outputs"]}
        self.assertEqual(outputs["labels"]["data"], ["cup", "dining table"])

    def test_statistics_repository(self) -> None:
        self.client.infer("classifier", [self.tensor(3)], "1")
        stats = self.client.get_inference_statistics("classifier", "1")["model_stats"]
        self.assertGreaterEqual(stats[0]["inference_count"], 3)
        self.assertTrue(self.client.get_inference_statistics()["model_stats"])
        self.client.unload_model("faces")
        self.assertFalse(self.client.is_model_ready("faces"))
        self.client.load_model("faces")
        self.assertTrue(self.client.is_model_ready("faces"))

    def test_what_is_wrong_is_said(self) -> None:
        def refused(status: int, path: str, body: bytes | object = b"", headers: dict[str, str] | None = None) -> str:
            reply = ask("POST", path, body, headers)
            self.assertEqual(reply.status, status, reply.body)
            words: str = reply.json["error"]
            self.assertTrue(words)
            return words

        path = "/v2/models/classifier/versions/1/infer"
        refused(404, "/v2/models/nothing/infer", {"inputs": []})
        refused(400, "/v2/models/%20/infer")
        self.assertIn("one input", refused(400, path, {"inputs": []}))
        self.assertIn("not JSON", refused(400, path, b"{"))
        self.assertIn("head", refused(400, path, b"{}", {HEAD: "9"}))
        wrong = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1.0]}]}
        self.assertIn("wants 2 elements", refused(400, path, wrong))
        left = b'{"inputs": []}and more'
        self.assertIn("left", refused(400, path, left, {HEAD: "14"}))
        refused(404, "/v2/repository/models/nothing/load", {})
        refused(400, "/v2/repository/models/faces/load", {"parameters": {"config": "{}"}})
        refused(400, "/v2/models/detector/infer", b"no picture", {HEAD: "0"})
        for call in (self.client.get_trace_settings, self.client.get_log_settings):
            with self.assertRaises(InferenceServerException):
                call()
