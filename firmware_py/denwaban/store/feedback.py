"""What people say of the box's verdicts. Written by a command or a page, beside the running box."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from denwaban.errors import StoreError
from denwaban.store.files import connect
from denwaban.store.rows import Opinion
from denwaban.store.writing import MARK


def mark(path: Path, call_id: str, opinion: Opinion | None, at: float) -> None:
    """Keep what people say of a call; None takes it back. Raises StoreError where there is no such call or the disk
    fails."""
    try:
        with closing(connect(path, "FULL")) as db:
            db.execute("BEGIN IMMEDIATE")
            if opinion is None:
                done = db.execute("DELETE FROM feedback WHERE call_id = ?", (call_id,))
            else:
                done = db.execute(MARK, (call_id, at, opinion))
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be written ({error}); start the box once so that it is up to date") from error
    if not done.rowcount:
        wanted = "is marked" if opinion is None else "is called"
        raise StoreError(f"no call {wanted} {call_id!r}; `denwaban calls list` names them")
