from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.audio.sides import KEPT_FRAMES, KEPT_UTTERANCES, FixedSide, LevelSides
from denwaban.events import SAMPLE_RATE, Pcm, Side

FAR_DB = -32.0
PAUSE = 0.6


def speech(db: float, seconds: float, rng: np.random.Generator) -> Pcm:
    """Noise with the loudness of speech: syllables, phrases that fade, and a level that varies by utterance."""
    n = int(seconds * SAMPLE_RATE)
    t = np.arange(n) / SAMPLE_RATE
    syllables = 10 ** ((5 * np.sin(2 * np.pi * 4 * t + rng.uniform(0, 6)) - 4 * t / seconds) / 20)
    wave = rng.normal(0, 1, n) * syllables
    level = 10 ** ((db + rng.normal(0, 1.2)) / 20) * 32768
    return np.clip(level * wave / np.sqrt(np.mean(wave**2)), -32768, 32767).astype(np.int16)


def talk(turns: list[tuple[Side, float]], seed: int = 0) -> list[tuple[Side, Side]]:
    """(who spoke, what was answered) for each turn of (side, dB), asked as the turn ends."""
    rng = np.random.default_rng(seed)
    sides, at, answers = LevelSides(), 0.0, []
    for side, db in turns:
        pause = rng.normal(0, 10, int(PAUSE * SAMPLE_RATE)).astype(np.int16)
        pcm = speech(db, rng.uniform(1.0, 4.0), rng)
        sides.feed(np.concatenate([pause, pcm]))
        at += PAUSE
        end = at + len(pcm) / SAMPLE_RATE
        answers.append((side, sides.side(at, end)))
        at = end
    return answers


def dialogue(gap_db: float, turns: int = 30) -> list[tuple[Side, float]]:
    return [("near", FAR_DB + gap_db) if i % 3 == 1 else ("far", FAR_DB) for i in range(turns)]


def counted(answers: list[tuple[Side, Side]]) -> Counter[str]:
    return Counter(
        "unknown" if answer == "unknown" else "right" if truth == answer else "wrong" for truth, answer in answers
    )


@pytest.mark.parametrize("gap_db", [8, 9, 12, 16, 20])
def test_a_clear_gap_is_learnt_within_a_few_turns(gap_db: float) -> None:
    for seed in range(5):
        answers = talk(dialogue(gap_db), seed)
        assert counted(answers)["wrong"] == 0
        assert counted(answers[6:])["right"] >= 20  # of 24


@pytest.mark.parametrize("gap_db", [0, 1, 2, 3])
def test_without_a_gap_nobody_is_called_near(gap_db: float) -> None:
    for seed in range(10):
        assert all(answer != "near" for _truth, answer in talk(dialogue(gap_db), seed))


@pytest.mark.parametrize("gap_db", [4, 5, 6, 7])
def test_in_between_it_rather_does_not_know_than_errs(gap_db: float) -> None:
    total = sum((counted(talk(dialogue(gap_db), seed)) for seed in range(10)), Counter())
    assert total["wrong"] <= 0.03 * total.total()


def test_a_lone_recording_is_never_the_household() -> None:
    for seed in range(20):
        assert all(answer != "near" for _truth, answer in talk([("far", FAR_DB)] * 40, seed))


def test_a_louder_operator_after_a_recording_is_not_the_household() -> None:
    handed_over: list[tuple[Side, float]] = [("far", FAR_DB)] * 8 + [("far", FAR_DB + 7)] * 8
    assert all(answer != "near" for _truth, answer in talk(handed_over))


def test_first_words_of_a_call_are_unknown() -> None:
    assert [answer for _truth, answer in talk(dialogue(12))[:3]] == ["unknown"] * 3


def test_a_slow_drift_of_the_gain_is_followed() -> None:
    drifting = [(side, db + 6 * i / 60) for i, (side, db) in enumerate(dialogue(11, 60))]
    late = counted(talk(drifting)[20:])
    assert late["wrong"] == 0
    assert late["right"] >= 30


def test_far_words_inside_a_loud_utterance_keep_it_from_being_near() -> None:
    rng = np.random.default_rng(3)
    sides, at = LevelSides(), 0.0
    for side in ("far", "near", "far", "near", "far", "near"):
        pcm = speech(FAR_DB + (10 if side == "near" else 0), 2.0, rng)
        sides.feed(pcm)
        sides.side(at, at + 2)
        at += 2
    sides.feed(np.concatenate([speech(FAR_DB + 10, 1.2, rng), speech(FAR_DB, 1.5, rng)]))
    assert sides.side(at, at + 2.7) == "unknown"


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_any_chunking_gives_the_same_answer(chunks: list[int]) -> None:
    rng = np.random.default_rng(0)
    audio = np.concatenate([speech(db, 1.0, rng) for db in (-30, -20) * 4])
    whole, cut = LevelSides(), LevelSides()
    whole.feed(audio)
    at = turn = 0
    while at < len(audio):
        cut.feed(audio[at : at + chunks[turn % len(chunks)]])
        at, turn = at + chunks[turn % len(chunks)], turn + 1
    questions = [(float(second), float(second + 1)) for second in range(8)]
    answers = [whole.side(*question) for question in questions]
    assert answers == [cut.side(*question) for question in questions]
    assert "near" in answers


def test_what_is_no_longer_or_not_yet_heard_is_unknown() -> None:
    sides = LevelSides()
    assert sides.side(0.0, 1.0) == "unknown"
    sides.feed(np.zeros(60 * SAMPLE_RATE, np.int16))
    assert sides.side(1.0, 2.0) == "unknown"
    assert sides.side(61.0, 62.0) == "unknown"


def test_digital_silence_is_unknown_and_no_error() -> None:
    sides = LevelSides()
    sides.feed(np.zeros(SAMPLE_RATE, np.int16))
    assert sides.side(0.0, 1.0) == "unknown"


def test_memory_is_bounded_over_a_long_call() -> None:
    sides = LevelSides()
    for second in range(600):
        sides.feed(np.full(SAMPLE_RATE, 1000, np.int16))
        sides.side(second, second + 1)
    assert len(sides._levels) == KEPT_FRAMES
    assert len(sides._utterances) == KEPT_UTTERANCES


def test_separate_channels_have_a_fixed_side() -> None:
    far = FixedSide("far")
    far.feed(np.zeros(160, np.int16))
    assert far.side(0.0, 1.0) == "far"
