"""Makes an ONNX model of a TensorFlow SavedModel and proves that both answer alike.

`ocellus publish --from saved-model` carries this text and runs it in an environment of its own. It
imports nothing of Ocellus. What it says:

    standard output   "converting", then "comparing", as it comes to them
    standard error    "error: ...", one line a fault, and whatever the libraries say
    exit code         one of `Exit`
"""

from __future__ import annotations

import argparse
import contextlib
import enum
import json
import logging
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Before TensorFlow is imported, which reads them once. No GPU and no oneDNN: they round otherwise, and
# oneDNN announces itself on standard error at every log level.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

# What tf2onnx makes, the one that is tried first in front. Both are older than any ONNX Runtime in use.
OPSETS = (17, 18)
TOLERANCE = 1e-3
# For axes that a model leaves open: sides of a picture, and anything else.
OPEN_SIDE = 256
OPEN_AXIS = 8
LONGEST_LINE = 500


class Exit(enum.IntEnum):
    """Why it ended. 1 and 2 are Python's own: an exception nobody expected, wrong arguments."""

    DIFFERS = 3
    NO_SAVED_MODEL = 4
    UNKNOWN_SIGNATURE = 5
    UNSUPPORTED_OPERATOR = 6
    UNREADABLE_PICTURE = 7
    NOT_CONVERTIBLE = 8


class Fault(Exception):
    """What ends the conversion: an exit code, and lines that say why."""

    def __init__(self, code: Exit, *lines: str) -> None:
        super().__init__(*lines)
        self.code = code
        self.lines = lines


@dataclass(frozen=True)
class Tensor:
    """An input or output as the signature declares it; None is an axis that it leaves open."""

    name: str
    dtype: str
    shape: list[int | None] | None


@dataclass(frozen=True)
class Sample:
    """One thing to run on both: values without their batch axis where that axis is open."""

    name: str
    values: dict[str, Any]


@dataclass
class Difference:
    """The worst that was seen of an output over all runs."""

    output: str
    max_absolute: float = 0.0
    # Of the range of the output in the run; None for whole numbers and where that range is 0.
    max_relative: float | None = None
    fault: str | None = None


def main() -> int:
    arguments = parse(sys.argv[1:])
    try:
        run(arguments)
    except Fault as fault:
        for line in fault.lines:
            print("error:", in_one_line(line), file=sys.stderr)
        return fault.code
    return 0


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="convert_saved_model", description=__doc__)
    parser.add_argument("--saved-model", type=Path, required=True, help="the folder with saved_model.pb")
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--out", type=Path, required=True, help="model.onnx, written if both answer alike")
    parser.add_argument("--samples", type=int, default=4, help="random inputs to compare on")
    parser.add_argument(
        "--pictures", type=Path, nargs="*", action="extend", default=[], help="pictures to compare on"
    )
    parser.add_argument("--tolerance", type=float, default=TOLERANCE)
    parser.add_argument("--report", type=Path, required=True, help="a JSON file, also if they differ")
    return parser.parse_args(words)


def run(arguments: argparse.Namespace) -> None:
    print("converting", flush=True)
    watch = Stopwatch()
    if not (arguments.saved_model / "saved_model.pb").is_file():
        raise Fault(Exit.NO_SAVED_MODEL, f"{arguments.saved_model} has no saved_model.pb")
    unsupported = quiet()
    with watch.timed("import"):
        import tensorflow as tf
        import tf2onnx.tf_loader  # noqa: F401  # So that its time is counted here.
    with watch.timed("load"):
        loaded = load(tf, arguments.saved_model)
        function = signature(loaded, arguments.signature)
        inputs, outputs = declared(function)
    with watch.timed("convert"):
        model = convert(arguments, inputs, outputs, unsupported)
    print("comparing", flush=True)
    with watch.timed("compare"):
        samples = [*pictures(inputs, arguments.pictures), *random_samples(inputs, arguments.samples)]
        differences = compare(Both(tf, function, model), inputs, outputs, samples, arguments.tolerance)
    report = {
        "signature": arguments.signature,
        "inputs": [asdict(tensor) for tensor in inputs],
        "outputs": [asdict(tensor) for tensor in outputs],
        "opset": model.opset_import[0].version,
        "samples": [sample.name for sample in samples],
        "tolerance": arguments.tolerance,
        "differences": [asdict(difference) for difference in differences],
        "versions": versions(),
        "seconds": watch.seconds,
    }
    whole_file(arguments.report, json.dumps(report, indent=2, allow_nan=False).encode())
    faults = [difference.fault for difference in differences if difference.fault]
    if faults:
        raise Fault(Exit.DIFFERS, *faults)
    whole_file(arguments.out, model.SerializeToString())


