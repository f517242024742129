"""Opening: old schemas are migrated, newer ones refused, damaged files kept aside with their unsent alerts rescued."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from denwaban.alert.outbox import Message
from denwaban.errors import StoreError
from denwaban.events import Evidence, Level
from denwaban.store.database import Database
from denwaban.store.files import Migration, migrate, migrations, prepare
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.reading import CallReader

OLD_DATABASES = Path(__file__).parents[1] / "databases"


def _schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT name, sql FROM sqlite_master ORDER BY name").fetchall()


def test_every_schema_has_its_old_database() -> None:
    assert [path.stem for path in sorted(OLD_DATABASES.glob("*.sqlite"))] == [f"{m.version:04}" for m in migrations()]
    assert [m.version for m in migrations()] == list(range(1, len(migrations()) + 1))


@pytest.mark.parametrize("old", sorted(OLD_DATABASES.glob("*.sqlite")), ids=lambda path: path.stem)
def test_old_database_is_migrated_with_its_calls(old: Path, tmp_path: Path) -> None:
    shutil.copyfile(old, tmp_path / "calls.sqlite")
    prepare(tmp_path / "calls.sqlite")
    prepare(tmp_path / "fresh.sqlite")
    assert _schema(tmp_path / "calls.sqlite") == _schema(tmp_path / "fresh.sqlite")
    reader = CallReader(tmp_path / "calls.sqlite")
    assert [(call.id, call.level, call.number) for call in reader.calls()] == [
        ("call-2", Level.QUIET, None),
        ("call-1", Level.ALERT, "0312345678"),
    ]
    detail = reader.call("call-1")
    assert detail is not None
    assert detail.utterances[0].evidence == (Evidence("キャッシュカード", 0.8),)
    assert reader.pending_alerts() == (1 if old.stem < "0004" else 2)


def test_reading_an_older_database_says_what_to_do(tmp_path: Path) -> None:
    shutil.copyfile(OLD_DATABASES / "0001.sqlite", tmp_path / "calls.sqlite")
    with pytest.raises(StoreError, match="start the box once"):
        CallReader(tmp_path / "calls.sqlite").feedback(0.0)


def test_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    prepare(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 999")
    with pytest.raises(StoreError, match=r"calls\.sqlite: the database has schema 999"):
        Database(path, print)
    assert [entry.name for entry in tmp_path.glob("*damaged*")] == []


def test_failed_migration_changes_nothing() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        with pytest.raises(sqlite3.OperationalError):
            migrate(db, [Migration(1, "CREATE TABLE a (x);"), Migration(2, "CREATE TABLE b (x); SELECT nonsense();")])
        assert [name for (name,) in db.execute("SELECT name FROM sqlite_master")] == ["a"]
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert not db.in_transaction


def test_damaged_database_is_kept_aside_and_the_box_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "calls.sqlite"
    path.write_bytes(b"this was a database before the card went bad" * 100)
    with caplog.at_level(logging.ERROR):
        Database(path, print).close()
    assert "calls.sqlite.damaged-1" in caplog.text
    assert (tmp_path / "calls.sqlite.damaged-1").read_bytes().startswith(b"this was a database")
    assert CallReader(path).calls() == ()


def test_unsent_alerts_of_a_damaged_database_are_rescued(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    outbox = SqliteOutbox(path)
    for n in range(1, 4):
        _put(outbox, n)
    outbox.close()
    _break_calls_table(path)
    fresh = SqliteOutbox(path)
    assert (tmp_path / "calls.sqlite.damaged-1").exists()
    assert [row.payload for row in fresh.pending(0.0)] == [b"1", b"2", b"3"]
    assert fresh.last_sequence() == 3
    fresh.close()


def test_second_damage_keeps_the_first_one_too(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    for content in (b"first" * 1000, b"second" * 1000):
        path.write_bytes(content)
        prepare(path)
    assert (tmp_path / "calls.sqlite.damaged-1").read_bytes().startswith(b"first")
    assert (tmp_path / "calls.sqlite.damaged-2").read_bytes().startswith(b"second")


def _put(outbox: SqliteOutbox, n: int) -> None:
    outbox.put(
        alert_id=f"a{n}",
        event="new",
        level=Level.ALERT,
        sequence=n,
        messages=[Message("topic", str(n).encode())],
        created_at=1.0,
        expires_at=None,
    )


def _break_calls_table(path: Path) -> None:
    """Overwrite the root page of table `calls`, as a worn card would."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'calls'").fetchone()
        (size,) = db.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)


def test_a_command_beside_the_box_takes_no_alert_from_it(tmp_path: Path) -> None:
    """The box opens the file more than once; another program that closes it must not take itself for the last."""
    path = tmp_path / "calls.sqlite"
    database, outbox = Database(path, print), SqliteOutbox(path)
    look = "import sys; from pathlib import Path; from denwaban.store.contacts import ContactBook"
    look += "; print(len(ContactBook(Path(sys.argv[1])).deliveries()))"
    command = [sys.executable, "-c", look, str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    for n in (1, 2):
        put = {"alert_id": f"alert-{n}", "event": "new", "level": Level.ALERT, "sequence": n}
        outbox.put(**put, messages=[Message("topic", b"{}")], created_at=1.0, expires_at=None)
        seen = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
        assert int(seen) == n
    outbox.close()
    database.close()
