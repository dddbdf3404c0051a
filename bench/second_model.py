"""What loading a second, large model costs those who ask the first.

Starts a real SeaweedFS and a real server, finds how many requests a second the first model answers
at most, asks 70 % of that, evenly in time whatever the answers take, and publishes a model of
hundreds of megabytes meanwhile. Prints the latencies before, during and after its load.

Needs the release binary, the demo models and the test environment: `make bench-second-model`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from bench.clients import Clients, answers, free_port, percentile, wait_for

ROOT = Path(__file__).resolve().parents[1]
OCELLUS = ROOT / "target/release/ocellus"
WEED = ROOT / ".ocellus/venv-test/bin/weed"
KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret"}


def start_weed(folder: Path, processes: list[subprocess.Popen]) -> int:
    names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port",
             "filer.port.grpc", "s3.port", "s3.port.grpc", "s3.port.iceberg", "s3.port.lance",
             "admin.port", "admin.port.grpc")
    ports = {name: free_port() for name in names}
    identity = {"name": "bench", "actions": ["Admin", "Read", "Write", "List"], "credentials": [
        {"accessKey": KEYS["AWS_ACCESS_KEY_ID"], "secretKey": KEYS["AWS_SECRET_ACCESS_KEY"]}]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    (folder / "data").mkdir()
    command = [str(WEED), "mini", f"-dir={folder / 'data'}", f"-s3.config={folder / 's3.json'}",
               "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false"]
    command += [f"-{name}={port}" for name, port in ports.items()]
    log = (folder / "weed.log").open("w")
    processes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))
    wait_for("SeaweedFS", lambda: answers(ports["filer.port"], "/buckets/bench/", "POST"))
    return ports["s3.port"]


def make_large_model(folder: Path, megabytes: int) -> None:
    """A classifier with one square matrix of weights, the rest of it next to nothing."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    side = int((megabytes * 2**20 / 4) ** 0.5)
    weights = {
        "widen": np.full((3, side), 1e-3, np.float32),
        "square": np.random.default_rng(7).standard_normal((side, side), np.float32) / side,
        "narrow": np.full((side, 3), 1e-3, np.float32),
    }
    nodes = [helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
             helper.make_node("Flatten", ["pooled"], ["flat"]),
             helper.make_node("MatMul", ["flat", "widen"], ["wide"]),
             helper.make_node("MatMul", ["wide", "square"], ["mixed"]),
             helper.make_node("MatMul", ["mixed", "narrow"], ["logits"]),
             helper.make_node("Softmax", ["logits"], ["scores"])]
    graph = helper.make_graph(
        nodes, "large",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 3, 64, 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir()
    onnx.save(model, str(folder / "model.onnx"))
    (folder / "labels.txt").write_text("a\nb\nc\n")
    (folder / "model.toml").write_text(
        'task = "classification"\n[input]\nheight = 64\nwidth = 64\n[output]\ndecoder = "softmax"\n')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=400, help="size of the second model")
    parser.add_argument("--share", type=float, default=0.7, help="share of the capacity asked")
    parser.add_argument("--rounds", type=int, default=3, help="times that the model is loaded")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ocellus-bench-"))
    processes: list[subprocess.Popen] = []
    try:
        measure(options, folder, processes)
    finally:
        for process in processes:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def measure(options: argparse.Namespace, folder: Path, processes: list[subprocess.Popen]) -> None:
    s3 = start_weed(folder, processes)
    http_port, operations = free_port(), free_port()
    environment = os.environ | KEYS | {
        "OCELLUS_S3_ENDPOINT": f"http://127.0.0.1:{s3}", "OCELLUS_MODELS": "s3://bench/prod",
        "OCELLUS_HTTP_ADDRESS": f"127.0.0.1:{http_port}", "OCELLUS_LOG_FILTER": "warn",
        "OCELLUS_OPERATIONS_ADDRESS": f"127.0.0.1:{operations}",
        "OCELLUS_CACHE_FOLDER": str(folder / "cache")}

    def ocellus(*arguments: str) -> None:
        # A publisher is on a machine of its own; here it steps back.
        subprocess.run(["nice", "-n", "19", OCELLUS, *arguments], env=environment, check=True,
                       cwd=ROOT, stdout=subprocess.DEVNULL)

    ocellus("publish", str(ROOT / "models/classifier/1"), "--model", "classifier")
    large = folder / "large"
    make_large_model(large, options.megabytes)
    # Version 1 is next to nothing; version 2 is published long before it is wanted, so that the
    # publisher's own work is not measured.
    small = folder / "small"
    make_large_model(small, 1)
    ocellus("publish", str(small), "--model", "second", "--version", "1")
    ocellus("publish", str(large), "--model", "second", "--version", "2")
    ocellus("models", "policy", "second", "specific", "1")
    processes.append(subprocess.Popen([OCELLUS, "serve"], env=environment, cwd=ROOT,
                                      stdout=subprocess.DEVNULL))
    wait_for("the server", lambda: answers(operations, "/readyz"))
    clients = Clients(http_port, 32)
    clients.capacity(2)
    capacity = clients.capacity(6)
    rate = capacity * options.share
    print(f"capacity {capacity:.0f} requests/s, asked {rate:.0f}/s; "
          f"second model {options.megabytes} MB, cold cache", flush=True)
    never, ratios = threading.Event(), []
    never.set()
    for _ in range(options.rounds):
        shutil.rmtree(folder / "cache/blobs", ignore_errors=True)
        (folder / "cache/blobs").mkdir()
        before = clients.ask_evenly(rate, never, 30)
        done, spent = threading.Event(), [0.0]

        def load(done=done, spent=spent) -> None:
            ocellus("models", "policy", "second", "specific", "2")
            begun = time.monotonic()
            wait_for("version 2", lambda: default_version(http_port) == 2)
            spent[0] = time.monotonic() - begun
            done.set()

        thread = threading.Thread(target=load)
        thread.start()
        during = clients.ask_evenly(rate, done, 1)
        thread.join()
        failed = sum(status != 200 for _, _, status in before + during)
        ratio = percentile(during, 0.99) / percentile(before, 0.99)
        ratios.append(ratio)
        print(f"before p50 {percentile(before, .5):6.1f} p99 {percentile(before, .99):6.1f} ms | "
              f"during p50 {percentile(during, .5):6.1f} p99 {percentile(during, .99):6.1f} ms "
              f"({len(during)} requests, available {spent[0]:.1f} s after it was wanted) | "
              f"p99 × {ratio:.2f}, {failed} failed", flush=True)
        ocellus("models", "policy", "second", "specific", "1")
        wait_for("version 1", lambda: default_version(http_port) == 1)
        time.sleep(3)
    print(f"median p99 ratio {sorted(ratios)[len(ratios) // 2]:.2f}")


def default_version(port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/v1/models/second")
    return json.loads(connection.getresponse().read()).get("default_version", 0)


if __name__ == "__main__":
    main()
