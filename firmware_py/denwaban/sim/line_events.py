"""What happens on the virtual line, for showing it live. `at` is line time in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from denwaban.sim.callfile import CallFile, Turn

Who = Literal["box", "household"]


@dataclass(frozen=True, kw_only=True)
class LineEvent:
    """Base of all of them."""

    at: float


@dataclass(frozen=True)
class CallArrived(LineEvent):
    """The exchange has a call for this line; nothing has rung yet."""

    call: CallFile


@dataclass(frozen=True)
class AlertingPulse(LineEvent):
    """The n-th short pulse before a caller-id report (CAR). Answering now loses the call."""

    n: int


@dataclass(frozen=True)
class CallerIdSent(LineEvent):
    """The exchange sent its number report: digits, or P, O, C, S."""

    text: str


@dataclass(frozen=True)
class Ringing(LineEvent):
    """The n-th ordinary ring."""

    n: int


@dataclass(frozen=True)
class OffHook(LineEvent):
    """Somebody took the line."""

    who: Who


@dataclass(frozen=True)
class OnHook(LineEvent):
    """Somebody put the line down."""

    who: Who


@dataclass(frozen=True)
class BoxPlays(LineEvent):
    """The box has begun to play into the line."""


@dataclass(frozen=True)
class BoxPlayed(LineEvent):
    """The box stopped playing after `seconds` of sound."""

    seconds: float


@dataclass(frozen=True)
class ConversationStarted(LineEvent):
    """The first sample of the call file is on the line; turn times count from here."""


@dataclass(frozen=True)
class TurnSpoken(LineEvent):
    """A turn of the conversation has just ended."""

    turn: Turn


@dataclass(frozen=True)
class CallLost(LineEvent):
    """Somebody went off-hook before the caller-id report: the exchange dropped the call."""


@dataclass(frozen=True)
class CallerHungUp(LineEvent):
    """The far end is gone."""


@dataclass(frozen=True)
class LineFree(LineEvent):
    """Everybody is on-hook again; the next call may come."""
