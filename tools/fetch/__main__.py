"""Fetches what Ocellus runs on: `python3 tools/fetch engine | models | photos`.

Everything is kept in the git-ignored folders `.ocellus/` and `models/`. Nothing is fetched twice,
and once it is there no network is needed.
"""

from __future__ import annotations

import argparse
import sys

from failure import Failure

if sys.version_info < (3, 10):
    sys.exit("tools/fetch: Python 3.10 or newer is needed, `python3 --version` says what this is")


def main() -> int:
    arguments = argparse.ArgumentParser(prog="tools/fetch", description=__doc__)
    arguments.add_argument("steps", nargs="+", choices=["engine", "models", "photos"])
    for step in arguments.parse_args().steps:
        try:
            run(step)
        except Failure as failure:
            print(f"tools/fetch {step}: {failure}", file=sys.stderr)
            return 1
    return 0


def run(step: str) -> None:
    if step == "engine":
        import engine

        engine.install()
    elif step == "models":
        import models

        models.build_all()
    else:
        import photos

        photos.extract()


if __name__ == "__main__":
    sys.exit(main())
