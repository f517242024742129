"""From scores to a level: what may never happen, whatever the classifiers say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.detect.model import CALL_LABELS, UTTERANCE_LABELS, Floats, Thresholds
from denwaban.detect.policy import (
    FEATURES,
    FEEDBACK_LIMIT,
    SHIFT_LIMIT,
    Feedback,
    Memory,
    PastCall,
    caller_shift,
    decide_level,
    features,
    household_bias,
    household_shift,
    observe,
    scam_score,
    shifted,
    weight_of,
)
from denwaban.events import CallerId, Level, Side

THRESHOLDS = Thresholds(alert=0.9, caution=0.6, sales=0.6)


def probabilities(n: int) -> st.SearchStrategy[Floats]:
    weights = st.lists(st.floats(0.001, 1), min_size=n, max_size=n)
    return weights.map(lambda values: (np.array(values, np.float32) / np.float32(sum(values))).astype(np.float32))


UTTERANCE = probabilities(len(UTTERANCE_LABELS))
CALL = probabilities(len(CALL_LABELS))
CALLERS = st.one_of(
    st.none(),
    st.builds(CallerId),
    st.builds(CallerId, number=st.from_regex(r"\+?[0-9]{0,16}", fullmatch=True)),
    st.builds(CallerId, absence=st.sampled_from("POCS")),
)
PAST = st.lists(st.builds(PastCall, st.floats(0, 1e7), st.floats(0, 1)), max_size=6).map(tuple)


@given(st.lists(st.tuples(UTTERANCE, CALL, CALL, st.sampled_from(["far", "unknown"])), max_size=20))
def test_level_never_falls_within_a_call(course: list[tuple[Floats, Floats, Floats, Side]]) -> None:
    memory, before = Memory(), Level.QUIET
    for labels, context, call, side in course:
        memory = observe(memory, labels, context, side, 20)
        level = decide_level(memory, call, float(labels[-1]) * weight_of(side), THRESHOLDS)
        assert level.rank >= before.rank
        memory, before = replace(memory, level=level), level


@given(UTTERANCE, CALL, st.floats(0, SHIFT_LIMIT), st.sampled_from([0.0, 1.0, 2.0, 5.0]))
def test_a_suspicious_number_or_yesterday_only_raises(
    labels: Floats, call: Floats, shift: float, telling: float
) -> None:
    memory = Memory(telling=telling)
    plain = decide_level(memory, call, float(labels[-1]), THRESHOLDS)
    raised = decide_level(memory, shifted(call, shift), float(labels[-1]), THRESHOLDS)
    assert raised.rank >= plain.rank
    assert shifted(call, shift)[2] >= call[2] - 1e-6


def test_a_foreign_number_does_not_hide_a_sales_pitch() -> None:
    pitch = np.array([0.15, 0.62, 0.23], np.float32)
    heard = Memory(maximum=(0.7, 0.0, 0.0, 0.0, 0.0, 0.0))
    assert decide_level(heard, pitch, 0.0, THRESHOLDS) is Level.CAUTION
    assert decide_level(heard, shifted(pitch, SHIFT_LIMIT), 0.0, THRESHOLDS) is Level.CAUTION


def test_a_suspicious_mood_without_a_telling_utterance_stays_quiet() -> None:
    certain = np.array([0.02, 0.03, 0.95], np.float32)
    assert decide_level(Memory(), certain, 0.0, THRESHOLDS) is Level.QUIET
    assert decide_level(Memory(telling=1.0), certain, 0.0, THRESHOLDS) is Level.CAUTION
    assert decide_level(Memory(telling=2.0), certain, 0.0, THRESHOLDS) is Level.ALERT
    assert decide_level(Memory(), certain, 0.95, THRESHOLDS) is Level.ALERT


def test_no_shift_changes_nothing() -> None:
    call = np.array([0.2, 0.3, 0.5], np.float32)
    assert shifted(call, 0.0) == pytest.approx(call)


def test_one_odd_word_raises_no_alarm() -> None:
    """However sure the call model is, `alert` wants two telling utterances or one unmistakable ask."""
    sure = np.array([0.0, 0.0, 1.0], np.float32)
    assert decide_level(Memory(telling=1), sure, 0.5, THRESHOLDS) is Level.CAUTION
    assert decide_level(Memory(telling=2), sure, 0.5, THRESHOLDS) is Level.ALERT
    assert decide_level(Memory(telling=1), sure, 0.95, THRESHOLDS) is Level.ALERT


@given(CALLERS)
def test_no_number_makes_a_caller_trusted(caller: CallerId | None) -> None:
    assert 0 <= caller_shift(caller) <= SHIFT_LIMIT


def test_police_number_from_abroad_weighs_more_than_either() -> None:
    assert caller_shift(CallerId("+15551230110")) > caller_shift(CallerId("+15551234567")) > 0
    assert caller_shift(CallerId("0335810110")) == caller_shift(None) == 0


@given(PAST, st.floats(0, 2e7), st.floats(0, 1e7))
def test_household_memory_only_raises_and_fades(past: tuple[PastCall, ...], at: float, later: float) -> None:
    now, then = household_shift(past, max([at, *[call.ended_at for call in past]])), 0.0
    then = household_shift(past, max([at, *[call.ended_at for call in past]]) + later)
    assert 0 <= then <= now <= 1


@given(PAST, st.builds(PastCall, st.floats(0, 1e7), st.floats(0, 1)))
def test_one_more_call_never_lowers_the_household_memory(past: tuple[PastCall, ...], one: PastCall) -> None:
    assert household_shift((*past, one), 1e7) >= household_shift(past, 1e7)


@given(UTTERANCE)
def test_score_is_a_probability(labels: Floats) -> None:
    assert 0 <= scam_score(labels) <= 1


@given(st.lists(st.tuples(UTTERANCE, CALL), min_size=1, max_size=30))
def test_memory_has_one_size_however_long_the_call(course: list[tuple[Floats, Floats]]) -> None:
    memory = Memory()
    for labels, context in course:
        memory = observe(memory, labels, context, "far", 20)
        assert features(memory).shape == (FEATURES,)
        assert np.isfinite(features(memory)).all()
    assert [len(getattr(memory, name)) for name in ("maximum", "running", "total")] == [len(UTTERANCE_LABELS) - 1] * 3


def test_what_an_unknown_side_says_weighs_less() -> None:
    labels = np.array([0, 0, 0.1, 0.1, 0.1, 0.3, 0.4], np.float32)
    context = np.array([0.2, 0.2, 0.6], np.float32)
    far, unknown = (observe(Memory(), labels, context, side, 20) for side in ("far", "unknown"))
    assert all(one > other for one, other in zip(far.total, unknown.total, strict=True) if one)


FEEDBACK = st.lists(st.builds(Feedback, st.floats(0, 1e8), st.booleans(), st.sampled_from(Level)), max_size=12)


@given(FEEDBACK, st.floats(0, 2e8))
def test_feedback_moves_the_threshold_within_fixed_bounds(given_: list[Feedback], at: float) -> None:
    assert -FEEDBACK_LIMIT <= household_bias(given_, at) <= FEEDBACK_LIMIT


def test_only_what_the_box_got_wrong_moves_it() -> None:
    def bias(was_scam: bool, level: Level) -> float:
        return household_bias([Feedback(0.0, was_scam, level)], 0.0)

    assert bias(False, Level.ALERT) < bias(False, Level.CAUTION) < 0 == bias(False, Level.QUIET)
    assert bias(True, Level.QUIET) > bias(True, Level.CAUTION) > 0 == bias(True, Level.ALERT)


def test_feedback_fades() -> None:
    said = [Feedback(0.0, False, Level.ALERT)]
    day = 86_400.0
    assert household_bias(said, 0.0) < household_bias(said, 90 * day) < household_bias(said, 700 * day) < 0


def test_the_household_itself_is_not_scored() -> None:
    assert weight_of("near") == 0 < weight_of("unknown") < weight_of("far")
