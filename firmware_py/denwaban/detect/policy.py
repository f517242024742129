"""From scored utterances to a level for the call. Pure: `observe(memory, …) -> memory`.

Evidence accumulates over stages; the call-level classifier weighs it. One odd word must not raise an alarm: `alert`
wants two telling utterances or one unmistakable ask, `caution` one that is telling or a sales pitch. Caller id and
yesterday's calls only ever raise.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from denwaban.detect.model import CALL_LABELS, UTTERANCE_LABELS, Floats, Thresholds
from denwaban.events import CallerId, Level, Side

CONTEXT_UTTERANCES: Final = 8
"""The context classifier reads so many utterances of the far end, about a minute of its talk, and of the household."""
DECAY: Final = 0.8
"""Weight of the past per further utterance in the running sums."""
UNKNOWN_SIDE_WEIGHT: Final = 0.7
TELLING: Final = 0.25
"""An utterance that sounds at least so much like a scam confirms others (chance level is about 0.05)."""
UNMISTAKABLE: Final = 0.9
SHIFT_LIMIT: Final = 1.2
"""Caller id and household memory together move the log-odds by at most this much."""

_N: Final = len(UTTERANCE_LABELS)
SALES: Final = UTTERANCE_LABELS.index("sales") - 1
"""Its place in the memory, which leaves out `plain`."""
FEATURES: Final = 3 * (_N - 1) + 2 * (len(CALL_LABELS) - 1) + 4
"""Maximum, running sum and total of each label but `plain`; context log-odds now and at most; telling and all
utterances; their mean length (typed turns are long, speech is cut at pauses); the share whose side is unknown."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What the policy keeps of a call: constant size."""

    maximum: tuple[float, ...] = (0.0,) * (_N - 1)
    running: tuple[float, ...] = (0.0,) * (_N - 1)
    total: tuple[float, ...] = (0.0,) * (_N - 1)
    context_now: tuple[float, float] = (-4.0, -4.0)
    context_top: tuple[float, float] = (-4.0, -4.0)
    telling: float = 0.0
    heard: int = 0
    kana: int = 0
    """Length of all utterances together."""
    unknown: int = 0
    """Utterances that nobody can place."""
    level: Level = Level.QUIET


def weight_of(side: Side) -> float:
    """How much an utterance counts by the end it came from; what the household says shows in the context only."""
    return {"far": 1.0, "unknown": UNKNOWN_SIDE_WEIGHT, "near": 0.0}[side]


def scam_score(utterance: Floats) -> float:
    """How much one utterance sounds like a scam, 0..1: everything that is neither plain nor a sales pitch."""
    return min(max(float(1.0 - utterance[0] - utterance[1]), 0.0), 1.0)


def observe(memory: Memory, utterance: Floats, context: Floats, side: Side, kana: int) -> Memory:
    """Take in one far or unknown utterance: its label probabilities, those of its context, and its length in kana."""
    weight = weight_of(side)
    labels = [float(p) * weight for p in utterance[1:]]
    now = (_log_odds(float(context[2])), _log_odds(float(context[1])))
    return replace(
        memory,
        maximum=tuple(max(old, new) for old, new in zip(memory.maximum, labels, strict=True)),
        running=tuple(old * DECAY + new for old, new in zip(memory.running, labels, strict=True)),
        total=tuple(old + new for old, new in zip(memory.total, labels, strict=True)),
        context_now=now,
        context_top=(max(memory.context_top[0], now[0]), max(memory.context_top[1], now[1])),
        telling=memory.telling + (1.0 if scam_score(utterance) >= TELLING else 0.0),
        heard=memory.heard + 1,
        kana=memory.kana + kana,
        unknown=memory.unknown + (side == "unknown"),
    )


def features(memory: Memory) -> Floats:
    """The call-level classifier's input, (FEATURES,)."""
    return np.array(
        [
            *memory.maximum,
            *memory.running,
            *(math.log1p(value) for value in memory.total),
            *memory.context_now,
            *memory.context_top,
            math.log1p(memory.telling),
            math.log1p(memory.heard),
            math.log1p(memory.kana / max(1, memory.heard)),
            memory.unknown / max(1, memory.heard),
        ],
        dtype=np.float32,
    )


