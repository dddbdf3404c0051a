"""TensorFlow Lite models with weights in half precision.

Source of the format: TensorFlow's schema.fbs, through the bindings of the package `tflite`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite as schema

from .activation import (
    TO_CHANNELS_FIRST,
    Activation,
    as_channels_first,
    as_source,
    channels_first,
    source,
)
from .fault import ConversionFault
from .graph import Graph
from .padding import same

Array = npt.NDArray[Any]

ELEMENTS: dict[int, npt.DTypeLike] = {
    schema.TensorType.FLOAT32: np.float32,
    schema.TensorType.FLOAT16: np.float16,
    schema.TensorType.INT32: np.int32,
}


def convert(name: str, content: bytes) -> tuple[Graph, dict[str, str]]:
    """A graph that computes the model's outputs, and what they are called in it, by their names."""
    reader = _Reader(Graph(name), content)
    return reader.graph, reader.read()


class _Reader:
    """Puts the operators of a model's only subgraph into the graph, in their order."""

    def __init__(self, graph: Graph, content: bytes) -> None:
        self.graph = graph
        self._model: Any = schema.Model.GetRootAsModel(content, 0)
        self._subgraph: Any = self._model.Subgraphs(0)
        self._values: dict[int, Activation] = {}
        self._constants: dict[int, Array] = {}

    def read(self) -> dict[str, str]:
        subgraph = self._subgraph
        image = subgraph.Inputs(0)
        self._values[image] = source(self.graph.input(self._name(image), list(self.shape(image))))
        for index in range(subgraph.OperatorsLength()):
            self._read_operator(subgraph.Operators(index))
        outputs = [subgraph.Outputs(index) for index in range(subgraph.OutputsLength())]
        return {self._name(output): self.as_source(output) for output in outputs}

    def _read_operator(self, operator: Any) -> None:
        code = self._model.OperatorCodes(operator.OpcodeIndex())
        # Older writers knew one byte only, newer ones leave it at its end.
        number = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        inputs = [operator.Inputs(index) for index in range(operator.InputsLength())]
        output = operator.Outputs(0)
        if number == schema.BuiltinOperator.DEQUANTIZE:
            self._constants[output] = self.constant(inputs[0]).astype(np.float32)
            return
        if number not in OPERATORS:
            raise ConversionFault(f"operator {_operator_name(number)} is not supported")
        self._values[output] = OPERATORS[number](self, operator, inputs, self.shape(output))

    def _name(self, tensor: int) -> str:
        return str(self._subgraph.Tensors(tensor).Name().decode())

    def shape(self, tensor: int) -> list[int]:
        return [int(side) for side in self._subgraph.Tensors(tensor).ShapeAsNumpy()]

    def constant(self, tensor: int) -> Array:
        if tensor in self._constants:
            return self._constants[tensor]
        entry = self._subgraph.Tensors(tensor)
        buffer = self._model.Buffers(entry.Buffer())
        if buffer.DataLength() == 0 or entry.Type() not in ELEMENTS:
            raise ConversionFault(f"{self._name(tensor)} is no constant of a supported type")
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), ELEMENTS[entry.Type()]).reshape(
            self.shape(tensor)
        )

    def value(self, tensor: int) -> Activation:
        return self._values[tensor]

    def as_source(self, tensor: int) -> str:
        return as_source(self.graph, self._values[tensor])

    def as_channels_first(self, tensor: int) -> str:
        return as_channels_first(self.graph, self._values[tensor])


Operator = Callable[[_Reader, Any, list[int], list[int]], Activation]


def _convolution(reader: _Reader, operator: Any, inputs: list[int], _shape: list[int]) -> Activation:
    """Kernels [out, height, width, in]."""
    options = _options(operator, schema.Conv2DOptions)
    return _convolve(reader, inputs, options, order=(0, 3, 1, 2), groups=1)


def _depthwise_convolution(
    reader: _Reader, operator: Any, inputs: list[int], _shape: list[int]
) -> Activation:
    """Kernels [1, height, width, channels]."""
    options = _options(operator, schema.DepthwiseConv2DOptions)
    return _convolve(reader, inputs, options, order=(3, 0, 1, 2), groups=reader.shape(inputs[0])[3])


