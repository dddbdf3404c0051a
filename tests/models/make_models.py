"""Tiny ONNX models whose answers can be told from a picture's colours alone.

    make_models.py            writes <name>/<version>/model.onnx beside this file
    make_models.py --check    makes them anew and says which of those here differ
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent
Dims = list[int | str]


@dataclass
class Graph:
    """Nodes and constants as they are added; every method gives the name of its result."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, values: object, dtype: type = np.float32) -> str:
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def apply(self, operator: str, *inputs: str, **attributes: object) -> str:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def output(self, value: str, name: str) -> None:
        self.nodes.append(helper.make_node("Identity", [value], [name]))

    def model(self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]) -> bytes:
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make_models"
        )
        onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString()


def tensor(name: str, element: int, dims: Dims) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element, dims)


def colors(factor: float, element: int = TensorProto.FLOAT, layout: str = "NCHW") -> bytes:
    """`images` [batch,3,8,8] (or [batch,8,8,3]) to `logits` [batch,3]: factor × mean of a channel."""
    graph = Graph()
    images = graph.apply("Cast", "images", to=TensorProto.FLOAT)
    axes = [2, 3] if layout == "NCHW" else [1, 2]
    mean = graph.apply("ReduceMean", images, axes=axes, keepdims=0)
    logits = graph.apply("Mul", mean, graph.constant(factor))
    half = element == TensorProto.FLOAT16
    graph.output(graph.apply("Cast", logits, to=element) if half else logits, "logits")
    dims: Dims = ["batch", 3, 8, 8] if layout == "NCHW" else ["batch", 8, 8, 3]
    output = tensor("logits", element if half else TensorProto.FLOAT, ["batch", 3])
    return graph.model("colors", [tensor("images", element, dims)], [output])


def not_a_number() -> bytes:
    """As `colors`, but every logit is NaN."""
    graph = Graph()
    mean = graph.apply("ReduceMean", "images", axes=[2, 3], keepdims=0)
    graph.output(graph.apply("Mul", mean, graph.constant(np.nan)), "logits")
    dims: Dims = ["batch", 3, 8, 8]
    output = tensor("logits", TensorProto.FLOAT, ["batch", 3])
    return graph.model("not_a_number", [tensor("images", TensorProto.FLOAT, dims)], [output])


def fragile() -> bytes:
    """As `colors`, but the logits are divided by 1 - mean of red: infinite for a plain red picture."""
    graph = Graph()
    mean = graph.apply("ReduceMean", "images", axes=[2, 3], keepdims=0)
    red = graph.apply("Gather", mean, graph.constant([0], np.int64), axis=1)
    graph.output(graph.apply("Div", mean, graph.apply("Sub", graph.constant(1.0), red)), "logits")
    dims: Dims = ["batch", 3, 8, 8]
    output = tensor("logits", TensorProto.FLOAT, ["batch", 3])
    return graph.model("fragile", [tensor("images", TensorProto.FLOAT, dims)], [output])


def brittle() -> bytes:
    """As `colors`, but a run with a plain red picture in it fails: it looks past the end of a table."""
    graph = Graph()
    mean = graph.apply("ReduceMean", "images", axes=[2, 3], keepdims=0)
    red = graph.apply("Gather", mean, graph.constant([0], np.int64), axis=1)
    doubled = graph.apply("Mul", red, graph.constant(2.0))
    place = graph.apply("Cast", doubled, to=TensorProto.INT64)
    factor = graph.apply("Gather", graph.constant([10.0, 10.0]), place, axis=0)
    graph.output(graph.apply("Mul", mean, factor), "logits")
    dims: Dims = ["batch", 3, 8, 8]
    output = tensor("logits", TensorProto.FLOAT, ["batch", 3])
    return graph.model("brittle", [tensor("images", TensorProto.FLOAT, dims)], [output])


