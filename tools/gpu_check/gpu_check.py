#!/usr/bin/env python3
"""Holds Ocellus on a GPU against Ocellus on the processor, with what `make gpu-bundle` gathers.

Needs Python 3.9 or newer and nothing installed; the bare engine is measured where this Python can
import onnxruntime. From the unpacked bundle: `python3 gpu_check.py`. Four checks:

answers     every demo model on every sample photo: the same labels, confidences within 0.02, boxes
            within 2 pixels
swaps       a model's served version is changed over and over while requests come in: none fails, and
            the device's memory does not grow
throughput  pictures a second by batch size, beside the engine alone
lost        the GPU is lost to the server while requests come in: no answer is wrong, the server says
            so, finishes and ends with status 1, and serves again once it is started again

The results are a table on standard output, and gpu-check.json in $OUT or here. Exit status 0 means
that every check passed; a check that could not be made says so and counts as failed.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CONFIDENCE_TOLERANCE = 0.02
PIXEL_TOLERANCE = 2.0
# The most that the device's memory may grow by, from the first half of the swaps to the second.
GROWTH_MIB = 64
POLICY_PATIENCE_S = 20.0
# The server has 20 s to finish and end.
LOST_PATIENCE_S = 30.0
MODEL = "classifier"


@dataclass
class Setup:
    """Where things are, and on what they run."""

    binary: Path
    library: Path
    models: Path
    samples: list[Path]
    python: Path
    lose_gpu: Path
    device: str
    environment: dict[str, str]
    work: Path

    @property
    def providers(self) -> str:
        return "cpu" if self.device == "cpu" else f"{self.device},cpu"


@dataclass
class Check:
    """What came of one check."""

    name: str
    passed: bool = True
    notes: list[str] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def fail(self, note: str) -> None:
        self.passed = False
        self.notes.append(note)


class Unusable(Exception):
    """A check cannot be made; the text says why."""


# --- the server ---------------------------------------------------------------------------------


class Server:
    """`ocellus serve` on ports that the system picks."""

    def __init__(
        self, setup: Setup, name: str, models: Path, providers: str, *flags: str, **variables: str
    ) -> None:
        self.log = setup.work / f"{name}.log"
        command = [str(setup.binary), "serve", f"--models={models}", f"--engine-library={setup.library}"]
        command += ["--http-address=127.0.0.1:0", "--operations-address=127.0.0.1:0", *flags]
        known = subprocess.run([str(setup.binary), "serve", "--help"], capture_output=True, text=True)
        if "--providers" in known.stdout:
            command.append(f"--providers={providers}")
        elif providers != "cpu":
            raise Unusable(f"{setup.binary} does not know --providers")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**setup.environment, **variables},
                cwd=setup.work,
            )
        self.address = self._ready()

    def _ready(self) -> str:
        """The address that the server announces once its models are loaded."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            found = re.search(rb"page and API +http://([^/]+)/", line)
            if found:
                return found[1].decode()
        self.process.wait()
        words = self.log.read_text(errors="replace").strip().splitlines()
        raise Unusable("the server did not start:\n    " + "\n    ".join(words[-8:]))

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.address, timeout=600)

    def get(self, path: str) -> Any:
        connection = self.connect()
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def ask(
    connection: http.client.HTTPConnection, model: str, body: bytes, kind: str = "image/jpeg"
) -> tuple[int, Any]:
    """Status and JSON of one request."""
    connection.request("POST", f"/v1/models/{model}/infer", body, {"Content-Type": kind})
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def form(pictures: list[bytes]) -> tuple[bytes, str]:
    """A form of several pictures, and its type."""
    boundary = "gpu-check-boundary"
    head = 'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg'
    parts = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + picture + b"\r\n" for picture in pictures]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


# --- (a) answers --------------------------------------------------------------------------------


