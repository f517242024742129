"""What the alert stage asks of an outbox, and the memory that steps in when the disk fails."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from denwaban.errors import StoreError
from denwaban.events import Level

_log = logging.getLogger(__name__)

NOTE_PREFIX: Final = "notify:"
"""Topics that begin so are no topics: the message is a note (`notify.py`), and the rest is the contact's name."""
HEALTH: Final = "health"
"""Stands for the alert in messages of the box's own health."""
_MAX_SPILLED: Final = 200
"""Messages held in memory while the disk fails; at 52 kB each, at most 10 MB."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Message:
    """A message for the outbox. It is done when the contact's `receipt` comes; without one, when the broker has it."""

    topic: str
    payload: bytes
    contact: str | None = None
    receipt: str | None = None
    """The nonce that the contact's receipt must name."""
    turn: int = 0
    """Above 0: it waits until the contacts of this turn are told."""
    choices: tuple[tuple[str, str], ...] = ()
    """(nonce, reply) that the contact may answer."""
    push: bytes | None = None
    """The same for the contact's push service."""


class PendingMessage(Protocol):
    """One message to publish."""

    @property
    def seq(self) -> int:
        """Its place in the outbox."""

    @property
    def alert_id(self) -> str:
        """`HEALTH` for the box's own."""

    @property
    def sequence(self) -> int:
        """The counter of what was decided: the newer, the higher."""

    @property
    def topic(self) -> str: ...

    @property
    def payload(self) -> bytes: ...

    @property
    def wants_receipt(self) -> bool: ...


class Outbox(Protocol):
    """Keeps messages until they are delivered. Thread-safe; methods raise StoreError when the disk fails."""

    def put(
        self,
        *,
        alert_id: str,
        event: str,
        level: Level,
        sequence: int,
        messages: Sequence[Message],
        created_at: float,
        expires_at: float | None,
    ) -> None:
        """Keep messages, all or none; durable on return."""

    def pending(self, now: float, after: int = 0, limit: int = 20) -> Sequence[PendingMessage]:
        """What no broker has taken yet and whose turn it is, with `seq` above `after`, oldest first. No notes."""

    def notes(self, now: float) -> Sequence[PendingMessage]:
        """Notes that no service has taken yet and whose turn it is, oldest first."""

    def pending_count(self, now: float) -> int: ...

    def mark_sent(self, seq: int, at: float) -> None: ...

    def message(self, seq: int) -> PendingMessage | None:
        """A message that is still due."""

    def unreceived(self) -> Sequence[tuple[int, int]]:
        """(seq, how often the broker took it) of messages that wait for their receipt."""

    def receive(self, contact: str, alert_id: str, sequence: int, nonce: str, at: float) -> int | None:
        """The `seq` of the message, at its first receipt only."""

    def knows_receipt(self, contact: str, alert_id: str, sequence: int, nonce: str) -> bool: ...

    def give_up(self, seq: int) -> None: ...

    def waiting(self) -> Sequence[tuple[str, int]]:
        """(alert, turn) of messages whose turn has not come."""

    def release(self, alert_id: str, turn: int) -> None:
        """The contacts of this turn are to be told now."""

    def withdraw(self, alert_id: str) -> None:
        """Contacts whose turn has not come need not be told any more."""

    def choice(self, nonce: str) -> tuple[str, str, str, bool] | None:
        """(alert, contact, reply, used) of a nonce that was given out."""

    def use_choice(self, nonce: str, at: float) -> bool:
        """False when it was used before."""

    def refused(self, reasons: Mapping[str, int], at: float) -> None:
        """Count messages of contacts that were not obeyed."""

    def last_sequence(self) -> int:
        """The highest `sequence` kept."""

    def began(self, alert_id: str) -> float | None:
        """When the first message of this alert was decided; None: none is kept."""

    def last_alert(self) -> float | None:
        """When the newest alert that is kept was decided."""


@dataclass(frozen=True, slots=True)
class _Spilled:
    seq: int
    alert_id: str
    sequence: int
    topic: str
    payload: bytes
    wants_receipt: bool = False


