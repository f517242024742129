"""Between whoever decides an alert and the outbox: a worn card takes seconds to write, and no line waits."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from denwaban.effects import ReportHealth, SendAlert
from denwaban.ports import AlertSink

_log = logging.getLogger(__name__)

MOST_WAITING: Final = 200


class QueuedAlerts:
    """Hands alerts to another `ports.AlertSink` on a thread of its own, in order. No method but `close` ever waits."""

    def __init__(self, sink: AlertSink) -> None:
        self._sink = sink
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="alert-outbox", daemon=True)
        self._thread.start()

    def submit(self, alert: SendAlert, at: float) -> None:
        self._put(partial(self._sink.submit, alert, at))

    def report(self, health: ReportHealth, at: float) -> None:
        self._put(partial(self._sink.report, health, at))

    def close(self, timeout: float = 10.0) -> None:
        """Let everything be written, then end the thread."""
        self._put(None)
        self._thread.join(timeout)
        if self._thread.is_alive():
            _log.error("the disk did not take the last %d alerts in %g s", self._jobs.qsize(), timeout)

    def _put(self, job: Callable[[], None] | None) -> None:
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            _log.error("the disk hangs: %d alerts wait for it, one more is dropped", MOST_WAITING)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001 - the next alert must still be told
                _log.exception("an alert could not be handed on")
