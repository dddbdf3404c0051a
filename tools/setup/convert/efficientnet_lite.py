"""EfficientNet-Lite from PyTorch weights.

Source of the architecture: Tan and Le, "EfficientNet" (2019), without squeeze-and-excite and
with ReLU6 for swish, as in efficientnet_lite_builder.py of the TensorFlow TPU models. The names
are those of the EfficientNet-PyTorch state dict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from . import torch_weights
from .fault import ConversionFault
from .graph import Graph
from .padding import same

CLASSES = 1000
FEATURES = 1280
BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Variant:
    """Scale factors and the side of the square input in pixels."""

    name: str
    width: float
    depth: float
    side: int


LITE0 = Variant("efficientnet-lite0", 1.0, 1.0, 224)
LITE2 = Variant("efficientnet-lite2", 1.1, 1.2, 260)


@dataclass(frozen=True)
class Stage:
    """Repeated inverted residual blocks; only the first has the stride."""

    repeats: int
    stride: int
    expansion: int
    channels: int


STEM_CHANNELS = 32
STAGES = (
    Stage(repeats=1, stride=1, expansion=1, channels=16),
    Stage(repeats=2, stride=2, expansion=6, channels=24),
    Stage(repeats=2, stride=2, expansion=6, channels=40),
    Stage(repeats=3, stride=2, expansion=6, channels=80),
    Stage(repeats=3, stride=1, expansion=6, channels=112),
    Stage(repeats=4, stride=2, expansion=6, channels=192),
    Stage(repeats=1, stride=1, expansion=6, channels=320),
)


def convert(pth: bytes, variant: Variant) -> bytes:
    """`images` [batch,3,side,side] to `logits` [batch,1000] and `embedding` [batch,1280]."""
    network = _Network(variant, torch_weights.read(pth))
    graph = network.graph
    x = graph.input("images", ["batch", 3, variant.side, variant.side])
    x = network.relu6(network.convolve(x, "_conv_stem", "_bn0", stride=2))
    for number, block in enumerate(_blocks(variant)):
        x = network.block(x, f"_blocks.{number}", block)
    x = network.relu6(network.convolve(x, "_conv_head", "_bn1"))
    embedding = graph.add("Flatten", graph.add("GlobalAveragePool", x), axis=1)
    weight, bias = (graph.floats(network.take(f"_fc.{part}")) for part in ("weight", "bias"))
    logits = graph.add("Gemm", embedding, weight, bias, transB=1)
    graph.output(logits, "logits", ["batch", CLASSES])
    graph.output(embedding, "embedding", ["batch", FEATURES])
    network.check_all_used()
    return graph.to_bytes()


@dataclass(frozen=True)
class _Block:
    """One inverted residual block: expand, convolve each channel alone, project."""

    inputs: int
    outputs: int
    expansion: int
    stride: int


def _blocks(variant: Variant) -> list[_Block]:
    blocks = []
    inputs = STEM_CHANNELS
    for stage in STAGES:
        outputs = _scaled_channels(stage.channels, variant.width)
        # The Lite variants scale neither the first nor the last stage in depth.
        fixed = stage in (STAGES[0], STAGES[-1])
        repeats = stage.repeats if fixed else math.ceil(stage.repeats * variant.depth)
        for repeat in range(repeats):
            stride = stage.stride if repeat == 0 else 1
            blocks.append(_Block(inputs, outputs, stage.expansion, stride))
            inputs = outputs
    return blocks


def _scaled_channels(channels: int, factor: float) -> int:
    """The nearest multiple of 8, but never less than nine tenths of what was asked for."""
    scaled = channels * factor
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * scaled else rounded


class _Network:
    """A graph in the making, the weights it takes, and the side that activations have by now."""

    def __init__(self, variant: Variant, weights: dict[str, torch_weights.Array]) -> None:
        self.graph = Graph(variant.name)
        self._side = variant.side
        self._weights = weights
        self._used: set[str] = set()
        self._zero = self.graph.floats(0)
        self._six = self.graph.floats(6)

    def take(self, name: str) -> torch_weights.Array:
        if name not in self._weights:
            raise ConversionFault(f"the weights lack {name}")
        self._used.add(name)
        return self._weights[name]

    def check_all_used(self) -> None:
        left = {name for name in self._weights if not name.endswith("num_batches_tracked")} - self._used
        if left:
            raise ConversionFault(f"unknown weights: {', '.join(sorted(left))}")

    def relu6(self, x: str) -> str:
        return self.graph.add("Clip", x, self._zero, self._six)

    def block(self, x: str, name: str, block: _Block) -> str:
        channels = block.inputs * block.expansion
        y = x
        if block.expansion > 1:
            y = self.relu6(self.convolve(y, f"{name}._expand_conv", f"{name}._bn0"))
        depthwise = f"{name}._depthwise_conv"
        y = self.relu6(self.convolve(y, depthwise, f"{name}._bn1", stride=block.stride, groups=channels))
        y = self.convolve(y, f"{name}._project_conv", f"{name}._bn2")
        is_residual = block.stride == 1 and block.inputs == block.outputs
        return self.graph.add("Add", y, x) if is_residual else y

    def convolve(self, x: str, name: str, norm: str, *, stride: int = 1, groups: int = 1) -> str:
        """A convolution with its batch normalisation folded into kernels and bias."""
        kernels = self.take(f"{name}.weight")
        deviation = np.sqrt(self.take(f"{norm}.running_var") + np.float32(BATCH_NORM_EPSILON))
        scale = self.take(f"{norm}.weight") / deviation
        bias = self.take(f"{norm}.bias") - self.take(f"{norm}.running_mean") * scale
        size = kernels.shape[2]
        self._side, before, after = same(self._side, size, stride)
        return self.graph.add(
            "Conv",
            x,
            self.graph.floats(kernels * scale[:, None, None, None]),
            self.graph.floats(bias),
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )
