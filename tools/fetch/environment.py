"""The Python environment that models are converted in."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from failure import Failure
from packages import digest, run
from places import VENV

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


def python() -> Path:
    """The environment's interpreter; the environment is made where it is not there as pinned."""
    interpreter = VENV / "bin" / "python"
    stamp = VENV / "requirements.sha256"
    wanted = f"{digest(REQUIREMENTS)} {sys.version_info.major}.{sys.version_info.minor}"
    if interpreter.is_file() and stamp.is_file() and stamp.read_text() == wanted:
        return interpreter
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError as missing:
        raise Failure("Python's venv is missing; `apt-get install python3-venv` installs it") from missing
    print("  installing numpy, onnx and tflite into .ocellus/venv-fetch, hashes verified", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    run([sys.executable, "-m", "venv", str(VENV)], "the environment could not be made")
    install = [str(interpreter), "-m", "pip", "install", "--quiet", "--require-hashes"]
    install += ["--only-binary=:all:", "-r", str(REQUIREMENTS)]
    run(install, "the conversion's packages could not be installed")
    stamp.write_text(wanted)
    return interpreter
