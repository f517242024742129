"""Where the box is in a call and what the session knows, with the steps that every part of it takes. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Final

from denwaban.call import Call
from denwaban.effects import Effect, HangUp, SetLamp
from denwaban.events import Button, CallerId
from denwaban.rules import ScreeningRules

RELEASE_LIMIT_S: Final = 180.0
"""Longest wait for the line's release and the last verdicts before the call record is closed without them."""


class Phase(Enum):
    """Where the box is in a call."""

    IDLE = "idle"
    RINGING = "ringing"
    LEFT_ALONE = "left alone"
    ANSWERING = "answering"
    JOINING = "joining a call that the household has"
    REFUSING = "refusing"
    ANNOUNCING = "announcing"
    AWAITING_HANDSET = "awaiting handset"
    INVITING = "asking for a message"
    TALKING = "talking"
    RELEASING = "releasing"


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What the household may set about the course of a call. Seconds."""

    rules: ScreeningRules = field(default_factory=ScreeningRules)
    tells_family: bool = True
    """Somebody is registered to be told; otherwise the spoken warnings must not claim it."""
    handset_wait_s: float = 40.0
    max_call_s: float = 7200.0
    message_s: float = 0.0
    """Longest message of a caller whom nobody answers; 0 takes none."""
    fax: bool = False
    """There is a fax machine on the line: who sends a fax tone is let through when he tries again."""
    joins_calls: bool = True
    """Listens, too, where the household was quicker than the box with an unknown caller, and the modem senses it."""
    joins_outgoing: bool = False
    """Listens where the household dials out, and the modem senses it."""
    can_cut: bool = False
    """The line can end a call although the household's telephone is off-hook."""
    can_answer: bool = True
    """The line can be answered and spoken into; where not, the box joins what the household answers, unannounced."""
    ring_through_s: float = 1800.0
    """So long after the household has telephoned it may be called back, where the modem senses that it did."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A sender of faxes who is let through when he tries again before `until`."""

    caller: CallerId | None
    until: float


@dataclass(frozen=True, slots=True)
class Buttons:
    """What the household pressed lately. Moments are those of the session."""

    armed: Button | None = None
    """Pressed once and shortly: a second press means it."""
    armed_at: float = -math.inf
    said: str = ""
    said_at: float = -math.inf
    helps: int = 0
    """Calls for help since the start."""
    helped_at: float = -math.inf
    offered: str = ""
    """The call whose caller a second press puts on the allow list."""
    offered_at: float = -math.inf
    allowed: str = ""
    """The call whose caller was put there."""
    last: Call | None = None
    """The last call that was screened, without its words."""
    last_at: float = -math.inf


@dataclass(frozen=True, slots=True)
class SessionState:
    """Everything the session knows. `boot` makes call ids unique over restarts.

    `wall_offset` is what to add to `now` for seconds since the epoch; `let_through` the last wish that was fulfilled.
    """

    boot: str
    settings: SessionSettings = field(default_factory=SessionSettings)
    phase: Phase = Phase.IDLE
    calls: int = 0
    call: Call | None = None
    deadline: float | None = None
    wall_offset: float = 0.0
    let_through: int | None = None
    called_out_until: float = -math.inf
    """Until then the household may be called back: it has telephoned somebody."""
    retry: Retry | None = None
    late: Call | None = None
    """The call before, if its last words were still being judged when the next one rang."""
    line_ready: bool = True
    """A modem listens for rings and can answer."""
    buttons: Buttons = field(default_factory=Buttons)


Step = tuple[SessionState, tuple[Effect, ...]]
Handler = Callable[[SessionState, Any, float], Step]


def call_of(state: SessionState) -> Call:
    """The call in hand."""
    assert state.call is not None, "every phase but IDLE has a call"
    return state.call


def to(state: SessionState, phase: Phase, call: Call, deadline: float | None, *effects: Effect) -> Step:
    """Go on to this phase."""
    return replace(state, phase=phase, call=call, deadline=deadline), effects


def release(state: SessionState, call: Call, now: float) -> Step:
    """Hang up, then wait for the line and the last verdicts."""
    return to(state, Phase.RELEASING, call, now + RELEASE_LIMIT_S, HangUp())


def resting_lamp(state: SessionState) -> SetLamp:
    """What the lamp shows when no call is suspicious."""
    return SetLamp("off" if state.line_ready else "fault")
