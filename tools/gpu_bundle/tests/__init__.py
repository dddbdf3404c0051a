"""Tests of the GPU bundle and of gpu-check, which need neither a GPU nor a network."""
