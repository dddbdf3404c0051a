"""Converts with a model that was tampered with: `tamper.py SAVED_MODEL OUT REPORT weight|--tolerance=T`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

SCRIPT = Path(__file__).parents[2] / "assets" / "python" / "convert_saved_model.py"


def main() -> int:
    saved_model, out, report, how = sys.argv[1:]
    spec = importlib.util.spec_from_file_location("convert_saved_model", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)

    sys.argv = ["tamper", f"--saved-model={saved_model}", f"--out={out}", f"--report={report}"]
    if how == "weight":
        honest = script.convert
        script.convert = lambda *arguments: with_another_weight(honest(*arguments))
    else:
        sys.argv.append(how)
    return script.main()


def with_another_weight(model: Any) -> Any:
    """The model with its largest weights half a percent larger."""
    from onnx import numpy_helper

    weights = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    larger = numpy_helper.to_array(weights) * np.float32(1.005)
    weights.CopyFrom(numpy_helper.from_array(larger, weights.name))
    return model


if __name__ == "__main__":
    sys.exit(main())
