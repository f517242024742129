"""The ports `Bench` and `OpenLine` on pyserial and on the driver that `denwaban run` uses."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from serial.tools import list_ports

from denwaban.ears import FrameQueue
from denwaban.effects import LineCommand
from denwaban.errors import LineError
from denwaban.events import AudioFrame, Event, LineFailed, Pcm
from denwaban.line.modem import ModemLine, identify
from denwaban.line.probe import ModemFacts
from denwaban.line.profiles import Profile
from denwaban.ports import Capabilities, Clock
from denwaban.setup.steps import FoundModem

MOST_EVENTS: Final = 1000
BY_ID: Final = Path("/dev/serial/by-id")


class SerialBench:
    """Modems at the serial ports of this computer."""

    def __init__(
        self,
        clock: Clock,
        prompts: Callable[[str], Pcm],
        profile: Profile | None,
        modems: Callable[[], Sequence[FoundModem]],
    ) -> None:
        """`profile`: None recognises the family. `modems` lists where one may be."""
        self._clock = clock
        self._prompts = prompts
        self._profile = profile
        self._modems = modems

    def modems(self) -> Sequence[FoundModem]:
        return self._modems()

    def trouble(self, port: str) -> Literal["", "port_missing", "no_permission"]:
        if not port.startswith("/"):
            return ""  # a pyserial URL
        if not os.path.exists(port):
            return "port_missing"
        return "" if os.access(port, os.R_OK | os.W_OK) else "no_permission"

    def identify(self, port: str) -> ModemFacts:
        return identify(port, self._clock, self._profile)

    def open(self, port: str) -> DriverLine:
        return DriverLine(self._driver(port), self._clock)

    def capabilities(self, facts: ModemFacts) -> Capabilities:
        return replace(self._driver("").capabilities, shows_caller=facts.shows_caller)

    def _driver(self, port: str) -> ModemLine:
        return ModemLine(port, self._clock, self._prompts, self._profile)


class DriverLine:
    """A started driver; its events and audio wait here for the wizard's thread."""

    def __init__(self, driver: ModemLine, clock: Clock) -> None:
        self._driver = driver
        self._clock = clock
        self._events: queue.Queue[Event] = queue.Queue(MOST_EVENTS)
        self._frames = FrameQueue()
        driver.start(self._events.put_nowait, self)

    # --- for the driver's thread ---

    def has_room(self) -> bool:
        return True

    def put(self, frame: AudioFrame) -> None:
        self._frames.put(frame)

    # --- for the wizard ---

    def now(self) -> float:
        return self._clock.now()

    def next_event(self, limit_s: float) -> Event | None:
        deadline = self._clock.now() + limit_s
        while True:
            try:
                event = self._events.get(timeout=max(0.0, self._clock.wait_hint(deadline)))
            except queue.Empty:
                if self._clock.now() >= deadline:
                    return None
                continue
            if isinstance(event, LineFailed):
                raise LineError(event.reason)
            return event

    def do(self, command: LineCommand) -> None:
        self._driver.submit(command)

    def take_audio(self) -> Pcm:
        parts: list[Pcm] = [np.zeros(0, np.int16)]
        try:
            while True:
                frame = self._frames.get(0.0)
                if frame is not None:
                    parts.append(frame.pcm)
        except queue.Empty:
            return np.concatenate(parts)

    def close(self) -> None:
        self._driver.close()


def usb_modems() -> tuple[FoundModem, ...]:
    """Serial ports on USB; a computer's own serial ports have no modem in them."""
    ports = sorted((port.device, port.description or "") for port in list_ports.comports() if port.vid is not None)
    return tuple(_named(device, description) for device, description in ports)


def _named(device: str, description: str) -> FoundModem:
    name = stable_name(device, BY_ID)
    return FoundModem(name or device, description, stable=name is not None)


def stable_name(device: str, by_id: Path) -> str | None:
    """The name under by-id, which follows a device from socket to socket; None where there is none."""
    try:
        names = sorted(by_id.iterdir())
    except OSError:
        return None
    real = Path(device).resolve()
    return next((str(name) for name in names if name.resolve() == real), None)
