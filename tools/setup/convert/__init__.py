"""Converters of published weights to ONNX: bytes in, bytes out.

These modules import numpy, onnx and tflite; they run in the environment of `tools.setup.venv`.
Each knows the operators of the demo models and no others.
"""
