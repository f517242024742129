"""Call probabilities of calls that no model saw, the policy replayed over them, and thresholds from the result.

The thresholds are as low as the allowed false alarms permit: for typed words those of the written views, for heard
ones those of what the real recogniser made of calls.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from sklearn.pipeline import Pipeline

from denwaban.detect.model import CALL_LABELS, CHANNELS, Channel, Floats, Thresholds
from denwaban.detect.policy import Memory, decide_level
from denwaban.events import Level
from training.calls import Call
from training.dataset import CHAT, HeardCall
from training.fit import FOLDS, Features, Scored, call_pipeline, features_of, fit_call, fold_of

ALERT_RATE: Final = {"cautious": 0.08, "normal": 0.04, "quiet": 0.015}
"""Share of the hard harmless whole calls that may raise `alert`. They were written to be as near to scams as honest
calls come; calls by authors who did not try so hard raise a fraction of it (`training/unseen/`, report)."""
CAUTION_RATE: Final[Mapping[Channel, Mapping[str, float]]] = {
    "heard": {"cautious": 0.15, "normal": 0.08, "quiet": 0.03},
    "written": {"cautious": 0.11, "normal": 0.045, "quiet": 0.02},
}
"""Share of the harmless excerpts, likewise hard, that may raise `caution`. The recogniser loses words, so a hint costs
more false ones there."""
GRID: Final = tuple(step / 200 for step in range(60, 200))


@dataclass(frozen=True, slots=True)
class Judged:
    """A view with its memories and call probabilities after each scored utterance."""

    scored: Scored
    memories: tuple[Memory, ...]
    call: Floats


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a call was judged: highest level, and the scored utterances (0-based) at which each level was reached."""

    level: Level
    first_caution: int | None
    first_alert: int | None


def judged(found: Sequence[Features], model: Pipeline) -> list[Judged]:
    """Call probabilities of these views by one call-level model."""
    if not found:
        return []
    order = [list(model.classes_).index(label) for label in CALL_LABELS]
    ends = np.cumsum([len(one.rows) for one in found])
    calls = model.predict_proba(np.concatenate([one.rows for one in found]))[:, order].astype(np.float32)
    return [Judged(one.scored, one.memories, call) for one, call in zip(found, np.split(calls, ends[:-1]), strict=True)]


def judged_by_fold(
    scored: Iterable[Scored], make: Callable[[], Pipeline] = call_pipeline, folds: int = FOLDS
) -> list[Judged]:
    """Call probabilities by call-level models that did not see the hand either."""
    found = features_of(list(scored))
    dealt = [fold_of(one.scored.view, folds) for one in found]
    result = []
    for fold in sorted(set(dealt)):
        model = fit_call([one for one, of in zip(found, dealt, strict=True) if of != fold], make)
        result += judged([one for one, of in zip(found, dealt, strict=True) if of == fold], model)
    return result


def verdict(one: Judged, thresholds: Thresholds) -> Verdict:
    """Replay the policy over a judged view."""
    level = Level.QUIET
    firsts: dict[Level, int | None] = {Level.CAUTION: None, Level.ALERT: None}
    for i, (memory, weight) in enumerate(zip(one.memories, one.scored.view.weights, strict=True)):
        ask = float(one.scored.utterance[i][-1]) * weight
        level = decide_level(replace(memory, level=level), one.call[i], ask, thresholds)
        for mark, first in firsts.items():
            if level.rank >= mark.rank and first is None:
                firsts[mark] = i
    return Verdict(level, firsts[Level.CAUTION], firsts[Level.ALERT])


def is_hard(call: Call) -> bool:
    """A hard harmless whole call: what alert thresholds are chosen on."""
    return call.label == "harmless" and call.whole and call.difficulty == "hard"


def is_harmless_excerpt(call: Call) -> bool:
    """A harmless excerpt of the corpus: what caution thresholds are chosen on."""
    return call.label == "harmless" and not call.whole and call.category != CHAT


def channel_of(view: HeardCall) -> Channel:
    """How the words of a view would have reached the box."""
    return "written" if view.words == "written" else "heard"


def choose_thresholds(found: Sequence[Judged]) -> dict[Channel, dict[str, Thresholds]]:
    """By channel and sensitivity. What was noised stands in only where nothing was really recognised."""
    sets = {}
    for channel in CHANNELS:
        mine = [one for one in found if channel_of(one.scored.view) == channel]
        real = [one for one in mine if one.scored.view.words != "noised"]
        chosen = real if any(is_hard(one.scored.view.call) for one in real) else mine
        sets[channel] = _thresholds(chosen, CAUTION_RATE[channel])
    return sets


def _thresholds(found: Sequence[Judged], caution_rate: Mapping[str, float]) -> dict[str, Thresholds]:
    """One set per sensitivity, from all these views together."""
    hard = [one for one in found if is_hard(one.scored.view.call)]
    excerpts = [one for one in found if is_harmless_excerpt(one.scored.view.call)]
    chosen = {}
    for name in ALERT_RATE:
        alert = _lowest(hard, ALERT_RATE[name], Level.ALERT, lambda t: Thresholds(t, 1.1, 1.1))
        caution = _lowest(excerpts, caution_rate[name], Level.CAUTION, lambda t: Thresholds(1.1, t, max(t, 0.5)))
        chosen[name] = Thresholds(alert, min(caution, alert), max(caution, 0.5))
    return chosen


def _lowest(harmless: Sequence[Judged], rate: float, level: Level, make: Callable[[float], Thresholds]) -> float:
    """The lowest threshold of a grid at which no more than `rate` of harmless calls reach `level`."""
    allowed = rate * len(harmless)

    def permitted(threshold: float) -> bool:
        return sum(verdict(one, make(threshold)).level.rank >= level.rank for one in harmless) <= allowed

    # A higher threshold never lets more through, so the grid need not be walked.
    return GRID[min(bisect_left(GRID, True, key=permitted), len(GRID) - 1)]
