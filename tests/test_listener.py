"""The ears of one call: any chunking gives the same answers, and every answer says when it was known."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.audio.sides import LevelSides
from denwaban.audio.vad import Segmenter
from denwaban.events import SAMPLE_RATE, Pcm, Utterance, UtteranceAssessed
from denwaban.listener import CallListener, MixedListener, SeparateListener
from tests.fakes.ports import EnergyRecognizer, FakeJudge, FakeRecognizer, FakeSides


class CutRecognizer:
    """The box's own segmenter, without words: the text is the number of samples."""

    def __init__(self) -> None:
        self._segmenter = Segmenter()
        self._samples = 0

    def feed(self, pcm: Pcm) -> Sequence[Utterance]:
        self._samples += len(pcm)
        return [Utterance(str(len(cut.pcm)), cut.t0, cut.t1, "unknown") for cut in self._segmenter.feed(pcm)]

    def finish(self) -> Sequence[Utterance]:
        return [Utterance(str(len(cut.pcm)), cut.t0, cut.t1, "unknown") for cut in self._segmenter.finish()]

    @property
    def heard_until(self) -> float:
        return self._samples / SAMPLE_RATE


def dialogue(seed: int = 3) -> Pcm:
    """Ten stretches of noise, the louder and the softer end in turn, with pauses."""
    random = np.random.default_rng(seed)
    parts = []
    for turn in range(10):
        level = 4000 if turn % 2 else 1200
        parts += [
            random.normal(0, level, random.integers(4000, 9000)),
            random.normal(0, 20, random.integers(4000, 6000)),
        ]
    return np.clip(np.concatenate(parts), -32768, 32767).astype(np.int16)


def mixed_fake() -> CallListener:
    return MixedListener(FakeRecognizer(*map(str, range(99))).start(), FakeSides("far", "near", "unknown"), FakeJudge())


def mixed_energy() -> CallListener:
    return MixedListener(EnergyRecognizer().start(), LevelSides(), FakeJudge())


def mixed_vad() -> CallListener:
    return MixedListener(CutRecognizer(), LevelSides(), FakeJudge())


def fed_in_chunks(listener: CallListener, sizes: Sequence[int], *channels: Pcm) -> list[UtteranceAssessed]:
    heard, start, i = [], 0, 0
    while start < len(channels[0]):
        size = sizes[i % len(sizes)]
        heard += listener.feed(*(channel[start : start + size] for channel in channels))
        start, i = start + size, i + 1
    return heard + listener.finish()


AUDIO = dialogue()


@pytest.mark.parametrize("make", [mixed_fake, mixed_energy, mixed_vad])
@pytest.mark.parametrize("sizes", [[1], [7, 4001], [159, 160, 161], [SAMPLE_RATE], [len(AUDIO)]], ids=str)
def test_any_chunk_size_gives_the_same_answers(make: Callable[[], CallListener], sizes: list[int]) -> None:
    audio = AUDIO[:20_000] if sizes == [1] else AUDIO
    whole = fed_in_chunks(make(), [320], audio)
    assert fed_in_chunks(make(), sizes, audio) == whole
    assert len(whole) >= 2


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=8).filter(any))
def test_any_mixture_of_chunks_gives_the_same_answers(sizes: list[int]) -> None:
    assert fed_in_chunks(mixed_energy(), sizes, AUDIO) == fed_in_chunks(mixed_energy(), [len(AUDIO)], AUDIO)


def test_dialogue_tells_the_louder_end_from_the_softer() -> None:
    sides = [heard.utterance.side for heard in fed_in_chunks(mixed_energy(), [160], AUDIO)]
    assert sides[-4:] == ["far", "near", "far", "near"]


@pytest.mark.parametrize("sizes", [[160], [1000, 3]], ids=str)
def test_the_boxs_own_voice_in_the_handset_has_no_side_and_teaches_none(sizes: list[int]) -> None:
    """Softer than the far end, it would make the far end pass for the household."""
    random = np.random.default_rng(1)
    own = [random.normal(0, level, length) for level, length in ((500, 8000), (20, 5000)) * 3]
    warning = np.concatenate(own).astype(np.int16)
    listener = mixed_energy()
    heard = []
    for sound, box_speaks in ((AUDIO, False), (warning, True), (AUDIO, False)):
        start, i = 0, 0
        while start < len(sound):
            part = sound[start : start + sizes[i % len(sizes)]]
            heard += listener.feed(part, box_speaks=box_speaks)
            start, i = start + len(part), i + 1
    heard += listener.finish()
    begin, end = len(AUDIO) / SAMPLE_RATE, (len(AUDIO) + len(warning)) / SAMPLE_RATE
    during = [one.utterance.side for one in heard if begin <= one.utterance.t0 < end]
    assert during == ["unknown"] * 3
    assert [one.utterance.side for one in heard][-4:] == ["far", "near", "far", "near"]


def test_no_answer_is_known_before_its_words_were_said() -> None:
    for heard in fed_in_chunks(mixed_vad(), [160], AUDIO):
        assert heard.decided_at >= heard.utterance.t1
        assert heard.decided_at <= len(AUDIO) / SAMPLE_RATE


def test_what_follows_changes_no_earlier_answer() -> None:
    whole = fed_in_chunks(mixed_energy(), [160], AUDIO)
    half = fed_in_chunks(mixed_energy(), [160], AUDIO[: len(AUDIO) // 2])
    assert whole[: len(half) - 1] == half[:-1]


def separate() -> CallListener:
    return SeparateListener(EnergyRecognizer().start(), EnergyRecognizer().start(), FakeJudge())


@pytest.mark.parametrize("sizes", [[1000, 3], [161], [len(AUDIO)]], ids=str)
def test_separate_ends_keep_their_sides_in_any_chunking(sizes: list[int]) -> None:
    near = np.roll(AUDIO, 30_000)
    whole = fed_in_chunks(separate(), [320], AUDIO, near)
    assert fed_in_chunks(separate(), sizes, AUDIO, near) == whole
    assert {heard.utterance.side for heard in whole} == {"far", "near"}


def test_silent_end_says_nothing() -> None:
    heard = fed_in_chunks(separate(), [160], AUDIO, np.zeros_like(AUDIO))
    assert {one.utterance.side for one in heard} == {"far"}


@pytest.mark.parametrize("make", [mixed_fake, mixed_energy, mixed_vad])
def test_call_without_a_sample_is_no_error(make: Callable[[], CallListener]) -> None:
    assert make().finish() == []
