"""The call database keeps what it is told and never disturbs a call."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from denwaban.effects import CloseCall, NoteUtterance, OpenCall
from denwaban.errors import StoreError
from denwaban.events import Assessment, CallerId, Evidence, Level, Utterance, UtteranceAssessed
from denwaban.store.database import Database
from denwaban.store.reading import CallReader
from denwaban.store.rows import CallMemory
from tests.fixtures_broker import until


def _utterance(text: str, level: Level = Level.QUIET, call_score: float = 0.1) -> UtteranceAssessed:
    assessment = Assessment(level, 0.5, call_score, 2, "refund", (Evidence("還付金", 0.7),))
    return UtteranceAssessed(Utterance(text, 1.0, 2.5, "far"), assessment, 3.0)


@pytest.fixture
def errors() -> list[StoreError]:
    return []


@pytest.fixture
def database(tmp_path: Path, errors: list[StoreError]) -> Iterator[Database]:
    database = Database(tmp_path / "box" / "calls.sqlite", errors.append, retry_waits_s=(0.01, 0.01))
    yield database
    database.close()


def _path(tmp_path: Path) -> Path:
    return tmp_path / "box" / "calls.sqlite"


def test_call_comes_back_as_it_was_told(database: Database) -> None:
    database.open_call(OpenCall("c1", CallerId("0312345678"), "screen"), 100.0)
    database.note(NoteUtterance("c1", _utterance("還付金があります", Level.CAUTION, 0.6)), 103.0)
    database.note(NoteUtterance("c1", _utterance("はい", Level.QUIET, 0.4)), 105.0)
    database.close_call(CloseCall("c1", "screened", Level.ALERT, "refund", 0.9), 200.0)
    assert database.flush()
    detail = database.call("c1")
    assert detail is not None
    call = detail.call
    assert (call.opened_at, call.closed_at, call.number, call.absence) == (100.0, 200.0, "0312345678", None)
    assert (call.decision, call.outcome, call.level, call.category, call.score) == (
        *("screen", "screened"),
        *(Level.ALERT, "refund", 0.9),
    )
    assert [(row.n, row.text, row.level) for row in detail.utterances] == [
        (0, "還付金があります", Level.CAUTION),
        (1, "はい", Level.QUIET),
    ]
    assert detail.utterances[0].evidence == (Evidence("還付金", 0.7),)


def test_newest_calls_come_first_and_unknown_call_is_none(database: Database) -> None:
    for n in range(5):
        database.open_call(OpenCall(f"c{n}", CallerId(absence="P"), "refuse"), float(n))
    assert database.flush()
    assert [call.id for call in database.calls(limit=2)] == ["c4", "c3"]
    assert database.calls(1)[0].absence == "P"
    assert database.call("none") is None


def test_household_memory_keeps_the_verdict_of_a_call_cut_by_a_power_failure(database: Database) -> None:
    database.open_call(OpenCall("old", None, "screen"), 10.0)
    database.close_call(CloseCall("old", "screened", Level.ALERT, "kin", 0.9), 20.0)
    database.open_call(OpenCall("cut", None, "screen"), 100.0)
    database.note(NoteUtterance("cut", _utterance("一", Level.CAUTION, 0.6)), 101.0)
    database.note(NoteUtterance("cut", _utterance("二", Level.QUIET, 0.3)), 102.0)
    assert database.flush()
    assert database.household_memory(50.0) == (CallMemory(100.0, "refund", 0.6, Level.CAUTION),)
    assert [memory.category for memory in database.household_memory(0.0)] == ["kin", "refund"]


def test_locked_database_is_reported_once_and_later_writes_go_on(
    database: Database, tmp_path: Path, errors: list[StoreError], monkeypatch
) -> None:
    database.open_call(OpenCall("c1", None, "screen"), 1.0)
    assert database.flush()
    database._connection.execute("PRAGMA busy_timeout = 10")
    with closing(sqlite3.connect(_path(tmp_path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database.open_call(OpenCall("lost1", None, "screen"), 2.0)
        database.open_call(OpenCall("lost2", None, "screen"), 3.0)
        until(lambda: errors and database._jobs.empty() and not database._connection.in_transaction, "a report")
        assert database.flush()
        database.open_call(OpenCall("lost3", None, "screen"), 3.5)
        assert database.flush()
        other.execute("ROLLBACK")
    database.note(NoteUtterance("lost2", _utterance("続き")), 4.0)
    assert database.flush()
    assert len(errors) == 1
    assert "calls.sqlite" in str(errors[0])
    detail = database.call("lost2")
    assert detail is not None, "what is said in a call is kept although its opening could not be written"
    assert detail.utterances[0].text == "続き"


def test_short_lock_loses_nothing(tmp_path: Path, errors: list[StoreError]) -> None:
    database = Database(_path(tmp_path), errors.append)
    with closing(sqlite3.connect(_path(tmp_path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        database.open_call(OpenCall("c1", None, "screen"), 2.0)
        other.execute("ROLLBACK")
    database.close()
    assert errors == []
    assert [call.id for call in CallReader(_path(tmp_path)).calls()] == ["c1"]


def test_full_queue_is_reported_once_and_nobody_waits(tmp_path: Path, errors: list[StoreError]) -> None:
    database = Database(_path(tmp_path), errors.append)
    begun, go_on = threading.Event(), threading.Event()

    def slow_disk(_db: sqlite3.Connection) -> None:
        begun.set()
        go_on.wait(60)

    database._submit(slow_disk)
    assert begun.wait(60)
    for n in range(1200):
        database.open_call(OpenCall(f"c{n}", None, "screen"), float(n))
    assert len(errors) == 1
    go_on.set()
    database.close(60)
    assert len(CallReader(_path(tmp_path)).calls(5000)) == 1000


def test_close_writes_what_is_queued(tmp_path: Path, errors: list[StoreError]) -> None:
    database = Database(_path(tmp_path), errors.append)
    for n in range(300):
        database.open_call(OpenCall(f"c{n}", None, "screen"), float(n))
    database.close(60)
    assert len(CallReader(_path(tmp_path)).calls(1000)) == 300
    assert not database._thread.is_alive()


def test_forgotten_call_leaves_no_word_in_the_file(tmp_path: Path, errors: list[StoreError]) -> None:
    database = Database(_path(tmp_path), errors.append)
    database.open_call(OpenCall("c1", None, "screen"), 1.0)
    database.note(NoteUtterance("c1", _utterance("ひみつのことば")), 2.0)
    database.forget_calls(10.0)
    assert database.flush()
    files = list(_path(tmp_path).parent.glob(f"{_path(tmp_path).name}*"))
    assert len(files) > 1, "the write-ahead log is looked into, too"
    assert not [file for file in files if "ひみつのことば".encode() in file.read_bytes()]
    database.close()
    assert CallReader(_path(tmp_path)).call("c1") is None


def test_database_is_for_its_owner_only(database: Database, tmp_path: Path) -> None:
    database.open_call(OpenCall("c1", None, "screen"), 1.0)
    assert database.flush()
    assert all(path.stat().st_mode & 0o077 == 0 for path in _path(tmp_path).parent.iterdir())


def test_reader_without_a_database_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database yet"):
        CallReader(tmp_path / "none.sqlite").calls()


def test_unwritable_place_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        Database(tmp_path / "file" / "calls.sqlite", print)
