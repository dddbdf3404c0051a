"""SeaweedFS with one pair of keys and one bucket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import ports
from .ports import HOST
from .process import Process

BUCKET = "models"
READY_SECONDS = 60
PORTS = (
    *("s3.port", "s3.port.grpc", "filer.port", "filer.port.grpc", "volume.port", "volume.port.grpc"),
    *("master.port", "master.port.grpc", "admin.port", "admin.port.grpc"),
)


@dataclass(frozen=True)
class SeaweedFS:
    """A running store."""

    process: Process
    s3_port: int
    """Where S3 is spoken, with keys."""
    filer_port: int
    """Where the same files are without keys: `/buckets/models/…`."""

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.s3_port}"


def start(weed: Path, environment: Mapping[str, str], folder: Path) -> SeaweedFS:
    """Starts it on data in `folder`, with the keys of the environment."""
    data = folder / "store"
    data.mkdir(exist_ok=True)
    chosen = dict(zip(PORTS, ports.free(len(PORTS))))
    command: list[str | Path] = [
        *(weed, "-logtostderr=true", "mini", f"-dir={data}", f"-ip={HOST}", f"-ip.bind={HOST}"),
        *(f"-bucket={BUCKET}", "-webdav=false", "-admin.ui=false"),
        *("-s3.port.iceberg=0", "-s3.port.lance=0"),
        *(f"-{name}={port}" for name, port in chosen.items()),
    ]
    process = Process("seaweedfs", command, environment, folder)
    return SeaweedFS(process, chosen["s3.port"], chosen["filer.port"])


def wait_until_ready(store: SeaweedFS) -> None:
    """Returns once the bucket is there: from then on it can be read and written."""
    store.process.wait_until_ready(store.filer_port, f"/buckets/{BUCKET}/", READY_SECONDS)
