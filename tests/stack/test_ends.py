"""Processes that are told to end while they are asked: nothing that they took on is lost."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import time
import unittest
from pathlib import Path

from tools.stack.stack import ROOT, Choices, Server, running

from .alone import HOST, serving
from .load import Load, asking
from .picture import red_picture

OUT_SECONDS = 20.0
AT_ONCE_SECONDS = 1.0
PATH = "/v1/models/colors/infer"


class HeldRequest:
    """A request that the server has begun to read, and whose body has not come yet."""

    def __init__(self, port: int, length: int) -> None:
        self.socket = socket.create_connection((HOST, port), timeout=30)
        self.send(f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-type: image/png\r\n"
                  f"content-length: {length}\r\nexpect: 100-continue\r\n\r\n".encode())
        if not (said := self.socket.recv(100)).startswith(b"HTTP/1.1 100"):
            raise AssertionError(f"it is not read: {said!r}")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        self.socket.close()

    def answer(self) -> http.client.HTTPResponse:
        answer = http.client.HTTPResponse(self.socket, method="POST")
        answer.begin()
        return answer


def readiness(server: Server) -> int:
    """What /readyz says; 0 where there is nobody to ask."""
    connection = http.client.HTTPConnection(HOST, server.operations_port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


class Ends(unittest.TestCase):
    def check_end(self, server: Server) -> None:
        """Ends a server under load: one that is being asked, holds a request, and has an idle connection."""
        picture = red_picture()
        idle = http.client.HTTPConnection(HOST, server.port, timeout=30)
        idle.request("GET", "/v1/models")
        self.assertEqual(idle.getresponse().read()[:1], b"{")
        with asking(server.port, PATH, picture, clients=8) as load:
            while len(load.answers) < 50:
                time.sleep(0.01)
            held = HeldRequest(server.port, len(picture))
            os.kill(server.process.pid, signal.SIGTERM)
            told = time.monotonic()
            while readiness(server) == 200:
                self.assertLess(time.monotonic() - told, AT_ONCE_SECONDS, "it says still that it is ready")
            self.assertEqual(readiness(server), 503, "it says that it is not, for as long as it works")
            held.send(picture)
            answer = held.answer()
            self.assertEqual(answer.status, 200)
            self.assertEqual(answer.getheader("connection"), "close", "the last answer says so")
            self.assertEqual(json.load(answer)["images"][0]["results"][0]["label"], "red")
            held.close()
            self.assert_out(server, told)
        self.assertEqual(idle.sock.recv(1), b"", "the idle connection was closed")
        idle.close()
        self.assert_nothing_lost(load)

    def assert_out(self, server: Server, told: float) -> None:
        while server.process.exit_status is None:
            self.assertLess(time.monotonic() - told, OUT_SECONDS, "it is not out")
            time.sleep(0.02)
        self.assertEqual(server.process.exit_status, 0)

    def assert_nothing_lost(self, load: Load) -> None:
        """Each request was answered well, or never let in. In the moment in which a port is closed the system
        may let in one that nobody takes any more, and resets it."""
        lost = [answer for answer in load.answers if answer.status != 200]
        reset = [answer for answer in lost if "Connection reset" in str(answer.body)]
        self.assertLessEqual(len(reset), 1, reset)
        for answer in lost:
            self.assertIn("Connection re", str(answer.body), answer)

    def test_a_server_finishes_what_it_took_on(self) -> None:
        for _ in range(5):
            with serving() as server:
                self.check_end(server)

    def test_a_gateway_finishes_what_it_took_on(self) -> None:
        binary = Path(os.environ.get("OCELLUS_STACK_BINARY", Choices.binary))
        with running(Choices(binary=binary, models=ROOT / "tests/models")) as stack:
            self.check_end(stack.gateway)
            # Nobody asks the core any more; it has connections open nevertheless.
            os.kill(stack.core.process.pid, signal.SIGTERM)
            self.assert_out(stack.core, time.monotonic())

    def test_clients_that_dawdle_do_not_hold_it_up(self) -> None:
        with serving() as server:
            # As slowly as a body may come: more than the least rate, for longer than an end may take.
            slow = [HeldRequest(server.port, 30 << 20) for _ in range(4)]
            silent = [socket.create_connection((HOST, server.port)) for _ in range(4)]
            os.kill(server.process.pid, signal.SIGTERM)
            told = time.monotonic()
            while server.process.exit_status is None and time.monotonic() - told < OUT_SECONDS:
                for each in slow:
                    try:
                        each.send(bytes(2 << 10))
                    except OSError:
                        pass
                time.sleep(0.5)
            self.assert_out(server, told)
            self.assertGreater(time.monotonic() - told, 5, "they were given time")
            for each in (*slow, *silent):
                each.close()


if __name__ == "__main__":
    unittest.main()
