"""Loads the speech engine that the configuration names."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Final

from denwaban.errors import ModelError
from denwaban.ports import Recognizer
from denwaban.transcribe.catalog import Catalog
from denwaban.transcribe.cutting import Cutter
from denwaban.transcribe.models import verify

AUTO: Final = "whisper"
"""The engine whose text the shipped detector was measured with."""

MODELS: Final = {"whisper": "whisper-base", "vosk": "vosk-small-ja"}
"""The model of each engine."""

_PACKAGES: Final = {"whisper": ("ctranslate2", "tokenizers"), "vosk": ("vosk",)}


def load_recognizer(
    engine: str,
    models_dir: Path,
    *,
    segmenter: Callable[[], Cutter],
    threads: int = 1,
    catalog: Catalog | None = None,
) -> Recognizer:
    """Load the speech model of `engine` ("auto", "whisper", "vosk") from `models_dir`.

    `segmenter` makes what cuts one stream into utterances. With `catalog`, every byte of the model is compared first
    (0.1 to 1 s). Raises ModelError with the way out where a package or the model is missing or damaged.
    """
    chosen = AUTO if engine == "auto" else engine
    if chosen not in MODELS:
        raise ModelError(f"no speech engine {engine!r}; there are: auto, {', '.join(MODELS)}")
    require_packages(chosen)
    model_id = MODELS[chosen]
    folder = models_dir / model_id
    if not folder.is_dir():
        raise ModelError(f"{folder}: speech model {model_id} is not there; run: denwaban models fetch {model_id}")
    if catalog is not None:
        verify(catalog.model(model_id), models_dir)
    return load_folder(chosen, folder, segmenter=segmenter, threads=threads)


def load_folder(
    engine: str, folder: Path, *, segmenter: Callable[[], Cutter], threads: int = 1, language: str = "ja"
) -> Recognizer:
    """Load the model in `folder`, whatever it is called."""
    # Imported here: each engine is an extra of its own and may be absent.
    if engine == "vosk":
        from denwaban.transcribe.vosk import VoskRecognizer  # noqa: PLC0415

        return VoskRecognizer(folder, name=folder.name, language=language)
    from denwaban.transcribe.whisper import WhisperRecognizer  # noqa: PLC0415

    return WhisperRecognizer(folder, segmenter, name=folder.name, language=language, threads=threads)


def require_packages(engine: str) -> None:
    """Raise ModelError with the installation command where the engine's Python packages are absent."""
    missing = [package for package in _PACKAGES[engine] if importlib.util.find_spec(package) is None]
    if missing:
        raise ModelError(
            f"the speech engine {engine} needs {' and '.join(missing)}; run: pip install 'denwaban[{engine}]'"
        )
