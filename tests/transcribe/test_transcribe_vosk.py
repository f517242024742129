"""The Vosk adapter on the real runtime. Its model is Korean, the speech Japanese: only the words are nonsense."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from denwaban.errors import ModelError
from denwaban.events import SAMPLE_RATE, Pcm, Utterance
from denwaban.transcribe.vosk import BLOCK, VoskCall, VoskRecognizer


class FakeKaldi:
    """Answers with prepared results, one whenever a block is full of `mark`."""

    def __init__(self, *results: dict[str, object]) -> None:
        self._results = list(results)
        self.lengths: list[int] = []

    def AcceptWaveform(self, data: bytes) -> int:
        self.lengths.append(len(data) // 2)
        return int(bool(np.frombuffer(data, np.int16).all()))

    def Result(self) -> str:
        return json.dumps(self._results.pop(0))

    FinalResult = Result

    def PartialResult(self) -> str:
        return json.dumps({"partial": "市役所 の"})


def word(start: float, end: float) -> dict[str, object]:
    return {"start": start, "end": end, "word": "x", "conf": 1.0}


LOUD = np.ones(BLOCK, np.int16)
QUIET = np.zeros(BLOCK, np.int16)


def test_words_are_joined_and_timed() -> None:
    final = {"text": "市役所 の [unk] 者 です", "result": [word(0.3, 0.5), word(0.5, 0.9)]}
    call = VoskCall(FakeKaldi(final, {"text": ""}), "ja")
    assert call.feed(np.concatenate([QUIET, LOUD])) == [Utterance("市役所の者です", 0.3, 0.9, "unknown")]
    assert call.finish() == []


def test_without_word_times_an_utterance_spans_since_the_last() -> None:
    call = VoskCall(FakeKaldi({"text": "はい"}, {"text": "いいえ"}), "ja")
    (first,) = call.feed(np.concatenate([QUIET, LOUD]))
    call.feed(QUIET[:300])
    (last,) = call.finish()
    assert (first.t0, first.t1) == (0.0, 0.2)
    assert (last.t0, last.t1) == (0.2, pytest.approx(0.2375))


def test_vosk_gets_fixed_blocks_whatever_comes_in() -> None:
    kaldi = FakeKaldi({"text": ""})
    call = VoskCall(kaldi, "ja")
    for length in (1, 799, 5, 1600, 333):
        call.feed(np.zeros(length, np.int16))
    call.finish()
    assert kaldi.lengths == [BLOCK, BLOCK, BLOCK, 338]


def test_partial_text_is_offered() -> None:
    assert VoskCall(FakeKaldi(), "ja").partial == "市役所の"


def test_other_languages_keep_their_spaces() -> None:
    call = VoskCall(FakeKaldi({"text": "안녕 하세요"}), "ko")
    assert call.finish()[0].text == "안녕 하세요"


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"am/final\.mdl"):
        VoskRecognizer(tmp_path)


@pytest.fixture(scope="module")
def recognizer(vosk_folder: Path) -> Iterator[VoskRecognizer]:
    yield VoskRecognizer(vosk_folder, name="vosk-ko-test", language="ko")
    gc.collect()  # half a gigabyte; the next test module wants it


def transcript(recognizer: VoskRecognizer, pcm: Pcm, chunk: int) -> list[Utterance]:
    call = recognizer.start()
    found = [one for start in range(0, len(pcm), chunk) for one in call.feed(pcm[start : start + chunk])]
    assert call.heard_until == pytest.approx(len(pcm) / SAMPLE_RATE)
    return found + call.finish()


@pytest.mark.speech
def test_the_real_runtime_hears_utterances_with_times(
    recognizer: VoskRecognizer, spoken: tuple[Pcm, list[str]]
) -> None:
    pcm = spoken[0][: 12 * SAMPLE_RATE]
    found = transcript(recognizer, pcm, 160)
    assert found
    edges = [edge for one in found for edge in (one.t0, one.t1)]
    assert edges == sorted(edges)
    assert edges[-1] <= len(pcm) / SAMPLE_RATE
    assert all(one.text and one.t1 > one.t0 for one in found)


@pytest.mark.speech
def test_the_real_runtime_gives_the_same_for_any_chunking(
    recognizer: VoskRecognizer, spoken: tuple[Pcm, list[str]]
) -> None:
    pcm = spoken[0][: 8 * SAMPLE_RATE]
    whole = transcript(recognizer, pcm, len(pcm))
    assert transcript(recognizer, pcm, 160) == whole
    assert transcript(recognizer, pcm, 1111) == whole


@pytest.mark.speech
def test_the_real_runtime_offers_partials_and_hears_nothing_in_silence(
    recognizer: VoskRecognizer, spoken: tuple[Pcm, list[str]]
) -> None:
    call = recognizer.start()
    call.feed(spoken[0][: 3 * SAMPLE_RATE])
    assert call.partial
    assert transcript(recognizer, np.zeros(3 * SAMPLE_RATE, np.int16), 800) == []


@pytest.mark.speech
def test_the_real_runtime_refuses_a_damaged_model(vosk_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "am").mkdir()
    (tmp_path / "am" / "final.mdl").write_bytes((vosk_folder / "am" / "final.mdl").read_bytes()[:5000])
    with pytest.raises(ModelError, match="cannot load"):
        VoskRecognizer(tmp_path)
