"""What a Dockerfile says, as far as the checks ask. Its syntax is for hadolint to judge."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field


@dataclass
class Stage:
    name: str
    image: str
    copies: list[str] = field(default_factory=list)
    """What is copied out of the checkout."""
    variables: dict[str, str] = field(default_factory=dict)
    user: str = ""


def stages(text: str) -> dict[str, Stage]:
    """By name; a stage that begins with another has its variables and its user."""
    found: dict[str, Stage] = {}
    stage = Stage("", "")
    joined = re.sub(r"\\\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text))
    for line in joined.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            before = found.get(image, Stage("", ""))
            stage = Stage(name, image, [], dict(before.variables), before.user)
            found[name] = stage
        elif word == "COPY" and "--from=" not in rest:
            stage.copies += [path for path in rest.split()[:-1] if not path.startswith("--")]
        elif word == "ENV":
            stage.variables.update(pair.split("=", 1) for pair in shlex.split(rest))
        elif word == "USER":
            stage.user = rest
    return found
