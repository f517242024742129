"""Keeping one call for good, or deleting it. Written by a command or a page, beside the running box."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from denwaban.errors import StoreError
from denwaban.store.files import connect
from denwaban.store.recordings import delete_recording
from denwaban.store.writing import empty_log

RUNNING_S: Final = 4 * 3600.0
"""A call without an end that began longer ago was cut by a power failure."""


def keep(path: Path, call_id: str, wanted: bool, at: float) -> None:
    """Keep a call whatever its age, or no longer. StoreError where there is no such call or the disk fails."""
    with _changing(path) as db:
        _must_exist(db, call_id)
        if wanted:
            db.execute("INSERT OR IGNORE INTO kept_calls VALUES (?, ?)", (call_id, at))
        else:
            db.execute("DELETE FROM kept_calls WHERE call_id = ?", (call_id,))


def delete(path: Path, recording: Path, call_id: str, at: float) -> None:
    """Delete a call, its words and its recording; what people said of the verdict stays, without number and words.

    StoreError where there is no such call, while it runs, or when the disk fails.
    """
    with _changing(path) as db:
        opened_at, closed_at = _must_exist(db, call_id)
        if closed_at is None and at - opened_at < RUNNING_S:
            raise StoreError(f"call {call_id!r} is still going on; delete it when it is over")
        # The sound first: when that fails the call stays in sight and can be deleted again.
        delete_recording(recording)
        db.execute("DELETE FROM calls WHERE id = ?", (call_id,))
    with contextlib.suppress(sqlite3.Error), closing(sqlite3.connect(path, timeout=0)) as db:
        empty_log(db)  # a busy one is emptied by the box later


def _must_exist(db: sqlite3.Connection, call_id: str) -> tuple[float, float | None]:
    row: tuple[float, float | None] | None
    row = db.execute("SELECT opened_at, closed_at FROM calls WHERE id = ?", (call_id,)).fetchone()
    if row is None:
        raise StoreError(f"no call is called {call_id!r}; `denwaban calls list` names them")
    return row


@contextmanager
def _changing(path: Path) -> Iterator[sqlite3.Connection]:
    if not path.is_file():
        raise StoreError(f"{path}: no calls yet; the box writes this file when it runs (`denwaban run`)")
    try:
        with closing(connect(path, "FULL")) as db:
            db.execute("BEGIN IMMEDIATE")
            yield db  # an error on the way closes the connection, which rolls back
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be written ({error}); start the box once so that it is up to date") from error
