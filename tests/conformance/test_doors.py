"""One photo through every door: the same answer, to the bit."""

from __future__ import annotations

import base64
import os
import subprocess
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from bench.clients import answers, free_port, wait_for
from tools.stack.stack import ROOT

from . import support
from .support import PHOTO

B64 = {"b64": base64.b64encode(PHOTO).decode()}
MODEL = "/v1/models/detector"


@dataclass(frozen=True)
class Seen:
    """What was seen in the photo. Numbers as the bits of float32."""

    labels: tuple[str, ...]
    scores: bytes
    boxes: bytes


def seen(labels: Any, scores: Any, boxes: Any) -> Seen:
    texts = (label.decode() if isinstance(label, bytes) else label for label in labels)
    return Seen(tuple(texts), np.asarray(scores, np.float32).tobytes(), np.asarray(boxes, np.float32).tobytes())


def of_answer(answer: Any) -> Seen:
    results = answer["images"][0]["results"]
    boxes = [[result["box"][edge] for edge in ("x1", "y1", "x2", "y2")] for result in results]
    return seen([result["label"] for result in results], [result["confidence"] for result in results], boxes)


def of_columns(columns: dict[str, Any]) -> Seen:
    count = int(np.asarray(columns["num_results"]).ravel()[0])
    each = (np.asarray(columns[name]) for name in ("labels", "scores", "boxes"))
    labels, scores, boxes = (column.reshape(-1, *shape)[:count] for column, shape in zip(each, ((), (), (4,))))
    return seen(labels, scores, boxes)


class Doors(unittest.TestCase):
    def own(self, ask: Any) -> dict[str, Seen]:
        boundary = "a-boundary"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        form = head.encode() + PHOTO + f"\r\n--{boundary}--\r\n".encode()
        kinds = {
            "form": (form, f"multipart/form-data; boundary={boundary}"),
            "raw": (PHOTO, "image/jpeg"),
            "json": (B64, "application/json"),
        }
        return {
            name: of_answer(ask("POST", f"{MODEL}/infer", body, {"Content-Type": kind}).json)
            for name, (body, kind) in kinds.items()
        }

    def rest(self, ask: Any, address: str) -> dict[str, Seen]:
        found = self.own(ask)
        row = ask("POST", f"{MODEL}:predict", {"instances": [B64]}).json["predictions"][0]
        found["tensorflow row"] = of_columns(row)
        column = ask("POST", f"{MODEL}:predict", {"inputs": {"image": [B64]}}).json["outputs"]
        found["tensorflow column"] = of_columns(column)
        head = {"Inference-Header-Content-Length": "0"}
        raw = ask("POST", "/v2/models/detector/infer", PHOTO, head).json["outputs"]
        found["open inference raw"] = of_columns({output["name"]: output["data"] for output in raw})
        client = triton_http.InferenceServerClient(address, network_timeout=120)
        for binary in (True, False):
            picture = triton_http.InferInput("image", [1], "BYTES")
            bytes_ = PHOTO if binary else base64.b64encode(PHOTO)
            picture.set_data_from_numpy(np.array([bytes_], dtype=object), binary_data=binary)
            answer = client.infer("detector", [picture])
            names = ("num_results", "labels", "scores", "boxes")
            found[f"open inference, binary {binary}"] = of_columns({name: answer.as_numpy(name) for name in names})
        client.close()
        return found

    def calls(self, address: str) -> dict[str, Seen]:
        names = ("num_results", "labels", "scores", "boxes")
        picture = triton_grpc.InferInput("image", [1], "BYTES")
        picture.set_data_from_numpy(np.array([PHOTO], dtype=object))
        with triton_grpc.InferenceServerClient(address) as client:
            answer = client.infer("detector", [picture])
            found = {"open inference gRPC": of_columns({name: answer.as_numpy(name) for name in names})}
        with grpc.insecure_channel(address) as channel:
            request = predict_pb2.PredictRequest()
            request.model_spec.name = "detector"
            request.inputs["image"].CopyFrom(tf.make_tensor_proto([PHOTO]))
            outputs = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, 60).outputs
            found["tensorflow gRPC"] = of_columns({name: tf.make_ndarray(outputs[name]) for name in names})
        return found

    def test_the_same_through_every_door(self) -> None:
        found = self.rest(support.ask, support.gateway()) | self.calls(support.core())
        expected = found.pop("form")
        self.assertEqual(expected.labels, ("cup", "dining table"))
        for door, other in found.items():
            self.assertEqual(other, expected, door)

    def test_one_process_answers_as_two_do(self) -> None:
        stack = support.stack()
        http_port, grpc_port, operations = free_port(), free_port(), free_port()
        environment = stack.environment | {
            "OCELLUS_HTTP_ADDRESS": f"127.0.0.1:{http_port}",
            "OCELLUS_GRPC_ADDRESS": f"127.0.0.1:{grpc_port}",
            "OCELLUS_OPERATIONS_ADDRESS": f"127.0.0.1:{operations}",
            "OCELLUS_CACHE_FOLDER": str(stack.folder / "one"),
        }
        binary = Path(os.environ.get("OCELLUS_STACK_BINARY", stack.choices.binary)).resolve()
        with (stack.folder / "one.log").open("w") as log:
            one = subprocess.Popen([binary, "serve", "--grpc"], env=environment, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_for("the server", lambda: answers(operations, "/readyz"))
            found = self.calls(f"127.0.0.1:{grpc_port}")
        finally:
            one.terminate()
            one.wait()
        expected = of_answer(support.ask("POST", f"{MODEL}/infer", PHOTO, {"Content-Type": "image/jpeg"}).json)
        for door, other in found.items():
            self.assertEqual(other, expected, door)
