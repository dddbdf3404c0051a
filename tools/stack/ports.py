"""Free ports of loopback."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

from .fault import StackFault

HOST = "127.0.0.1"
# Below those that the system gives to connections: no client comes to sit on the port of a server
# that is being started again.
RANGE = range(10_000, 32_000)


def free(count: int) -> list[int]:
    """Different ports that nobody listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(_bound(random.sample(RANGE, len(RANGE)))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def claim(port: int) -> int:
    """That port if it is free, any free one for 0."""
    if port == 0:
        return free(1)[0]
    _bound([port]).close()
    return port


def _bound(ports: list[int]) -> socket.socket:
    for port in ports:
        one = socket.socket()
        # As the servers do: a port whose last connections are still being closed is free.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
            return one
        except (OSError, OverflowError):
            one.close()
    wanted = f"{HOST}:{ports[0]} is taken" if len(ports) == 1 else f"no port of {HOST} is free"
    raise StackFault(wanted)
