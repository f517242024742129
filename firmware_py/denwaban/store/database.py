"""The call database: one writer thread, so nobody who handles a call ever waits for the disk."""

from __future__ import annotations

import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from denwaban.effects import AllowNumber, CloseCall, MarkHarmless, NoteUtterance, OpenCall, UseLetThrough
from denwaban.errors import StoreError
from denwaban.store import writing
from denwaban.store.files import connect, is_damage, prepare
from denwaban.store.reading import CallReader
from denwaban.store.rows import CallDetail, CallMemory, Feedback, StoredCall

_log = logging.getLogger(__name__)

_QUEUE_LENGTH: Final = 1000
"""Jobs waiting for the disk. A call gives about one a second, so this is a quarter of an hour of a stuck disk."""

RETRY_WAITS_S: Final = (0.1, 0.5, 2.0)
"""Between the tries of one write; a log rotation or a short lock is over by then."""

_POLL_S: Final = 1.0

Job = Callable[[sqlite3.Connection], None]
OnError = Callable[[StoreError], None]


class Database:
    """Keeps calls in the SQLite file `path` (a `ports.CallStore`). Writing methods only queue and never block.

    A write that fails for good is dropped and `on_error` is called, from the writer thread, once until a write
    succeeds again; everything else goes on. Raises StoreError when the file cannot be opened at all.
    """

    def __init__(self, path: Path, on_error: OnError, retry_waits_s: tuple[float, ...] = RETRY_WAITS_S) -> None:
        prepare(path)
        self._path = path
        self._on_error = on_error
        self._retry_waits_s = retry_waits_s
        self._reader = CallReader(path)
        self._failing = False
        self._closing = threading.Event()
        self._jobs: queue.Queue[Job | threading.Event] = queue.Queue(_QUEUE_LENGTH)
        self._connection = connect(path, "NORMAL")
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def open_call(self, opened: OpenCall, at: float) -> None:
        self._submit(partial(writing.open_call, opened=opened, at=at))

    def note(self, noted: NoteUtterance, at: float) -> None:
        self._submit(partial(writing.note, noted=noted, at=at))

    def close_call(self, closed: CloseCall, at: float) -> None:
        self._submit(partial(writing.close_call, closed=closed, at=at))

    def use_let_through(self, used: UseLetThrough, at: float) -> None:
        self._submit(partial(writing.use_let_through, used=used, at=at))

    def forget_words(self, call_id: str) -> None:
        self._submit(partial(writing.forget_words, call_id=call_id))
        self._enqueue(writing.empty_log)

    def mark_harmless(self, marked: MarkHarmless, at: float) -> None:
        self._submit(partial(writing.mark_harmless, marked=marked, at=at))

    def allow_number(self, allowed: AllowNumber, at: float) -> None:
        self._submit(partial(writing.allow_number, allowed=allowed, at=at))

    def forget_expired(self, before: float) -> None:
        """Delete list entries whose time ended before that time."""
        self._submit(partial(writing.forget_expired, before=before))

    def forget_calls(self, before: float) -> None:
        """Delete the calls opened before that time (seconds since the epoch)."""
        self._submit(partial(writing.forget_calls, before=before))
        self._enqueue(writing.empty_log)

    def forget_feedback(self, before: float) -> None:
        """Delete what people said of calls before that time."""
        self._submit(partial(writing.forget_feedback, before=before))

    def calls(self, limit: int = 50) -> tuple[StoredCall, ...]:
        """The newest calls, newest first; what is still queued is not among them (see `flush`)."""
        return self._reader.calls(limit)

    def call(self, call_id: str) -> CallDetail | None:
        """One call with its utterances, or None."""
        return self._reader.call(call_id)

    def household_memory(self, since: float) -> tuple[CallMemory, ...]:
        """Calls ended at `since` (seconds since the epoch) or later, oldest first."""
        return self._reader.household_memory(since)

    def feedback(self, since: float) -> tuple[Feedback, ...]:
        """What people said of calls at `since` (seconds since the epoch) or later, oldest first."""
        return self._reader.feedback(since)

    def kept(self) -> frozenset[str]:
        """The ids of the calls to be kept for good."""
        return self._reader.kept()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until everything queued so far is written (or given up); False when that took longer than `timeout`."""
        done = threading.Event()
        try:
            self._jobs.put(done, timeout=timeout)
        except queue.Full:
            return False
        return done.wait(timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Write what is queued, then end the thread. StoreError when the disk does not answer in `timeout` seconds."""
        self._closing.set()
        with contextlib.suppress(queue.Full):  # a full queue needs no waking
            self._jobs.put_nowait(threading.Event())
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise StoreError(
                f"{self._path}: the disk did not take the last {self._jobs.qsize()} writes in {timeout:g} s"
            )

    def _submit(self, job: Job) -> None:
        self._enqueue(partial(_transact, job=job))

    def _enqueue(self, job: Job) -> None:
        if self._closing.is_set():
            _log.error("a write came after the database was closed; dropped")
            return
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self._report(f"{self._path}: the disk is too slow, {_QUEUE_LENGTH} writes are waiting; a write was dropped")

    def _run(self) -> None:
        try:
            while True:
                try:
                    # Once closing, nothing is added: take what is left without waiting.
                    job = self._jobs.get_nowait() if self._closing.is_set() else self._jobs.get(timeout=_POLL_S)
                except queue.Empty:
                    if self._closing.is_set() and self._jobs.empty():
                        return
                    continue
                if isinstance(job, threading.Event):
                    job.set()  # everything before it is done
                else:
                    self._perform(job)
        finally:
            self._connection.close()

    def _perform(self, job: Job) -> None:
        for wait in (*self._retry_waits_s, None):
            try:
                job(self._connection)
            except sqlite3.Error as error:
                if wait is None or is_damage(error) or isinstance(error, sqlite3.IntegrityError):
                    self._report(
                        f"{self._path}: a call could not be written ({error}); check free space with df, and the log"
                    )
                    return
                self._closing.wait(wait)
            else:
                self._failing = False
                return

    def _report(self, message: str) -> None:
        if self._failing:
            return
        self._failing = True
        self._on_error(StoreError(message))


def _transact(db: sqlite3.Connection, job: Job) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        job(db)
        db.execute("COMMIT")
    finally:
        if db.in_transaction:
            db.execute("ROLLBACK")
