"""Where things are kept, all below the repository's root."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "assets" / "models"
MODELS = ROOT / "models"
CACHE = ROOT / ".ocellus"
DOWNLOADS = CACHE / "downloads"
ENGINE = CACHE / "onnxruntime"
PHOTOS = CACHE / "photos"
VENV = CACHE / "venv-fetch"
