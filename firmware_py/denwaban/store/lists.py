"""The lists of who gets through: written by a command or a page beside the running box, which watches them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from denwaban.errors import StoreError
from denwaban.rules import PatternKind
from denwaban.store.files import connect, prepare
from denwaban.store.rows import ListName, NumberEntry, StopList, StoredRules
from denwaban.store.writing import rules_changed

LOCK_S: Final = 0.5
"""How long a look at the rules waits for somebody who holds the whole file; the next look comes within a second."""

_ADD: Final = (
    "INSERT INTO list_entries VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "label = CASE excluded.label WHEN '' THEN label ELSE excluded.label END, "
    "source = excluded.source, expires_at = excluded.expires_at"
)
_ENTRIES: Final = "SELECT list, pattern, kind, label, added_at, source, expires_at FROM list_entries ORDER BY 1, 2, 3"
_STOP_LISTS: Final = (
    "SELECT source, issued_at, expires_at, signed_off_by, imported_at, "
    "(SELECT count(*) FROM stop_numbers AS n WHERE n.source = s.source) FROM stop_lists AS s ORDER BY source"
)
_STOP_NUMBERS: Final = "SELECT pattern, kind, expires_at FROM stop_numbers JOIN stop_lists USING (source) ORDER BY 3"
_LET_THROUGH: Final = "SELECT id, until FROM let_through WHERE used_at IS NULL ORDER BY id DESC LIMIT 1"


_POLICY: Final = "SELECT name, value FROM policy ORDER BY name"


class ListEditor:
    """Changes the lists in the database at `path`, which is made if the box never ran. StoreError when it cannot."""

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.exists():
            prepare(path)

    def add(self, entries: Iterable[NumberEntry]) -> None:
        """Add entries, all or none; one that is there keeps the day it was added, and its label unless one is given."""
        rows = [(e.list, e.pattern, e.kind, e.label, e.added_at, e.source, e.expires_at) for e in entries]
        with self._changing() as db:
            db.executemany(_ADD, rows)

    def remove(self, name: ListName, pattern: str, kind: PatternKind) -> bool:
        """Whether there was such an entry."""
        sql = "DELETE FROM list_entries WHERE list = ? AND pattern = ? AND kind = ?"
        with self._changing() as db:
            return db.execute(sql, (name, pattern, kind)).rowcount > 0

    def replace_stop_list(self, head: StopList, patterns: Iterable[tuple[str, PatternKind]]) -> None:
        """Put a new issue in the place of its source's old one. Raises StoreError when it is the older one."""
        with self._changing() as db:
            row = db.execute("SELECT issued_at FROM stop_lists WHERE source = ?", (head.source,)).fetchone()
            if row is not None and row[0] > head.issued_at:
                raise StoreError(
                    f"a newer issue of {head.source!r} is already here; to go back, first: "
                    f"denwaban lists remove stop {head.source!r}"
                )
            db.execute("DELETE FROM stop_lists WHERE source = ?", (head.source,))
            db.execute(
                "INSERT INTO stop_lists VALUES (?, ?, ?, ?, ?)",
                (head.source, head.issued_at, head.expires_at, head.signed_off_by, head.imported_at),
            )
            db.executemany(
                "INSERT OR IGNORE INTO stop_numbers VALUES (?, ?, ?)",
                ((head.source, pattern, kind) for pattern, kind in patterns),
            )

    def remove_stop_list(self, source: str) -> bool:
        """Whether there was such a list."""
        with self._changing() as db:
            return db.execute("DELETE FROM stop_lists WHERE source = ?", (source,)).rowcount > 0

    def let_through(self, until: float, at: float) -> None:
        """Let the next unknown caller through, up to that moment; one not after `at` takes the wish back."""
        with self._changing() as db:
            db.execute("DELETE FROM let_through")
            if until > at:
                db.execute("INSERT INTO let_through (added_at, until) VALUES (?, ?)", (at, until))

    def set_policy(self, name: str, value: str | None, at: float) -> None:
        """Decide about a class of callers, or with `quiet_hours` about a time of day; None: as the configuration."""
        with self._changing() as db:
            db.execute("DELETE FROM policy WHERE name = ?", (name,))
            if value is not None:
                db.execute("INSERT INTO policy VALUES (?, ?, ?)", (name, value, at))

    def policy(self) -> tuple[tuple[str, str], ...]:
        """What was decided, in order of the names."""
        with self._connected() as db:
            return tuple(db.execute(_POLICY))

    def entries(self) -> tuple[NumberEntry, ...]:
        """The household's lists, in order."""
        with self._connected() as db:
            return tuple(NumberEntry(*row) for row in db.execute(_ENTRIES))

    def stop_lists(self) -> tuple[StopList, ...]:
        """The stop-lists, also those whose time is over."""
        with self._connected() as db:
            return tuple(StopList(*row) for row in db.execute(_STOP_LISTS))

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")
            yield db  # an error on the way closes the connection, which rolls back
            rules_changed(db)
            db.execute("COMMIT")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(connect(self._path, "FULL")) as db:
                yield db
        except sqlite3.Error as error:
            older = "no such table" in str(error)  # the box migrates its database when it starts
            way_out = "start the box once so that it is up to date" if older else "check free space with df"
            raise StoreError(f"{self._path}: the lists cannot be read or written ({error}); {way_out}") from error