def check_answers(setup: Setup) -> Check:
    check = Check("answers")
    expected = answers(setup, "cpu", "cpu")
    found = answers(setup, f"answers-{setup.device}", setup.providers)
    worst_confidence = worst_pixels = 0.0
    compared = at_the_edge = 0
    for key, (results, limit) in expected.items():
        others = found.get(key, ([], limit))[0]
        pairs, lonely = paired(results, others)
        for one, other in pairs:
            compared += 1
            confidence = abs(one["confidence"] - other["confidence"])
            pixels = distance(one, other)
            worst_confidence = max(worst_confidence, confidence)
            worst_pixels = max(worst_pixels, pixels)
            if confidence > CONFIDENCE_TOLERANCE or pixels > PIXEL_TOLERANCE:
                check.fail(f"{key}: {one['label']}: confidence {confidence:.4f}, box {pixels:.2f} px apart")
        for result in lonely:
            # A result that is about as good as the worst that is kept may be kept by one side alone.
            if result["confidence"] - limit <= CONFIDENCE_TOLERANCE:
                at_the_edge += 1
            else:
                check.fail(f"{key}: {result['label']} {result['confidence']:.3f} on one side alone")
    if not compared:
        check.fail("nothing was recognised on either side")
    check.notes.insert(
        0,
        f"{len(expected)} answers, {compared} results: confidences differ by at most "
        f"{worst_confidence:.5f}, boxes by {worst_pixels:.3f} px; {at_the_edge} results at the edge of "
        "what is kept are on one side alone",
    )
    check.data = {
        "answers": len(expected),
        "results": compared,
        "worst_confidence": worst_confidence,
        "worst_pixels": worst_pixels,
        "at_the_edge": at_the_edge,
    }
    return check


Answers = dict[str, tuple[list[dict[str, Any]], float]]


def answers(setup: Setup, name: str, providers: str) -> Answers:
    """Results by model, version and photo, each with the confidence under which none is kept."""
    every: Answers = {}
    with Server(setup, name, setup.models, providers) as server:
        connection = server.connect()
        for path in sorted(setup.models.glob("*/*/model.onnx")):
            model, version = path.parts[-3:-1]
            threshold = confidence_threshold(path.with_name("model.toml"))
            for photo in setup.samples:
                status, answer = ask(connection, f"{model}/versions/{version}", photo.read_bytes())
                if status != 200:
                    raise Unusable(f"{model} {version} answered {status}: {answer}")
                results = answer["images"][0]["results"]
                limit = threshold
                if threshold is None:
                    limit = min((result["confidence"] for result in results), default=0.0)
                every[f"{model}/{version} {photo.name}"] = (results, limit or 0.0)
    return every


def confidence_threshold(contract: Path) -> float | None:
    """What a contract keeps boxes from; None for a classification, which keeps the best few."""
    text = contract.read_text()
    if re.search(r'^task *= *"classification"', text, re.MULTILINE):
        return None
    found = re.search(r"^confidence *= *([0-9.]+)", text, re.MULTILINE)
    return float(found[1]) if found else 0.25


Results = list[dict[str, Any]]


def paired(ones: Results, others: Results) -> tuple[list[tuple[Any, Any]], Results]:
    """Each result with the nearest of the same label, and those that have none."""
    left, pairs, lonely = list(others), [], []
    for one in ones:
        same = [other for other in left if other["label"] == one["label"]]
        if not same:
            lonely.append(one)
            continue
        nearest = min(
            same, key=lambda other: (distance(one, other), abs(one["confidence"] - other["confidence"]))
        )
        left.remove(nearest)
        pairs.append((one, nearest))
    return pairs, lonely + left


