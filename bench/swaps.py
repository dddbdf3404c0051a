"""Memory, open files and time of version swaps of the demo's classifiers, under load.

Needs the release binary and the demo models: `make bench-swaps`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from bench.clients import ROOT, Clients, answers, free_port, wait_for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--swaps", type=int, default=40)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ocellus-bench-"))
    root = folder / "models/classifier"
    for version in ("1", "2"):
        shutil.copytree(ROOT / "models/classifier" / version, root / version)
    want(root, 1)
    http_port, operations = free_port(), free_port()
    environment = os.environ | {
        "OCELLUS_MODELS": str(root.parent), "OCELLUS_HTTP_ADDRESS": f"127.0.0.1:{http_port}",
        "OCELLUS_OPERATIONS_ADDRESS": f"127.0.0.1:{operations}", "OCELLUS_LOG_FILTER": "warn",
        "OCELLUS_CACHE_FOLDER": str(folder / "cache"), "OCELLUS_SOURCE_POLL_MS": "100",
        "OCELLUS_SOURCE_LIST_MS": "100"}
    server = subprocess.Popen([ROOT / "target/release/ocellus", "serve"], env=environment, stdout=subprocess.DEVNULL,
                              cwd=ROOT)
    try:
        wait_for("the server", lambda: answers(operations, "/readyz"))
        measure(options.swaps, root, http_port, server.pid)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def want(root: Path, version: int) -> None:
    part = root / "serving.part"
    part.write_text(json.dumps({"schema": 1, "policy": {"specific": [version]}}))
    part.rename(root / "serving.json")


def default_version(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1/models/classifier")
    return json.loads(connection.getresponse().read()).get("default_version", 0)


def measure(swaps: int, root: Path, port: int, pid: int) -> None:
    clients, stop = Clients(port, 4), threading.Event()

    def load() -> None:
        while not stop.is_set():
            clients.capacity(1)

    asking = threading.Thread(target=load)
    asking.start()
    times: list[float] = []
    for number in range(1, swaps + 1):
        version, begun = number % 2 + 1, time.monotonic()
        want(root, version)
        wait_for(f"version {version}", lambda version=version: default_version(port) == version)
        times.append(time.monotonic() - begun)
        if number in (2, 4) or number % 10 == 0:
            resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 // 1024
            files = len(os.listdir(f"/proc/{pid}/fd"))
            print(f"{number} swaps: {resident} MiB, {files} open files, median {statistics.median(times):.2f} s",
                  flush=True)
    stop.set()
    asking.join()
    failed = sum(status != 200 for _, _, status in clients.taken)
    print(f"{len(clients.taken)} requests, {failed} failed")


if __name__ == "__main__":
    main()
