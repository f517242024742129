"""What a contact's client remembers over restarts: what it has had, and what may still be answered."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from denwaban.errors import StoreError
from denwaban.events import Level

_KEPT: Final = 5000
"""Messages remembered; the unit's outbox holds 2000."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS alerts (
    n        INTEGER PRIMARY KEY AUTOINCREMENT,
    id       TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    alert    TEXT NOT NULL,                  -- JSON
    UNIQUE (id, sequence)
) STRICT;
"""


@dataclass(frozen=True, slots=True)
class ReceivedAlert:
    """An alert as the contact sees it. `at`: seconds since the epoch. All after `detailed` is empty without a key."""

    unit: str
    id: str
    event: str
    level: Level
    at: float
    sequence: int
    drill: bool
    detailed: bool
    category: str
    kind: str
    number: str | None
    absence: str | None
    evidence: tuple[str, ...]
    transcript: tuple[tuple[str, str], ...]
    advice: str
    receipt: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    """(reply, nonce) that may be answered."""


class ContactMemory:
    """Received alerts in a file of the contact's own, or (without `path`) in memory. Thread-safe. Raises StoreError."""

    def __init__(self, path: Path | None = None) -> None:
        self._where = str(path) if path else "memory"
        self._lock = threading.Lock()
        try:
            if path is not None:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(0o600)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
            self._db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; {_SCHEMA}")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{self._where}: cannot be opened ({error})") from error

    def has(self, alert_id: str, sequence: int) -> bool:
        """Whether this message was remembered."""
        with self._using() as db:
            found = db.execute("SELECT 1 FROM alerts WHERE id = ? AND sequence = ?", (alert_id, sequence))
            return found.fetchone() is not None

    def newest(self, alert_id: str) -> int:
        """The highest sequence remembered of this alert; 0 for none."""
        with self._using() as db:
            found = db.execute("SELECT coalesce(max(sequence), 0) FROM alerts WHERE id = ?", (alert_id,))
            return int(found.fetchone()[0])

    def remember(self, alert: ReceivedAlert) -> None:
        """Durable on return."""
        with self._using() as db:
            text = json.dumps(asdict(alert), ensure_ascii=False)
            row = (alert.id, alert.sequence, text)
            db.execute("INSERT OR IGNORE INTO alerts (id, sequence, alert) VALUES (?, ?, ?)", row)
            db.execute("DELETE FROM alerts WHERE n <= (SELECT max(n) FROM alerts) - ?", (_KEPT,))

    def latest(self, alert_id: str | None = None) -> ReceivedAlert | None:
        """The last message of this alert, or of any."""
        sql = "SELECT alert FROM alerts WHERE ?1 IS NULL OR id = ?1 ORDER BY n DESC LIMIT 1"
        with self._using() as db:
            row = db.execute(sql, (alert_id,)).fetchone()
        return None if row is None else _alert(json.loads(row[0]))

    def close(self) -> None:
        with self._using() as db:
            db.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._db
            except sqlite3.Error as error:
                raise StoreError(f"{self._where}: does not work ({error}); check free space with df") from error


def _alert(fields: dict[str, Any]) -> ReceivedAlert:
    for name in ("transcript", "choices"):
        fields[name] = tuple(tuple(pair) for pair in fields[name])
    return ReceivedAlert(**{**fields, "level": Level(fields["level"]), "evidence": tuple(fields["evidence"])})
