"""Web Push in the database: who can be woken, and what is still to be handed to push services.

What is pushed hangs on the message of the outbox that it goes with: when that is confirmed, withdrawn or waits for its
turn, so does the push.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from denwaban.errors import StoreError
from denwaban.store.files import connect, prepare
from denwaban.store.rows import NewSubscription, PushRow, StoredSubscription

_DUE: Final = (
    "SELECT max(o.seq), o.contact, o.alert_id, o.push, s.endpoint, s.p256dh, s.auth, s.told_at "
    "FROM outbox o JOIN push_subscriptions s ON s.contact = o.contact "
    "WHERE o.push IS NOT NULL AND o.ended IS NULL AND o.turn = 0 AND o.created_at > ? "
    "GROUP BY o.contact, o.alert_id ORDER BY 1"
)
"""Of each alert the newest: SQLite takes the other columns from the row of the maximum (lang_select.html there)."""
_SUBSCRIBE: Final = (
    "INSERT INTO push_subscriptions (contact, endpoint, p256dh, auth, told_at) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (contact) DO UPDATE SET endpoint = excluded.endpoint, p256dh = excluded.p256dh, "
    "auth = excluded.auth, told_at = excluded.told_at WHERE excluded.told_at > told_at"
)
_DONE: Final = (
    "UPDATE outbox SET push = NULL WHERE seq <= ?1 AND push IS NOT NULL "
    "AND (contact, alert_id) = (SELECT contact, alert_id FROM outbox WHERE seq = ?1)"
)


class PushBook:
    """Subscriptions, and pushes that are due. Thread-safe. Every method raises StoreError when the disk fails."""

    def __init__(self, path: Path) -> None:
        prepare(path)
        self._path = path
        self._lock = threading.Lock()
        self._connection = connect(path, "FULL")

    def subscribe(self, one: NewSubscription) -> None:
        """Keep it, unless a later one is known."""
        with self._using() as db:
            db.execute(_SUBSCRIBE, (one.contact, one.endpoint, one.p256dh, one.auth, one.told_at))

    def unsubscribe(self, contact: str, endpoint: str) -> None:
        """The push service does not know this one any more."""
        with self._using() as db:
            db.execute("DELETE FROM push_subscriptions WHERE contact = ? AND endpoint = ?", (contact, endpoint))

    def due(self, since: float) -> tuple[PushRow, ...]:
        """What is to be pushed of alerts decided after `since`; of each alert and contact the newest, oldest first."""
        with self._using() as db:
            rows = db.execute(_DUE, (since,)).fetchall()
        return tuple(
            PushRow(seq, contact, alert_id, message, StoredSubscription(contact, *address))
            for seq, contact, alert_id, message, *address in rows
        )

    def done(self, seq: int) -> None:
        """Nothing more is pushed of this, and of what came before it of the same alert and contact."""
        with self._using() as db:
            db.execute(_DONE, (seq,))

    def close(self) -> None:
        with self._using() as db:
            db.close()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                yield self._connection
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: pushes cannot be kept ({error}); check free space with df") from error
