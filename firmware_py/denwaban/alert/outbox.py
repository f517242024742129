"""What the alert stage asks of an outbox, and the memory that steps in when the disk fails."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from denwaban.errors import StoreError
from denwaban.events import Level

_log = logging.getLogger(__name__)

_MAX_SPILLED: Final = 200
"""Messages held in memory while the disk fails; at 52 kB each, at most 10 MB."""


class PendingMessage(Protocol):
    """One message to publish."""

    @property
    def seq(self) -> int:
        """Its place in the outbox."""

    @property
    def topic(self) -> str: ...

    @property
    def payload(self) -> bytes: ...


class Outbox(Protocol):
    """Keeps messages until the broker has them. Thread-safe; methods raise StoreError when the disk fails."""

    def put(
        self,
        *,
        alert_id: str,
        event: str,
        level: Level,
        sequence: int,
        messages: Sequence[tuple[str, bytes]],
        created_at: float,
        expires_at: float | None,
    ) -> None:
        """Keep (topic, payload) messages, all or none; durable on return."""

    def pending(self, now: float, after: int = 0, limit: int = 20) -> Sequence[PendingMessage]:
        """Unsent, unexpired messages with `seq` above `after`, oldest first."""

    def pending_count(self, now: float) -> int: ...

    def mark_sent(self, seq: int, at: float) -> None: ...

    def last_sequence(self) -> int:
        """The highest `sequence` kept."""


@dataclass(frozen=True, slots=True)
class _Spilled:
    seq: int
    topic: str
    payload: bytes


class SpillingOutbox:
    """An outbox that takes messages into memory when the disk will not: better an alert that a power cut can lose
    than none. Spilled messages have a negative `seq` and go out first. No method raises StoreError."""

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
        messages: Sequence[tuple[str, bytes]],
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
                for topic, payload in messages:
                    row = _Spilled(next(self._numbers), topic, payload)
                    self._spilled[row.seq] = row
                while len(self._spilled) > _MAX_SPILLED:
                    self._spilled.popitem(last=False)

    def spilled(self) -> tuple[PendingMessage, ...]:
        """The messages in memory, oldest first."""
        with self._lock:
            return tuple(self._spilled.values())

    def pending(self, now: float, after: int = 0, limit: int = 20) -> Sequence[PendingMessage]:
        try:
            return self._disk.pending(now, after, limit)
        except StoreError as error:
            self._failed("the outbox cannot be read now", error)
            return ()

    def pending_count(self, now: float) -> int:
        try:
            kept = self._disk.pending_count(now)
        except StoreError as error:
            self._failed("the outbox cannot be read now", error)
            kept = 0
        return kept + len(self.spilled())

    def mark_sent(self, seq: int, at: float) -> None:
        if seq < 0:
            with self._lock:
                self._spilled.pop(seq, None)
            return
        try:
            self._disk.mark_sent(seq, at)
        except StoreError as error:
            # It stays unsent and goes out again; the receivers drop what they have had.
            self._failed("a sent alert could not be marked", error)

    def _failed(self, what: str, error: StoreError) -> None:
        self.last_error = str(error)
        _log.error("%s: %s", what, error)