def _convolve(
    reader: _Reader, inputs: list[int], options: Any, *, order: tuple[int, ...], groups: int
) -> Activation:
    if (options.DilationHFactor(), options.DilationWFactor()) != (1, 1):
        raise ConversionFault("a dilated convolution is not supported")
    kernels, bias = (reader.constant(tensor) for tensor in inputs[1:3])
    strides = [options.StrideH(), options.StrideW()]
    size = list(kernels.shape[1:3])
    result = reader.graph.add(
        "Conv",
        reader.as_channels_first(inputs[0]),
        reader.graph.constant(kernels.transpose(order)),
        reader.graph.constant(bias),
        kernel_shape=size,
        strides=strides,
        pads=_pads(options, reader.shape(inputs[0]), size, strides),
        group=groups,
    )
    _check_not_fused(options)
    return channels_first(result)


def _max_pool(reader: _Reader, operator: Any, inputs: list[int], _shape: list[int]) -> Activation:
    options = _options(operator, schema.Pool2DOptions)
    size = [options.FilterHeight(), options.FilterWidth()]
    strides = [options.StrideH(), options.StrideW()]
    result = reader.graph.add(
        "MaxPool",
        reader.as_channels_first(inputs[0]),
        kernel_shape=size,
        strides=strides,
        pads=_pads(options, reader.shape(inputs[0]), size, strides),
    )
    _check_not_fused(options)
    return channels_first(result)


def _pads(options: Any, shape: list[int], kernel: list[int], strides: list[int]) -> list[int]:
    """ONNX's order: before height, before width, after height, after width."""
    if options.Padding() == schema.Padding.VALID:
        return [0, 0, 0, 0]
    _, top, bottom = same(shape[1], kernel[0], strides[0])
    _, left, right = same(shape[2], kernel[1], strides[1])
    return [top, left, bottom, right]


def _check_not_fused(options: Any) -> None:
    if options.FusedActivationFunction() != schema.ActivationFunctionType.NONE:
        raise ConversionFault("a fused activation function is not supported")


def _add(reader: _Reader, operator: Any, inputs: list[int], _shape: list[int]) -> Activation:
    _check_not_fused(_options(operator, schema.AddOptions))
    return channels_first(reader.graph.add("Add", *map(reader.as_channels_first, inputs)))


def _relu(reader: _Reader, _operator: Any, inputs: list[int], _shape: list[int]) -> Activation:
    value = reader.value(inputs[0])
    return Activation(reader.graph.add("Relu", value.name), value.layout)


def _pad(reader: _Reader, _operator: Any, inputs: list[int], _shape: list[int]) -> Activation:
    """Padding [4, 2]: before and after each axis of the source."""
    padding = reader.constant(inputs[1])[list(TO_CHANNELS_FIRST)]
    widths = reader.graph.integers(padding.T.reshape(-1))
    return channels_first(reader.graph.add("Pad", reader.as_channels_first(inputs[0]), widths))


def _resize_bilinear(reader: _Reader, operator: Any, inputs: list[int], shape: list[int]) -> Activation:
    options = _options(operator, schema.ResizeBilinearOptions)
    if options.AlignCorners() or not options.HalfPixelCenters():
        raise ConversionFault("a resize without half-pixel centres is not supported")
    batch, height, width, channels = shape
    resized = reader.graph.add(
        "Resize",
        reader.as_channels_first(inputs[0]),
        "",
        "",
        reader.graph.integers([batch, channels, height, width]),
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    return channels_first(resized)


def _reshape(reader: _Reader, _operator: Any, inputs: list[int], shape: list[int]) -> Activation:
    return source(reader.graph.add("Reshape", reader.as_source(inputs[0]), reader.graph.integers(shape)))


def _options(operator: Any, kind: Callable[[], Any]) -> Any:
    """The operator's own table of options, seen as its kind."""
    options = kind()
    table = operator.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return options


def _operator_name(number: int) -> str:
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    return str(names.get(number, f"number {number}"))


OPERATORS: dict[int, Operator] = {
    schema.BuiltinOperator.ADD: _add,
    schema.BuiltinOperator.CONV_2D: _convolution,
    schema.BuiltinOperator.DEPTHWISE_CONV_2D: _depthwise_convolution,
    schema.BuiltinOperator.MAX_POOL_2D: _max_pool,
    schema.BuiltinOperator.PAD: _pad,
    schema.BuiltinOperator.RELU: _relu,
    schema.BuiltinOperator.RESHAPE: _reshape,
    schema.BuiltinOperator.RESIZE_BILINEAR: _resize_bilinear,
}