# The SavedModel.


def load(tf: Any, folder: Path) -> Any:
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:
        raise Fault(Exit.NOT_CONVERTIBLE, f"TensorFlow cannot load {folder}: {error}") from error


def signature(loaded: Any, wanted: str) -> Any:
    # Names with two underscores in front are TensorFlow's own, such as __saved_model_init_op.
    there = sorted(name for name in loaded.signatures if not name.startswith("__"))
    if wanted not in there:
        listed = ", ".join(f'"{name}"' for name in there) or "none"
        raise Fault(Exit.UNKNOWN_SIGNATURE, f'there is no signature "{wanted}"; the SavedModel has: {listed}')
    return loaded.signatures[wanted]


def declared(function: Any) -> tuple[list[Tensor], list[Tensor]]:
    _, inputs = function.structured_input_signature
    outputs = function.structured_outputs
    if not inputs or not outputs:
        raise Fault(Exit.NOT_CONVERTIBLE, "the signature has no inputs or no outputs")
    tensors = [described(name, inputs[name]) for name in sorted(inputs)]
    for tensor in tensors:
        if tensor.shape is None:
            raise Fault(
                Exit.NOT_CONVERTIBLE, f'input "{tensor.name}" has no number of axes; export it with one'
            )
        if tensor.dtype == "string":
            raise Fault(
                Exit.NOT_CONVERTIBLE,
                f'input "{tensor.name}" takes strings, such as encoded pictures; '
                "export a signature that takes pixels",
            )
    return tensors, [described(name, outputs[name]) for name in sorted(outputs)]


def described(name: str, spec: Any) -> Tensor:
    shape = None if spec.shape.rank is None else spec.shape.as_list()
    return Tensor(name, spec.dtype.name, shape)


# The conversion.


class Unsupported(logging.Handler):
    """Takes from tf2onnx's log which operators it left as they were: it raises nothing for them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.operators: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).endswith("is not supported") and isinstance(record.args, tuple):
            node, operator = record.args
            self.operators.setdefault(str(operator), str(node))


def quiet() -> Unsupported:
    """Keeps the libraries' logs off standard error, and gives what is to be learnt from them."""
    unsupported = Unsupported()
    for name in ("tensorflow", "absl", "tf2onnx"):
        logger = logging.getLogger(name)
        logger.handlers = [unsupported if name == "tf2onnx" else logging.NullHandler()]
        logger.propagate = False
    return unsupported


def convert(
    arguments: argparse.Namespace, inputs: list[Tensor], outputs: list[Tensor], unsupported: Unsupported
) -> Any:
    """The model in the first opset that can say it."""
    fault = None
    for opset in OPSETS:
        unsupported.operators.clear()
        try:
            return converted(arguments, inputs, outputs, opset, unsupported)
        except Fault as this:
            fault = fault or this
    assert fault is not None, "there is at least one opset"
    raise fault


def converted(
    arguments: argparse.Namespace,
    inputs: list[Tensor],
    outputs: list[Tensor],
    opset: int,
    unsupported: Unsupported,
) -> Any:
    import onnx
    import tensorflow as tf
    from tf2onnx import convert, tf_loader

    try:
        # Loaded anew: freezing changes the function, and TensorFlow is to run the untouched one.
        graph, input_names, output_names, tables = tf_loader.from_saved_model(
            str(arguments.saved_model),
            None,
            None,
            signatures=[arguments.signature],
            return_initialized_tables=True,
        )
        names = [tensor.name for tensor in inputs], [tensor.name for tensor in outputs]
        renamed = {**dict(zip(input_names, names[0])), **dict(zip(output_names, names[1]))}
        with tf.device("/cpu:0"):
            model, _ = convert._convert_common(
                graph,
                name=arguments.signature,
                opset=opset,
                input_names=input_names,
                output_names=output_names,
                tensors_to_rename=renamed,
                initialized_tables=tables,
            )
    except Exception as error:
        lacking(unsupported.operators)
        raise Fault(Exit.NOT_CONVERTIBLE, f"tf2onnx cannot convert it: {error}") from error
    lacking(unsupported.operators)
    lacking({node.op_type: node.name for node in nodes(model.graph) if not known(onnx, node, opset)})
    same_names(model, *names)
    return model


def lacking(operators: Mapping[str, str]) -> None:
    if operators:
        raise Fault(
            Exit.UNSUPPORTED_OPERATOR,
            *(
                f'operator {operator} (node "{node}") has no counterpart in ONNX'
                for operator, node in sorted(operators.items())
            ),
        )


