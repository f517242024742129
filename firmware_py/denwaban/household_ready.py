"""Whether the box's database can be used now, told in the words of the page."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from denwaban.errors import StoreError
from denwaban.store.files import migrations
from denwaban.store.reading import CallReader
from denwaban.web.port import Unavailable, Why

_BUSY: Final = frozenset((sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))


@contextmanager
def ready(path: Path) -> Iterator[None]:
    """The database is there and of this program's schema; what fails inside is told as Unavailable."""
    try:
        if not path.is_file():
            raise Unavailable(Why.MISSING)
        known, schema = migrations()[-1].version, CallReader(path).schema()
        if schema != known:
            raise Unavailable(Why.NEWER if schema > known else Why.OLDER)
        yield
    except StoreError as error:
        code = getattr(error.__cause__, "sqlite_errorcode", None)
        raise Unavailable(Why.LOCKED if code is not None and code & 0xFF in _BUSY else Why.BROKEN) from error