@dataclass(frozen=True, slots=True)
class ListsRead:
    """The lists as they stand, for showing; `let_through_until` is the end of a wish not yet fulfilled, or None."""

    entries: tuple[NumberEntry, ...]
    stop_lists: tuple[StopList, ...]
    let_through_until: float | None
    policy: tuple[tuple[str, str], ...]


def read_lists(path: Path) -> ListsRead:
    """Everything at once, through a connection that cannot write. StoreError when it cannot be read."""
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=LOCK_S, isolation_level=None)) as db:
            db.execute("BEGIN")  # one state of all tables
            wish = db.execute(_LET_THROUGH).fetchone()
            return ListsRead(
                tuple(NumberEntry(*row) for row in db.execute(_ENTRIES)),
                tuple(StopList(*row) for row in db.execute(_STOP_LISTS)),
                None if wish is None else wish[1],
                tuple(db.execute(_POLICY)),
            )
    except sqlite3.Error as error:
        raise StoreError(f"{path}: the lists cannot be read ({error})") from error


class RulesReader:
    """Reads the rules when somebody has changed them. For one thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._commits = -1
        self._version = -1

    def poll(self) -> StoredRules | None:
        """The rules if they are not those of the last time. StoreError when they cannot be read now: ask again."""
        try:
            return self._poll()
        except sqlite3.Error as error:
            self.close()
            raise StoreError(f"{self._path}: the lists cannot be read ({error})") from error

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _poll(self) -> StoredRules | None:
        if self._connection is None:
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(
                uri, uri=True, timeout=LOCK_S, isolation_level=None, check_same_thread=False
            )
            self._commits = -1
        db = self._connection
        # Cheap: no disk is read. It changes with every commit of another connection, so also with every utterance kept.
        (commits,) = db.execute("PRAGMA data_version").fetchone()
        if commits == self._commits:
            return None
        db.execute("BEGIN")  # one state of all tables
        try:
            (version,) = db.execute("SELECT n FROM rules_version").fetchone()
            found = None if version == self._version else _stored(db)
        finally:
            db.execute("ROLLBACK")
        self._commits, self._version = commits, version
        return found


def _stored(db: sqlite3.Connection) -> StoredRules:
    return StoredRules(
        tuple(NumberEntry(*row) for row in db.execute(_ENTRIES)),
        tuple(db.execute(_STOP_NUMBERS)),
        db.execute(_LET_THROUGH).fetchone(),
        tuple(db.execute(_POLICY)),
    )
