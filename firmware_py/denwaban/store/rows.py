"""What the store gives back: frozen rows. Times are seconds since the epoch (UTC) unless said otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from denwaban.events import Evidence, Level
from denwaban.rules import PatternKind


@dataclass(frozen=True, slots=True)
class StoredCall:
    """One call. `closed_at` and `outcome` are null while it runs, or when the power went during the call."""

    id: str
    opened_at: float
    closed_at: float | None
    number: str | None
    absence: str | None
    decision: str
    outcome: str | None
    level: Level
    category: str
    score: float


@dataclass(frozen=True, slots=True)
class StoredUtterance:
    """One judged utterance; `t0`, `t1`, `decided_at` are seconds since the recording began."""

    n: int
    t0: float
    t1: float
    side: str
    text: str
    score: float | None
    call_score: float
    level: Level
    stage: int
    category: str
    evidence: tuple[Evidence, ...]
    decided_at: float


@dataclass(frozen=True, slots=True)
class CallDetail:
    """A call with everything that was said in it."""

    call: StoredCall
    utterances: tuple[StoredUtterance, ...]


@dataclass(frozen=True, slots=True)
class CallMemory:
    """What the household's next call should know of an earlier one."""

    closed_at: float
    category: str
    score: float
    level: Level


Opinion = Literal["false_alarm", "scam"]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What people said of a call, and what the box had made of it. Outlives the call's words."""

    call_id: str
    at: float
    opinion: Opinion
    level: Level
    category: str


ListName = Literal["allow", "block", "called"]


@dataclass(frozen=True, slots=True)
class NumberEntry:
    """An entry of a household's list: `pattern` as `screening.pattern_of` makes it, the end of its time or None."""

    list: ListName
    pattern: str
    kind: PatternKind
    label: str
    added_at: float
    source: str
    expires_at: float | None


@dataclass(frozen=True, slots=True)
class StopList:
    """An imported list of numbers that police or carriers warn of, and who answered for the import."""

    source: str
    issued_at: float
    expires_at: float
    signed_off_by: str
    imported_at: float
    numbers: int


@dataclass(frozen=True, slots=True)
class StoredRules:
    """Everything that decides who gets through, as it stands in the database."""

    entries: tuple[NumberEntry, ...]
    stop: tuple[tuple[str, PatternKind, float], ...]
    """(pattern, kind, end of its time), by the end of its time."""
    let_through: tuple[int, float] | None
    """(id, until) of the newest wish that is not fulfilled."""
    policy: tuple[tuple[str, str], ...] = ()
    """(class of callers or `quiet_hours`, value), where they differ from the configuration."""


class NewMessage(Protocol):
    """A message for the outbox. `receipt`: the nonce its contact must name; `turn` above 0: it waits for that turn;
    `choices`: (nonce, reply) that the contact may answer; `push`: the same for the contact's push service."""

    @property
    def topic(self) -> str: ...

    @property
    def payload(self) -> bytes: ...

    @property
    def contact(self) -> str | None: ...

    @property
    def receipt(self) -> str | None: ...

    @property
    def turn(self) -> int: ...

    @property
    def choices(self) -> tuple[tuple[str, str], ...]: ...

    @property
    def push(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message to publish, in the order of `seq`."""

    seq: int
    alert_id: str
    sequence: int
    topic: str
    payload: bytes
    wants_receipt: bool


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one message of an alert. `ended`: why nothing more is done; null while something is due."""

    alert_id: str
    event: str
    level: Level
    sequence: int
    contact: str | None
    channel: Literal["mqtt", "note"]
    turn: int
    created_at: float
    sent_at: float | None
    offers: int
    received_at: float | None
    ended: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a contact answered to an alert."""

    alert_id: str
    contact: str
    reply: str
    at: float


@dataclass(frozen=True, slots=True)
class Refusal:
    """How often messages of contacts were refused for one reason."""

    reason: str
    n: int
    last_at: float


@dataclass(frozen=True, slots=True)
class PairedContact:
    """A contact whose client has made itself known. `turn`: 1 is told at once, 2 when nobody of 1 has answered …"""

    name: str
    role: str
    public_jwk: str
    detail: str
    language: str
    hours: str
    turn: int
    paired_at: float
    push: bool = False
    """It has told where to wake it."""


@dataclass(frozen=True, slots=True)
class StoredSubscription:
    """Where a contact's browser is woken. `told_at`: by the contact's clock, in ms."""

    contact: str
    endpoint: str
    p256dh: str
    auth: str
    told_at: int


class NewSubscription(Protocol):
    """A subscription as a contact tells it."""

    @property
    def contact(self) -> str: ...

    @property
    def endpoint(self) -> str: ...

    @property
    def p256dh(self) -> str: ...

    @property
    def auth(self) -> str: ...

    @property
    def told_at(self) -> int: ...


@dataclass(frozen=True, slots=True)
class PushRow:
    """One message to push; `seq` is its place in the outbox."""

    seq: int
    contact: str
    alert_id: str
    message: bytes
    subscription: StoredSubscription
