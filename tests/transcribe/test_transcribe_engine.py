from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from denwaban.audio.vad import Segmenter
from denwaban.errors import ModelError
from denwaban.transcribe.catalog import Catalog
from denwaban.transcribe.engine import MODELS, load_recognizer, require_packages


@pytest.mark.parametrize(
    ("engine", "model"), [("auto", "whisper-base"), ("whisper", "whisper-base"), ("vosk", "vosk-small-ja")]
)
def test_a_missing_model_is_answered_with_the_command(tmp_path: Path, engine: str, model: str) -> None:
    with pytest.raises(ModelError, match=f"{model} is not there; run: denwaban models fetch {model}"):
        load_recognizer(engine, tmp_path, segmenter=Segmenter)


@pytest.mark.parametrize("engine", ["whisper", "vosk"])
def test_a_missing_package_is_answered_with_the_command(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    real = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name in ("ctranslate2", "vosk") else real(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(ModelError, match=rf"pip install 'denwaban\[{engine}\]'"):
        require_packages(engine)


def test_an_unknown_engine_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there are: auto, whisper, vosk"):
        load_recognizer("kaldi", tmp_path, segmenter=Segmenter)


def test_every_engine_has_a_model_in_the_catalogue(catalog: Catalog) -> None:
    assert {catalog.model(model).engine for model in MODELS.values()} == set(MODELS)


@pytest.mark.speech
def test_auto_loads_the_measured_engine(models_dir: Path, whisper_folder: Path, catalog: Catalog) -> None:
    assert load_recognizer("auto", models_dir, segmenter=Segmenter, catalog=catalog).name == "whisper-base"


@pytest.mark.speech
def test_one_changed_byte_in_the_model_is_found_before_use(
    whisper_folder: Path, tmp_path: Path, catalog: Catalog
) -> None:
    folder = tmp_path / "whisper-base"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).symlink_to(whisper_folder / name)
    content = bytearray((whisper_folder / "model.bin").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.bin").write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged.*model\.bin; run: denwaban models fetch whisper-base"):
        load_recognizer("whisper", tmp_path, segmenter=Segmenter, catalog=catalog)
