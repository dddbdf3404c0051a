"""How a stack starts, fails and ends: the real SeaweedFS, and a stand-in for Ocellus."""

from __future__ import annotations

import os
import socket
import tempfile
import unittest
import urllib.request
from pathlib import Path
from unittest import mock

from tools.stack.fault import StackFault
from tools.stack.stack import Choices, Stack, running

# Ends as `core` when a file `broken` lies beside it; refuses to publish a model called `unsound`.
STAND_IN = """#!/usr/bin/env python3
import http.server, os, pathlib, sys, threading

def serve(address, body):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body.encode())

    host, port = address.split(":")
    return http.server.HTTPServer((host, int(port)), Handler)

role, arguments = sys.argv[1], sys.argv[2:]
if role == "publish":
    if "unsound" in arguments:
        sys.exit("ocellus: it would not serve")
    assert (pathlib.Path(arguments[0]) / "model.toml").is_file()
    print("published", *arguments[1:], "in", os.environ["OCELLUS_MODELS"])
    sys.exit()
if role == "core" and pathlib.Path(__file__).with_name("broken").exists():
    sys.exit("ocellus: no engine")
operations = serve(os.environ["OCELLUS_OPERATIONS_ADDRESS"], "ready")
threading.Thread(target=operations.serve_forever, daemon=True).start()
own = "OCELLUS_GRPC_ADDRESS" if role == "core" else "OCELLUS_HTTP_ADDRESS"
serve(os.environ[own], f"{role} {arguments} {os.environ.get('AWS_PROFILE')}").serve_forever()
"""


class StackTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        # Where stacks make their folders, so that a test sees what they leave.
        self.made = self.folder / "made"
        self.made.mkdir()
        mocked = mock.patch.object(tempfile, "tempdir", str(self.made))
        mocked.start()
        self.addCleanup(mocked.stop)
        self.binary = self.folder / "ocellus"
        self.binary.write_text(STAND_IN)
        self.binary.chmod(0o755)
        for version in ("cats/1", "cats/2", "dogs/7"):
            self.add_model(version)

    def add_model(self, version: str) -> None:
        folder = self.folder / "models" / version
        folder.mkdir(parents=True)
        (folder / "model.toml").touch()

    def choices(self, http_port: int = 0) -> Choices:
        return Choices(binary=self.binary, models=self.folder / "models", http_port=http_port)

    def start(self) -> None:
        """Starts one that is expected to fail; nothing of it may be left."""
        seen: list[Stack] = []
        real = Stack.start_store

        def noted(stack: Stack) -> None:
            seen.append(stack)
            real(stack)

        try:
            with mock.patch.object(Stack, "start_store", noted), running(self.choices()):
                self.fail("it started")
        finally:
            left = [process for stack in seen for process in stack.processes if process.exit_status is None]
            self.assertEqual(left, [])

    def test_every_model_is_published_and_every_part_serves_and_ends(self) -> None:
        with mock.patch.dict(os.environ, {"AWS_PROFILE": "mine"}), running(self.choices()) as stack:
            published = (stack.folder / "publish.log").read_text().splitlines()
            self.assertEqual(
                published,
                [
                    f"published --model {model} --version {version} in s3://models/prod"
                    for model, version in (("cats", 1), ("cats", 2), ("dogs", 7))
                ],
            )
            with urllib.request.urlopen(stack.url) as answer:
                core = f"http://127.0.0.1:{stack.core.port}"
                self.assertEqual(answer.read().decode(), f"gateway ['--core', '{core}'] None")
            stack.check()
            processes = stack.processes
        self.assertEqual([process.name for process in processes[-2:]], ["core", "gateway"])
        self.assertTrue(all(process.exit_status is not None for process in processes))
        self.assertEqual(list(self.made.iterdir()), [])

    def test_a_part_that_ends_is_named_and_may_be_started_again(self) -> None:
        with running(self.choices()) as stack:
            stack.core.process.kill()
            with self.assertRaisesRegex(StackFault, "core ended with status -9"):
                stack.check()
            stack.core.process.start()
            stack.core.wait_until_ready()
            stack.check()

    def test_a_core_that_does_not_start_is_said_with_its_reason_and_ends_the_rest(self) -> None:
        (self.folder / "broken").touch()
        with self.assertRaisesRegex(StackFault, "(?s)core ended with status 1.*ocellus: no engine"):
            self.start()
        (folder,) = self.made.iterdir()
        self.assertIn("no engine", (folder / "core.log").read_text(), "its log stays")

    def test_a_model_that_is_refused_is_said_with_its_reason(self) -> None:
        self.add_model("unsound/1")
        with self.assertRaisesRegex(StackFault, "(?s)publish ended with status 1.*it would not serve"):
            self.start()

    def test_what_is_missing_is_said_with_its_remedy_before_anything_starts(self) -> None:
        self.binary.unlink()
        with self.assertRaisesRegex(StackFault, "ocellus is missing; `make build` makes it"):
            self.start()
        self.assertEqual(list(self.made.iterdir()), [])

    def test_a_port_that_is_taken_is_said_before_anything_starts(self) -> None:
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            taken = self.assertRaisesRegex(StackFault, f"127.0.0.1:{port} is taken")
            with taken, running(self.choices(http_port=port)):
                self.fail("it started")
        self.assertEqual(list(self.made.iterdir()), [])
