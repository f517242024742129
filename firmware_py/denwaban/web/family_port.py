"""What the page asks of the box about the family: who is told, what became of an alert, pairing, a drill.

`household_family.py` answers; the tests bring a fake. Times: seconds since the epoch. Methods may raise Unavailable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

ErrandKind = Literal["pair", "test", "drill"]
ErrandState = Literal["starting", "waiting", "answered", "done", "taken", "nobody", "failed", "stopped"]
"""`waiting`: for the contact. `answered`: so somebody has, but it goes on. `taken`: a service has it, and cannot tell
whether it arrived. `nobody`: none came, or none answered."""


@dataclass(frozen=True, slots=True)
class ContactLine:
    """Who is told. `detail`: none, notes (by e-mail and the like), minimal, words or transcript; `paired`: it can be
    forgotten here."""

    name: str
    role: str
    detail: str
    hours: str
    turn: int
    paired: bool


@dataclass(frozen=True, slots=True)
class Terms:
    """What a further contact is told. `turn` 1: at once; 2: when nobody of 1 answers."""

    name: str
    role: str
    detail: str
    turn: int
    hours: str


@dataclass(frozen=True, slots=True)
class Told:
    """One contact and one alert. `state`: received, sent, waiting, turn (its turn has not come) or given_up."""

    who: str
    state: str
    at: float | None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a contact answered: calling, call_later, false_alarm, hang_up …"""

    who: str
    reply: str
    at: float


@dataclass(frozen=True, slots=True)
class AlertNews:
    """What became of the alert of one call."""

    told: tuple[Told, ...]
    replies: tuple[Reply, ...]


@dataclass(frozen=True, slots=True)
class ErrandNews:
    """How something stands that takes its time. `name`, `role`: of the contact, empty for a drill. `link`: what the
    telephone's camera is to read, while it waits, up to `until`. `steps`: (what happened, who, reply), of a drill."""

    kind: ErrandKind
    name: str
    role: str
    state: ErrandState
    link: str = ""
    until: float | None = None
    steps: tuple[tuple[str, str, str], ...] = ()

    @property
    def over(self) -> bool:
        return self.state not in ("starting", "waiting", "answered")


@dataclass(frozen=True, slots=True)
class DrillRecord:
    """The last drill: when, and whether somebody confirmed and answered."""

    at: float
    ok: bool


class Family(Protocol):
    """The family, as the page knows it."""

    def contacts(self) -> tuple[ContactLine, ...]: ...

    def alert(self, call_id: str) -> AlertNews:
        """Empty where the call raised none."""

    def revoke(self, name: str) -> bool:
        """Forget a paired contact; False when somebody else has done so already."""

    def last_drill(self) -> DrillRecord | None: ...

    def pair(self, terms: Terms) -> None:
        """Begin; Refused where it makes no sense. So with the next two."""

    def test(self, name: str) -> None: ...

    def drill(self) -> None: ...

    def errand(self, kind: ErrandKind) -> ErrandNews | None:
        """The one that runs, or ran last."""

    def stop(self, kind: ErrandKind) -> None: ...

    def close(self) -> None:
        """End what still runs."""
