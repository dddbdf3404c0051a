"""`ocellus serve` by itself, on a folder of models."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.stack import ports
from tools.stack.process import Process
from tools.stack.stack import PLACES, ROOT, Choices, Server

HOST = "127.0.0.1"
BINARY = Path(os.environ.get("OCELLUS_STACK_BINARY", Choices.binary))


@contextmanager
def serving(models: Path = ROOT / "tests/models", **settings: str) -> Iterator[Server]:
    """A server that is ready, ended when the block is left. Settings are variables, as they are named."""
    port, operations = ports.free(2)
    with tempfile.TemporaryDirectory(prefix="ocellus-alone-") as folder:
        environment: Mapping[str, str] = {
            **os.environ,
            "OCELLUS_ENGINE_LIBRARY": str(next(iter(sorted(PLACES.engine.glob("libonnxruntime.*"))), "")),
            "OCELLUS_MODELS": str(models),
            "OCELLUS_CACHE_FOLDER": f"{folder}/cache",
            "OCELLUS_HTTP_ADDRESS": f"{HOST}:{port}",
            "OCELLUS_OPERATIONS_ADDRESS": f"{HOST}:{operations}",
            **settings,
        }
        process = Process("serve", [BINARY, "serve"], environment, Path(folder))
        try:
            server = Server(process, port, operations)
            server.wait_until_ready()
            yield server
        finally:
            process.stop(30)
