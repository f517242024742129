from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.audio.vad import FRAME, Segment, Segmenter
from denwaban.events import SAMPLE_RATE, Pcm


def silence(seconds: float, seed: int = 0) -> Pcm:
    return np.random.default_rng(seed).normal(0, 8, int(seconds * SAMPLE_RATE)).astype(np.int16)


def voice(seconds: float, level: float = 6000.0) -> Pcm:
    """A buzz with a speech-like spectrum and syllables: harmonics of 140 Hz under two formants, four beats a second."""
    t = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    tones = np.arange(140.0, 3400.0, 140.0)
    formants = 1 / (1 + ((tones - 600) / 250) ** 2) + 0.5 / (1 + ((tones - 1700) / 300) ** 2)
    wave = sum(g * np.sin(2 * np.pi * f * t + f) for f, g in zip(tones, formants, strict=True))
    beats = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * t)
    return (level * wave * beats / np.abs(wave).max()).astype(np.int16)


def segments(audio: Pcm, *chunks: int) -> list[Segment]:
    """All utterances of `audio`, fed in chunks of these lengths over and over."""
    segmenter, found, at, turn = Segmenter(), [], 0, 0
    while at < len(audio):
        step = chunks[turn % len(chunks)]
        found += segmenter.feed(audio[at : at + step])
        at, turn = at + step, turn + 1
    return found + segmenter.finish()


def as_values(found: list[Segment]) -> list[tuple[bytes, float, float, float]]:
    return [(one.pcm.tobytes(), one.t0, one.t1, one.ended_at) for one in found]


CALL = np.concatenate(
    [silence(1), voice(1.5), silence(1), voice(0.6), silence(0.2), voice(0.7), silence(1), voice(0.4)]
)


def test_utterances_are_cut_at_pauses_and_keep_short_gaps() -> None:
    first, second, third = segments(CALL, FRAME)
    assert first.t0 == pytest.approx(1.0 - 0.2, abs=0.06)
    assert first.t1 == pytest.approx(2.5 + 0.2, abs=0.15)
    assert (second.t0, second.t1) == (pytest.approx(3.3, abs=0.06), pytest.approx(5.2, abs=0.15))
    assert third.t0 == pytest.approx(5.8, abs=0.06)


def test_end_is_known_one_hangover_after_the_last_speech() -> None:
    first = segments(CALL, FRAME)[0]
    assert first.ended_at - first.t1 == pytest.approx(0.2)  # 0.4 s hangover, of which 0.2 s stay with the utterance
    assert first.ended_at < 3.1


def test_sound_of_an_utterance_is_the_stretch_it_names() -> None:
    for one in segments(CALL, FRAME):
        assert np.array_equal(one.pcm, CALL[round(one.t0 * SAMPLE_RATE) : round(one.t1 * SAMPLE_RATE)])


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_any_chunking_gives_the_same_utterances(chunks: list[int]) -> None:
    assert as_values(segments(CALL, *chunks)) == as_values(segments(CALL, len(CALL)))


def test_endless_speech_is_cut_in_its_quietest_place_before_eight_seconds() -> None:
    audio = np.concatenate([voice(7.5), silence(0.06), voice(12)])
    found = segments(audio, 777)
    assert all(one.t1 - one.t0 <= 8.0 for one in found)
    assert found[0].t1 == pytest.approx(7.53, abs=0.05)
    assert [one.t0 for one in found[1:]] == [one.t1 for one in found[:-1]]  # no sample is lost in between


def test_silence_and_clicks_are_no_utterances() -> None:
    click = silence(2)
    click[8000:8040] = 20000
    assert segments(np.concatenate([silence(5), click]), 160) == []


def test_memory_stays_bounded_over_an_hour_of_silence_and_speech() -> None:
    segmenter = Segmenter()
    for _ in range(20):
        segmenter.feed(silence(3))
        assert len(segmenter._frames) <= 10
        segmenter.feed(voice(30))
        assert len(segmenter._frames) <= 400


def test_no_audio_is_no_utterance() -> None:
    segmenter = Segmenter()
    assert segmenter.feed(np.zeros(0, np.int16)) == []
    assert segmenter.finish() == []
