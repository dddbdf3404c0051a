"""A TensorFlow Lite file of float weights to an ONNX graph.

Only the operators that the demo models have are known; another one is an error that names it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray
from onnx_graph import Graph, Value, same_padding

NAMES = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}


class Operator:
    """One operator of the file: its name, its tensors by number, its options."""

    def __init__(self, model: tflite.Model, operator: tflite.Operator) -> None:
        code = model.OperatorCodes(operator.OpcodeIndex())
        self.name = NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        self.inputs = [operator.Inputs(index) for index in range(operator.InputsLength())]
        self.output = operator.Outputs(0)
        self._options = operator.BuiltinOptions()

    def options(self, kind: type) -> Any:
        options = kind()
        options.Init(self._options.Bytes, self._options.Pos)
        return options


class Converter:
    """Converts every operator of the file's graph, in the file's order."""

    def __init__(self, path: Path) -> None:
        self.model = tflite.Model.GetRootAsModel(path.read_bytes(), 0)
        self.file = self.model.Subgraphs(0)
        self.graph = Graph()
        self.dequantized: dict[int, NDArray[np.generic]] = {}
        first = self.file.Inputs(0)
        self.input = self.file.Tensors(first).Name().decode()
        self.input_shape: list[int | str] = list(self.shape(first))
        self.values = {first: Value(self.input)}
        operators: dict[str, Callable[[Operator], Value]] = {
            "CONV_2D": self.convolution,
            "DEPTHWISE_CONV_2D": self.convolution,
            "ADD": self.add,
            "RELU": self.relu,
            "PAD": self.pad,
            "MAX_POOL_2D": self.max_pool,
            "RESIZE_BILINEAR": self.resize,
            "RESHAPE": self.reshape,
        }
        for index in range(self.file.OperatorsLength()):
            operator = Operator(self.model, self.file.Operators(index))
            if operator.name == "DEQUANTIZE":
                self.dequantized[operator.output] = self.constant(operator.inputs[0]).astype(np.float32)
            elif operator.name in operators:
                self.values[operator.output] = operators[operator.name](operator)
            else:
                sys.exit(f"error: operator {operator.name} is not known")

    def output(self, name: str) -> str:
        """The graph's output of that name, with channels last."""
        for index in range(self.file.OutputsLength()):
            number = self.file.Outputs(index)
            if self.file.Tensors(number).Name().decode() == name:
                return self.graph.as_nhwc(self.values[number])
        sys.exit(f"error: the graph has no output {name}")

    def shape(self, number: int) -> list[int]:
        return [int(size) for size in self.file.Tensors(number).ShapeAsNumpy()]

    def constant(self, number: int) -> NDArray[np.generic]:
        if number in self.dequantized:
            return self.dequantized[number]
        tensor = self.file.Tensors(number)
        data = self.model.Buffers(tensor.Buffer()).DataAsNumpy()
        return np.frombuffer(data.tobytes(), TYPES[tensor.Type()]).reshape(self.shape(number))

    def activated(self, name: str, activation: int) -> Value:
        kinds = tflite.ActivationFunctionType
        if activation == kinds.RELU:
            name = self.graph.add("Relu", [name])
        elif activation != kinds.NONE:
            sys.exit(f"error: fused activation {activation} is not known")
        return Value(name, nchw=True)

    def pads(self, options: Any, source: int, kernel: tuple[int, int], strides: tuple[int, int]) -> list[int]:
        """Top, left, bottom, right."""
        if options.Padding() == tflite.Padding.VALID:
            return [0, 0, 0, 0]
        _, rows, columns, _ = self.shape(source)
        top, bottom = same_padding(rows, kernel[0], strides[0])
        left, right = same_padding(columns, kernel[1], strides[1])
        return [top, left, bottom, right]

    def convolution(self, operator: Operator) -> Value:
        depthwise = operator.name == "DEPTHWISE_CONV_2D"
        options = operator.options(tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        source, kernels, bias = operator.inputs
        weights = self.constant(kernels)
        kernel = (weights.shape[1], weights.shape[2])
        strides = (options.StrideH(), options.StrideW())
        if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
            sys.exit("error: a dilated convolution is not known")
        ordered = weights.transpose(3, 0, 1, 2) if depthwise else weights.transpose(0, 3, 1, 2)
        constants = [self.graph.constant(ordered), self.graph.constant(self.constant(bias))]
        name = self.graph.add(
            "Conv",
            [self.graph.as_nchw(self.values[source]), *constants],
            kernel_shape=list(kernel),
            strides=list(strides),
            pads=self.pads(options, source, kernel, strides),
            group=self.shape(source)[3] if depthwise else 1,
        )
        return self.activated(name, options.FusedActivationFunction())

    def add(self, operator: Operator) -> Value:
        names = [self.graph.as_nchw(self.values[number]) for number in operator.inputs]
        options = operator.options(tflite.AddOptions)
        return self.activated(self.graph.add("Add", names), options.FusedActivationFunction())

    def relu(self, operator: Operator) -> Value:
        source = self.values[operator.inputs[0]]
        return Value(self.graph.add("Relu", [source.name]), source.nchw)

    def pad(self, operator: Operator) -> Value:
        source = self.values[operator.inputs[0]]
        pads = self.constant(operator.inputs[1]).astype(np.int64)
        ordered = pads[[0, 3, 1, 2]] if source.nchw else pads
        return Value(self.graph.add("Pad", [source.name, self.graph.constant(ordered.T.reshape(-1))]), source.nchw)

    def max_pool(self, operator: Operator) -> Value:
        options = operator.options(tflite.Pool2DOptions)
        source = operator.inputs[0]
        kernel = (options.FilterHeight(), options.FilterWidth())
        strides = (options.StrideH(), options.StrideW())
        name = self.graph.add(
            "MaxPool",
            [self.graph.as_nchw(self.values[source])],
            kernel_shape=list(kernel),
            strides=list(strides),
            pads=self.pads(options, source, kernel, strides),
        )
        return self.activated(name, options.FusedActivationFunction())

    def resize(self, operator: Operator) -> Value:
        options = operator.options(tflite.ResizeBilinearOptions)
        if options.AlignCorners():
            sys.exit("error: resizing with aligned corners is not known")
        _, height, width, _ = self.shape(operator.output)
        source = self.graph.as_nchw(self.values[operator.inputs[0]])
        resized = self.graph.resize_bilinear(source, height, width, bool(options.HalfPixelCenters()))
        return Value(resized, nchw=True)

    def reshape(self, operator: Operator) -> Value:
        source = self.graph.as_nhwc(self.values[operator.inputs[0]])
        shape = self.graph.constant(self.shape(operator.output), np.int64)
        return Value(self.graph.add("Reshape", [source, shape]))
