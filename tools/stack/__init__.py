"""The topology of docker-compose.yml as processes on loopback, for `make stack` and for tests.

Runs on the standard library of Python 3.9 or newer.
"""
