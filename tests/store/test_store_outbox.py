"""The outbox: what was put is there after a power cut, in order, and the bound never costs an alert."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from denwaban.alert.outbox import Message
from denwaban.errors import StoreError
from denwaban.events import Level
from denwaban.store.outbox import SqliteOutbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "box" / "calls.sqlite"


@pytest.fixture
def outbox(path: Path) -> Iterator[SqliteOutbox]:
    outbox = SqliteOutbox(path, max_rows=10)
    yield outbox
    outbox.close()


def _put(outbox: SqliteOutbox, n: int, level: Level = Level.ALERT, expires_at: float | None = None) -> None:
    outbox.put(
        alert_id=f"a{n}",
        event="new",
        level=level,
        sequence=n,
        messages=[Message("t/alert", f"{n}".encode()), Message("t/alert/musume", f"{n}m".encode())],
        created_at=1.0,
        expires_at=expires_at,
    )


def _payloads(outbox: SqliteOutbox, now: float = 0.0) -> list[bytes]:
    return [row.payload for row in outbox.pending(now, limit=1000)]


def test_rows_keep_their_order_until_sent(outbox: SqliteOutbox) -> None:
    for n in (1, 2):
        _put(outbox, n)
    assert _payloads(outbox) == [b"1", b"1m", b"2", b"2m"]
    first, second, *_ = outbox.pending(0.0)
    outbox.mark_sent(second.seq, 5.0)
    assert _payloads(outbox) == [b"1", b"2", b"2m"]
    assert [row.payload for row in outbox.pending(0.0, after=first.seq)] == [b"2", b"2m"]
    assert outbox.pending_count(0.0) == 3
    assert outbox.last_sequence() == 2


def test_expired_row_is_not_sent(outbox: SqliteOutbox) -> None:
    _put(outbox, 1, Level.CAUTION, expires_at=100.0)
    assert outbox.pending_count(99.0) == 2
    assert _payloads(outbox, now=100.0) == []


def test_bound_drops_sent_then_cautions_and_never_an_unsent_alert(outbox: SqliteOutbox) -> None:
    _put(outbox, 1)
    for row in outbox.pending(0.0):
        outbox.mark_sent(row.seq, 2.0)
    _put(outbox, 2, Level.CAUTION)
    for n in range(3, 6):
        _put(outbox, n)
    assert outbox.pending_count(0.0) == 8, "ten rows fit"
    _put(outbox, 6)
    assert outbox._connection.execute("SELECT count(*) FROM outbox WHERE ended IS NOT NULL").fetchone() == (0,)
    assert outbox.pending_count(0.0) == 10, "the sent ones went first"
    for n in range(7, 10):
        _put(outbox, n)
    assert _payloads(outbox)[::2] == [b"3", b"4", b"5", b"6", b"7", b"8", b"9"], "only the caution went"


def test_an_alert_began_with_its_first_message(outbox: SqliteOutbox) -> None:
    assert outbox.began("a1") is None
    _put(outbox, 1)
    outbox.put(
        alert_id="a1",
        event="end",
        level=Level.ALERT,
        sequence=2,
        messages=[Message("t/alert", b"2")],
        created_at=9.0,
        expires_at=None,
    )
    for row in outbox.pending(0.0):
        outbox.mark_sent(row.seq, 10.0)
    assert outbox.began("a1") == 1.0


def test_sent_content_is_deleted(outbox: SqliteOutbox) -> None:
    _put(outbox, 1)
    outbox.mark_sent(outbox.pending(0.0)[0].seq, 2.0)
    assert outbox._connection.execute("SELECT payload FROM outbox ORDER BY seq").fetchone() == (b"",)


def test_outbox_syncs_each_commit(outbox: SqliteOutbox) -> None:
    """What a copy of the file cannot show: the card has the commit too. 2 is FULL (sqlite.org/pragma.html)."""
    assert outbox._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert outbox._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def _after_power_cut(path: Path, folder: Path, wal_length: int | None = None) -> list[bytes]:
    """Reopen a copy of the files as they are on the card now, the log cut to `wal_length` bytes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    copy = folder / path.name
    shutil.copyfile(path, copy)
    wal = path.with_name(path.name + "-wal").read_bytes()
    copy.with_name(copy.name + "-wal").write_bytes(wal[:wal_length])
    reopened = SqliteOutbox(copy)
    try:
        return _payloads(reopened)
    finally:
        reopened.close()


def test_alert_survives_power_cut_at_every_write(path: Path, tmp_path: Path) -> None:
    outbox = SqliteOutbox(path)
    for n in range(1, 40):
        _put(outbox, n)
        assert _after_power_cut(path, tmp_path / "cut")[-1] == f"{n}m".encode()
        if n % 3 == 0:
            outbox.mark_sent(outbox.pending(0.0)[0].seq, 2.0)
            assert _after_power_cut(path, tmp_path / "cut") == _payloads(outbox)
    outbox.close()


