"""MediaPipe's full-range face detector to ONNX: `blazeface.py DETECTOR.tflite MODEL.onnx`.

Bazarevsky et al., "BlazeFace" (2019). The network gives an offset for each of 48 × 48 anchors, in
pixels of its 192 × 192 input; here anchors and offsets are put together, so that the graph's
outputs are finished: `boxes` [1,2304,4] x1, y1, x2, y2 and `keypoints` [1,2304,6,2] x, y as parts
of the input, `scores` [1,2304] in 0..1.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx_graph import Graph
from tflite_graph import Converter

SIDE = 192
GRID = 48
KEYPOINTS = 6


def anchors() -> NDArray[np.float32]:
    """The centres [2304,2] x, y of the grid's cells, row by row, as parts of the input."""
    centers = (np.arange(GRID, dtype=np.float64) + 0.5) / GRID
    x, y = np.meshgrid(centers, centers)
    return np.stack([x.reshape(-1), y.reshape(-1)], axis=1).astype(np.float32)


def columns(graph: Graph, value: str, first: int, end: int) -> str:
    """Some columns of [1,n,16]."""
    return graph.add("Slice", [value, *(graph.constant([number], np.int64) for number in (first, end, 2))])


def convert(detector: Path, target: Path) -> None:
    """Writes the ONNX model of the detector."""
    converter = Converter(detector)
    graph, centers = converter.graph, anchors()
    count = len(centers)
    offsets = converter.output("reshaped_regressor_face_4")
    parts = graph.add("Div", [offsets, graph.constant(SIDE, np.float32)])
    center = graph.add("Add", [columns(graph, parts, 0, 2), graph.constant(centers[None])])
    half = graph.add("Mul", [columns(graph, parts, 2, 4), graph.constant(0.5, np.float32)])
    corners = [graph.add(operator, [center, half]) for operator in ("Sub", "Add")]
    shape = graph.constant([1, count, KEYPOINTS, 2], np.int64)
    points = graph.add("Reshape", [columns(graph, parts, 4, 16), shape])
    logits = graph.clip(converter.output("reshaped_classifier_face_4"), -100.0, 100.0)
    scores = graph.add("Sigmoid", [logits])
    graph.name_output(graph.add("Concat", corners, axis=2), "boxes")
    graph.name_output(graph.add("Add", [points, graph.constant(centers[None, :, None, :])]), "keypoints")
    graph.name_output(graph.add("Reshape", [scores, graph.constant([1, count], np.int64)]), "scores")
    outputs: dict[str, list[int | str]] = {
        "boxes": [1, count, 4],
        "keypoints": [1, count, KEYPOINTS, 2],
        "scores": [1, count],
    }
    graph.save(target, {converter.input: converter.input_shape}, outputs)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
