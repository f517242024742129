"""Real speech models for the tests marked `speech`, fetched once into their usual place; a server for the others."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from package_server import PackageServer, serving
from platformdirs import user_data_path
from toy_model import PARTS, only_index

from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.transcribe.catalog import Catalog, load_catalog

ROOT = Path(__file__).parents[2]
CALLS = ROOT / "firmware_py" / "denwaban" / "sim" / "calls"
SKIP_VOSK = "DENWABAN_SKIP_VOSK"


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(ROOT / "models" / "catalog.toml")


@pytest.fixture(scope="session")
def models_dir() -> Path:
    return user_data_path("denwaban") / "models"


@pytest.fixture(scope="session")
def whisper_folder(catalog: Catalog, models_dir: Path) -> Path:
    return catalog.fetch("whisper-base", models_dir)


@pytest.fixture(scope="session")
def vosk_folder(catalog: Catalog, models_dir: Path) -> Path:
    if os.environ.get(SKIP_VOSK) == "1":
        pytest.skip(f"{SKIP_VOSK}=1 is set")
    return catalog.fetch("vosk-ko-test", models_dir)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageServer]:
    """A package index and download site that pip and denwaban use instead of the real ones."""
    with serving() as running:
        running.files.update(PARTS)
        only_index(monkeypatch, running.index)
        yield running


@pytest.fixture(scope="session")
def spoken() -> tuple[Pcm, list[str]]:
    """The far side of the first turns of a shipped call (about 20 s), and what is said in each."""
    folder = CALLS / "telecom-stop"
    turns = tomllib.loads((folder / "call.toml").read_text(encoding="utf-8"))["turns"]
    far, _rate = soundfile.read(folder / "far.flac", dtype="int16")
    first = [turn for turn in turns if turn["side"] == "far" and turn["t1"] < 25]
    end = int((first[-1]["t1"] + 0.8) * SAMPLE_RATE)
    return np.asarray(far[:end], dtype=np.int16), [turn["text"] for turn in first]