def nodes(graph: Any) -> Iterator[Any]:
    """Every node, those inside loops and branches too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from nodes(inner)


def known(onnx: Any, node: Any, opset: int) -> bool:
    # Other domains have operators of ONNX Runtime, which says so itself if it does not have them.
    return node.domain not in ("", "ai.onnx") or onnx.defs.has(node.op_type, opset)


def same_names(model: Any, inputs: list[str], outputs: list[str]) -> None:
    for kind, wanted, made in (("input", inputs, model.graph.input), ("output", outputs, model.graph.output)):
        there = {value.name for value in made}
        for name in wanted:
            if name not in there:
                raise Fault(
                    Exit.NOT_CONVERTIBLE, f'{kind} "{name}" is not in the graph; nothing depends on it'
                )


# What both are run on.


def pictures(inputs: list[Tensor], paths: Sequence[Path]) -> Iterator[Sample]:
    shown = [tensor for tensor in inputs if channels_axis(tensor) is not None]
    for seed, path in enumerate(paths if shown else []):
        # Other inputs, a threshold say, are random.
        values = random_values(inputs, seed)
        values.update({tensor.name: pixels(path, tensor) for tensor in shown})
        yield Sample(path.name, values)


def pixels(path: Path, tensor: Tensor) -> Any:
    import numpy as np
    from PIL import Image, ImageOps

    axes = sample_shape(tensor)
    axis = channels_axis(tensor)
    assert axis is not None, "only inputs of pictures come here"
    first = axis == len(axes) - 3
    height, width = axes[-2:] if first else axes[-3:-1]
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("L" if axes[axis] == 1 else "RGB")
            data = np.asarray(upright.resize((width, height), Image.Resampling.BILINEAR))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise Fault(Exit.UNREADABLE_PICTURE, f"{path} cannot be read: {error}") from error
    data = data.reshape(height, width, axes[axis])
    data = np.moveaxis(data, -1, 0) if first else data
    dtype = numpy_dtype(tensor)
    if dtype.kind == "f":
        return (data / np.float32(255)).astype(dtype).reshape(axes)
    return np.minimum(data, np.iinfo(dtype).max).astype(dtype).reshape(axes)


def random_samples(inputs: list[Tensor], count: int) -> Iterator[Sample]:
    for seed in range(count):
        yield Sample(f"random {seed}", random_values(inputs, seed))


def random_values(inputs: list[Tensor], seed: int) -> dict[str, Any]:
    import numpy as np

    generator = np.random.default_rng(seed)
    values = {}
    for tensor in inputs:
        shape, dtype = sample_shape(tensor), numpy_dtype(tensor)
        if dtype.kind == "f":
            values[tensor.name] = generator.random(shape).astype(dtype)
        elif dtype.kind == "b":
            values[tensor.name] = generator.integers(0, 2, shape).astype(dtype)
        else:
            largest = min(255, int(np.iinfo(dtype).max))
            values[tensor.name] = generator.integers(0, largest + 1, shape).astype(dtype)
    return values


def numpy_dtype(tensor: Tensor) -> Any:
    import numpy as np

    try:
        dtype = np.dtype(tensor.dtype)
    except TypeError:
        dtype = np.dtype(object)
    if dtype.kind not in "fbiu":
        raise Fault(
            Exit.NOT_CONVERTIBLE,
            f'input "{tensor.name}" is of type {tensor.dtype}, which cannot be compared on',
        )
    return dtype


def batched(tensor: Tensor) -> bool:
    """Whether the first axis is a batch of any size."""
    return bool(tensor.shape) and tensor.shape is not None and tensor.shape[0] is None


def channels_axis(tensor: Tensor) -> int | None:
    """Where an input for pictures has its channels, counted in a sample; None if it is for others."""
    shape = tensor.shape or []
    if batched(tensor):
        shape = shape[1:]
    if len(shape) not in (3, 4) or tensor.dtype == "bool":
        return None
    for axis in (-1, -3):
        if shape[axis] in (1, 3):
            return len(shape) + axis
    return None


def sample_shape(tensor: Tensor) -> list[int]:
    """The shape of one sample, with a size for every axis left open."""
    shape = (tensor.shape or [])[1:] if batched(tensor) else tensor.shape or []
    size = OPEN_AXIS if channels_axis(tensor) is None else OPEN_SIDE
    return [size if axis is None else axis for axis in shape]


# The comparison.


class Both:
    """The SavedModel in TensorFlow and the model made of it in ONNX Runtime."""

    def __init__(self, tf: Any, function: Any, model: Any) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self.tf = tf
        self.function = function
        try:
            self.session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise Fault(Exit.NOT_CONVERTIBLE, f"ONNX Runtime cannot open what was made: {error}") from error

    def answers(self, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        try:
            made = self.function(**{name: self.tf.constant(value) for name, value in values.items()})
            expected = {name: value.numpy() for name, value in made.items()}
        except Exception as error:
            raise Fault(Exit.NOT_CONVERTIBLE, f"TensorFlow itself cannot run it: {error}") from error
        names = [output.name for output in self.session.get_outputs()]
        try:
            return expected, dict(zip(names, self.session.run(names, values)))
        except Exception as error:
            raise Fault(Exit.NOT_CONVERTIBLE, f"ONNX Runtime cannot run what was made: {error}") from error


def compare(
    both: Both, inputs: list[Tensor], outputs: list[Tensor], samples: list[Sample], tolerance: float
) -> list[Difference]:
    if not samples:
        raise Fault(Exit.NOT_CONVERTIBLE, "there is nothing to compare on: no picture and no random sample")
    differences = {tensor.name: Difference(tensor.name) for tensor in outputs}
    for name, values in runs(inputs, samples):
        expected, found = both.answers(values)
        for output, difference in differences.items():
            judge(difference, name, expected[output], found[output], tolerance)
    return list(differences.values())


def runs(inputs: list[Tensor], samples: list[Sample]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each sample on its own, and, where there may be more in a batch, each with its neighbour."""
    import numpy as np

    open_batch = [tensor.name for tensor in inputs if batched(tensor)]
    for sample in samples:
        alone = {name: value[np.newaxis] for name, value in sample.values.items() if name in open_batch}
        yield sample.name, {**sample.values, **alone}
    for one, other in zip(samples[::2], samples[1::2] or samples) if open_batch else []:
        two = {name: np.stack([one.values[name], other.values[name]]) for name in open_batch}
        yield f"{one.name} and {other.name} in a batch of 2", {**one.values, **two}


