"""Adds tensorflow-serving-api to requirements.txt, pinned by its hash.

It wants the package tensorflow, which tensorflow-cpu takes the place of, so no resolver can put both in.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

NAME = "tensorflow-serving-api"
REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, NAME]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        version = wheel.name.split("-")[1]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    pinned = f"{NAME}=={version} \\\n    --hash=sha256:{digest}\n"
    with REQUIREMENTS.open("a") as requirements:
        requirements.write(pinned)


if __name__ == "__main__":
    main()
