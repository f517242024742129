"""Where the shipped models are: in the checkout's `models/`, or inside the installed package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).parent


def shipped_models() -> Path:
    """The folder that holds `catalog.toml` and `scam-ja/`."""
    installed = _PACKAGE / "shipped_models"
    return installed if installed.is_dir() else _PACKAGE.parents[1] / "models"


def shipped_calls() -> Path:
    """The folder of the call files of the virtual line."""
    return _PACKAGE / "sim" / "calls"