def heavy(megabytes: int = 64) -> bytes:
    """As `colors`, but a run takes this much memory on its way."""
    graph = Graph()
    mean = graph.apply("ReduceMean", "images", axes=[2, 3], keepdims=0)
    least = graph.apply("ReduceMin", mean, keepdims=0)
    wide = graph.apply("Expand", least, graph.constant([megabytes << 18], np.int64))
    nothing = graph.apply("Sub", graph.apply("ReduceMax", wide, keepdims=0), least)
    logits = graph.apply("Mul", mean, graph.constant(10.0))
    graph.output(graph.apply("Add", logits, nothing), "logits")
    dims: Dims = ["batch", 3, 8, 8]
    output = tensor("logits", TensorProto.FLOAT, ["batch", 3])
    return graph.model("heavy", [tensor("images", TensorProto.FLOAT, dims)], [output])


@dataclass
class Extent:
    """Names of a bounding box's edges in pixels, and of 1.0 where there is anything, else 0.0."""

    edges: list[str]
    present: str


def extent(graph: Graph, mask: str) -> Extent:
    """The tight bounding box of a mask [height, width] of 0.0 and 1.0; all zero where it is empty."""

    def along(axis: int) -> tuple[str, str]:
        line = graph.apply("ReduceMax", mask, axes=[1 - axis], keepdims=0)
        first = graph.apply("ArgMax", line, axis=0, keepdims=0)
        last = graph.apply("ArgMax", line, axis=0, keepdims=0, select_last_index=1)
        one = graph.constant(1, np.int64)
        end = graph.apply("Add", last, one)
        as_float = (graph.apply("Cast", edge, to=TensorProto.FLOAT) for edge in (first, end))
        return tuple(graph.apply("Mul", edge, present) for edge in as_float)  # type: ignore[return-value]

    present = graph.apply("ReduceMax", mask, axes=[0, 1], keepdims=0)
    (y1, y2), (x1, x2) = along(0), along(1)
    return Extent([x1, y1, x2, y2], present)


def only_channel(graph: Graph, planes: str, channel: int, threshold: float) -> str:
    """Mask [height, width] of the pixels of planes [3, height, width] that are bright in one channel alone."""
    bright = graph.apply("Cast", graph.apply("Greater", planes, graph.constant(threshold)), to=TensorProto.FLOAT)
    own = graph.apply("Gather", bright, graph.constant(channel, np.int64), axis=0)
    count = graph.apply("ReduceSum", bright, graph.constant([0], np.int64), keepdims=0)
    alone = graph.apply("Cast", graph.apply("Equal", count, graph.constant(1.0)), to=TensorProto.FLOAT)
    return graph.apply("Mul", own, alone)


def row(graph: Graph, values: list[str]) -> str:
    """Scalars as one row [1, len]."""
    axis = graph.constant([0], np.int64)
    scalars = [graph.apply("Unsqueeze", value, axis) for value in values]
    return graph.apply("Unsqueeze", graph.apply("Concat", *scalars, axis=0), axis)


def spots(height: int | str, width: int | str) -> bytes:
    """`image` [1,height,width,3] RGB 0..255 to `detections` [1,4,6]: x1, y1, x2, y2, score, class.

    Row k is the bounding box of the pixels that are bright in channel k alone, score 0.9 - 0.1 k;
    row 3 repeats row 0 a pixel further right and down with score 0.5, for NMS to remove.
    """
    graph = Graph()
    picture = graph.apply("Squeeze", "image", graph.constant([0], np.int64))
    planes = graph.apply("Transpose", picture, perm=[2, 0, 1])
    rows = []
    for channel in (0, 1, 2, 0):
        again = len(rows) == 3
        found = extent(graph, only_channel(graph, planes, channel, 127.0))
        edges = [graph.apply("Add", edge, found.present) for edge in found.edges] if again else found.edges
        score = 0.5 if again else 0.9 - 0.1 * channel
        scored = graph.apply("Mul", found.present, graph.constant(score))
        rows.append(row(graph, [*edges, scored, graph.constant(float(channel))]))
    together = graph.apply("Concat", *rows, axis=0)
    graph.output(graph.apply("Unsqueeze", together, graph.constant([0], np.int64)), "detections")
    output = tensor("detections", TensorProto.FLOAT, [1, 4, 6])
    return graph.model("spots", [tensor("image", TensorProto.FLOAT, [1, height, width, 3])], [output])


