"""What a gateway and a core in two processes cost beside one process.

Starts the stack and, on the same bucket, `ocellus serve`; asks both in turn, one client at a time and then
as fast as they answer, several rounds in one run. Holds the answers of both against each other first.

Needs the release binary, the demo models and the test environment: `make bench-gateway`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import subprocess
from pathlib import Path

from bench.clients import PICTURE, ROOT, Clients, answers, free_port, percentile, wait_for
from tools.stack.stack import Choices, running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4, help="time for each measurement")
    parser.add_argument("--binary", type=Path, default=Choices.binary)
    options = parser.parse_args()
    with running(Choices(binary=options.binary)) as stack:
        http_port, operations = free_port(), free_port()
        environment = stack.environment | {
            "OCELLUS_HTTP_ADDRESS": f"127.0.0.1:{http_port}",
            "OCELLUS_OPERATIONS_ADDRESS": f"127.0.0.1:{operations}",
            "OCELLUS_CACHE_FOLDER": str(stack.folder / "one"),
            "OCELLUS_LOG_FILTER": "warn",
        }
        one = subprocess.Popen([options.binary.resolve(), "serve"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            wait_for("the server", lambda: answers(operations, "/readyz"))
            for model in ("classifier", "detector"):
                measure(model, {"one process": http_port, "gateway and core": stack.gateway.port}, options)
        finally:
            one.terminate()
            one.wait()


def results(port: int, model: str) -> object:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", f"/v1/models/{model}/infer", PICTURE.read_bytes(), {"Content-Type": "image/jpeg"})
    return json.loads(connection.getresponse().read())["images"][0]["results"]


def measure(model: str, ports: dict[str, int], options: argparse.Namespace) -> None:
    first, *others = (results(port, model) for port in ports.values())
    if any(other != first for other in others):
        raise SystemExit(f"{model}: the answers differ")
    alone: dict[str, list[float]] = {name: [] for name in ports}
    at_most: dict[str, list[float]] = {name: [] for name in ports}
    for _ in range(options.rounds):
        for name, port in ports.items():
            one = Clients(port, 1, model)
            one.capacity(options.seconds)
            alone[name].append(percentile(one.taken, 0.5))
            many = Clients(port, 8, model)
            at_most[name].append(many.capacity(options.seconds))
    here, there = ports
    for what, by_name, unit in (("one client, p50", alone, "ms"), ("8 clients", at_most, "requests/s")):
        medians = {name: statistics.median(values) for name, values in by_name.items()}
        ratios = [b / a for a, b in zip(by_name[here], by_name[there], strict=True)]
        print(
            f"{model}, {what}: {here} {medians[here]:.1f} {unit}, {there} {medians[there]:.1f} {unit}, "
            f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
            flush=True,
        )


if __name__ == "__main__":
    main()
