"""What the modem driver costs: time from a decision to the modem, turn-around between commands, processor time."""

from __future__ import annotations

import random
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from bench.line_box import House, PacedClock, Sounds, build_loop, speech_like
from bench.line_plan import BLOCKED, Caller, Visit
from denwaban.clock import SystemClock
from denwaban.effects import Answer, Effect, HangUp, LineCommand, Play, Record
from denwaban.events import Answered, AudioFrame, Event, LineReady, LineReleased, PromptFinished, RecordingStarted
from denwaban.line.encoding import usable_encodings
from denwaban.line.modem import ModemLine
from denwaban.phases import Phase
from denwaban.sim import line_events as show
from denwaban.sim.callfile import Behaviour
from denwaban.sim.clock import LineClock
from denwaban.sim.exchange import LineTick
from denwaban.sim.faults import CommandDelays
from denwaban.sim.modem import VoiceModem
from denwaban.sim.profiles import GENERIC
from denwaban.sim.pty import PtyEnd
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine
from denwaban.store.database import Database

Figures = dict[str, float]

LIMIT_S: Final = 30.0
POLL_S: Final = 0.0003
FIRST_BYTE_BUDGET_MS: Final = 50.0
OFF_HOOK_BUDGET_MS: Final = 300.0
ANSWERS: Final = 40
CPU_S: Final = 6.0
_HURRY: Final = 8.0
"""Line speed of what is not measured: the alerting before a call, its end."""


def answer_latency(times: int = ANSWERS) -> dict[str, Any]:
    """Milliseconds from `submit(Answer())` until the modem has the first command, and `+VLS=1`; emulator's delays.

    A command counts when its carriage return is at the modem, so the first byte was there no later.
    """
    rng = random.Random(1)
    first: list[float] = []
    off_hook: list[float] = []
    with ExitStack() as stack:
        line = stack.enter_context(VirtualLine(LineClock(1.0)))
        driver = stack.enter_context(_Driver(line.port))
        for _ in range(times):
            time.sleep(rng.uniform(0, 0.05))  # anywhere in the driver's poll
            before, decided = len(line.transcript_of_commands), time.perf_counter()
            driver.submit(Answer())
            first.append(_arrival(line, before, "AT+FCLASS=8") - decided)
            off_hook.append(_arrival(line, before, "AT+VLS=1") - decided)
            driver.wait(Answered)
            driver.do(HangUp(), LineReleased)
    return {
        "first_command_ms": _milliseconds(first) | {"budget": FIRST_BYTE_BUDGET_MS},
        "off_hook_written_ms": _milliseconds(off_hook) | {"budget": OFF_HOOK_BUDGET_MS},
    }


def ring_to_answer(folder: Path, times: int = ANSWERS) -> Figures:
    """Milliseconds from the ring on the line to the first command, through driver, main loop and session."""
    clock, rang = PacedClock(1.0), [0.0]

    def watch(event: show.LineEvent) -> None:
        if isinstance(event, show.CallArrived | show.CallerIdSent):
            clock.speed = _HURRY if isinstance(event, show.CallArrived) else 1.0
        elif isinstance(event, show.Ringing):
            rang[0] = time.perf_counter()

    delays: list[float] = []
    visit = Visit(0, "talks", (Caller(BLOCKED[0], "refuse"),), Behaviour(), talk_s=1.0, pause_s=0.0)
    with ExitStack() as stack:
        line = stack.enter_context(VirtualLine(clock, observer=watch))
        database = Database(folder / "latency.sqlite", on_error=lambda error: print(error, file=sys.stderr))
        stack.callback(database.close)
        sounds, prompt, happened = Sounds(), speech_like(0.1), list[Event | Effect]()
        loop = build_loop(line.port, clock, lambda _name: prompt, database, House(), happened.append)
        box = threading.Thread(target=loop.run, name="box", daemon=True)
        box.start()
        stack.callback(box.join, LIMIT_S)
        stack.callback(loop.stop)
        _until(lambda: any(isinstance(one, LineReady) for one in happened.copy()))
        for _ in range(times):
            before = len(line.transcript_of_commands)
            line.ring(sounds.call(visit, visit.callers[0]))
            delays.append(_arrival(line, before, "AT+FCLASS=8") - rang[0])
            clock.speed = _HURRY
            _until(lambda: loop.state.phase is Phase.IDLE and not line.busy)
    return _milliseconds(delays)


