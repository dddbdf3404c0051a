"""Where things lie in the checkout. `.ocellus/` and `models/` are ignored by git."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Places:
    """Every path that set-up reads or writes, from one root."""

    root: Path

    @property
    def private(self) -> Path:
        return self.root / ".ocellus"

    @property
    def downloads(self) -> Path:
        return self.private / "downloads"

    @property
    def staging(self) -> Path:
        """Half-built things; on the file system of what they become, so that a rename publishes them."""
        return self.private / "staging"

    @property
    def venv(self) -> Path:
        return self.private / "venv-setup"

    @property
    def engine(self) -> Path:
        return self.private / "onnxruntime"

    @property
    def photos(self) -> Path:
        return self.private / "photos"

    @property
    def assets(self) -> Path:
        """Contracts, labels and licence notices, as committed."""
        return self.root / "assets" / "models"

    @property
    def models(self) -> Path:
        """What the gateway serves."""
        return self.root / "models"

    @property
    def apache_licence(self) -> Path:
        """The text of Apache-2.0, which is also Ocellus' own licence."""
        return self.root / "LICENSE"

    def named(self, path: Path) -> str:
        """A path as messages show it: from the root."""
        return str(path.relative_to(self.root)) if self.root in path.parents else str(path)
