"""A virtual line with the real driver at it, and what both of them reported."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from denwaban.effects import LineCommand
from denwaban.events import SAMPLE_RATE, AudioFrame, Event, LineReady, Pcm
from denwaban.line.modem import ModemLine
from denwaban.sim.audio_path import AgcSettings, LineLevels
from denwaban.sim.callfile import Behaviour, CallFile
from denwaban.sim.clock import LineClock
from denwaban.sim.faults import NO_FAULTS, CommandDelays, Faults
from denwaban.sim.profiles import GENERIC, ModemProfile
from denwaban.sim.simulation import LineSetup
from denwaban.sim.virtual_line import VirtualLine

PATIENCE_S = 60.0
CLEAR = LineLevels(far_db=0.0, near_db=0.0, noise_dbfs=None)
T = TypeVar("T", bound=Event)


def eventually(condition: Callable[[], bool], what: str = "condition", limit_s: float = PATIENCE_S) -> None:
    end = time.monotonic() + limit_s
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < end, f"{what} did not come true within {limit_s} s"
        tick.wait(0.002)


def noise(seconds: float, seed: int = 7, level: float = 3000.0) -> Pcm:
    samples = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE)) * level
    return np.clip(samples, -32768, 32767).astype(np.int16)


def make_call(caller_id: str | None = None, far: Pcm | None = None, **behaviour: Any) -> CallFile:
    far = noise(2.0) if far is None else far
    return CallFile(
        id="made",
        title="",
        title_en="",
        label=None,
        caller_id=caller_id,
        outcome=None,
        level=None,
        known=False,
        behaviour=Behaviour(**behaviour),
        turns=(),
        far=far,
        near=np.zeros(len(far), np.int16),
    )


class Sink:
    """A `FrameSink` that keeps everything."""

    def __init__(self) -> None:
        self.frames: list[Pcm] = []
        self.room = True

    def has_room(self) -> bool:
        return self.room

    def put(self, frame: AudioFrame) -> None:
        self.frames.append(frame.pcm)

    @property
    def pcm(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self.frames])


class Bench:
    """Driver and line. `port` stands in for the path in /dev and can be unplugged and plugged in again."""

    def __init__(
        self,
        folder: Path,
        *,
        faults: Faults = NO_FAULTS,
        delays: CommandDelays | None = None,
        profile: ModemProfile = GENERIC,
        speed: float = 20,
        pty_chunk: int | None = None,
        prompts: dict[str, Pcm] | None = None,
        plugged: bool = True,
        name: str = "modem",
        scheme: str = "",
        **driver: Any,
    ) -> None:
        """`driver`: more arguments of `ModemLine`."""
        self.clock = LineClock(speed)
        self.setup = LineSetup(profile, delays or CommandDelays(), faults, CLEAR, AgcSettings(on=False))
        self.pty_chunk = pty_chunk
        self.port = folder / name
        self.events: list[Event] = []
        self.sink = Sink()
        self.beats = 0
        self.line = self._new_line()
        if plugged:
            self.plug()
        prompts = prompts or {}
        self.modem = ModemLine(f"{scheme}{self.port}", self.clock, prompts.__getitem__, heartbeat=self._beat, **driver)
        self.modem.start(self.events.append, self.sink)

    def _new_line(self) -> VirtualLine:
        line = VirtualLine(self.clock, setup=self.setup, pty_chunk=self.pty_chunk)
        line.start()
        return line

    def _beat(self) -> None:
        self.beats += 1

    def plug(self) -> None:
        self.port.symlink_to(self.line.port)

    def unplug(self) -> None:
        """Pull the modem out and have another one at hand, not yet plugged in."""
        self.port.unlink()
        self.line.close()
        self.line = self._new_line()

    def replug(self, name: str | None = None) -> None:
        """Pull the same modem out and put it in again: without power for a moment, its port under another name."""
        old = self.line.port
        self.line.replug()
        eventually(lambda: self.line.port != old, "the port coming back")
        self.port.unlink()
        self.port = self.port.with_name(name or self.port.name)
        self.plug()

    def ready(self) -> Bench:
        self.wait(LineReady)
        return self

    def do(self, command: LineCommand) -> None:
        self.modem.submit(command)

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.events.copy() if isinstance(event, kind)]

    def wait(self, kind: type[T], count: int = 1) -> T:
        """The `count`-th event of this kind."""
        eventually(lambda: len(self.of(kind)) >= count, f"{count} {kind.__name__} (came: {self.events})")
        return self.of(kind)[count - 1]

    def wait_line_time(self, seconds: float) -> None:
        end = self.clock.now() + seconds
        eventually(lambda: self.clock.now() >= end, "line time going on")

    def close(self) -> None:
        self.modem.close()
        self.line.close()