def turnaround(times: int = ANSWERS) -> Figures:
    """Milliseconds from a modem's answer to the driver's next command in the same task: the driver's own share."""
    with _InstantModem() as modem, _Driver(modem.port) as driver:
        gaps: list[float] = []
        for _ in range(times):
            for command, done in ((Answer(), Answered), (HangUp(), LineReleased)):
                modem.gaps.clear()
                driver.do(command, done)
                gaps += modem.gaps[1:]  # the first command waited for the task, not for an answer
        return _milliseconds(gaps)


def processor_time(seconds: float = CPU_S) -> dict[str, Figures]:
    """CPU seconds of the driver's thread per second of a call at real speed, for each encoding it can use."""
    figures: dict[str, Figures] = {}
    for row in GENERIC.formats:
        found = usable_encodings([row.row])
        if found and found[0].law not in figures:
            figures[found[0].law] = _processor_time(replace(GENERIC, formats=(row,), default_cml=row.cml), seconds)
    return figures


def _processor_time(profile: Any, seconds: float) -> Figures:
    setup = LineSetup(profile=profile, delays=CommandDelays.none())
    with VirtualLine(LineClock(1.0), setup=setup) as line, _Driver(line.port, seconds) as driver:
        driver.do(Answer(), Answered)
        playing = driver.processor_time(lambda: driver.do(Play("speech"), PromptFinished))
        driver.do(Record(), RecordingStarted)
        recording = driver.processor_time(lambda: time.sleep(seconds))
        driver.do(HangUp(), LineReleased)
    return {"playing": round(playing / seconds, 4), "recording": round(recording / seconds, 4)}


class _Driver:
    """The driver on a port, its events and its thread. Use as a context manager."""

    def __init__(self, port: str, prompt_s: float = 1.0) -> None:
        prompt = speech_like(prompt_s)
        self._events: list[Event] = []
        self._line = ModemLine(port, SystemClock(), lambda _name: prompt)
        others = set(threading.enumerate())
        self._line.start(self._events.append, _Drain())
        (self._thread,) = set(threading.enumerate()) - others

    def __enter__(self) -> Self:
        self.wait(LineReady)
        return self

    def __exit__(self, *error: object) -> None:
        self._line.close()

    def submit(self, command: LineCommand) -> None:
        self._events.clear()
        self._line.submit(command)

    def wait(self, kind: type[Event]) -> None:
        _until(lambda: any(isinstance(event, kind) for event in self._events.copy()))

    def do(self, command: LineCommand, done: type[Event]) -> None:
        self.submit(command)
        self.wait(done)

    def processor_time(self, task: Callable[[], None]) -> float:
        """CPU seconds of the driver's thread while `task` runs in this one."""
        clock = time.pthread_getcpuclockid(self._thread.ident or 0)
        before = time.clock_gettime(clock)
        task()
        return time.clock_gettime(clock) - before


class _InstantModem:
    """The emulated modem without waiting: it answers as soon as a command has come. Use as a context manager."""

    def __init__(self) -> None:
        self._modem = VoiceModem(delays=CommandDelays.none())
        self._pty = PtyEnd()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="instant-modem", daemon=True)
        self.port = self._pty.path
        self.gaps: list[float] = []
        """Seconds between an answer and the next command."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(LIMIT_S)
        self._pty.close()

    def _run(self) -> None:
        answered = time.perf_counter()
        while not self._stop.is_set():
            self._pty.wait(0.02, for_input=True, for_room=False)
            command = self._pty.read(self._modem.room())
            if not command:
                continue
            self.gaps.append(time.perf_counter() - answered)
            self._modem.receive(command)
            for _ in range(2):  # the answer, and codes that come with it
                self._modem.tick(LineTick())
            self._pty.write(self._modem.take_output())
            answered = time.perf_counter()


class _Drain:
    """A `FrameSink` without a reader."""

    def has_room(self) -> bool:
        return True

    def put(self, frame: AudioFrame) -> None:
        del frame


def _arrival(line: VirtualLine, before: int, command: str) -> float:
    """When the modem got this command, behind the first `before` ones."""
    _until(lambda: command in line.transcript_of_commands[before:])
    return time.perf_counter()


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        if time.monotonic() > end:
            raise SystemExit(f"the driver did not come to it within {LIMIT_S:.0f} s")
        time.sleep(POLL_S)


def _milliseconds(seconds: Sequence[float]) -> Figures:
    cuts = statistics.quantiles(seconds, n=20)
    return {
        "n": len(seconds),
        "p50": round(statistics.median(seconds) * 1000, 2),
        "p95": round(cuts[-1] * 1000, 2),
        "max": round(max(seconds) * 1000, 2),
    }
