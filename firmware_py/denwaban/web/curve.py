"""The course of a call as a curve: how worried the box was, over time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from denwaban.events import Level
from denwaban.web.port import Utterance

WIDTH: Final = 640
HEIGHT: Final = 240
EDGE: Final = 10
MOST_POINTS: Final = 200
"""Of a call of four hours the highest of each stretch is drawn."""


@dataclass(frozen=True, slots=True)
class Dot:
    """Where the level rose."""

    x: float
    y: float
    level: Level


@dataclass(frozen=True, slots=True)
class Curve:
    """What the SVG needs, in its own units. `end`: the time at its right, such as 1:30; `most`: per cent."""

    line: str
    area: str
    dots: tuple[Dot, ...]
    end: str
    most: int
    width: int = WIDTH
    height: int = HEIGHT


def curve(utterances: Sequence[Utterance]) -> Curve | None:
    """None where there is nothing to draw."""
    if len(utterances) < 2:
        return None
    end = max(one.t1 for one in utterances) or 1.0

    def place(one: Utterance) -> tuple[float, float]:
        score = min(1.0, max(0.0, one.call_score))
        x, y = EDGE + one.t1 / end * (WIDTH - 2 * EDGE), HEIGHT - EDGE - score * (HEIGHT - 2 * EDGE)
        return round(x, 1), round(y, 1)

    points = [place(one) for one in _thinned(utterances)]
    line = " ".join(f"{x},{y}" for x, y in points)
    floor = HEIGHT - EDGE
    area = f"{points[0][0]},{floor} {line} {points[-1][0]},{floor}"
    most = round(100 * max(one.call_score for one in utterances))
    return Curve(line, area, tuple(_rises(utterances, place)), clock_time(end), most)


def _rises(utterances: Sequence[Utterance], place: Callable[[Utterance], tuple[float, float]]) -> list[Dot]:
    dots: list[Dot] = []
    highest = Level.QUIET
    for one in utterances:
        if one.level.rank > highest.rank:
            highest = one.level
            dots.append(Dot(*place(one), highest))
    return dots


def _thinned(utterances: Sequence[Utterance]) -> list[Utterance]:
    stretch = -(-len(utterances) // MOST_POINTS)
    parts = (utterances[start : start + stretch] for start in range(0, len(utterances), stretch))
    return [max(part, key=lambda one: one.call_score) for part in parts]


def clock_time(seconds: float) -> str:
    """1:05, or 1:02:05."""
    whole = int(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def marked(text: str, phrases: Sequence[str]) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it counted. Joined they are the text again."""
    counted = [False] * len(text)
    for phrase in filter(None, phrases):
        at = text.find(phrase)
        while at >= 0:
            counted[at : at + len(phrase)] = [True] * len(phrase)
            at = text.find(phrase, at + 1)
    pieces: list[tuple[str, bool]] = []
    for letter, counts in zip(text, counted, strict=True):
        if pieces and pieces[-1][1] == counts:
            pieces[-1] = (pieces[-1][0] + letter, counts)
        else:
            pieces.append((letter, counts))
    return pieces
