"""Broker, disk, recogniser and housekeeping may hang for ever: the next caller is answered as if they did not."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import pytest

from denwaban.alert.queued import QueuedAlerts
from denwaban.ears import Ears
from denwaban.effects import CloseCall, Effect, ReportHealth
from denwaban.events import SAMPLE_RATE, CallerId, Event, Pcm, UtteranceAssessed
from denwaban.line.modem import ModemLine
from denwaban.listener import CallListener
from denwaban.loop import Loop, Ports
from denwaban.phases import SessionState
from denwaban.sim.callfile import Behaviour, CallFile
from denwaban.sim.clock import LineClock
from denwaban.sim.line_events import LineEvent, OffHook, Ringing
from denwaban.sim.virtual_line import VirtualLine
from denwaban.store.database import Database
from tests.fakes.ports import FakeAlerts, FakePanel, FakeRecorder, FakeSpeaker
from tests.fixtures_broker import until

PROMPT = np.full(SAMPLE_RATE, 500, np.int16)


class Stuck:
    """Everything that can hang, hanging."""

    def __init__(self) -> None:
        self.hangs, self.freed = threading.Event(), threading.Event()

    def hang(self) -> None:
        self.hangs.set()
        self.freed.wait(120)


class StuckAlerts(FakeAlerts):
    def __init__(self, stuck: Stuck) -> None:
        super().__init__()
        self._stuck = stuck

    def report(self, health: ReportHealth, at: float) -> None:
        self._stuck.hang()


class StuckListener:
    def __init__(self, stuck: Stuck) -> None:
        self._stuck = stuck

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:
        self._stuck.hang()
        return []

    def finish(self) -> list[UtteranceAssessed]:
        return []


class House:
    """A real loop, line, listening threads and database around stuck ones."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.alerts, self.recogniser, self.house = Stuck(), Stuck(), Stuck()
        for stuck in (self.alerts, self.recogniser, self.house):
            stack.callback(stuck.freed.set)
        clock = LineClock(8)  # faster, a busy machine would be late for a ring
        self.rung: list[LineEvent] = []
        self.line = stack.enter_context(VirtualLine(clock, observer=self._watch))
        database = Database(folder / "calls.sqlite", on_error=lambda _error: None)
        stack.callback(database.close)
        self._lock_database(folder / "calls.sqlite", stack)
        queued = QueuedAlerts(StuckAlerts(self.alerts))
        self.seen: list[Event | Effect] = []
        modem = ModemLine(self.line.port, clock, lambda _name: PROMPT)
        ports = Ports(clock, modem, self._ears(), database, queued, FakeSpeaker(), FakePanel(), self.house.hang)
        self.loop = Loop(SessionState("boot", line_ready=False), ports, self.seen.append)
        thread = threading.Thread(target=self.loop.run, name="main-under-test")
        thread.start()
        stack.callback(thread.join, 60)
        stack.callback(self.loop.stop)

    def _ears(self) -> Ears:
        def listener(_caller: CallerId | None) -> CallListener:
            return StuckListener(self.recogniser)

        return Ears(listener, lambda _id: FakeRecorder(), lambda _id: None, line_waits=False)

    def _lock_database(self, path: Path, stack: ExitStack) -> None:
        lock = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
        lock.execute("BEGIN EXCLUSIVE")

    def _watch(self, event: LineEvent) -> None:
        if isinstance(event, Ringing) or (isinstance(event, OffHook) and event.who == "box"):
            self.rung.append(event)

    def call(self) -> None:
        far = np.zeros(SAMPLE_RATE, np.int16)
        behaviour = Behaviour(lift_after_s=0.5, rings=10)
        self.line.ring(CallFile("made", "", "", None, None, None, None, False, behaviour, (), far, far))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with ExitStack() as stack:
        yield House(tmp_path, stack)


def test_every_caller_is_answered_at_the_same_ring_while_everything_else_hangs(house: House) -> None:
    until(lambda: any(isinstance(thing, ReportHealth) for thing in house.seen), "the loop has told the stuck sink")
    for n in (1, 2, 3):
        house.call()
        until(lambda n=n: sum(isinstance(event, OffHook) for event in house.rung) == n, f"call {n} is answered")
        assert house.line.wait_call_over(60)
    for stuck in (house.alerts, house.recogniser, house.house):
        assert stuck.hangs.is_set(), "else this test proves nothing"
    rings = [event.n for event in house.rung if isinstance(event, Ringing)]
    assert rings == [1, 2] * 3, "without a number the second ring is answered"
    assert not any(isinstance(thing, CloseCall) and thing.outcome == "line_failed" for thing in house.seen)
