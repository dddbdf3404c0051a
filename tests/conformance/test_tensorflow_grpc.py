"""tensorflow-serving-api over gRPC, unmodified, against a core."""

from __future__ import annotations

import unittest
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.wrappers_pb2 import Int64Value
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from .support import PHOTO, channel

SECONDS = 60


class TensorFlowGrpc(unittest.TestCase):
    def setUp(self) -> None:
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(channel())
        self.models = model_service_pb2_grpc.ModelServiceStub(channel())

    def predict(self, model: str, name: str, tensor: tf.make_tensor_proto, **spec: Any) -> Any:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        for key, value in spec.items():
            if key == "version":
                request.model_spec.version.CopyFrom(Int64Value(value=value))
            elif key == "output_filter":
                request.output_filter.extend(value)
            else:
                setattr(request.model_spec, key, value)
        request.inputs[name].CopyFrom(tensor)
        return self.prediction.Predict(request, SECONDS)

    def refused(self, code: grpc.StatusCode, words: str, call: Any, *arguments: Any, **named: Any) -> None:
        with self.assertRaises(grpc.RpcError) as raised:
            call(*arguments, **named)
        self.assertEqual(raised.exception.code(), code, raised.exception)
        self.assertIn(words, raised.exception.details())

    def shape(self, version: int = 1) -> tuple[str, list[int]]:
        signature = self.signatures("classifier", version)["serving_default"]
        ((name, info),) = signature.inputs.items()
        return name, [dim.size for dim in info.tensor_shape.dim][1:]

    def signatures(self, model: str, version: int = 1) -> Any:
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = model
        request.model_spec.version.value = version
        request.metadata_field.append("signature_def")
        answer = self.prediction.GetModelMetadata(request, SECONDS)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        answer.metadata["signature_def"].Unpack(signatures)
        return signatures.signature_def

    def test_tensors_by_content_by_values_and_by_one_value(self) -> None:
        name, axes = self.shape()
        values = np.full((1, *axes), 0.25, np.float32)
        content = tf.make_tensor_proto(values)
        typed = tf.make_tensor_proto(values)
        typed.tensor_content = b""
        typed.float_val.extend(values.ravel().tolist())
        one = tf.make_tensor_proto(values)
        one.tensor_content = b""
        del one.float_val[:]
        one.float_val.append(0.25)
        answers = [self.predict("classifier", name, tensor, version=1) for tensor in (content, typed, one)]
        self.assertEqual(answers[0].model_spec.version.value, 1)
        self.assertEqual(answers[0].model_spec.signature_name, "serving_default")
        arrays = [{key: tf.make_ndarray(out) for key, out in answer.outputs.items()} for answer in answers]
        for array in arrays[1:]:
            for key, expected in arrays[0].items():
                np.testing.assert_array_equal(array[key], expected)

    def test_pictures(self) -> None:
        picture = tf.make_tensor_proto([PHOTO])
        answer = self.predict("detector", "any", picture)
        self.assertEqual(tf.make_ndarray(answer.outputs["labels"]).tolist(), [[b"cup", b"dining table"]])
        answer = self.predict("detector", "any", picture, signature_name="pictures", output_filter=["scores"])
        self.assertEqual(list(answer.outputs), ["scores"])
        broken = tf.make_tensor_proto([b"no picture"])
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "picture", self.predict, "detector", "any", broken)

    def test_classify_and_multi_inference(self) -> None:
        feature = {"image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[PHOTO]))}
        example = tf.train.Example(features=tf.train.Features(feature=feature))
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name = "classifier"
        request.input.example_list.examples.append(example)
        classes = self.prediction.Classify(request, SECONDS).result.classifications[0].classes
        self.assertIn("espresso", [one.label for one in classes])
        self.assertEqual([one.score for one in classes], sorted((one.score for one in classes), reverse=True))
        several = inference_pb2.MultiInferenceRequest()
        several.input.CopyFrom(request.input)
        task = several.tasks.add(method_name="tensorflow/serving/classify")
        task.model_spec.name = "classifier"
        result = self.prediction.MultiInference(several, SECONDS).results[0].classification_result
        self.assertEqual(list(result.classifications[0].classes), list(classes))
        request.model_spec.name = "detector"
        code = grpc.StatusCode.INVALID_ARGUMENT
        self.refused(code, "tensorflow/serving/classify", self.prediction.Classify, request)
        empty = classification_pb2.ClassificationRequest()
        empty.model_spec.name = "classifier"
        self.refused(code, "Input is empty", self.prediction.Classify, empty)
        regress = regression_pb2.RegressionRequest()
        regress.model_spec.name = "classifier"
        self.refused(code, "regress", self.prediction.Regress, regress)

    def test_metadata(self) -> None:
        signatures = self.signatures("classifier")
        self.assertEqual(set(signatures), {"serving_default", "pictures", "classification"})
        self.assertEqual(signatures["pictures"].inputs["image_bytes"].dtype, tf.string.as_datatype_enum)
        self.assertNotIn("classification", self.signatures("detector"))
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = "detector"
        code = grpc.StatusCode.INVALID_ARGUMENT
        self.refused(code, "metadata_field", self.prediction.GetModelMetadata, request)
        request.metadata_field.append("other")
        self.refused(code, "not supported", self.prediction.GetModelMetadata, request)

    def status(self, name: str, version: int | None = None) -> Any:
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        if version is not None:
            request.model_spec.version.value = version
        return self.models.GetModelStatus(request, SECONDS).model_version_status

    def test_status(self) -> None:
        available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        found = [(one.version, one.state) for one in self.status("classifier")]
        self.assertEqual(found, [(2, available), (1, available)])
        self.assertEqual([one.version for one in self.status("classifier", 1)], [1])
        code = grpc.StatusCode.NOT_FOUND
        self.refused(code, "Could not find any versions of model nothing", self.status, "nothing")
        self.refused(code, "Could not find version 9 of model classifier", self.status, "classifier", 9)

    def test_what_is_not_there(self) -> None:
        picture = tf.make_tensor_proto([PHOTO])
        code = grpc.StatusCode.NOT_FOUND
        self.refused(code, "Servable not found for request: Latest(nothing)", self.predict, "nothing", "x", picture)
        words = "Servable not found for request: Specific(detector, 9)"
        self.refused(code, words, self.predict, "detector", "x", picture, version=9)
        words = 'Serving signature key "nothing" not found.'
        precondition = grpc.StatusCode.FAILED_PRECONDITION
        self.refused(precondition, words, self.predict, "detector", "x", picture, signature_name="nothing")
        words = "Unrecognized servable version label: nothing"
        invalid = grpc.StatusCode.INVALID_ARGUMENT
        self.refused(invalid, words, self.predict, "detector", "x", picture, version_label="nothing")
        double = tf.make_tensor_proto(np.zeros((1, 2), np.float64))
        self.refused(invalid, "DT_DOUBLE", self.predict, "detector", "x", double)

    def test_reloaded_configuration(self) -> None:
        def reload(*models: tuple[str, list[int], dict[str, int]]) -> None:
            request = model_management_pb2.ReloadConfigRequest()
            for name, versions, labels in models:
                config = request.config.model_config_list.config.add(name=name, base_path=f"/models/{name}")
                if versions:
                    config.model_version_policy.specific.versions.extend(versions)
                else:
                    config.model_version_policy.all.SetInParent()
                for label, version in labels.items():
                    config.version_labels[label] = version
            answer = self.models.HandleReloadConfigRequest(request, SECONDS)
            self.assertEqual(answer.status.error_code, 0)

        everything = [(name, [], {}) for name in ("classifier", "detector", "faces")]
        self.addCleanup(self.wait_until_served, {"classifier": 2, "detector": 1, "faces": 1})
        self.addCleanup(reload, *everything)
        reload(("classifier", [1], {"old": 1}), ("detector", [], {}))
        self.wait_until_served({"classifier": 1, "detector": 1, "faces": 0})
        picture = tf.make_tensor_proto([PHOTO])
        self.assertEqual(self.predict("classifier", "x", picture, version_label="old").model_spec.version.value, 1)
        self.refused(grpc.StatusCode.NOT_FOUND, "nothing", reload, ("nothing", [], {}))

    def wait_until_served(self, wanted: dict[str, int]) -> None:
        """Waits until so many versions of each model are available, or the newest has that number."""
        import time

        available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        end = time.monotonic() + SECONDS
        while True:
            newest = {}
            for name in wanted:
                served = [one.version for one in self.status(name) if one.state == available]
                newest[name] = max(served, default=0)
            if newest == wanted:
                return
            self.assertLess(time.monotonic(), end, newest)
            time.sleep(0.1)
