"""Starts the store, publishes the demo models, starts a core and a gateway; ends them in turn."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.setup.places import Places

from . import ports, seaweedfs
from .fault import StackFault
from .ports import HOST
from .process import Process
from .seaweedfs import SeaweedFS

ROOT = Path(__file__).resolve().parents[2]
PLACES = Places(ROOT)
PUBLISH_SECONDS = 300
READY_SECONDS = 300
WATCH_SECONDS = 0.5


@dataclass(frozen=True)
class Choices:
    """What is started, and on which ports; 0 is any free one."""

    binary: Path = ROOT / "target/release/ocellus"
    weed: Path = PLACES.private / "venv-test/bin/weed"
    models: Path = PLACES.models
    http_port: int = 0
    grpc_port: int = 0


@dataclass(frozen=True)
class Server:
    """A core or a gateway: its process, where it serves, and where it says how it is."""

    process: Process
    port: int
    operations_port: int

    def wait_until_ready(self) -> None:
        self.process.wait_until_ready(self.operations_port, "/readyz", READY_SECONDS)


@dataclass
class Stack:
    """What runs. Tests end, start and ask its parts; `running` ends what is left."""

    folder: Path
    """Log files, the store's data, the core's cache."""
    choices: Choices
    environment: dict[str, str]
    """Of every process: the caller's, the keys, where the store and the models are."""
    processes: list[Process] = field(default_factory=list)
    """In the order of their start; those that ended by themselves too."""
    store: SeaweedFS = field(init=False)
    core: Server = field(init=False)
    gateway: Server = field(init=False)

    @property
    def url(self) -> str:
        """The gateway's."""
        return f"http://{HOST}:{self.gateway.port}"

    def start_store(self) -> None:
        self.store = seaweedfs.start(self.choices.weed, self.environment, self.folder)
        self.processes.append(self.store.process)
        seaweedfs.wait_until_ready(self.store)
        self.environment["OCELLUS_S3_ENDPOINT"] = self.store.endpoint

    def publish(self, folder: Path, model: str, version: str) -> None:
        """Publishes a folder as a version, as the owner of a model does."""
        command: list[str | Path] = [self.choices.binary, "publish", folder.resolve()]
        command += ["--model", model, "--version", version]
        publisher = Process("publish", command, self.environment, self.folder)
        self.processes.append(publisher)
        publisher.wait_until_done(PUBLISH_SECONDS)

    def publish_demo_models(self) -> None:
        versions = sorted(path.parent for path in self.choices.models.glob("*/*/model.toml"))
        if not versions:
            raise StackFault(f"{PLACES.named(self.choices.models)}/ holds no model; `make models` fills it")
        for folder in versions:
            self.publish(folder, folder.parent.name, folder.name)

    def start_core(self) -> None:
        self.core = self.add_core("core", self.choices.grpc_port)

    def start_gateway(self) -> None:
        self.gateway = self.add_gateway("gateway", [self.core], self.choices.http_port)

    def add_core(self, name: str, port: int = 0) -> Server:
        """One more core on the same store, with a cache of its own."""
        port = ports.claim(port)
        environment = {
            "OCELLUS_GRPC_ADDRESS": f"{HOST}:{port}",
            "OCELLUS_CACHE_FOLDER": str(self.folder / f"{name}-cache"),
        }
        return self._server(name, ["core"], port, environment)

    def add_gateway(self, name: str, cores: Sequence[Server], port: int = 0) -> Server:
        """One more gateway, to some cores."""
        port = ports.claim(port)
        urls = ",".join(f"http://{HOST}:{core.port}" for core in cores)
        return self._server(name, ["gateway", "--core", urls], port, {"OCELLUS_HTTP_ADDRESS": f"{HOST}:{port}"})

    def check(self) -> None:
        """Raises if the store, the core or the gateway has ended."""
        for process in (self.store.process, self.core.process, self.gateway.process):
            process.check()

    def stop(self) -> None:
        """Ends what runs: the gateway first, the store last."""
        for process in reversed(self.processes):
            process.stop()

    def _server(self, name: str, arguments: list[str], port: int, own: dict[str, str]) -> Server:
        (operations,) = ports.free(1)
        own["OCELLUS_OPERATIONS_ADDRESS"] = f"{HOST}:{operations}"
        command: list[str | Path] = [self.choices.binary, *arguments]
        process = Process(name, command, {**self.environment, **own}, self.folder)
        self.processes.append(process)
        server = Server(process, port, operations)
        server.wait_until_ready()
        return server


@contextmanager
def running(choices: Choices | None = None, say: Callable[[str], None] = lambda _: None) -> Iterator[Stack]:
    """A stack that is ready, ended when the block is left. Its folder goes too, unless it failed."""
    chosen = choices or Choices()
    _check(chosen)
    folder = Path(tempfile.mkdtemp(prefix="ocellus-stack-"))
    stack = Stack(folder, chosen, _environment())
    say(f"log files are in {folder}")
    try:
        for what, step in (
            ("starting SeaweedFS", stack.start_store),
            ("publishing the demo models", stack.publish_demo_models),
            ("starting the core", stack.start_core),
            ("starting the gateway", stack.start_gateway),
        ):
            say(what)
            step()
        yield stack
    except BaseException as error:
        stack.stop()
        if not isinstance(error, Exception):
            shutil.rmtree(folder, ignore_errors=True)
        raise
    stack.stop()
    shutil.rmtree(folder, ignore_errors=True)


def watch(stack: Stack) -> None:
    """Waits until a part of it ends, and says which."""
    while True:
        stack.check()
        time.sleep(WATCH_SECONDS)


def _check(choices: Choices) -> None:
    for file, remedy in (
        (choices.binary, "`make build` makes it"),
        (choices.weed, "`make test-rust` installs it"),
    ):
        if not file.is_file():
            raise StackFault(f"{PLACES.named(file)} is missing; {remedy}")
    # Said before anything is started.
    for port in {choices.http_port, choices.grpc_port} - {0}:
        ports.claim(port)


def _environment() -> dict[str, str]:
    """The caller's settings, without keys or profiles for another store."""
    caller = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    library = next(iter(sorted(PLACES.engine.glob("libonnxruntime.*"))), None)
    if library is not None:
        caller.setdefault("OCELLUS_ENGINE_LIBRARY", str(library))
    return {
        **caller,
        "AWS_ACCESS_KEY_ID": "ocellus-stack",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(24),
        "OCELLUS_MODELS": f"s3://{seaweedfs.BUCKET}/prod",
    }
