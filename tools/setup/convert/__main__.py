"""Command line: `python -m tools.setup.convert CONVERTER RESULT SOURCE...`, as `models` calls it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import blazeface, centernet, efficientnet_lite
from .fault import ConversionFault

CONVERTERS: dict[str, Callable[..., bytes]] = {
    "efficientnet-lite0": lambda pth: efficientnet_lite.convert(pth, efficientnet_lite.LITE0),
    "efficientnet-lite2": lambda pth: efficientnet_lite.convert(pth, efficientnet_lite.LITE2),
    "centernet": centernet.convert,
    "blazeface-full": blazeface.convert,
}


def main() -> int:
    converter, result, *sources = sys.argv[1:]
    try:
        model = CONVERTERS[converter](*(Path(source).read_bytes() for source in sources))
    except ConversionFault as fault:
        print(fault, file=sys.stderr)
        return 1
    Path(result).write_bytes(model)
    return 0


if __name__ == "__main__":
    sys.exit(main())
