"""The shipped detector: the same on the box as in training, and refused when a byte has changed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.detect.model import CALL_LABELS, PARTS, UTTERANCE_LABELS, load_model
from denwaban.detect.text import Reader, Texts
from denwaban.errors import ModelError
from denwaban.shipped import shipped_models
from tests.conftest import ROOT

FOLDER = shipped_models() / "scam-ja"


def test_onnx_scores_equal_scikit_learns() -> None:
    golden = json.loads((FOLDER / "golden.json").read_text("utf-8"))
    model = load_model(FOLDER)
    texts = [Texts(*one) for one in golden["texts"]]
    assert len(texts) >= 40
    close = {"rtol": 0, "atol": golden["tolerance"]}
    np.testing.assert_allclose(model.utterances(texts), golden["utterance"], **close)
    contexts = [model.context(Texts(*far), Texts(*near)) for far, near in golden["contexts"]]
    np.testing.assert_allclose(contexts, golden["context"], **close)
    rows = [model.call(np.array(row, np.float32)) for row in golden["features"]]
    np.testing.assert_allclose(rows, golden["call"], **close)


def test_words_are_read_as_they_were_when_it_was_trained() -> None:
    """Another dictionary asks for another training: words it reads otherwise are lost on the model."""
    golden = json.loads((FOLDER / "golden.json").read_text("utf-8"))
    reader = Reader()
    assert len(golden["read"]) > 200
    for said, texts in golden["read"]:
        assert reader.read(said).texts == Texts(*texts)


def test_scores_do_not_depend_on_what_is_scored_beside() -> None:
    golden = json.loads((FOLDER / "golden.json").read_text("utf-8"))
    model = load_model(FOLDER)
    texts = [Texts(*one) for one in golden["texts"]]
    alone = np.concatenate([model.utterances([text]) for text in texts])
    np.testing.assert_allclose(alone, model.utterances(texts), rtol=0, atol=1e-6)


def test_probabilities_sum_to_one_even_for_nonsense() -> None:
    model = load_model(FOLDER)
    for text in [Texts("", "", ""), Texts("zzz", "zzz", "zzz"), Texts("龘" * 400, "ン" * 800, "龘 " * 400)]:
        assert model.utterances([text]).shape == (1, len(UTTERANCE_LABELS))
        assert model.utterances([text]).sum() == pytest.approx(1, abs=1e-4)
        assert model.context(text, text).shape == (len(CALL_LABELS),)
        assert model.category(text) in model.card.categories


def test_card_names_engine_and_all_sensitivities() -> None:
    card = load_model(FOLDER).card
    assert card.engine in ("whisper", "vosk")
    assert set(card.thresholds) == {"heard", "written"}
    for sets in card.thresholds.values():
        cautious, normal, quiet = (sets[name] for name in ("cautious", "normal", "quiet"))
        assert 0 < cautious.alert <= normal.alert <= quiet.alert <= 1
        assert all(one.caution <= one.alert for one in (cautious, normal, quiet))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the model that may be damaged."""
    folder = tmp_path / "scam-ja"
    shutil.copytree(FOLDER, folder)
    return folder


@pytest.mark.parametrize("part", PARTS)
def test_a_changed_byte_is_refused_by_name(copy: Path, part: str) -> None:
    path = copy / f"{part}.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"{part}.onnx.*reinstall"):
        load_model(copy)


@pytest.mark.parametrize("name", [*(f"{part}.onnx" for part in PARTS), "model.json"])
def test_a_missing_or_cut_file_is_refused_by_name(copy: Path, name: str) -> None:
    path = copy / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match=name):
        load_model(copy)
    path.unlink()
    with pytest.raises(ModelError, match=f"{name}.*No such file"):
        load_model(copy)


@settings(max_examples=40)
@given(at=st.integers(0, (FOLDER / "model.json").stat().st_size - 1), bit=st.integers(0, 7))
def test_a_damaged_card_raises_only_our_error(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int) -> None:
    copy = tmp_path_factory.mktemp("card")
    for path in FOLDER.glob("*.onnx"):
        (copy / path.name).symlink_to(path)
    content = bytearray((FOLDER / "model.json").read_bytes())
    content[at] ^= 1 << bit
    (copy / "model.json").write_bytes(content)
    with contextlib.suppress(ModelError):
        load_model(copy)


def test_nothing_is_reported_to_the_maker_of_the_runtime(tmp_path: Path) -> None:
    """onnxruntime's wheels keep a device id and a queue of reports in the home folder unless told not to."""
    code = f"from denwaban.detect.model import load_model; from pathlib import Path; load_model(Path({str(FOLDER)!r}))"
    environment = {**os.environ, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment |= {"PYTHONPATH": str(ROOT / "firmware_py")}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []
