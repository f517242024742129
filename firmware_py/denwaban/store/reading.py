"""Reads calls. A reader opens its own read-only connection each time, so the CLI can look while the box writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from denwaban.errors import StoreError
from denwaban.events import Evidence, Level
from denwaban.store.files import BUSY_S
from denwaban.store.rows import CallDetail, CallMemory, Feedback, StoredCall, StoredUtterance

_CALL: Final = "id, opened_at, closed_at, number, absence, decision, outcome, level, category, score"
_UTTERANCE: Final = "n, t0, t1, side, text, score, call_score, level, stage, category, evidence, decided_at"


class CallReader:
    """Read-only view of the database at `path`. Every method raises StoreError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def calls(self, limit: int = 50, skip: int = 0) -> tuple[StoredCall, ...]:
        """The newest calls, newest first, after so many newer ones."""
        sql = f"SELECT {_CALL} FROM calls ORDER BY opened_at DESC, rowid DESC LIMIT ? OFFSET ?"
        with self._rows(sql, limit, skip) as rows:
            return tuple(_call(row) for row in rows)

    def count(self) -> int:
        """How many calls there are."""
        with self._rows("SELECT count(*) FROM calls") as rows:
            return int(next(rows)[0])

    def kept(self) -> frozenset[str]:
        """The ids of the calls to be kept for good."""
        with self._rows("SELECT call_id FROM kept_calls") as rows:
            return frozenset(call_id for (call_id,) in rows)

    def call(self, call_id: str) -> CallDetail | None:
        """One call with its utterances in order; None when there is no such call."""
        with self._rows(f"SELECT {_CALL} FROM calls WHERE id = ?", call_id) as rows:
            found = [_call(row) for row in rows]
        if not found:
            return None
        with self._rows(f"SELECT {_UTTERANCE} FROM utterances WHERE call_id = ? ORDER BY n", call_id) as rows:
            return CallDetail(found[0], tuple(_utterance(row) for row in rows))

    def household_memory(self, since: float) -> tuple[CallMemory, ...]:
        """Screened calls that ended at `since` or later, oldest first. A call cut by a power failure counts too."""
        sql = (
            # People know better than the box what a call was.
            "SELECT coalesce(closed_at, opened_at) AS ended, calls.category, "
            "CASE verdict WHEN 'scam' THEN 1.0 WHEN 'false_alarm' THEN 0.0 ELSE score END, calls.level "
            "FROM calls LEFT JOIN feedback ON call_id = id "
            "WHERE coalesce(closed_at, opened_at) >= ? AND decision LIKE 'screen%' ORDER BY ended, calls.rowid"
        )
        with self._rows(sql, since) as rows:
            return tuple(CallMemory(ended, category, score, Level(level)) for ended, category, score, level in rows)

    def feedback(self, since: float) -> tuple[Feedback, ...]:
        """What people said of calls at `since` or later, oldest first."""
        sql = "SELECT call_id, at, verdict, level, category FROM feedback WHERE at >= ? ORDER BY at, call_id"
        with self._rows(sql, since) as rows:
            return tuple(
                Feedback(call_id, at, verdict, Level(level), category) for call_id, at, verdict, level, category in rows
            )

    def pending_alerts(self) -> int:
        """Alert messages whose turn has come and which the broker has not yet taken."""
        with self._rows("SELECT count(*) FROM outbox WHERE sent_at IS NULL AND ended IS NULL AND turn = 0") as rows:
            return int(next(rows)[0])

    def schema(self) -> int:
        """The version of the file's tables; `files.migrations` names those this program knows."""
        with self._rows("PRAGMA user_version") as rows:
            return int(next(rows)[0])

    @contextmanager
    def _rows(self, sql: str, *values: object) -> Iterator[Iterator[tuple[Any, ...]]]:
        if not self._path.exists():
            raise StoreError(f"{self._path}: no database yet; it is made when the box first runs")
        try:
            with closing(
                sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", timeout=BUSY_S, uri=True)
            ) as connection:
                yield connection.execute(sql, values)
        except sqlite3.Error as error:
            older = "no such table" in str(error)  # the box migrates its database when it starts
            way_out = "; start the box once so that it is brought up to date" if older else ""
            raise StoreError(f"{self._path}: cannot be read ({error}){way_out}") from error


def _call(row: tuple[Any, ...]) -> StoredCall:
    call_id, opened_at, closed_at, number, absence, decision, outcome, level, category, score = row
    return StoredCall(call_id, opened_at, closed_at, number, absence, decision, outcome, Level(level), category, score)


def _utterance(row: tuple[Any, ...]) -> StoredUtterance:
    n, t0, t1, side, text, score, call_score, level, stage, category, evidence, decided_at = row
    phrases = tuple(Evidence(phrase, weight) for phrase, weight in json.loads(evidence))
    return StoredUtterance(n, t0, t1, side, text, score, call_score, Level(level), stage, category, phrases, decided_at)
