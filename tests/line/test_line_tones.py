"""Our own detector of busy and dial tone, for modems that do not report them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.events import SAMPLE_RATE, Pcm, Tone
from denwaban.line.tones import ProgressDetector

RMS = 32768 * 10 ** (-20 / 20)


def tone(seconds: float, on: float, off: float, hertz: float = 400.0, wobble: float = 0.0) -> Pcm:
    """A tone in the cadence of Japan's call-progress tones; `wobble`: amplitude modulation at 16 Hz (ringback)."""
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    gate = at % (on + off) < on if off else np.ones(len(at), bool)
    wave = np.sin(2 * np.pi * hertz * at) * (1 + wobble * np.sin(2 * np.pi * 16 * at))
    return (RMS * np.sqrt(2) * wave * gate).astype(np.int16)


def with_noise(pcm: Pcm, snr_db: float, seed: int = 3) -> Pcm:
    noise = np.random.default_rng(seed).standard_normal(len(pcm)) * RMS * 10 ** (-snr_db / 20)
    return np.clip(pcm + noise, -32768, 32767).astype(np.int16)


def babble(seconds: float, seed: int) -> Pcm:
    """Noise in syllables: low-passed, switched three to six times a second."""
    random = np.random.default_rng(seed)
    count = round(seconds * SAMPLE_RATE)
    white = random.standard_normal(count + 16)
    low = np.convolve(white, np.hanning(16), "valid")[:count]
    gates = np.repeat(random.random(int(seconds * 5) + 1) > 0.4, SAMPLE_RATE // 5)[:count]
    return np.asarray(low / low.std() * RMS * gates, np.int16)


def heard_at(pcm: Pcm, tone: Tone = "busy", block: int = 160) -> list[float]:
    detector = ProgressDetector()
    starts = range(0, len(pcm), block)
    return [(at + block) / SAMPLE_RATE for at in starts if tone in detector.feed(pcm[at : at + block])]


@pytest.mark.parametrize("snr_db", [20, 10])
def test_busy_tone_is_heard_within_four_seconds(snr_db: float) -> None:
    assert heard_at(with_noise(tone(6.0, 0.5, 0.5), snr_db))[0] <= 4.0


@pytest.mark.parametrize("hertz", [385.0, 415.0])
def test_busy_tone_may_be_detuned(hertz: float) -> None:
    assert heard_at(with_noise(tone(6.0, 0.5, 0.5, hertz), 20))


def test_busy_tone_behind_a_conversation_is_heard() -> None:
    assert heard_at(np.concatenate((babble(7.3, 1), with_noise(tone(5.0, 0.5, 0.5), 20))))


@pytest.mark.parametrize("snr_db", [20, 10])
def test_dial_tone_is_heard_within_five_seconds(snr_db: float) -> None:
    pcm = np.concatenate((babble(3.3, 1), with_noise(tone(9.0, 1.0, 0.0), snr_db)))
    assert 7.0 <= heard_at(pcm, "dial")[0] <= 8.5


@pytest.mark.parametrize(
    "pcm",
    [
        pytest.param(tone(20, 1.0, 0.0), id="dial tone"),
        pytest.param(tone(20, 0.25, 0.25), id="second dial tone"),
        pytest.param(tone(20, 1.0, 2.0, wobble=0.8), id="ringback"),
        pytest.param(tone(20, 0.5, 0.5, hertz=1000), id="another tone in busy cadence"),
        pytest.param(with_noise(np.zeros(20 * SAMPLE_RATE, np.int16), 0), id="noise"),
        pytest.param(np.zeros(20 * SAMPLE_RATE, np.int16), id="silence"),
        pytest.param((tone(20, 0.5, 0.5) * 0.005).astype(np.int16), id="busy tone of another line, 46 dB weaker"),
        pytest.param(tone(2.4, 0.5, 0.5), id="two beeps of busy tone"),
    ],
)
def test_nothing_else_is_busy_tone(pcm: Pcm) -> None:
    assert heard_at(pcm) == []


@pytest.mark.parametrize("seed", range(5))
def test_speech_like_sound_is_not_busy_tone(seed: int) -> None:
    assert heard_at(babble(120.0, seed)) == []
    assert heard_at(babble(120.0, seed), "dial") == []


@pytest.mark.parametrize(
    "pcm",
    [
        pytest.param(tone(20, 0.5, 0.5), id="busy tone"),
        pytest.param(tone(20, 1.0, 2.0, wobble=0.8), id="ringback"),
        pytest.param(tone(3.5, 1.0, 0.0), id="a short tone"),
        pytest.param(tone(20, 1.0, 0.0, hertz=440.0), id="another tone"),
        pytest.param(np.zeros(20 * SAMPLE_RATE, np.int16), id="silence"),
    ],
)
def test_nothing_else_is_dial_tone(pcm: Pcm) -> None:
    assert heard_at(pcm, "dial") == []


BUSY = with_noise(np.concatenate((np.zeros(1234, np.int16), tone(8.0, 0.5, 0.5))), 15)


@settings(deadline=None, max_examples=10)
@given(st.lists(st.integers(1, 20_000), max_size=10))
def test_any_cut_gives_the_same_answer(cuts: list[int]) -> None:
    detector, at, count = ProgressDetector(), 0, 0
    for cut in (*cuts, len(BUSY)):
        count += len(detector.feed(BUSY[at : at + cut]))
        at += cut
    assert count == len(heard_at(BUSY))
