"""The lists of who gets through: kept, changed beside the running box, and read again only when they changed."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from denwaban.effects import OpenCall, UseLetThrough
from denwaban.errors import StoreError
from denwaban.events import CallerId
from denwaban.rules import PatternKind
from denwaban.store.database import Database
from denwaban.store.lists import ListEditor, RulesReader
from denwaban.store.rows import ListName, NumberEntry, StopList, StoredRules

OLD_DATABASES = Path(__file__).parents[1] / "databases"
NUMBER = "0312345678"


def entry(
    name: ListName = "allow",
    pattern: str = NUMBER,
    kind: PatternKind = "exact",
    label: str = "娘",
    added_at: float = 100.0,
    expires_at: float | None = None,
) -> NumberEntry:
    return NumberEntry(name, pattern, kind, label, added_at, "by hand", expires_at)


def issue(source: str = "police", issued_at: float = 100.0, numbers: int = 0) -> StopList:
    return StopList(source, issued_at, 900.0, "officer", 200.0, numbers)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "box.sqlite"


@pytest.fixture
def editor(path: Path) -> ListEditor:
    return ListEditor(path)


@pytest.fixture
def reader(path: Path, editor: ListEditor) -> Iterator[RulesReader]:
    reader = RulesReader(path)
    yield reader
    reader.close()


def read(reader: RulesReader) -> StoredRules:
    found = reader.poll()
    assert found is not None, "nothing changed"
    return found


def test_entries_are_kept_before_the_box_ever_ran(path: Path) -> None:
    ListEditor(path).add([entry(), entry("block", "0120", "prefix")])
    assert ListEditor(path).entries() == (entry(), entry("block", "0120", "prefix"))


def test_an_entry_added_again_keeps_its_day_and_its_label(editor: ListEditor) -> None:
    editor.add([entry()])
    editor.add([entry(label="", added_at=500.0, expires_at=700.0)])
    assert editor.entries() == (entry(expires_at=700.0),)
    editor.add([entry(label="長女")])
    assert [one.label for one in editor.entries()] == ["長女"]


def test_the_same_number_may_stand_on_two_lists(editor: ListEditor) -> None:
    editor.add([entry(), entry("block")])
    assert editor.remove("block", NUMBER, "exact")
    assert not editor.remove("block", NUMBER, "exact")
    assert editor.entries() == (entry(),)


def test_a_new_issue_replaces_the_one_of_its_source_only(editor: ListEditor, reader: RulesReader) -> None:
    editor.replace_stop_list(issue(), [(NUMBER, "exact"), ("+1800", "prefix"), (NUMBER, "exact")])
    editor.replace_stop_list(issue("carrier"), [(NUMBER, "exact")])
    editor.replace_stop_list(issue(issued_at=300.0), [("0120", "prefix")])
    assert editor.stop_lists() == (issue("carrier", numbers=1), issue(issued_at=300.0, numbers=1))
    assert set(read(reader).stop) == {(NUMBER, "exact", 900.0), ("0120", "prefix", 900.0)}
    assert editor.remove_stop_list("carrier")
    assert read(reader).stop == (("0120", "prefix", 900.0),)


def test_an_older_issue_is_refused_and_changes_nothing(editor: ListEditor) -> None:
    editor.replace_stop_list(issue(issued_at=300.0), [(NUMBER, "exact")])
    with pytest.raises(StoreError, match=r"newer issue of 'police'.*lists remove stop"):
        editor.replace_stop_list(issue(issued_at=200.0), [])
    assert editor.stop_lists() == (issue(issued_at=300.0, numbers=1),)


def test_the_newest_wish_counts_and_can_be_taken_back(editor: ListEditor, reader: RulesReader) -> None:
    editor.let_through(700.0, 100.0)
    first = read(reader).let_through
    editor.let_through(800.0, 100.0)
    second = read(reader).let_through
    assert first is not None
    assert second is not None
    assert second[1] == 800.0
    assert first[0] != second[0], "an id never means two wishes"
    editor.let_through(100.0, 100.0)
    assert read(reader).let_through is None


def test_rules_are_read_once_until_somebody_changes_them(path: Path, editor: ListEditor, reader: RulesReader) -> None:
    editor.add([entry()])
    assert read(reader).entries == (entry(),)
    assert reader.poll() is None
    database = Database(path, lambda error: pytest.fail(str(error)))
    database.open_call(OpenCall("c1", CallerId(NUMBER), "allow:known"), 100.0)
    assert database.flush()
    assert reader.poll() is None, "a call is no rule"
    editor.remove("allow", NUMBER, "exact")
    assert read(reader).entries == ()
    database.close()


def test_the_box_notes_that_the_wish_is_used_up_and_forgets_what_has_had_its_time(
    path: Path, editor: ListEditor, reader: RulesReader
) -> None:
    editor.let_through(700.0, 100.0)
    editor.add([entry(), entry("called", "0311112222", expires_at=300.0)])
    wish = read(reader).let_through
    assert wish is not None
    database = Database(path, lambda error: pytest.fail(str(error)))
    database.use_let_through(UseLetThrough(wish[0]), 150.0)
    assert database.flush()
    assert read(reader).let_through is None
    database.forget_expired(before=301.0)
    assert database.flush()
    assert read(reader).entries == (entry(),)
    database.close()


def test_a_locked_database_is_an_error_now_and_no_trouble_later(
    path: Path, editor: ListEditor, reader: RulesReader
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        db.execute("UPDATE rules_version SET n = n + 1")
        db.execute("COMMIT")
        with pytest.raises(StoreError, match=r"box\.sqlite"):
            reader.poll()
    editor.add([entry()])
    assert read(reader).entries == (entry(),)


def test_a_missing_or_broken_database_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        RulesReader(tmp_path / "none.sqlite").poll()
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 200)
    with pytest.raises(StoreError, match="cannot be read"):
        RulesReader(tmp_path / "broken.sqlite").poll()
    with pytest.raises(StoreError, match=r"broken\.sqlite"):
        ListEditor(tmp_path / "broken.sqlite").entries()


def test_lists_of_an_older_database_say_what_to_do(path: Path) -> None:
    shutil.copyfile(OLD_DATABASES / "0002.sqlite", path)
    with pytest.raises(StoreError, match="start the box once"):
        ListEditor(path).add([entry()])


def test_lists_of_the_first_database_that_had_them_are_still_read(path: Path) -> None:
    shutil.copyfile(OLD_DATABASES / "0003.sqlite", path)
    Database(path, print).close()
    assert [(one.pattern, one.label) for one in ListEditor(path).entries()] == [("0399998888", "娘")]
    assert [(one.source, one.numbers) for one in ListEditor(path).stop_lists()] == [("police", 1)]
