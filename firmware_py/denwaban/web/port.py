"""What the page asks of the box. `household.py` answers from the store; the tests bring a fake.

Every method raises Unavailable when the box's database cannot be used now. Times: seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal, Protocol

from denwaban.errors import DenwabanError
from denwaban.events import Evidence, Level
from denwaban.rules import CallerClass


@dataclass(frozen=True, slots=True)
class Said:
    """The same in both languages."""

    ja: str
    en: str


class Why(StrEnum):
    """Why the database cannot be used."""

    MISSING = "missing"
    LOCKED = "locked"
    OLDER = "older"
    NEWER = "newer"
    BROKEN = "broken"


class Unavailable(DenwabanError):
    """The box's database cannot be used now."""

    def __init__(self, why: Why) -> None:
        self.why = why
        super().__init__(f"the database cannot be used: {why}")


class Refused(DenwabanError):
    """A change that makes no sense; `word` is a key of `words.toml`."""

    def __init__(self, word: str) -> None:
        self.word = word
        super().__init__(word)


Opinion = Literal["false_alarm", "scam"]
ListName = Literal["allow", "block", "called"]


@dataclass(frozen=True, slots=True)
class CallLine:
    """One call as a list shows it. `place`, `kind` and `advice` may be empty."""

    id: str
    at: float
    seconds: float | None
    """None while it runs, or when the power went."""
    running: bool
    who: Said
    place: Said
    level: Level
    listened: bool
    kind: Said
    outcome: Said
    reason: Said
    opinion: Opinion | None
    kept: bool
    number: str | None
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Utterance:
    """What was said; `t0` and `t1` in seconds of the recording."""

    n: int
    t0: float
    t1: float
    side: str
    text: str
    call_score: float
    level: Level
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call with everything said in it, and its recording if there is one."""

    line: CallLine
    utterances: tuple[Utterance, ...]
    recording: Path | None


@dataclass(frozen=True, slots=True)
class ListedNumber:
    """A line of a list. `pattern` as it is typed; one of the configuration cannot be taken off here."""

    list: ListName
    pattern: str
    written: str
    place: Said
    label: str
    until: float | None
    removable: bool


@dataclass(frozen=True, slots=True)
class StopListHead:
    """An imported list of warned-of numbers."""

    source: str
    until: float
    numbers: int


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """A class of callers on no list, and `allow`, `screen` or `refuse`."""

    name: CallerClass
    who: Said
    action: str


@dataclass(frozen=True, slots=True)
class Lists:
    """Who gets through. `quiet_hours`: a span such as 22:00-06:30, or empty."""

    numbers: tuple[ListedNumber, ...]
    stop: tuple[StopListHead, ...]
    let_through_until: float | None
    quiet_hours: str
    number_service: bool
    policy: tuple[PolicyLine, ...]


BoxState = Literal["listening", "deaf", "unheard", "starting", "stopped"]


@dataclass(frozen=True, slots=True)
class Status:
    """How the box is. `proven_at`: its last sign of life."""

    box: BoxState
    proven_at: float | None
    last_call: CallLine | None
    free_mb: int
    recordings_mb: int
    broker: str
    pending_alerts: int
    model: str
    model_there: bool
    clock_ok: bool
    contacts: int
    trouble: Why | None = None


class Household(Protocol):
    """The box, as the page knows it."""

    def status(self) -> Status:
        """Never raises Unavailable: the page that says what is wrong must be there when something is."""

    def calls(self, skip: int, limit: int) -> tuple[tuple[CallLine, ...], int]:
        """So many calls, newest first, and how many there are in all."""

    def call(self, call_id: str) -> Call | None: ...

    def mark(self, call_id: str, opinion: Opinion | None) -> None:
        """Refused where the call is gone."""

    def keep(self, call_id: str, wanted: bool) -> None:
        """The same."""

    def delete(self, call_id: str) -> None:
        """Refused while the call runs; a call that is gone is no error."""

    def lists(self) -> Lists: ...

    def add(self, name: ListName, number: str, label: str) -> str:
        """The number as it stands on the list now; empty where that is no telephone number."""

    def remove(self, name: ListName, pattern: str) -> bool:
        """False when somebody else has taken it off already."""

    def let_through(self, minutes: int) -> None:
        """0 takes it back."""

    def set_policy(self, values: Mapping[str, str]) -> None:
        """Decide about classes of callers, or with `quiet_hours` about a time of day (empty: none)."""

    def settings(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        """(section, ((key, value), …)), secrets masked."""

    def button_pressed(self) -> bool:
        """Whether somebody at the box has pressed its button within two minutes: then a PIN may be chosen without the
        one-time code. Without a button always False."""
