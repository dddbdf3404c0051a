"""tritonclient.grpc, unmodified, against a core."""

from __future__ import annotations

import queue
import unittest

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

from .support import PHOTO, core


def picture_input() -> triton.InferInput:
    picture = triton.InferInput("image", [1], "BYTES")
    picture.set_data_from_numpy(np.array([PHOTO], dtype=object))
    return picture


class TritonGrpc(unittest.TestCase):
    def setUp(self) -> None:
        self.client = triton.InferenceServerClient(core())
        self.addCleanup(self.client.close)

    def tensor_input(self, rows: int = 2) -> triton.InferInput:
        described = self.client.get_model_metadata("classifier", "1").inputs[0]
        values = np.random.default_rng(7).random((rows, *described.shape[1:]), np.float32)
        tensor = triton.InferInput(described.name, list(values.shape), described.datatype)
        tensor.set_data_from_numpy(values)
        return tensor

    def test_health(self) -> None:
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready("detector"))
        self.assertTrue(self.client.is_model_ready("detector", "1"))
        for name, version in (("nothing", ""), ("detector", "9")):
            with self.assertRaises(InferenceServerException) as raised:
                self.client.is_model_ready(name, version)
            self.assertIn("NOT_FOUND", raised.exception.status())

    def test_descriptions(self) -> None:
        server = self.client.get_server_metadata()
        self.assertEqual(server.name, "ocellus")
        self.assertIn("binary_tensor_data", server.extensions)
        model = self.client.get_model_metadata("classifier")
        self.assertEqual(list(model.versions), ["2", "1"])
        self.assertEqual((model.inputs[0].datatype, model.inputs[0].shape[0]), ("FP32", -1))
        config = self.client.get_model_config("classifier", "1").config
        self.assertEqual((config.name, config.max_batch_size), ("classifier", 8))
        self.assertEqual(config.input[0].name, self.client.get_model_metadata("classifier", "1").inputs[0].name)
        self.assertEqual(config.parameters["task"].string_value, "classification")
        index = self.client.get_model_repository_index().models
        self.assertIn(("detector", "1", "READY"), [(one.name, one.version, one.state) for one in index])

    def test_tensors(self) -> None:
        answer = self.client.infer("classifier", [self.tensor_input()], "1", request_id="mine")
        response = answer.get_response()
        self.assertEqual((response.id, response.model_version), ("mine", "1"))
        name = response.outputs[0].name
        whole = answer.as_numpy(name)
        self.assertEqual(whole.shape[0], 2)
        wanted = [triton.InferRequestedOutput(name, class_count=3)]
        best = self.client.infer("classifier", [self.tensor_input()], "1", outputs=wanted).as_numpy(name)
        self.assertEqual(best.shape, (2, 3))
        value, index, label = best[0][0].decode().split(":")
        self.assertEqual(int(index), int(whole[0].argmax()))
        self.assertAlmostEqual(float(value), float(whole[0].max()), places=5)
        self.assertTrue(label)

    def test_rows_are_answered_alike_alone_and_together(self) -> None:
        both = self.client.infer("classifier", [self.tensor_input(2)], "1")
        one = self.client.infer("classifier", [self.tensor_input(1)], "1")
        name = both.get_response().outputs[0].name
        np.testing.assert_allclose(both.as_numpy(name)[:1], one.as_numpy(name), rtol=1e-4, atol=1e-5)

    def test_pictures(self) -> None:
        answer = self.client.infer("detector", [picture_input()])
        self.assertEqual(answer.as_numpy("num_results").tolist(), [2])
        self.assertEqual(answer.as_numpy("labels").tolist(), [[b"cup", b"dining table"]])
        self.assertEqual(answer.as_numpy("boxes").shape, (1, 2, 4))
        only = [triton.InferRequestedOutput("scores")]
        answer = self.client.infer("detector", [picture_input()], outputs=only, parameters={"confidence": 0.5})
        self.assertEqual(answer.as_numpy("scores").shape, (1, 1))
        self.assertIsNone(answer.as_numpy("labels"))

    def test_compressed_and_asynchronous(self) -> None:
        expected = self.client.infer("detector", [picture_input()]).as_numpy("boxes")
        for algorithm in ("gzip", "deflate"):
            answer = self.client.infer("detector", [picture_input()], compression_algorithm=algorithm)
            np.testing.assert_array_equal(answer.as_numpy("boxes"), expected)
        answers: queue.Queue[tuple[object, object]] = queue.Queue()
        self.client.async_infer("detector", [picture_input()], lambda result, error: answers.put((result, error)))
        result, error = answers.get(timeout=60)
        self.assertIsNone(error)
        np.testing.assert_array_equal(result.as_numpy("boxes"), expected)  # type: ignore[attr-defined]

    def test_what_is_cancelled_is_not_computed(self) -> None:
        def computed() -> int:
            stats = self.client.get_inference_statistics("detector", "1").model_stats
            return stats[0].inference_count

        self.client.infer("detector", [picture_input()])
        before, calls = computed(), 30
        ended: queue.Queue[object] = queue.Queue()
        begun = [
            self.client.async_infer("detector", [picture_input()], lambda result, error: ended.put(error))
            for _ in range(calls)
        ]
        for call in begun:
            call.cancel()
        errors = [ended.get(timeout=60) for _ in begun]
        self.assertTrue(any("CANCELLED" in str(error) for error in errors))
        # What had begun when it was cancelled ends before this, which comes last in the queue.
        self.client.infer("detector", [picture_input()])
        self.assertLess(computed() - before - 1, calls // 2)

    def test_a_stream_has_an_answer_for_each_request(self) -> None:
        answers: queue.Queue[tuple[object, object]] = queue.Queue()
        self.client.start_stream(lambda result, error: answers.put((result, error)))
        self.client.async_stream_infer("detector", [picture_input()], request_id="first")
        self.client.async_stream_infer("nothing", [picture_input()], request_id="second")
        self.client.async_stream_infer("detector", [picture_input()], request_id="third")
        seen = [answers.get(timeout=60) for _ in range(3)]
        self.client.stop_stream()
        self.assertIsNotNone(seen[1][1])
        ids = [result.get_response().id for result, _ in (seen[0], seen[2])]  # type: ignore[attr-defined]
        self.assertEqual(ids, ["first", "third"])

    def test_statistics_count(self) -> None:
        def counted() -> tuple[int, int]:
            stats = self.client.get_inference_statistics("classifier", "1").model_stats
            return (stats[0].inference_count, stats[0].execution_count) if stats else (0, 0)

        self.client.infer("classifier", [self.tensor_input()], "1")
        before = counted()
        self.client.infer("classifier", [self.tensor_input(3)], "1")
        self.assertEqual(counted()[0] - before[0], 3)
        self.assertLessEqual(counted()[1] - before[1], 3)
        self.assertTrue(self.client.get_inference_statistics().model_stats)

    def test_unload_and_load(self) -> None:
        self.client.unload_model("faces")
        self.assertFalse(self.client.is_model_ready("faces"))
        index = {one.name: one.state for one in self.client.get_model_repository_index().models}
        self.assertEqual(index["faces"], "UNAVAILABLE")
        self.client.load_model("faces")
        self.assertTrue(self.client.is_model_ready("faces"))
        for name, options in (("nothing", {}), ("faces", {"config": "{}"})):
            with self.assertRaises(InferenceServerException):
                self.client.load_model(name, **options)

    def test_what_is_wrong_is_said(self) -> None:
        def refused(words: str, model: str, tensor: triton.InferInput, version: str = "") -> None:
            with self.assertRaises(InferenceServerException) as raised:
                self.client.infer(model, [tensor], version)
            self.assertIn(words, raised.exception.message())

        right = self.tensor_input()
        refused("no model nothing", "nothing", right)
        refused("no version 9", "classifier", right, "9")
        wrong = triton.InferInput("wrong", [1, 3, 2, 2], "FP32")
        wrong.set_data_from_numpy(np.zeros((1, 3, 2, 2), np.float32))
        refused('input is "', "classifier", wrong, "1")
        shape = triton.InferInput(right.name(), [1, 3, 2, 2], "FP32")
        shape.set_data_from_numpy(np.zeros((1, 3, 2, 2), np.float32))
        refused("[1, 3, 2, 2]", "classifier", shape, "1")
        kind = triton.InferInput(right.name(), [1, 2], "FP64")
        kind.set_data_from_numpy(np.zeros((1, 2), np.float64))
        refused("FP64", "classifier", kind, "1")
        with self.assertRaises(InferenceServerException) as raised:
            self.client.infer("classifier", [right], "1", outputs=[triton.InferRequestedOutput("nothing")])
        self.assertIn('no output "nothing"', raised.exception.message())

    def test_a_deadline_is_kept(self) -> None:
        with self.assertRaises(InferenceServerException) as raised:
            self.client.infer("detector", [picture_input()], client_timeout=0.002)
        self.assertIn("DEADLINE_EXCEEDED", raised.exception.status())

    def test_what_is_not_there_is_refused(self) -> None:
        for call in (
            self.client.get_trace_settings,
            self.client.get_log_settings,
            self.client.get_system_shared_memory_status,
            self.client.get_cuda_shared_memory_status,
        ):
            with self.assertRaises(InferenceServerException) as raised:
                call()
            self.assertIn("UNIMPLEMENTED", raised.exception.status())