def distance(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The most that a corner of a box, or a point, is off, in pixels of the picture."""
    numbers = [list(result.get("box", {}).values()) for result in (one, other)]
    for result, list_ in zip((one, other), numbers):
        for point in result.get("keypoints", []):
            list_ += [point["x"], point["y"]]
    return max((abs(a - b) for a, b in zip(*numbers)), default=0.0)


# --- (b) swaps ----------------------------------------------------------------------------------


class Load:
    """Requests that go on until they are stopped, with what came of them."""

    def __init__(self, server: Server, photos: list[bytes], threads: int = 4) -> None:
        self.sent = 0
        self.failures: list[str] = []
        self.version = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(server, photos[n % len(photos)])) for n in range(threads)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, server: Server, photo: bytes) -> None:
        connection = server.connect()
        while not self._stop.is_set():
            try:
                status, answer = ask(connection, MODEL, photo)
                said = answer.get("detail") or answer.get("title") or "" if status != 200 else ""
                whole = status == 200 and "results" in answer["images"][0]
                fault = "" if whole else f"{status} {said}"
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                connection.close()
                answer, fault = {}, repr(error)
                time.sleep(0.05)
            with self._lock:
                self.sent += 1
                if fault:
                    self.failures.append(fault)
                else:
                    self.version = answer["model"]["version"]

    def wait_for(self, version: int) -> float | None:
        """Seconds until answers come from a version; None if they do not within the patience."""
        begun = time.monotonic()
        while time.monotonic() - begun < POLICY_PATIENCE_S:
            if self.version == version:
                return time.monotonic() - begun
            time.sleep(0.02)
        return None


def check_swaps(setup: Setup, swaps: int) -> Check:
    check = Check("swaps")
    models = setup.work / "models-swaps"
    shutil.copytree(setup.models / MODEL, models / MODEL)
    policy(models, 1)
    memory: dict[int, list[float]] = {1: [], 2: []}
    waits = []
    photos = [photo.read_bytes() for photo in setup.samples]
    with Server(setup, "swaps", models, setup.providers) as server, Load(server, photos) as load:
        if load.wait_for(1) is None:
            check.fail(
                f"this server does not follow serving.json: it answers with version {load.version} where "
                f'{{"specific": [1]}} is wanted'
            )
        for swap in range(swaps if check.passed else 0):
            wanted = 2 - swap % 2
            policy(models, wanted)
            took = load.wait_for(wanted)
            if took is None:
                check.fail(
                    f"swap {swap + 1}: after {POLICY_PATIENCE_S:.0f} s the server still answers with "
                    f"version {load.version}, not with {wanted}, as serving.json says"
                )
                break
            waits.append(took)
            time.sleep(1.0)  # The version that was left is unloaded now.
            memory[wanted].append(used_mib(setup, server))
    sent, failed = load.sent, len(load.failures)
    check.notes.append(f"{len(waits)} of {swaps} swaps, {sent} requests, {failed} failed")
    if failed:
        check.fail("a failed request: " + load.failures[0][:300])
    if waits:
        check.notes.append(f"a swap took {statistics.median(waits):.2f} s, at most {max(waits):.2f} s")
    judge_memory(check, setup, memory)
    check.data.update(swaps=len(waits), wanted=swaps, requests=sent, failed=failed, waits_s=waits)
    return check


def policy(models: Path, version: int) -> None:
    """Asks for one version of the model, in one step."""
    partial = models.parent / "serving.json"
    partial.write_text(json.dumps({"schema": 1, "policy": {"specific": [version]}}))
    partial.replace(models / MODEL / "serving.json")


def used_mib(setup: Setup, server: Server) -> float:
    """What the device holds, or the server where that is the processor."""
    if setup.device == "cpu":
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found[1]) / 1024 if found else 0.0
    query = ["nvidia-smi", "--id=0", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
    return float(subprocess.run(query, capture_output=True, text=True, check=True).stdout.split()[0])


def judge_memory(check: Check, setup: Setup, memory: dict[int, list[float]]) -> None:
    check.data["memory_mib"] = memory
    for version, used in memory.items():
        if len(used) < 4:
            check.notes.append(
                f"memory with version {version} not judged: {len(used)} swaps to it are too few"
            )
            continue
        half = len(used) // 2
        growth = max(used[half:]) - max(used[:half])
        after = (
            f"with version {version} {used[0]:.0f} MiB after the first swap, {used[-1]:.0f} after the last"
        )
        if setup.device == "cpu":
            # The heap keeps what is freed, and other models fit into it; only long runs tell more.
            check.notes.append(f"the server's resident memory, not judged: {after}")
            continue
        note = f"the device's memory {after}, second half {growth:+.0f} MiB over the first"
        if growth <= GROWTH_MIB:
            check.notes.append(note)
        else:
            check.fail(f"{note}, more than {GROWTH_MIB}")


# --- (c) throughput -----------------------------------------------------------------------------


def check_throughput(setup: Setup, batches: list[int], seconds: float) -> Check:
    check = Check("throughput")
    models = setup.work / "models-throughput"
    shutil.copytree(setup.models / MODEL / "1", models / MODEL / "1")
    allow_batches(models / MODEL / "1" / "model.toml", max(batches))
    threads = os.cpu_count() or 1
    flags = [f"--limits-images={max(batches)}", "--engine-instances=1", f"--engine-threads={threads}"]
    flags += ["--limits-deadline-ms=600000", "--limits-wait-ms=600000", "--limits-body-bytes=1073741824"]
    photo = next((p for p in setup.samples if p.name == "cat.jpg"), setup.samples[0]).read_bytes()
    rows = []
    with Server(setup, "throughput", models, setup.providers, *flags) as server:
        for batch in batches:
            rows.append(measure_server(server, photo, batch, seconds))
    bare, reason = bare_engine(setup, batches, seconds, threads)
    check.notes.append(
        f"{MODEL} 1 on {setup.device}. Server: requests of that many copies of one JPEG, 4 at a time, over "
        "HTTP, with decoding and resizing on the processor, one session. Bare engine: onnxruntime in "
        f"Python, one session, {threads} threads, tensors that are ready, no picture and no HTTP."
    )
    if reason:
        check.notes.append(f"the bare engine was not measured: {reason}")
    for row in rows:
        row["bare_per_s"] = bare.get(str(row["batch"]))
        if row["failed"]:
            check.fail(f"batch {row['batch']}: {row['failed']} requests failed: {row['fault']}")
    check.data = {"device": setup.device, "rows": rows, "bare_engine_skipped": reason}
    return check


def allow_batches(contract: Path, most: int) -> None:
    """Lets the copied contract take as many pictures in a run as are asked for."""
    text = contract.read_text()
    text, changed = re.subn(r"^max_batch_size *=.*$", f"max_batch_size = {most}", text, flags=re.MULTILINE)
    if not changed:
        text += f"\n[batching]\nmax_batch_size = {most}\n"
    contract.write_text(text)


def measure_server(server: Server, photo: bytes, batch: int, seconds: float) -> dict[str, Any]:
    """Pictures a second that the server answers in requests of `batch` of them."""
    body, kind = (photo, "image/jpeg") if batch == 1 else form([photo] * batch)
    warm = server.connect()
    ask(warm, MODEL, body, kind)  # The engine picks its kernels for this size now.
    warm.close()
    lock, seen, faults = threading.Lock(), [0], []
    end = time.monotonic() + seconds

    def work() -> None:
        connection = server.connect()
        while time.monotonic() < end:
            try:
                status, answer = ask(connection, MODEL, body, kind)
                images = answer["images"] if status == 200 else []
                fault = "" if status == 200 else f"{status} {answer.get('detail', '')}"
            except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
                connection.close()
                images, fault = [], repr(error)
            whole = sum("results" in image for image in images)
            with lock:
                seen[0] += whole
                if fault or whole != batch:
                    faults.append(fault or str(images)[:300])

    begun = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.monotonic() - begun
    return {
        "batch": batch,
        "server_per_s": seen[0] / elapsed,
        "failed": len(faults),
        "fault": faults[0] if faults else "",
    }


def bare_engine(
    setup: Setup, batches: list[int], seconds: float, threads: int
) -> tuple[dict[str, float], str]:
    """Pictures a second of the engine alone, by batch size; else why there are none."""
    model = setup.models / MODEL / "1" / "model.onnx"
    command = [sys.executable, str(Path(__file__).resolve()), "--bare-engine", str(model)]
    command += [f"--device={setup.device}", f"--seconds={seconds}", f"--threads={threads}"]
    command += [f"--batches={','.join(map(str, batches))}"]
    environment = dict(setup.environment)
    if (setup.python / "onnxruntime").is_dir():
        environment["PYTHONPATH"] = str(setup.python)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=setup.work)
    if done.returncode != 0:
        words = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()
        return {}, words[-1]
    return json.loads(done.stdout.splitlines()[-1]), ""


def run_bare_engine(model: str, device: str, batches: list[int], seconds: float, threads: int) -> None:
    """The process that measures the engine alone; prints JSON."""
    try:
        import numpy  # type: ignore[import-not-found,unused-ignore]
        import onnxruntime
    except ImportError as error:
        sys.exit(f"this Python, {sys.version.split()[0]}, cannot import it: {error}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    wanted = {"cpu": [], "cuda": ["CUDAExecutionProvider"]}[device]
    session = onnxruntime.InferenceSession(model, options, providers=[*wanted, "CPUExecutionProvider"])
    if wanted and session.get_providers()[:1] != wanted:
        sys.exit(f"onnxruntime {onnxruntime.__version__} of this Python does not run on {device}")
    [given] = session.get_inputs()
    found = {}
    for batch in batches:
        sides = [size if isinstance(size, int) else 224 for size in given.shape[1:]]
        tensor = numpy.random.default_rng(1).random((batch, *sides), dtype=numpy.float32)
        session.run(None, {given.name: tensor})
        begun, runs = time.monotonic(), 0
        while runs < 3 or time.monotonic() - begun < seconds:
            session.run(None, {given.name: tensor})
            runs += 1
        found[str(batch)] = batch * runs / (time.monotonic() - begun)
    print(json.dumps(found))


# --- (d) the loss of the device -----------------------------------------------------------------


def check_lost(setup: Setup) -> Check:
    check = Check("lost")
    if setup.device == "cpu":
        raise Unusable("the processor is not lost")
    if not setup.lose_gpu.exists():
        raise Unusable(f"{setup.lose_gpu} is missing")
    models, now = setup.work / "models-lost", setup.work / "lose-it-now"
    shutil.copytree(setup.models / MODEL, models / MODEL)
    photo = setup.samples[0].read_bytes()
    variables = {"LD_PRELOAD": str(setup.lose_gpu), "LOSE_GPU_WHEN": str(now)}
    seen: dict[str, int] = {}
    with Server(setup, "lost", models, setup.providers, **variables) as server:
        expected = ask(server.connect(), MODEL, photo)[1]["images"][0]["results"]
        now.touch()
        begun, connection = time.monotonic(), server.connect()
        while server.process.poll() is None and time.monotonic() - begun < LOST_PATIENCE_S:
            try:
                status, answer = ask(connection, MODEL, photo)
                what = str(status)
                if status == 200 and not alike(answer["images"][0]["results"], expected):
                    what = "wrong"
            except (OSError, http.client.HTTPException, ValueError):
                connection.close()
                what = "not connected"
                time.sleep(0.01)
            seen[what] = seen.get(what, 0) + 1
        ended, took = server.process.poll(), time.monotonic() - begun
        log = server.log.read_text(errors="replace")
    answers = ", ".join(f"{count} × {what}" for what, count in sorted(seen.items()))
    check.notes.append(f"after the loss: {answers}; the server ended with {ended} after {took:.1f} s")
    check.notes += [line for line in log.splitlines() if "lost" in line or "lose_gpu" in line][:3]
    if set(seen) - {"200", "503", "not connected"}:
        check.fail("an answer was neither right nor 503")
    if not seen.get("503"):
        check.fail("no request was told of the loss")
    if ended != 1 or "the device that models run on is lost" not in log:
        check.fail("the server did not say so and end with status 1")
    with Server(setup, "found", models, setup.providers) as server:
        again = ask(server.connect(), MODEL, photo)[1]["images"][0]["results"]
    if not alike(again, expected):
        check.fail("a server that is started afterwards answers otherwise")
    check.data = {"seen": seen, "ended": ended, "took_s": took}
    return check


def alike(ones: Results, others: Results) -> bool:
    pairs, lonely = paired(ones, others)
    near = [abs(one["confidence"] - other["confidence"]) <= CONFIDENCE_TOLERANCE for one, other in pairs]
    return not lonely and all(near)


# --- what is said -------------------------------------------------------------------------------


def report(checks: list[Check], setup: Setup) -> str:
    lines = [f"# gpu-check on {setup.device}", "", "| check | result |", "|---|---|"]
    lines += [f"| {check.name} | {'passed' if check.passed else 'FAILED'} |" for check in checks]
    for check in checks:
        lines += ["", f"## {check.name}", "", *(f"- {note}" for note in check.notes)]
        rows = check.data.get("rows", [])
        if rows:
            lines += ["", "| batch | server, pictures/s | bare engine, pictures/s | server : bare |"]
            lines += ["|---|---|---|---|"]
        for row in rows:
            bare = row["bare_per_s"]
            ratio = row["server_per_s"] / bare if bare else None
            numbers = [number(row["server_per_s"], 0), number(bare, 0), number(ratio, 2)]
            lines.append(f"| {row['batch']} | {' | '.join(numbers)} |")
    return "\n".join(lines)


def number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


# --- the setting --------------------------------------------------------------------------------


def nvidia_folders(bundle: Path) -> list[Path]:
    """Where CUDA's and cuDNN's libraries are: in the bundle, else in this Python's packages."""
    own = bundle / "lib"
    if any(own.glob("libcudart.so.*")):
        return [own]
    found = importlib.util.find_spec("nvidia")
    packages = [Path(place) for place in (found.submodule_search_locations or [])] if found else []
    folders = {path.parent for place in packages for path in place.glob("*/lib/lib*.so.*")}
    return sorted(folders)


def find_library(bundle: Path) -> Path:
    """The engine's library: the bundle's, else the one that `make engine` fetched."""
    for place in (bundle / "python/onnxruntime/capi", bundle / ".ocellus/onnxruntime"):
        for path in sorted(place.glob("libonnxruntime.so*")):
            return path
    return bundle / "python/onnxruntime/capi/libonnxruntime.so"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--bundle", type=Path, default=HERE, help="the unpacked bundle; default: beside this file"
    )
    parser.add_argument("--binary", type=Path, help="another ocellus")
    parser.add_argument("--library", type=Path, help="another libonnxruntime.so")
    parser.add_argument("--models", type=Path, help="another folder of demo models")
    parser.add_argument("--samples", type=Path, help="another folder of photos")
    parser.add_argument(
        "--cpu-only", action="store_true", help="hold the processor against itself, to try this script"
    )
    parser.add_argument("--checks", default="", help="which to make; default: all that can be made")
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--batches", default="1,8,32,128")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long each throughput is measured")
    parser.add_argument("--bare-engine", metavar="MODEL", help=argparse.SUPPRESS)
    parser.add_argument("--device", default="cuda", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


@contextlib.contextmanager
def prepared(chosen: argparse.Namespace) -> Iterator[Setup]:
    bundle = chosen.bundle.resolve()
    device = "cpu" if chosen.cpu_only else "cuda"
    environment = dict(os.environ)
    if device != "cpu":
        usual = environment.get("LD_LIBRARY_PATH", "")
        folders = [str(folder) for folder in nvidia_folders(bundle)]
        environment["LD_LIBRARY_PATH"] = ":".join([*folders, *([usual] if usual else [])])
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as work:
        setup = Setup(
            binary=(chosen.binary or bundle / "ocellus").resolve(),
            library=(chosen.library or find_library(bundle)).resolve(),
            models=(chosen.models or bundle / "models").resolve(),
            samples=sorted((chosen.samples or bundle / "samples").resolve().glob("*.jpg")),
            python=bundle / "python",
            lose_gpu=bundle / "lose_gpu.so",
            device=device,
            environment=environment,
            work=Path(work),
        )
        for path in (setup.binary, setup.library, setup.models / MODEL):
            if not path.exists():
                sys.exit(f"gpu-check: {path} is missing")
        if not setup.samples:
            sys.exit("gpu-check: there are no photos")
        yield setup


def main() -> int:
    chosen = parse()
    batches = [int(text) for text in chosen.batches.split(",")]
    if chosen.bare_engine:
        run_bare_engine(chosen.bare_engine, chosen.device, batches, chosen.seconds, chosen.threads)
        return 0
    with prepared(chosen) as setup:
        every = {
            "answers": lambda: check_answers(setup),
            "swaps": lambda: check_swaps(setup, chosen.swaps),
            "throughput": lambda: check_throughput(setup, batches, chosen.seconds),
            "lost": lambda: check_lost(setup),
        }
        if setup.device == "cpu" and not chosen.checks:
            del every["lost"]
        checks = []
        for name in chosen.checks.split(",") if chosen.checks else every:
            print(f"gpu-check: {name} on {setup.device}", file=sys.stderr, flush=True)
            try:
                checks.append(every[name]())
            except (Unusable, OSError, http.client.HTTPException, subprocess.SubprocessError) as reason:
                checks.append(Check(name, False, [f"could not be made: {reason or repr(reason)}"]))
        print(report(checks, setup))
        results = {c.name: {"passed": c.passed, "notes": c.notes, **c.data} for c in checks}
        target = Path(os.environ.get("OUT") or ".") / "gpu-check.json"
        target.write_text(json.dumps({"device": setup.device, "checks": results}, indent=2) + "\n")
    return 0 if all(check.passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
