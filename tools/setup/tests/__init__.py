"""Tests of the set-up tooling: `python3 -m tools.setup test` runs them."""
