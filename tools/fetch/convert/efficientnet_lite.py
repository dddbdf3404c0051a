"""EfficientNet-Lite weights to ONNX: `efficientnet_lite.py WEIGHTS.pth MODEL.onnx lite0|lite2`.

The architecture is that of Tan and Le, "EfficientNet" (2019), in its Lite variant: no
squeeze-and-excite, ReLU6, stem and head of fixed width. Batch norms are folded into convolutions.
`images` float32 [batch,3,side,side] gives `logits` [batch,1000] and `embedding` [batch,1280].
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx_graph import Graph, same_padding
from torch_weights import load

BATCH_NORM_EPSILON = 1e-3


@dataclass(frozen=True)
class Variant:
    """How a variant is scaled, and the side of its input."""

    width: float
    depth: float
    side: int


VARIANTS = {"lite0": Variant(1.0, 1.0, 224), "lite2": Variant(1.1, 1.2, 260)}


@dataclass(frozen=True)
class Stage:
    """A row of inverted residual blocks, before scaling."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int


STAGES = [
    Stage(1, 3, 1, 1, 32, 16),
    Stage(2, 3, 2, 6, 16, 24),
    Stage(2, 5, 2, 6, 24, 40),
    Stage(3, 3, 2, 6, 40, 80),
    Stage(3, 5, 1, 6, 80, 112),
    Stage(4, 5, 2, 6, 112, 192),
    Stage(1, 3, 1, 6, 192, 320),
]


def scaled_width(channels: int, width: float) -> int:
    """Channels by the width factor, to a multiple of 8 that is no more than a tenth less."""
    scaled = channels * width
    rounded = max(8, int(scaled + 4) // 8 * 8)
    return int(rounded + 8 if rounded < 0.9 * scaled else rounded)


class Network:
    """The graph as it grows: what the last layer gave, and how large that is."""

    def __init__(self, weights: dict[str, NDArray[np.generic]], side: int) -> None:
        self.graph = Graph()
        self.weights = weights
        self.used: set[str] = set()
        self.value = "images"
        self.side = side

    def weight(self, name: str) -> NDArray[np.float32]:
        self.used.add(name)
        return self.weights[name].astype(np.float32)

    def convolution(self, name: str, norm: str, stride: int = 1, groups: int = 1, activate: bool = True) -> None:
        """A convolution without bias and the batch norm behind it, as one; then ReLU6."""
        kernels = self.weight(f"{name}.weight")
        scale = self.weight(f"{norm}.weight") / np.sqrt(self.weight(f"{norm}.running_var") + BATCH_NORM_EPSILON)
        bias = self.weight(f"{norm}.bias") - self.weight(f"{norm}.running_mean") * scale
        kernel = kernels.shape[2]
        before, after = same_padding(self.side, kernel, stride)
        folded = self.graph.constant(kernels * scale[:, None, None, None], np.float32)
        self.value = self.graph.add(
            "Conv",
            [self.value, folded, self.graph.constant(bias, np.float32)],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=groups,
        )
        self.side = math.ceil(self.side / stride)
        if activate:
            self.value = self.graph.clip(self.value, 0.0, 6.0)

    def block(self, index: int, stage: Stage, first: bool, channels: tuple[int, int]) -> None:
        """An inverted residual: expand, convolve each channel by itself, project."""
        name = f"_blocks.{index}"
        inputs, outputs = channels
        stride = stage.stride if first else 1
        before = self.value
        if stage.expansion != 1:
            self.convolution(f"{name}._expand_conv", f"{name}._bn0")
        self.convolution(f"{name}._depthwise_conv", f"{name}._bn1", stride, inputs * stage.expansion)
        self.convolution(f"{name}._project_conv", f"{name}._bn2", activate=False)
        if stride == 1 and inputs == outputs:
            self.value = self.graph.add("Add", [self.value, before])

    def stages(self, variant: Variant) -> None:
        index = 0
        for place, stage in enumerate(STAGES):
            inputs = stage.inputs if place == 0 else scaled_width(stage.inputs, variant.width)
            outputs = scaled_width(stage.outputs, variant.width)
            fixed = place in (0, len(STAGES) - 1)
            repeats = stage.repeats if fixed else math.ceil(variant.depth * stage.repeats)
            for repeat in range(repeats):
                self.block(index, stage, repeat == 0, (inputs if repeat == 0 else outputs, outputs))
                index += 1

    def head(self) -> None:
        self.convolution("_conv_head", "_bn1")
        pooled = self.graph.add("GlobalAveragePool", [self.value])
        embedding = self.graph.add("Flatten", [pooled], axis=1)
        classes = self.graph.constant(self.weight("_fc.weight"))
        bias = self.graph.constant(self.weight("_fc.bias"))
        logits = self.graph.add("Gemm", [embedding, classes, bias], transB=1)
        self.graph.name_output(embedding, "embedding")
        self.graph.name_output(logits, "logits")


def convert(weights: Path, target: Path, variant: Variant) -> None:
    """Writes the ONNX model of some weights."""
    network = Network(load(weights), variant.side)
    network.convolution("_conv_stem", "_bn0", stride=2)
    network.stages(variant)
    network.head()
    left = {name for name in network.weights if not name.endswith("num_batches_tracked")} - network.used
    if left:
        sys.exit(f"error: weights that the architecture does not use: {sorted(left)}")
    inputs: dict[str, list[int | str]] = {"images": ["batch", 3, variant.side, variant.side]}
    network.graph.save(target, inputs, {"logits": ["batch", 1000], "embedding": ["batch", 1280]})


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]), VARIANTS[sys.argv[3]])
