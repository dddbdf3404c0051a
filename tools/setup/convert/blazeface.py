"""BlazeFace, full range, from a TensorFlow Lite model, with its boxes decoded in the graph.

Source of the decoding: MediaPipe's SsdAnchorsCalculator and TensorsToDetectionsCalculator with
the settings of its face_detection_full_range graph: one anchor of size 1 in each cell.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import tflite

SIDE = 192
CELLS_PER_SIDE = 48
ANCHORS = CELLS_PER_SIDE * CELLS_PER_SIDE
KEYPOINTS = 6
# MediaPipe's score_clipping_thresh: beyond it the sigmoid is 0 or 1 in single precision.
LARGEST_LOGIT = 100.0


def convert(content: bytes) -> bytes:
    """`input` [1,192,192,3], -1..1, to `boxes` [1,n,4], `keypoints` [1,n,6,2] and `scores` [1,n].

    n = 2304 anchors. Boxes are x1, y1, x2, y2 and keypoints x, y, in fractions of the input;
    scores are probabilities.
    """
    graph, outputs = tflite.convert("blazeface-full", content)
    # [1, n, 16] in pixels: centre x, y from the anchor's, width, height, then the keypoints.
    regressed = graph.add("Div", outputs["reshaped_regressor_face_4"], graph.floats(SIDE))
    logits = outputs["reshaped_classifier_face_4"]
    anchors = anchor_centres()

    centre = graph.add("Add", graph.slice(regressed, 0, 2, axis=2), graph.floats(anchors[None]))
    half_size = graph.add("Mul", graph.slice(regressed, 2, 4, axis=2), graph.floats(0.5))
    first_corner = graph.add("Sub", centre, half_size)
    second_corner = graph.add("Add", centre, half_size)
    boxes = graph.add("Concat", first_corner, second_corner, axis=2)

    points = graph.slice(regressed, 4, 4 + 2 * KEYPOINTS, axis=2)
    points = graph.add("Reshape", points, graph.integers([1, ANCHORS, KEYPOINTS, 2]))
    keypoints = graph.add("Add", points, graph.floats(anchors[None, :, None]))

    clipped = graph.add("Clip", logits, graph.floats(-LARGEST_LOGIT), graph.floats(LARGEST_LOGIT))
    scores = graph.add("Reshape", graph.add("Sigmoid", clipped), graph.integers([1, ANCHORS]))

    graph.output(boxes, "boxes", [1, ANCHORS, 4])
    graph.output(keypoints, "keypoints", [1, ANCHORS, KEYPOINTS, 2])
    graph.output(scores, "scores", [1, ANCHORS])
    return graph.to_bytes()


def anchor_centres() -> npt.NDArray[np.float32]:
    """[2304, 2]: x, y of each cell's centre in fractions of the input, row by row."""
    centres = (np.arange(CELLS_PER_SIDE, dtype=np.float32) + np.float32(0.5)) / np.float32(CELLS_PER_SIDE)
    x, y = np.meshgrid(centres, centres)
    return np.stack([x.reshape(-1), y.reshape(-1)], axis=1)
