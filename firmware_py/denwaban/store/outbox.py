"""The alert outbox: what is put here survives kill -9 and power loss.

Its own connection with `synchronous=FULL`: in WAL mode that is one fsync for each commit, before `put` returns
(sqlite.org/pragma.html#pragma_synchronous); NORMAL, good enough for calls, may lose the last commits in a power cut.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from denwaban.errors import StoreError
from denwaban.events import Level
from denwaban.store.files import connect, prepare
from denwaban.store.rows import OutboxRow

_LOCK_S: Final = 10.0
"""Longer than any commit on a worn SD card; beyond it the disk is stuck."""

_MAX_ROWS: Final = 2000

_INSERT: Final = (
    "INSERT INTO outbox (alert_id, event, level, sequence, topic, payload, created_at, expires_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_PENDING: Final = (
    "SELECT seq, alert_id, topic, payload FROM outbox "
    "WHERE sent_at IS NULL AND seq > ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY seq LIMIT ?"
)
_DROP: Final = (
    # Sent rows go first, then unsent ones of lower level, each oldest first; an unsent alert is never dropped.
    "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE sent_at IS NOT NULL OR level <> 'alert' "
    "ORDER BY sent_at IS NULL, seq LIMIT max(0, (SELECT count(*) FROM outbox) - ?))"
)


class SqliteOutbox:
    """Messages to be published, oldest first. Thread-safe. Every method raises StoreError when the disk fails."""

    def __init__(self, path: Path, max_rows: int = _MAX_ROWS) -> None:
        prepare(path)
        self._path = path
        self._max_rows = max_rows
        self._lock = threading.Lock()
        self._connection = connect(path, "FULL")

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
        """Keep the (topic, payload) messages of one alert event, all or none; durable on return."""
        head = (alert_id, event, str(level), sequence)
        with self._transaction() as db:
            db.executemany(_INSERT, [(*head, topic, payload, created_at, expires_at) for topic, payload in messages])
            db.execute(_DROP, (self._max_rows,))

    def pending(self, now: float, after: int = 0, limit: int = 20) -> tuple[OutboxRow, ...]:
        """Unsent rows with `seq` above `after` that have not expired, oldest first."""
        with self._locked() as db:
            return tuple(OutboxRow(*row) for row in db.execute(_PENDING, (after, now, limit)))

    def pending_count(self, now: float) -> int:
        """How many messages wait for the broker."""
        sql = "SELECT count(*) FROM outbox WHERE sent_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"
        with self._locked() as db:
            return int(db.execute(sql, (now,)).fetchone()[0])

    def mark_sent(self, seq: int, at: float) -> None:
        """The broker has the message; its content is deleted."""
        with self._transaction() as db:
            db.execute("UPDATE outbox SET sent_at = ?, payload = x'' WHERE seq = ?", (at, seq))

    def last_sequence(self) -> int:
        """The highest alert counter kept; 0 for a new outbox."""
        with self._locked() as db:
            return int(db.execute("SELECT coalesce(max(sequence), 0) FROM outbox").fetchone()[0])

    def close(self) -> None:
        with self._locked() as db:
            db.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._locked() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")

    @contextmanager
    def _locked(self) -> Iterator[sqlite3.Connection]:
        if not self._lock.acquire(timeout=_LOCK_S):
            raise StoreError(f"{self._path}: the disk did not answer for {_LOCK_S:g} s")
        try:
            yield self._connection
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: the alert outbox failed ({error}); check free space with df") from error
        finally:
            self._lock.release()
