"""What people say of a verdict is kept without a word of the call, and counts for the next one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from denwaban.effects import AllowNumber, CloseCall, MarkHarmless, NoteUtterance, OpenCall
from denwaban.errors import StoreError
from denwaban.events import Assessment, CallerId, Level, Utterance, UtteranceAssessed
from denwaban.store.database import Database
from denwaban.store.feedback import mark
from denwaban.store.lists import ListEditor, RulesReader
from denwaban.store.rows import Feedback, NumberEntry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(path, print)
    database.open_call(OpenCall("c1", CallerId("0312345678"), "screen"), 100.0)
    database.close_call(CloseCall("c1", "screened", Level.ALERT, "refund", 0.9), 200.0)
    assert database.flush()
    yield database
    database.close()


def test_a_mark_is_kept_replaced_and_taken_back(path: Path, database: Database) -> None:
    mark(path, "c1", "false_alarm", 300.0)
    assert database.feedback(0.0) == (Feedback("c1", 300.0, "false_alarm", Level.ALERT, "refund"),)
    mark(path, "c1", "scam", 400.0)
    assert [one.opinion for one in database.feedback(0.0)] == ["scam"]
    assert database.feedback(401.0) == ()
    mark(path, "c1", None, 500.0)
    assert database.feedback(0.0) == ()


def test_the_household_memory_believes_people(path: Path, database: Database) -> None:
    mark(path, "c1", "false_alarm", 300.0)
    assert [call.score for call in database.household_memory(0.0)] == [0.0]
    mark(path, "c1", "scam", 300.0)
    assert [call.score for call in database.household_memory(0.0)] == [1.0]


def test_a_mark_outlives_its_call_without_number_or_words_and_then_goes_too(path: Path, database: Database) -> None:
    mark(path, "c1", "false_alarm", 300.0)
    database.forget_calls(before=1000.0)
    assert database.flush()
    assert database.call("c1") is None
    assert len(database.feedback(0.0)) == 1
    with closing(sqlite3.connect(path)) as db:
        assert "0312345678" not in str(db.execute("SELECT * FROM feedback").fetchall())
    database.forget_feedback(before=1000.0)
    assert database.flush()
    assert database.feedback(0.0) == ()


@pytest.mark.parametrize("opinion", ["scam", None])
def test_a_call_that_is_not_there_is_named(path: Path, database: Database, opinion: None) -> None:
    with pytest.raises(StoreError, match="'c9'"):
        mark(path, "c9", opinion, 1.0)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"nothing\.sqlite"):
        mark(tmp_path / "nothing.sqlite", "c1", "scam", 1.0)


# --- by the buttons of the box --------------------------------------------------------------------------------------


def test_a_button_marks_as_a_command_does(database: Database) -> None:
    database.mark_harmless(MarkHarmless("c1"), 300.0)
    database.mark_harmless(MarkHarmless("no such call"), 300.0)
    assert database.flush()
    assert database.feedback(0.0) == (Feedback("c1", 300.0, "false_alarm", Level.ALERT, "refund"),)


def test_a_number_that_a_button_allowed_is_in_force_and_keeps_its_name(path: Path, database: Database) -> None:
    reader = RulesReader(path)
    reader.poll()
    database.allow_number(AllowNumber("0312345678"), 300.0)
    assert database.flush()
    rules = reader.poll()
    reader.close()
    assert rules is not None
    assert rules.entries == (NumberEntry("allow", "0312345678", "exact", "", 300.0, "button", None),)
    ListEditor(path).add([NumberEntry("allow", "0399998888", "exact", "娘", 100.0, "by hand", 500.0)])
    database.allow_number(AllowNumber("0399998888"), 400.0)
    assert database.flush()
    assert NumberEntry("allow", "0399998888", "exact", "娘", 100.0, "button", None) in ListEditor(path).entries()


def kept_in_files(path: Path, word: str) -> bool:
    return any(word.encode() in file.read_bytes() for file in path.parent.glob(f"{path.name}*"))


def test_a_call_whose_words_are_forgotten_is_still_known_to_have_been(path: Path, database: Database) -> None:
    heard = UtteranceAssessed(Utterance("口座", 0.0, 1.0, "far"), Assessment(Level.ALERT, 0.9, 0.9, 4, "refund"), 1.4)
    database.note(NoteUtterance("c1", heard), 150.0)
    assert database.flush()
    assert kept_in_files(path, "口座")
    database.forget_words("c1")
    assert database.flush()
    assert not kept_in_files(path, "口座"), "nor in the write-ahead log"
    detail = database.call("c1")
    assert detail is not None
    assert detail.utterances == ()
    assert (detail.call.level, detail.call.category, detail.call.score) == (Level.QUIET, "", 0.0)
    assert (detail.call.number, detail.call.opened_at) == ("0312345678", 100.0)
