"""One call: kept whatever its age, or deleted with its words and its sound."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from denwaban.effects import CloseCall, NoteUtterance, OpenCall
from denwaban.errors import StoreError
from denwaban.events import Assessment, CallerId, Level, Utterance, UtteranceAssessed
from denwaban.store.database import Database
from denwaban.store.feedback import mark
from denwaban.store.keeping import delete, keep
from denwaban.store.reading import CallReader
from denwaban.store.recordings import apply_retention

SECRET = "白いふうとうのカードをわたしました"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path, print)
    said = UtteranceAssessed(Utterance(SECRET, 1.0, 2.0, "far"), Assessment(Level.QUIET, 0.1, 0.1, 0, "", ()), 2.0)
    for call_id in ("c1", "c2"):
        database.open_call(OpenCall(call_id, CallerId("0312345678"), "screen:domestic"), 100.0)
        database.note(NoteUtterance(call_id, said), 101.0)
        database.close_call(CloseCall(call_id, "screened", Level.QUIET, "", 0.1), 200.0)
    assert database.flush()
    yield database
    database.close()


def test_a_kept_call_outlives_its_time_with_words_and_recording(path: Path, database: Database, tmp_path: Path) -> None:
    for call_id in ("c1", "c2"):
        (tmp_path / f"{call_id}.flac").write_bytes(b"x")
    keep(path, "c1", True, 300.0)
    database.forget_calls(before=1000.0)
    assert database.flush()
    assert [call.id for call in database.calls()] == ["c1"]
    detail = database.call("c1")
    assert detail is not None
    assert detail.utterances[0].text == SECRET
    assert apply_retention(tmp_path, 1e10, 1, 1, kept=database.kept()) == 1
    assert (tmp_path / "c1.flac").is_file()


def test_a_call_that_is_no_longer_kept_goes_when_its_time_is_over(path: Path, database: Database) -> None:
    keep(path, "c1", True, 300.0)
    keep(path, "c1", True, 301.0)
    keep(path, "c1", False, 302.0)
    database.forget_calls(before=1000.0)
    assert database.flush()
    assert database.calls() == ()


def test_a_deleted_call_leaves_neither_words_nor_sound_but_the_mark(
    path: Path, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "c1.flac").write_bytes(b"x")
    mark(path, "c1", "false_alarm", 300.0)
    keep(path, "c1", True, 300.0)
    delete(path, tmp_path / "c1.flac", "c1", 400.0)
    delete(path, tmp_path / "c2.flac", "c2", 400.0)
    assert CallReader(path).count() == 0
    assert CallReader(path).kept() == frozenset()
    assert not (tmp_path / "c1.flac").exists()
    assert len(database.feedback(0.0)) == 1
    assert SECRET.encode() not in b"".join(one.read_bytes() for one in tmp_path.glob("calls.sqlite*"))


def test_a_running_call_is_not_deleted_and_one_cut_by_a_power_failure_is(path: Path, database: Database) -> None:
    database.open_call(OpenCall("c3", None, "screen:domestic"), 1000.0)
    assert database.flush()
    with pytest.raises(StoreError, match="still going on"):
        delete(path, path.parent / "c3.flac", "c3", 1600.0)
    delete(path, path.parent / "c3.flac", "c3", 1000.0 + 5 * 3600)
    assert database.call("c3") is None


def test_a_call_that_is_not_there_is_named(path: Path, database: Database) -> None:
    for change in (lambda: keep(path, "nope", True, 1.0), lambda: delete(path, path.parent / "nope.flac", "nope", 1.0)):
        with pytest.raises(StoreError, match="nope"):
            change()


def test_a_locked_database_is_told_and_nothing_is_lost(
    path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("denwaban.store.files.BUSY_S", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            delete(path, path.parent / "c1.flac", "c1", 400.0)
    assert database.call("c1") is not None


def test_calls_are_read_in_pages(database: Database, path: Path) -> None:
    reader = CallReader(path)
    assert reader.count() == 2
    assert [call.id for call in reader.calls(1)] + [call.id for call in reader.calls(1, skip=1)] == ["c2", "c1"]
    assert reader.calls(1, skip=2) == ()