def test_power_cut_in_the_middle_of_a_write_keeps_all_earlier_rows(path: Path, tmp_path: Path) -> None:
    outbox = SqliteOutbox(path)
    _put(outbox, 1)
    wal = path.with_name(path.name + "-wal")
    durable = wal.stat().st_size
    _put(outbox, 2)
    whole = wal.stat().st_size
    assert whole > durable, "the second write must append for this test to mean anything"
    for length in range(durable, whole, 509):
        assert _after_power_cut(path, tmp_path / "cut", length) == [b"1", b"1m"]
    assert _after_power_cut(path, tmp_path / "cut", whole) == [b"1", b"1m", b"2", b"2m"]
    outbox.close()


def test_power_cut_at_every_write_of_a_receipt_or_an_answer_costs_nothing(path: Path, tmp_path: Path) -> None:
    outbox = SqliteOutbox(path)
    outbox.put(
        alert_id="a",
        event="new",
        level=Level.ALERT,
        sequence=1,
        messages=[
            Message("t/a", b"1", "a", "receipt", 0, (("nonce", "calling"),)),
            Message("t/b", b"2", "b", "other", 2),
        ],
        created_at=1.0,
        expires_at=None,
    )

    def card() -> dict[str, object]:
        """What a box that starts now would find."""
        for part in (path, path.with_name(path.name + "-wal")):
            shutil.copyfile(part, tmp_path / part.name)
        found = SqliteOutbox(tmp_path / path.name)
        try:
            return {
                "pending": [row.payload for row in found.pending(0.0)],
                "unreceived": found.unreceived(),
                "waiting": found.waiting(),
                "used": found.choice("nonce"),
            }
        finally:
            found.close()

    start = {"pending": [b"1"], "unreceived": (), "waiting": (("a", 2),), "used": ("a", "a", "calling", False)}
    assert card() == start
    outbox.mark_sent(1, 2.0)
    assert card() == start | {"pending": [], "unreceived": ((1, 1),)}
    assert outbox.receive("a", "a", 1, "receipt", 3.0) == 1
    assert card() == start | {"pending": []}
    assert outbox.receive("a", "a", 1, "receipt", 4.0) is None, "the first receipt counts"
    assert outbox.use_choice("nonce", 5.0)
    assert not outbox.use_choice("nonce", 6.0)
    assert card() == start | {"pending": [], "used": ("a", "a", "calling", True)}
    outbox.release("a", 2)
    assert card() == {"pending": [b"2"], "unreceived": (), "waiting": (), "used": ("a", "a", "calling", True)}
    outbox.close()


def test_a_flood_of_undelivered_alerts_is_bounded_and_the_newest_stay(outbox: SqliteOutbox) -> None:
    for n in range(1, 41):
        _put(outbox, n)
    assert outbox.pending_count(0.0) == 50
    assert _payloads(outbox)[-1] == b"40m"


def test_a_message_awaiting_its_receipt_is_never_dropped_for_finished_ones(outbox: SqliteOutbox) -> None:
    outbox.put(
        alert_id="x",
        event="new",
        level=Level.ALERT,
        sequence=1,
        messages=[Message("t/a", b"precious", "a", "receipt")],
        created_at=1.0,
        expires_at=None,
    )
    outbox.mark_sent(1, 2.0)
    for n in range(2, 20):
        _put(outbox, n)
        for row in outbox.pending(0.0):
            outbox.mark_sent(row.seq, 2.0)
    assert outbox.unreceived() == ((1, 1),)
    row = outbox.message(1)
    assert row is not None
    assert row.payload == b"precious"


_KILLED = """
import os, signal, sys
from pathlib import Path
from denwaban.alert.outbox import Message
from denwaban.events import Level
from denwaban.store.outbox import SqliteOutbox
outbox = SqliteOutbox(Path(sys.argv[1]))
outbox.put(alert_id="a", event="new", level=Level.ALERT, sequence=1, messages=[Message("t", b"1")],
           created_at=1.0, expires_at=None)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_row_survives_kill_9_right_after_put(path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, "-c", _KILLED, str(path)], timeout=60, env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    outbox = SqliteOutbox(path)
    assert _payloads(outbox) == [b"1"]
    outbox.close()


_FULL = """
import resource, sys
from pathlib import Path
from denwaban.errors import StoreError
from denwaban.alert.outbox import Message
from denwaban.events import Level
from denwaban.store.outbox import SqliteOutbox
outbox = SqliteOutbox(Path(sys.argv[1]))
def put(n):
    outbox.put(alert_id=f"a{n}", event="new", level=Level.ALERT, sequence=n, messages=[Message("t", b"x" * 9000)],
               created_at=1.0, expires_at=None)
put(1)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    for n in range(2, 40):
        put(n)
except StoreError as error:
    print(n)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
put(n)
print(outbox.pending_count(0.0))
"""


def test_full_disk_is_an_error_and_the_outbox_works_again_after(path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", _FULL, str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    failed_at, kept = (int(word) for word in ended.stdout.split())
    assert failed_at > 2, ended.stderr
    assert kept == failed_at


def test_closed_outbox_is_a_store_error(path: Path) -> None:
    outbox = SqliteOutbox(path)
    outbox.close()
    with pytest.raises(StoreError, match=r"calls\.sqlite"):
        outbox.pending(0.0)
