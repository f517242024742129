"""The household's rules for a ringing call, as data. Pure. Moments are seconds since the epoch."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

Action = Literal["allow", "screen", "refuse"]
PatternKind = Literal["exact", "prefix"]
CallerClass = Literal[
    "domestic", "withheld", "international", "reported_abroad", "payphone", "out_of_area", "no_report"
]
CLASSES: Final[tuple[CallerClass, ...]] = get_args(CallerClass)
"""Of callers on no list."""
QUIET_HOURS: Final = "quiet_hours"

NEVER: Final = math.inf
"""The end of what does not expire."""
JST_OFFSET_S: Final = 9 * 3600
"""Japan keeps UTC+9 all year. Not the system's zone: a fresh Raspberry Pi stands on London time."""
PREFIX_SHOWN: Final = 6
"""So much of a prefix goes into a reason: enough to know the rule, too little to know the caller."""


@dataclass(frozen=True, slots=True)
class NumberList:
    """Numbers and beginnings of numbers, as `screening.normalise_number` writes them, each with the end of its time."""

    exact: Mapping[str, float] = field(default_factory=dict)
    prefixes: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, exact: Iterable[str] = (), prefixes: Iterable[str] = ()) -> NumberList:
        """A list whose entries never expire."""
        return cls(dict.fromkeys(exact, NEVER), dict.fromkeys(prefixes, NEVER))

    def joined(self, other: NumberList) -> NumberList:
        """Both lists; an entry of both counts until the later end."""
        return NumberList(_later(self.exact, other.exact), _later(self.prefixes, other.prefixes))

    def match(self, number: str, at: float) -> str | None:
        """`""` for the number itself, `:prefix:0120` for its beginning (the longest one listed), None for neither."""
        if self.exact.get(number, -math.inf) > at:
            return ""
        for length in range(len(number) if self.prefixes else 0, 0, -1):
            if self.prefixes.get(number[:length], -math.inf) > at:
                return f":prefix:{number[: min(length, PREFIX_SHOWN)]}"
        return None


def _later(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    both = dict(one)
    for pattern, until in other.items():
        both[pattern] = max(until, both.get(pattern, until))
    return both


@dataclass(frozen=True, slots=True)
class QuietHours:
    """From `start` up to `end`, minutes since midnight in Japan; may pass midnight."""

    start: int
    end: int

    def contains(self, at: float) -> bool:
        minute = (at + JST_OFFSET_S) % 86_400 / 60
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


_QUIET_HOURS: Final = re.compile(r"\s*([01]?\d|2[0-3]):([0-5]\d)\s*[-–〜~]\s*([01]?\d|2[0-3]):([0-5]\d)\s*", re.ASCII)


def parse_quiet_hours(text: str) -> QuietHours | None:
    """`"22:00-6:30"`; None for an empty text. Raises ValueError."""
    if not text.strip():
        return None
    found = _QUIET_HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f'want two times such as "22:00-06:30", not {text!r}')
    hours = [int(part) for part in found.groups()]
    quiet = QuietHours(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3])
    if quiet.start == quiet.end:
        raise ValueError(f"begin and end are the same: {text!r}")
    return quiet


@dataclass(frozen=True, slots=True)
class LetThrough:
    """The next unknown caller rings through, once, until that moment. `id` tells one such wish from the next."""

    id: int
    until: float


@dataclass(frozen=True, slots=True)
class ScreeningRules:
    """The rules in force. The lists hold numbers as `screening.normalise_number` writes them."""

    allow: NumberList = field(default_factory=NumberList)
    block: NumberList = field(default_factory=NumberList)
    stop: NumberList = field(default_factory=NumberList)
    """Numbers that police or carriers warn of. Raises suspicion, proves nothing: numbers are spoofed and reassigned."""
    called: NumberList = field(default_factory=NumberList)
    """Numbers the household itself telephoned lately."""
    domestic: Action = "screen"
    international: Action = "refuse"
    reported_abroad: Action = "refuse"
    """From a country from which carriers report abuse, or with a country code that does not exist."""
    withheld: Action = "refuse"
    payphone: Action = "screen"
    out_of_area: Action = "screen"
    no_report: Action = "screen"
    quiet: QuietHours | None = None
    let_through: LetThrough | None = None
    number_service: bool = True
    """False: the line has no Number Display contract, so an absent number says nothing about the caller."""
