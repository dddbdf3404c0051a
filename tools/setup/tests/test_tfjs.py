"""The TensorFlow.js converter, on graphs of a few nodes."""

from __future__ import annotations

import base64
import json
import unittest
from typing import Any

import numpy as np
import onnxruntime

from tools.setup.convert import tfjs
from tools.setup.convert.fault import ConversionFault
from tools.setup.convert.tfjs import broadcast_channels_first
from tools.setup.convert.tfjs_model import Array, read_constants


class Operators(unittest.TestCase):
    def test_a_convolution_with_bias_and_relu_keeps_the_source_order(self) -> None:
        image = np.arange(2 * 3 * 2, dtype=np.float32).reshape(1, 2, 3, 2)
        kernels = np.array([[[[1, -1], [0, 2]]]], np.float32)
        bias = np.array([0.5, -4], np.float32)
        attributes = {
            "strides": {"list": {"i": ["1", "1", "1", "1"]}},
            "padding": {"s": text("SAME")},
            "fused_ops": {"list": {"s": [text("BiasAdd"), text("Relu")]}},
        }
        nodes = [node("_FusedConv2D", ["image", "kernels", "bias"], attributes)]
        found = run(nodes, {"kernels": kernels, "bias": bias}, image)
        np.testing.assert_allclose(found, np.maximum(image @ kernels[0, 0] + bias, 0))

    def test_a_constant_of_one_value_per_channel_broadcasts_in_either_order(self) -> None:
        per_channel = np.array([1, 10], np.float32)
        values = np.arange(12, dtype=np.float32).reshape(1, 2, 3, 2)
        turned = values.transpose(0, 3, 1, 2) * broadcast_channels_first(per_channel)
        np.testing.assert_array_equal(turned.transpose(0, 2, 3, 1), values * per_channel)

    def test_a_slice_obeys_its_masks(self) -> None:
        image = np.arange(12, dtype=np.float32).reshape(1, 2, 3, 2)
        bounds = {
            "begin": np.array([9, 1, 0, 1], np.int32),
            "end": np.array([9, 2, 2, 2], np.int32),
            "steps": np.ones(4, np.int32),
        }
        masks = {"begin_mask": {"i": "1"}, "end_mask": {"i": "1"}}
        found = run([node("StridedSlice", ["image", *bounds], masks)], bounds, image)
        np.testing.assert_array_equal(found, image[:, 1:2, 0:2, 1:2])

    def test_an_unknown_operator_is_named(self) -> None:
        with self.assertRaisesRegex(ConversionFault, "operator Cumsum of result is not supported"):
            run([node("Cumsum", ["image"], {})], {}, np.zeros((1, 2, 3, 2), np.float32))


class Constants(unittest.TestCase):
    def test_half_precision_comes_back_in_single(self) -> None:
        manifest = [
            {
                "weights": [
                    {"name": "half", "shape": [2], "dtype": "float32", "quantization": {"dtype": "float16"}},
                    {"name": "count", "shape": [], "dtype": "int32"},
                ]
            }
        ]
        content = np.array([0.5, -2], "<f2").tobytes() + np.array(7, "<i4").tobytes()
        constants = read_constants(manifest, content)
        self.assertEqual(constants["half"].dtype, np.float32)
        np.testing.assert_array_equal(constants["half"], [0.5, -2])
        self.assertEqual(constants["count"], 7)

    def test_a_file_of_another_size_is_refused(self) -> None:
        manifest = [{"weights": [{"name": "count", "shape": [], "dtype": "int32"}]}]
        with self.assertRaisesRegex(ConversionFault, "should be 4 bytes, they are 5"):
            read_constants(manifest, b"12345")


def text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def node(operator: str, inputs: list[str], attributes: dict[str, Any]) -> dict[str, Any]:
    return {"name": "result", "op": operator, "input": inputs, "attr": attributes}


def run(nodes: list[dict[str, Any]], constants: dict[str, Array], image: Array) -> Array:
    """What ONNX Runtime makes of the node `result` when `image` is put in."""
    shape = {"dim": [{"size": str(side)} for side in image.shape]}
    attributes = {"dtype": {"type": "DT_FLOAT"}, "shape": {"shape": shape}}
    placeholder = {"name": "image", "op": "Placeholder", "attr": attributes}
    weights = [{"name": name, "shape": list(a.shape), "dtype": a.dtype.name} for name, a in constants.items()]
    # Last node first: files do not promise an order.
    model = {
        "modelTopology": {"node": [*nodes, placeholder]},
        "weightsManifest": [{"weights": weights}],
    }
    content = b"".join(values.tobytes() for values in constants.values())
    graph, outputs = tfjs.convert("test", json.dumps(model).encode(), content, ["result"])
    graph.output(outputs["result"], "output", ["a", "b", "c", "d"])
    session = onnxruntime.InferenceSession(graph.to_bytes())
    (found,) = session.run(None, {"image": image})
    return np.asarray(found)
