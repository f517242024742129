"""For all tests: the program is found from the repository, and slow machines are no failures."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
for folder in (str(ROOT), str(ROOT / "firmware_py")):
    if folder not in sys.path:
        sys.path.insert(0, folder)

from denwaban.config import Config  # noqa: E402 - after the path is set

settings.register_profile("denwaban", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("denwaban")


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of speech models. DENWABAN_SKIP_SPEECH=1 skips; fails with the line to type without a model."""
    if os.environ.get("DENWABAN_SKIP_SPEECH") == "1":
        pytest.skip("DENWABAN_SKIP_SPEECH=1")
    folder = Config().models_dir
    if not (folder / "whisper-base").is_dir():
        pytest.fail(
            f"no speech model in {folder}; type: denwaban models fetch whisper-base (or DENWABAN_SKIP_SPEECH=1)"
        )
    return folder
