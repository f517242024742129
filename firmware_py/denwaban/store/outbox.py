"""The alert outbox: what is put here survives kill -9 and power loss.

Its own connection with `synchronous=FULL`: in WAL mode that is one fsync for each commit, before `put` returns
(sqlite.org/pragma.html#pragma_synchronous); NORMAL, good enough for calls, may lose the last commits in a power cut.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from denwaban.errors import StoreError
from denwaban.events import Level
from denwaban.store.files import connect, prepare
from denwaban.store.rows import NewMessage, OutboxRow

_LOCK_S: Final = 10.0
"""Longer than any commit on a worn SD card; beyond it the disk is stuck."""

_MAX_ROWS: Final = 2000
_FLOOD: Final = 5
"""Undelivered alerts may fill this many times `max_rows`; then the oldest go, too: a full disk would end everything."""

_INSERT: Final = (
    "INSERT INTO outbox (alert_id, event, level, sequence, topic, payload, created_at, expires_at, contact, receipt, "
    "turn, push) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CHOICE: Final = "INSERT INTO choices (nonce, alert_id, contact, reply, made_at) VALUES (?, ?, ?, ?, ?)"
_ROW: Final = "seq, alert_id, sequence, topic, payload, receipt IS NOT NULL"
_UNSENT: Final = "ended IS NULL AND sent_at IS NULL AND turn = 0 AND (expires_at IS NULL OR expires_at > ?)"
_NOTE: Final = "topic GLOB 'notify:*'"  # what the alert stage calls a note: it does not go to the broker
_PENDING: Final = f"SELECT {_ROW} FROM outbox WHERE {_UNSENT} AND NOT {_NOTE} AND seq > ? ORDER BY seq LIMIT ?"
_NOTES: Final = f"SELECT {_ROW} FROM outbox WHERE {_UNSENT} AND {_NOTE} ORDER BY seq LIMIT {_MAX_ROWS}"
_DROP: Final = (
    # Finished rows go first, then unfinished ones of lower level, each oldest first.
    "DELETE FROM outbox WHERE seq IN (SELECT seq FROM outbox WHERE ended IS NOT NULL OR level <> 'alert' "
    "ORDER BY ended IS NULL, seq LIMIT max(0, (SELECT count(*) FROM outbox) - ?))"
)
_DROP_FLOOD: Final = (
    "DELETE FROM outbox WHERE seq IN "
    "(SELECT seq FROM outbox ORDER BY seq LIMIT max(0, (SELECT count(*) FROM outbox) - ?))"
)
_DROP_CHOICES: Final = "DELETE FROM choices WHERE alert_id NOT IN (SELECT alert_id FROM outbox)"
_SENT: Final = (
    "UPDATE outbox SET sent_at = ?1, offers = offers + 1, ended = iif(receipt IS NULL, 'sent', ended), "
    "payload = iif(receipt IS NULL, x'', payload) WHERE seq = ?2"
)
_RECEIVED: Final = (
    "UPDATE outbox SET received_at = ?1, ended = 'received', payload = x'', push = NULL "
    "WHERE contact = ?2 AND alert_id = ?3 AND sequence = ?4 AND receipt = ?5 AND received_at IS NULL RETURNING seq"
)
_REFUSED: Final = (
    "INSERT INTO refusals (reason, n, last_at) VALUES (?, ?, ?) "
    "ON CONFLICT (reason) DO UPDATE SET n = n + excluded.n, last_at = excluded.last_at"
)
_END: Final = "UPDATE outbox SET ended = ?, payload = x'', push = NULL WHERE ended IS NULL AND "


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
        messages: Sequence[NewMessage],
        created_at: float,
        expires_at: float | None,
    ) -> None:
        """Keep the messages of one alert event, all or none; durable on return."""
        head = (alert_id, event, str(level), sequence)
        rows = [
            (*head, one.topic, one.payload, created_at, expires_at, one.contact, one.receipt, one.turn, one.push)
            for one in messages
        ]
        choices = [
            (nonce, alert_id, one.contact, reply, created_at) for one in messages for nonce, reply in one.choices
        ]
        with self._transaction() as db:
            db.executemany(_INSERT, rows)
            db.executemany(_CHOICE, choices)
            dropped = db.execute(_DROP, (self._max_rows,)).rowcount
            dropped += db.execute(_DROP_FLOOD, (_FLOOD * self._max_rows,)).rowcount
            if dropped:
                db.execute(_DROP_CHOICES)

    # --- sending ---------------------------------------------------------------------------------------------------

    def pending(self, now: float, after: int = 0, limit: int = 20) -> tuple[OutboxRow, ...]:
        """Rows that no broker has taken yet, with `seq` above `after`, whose turn it is; oldest first."""
        with self._locked() as db:
            return tuple(_row(row) for row in db.execute(_PENDING, (now, after, limit)))

    def notes(self, now: float) -> tuple[OutboxRow, ...]:
        """The same for what does not go to the broker but to another service."""
        with self._locked() as db:
            return tuple(_row(row) for row in db.execute(_NOTES, (now,)))

    def pending_count(self, now: float) -> int:
        """How many messages wait for the broker, or for another service."""
        with self._locked() as db:
            return int(db.execute(f"SELECT count(*) FROM outbox WHERE {_UNSENT}", (now,)).fetchone()[0])

    def mark_sent(self, seq: int, at: float) -> None:
        """The broker has the message. Where no receipt is due, that is all, and its content is deleted."""
        with self._transaction() as db:
            db.execute(_SENT, (at, seq))

    def message(self, seq: int) -> OutboxRow | None:
        """A message that is still due, to be offered again."""
        sql = f"SELECT {_ROW} FROM outbox WHERE seq = ? AND ended IS NULL"
        with self._locked() as db:
            row = db.execute(sql, (seq,)).fetchone()
        return None if row is None else _row(row)

    # --- receipts and answers --------------------------------------------------------------------------------------

    def unreceived(self) -> tuple[tuple[int, int], ...]:
        """(seq, how often the broker took it) of messages that wait for their receipt, oldest first."""
        sql = "SELECT seq, offers FROM outbox WHERE ended IS NULL AND sent_at IS NOT NULL ORDER BY seq"
        with self._locked() as db:
            return tuple(db.execute(sql))

    def receive(self, contact: str, alert_id: str, sequence: int, nonce: str, at: float) -> int | None:
        """The first receipt of a message came: its `seq`, and its content is deleted. None for any other receipt."""
        with self._transaction() as db:
            row = db.execute(_RECEIVED, (at, contact, alert_id, sequence, nonce)).fetchone()
        return None if row is None else int(row[0])

    def knows_receipt(self, contact: str, alert_id: str, sequence: int, nonce: str) -> bool:
        """Whether such a receipt was ever asked for."""
        sql = "SELECT 1 FROM outbox WHERE contact = ? AND alert_id = ? AND sequence = ? AND receipt = ?"
        with self._locked() as db:
            return db.execute(sql, (contact, alert_id, sequence, nonce)).fetchone() is not None

    def give_up(self, seq: int) -> None:
        """No receipt came for so long that none will."""
        with self._transaction() as db:
            db.execute(f"{_END} seq = ?", ("expired", seq))

    def waiting(self) -> tuple[tuple[str, int], ...]:
        """(alert, turn) of messages whose turn has not come."""
        sql = "SELECT DISTINCT alert_id, turn FROM outbox WHERE ended IS NULL AND turn > 0 ORDER BY alert_id, turn"
        with self._locked() as db:
            return tuple(db.execute(sql))

    def release(self, alert_id: str, turn: int) -> None:
        """The contacts of this turn are to be told now."""
        with self._transaction() as db:
            db.execute("UPDATE outbox SET turn = 0 WHERE alert_id = ? AND turn <= ?", (alert_id, turn))

    def withdraw(self, alert_id: str) -> None:
        """Somebody has taken it on: the others need not be told."""
        with self._transaction() as db:
            db.execute(f"{_END} alert_id = ? AND turn > 0", ("answered", alert_id))

    def choice(self, nonce: str) -> tuple[str, str, str, bool] | None:
        """(alert, contact, reply, used) of a nonce; None for one that was never given out."""
        sql = "SELECT alert_id, contact, reply, used_at IS NOT NULL FROM choices WHERE nonce = ?"
        with self._locked() as db:
            row = db.execute(sql, (nonce,)).fetchone()
        return None if row is None else (row[0], row[1], row[2], bool(row[3]))

    def use_choice(self, nonce: str, at: float) -> bool:
        """False when it was used before."""
        with self._transaction() as db:
            sql = "UPDATE choices SET used_at = ? WHERE nonce = ? AND used_at IS NULL"
            return bool(db.execute(sql, (at, nonce)).rowcount)

    def refused(self, reasons: Mapping[str, int], at: float) -> None:
        """Count messages of contacts that were not obeyed, by reason."""
        with self._transaction() as db:
            db.executemany(_REFUSED, [(reason, n, at) for reason, n in reasons.items()])

    def last_sequence(self) -> int:
        """The highest alert counter kept; 0 for a new outbox."""
        with self._locked() as db:
            return int(db.execute("SELECT coalesce(max(sequence), 0) FROM outbox").fetchone()[0])

    def began(self, alert_id: str) -> float | None:
        """When the first message of this alert was decided; None for an alert of which nothing is kept."""
        sql = "SELECT created_at FROM outbox WHERE alert_id = ? ORDER BY seq LIMIT 1"
        with self._locked() as db:
            row = db.execute(sql, (alert_id,)).fetchone()
        return None if row is None else float(row[0])

    def last_alert(self) -> float | None:
        """When the newest alert that is kept was decided; None for an outbox without one."""
        sql = "SELECT created_at FROM outbox WHERE event = 'new' AND level = 'alert' ORDER BY seq DESC LIMIT 1"
        with self._locked() as db:
            row = db.execute(sql).fetchone()
        return None if row is None else float(row[0])

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


def _row(row: tuple[Any, ...]) -> OutboxRow:
    seq, alert_id, sequence, topic, payload, wants_receipt = row
    return OutboxRow(seq, alert_id, sequence, topic, payload, bool(wants_receipt))
