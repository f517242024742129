"""Opens the database file: checks it, moves a damaged one aside, migrates. Every writing connection starts here."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Literal

from denwaban.errors import StoreError

_log = logging.getLogger(__name__)

BUSY_S: Final = 5.0
"""How long a connection waits for another one's transaction. Ours last milliseconds; a backup tool may hold longer."""

_DAMAGED: Final = frozenset((sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB))

Synchronous = Literal["NORMAL", "FULL"]


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step of the schema."""

    version: int
    sql: str


def migrations() -> tuple[Migration, ...]:
    """All steps shipped with the program, in order."""
    folder = resources.files(__package__) / "schema"
    files = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".sql")), key=lambda entry: entry.name)
    return tuple(Migration(int(entry.name[:4]), entry.read_text("utf-8")) for entry in files)


def prepare(path: Path) -> None:
    """Make `path` a sound database of the newest schema. A damaged file is kept under another name.

    For the box's own process only, at start-up: nobody else may have the file open for writing.
    Raises StoreError when the file cannot be written, or was written by a newer program.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Ours alone: SQLite gives its -wal and -shm files the mode of the database. A file that is there is not opened
        # here: closing it would drop the locks of this process's connections, and the next program that closes the
        # database would take itself for the last and delete the log under them (sqlite.org/howtocorrupt.html §2.2).
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        if not os.access(path, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be opened for writing ({error.strerror}); check the folder and its owner"
        ) from error
    try:
        _check_and_migrate(path)
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise StoreError(f"{path}: cannot be opened ({error})") from error
        rescued = _rescued(path)
        aside = _move_aside(path)
        _log.error(
            "database damaged (%s); kept as %s, starting a new one, %d alerts and contacts rescued",
            error,
            aside,
            len(rescued),
        )
        prepare(path)
        _put_back(path, rescued)


def connect(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    """A writing connection in autocommit mode: transactions are explicit. Usable from any thread, one at a time."""
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")
        # A deleted call shall be gone from the file, not only from the index.
        connection.execute("PRAGMA secure_delete = ON")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def migrate(connection: sqlite3.Connection, steps: Iterable[Migration]) -> None:
    """Apply the steps above `user_version`, each in one transaction. StoreError when the file is newer than `steps`."""
    steps = tuple(steps)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = max(step.version for step in steps)
    if version > newest:
        raise StoreError(
            f"the database has schema {version}, this program knows up to {newest}: "
            "install the newer program again, or start with another database file"
        )
    for step in steps:
        if step.version > version:
            _apply(connection, step)


def is_damage(error: sqlite3.Error) -> bool:
    """True when the file itself is broken, not merely locked, full or unreadable."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _DAMAGED  # the low byte is the primary code (sqlite.org/rescode.html)


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    try:
        connection.executescript(f"BEGIN IMMEDIATE;\n{step.sql}\nPRAGMA user_version = {step.version};\nCOMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check_and_migrate(path: Path) -> None:
    connection = connect(path, "FULL")
    try:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            damage = sqlite3.DatabaseError(verdict)
            damage.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
            raise damage
        migrate(connection, migrations())
    except StoreError as error:
        raise StoreError(f"{path}: {error}") from error
    finally:
        connection.close()


def _move_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return aside


_RESCUED: Final = (
    # The newest schema first, then what older ones have of it.
    ("outbox", "alert_id, event, level, sequence, topic, payload, created_at, expires_at, contact, receipt", "ended"),
    ("outbox", "alert_id, event, level, sequence, topic, payload, created_at, expires_at", "sent_at"),
    ("contacts", "name, role, public_jwk, detail, language, hours, turn, paired_at", "NULL"),
)
"""(table, columns, null while the row is worth keeping) of what a damaged file must not cost."""

_Rescued = list[tuple[str, str, tuple[object, ...]]]


def _rescued(path: Path) -> _Rescued:
    """What can still be read of unfinished alerts and of contacts in a damaged file."""
    rows: _Rescued = []
    try:
        connection = sqlite3.connect(path, timeout=BUSY_S)
    except sqlite3.Error:
        return rows
    try:
        for table, columns, done in _RESCUED:
            if any(name == table for name, _columns, _row in rows):
                continue
            with contextlib.suppress(sqlite3.Error):  # rows read before the damaged page are kept
                for row in connection.execute(f"SELECT {columns} FROM {table} WHERE {done} IS NULL"):
                    rows.append((table, columns, row))
    finally:
        connection.close()
    return rows


def _put_back(path: Path, rows: _Rescued) -> None:
    connection = connect(path, "FULL")
    try:
        for table, columns, row in rows:
            try:
                connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({', '.join('?' * len(row))})", row)
            except sqlite3.IntegrityError:
                _log.warning("a row of %s in the damaged database was unreadable", table)
    finally:
        connection.close()
