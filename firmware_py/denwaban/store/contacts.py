"""Paired contacts. Written by `denwaban contacts`, read by the running box before each alert."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from denwaban.errors import StoreError
from denwaban.events import Level
from denwaban.store.files import connect, prepare
from denwaban.store.rows import Answer, Delivery, PairedContact, Refusal, StoredSubscription

_ALL: Final = (
    "SELECT name, role, public_jwk, detail, language, hours, turn, paired_at, "
    "EXISTS (SELECT 1 FROM push_subscriptions WHERE contact = name) FROM contacts ORDER BY turn, paired_at"
)
_PUT: Final = (
    "INSERT OR REPLACE INTO contacts (name, role, public_jwk, detail, language, hours, turn, paired_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_SUBSCRIPTIONS: Final = "SELECT contact, endpoint, p256dh, auth, told_at FROM push_subscriptions ORDER BY contact"
_UNSUBSCRIBE: Final = "DELETE FROM push_subscriptions WHERE contact = ?"
_DELIVERIES: Final = (
    "SELECT alert_id, event, level, sequence, contact, iif(topic GLOB 'notify:*', 'note', 'mqtt'), turn, created_at, "
    "sent_at, offers, received_at, ended "
    "FROM outbox WHERE alert_id <> 'health' AND (?1 IS NULL OR alert_id = ?1) ORDER BY seq"
)


class ContactBook:
    """The contacts of one box, and what became of its alerts. Opens the file for each call. Raises StoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def contacts(self) -> tuple[PairedContact, ...]:
        """All, in the order in which they are told. None before the box has ever run."""
        if not self._path.exists():
            return ()
        with self._open() as db:
            rows = [[*row[:-1], bool(row[-1])] for row in db.execute(_ALL)]
        return tuple(PairedContact(*row) for row in rows)

    def put(self, contact: PairedContact) -> None:
        """Add a contact, or replace the one of that name, which may be on another telephone now."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            row = (contact.name, contact.role, contact.public_jwk, contact.detail, contact.language)
            db.execute(_PUT, (*row, contact.hours, contact.turn, contact.paired_at))
            db.execute(_UNSUBSCRIBE, (contact.name,))
            db.execute("COMMIT")

    def remove(self, name: str) -> bool:
        """Forget a contact and what was still to be sent there; False when there is none of that name."""
        with self._open() as db:
            db.execute("BEGIN IMMEDIATE")
            gone = db.execute("DELETE FROM contacts WHERE name = ?", (name,)).rowcount
            ended = (
                "UPDATE outbox SET ended = 'revoked', payload = x'', push = NULL WHERE contact = ? AND ended IS NULL"
            )
            db.execute(ended, (name,))
            db.execute(_UNSUBSCRIBE, (name,))
            db.execute("COMMIT")
        return bool(gone)

    def subscriptions(self) -> tuple[StoredSubscription, ...]:
        """Where contacts are woken by push."""
        with self._open() as db:
            return tuple(StoredSubscription(*row) for row in db.execute(_SUBSCRIPTIONS))

    def deliveries(self, alert_id: str | None = None) -> tuple[Delivery, ...]:
        """What became of the messages of one alert, or of all, in the order in which they were decided."""
        with self._open() as db:
            rows = db.execute(_DELIVERIES, (alert_id,)).fetchall()
        return tuple(Delivery(row[0], row[1], Level(row[2]), *row[3:]) for row in rows)

    def answers(self) -> tuple[Answer, ...]:
        """What contacts have answered, in order."""
        sql = "SELECT alert_id, contact, reply, used_at FROM choices WHERE used_at IS NOT NULL ORDER BY used_at"
        with self._open() as db:
            return tuple(Answer(*row) for row in db.execute(sql))

    def refusals(self) -> tuple[Refusal, ...]:
        """How many messages of contacts were not obeyed, by reason."""
        with self._open() as db:
            return tuple(Refusal(*row) for row in db.execute("SELECT reason, n, last_at FROM refusals ORDER BY reason"))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            prepare(self._path)
        try:
            with closing(connect(self._path, "FULL")) as db:
                yield db
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: the contacts do not work ({error}); start the box once") from error
