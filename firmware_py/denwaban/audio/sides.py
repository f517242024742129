"""Who is speaking on a two-wire line: the far end or the household.

Both ends share one pair of wires, so only loudness tells them apart: the household's own telephone is typically about
9 dB louder at the modem. Automatic gain and a second handset blur this, hence three answers. A wrong "near" would hide
a swindler's words from the detector, a wrong "unknown" only lessens their weight: in doubt the answer is unknown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from denwaban.events import SAMPLE_RATE, Pcm, Side

FRAME: Final = SAMPLE_RATE // 50
FRAMES_PER_SECOND: Final = SAMPLE_RATE / FRAME
KEPT_FRAMES: Final = 1500
"""Frame levels remembered: 30 s, longer than any utterance together with its delay."""

KEPT_UTTERANCES: Final = 24
"""Utterance levels remembered: about two minutes of talk, so that a slowly moving gain is followed."""

SPEECH_DEPTH_DB: Final = 18.0
"""Frames this far below an utterance's loud ones (95th percentile) are pauses."""

SMALLEST_GAP_DB: Final = 5.0
"""Two groups nearer than this may be one person: one voice varies by 1 to 3 dB from sentence to sentence."""

LEAST_CLARITY: Final = 3.0
"""Gap between the groups, in units of their inner spread, below which the split is arbitrary."""

MARGIN: Final = 0.2
"""Share of the gap around the midpoint that stays undecided, to each side."""

STRETCH: Final = 20
"""Frames (0.4 s) over which the loudness inside an utterance is compared."""

MIXED_SHARE: Final = 0.35
"""A near utterance may have this share of stretches that sound far; with more, both may be in it."""


@dataclass(frozen=True, slots=True)
class FixedSide:
    """For lines that deliver the sides on separate channels."""

    answer: Side

    def feed(self, pcm: Pcm) -> None:
        """Nothing to learn."""

    def side(self, t0: float, t1: float) -> Side:  # noqa: ARG002 - the port's signature
        return self.answer


@dataclass(frozen=True, slots=True)
class _Split:
    low: float
    high: float

    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @property
    def margin(self) -> float:
        return (self.high - self.low) * MARGIN


class LevelSides:
    """Learns the two loudnesses of a call while it runs. Memory is bounded whatever the length of the call."""

    def __init__(self) -> None:
        self._rest: Pcm = np.zeros(0, dtype=np.int16)
        self._levels: deque[float] = deque(maxlen=KEPT_FRAMES)
        self._seen = 0
        self._utterances: deque[float] = deque(maxlen=KEPT_UTTERANCES)

    def feed(self, pcm: Pcm) -> None:
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) // FRAME * FRAME
        self._rest = audio[whole:].copy()
        power = np.square(audio[:whole].reshape(-1, FRAME), dtype=np.float64).mean(axis=1)
        self._levels.extend((10.0 * np.log10(power + 1.0)).tolist())
        self._seen += len(power)

    def side(self, t0: float, t1: float) -> Side:
        """Who spoke; every question also teaches the level of one more utterance."""
        frames = self._between(t0, t1)
        if not len(frames):
            return "unknown"
        speech = frames[frames > np.percentile(frames, 95) - SPEECH_DEPTH_DB]
        level = _mean_level(speech)
        self._utterances.append(level)
        split = split_levels(tuple(self._utterances))
        if split is None or abs(level - split.middle) < split.margin:
            return "unknown"
        if level < split.middle:
            return "far"
        return "unknown" if _mixed(speech, split) else "near"

    def _between(self, t0: float, t1: float) -> npt.NDArray[np.float64]:
        oldest = self._seen - len(self._levels)
        first = max(0, round(t0 * FRAMES_PER_SECOND) - oldest)
        last = max(0, round(t1 * FRAMES_PER_SECOND) - oldest)
        return np.array(self._levels, dtype=np.float64)[first:last]


def _mean_level(levels: npt.NDArray[np.float64]) -> float:
    """The level of the mean power."""
    return float(10.0 * np.log10(np.mean(10.0 ** (levels / 10.0))))


def _mixed(speech: npt.NDArray[np.float64], split: _Split) -> bool:
    """Whether a loud utterance holds too much quiet speech to be one person's."""
    stretches = [_mean_level(speech[i : i + STRETCH]) for i in range(0, len(speech), STRETCH)]
    return sum(level < split.middle for level in stretches) > MIXED_SHARE * len(stretches)


def split_levels(levels: Sequence[float]) -> _Split | None:
    """The two loudness groups among utterance levels in order of time; None where one person may have spoken them all.

    Besides a clear gap it takes a dialogue: at least two utterances in each group and two changes between them. A
    recording that hands over to a louder operator changes once; it must not turn the operator into the household.
    """
    values = np.array(levels)
    if len(values) < 4:
        return None
    ordered = np.sort(values)
    cuts = range(1, len(ordered))
    cut = min(cuts, key=lambda i: float(np.var(ordered[:i]) * i + np.var(ordered[i:]) * (len(ordered) - i)))
    low, high = ordered[:cut], ordered[cut:]
    gap = float(high.mean() - low.mean())
    spread = float(np.sqrt((low.var() * len(low) + high.var() * len(high)) / len(ordered)))
    loud = values >= high[0]
    changes = int(np.count_nonzero(loud[1:] != loud[:-1]))
    if min(len(low), len(high)) < 2 or changes < 2 or gap < max(SMALLEST_GAP_DB, LEAST_CLARITY * spread):
        return None
    return _Split(float(low.mean()), float(high.mean()))