def judge(difference: Difference, run: str, expected: Any, found: Any, tolerance: float) -> None:
    """Keeps the worst, and the first fault, of one output."""
    import numpy as np

    def fault(text: str) -> None:
        difference.fault = difference.fault or f'output "{difference.output}" {text} on {run}'

    if expected.shape != found.shape or expected.dtype.kind != found.dtype.kind:
        had = f"{expected.dtype}{list(expected.shape)}", f"{found.dtype}{list(found.shape)}"
        fault(f"is {had[0]} in TensorFlow and {had[1]} in ONNX Runtime")
        return
    if expected.dtype.kind not in "fbiu":
        if not np.array_equal(expected.astype(str), found.astype(str)):
            fault("is not the same")
        return
    one, other = expected.astype(np.float64), found.astype(np.float64)
    if not np.array_equal(np.isnan(one), np.isnan(other)) or not np.array_equal(
        np.isinf(one), np.isinf(other)
    ):
        fault("is not finite in the same places")
        return
    finite = np.isfinite(one)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        fault("is infinite with another sign")
        return
    one, other = one[finite], other[finite]
    if not one.size:
        return
    absolute = float(np.abs(one - other).max())
    difference.max_absolute = max(difference.max_absolute, absolute)
    allowed = absolute <= tolerance
    share = ""
    # An index that is off by one is wrong however long the list; only fractions are relative.
    span = float(one.max() - one.min())
    if expected.dtype.kind == "f" and span > 0:
        relative = absolute / span
        difference.max_relative = max(difference.max_relative or 0.0, relative)
        allowed = allowed or relative <= tolerance
        share = f" ({relative:.3g} of its range)"
    if not allowed:
        fault(f"differs by {absolute:.3g}{share}, more than {tolerance:g},")


# Small things.


class Stopwatch:
    """Seconds of each part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def timed(self, part: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        self.seconds[part] = round(time.monotonic() - begun, 3)


def versions() -> dict[str, str]:
    from importlib.metadata import version

    tensorflow = "tensorflow-cpu" if platform.machine() == "x86_64" else "tensorflow"
    named = {
        name: version(name) for name in (tensorflow, "tf2onnx", "onnx", "onnxruntime", "numpy", "pillow")
    }
    return {"python": platform.python_version(), **named}


def whole_file(path: Path, data: bytes) -> None:
    """Written beside and renamed, so that there is never half of it."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def in_one_line(text: str) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= LONGEST_LINE else line[: LONGEST_LINE - 1] + "…"


if __name__ == "__main__":
    sys.exit(main())
