"""Small SavedModels, made with TensorFlow at test time: `make_saved_models.py FOLDER`.

    conv       three convolutions and a softmax, 32 by 32 RGB floats, any batch
    bytes      eight-bit pixels, one picture at a time, a score and an index
    renamed    as conv, and its one signature is called "classify"
    lgamma     uses an operator that ONNX lacks
    encoded    takes encoded pictures
    empty      has no signature
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

import tensorflow as tf


class Conv(tf.Module):
    """Strided convolutions a mean over the picture, ten classes."""

    def __init__(self) -> None:
        super().__init__()
        random = tf.random.Generator.from_seed(7)
        sides = ((3, 8), (8, 16), (16, 32))
        self.kernels = [tf.Variable(random.normal((3, 3, *side)) * 0.2) for side in sides]
        self.dense = tf.Variable(random.normal((32, 10)))

    @tf.function(input_signature=[tf.TensorSpec((None, 32, 32, 3), tf.float32, name="image")])
    def __call__(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        x = image
        for kernel in self.kernels:
            x = tf.nn.relu(tf.nn.conv2d(x, kernel, strides=2, padding="SAME"))
        logits = tf.reduce_mean(x, (1, 2)) @ self.dense
        return {"scores": tf.nn.softmax(logits), "logits": logits}


class Bytes(Conv):
    @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3), tf.uint8, name="pixels")])
    def bytes(self, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = self(tf.cast(pixels, tf.float32) / 255.0)["scores"]
        return {"score": tf.reduce_max(scores, 1), "index": tf.argmax(scores, 1)}


class Lgamma(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.math.lgamma(x + 1.0)}


class Encoded(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((), tf.string, name="jpeg")])
    def __call__(self, jpeg: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"mean": tf.reduce_mean(tf.cast(tf.io.decode_jpeg(jpeg, 3), tf.float32))}


def main() -> None:
    folder = Path(sys.argv[1])
    conv, pixels, lgamma, encoded = Conv(), Bytes(), Lgamma(), Encoded()
    for name, module, signatures in (
        ("conv", conv, conv.__call__),
        ("bytes", pixels, pixels.bytes),
        ("renamed", conv, {"classify": conv.__call__}),
        ("lgamma", lgamma, lgamma.__call__),
        ("encoded", encoded, encoded.__call__),
    ):
        tf.saved_model.save(module, str(folder / name), signatures)
    tf.saved_model.save(tf.Module(), str(folder / "empty"))


if __name__ == "__main__":
    main()