def marks(side: int = 64) -> bytes:
    """`image` [1,3,64,64] BGR -1..1 to `boxes` [1,3,4] y1,x1,y2,x2 in 0..1, `keypoints` [1,3,2,2], `scores` [1,3,1].

    Row 0 is the bounding box of red pixels with its top left and bottom right corners, row 1 the
    same shrunk by a twentieth towards its centre, row 2 the box of blue pixels. Scores are logits:
    3, 2 and 1 where the colour is there, -10 where it is not.
    """
    graph = Graph()
    planes = graph.apply("Squeeze", "image", graph.constant([0], np.int64))
    red, blue = (extent(graph, only_channel(graph, planes, channel, 0.0)) for channel in (2, 0))
    size = graph.constant(float(side))
    boxes, keypoints, scores = [], [], []
    for found, logit, shrink in ((red, 3.0, 0.0), (red, 2.0, 0.05), (blue, 1.0, 0.0)):
        x1, y1, x2, y2 = (graph.apply("Div", edge, size) for edge in found.edges)
        keypoints.append(row(graph, [x1, y1, x2, y2]))
        if shrink:
            by = graph.constant(shrink / 2)
            dx = graph.apply("Mul", graph.apply("Sub", x2, x1), by)
            dy = graph.apply("Mul", graph.apply("Sub", y2, y1), by)
            x1, y1 = graph.apply("Add", x1, dx), graph.apply("Add", y1, dy)
            x2, y2 = graph.apply("Sub", x2, dx), graph.apply("Sub", y2, dy)
        boxes.append(row(graph, [y1, x1, y2, x2]))
        above = graph.apply("Mul", found.present, graph.constant(logit + 10.0))
        scores.append(row(graph, [graph.apply("Sub", above, graph.constant(10.0))]))
    shapes = {"boxes": [1, 3, 4], "keypoints": [1, 3, 2, 2], "scores": [1, 3, 1]}
    for (name, shape), rows in zip(shapes.items(), (boxes, keypoints, scores)):
        together = graph.apply("Concat", *rows, axis=0)
        graph.output(graph.apply("Reshape", together, graph.constant(shape, np.int64)), name)
    outputs = [tensor(name, TensorProto.FLOAT, list(shape)) for name, shape in shapes.items()]
    return graph.model("marks", [tensor("image", TensorProto.FLOAT, [1, 3, side, side])], outputs)


MODELS: dict[str, Callable[[], bytes]] = {
    "colors/1": lambda: colors(10.0),
    "colors/2": lambda: colors(20.0),
    "half/1": lambda: colors(10.0, TensorProto.FLOAT16),
    "bytes/1": lambda: colors(10.0 / 255.0, TensorProto.UINT8, "NHWC"),
    "ints/1": lambda: colors(10.0 / 255.0, TensorProto.INT32),
    "spots/1": lambda: spots(64, 96),
    "spots_any/1": lambda: spots("height", "width"),
    "marks/1": lambda: marks(),
}
BROKEN: dict[str, Callable[[], bytes]] = {
    "not_a_number/1": not_a_number,
    "fragile/1": fragile,
    "brittle/1": brittle,
    "heavy/1": heavy,
}


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="write nothing, compare with what is here")
    check = arguments.parse_args().check
    files = {HERE / name / "model.onnx": make for name, make in MODELS.items()}
    files |= {HERE.parent / "broken_models" / name / "model.onnx": make for name, make in BROKEN.items()}
    differing = []
    for path, make in files.items():
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make())
        elif not path.is_file() or path.read_bytes() != make():
            differing.append(str(path.relative_to(HERE.parent)))
    for name in differing:
        print(f"{name} is not what make_models.py makes; run it and commit", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