def shifted(call: Floats, shift: float) -> Floats:
    """Call probabilities with the log-odds of `scam` moved by `shift`.

    The probability of a sales pitch stays as it is (the sum may then not be 1): a suspicious number must not lower the
    level that a pitch has earned.
    """
    raised = call * np.array([1.0, 1.0, math.exp(shift)], dtype=np.float32)
    raised /= raised.sum()
    return np.array([raised[0], call[1], raised[2]], dtype=np.float32)


def decide_level(memory: Memory, call: Floats, ask: float, thresholds: Thresholds) -> Level:
    """The level after an utterance. Never falls within a call: the household was already told."""
    confirmed = memory.telling >= 2 or ask >= UNMISTAKABLE
    suspicious = float(call[2]) >= thresholds.caution or float(call[1]) >= thresholds.sales
    if float(call[2]) >= thresholds.alert and confirmed:
        level = Level.ALERT
    elif suspicious and (memory.telling >= 1 or memory.maximum[SALES] >= TELLING):
        level = Level.CAUTION
    else:
        level = Level.QUIET
    return max(memory.level, level, key=lambda item: item.rank)


STOP_LIST_SHIFT: Final = 0.6
"""An estimate: more than a number from abroad, yet half of what caller and memory may move at all. Numbers are spoofed
and pass to others, so a stop-list alone must never make an alert."""


def caller_shift(caller: CallerId | None, *, on_stop_list: bool = False) -> float:
    """What the number adds to the log-odds. A number never lowers: police numbers are spoofed too."""
    listed = STOP_LIST_SHIFT if on_stop_list else 0.0
    if caller is None:
        return listed
    if caller.absence == "P":
        return listed + 0.3
    number = caller.number or ""
    shift = 0.4 if number.startswith(("+", "010")) and not number.startswith("+81") else 0.0
    return listed + shift + (0.4 if shift and number.endswith("0110") else 0.0)


@dataclass(frozen=True, slots=True)
class PastCall:
    """A finished call of this household: when it ended (seconds since the epoch) and its final scam probability."""

    ended_at: float
    score: float


@dataclass(frozen=True, slots=True)
class Feedback:
    """What people said of an earlier verdict, and when (seconds since the epoch)."""

    at: float
    was_scam: bool
    level: Level
    """What the box had made of the call."""


FEEDBACK_LIMIT: Final = 0.8
"""All feedback together moves the log-odds by at most this much: a household that was talked into calling alarms false
must still be warned of the next caller who asks for a card."""
FEEDBACK_HALF_LIFE_S: Final = 180 * 86_400.0
_FALSE_ALARM: Final = {Level.QUIET: 0.0, Level.CAUTION: -0.25, Level.ALERT: -0.4}
_WAS_SCAM: Final = {Level.QUIET: 0.4, Level.CAUTION: 0.25, Level.ALERT: 0.0}
"""Only what the box got wrong moves it."""


def household_bias(given: Iterable[Feedback], at: float) -> float:
    """What a household's feedback adds to the log-odds of later calls; below 0 where alarms were false."""
    total = 0.0
    for one in given:
        step = (_WAS_SCAM if one.was_scam else _FALSE_ALARM)[one.level]
        total += step * 0.5 ** (max(0.0, at - one.at) / FEEDBACK_HALF_LIFE_S)
    return min(max(total, -FEEDBACK_LIMIT), FEEDBACK_LIMIT)


MEMORY_HALF_LIFE_S: Final = 3 * 86_400.0
"""Forerunner calls come a day or two before the decisive one."""


def household_shift(past: tuple[PastCall, ...], at: float) -> float:
    """What recent calls add to the log-odds: yesterday's harmless-sounding opener counts."""
    strongest = 0.0
    for call in past:
        age = max(0.0, at - call.ended_at)
        strongest = max(strongest, call.score * 0.5 ** (age / MEMORY_HALF_LIFE_S))
    return strongest


def _log_odds(p: float) -> float:
    p = min(max(p, 0.002), 0.998)
    return math.log(p / (1 - p))
