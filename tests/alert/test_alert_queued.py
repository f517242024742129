"""Deciding an alert never waits for the disk, and no alert gets lost or overtaken on the way to it."""

from __future__ import annotations

import threading
import time

from denwaban.alert.queued import MOST_WAITING, QueuedAlerts
from denwaban.effects import ReportHealth, SendAlert
from denwaban.events import Level
from tests.fakes.ports import FakeAlerts


def alert(n: int) -> SendAlert:
    return SendAlert(f"a{n}", "call", "new", Level.ALERT, "refund", 0.9, None, (), ())


class StuckDisk(FakeAlerts):
    """Writes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.writing, self.freed = threading.Event(), threading.Event()

    def submit(self, alert: SendAlert, at: float) -> None:
        self.writing.set()
        self.freed.wait(60)
        super().submit(alert, at)


def test_alerts_are_written_in_order_and_all_of_them_before_the_end() -> None:
    sink = FakeAlerts()
    queued = QueuedAlerts(sink)
    for n in range(100):
        queued.submit(alert(n), float(n))
    queued.report(ReportHealth("deaf", "line"), 100.0)
    queued.close()
    assert [(one.alert_id, at) for one, at in sink.submitted] == [(f"a{n}", float(n)) for n in range(100)]
    assert sink.reported == [(ReportHealth("deaf", "line"), 100.0)]


def test_a_stuck_disk_holds_nobody_up_and_what_waits_is_bounded() -> None:
    sink = StuckDisk()
    queued = QueuedAlerts(sink)
    queued.submit(alert(0), 0.0)
    assert sink.writing.wait(60)
    began = time.monotonic()
    for n in range(1, MOST_WAITING + 50):
        queued.submit(alert(n), 0.0)
    assert time.monotonic() - began < 1.0
    sink.freed.set()
    queued.close()
    assert [one.alert_id for one, _at in sink.submitted] == [f"a{n}" for n in range(MOST_WAITING + 1)]


class BrokenOnce(FakeAlerts):
    """Fails at the first alert."""

    def submit(self, alert: SendAlert, at: float) -> None:
        if not self.submitted and alert.alert_id == "a0":
            raise RuntimeError("broken")
        super().submit(alert, at)


def test_an_alert_that_cannot_be_written_does_not_silence_the_next() -> None:
    sink = BrokenOnce()
    queued = QueuedAlerts(sink)
    for n in range(3):
        queued.submit(alert(n), 0.0)
    queued.close()
    assert [one.alert_id for one, _at in sink.submitted] == ["a1", "a2"]
