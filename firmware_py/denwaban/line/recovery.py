"""What to do with a modem that has failed: which step, after what pause, at which port. Only `PowerSwitch` does I/O."""

from __future__ import annotations

import logging
import math
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

_log = logging.getLogger(__name__)

REOPEN_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Pauses before the port is opened again; the last one is kept up for ever."""
RESET_FROM: Final = 2
"""Failures in a row from which on the modem is also reset (ATZ) after opening."""
POWER_CUT_FROM: Final = 3
STEADY_S: Final = 60.0
POWER_CUT_EVERY_S: Final = 600.0
"""At most one cut in this time, doubled with each cut that did not help: other devices may hang on the same hub."""
POWER_CUT_LONGEST_S: Final = 3600.0
POLL_S: Final = 0.05
POWER_CUT_LIMIT_S: Final = 30.0
"""Longer than `uhubctl --action cycle --delay 10` takes."""


class Remedy(Enum):
    """From mild to drastic; each includes those before it."""

    REOPEN = "open the port again"
    RESET = "open the port again and reset the modem"
    CUT_POWER = "cut the modem's power, then open the port again"


@dataclass(frozen=True, slots=True)
class Recovery:
    """How far the attempts to get the modem back have come. Times are those of the line's clock."""

    failures: int = 0
    cuts: int = 0
    last_cut: float = -math.inf

    @property
    def pause_s(self) -> float:
        """Seconds to wait before the next attempt."""
        return REOPEN_S[min(max(self.failures, 1), len(REOPEN_S)) - 1]

    @property
    def resets(self) -> bool:
        """The next attempt is to reset the modem."""
        return self.failures >= RESET_FROM

    def failed(self, now: float, *, can_cut: bool) -> tuple[Recovery, Remedy]:
        """One more failure, and what to try next."""
        count = self.failures + 1
        between = min(POWER_CUT_EVERY_S * 2.0 ** max(0, min(self.cuts, 16) - 1), POWER_CUT_LONGEST_S)
        if can_cut and count >= POWER_CUT_FROM and now - self.last_cut >= between:
            return Recovery(count, self.cuts + 1, now), Remedy.CUT_POWER
        remedy = Remedy.RESET if count >= RESET_FROM else Remedy.REOPEN
        return Recovery(count, self.cuts, self.last_cut), remedy

    def after(self, ready_s: float) -> Recovery:
        """To be asked when a modem that was ready for so long fails: one that never works for long is not cured."""
        return Recovery(last_cut=self.last_cut) if ready_s >= STEADY_S else self


# --- the port ------------------------------------------------------------------------------------------------------


class Listed(Protocol):
    """What is used of an entry of `serial.tools.list_ports.comports()`."""

    @property
    def device(self) -> str: ...

    @property
    def vid(self) -> int | None: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def serial_number(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class UsbIdentity:
    """A USB device, whatever the system calls it today. Some modems have no serial number."""

    vid: int
    pid: int
    serial: str | None


def identity_of(port: str, listed: Sequence[Listed]) -> UsbIdentity | None:
    """Who is behind a port now; None for what is no USB device. Symbolic links are followed."""
    device = os.path.realpath(port)
    return next((_identity(one) for one in listed if os.path.realpath(one.device) == device), None)


def choose_port(configured: str, known: UsbIdentity | None, listed: Sequence[Listed]) -> str:
    """The port at which the known modem is now: `ttyACM0` may come back as `ttyACM1`, and another device as `ttyACM0`.

    The configured name where it is right, where nothing is known, or where several devices look the same.
    """
    if known is None or identity_of(configured, listed) == known:
        return configured
    found = [one.device for one in listed if _identity(one) == known]
    return found[0] if len(found) == 1 else configured


def _identity(one: Listed) -> UsbIdentity | None:
    return None if one.vid is None or one.pid is None else UsbIdentity(one.vid, one.pid, one.serial_number or None)


# --- the power -----------------------------------------------------------------------------------------------------


class PowerSwitch:
    """Cuts the modem's power with a command of the system's owner; some modems are helped by nothing else."""

    def __init__(self, command: Sequence[str], limit_s: float = POWER_CUT_LIMIT_S) -> None:
        """`command`: program and arguments, run without a shell; empty where there is no such switch."""
        self._command = tuple(command)
        self._limit_s = limit_s

    def __bool__(self) -> bool:
        return bool(self._command)

    def cut(self, wait: Callable[[float], bool]) -> None:
        """Run the command to its end or the limit. `wait` sleeps so many seconds and says whether to give up."""
        _log.warning("cutting the modem's power: %s", self._command[0])
        nowhere = subprocess.DEVNULL
        try:
            process = subprocess.Popen(self._command, stdin=nowhere, stdout=nowhere, stderr=nowhere)
        except OSError as error:
            _log.error("[line] power_cycle_command cannot be run: %s: %s", self._command[0], error.strerror)
            return
        for _ in range(round(self._limit_s / POLL_S)):
            if process.poll() is not None or wait(POLL_S):
                break
        if process.poll() is None:
            process.kill()
            _log.error("[line] power_cycle_command was ended, it took more than %.0f s", self._limit_s)
        if status := process.wait():
            _log.error("[line] power_cycle_command failed with status %d; run it by hand to see why", status)
