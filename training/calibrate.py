"""Thresholds from calls of hands the models never saw: as low as the allowed false alarms permit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from denwaban.detect.model import CALL_LABELS, Floats, Thresholds
from denwaban.detect.policy import Memory, decide_level, features
from denwaban.events import Level
from training.fit import Scored, fit_call, fold_of, memories

ALERT_RATE: Final = {"cautious": 0.08, "normal": 0.05, "quiet": 0.015}
"""Share of the hard harmless whole calls that may raise `alert`: far harder than what a household hears in a year."""
CAUTION_RATE: Final = {"cautious": 0.12, "normal": 0.085, "quiet": 0.03}
"""Share of the harmless excerpts that may raise `caution`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A call with its memory and call probabilities after each far turn."""

    scored: Scored
    memories: tuple[Memory, ...]
    call: Floats


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a call was judged: highest level, and the far turns (0-based) at which each level was reached."""

    level: Level
    first_caution: int | None
    first_alert: int | None


def judged_by_fold(scored: list[Scored]) -> list[Judged]:
    """Call probabilities by call-level models that did not see the hand either."""
    result = []
    for fold in sorted({fold_of(item.view) for item in scored}):
        model = fit_call([item for item in scored if fold_of(item.view) != fold])
        order = [list(model.classes_).index(label) for label in CALL_LABELS]
        for item in scored:
            if fold_of(item.view) == fold and item.view.heard:
                kept = tuple(memories(item))
                rows = np.array([features(memory) for memory in kept], dtype=np.float32)
                result.append(Judged(item, kept, model.predict_proba(rows)[:, order].astype(np.float32)))
    return result


def verdict(judged: Judged, thresholds: Thresholds) -> Verdict:
    """Replay the policy over a judged call."""
    level = Level.QUIET
    firsts: dict[Level, int | None] = {Level.CAUTION: None, Level.ALERT: None}
    for i, memory in enumerate(judged.memories):
        ask = float(judged.scored.utterance[i][-1]) * judged.scored.view.weight
        level = decide_level(replace(memory, level=level), judged.call[i], ask, thresholds)
        for mark, first in firsts.items():
            if level.rank >= mark.rank and first is None:
                firsts[mark] = i
    return Verdict(level, firsts[Level.CAUTION], firsts[Level.ALERT])


def choose_thresholds(judged: list[Judged]) -> dict[str, Thresholds]:
    """One set per sensitivity."""
    ours = [item for item in judged if item.scored.view.call.label == "harmless" and not _is_chat(item)]
    hard = [item for item in ours if item.scored.view.call.whole and item.scored.view.call.difficulty == "hard"]
    excerpts = [item for item in ours if not item.scored.view.call.whole]
    chosen = {}
    for name in ALERT_RATE:
        alert = _lowest(hard, ALERT_RATE[name], Level.ALERT, lambda t: Thresholds(t, 1.1, 1.1))
        caution = _lowest(excerpts, CAUTION_RATE[name], Level.CAUTION, lambda t: Thresholds(1.1, t, max(t, 0.5)))
        chosen[name] = Thresholds(alert, min(caution, alert), max(caution, 0.5))
    return chosen


def _is_chat(item: Judged) -> bool:
    return item.scored.view.call.category == "chat"


def _lowest(harmless: list[Judged], rate: float, level: Level, make: Callable[[float], Thresholds]) -> float:
    """The lowest threshold of a grid at which no more than `rate` of harmless calls reach `level`."""
    for step in range(30, 99):
        reached = sum(verdict(item, make(step / 100)).level.rank >= level.rank for item in harmless)
        if reached <= rate * len(harmless):
            return step / 100
    return 0.99
