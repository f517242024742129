from __future__ import annotations

import difflib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from denwaban.audio.vad import Segment, Segmenter
from denwaban.errors import ModelError
from denwaban.events import SAMPLE_RATE, Pcm, Utterance
from denwaban.transcribe.whisper import Reading, WhisperRecognizer, accepted_text, encoder_input

SPEECH = Reading("還付金がございます", log_prob=-0.3, no_speech=0.05, capped=False)


@pytest.fixture(scope="module")
def recognizer(whisper_folder: Path) -> WhisperRecognizer:
    return WhisperRecognizer(whisper_folder, Segmenter, name="whisper-base")


def transcript(recognizer: WhisperRecognizer, pcm: Pcm, chunk: int) -> list[Utterance]:
    call = recognizer.start()
    found = [one for start in range(0, len(pcm), chunk) for one in call.feed(pcm[start : start + chunk])]
    assert call.heard_until == pytest.approx(len(pcm) / SAMPLE_RATE)
    return found + list(call.finish())


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.3, 400), (1.0, 400), (1.1, 500), (4.0, 700), (8.0, 1100), (27.0, 3000), (40.0, 3000)]
)
def test_input_is_the_utterance_in_whole_seconds_plus_three(seconds: float, frames: int) -> None:
    pcm = np.random.default_rng(0).normal(0, 1000, int(seconds * SAMPLE_RATE)).astype(np.int16)
    assert encoder_input(pcm).shape == (80, frames)


def test_speech_is_kept_and_tidied() -> None:
    assert accepted_text(SPEECH) == "還付金がございます"
    assert accepted_text(replace(SPEECH, text=" ３０ 万円 です")) == "30万円です"


@pytest.mark.parametrize(
    "invented",
    [
        replace(SPEECH, no_speech=0.6),
        replace(SPEECH, no_speech=0.35, log_prob=-1.4),
        replace(SPEECH, text="…。"),
        replace(SPEECH, text=" "),
    ],
)
def test_what_is_most_likely_invented_is_dropped(invented: Reading) -> None:
    assert accepted_text(invented) == ""


def test_unsure_words_of_certain_speech_are_kept() -> None:
    assert accepted_text(replace(SPEECH, log_prob=-1.4)) != ""


def test_a_loop_is_kept_once() -> None:
    assert accepted_text(replace(SPEECH, text="お金を" * 20, capped=True)) == "お金を"


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=str(tmp_path)):
        WhisperRecognizer(tmp_path, Segmenter)


@pytest.mark.speech
def test_a_truncated_model_file_is_a_clear_error(whisper_folder: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(whisper_folder / name, damaged)
    with (whisper_folder / "model.bin").open("rb") as model:
        (damaged / "model.bin").write_bytes(model.read(100_000))
    with pytest.raises(ModelError, match="damaged"):
        WhisperRecognizer(damaged, Segmenter)


@pytest.mark.speech
def test_an_unknown_language_is_a_clear_error(whisper_folder: Path) -> None:
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        WhisperRecognizer(whisper_folder, Segmenter, language="xx")


@pytest.mark.speech
def test_japanese_over_the_telephone_is_recognised(
    recognizer: WhisperRecognizer, spoken: tuple[Pcm, list[str]]
) -> None:
    pcm, texts = spoken
    heard = "".join(one.text for one in transcript(recognizer, pcm, 160))
    likeness = difflib.SequenceMatcher(None, "".join(texts), heard, autojunk=False).ratio()
    assert likeness > 0.6  # of characters: kanji go wrong where the reading is right


@pytest.mark.speech
def test_any_chunking_gives_the_same_transcript(recognizer: WhisperRecognizer, spoken: tuple[Pcm, list[str]]) -> None:
    pcm = spoken[0][: 12 * SAMPLE_RATE]
    whole = transcript(recognizer, pcm, len(pcm))
    assert len(whole) >= 2
    for chunk in (160, 333, 8000):
        assert transcript(recognizer, pcm, chunk) == whole


@pytest.mark.speech
def test_utterances_come_in_order_inside_the_audio(
    recognizer: WhisperRecognizer, spoken: tuple[Pcm, list[str]]
) -> None:
    pcm, _texts = spoken
    found = transcript(recognizer, pcm, 4000)
    edges = [edge for one in found for edge in (one.t0, one.t1)]
    assert edges == sorted(edges)
    assert edges[-1] <= len(pcm) / SAMPLE_RATE
    assert {one.side for one in found} == {"unknown"}


@pytest.mark.speech
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0, 4.0, 8.0])
@pytest.mark.parametrize("sound", ["silence", "hiss", "noise", "busy tone", "key tone", "hum"])
def test_sounds_without_speech_give_no_text(recognizer: WhisperRecognizer, sound: str, seconds: float) -> None:
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    rng = np.random.default_rng(1)
    wave = {
        "silence": 0 * t,
        "hiss": rng.normal(0, 0.001, len(t)),
        "noise": rng.normal(0, 0.1, len(t)),
        "busy tone": 0.1 * np.sin(2 * np.pi * 400 * t),
        "key tone": 0.1 * np.sin(2 * np.pi * 697 * t) + 0.1 * np.sin(2 * np.pi * 1209 * t),
        "hum": 0.1 * np.sign(np.sin(2 * np.pi * 50 * t)),
    }[sound]
    assert accepted_text(recognizer.read((wave * 32767).astype(np.int16))) == ""


@pytest.mark.speech
def test_text_never_exceeds_the_length_guard(recognizer: WhisperRecognizer) -> None:
    noise = np.random.default_rng(2).normal(0, 5000, 2 * SAMPLE_RATE).astype(np.int16)
    assert len(recognizer.read(noise).text) <= 2 * (9 * 2 + 8)


class _OneCut:
    """A cutter that yields one utterance at the end."""

    def __init__(self, pcm: Pcm) -> None:
        self._pcm = pcm

    def feed(self, pcm: Pcm) -> list[Segment]:
        return []

    def finish(self) -> list[Segment]:
        return [Segment(self._pcm, 3.0, 4.5, 5.0)]


@pytest.mark.speech
def test_any_cutter_can_be_used(whisper_folder: Path, spoken: tuple[Pcm, list[str]]) -> None:
    pcm = spoken[0][: 6 * SAMPLE_RATE]
    call = WhisperRecognizer(whisper_folder, lambda: _OneCut(pcm)).start()
    assert call.feed(pcm) == []
    (only,) = call.finish()
    assert (only.t0, only.t1) == (3.0, 4.5)
