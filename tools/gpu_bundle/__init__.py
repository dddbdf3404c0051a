"""Gathers into one folder, in parts of a size that travels, what a GPU machine needs to run Ocellus.

Runs on the standard library of Python 3.9 or newer.
"""
