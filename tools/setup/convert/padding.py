"""TensorFlow's SAME padding, for inputs of a known size."""

from __future__ import annotations


def same(size: int, kernel: int, stride: int) -> tuple[int, int, int]:
    """Output size, padding before and padding after along one axis.

    The output has ceil(size / stride) elements; an odd pixel of padding goes after.
    Source: TensorFlow, "Notes on padding combinations" in the documentation of tf.nn.
    """
    output = -(-size // stride)
    total = max((output - 1) * stride + kernel - size, 0)
    return output, total // 2, total - total // 2