class SpillingOutbox:
    """An outbox that takes messages into memory when the disk will not: better an alert that a power cut can lose
    than none. Spilled messages have a negative `seq` and go out first, at once and to everybody, whatever their turn;
    their receipts are not awaited. No method raises StoreError."""

    def __init__(self, disk: Outbox) -> None:
        self._disk = disk
        self._lock = threading.Lock()
        self._spilled: OrderedDict[int, _Spilled] = OrderedDict()
        self._numbers = itertools.count(-1, -1)
        self.last_error: str | None = None

    def put(
        self,
        *,
        alert_id: str,
        event: str,
        level: Level,
        sequence: int,
        messages: Sequence[Message],
        created_at: float,
        expires_at: float | None,
    ) -> None:
        try:
            self._disk.put(
                alert_id=alert_id,
                event=event,
                level=level,
                sequence=sequence,
                messages=messages,
                created_at=created_at,
                expires_at=expires_at,
            )
        except StoreError as error:
            self._failed("an alert is kept in memory only", error)
            with self._lock:
                for message in messages:
                    row = _Spilled(next(self._numbers), alert_id, sequence, message.topic, message.payload)
                    self._spilled[row.seq] = row
                while len(self._spilled) > _MAX_SPILLED:
                    self._spilled.popitem(last=False)

    def spilled(self) -> tuple[PendingMessage, ...]:
        """The messages in memory, oldest first."""
        with self._lock:
            return tuple(self._spilled.values())

    def pending(self, now: float, after: int = 0, limit: int = 20) -> Sequence[PendingMessage]:
        return self._try(lambda: self._disk.pending(now, after, limit), ())

    def notes(self, now: float) -> Sequence[PendingMessage]:
        spilled = (message for message in self.spilled() if message.topic.startswith(NOTE_PREFIX))
        no_notes: Sequence[PendingMessage] = ()
        return (*spilled, *self._try(lambda: self._disk.notes(now), no_notes))

    def pending_count(self, now: float) -> int:
        return self._try(lambda: self._disk.pending_count(now), 0) + len(self.spilled())

    def mark_sent(self, seq: int, at: float) -> None:
        if seq < 0:
            with self._lock:
                self._spilled.pop(seq, None)
            return
        # Where that fails it goes out again; the receivers drop what they have had.
        self._try(lambda: self._disk.mark_sent(seq, at), None)

    def message(self, seq: int) -> PendingMessage | None:
        return self._try(lambda: self._disk.message(seq), None)

    def unreceived(self) -> Sequence[tuple[int, int]]:
        return self._try(self._disk.unreceived, ())

    def receive(self, contact: str, alert_id: str, sequence: int, nonce: str, at: float) -> int | None:
        return self._try(lambda: self._disk.receive(contact, alert_id, sequence, nonce, at), None)

    def knows_receipt(self, contact: str, alert_id: str, sequence: int, nonce: str) -> bool:
        return self._try(lambda: self._disk.knows_receipt(contact, alert_id, sequence, nonce), False)

    def give_up(self, seq: int) -> None:
        if seq < 0:
            with self._lock:
                self._spilled.pop(seq, None)
            return
        self._try(lambda: self._disk.give_up(seq), None)

    def waiting(self) -> Sequence[tuple[str, int]]:
        return self._try(self._disk.waiting, ())

    def release(self, alert_id: str, turn: int) -> None:
        self._try(lambda: self._disk.release(alert_id, turn), None)

    def withdraw(self, alert_id: str) -> None:
        self._try(lambda: self._disk.withdraw(alert_id), None)

    def began(self, alert_id: str) -> float | None:
        return self._try(lambda: self._disk.began(alert_id), None)

    def choice(self, nonce: str) -> tuple[str, str, str, bool] | None:
        return self._try(lambda: self._disk.choice(nonce), None)

    def use_choice(self, nonce: str, at: float) -> bool:
        """On a failing disk False: better not obeyed than obeyed again and again."""
        return self._try(lambda: self._disk.use_choice(nonce, at), False)

    def refused(self, reasons: Mapping[str, int], at: float) -> None:
        self._try(lambda: self._disk.refused(reasons, at), None)

    def _try(self, ask: Callable[[], T], otherwise: T) -> T:
        try:
            return ask()
        except StoreError as error:
            self._failed("the outbox does not work now", error)
            return otherwise

    def _failed(self, what: str, error: StoreError) -> None:
        self.last_error = str(error)
        _log.error("%s: %s", what, error)
