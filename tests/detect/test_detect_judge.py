"""Judging a call with the shipped detector: evidence in the caller's own words, bounded memory, no peeking ahead."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.detect.judge import MAX_EVIDENCE, CallJudge
from denwaban.detect.model import load_model
from denwaban.detect.policy import CONTEXT_UTTERANCES, SHIFT_LIMIT
from denwaban.detect.text import Reader
from denwaban.events import Assessment, Level, Side, Utterance
from denwaban.shipped import shipped_models
from training.calls import load_corpus

MODEL = load_model(shipped_models() / "scam-ja")
READER = Reader()
CALLS = load_corpus()
FAR = [turn.text for call in CALLS for turn in call.far_turns]
SCAMS = [call for call in CALLS if call.label == "scam" and call.whole]
LINES = st.lists(st.tuples(st.sampled_from(FAR), st.sampled_from(["far", "near", "unknown"])), min_size=1, max_size=8)
Said = Sequence[tuple[str, Side]]


def judged(said: Said, shift: float = 0.0, bias: float = 0.0) -> list[Assessment]:
    judge = CallJudge(MODEL, READER, shift=shift, bias=bias)
    return [judge.hear(Utterance(text, float(i), i + 1.0, side)) for i, (text, side) in enumerate(said)]


@settings(max_examples=40)
@given(LINES)
def test_evidence_is_a_phrase_of_what_was_said(said: Said) -> None:
    for (text, _side), found in zip(said, judged(said), strict=True):
        assert len(found.evidence) <= MAX_EVIDENCE
        for item in found.evidence:
            assert item.phrase
            assert item.phrase in text
            assert 0 < item.weight <= 1


@settings(max_examples=40)
@given(LINES)
def test_level_never_falls_and_near_end_has_no_score(said: Said) -> None:
    found = judged(said)
    ranks = [one.level.rank for one in found]
    assert ranks == sorted(ranks)
    for (_text, side), one in zip(said, found, strict=True):
        assert (one.score is None) == (side == "near")
        assert one.score is None or 0 <= one.score <= 1
        assert 0 <= one.call_score <= 1


@settings(max_examples=25)
@given(LINES, st.integers(0, 8))
def test_what_follows_changes_no_earlier_verdict(said: Said, k: int) -> None:
    assert judged(said)[:k] == judged(said[:k])


@settings(max_examples=25)
@given(LINES, st.floats(0, SHIFT_LIMIT))
def test_number_and_household_only_raise(said: Said, shift: float) -> None:
    for plain, raised in zip(judged(said), judged(said, shift), strict=True):
        assert raised.level.rank >= plain.level.rank
        assert raised.call_score >= plain.call_score - 1e-6


def test_a_shift_beyond_the_limit_is_cut() -> None:
    said: Said = [(FAR[0], "far")]
    assert judged(said, 50.0) == judged(said, SHIFT_LIMIT)
    assert judged(said, -50.0) == judged(said, 0.0)


@settings(max_examples=25)
@given(LINES)
def test_marked_false_alarms_make_it_warn_later_and_missed_scams_sooner(said: Said) -> None:
    later, sooner = judged(said, bias=-0.8), judged(said, bias=0.8)
    for plain, one, two in zip(judged(said), later, sooner, strict=True):
        assert one.call_score <= plain.call_score + 1e-6
        assert two.level.rank >= plain.level.rank
    assert judged(said, bias=-50.0) == later


def test_what_the_household_says_alone_raises_nothing() -> None:
    asks = [turn.text for call in CALLS for turn in call.far_turns if turn.ask][:30]
    assert {one.level for one in judged([(text, "near") for text in asks])} == {Level.QUIET}


def test_most_written_scams_raise_an_alert_and_give_reasons() -> None:
    """The model has seen these calls in training: this proves the machinery, not the quality (`make eval` does)."""
    alerted = 0
    for call in SCAMS[:40]:
        found = judged([(turn.text, "far" if turn.far else "near") for turn in call.turns])
        if found[-1].level is Level.ALERT:
            alerted += 1
            assert any(one.evidence for one in found)
            assert found[-1].category in MODEL.card.categories
    assert alerted >= 32


@pytest.mark.parametrize("text", ["", "……", " "])
def test_text_without_words_is_neither_scored_nor_kept(text: str) -> None:
    (found,) = judged([(text, "far")])
    assert found == Assessment(Level.QUIET, None, 0.0, 0, "")


def test_judge_keeps_no_more_of_a_long_call_than_of_a_short_one() -> None:
    """Time per utterance is flat because what is kept is: a constant memory and the last few utterances."""
    judge = CallJudge(MODEL, READER)
    for i in range(3 * CONTEXT_UTTERANCES):
        judge.hear(Utterance(FAR[i], float(i), i + 1.0, "far"))
    kept = {name: value for name, value in vars(judge).items() if hasattr(value, "__len__")}
    assert all(len(value) <= CONTEXT_UTTERANCES for value in kept.values() if not isinstance(value, str))
    assert len(judge._far) == CONTEXT_UTTERANCES
