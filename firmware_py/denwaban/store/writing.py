"""The statements that write calls. Each function but `empty_log` is one job inside the writer's transaction and may be
run again."""

from __future__ import annotations

import json
import sqlite3

from denwaban.effects import AllowNumber, CloseCall, MarkHarmless, NoteUtterance, OpenCall, UseLetThrough
from denwaban.events import Level

MARK = (
    "INSERT INTO feedback (call_id, at, verdict, level, category) "
    "SELECT id, ?2, ?3, level, category FROM calls WHERE id = ?1 "
    "ON CONFLICT (call_id) DO UPDATE SET at = excluded.at, verdict = excluded.verdict"
)
"""Call, time, verdict."""
BY_BUTTON = "button"
"""The source of list entries made on the box."""
_RANK = "CASE level WHEN 'alert' THEN 2 WHEN 'caution' THEN 1 ELSE 0 END"


def open_call(db: sqlite3.Connection, opened: OpenCall, at: float) -> None:
    """Insert the call, or complete the stub that an earlier write left."""
    caller = opened.caller
    db.execute(
        "INSERT INTO calls (id, opened_at, number, absence, decision) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE "
        "SET number = excluded.number, absence = excluded.absence, decision = excluded.decision",
        (opened.call_id, at, caller.number if caller else None, caller.absence if caller else None, opened.decision),
    )


def note(db: sqlite3.Connection, noted: NoteUtterance, at: float) -> None:
    """Append the utterance and raise the call's level, so that a power cut in mid-call keeps the verdict so far."""
    utterance, verdict = noted.assessed.utterance, noted.assessed.assessment
    _ensure(db, noted.call_id, at)
    phrases = [[item.phrase, item.weight] for item in verdict.evidence]
    (n,) = db.execute("SELECT coalesce(max(n) + 1, 0) FROM utterances WHERE call_id = ?", (noted.call_id,)).fetchone()
    db.execute(
        "INSERT INTO utterances (call_id, n, t0, t1, side, text, "
        "score, call_score, level, stage, category, evidence, decided_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(noted.call_id, n, utterance.t0, utterance.t1, utterance.side, utterance.text),
            *(verdict.score, verdict.call_score, str(verdict.level), verdict.stage, verdict.category),
            *(json.dumps(phrases, ensure_ascii=False), noted.assessed.decided_at),
        ),
    )
    _raise_level(db, noted.call_id, verdict.level)
    db.execute(
        "UPDATE calls SET category = ?2, score = ?3 WHERE id = ?1 AND score <= ?3",
        (noted.call_id, verdict.category, verdict.call_score),
    )


def close_call(db: sqlite3.Connection, closed: CloseCall, at: float) -> None:
    """Write the final verdict; the session's word stands against what the utterances said."""
    _ensure(db, closed.call_id, at)
    db.execute(
        "UPDATE calls SET closed_at = ?, outcome = ?, level = ?, category = ?, score = ? WHERE id = ?",
        (at, closed.outcome, str(closed.level), closed.category, closed.score, closed.call_id),
    )


def forget_words(db: sqlite3.Connection, call_id: str) -> None:
    """Delete what was said in a call and every verdict on it; the call itself stays."""
    db.execute("DELETE FROM utterances WHERE call_id = ?", (call_id,))
    db.execute("UPDATE calls SET level = 'quiet', category = '', score = 0 WHERE id = ?", (call_id,))


def empty_log(db: sqlite3.Connection) -> None:
    """Move everything from the write-ahead log into the database and empty it: what was deleted still stands there
    (https://sqlite.org/wal.html). Not inside a transaction. OperationalError while another program reads."""
    (busy, _pages, _moved) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("deleted words may still be in its -wal file: another program holds it open")


def mark_harmless(db: sqlite3.Connection, marked: MarkHarmless, at: float) -> None:
    """Keep that people call this no scam."""
    db.execute(MARK, (marked.call_id, at, "false_alarm"))


def allow_number(db: sqlite3.Connection, allowed: AllowNumber, at: float) -> None:
    """Put the number on the allow list; an entry that is there keeps its name and loses its end."""
    db.execute(
        "INSERT INTO list_entries VALUES ('allow', ?, 'exact', '', ?, ?, NULL) "
        "ON CONFLICT DO UPDATE SET source = excluded.source, expires_at = NULL",
        (allowed.pattern, at, BY_BUTTON),
    )
    rules_changed(db)


def forget_calls(db: sqlite3.Connection, before: float) -> None:
    """Delete calls opened before that time, with everything said in them, but not those the household keeps."""
    db.execute("DELETE FROM calls WHERE opened_at < ? AND id NOT IN (SELECT call_id FROM kept_calls)", (before,))


def forget_feedback(db: sqlite3.Connection, before: float) -> None:
    """Delete feedback given before that time; it outlives the words of its call, but not for ever."""
    db.execute("DELETE FROM feedback WHERE at < ?", (before,))


def use_let_through(db: sqlite3.Connection, used: UseLetThrough, at: float) -> None:
    """The caller who was to be let through has rung."""
    db.execute("UPDATE let_through SET used_at = ? WHERE id = ?", (at, used.id))
    rules_changed(db)


def forget_expired(db: sqlite3.Connection, before: float) -> None:
    """Delete what has had its time; stop-lists stay in sight until they are replaced or removed."""
    gone = db.execute("DELETE FROM list_entries WHERE expires_at < ?", (before,)).rowcount
    gone += db.execute("DELETE FROM let_through WHERE until < ?", (before,)).rowcount
    if gone:
        rules_changed(db)


def rules_changed(db: sqlite3.Connection) -> None:
    """Tell the running box, which looks at this counter whenever anything was committed."""
    db.execute("UPDATE rules_version SET n = n + 1")


def _ensure(db: sqlite3.Connection, call_id: str, at: float) -> None:
    # The write that opened the call may have failed on a full disk; what follows is still worth keeping.
    db.execute("INSERT OR IGNORE INTO calls (id, opened_at, decision) VALUES (?, ?, '')", (call_id, at))


def _raise_level(db: sqlite3.Connection, call_id: str, level: Level) -> None:
    db.execute(f"UPDATE calls SET level = ?2 WHERE id = ?1 AND {_RANK} < ?3", (call_id, str(level), level.rank))
