"""Command line: `python3 -m tools.stack`, from the root of the repository."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from tools.setup.fault import SetupFault

from .fault import StackFault
from .stack import Choices, Stack, running, watch

DEFAULTS = Choices(http_port=8080, grpc_port=8500)


def main() -> int:
    chosen = _choices()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, _interrupt)
    try:
        with running(chosen, say=lambda text: print(text, flush=True)) as stack:
            _announce(stack)
            watch(stack)
    except (StackFault, SetupFault, OSError) as fault:
        print(f"stack stopped: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stack stopped", file=sys.stderr)
    return 0


def _announce(stack: Stack) -> None:
    keys = " ".join(f"{name}={stack.environment[name]}" for name in _KEYS)
    print(
        "The stack is ready; Ctrl-C ends it.\n"
        f"  page and API  {stack.url}/\n"
        f"  gateway       http://127.0.0.1:{stack.gateway.operations_port}/metrics\n"
        f"  core          http://127.0.0.1:{stack.core.operations_port}/metrics, "
        f"gRPC 127.0.0.1:{stack.core.port}\n"
        f"  store         {keys}",
        flush=True,
    )


_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OCELLUS_S3_ENDPOINT", "OCELLUS_MODELS")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _choices() -> Choices:
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.stack",
        description="Starts SeaweedFS, publishes the demo models, and starts a core and a gateway.",
    )
    parser.add_argument("--binary", type=Path, default=DEFAULTS.binary, metavar="FILE")
    parser.add_argument("--weed", type=Path, default=DEFAULTS.weed, metavar="FILE", help="SeaweedFS")
    parser.add_argument("--models", type=Path, default=DEFAULTS.models, metavar="FOLDER")
    parser.add_argument("--http-port", type=int, default=DEFAULTS.http_port, help="0 is any free one")
    parser.add_argument("--grpc-port", type=int, default=DEFAULTS.grpc_port, help="0 is any free one")
    return Choices(**vars(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
