"""CenterNet on MobileNetV3 from a TensorFlow.js model.

Source of the method: Zhou et al., "Objects as Points" (2019). The graph itself holds the peaks,
the top 100 and the boxes, so nothing is added here.
"""

from __future__ import annotations

from . import tfjs


def convert(topology: bytes, weights: bytes) -> bytes:
    """`tower_0/images` [1,512,512,3], 0..255, to `detections` [1,100,6].

    A detection is x1, y1, x2, y2 in pixels of the input, score, class from 0.
    """
    graph, outputs = tfjs.convert("centernet-mbv3-coco", topology, weights, ["tower_0/detections"])
    graph.output(outputs["tower_0/detections"], "detections", [1, 100, 6])
    return graph.to_bytes()
