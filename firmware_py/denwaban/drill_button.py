"""A drill at the press of a button from afar: `denwaban drill` as a process of its own, beside the box at work."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from denwaban.ports import Clock
from denwaban.supervise import HEARTBEAT_ENV

_log = logging.getLogger(__name__)

EVERY_S: Final = 600.0
"""Whoever may write the topic could keep the family's telephones ringing; nobody needs more drills than this."""
LONGEST_S: Final = 900.0
_NICE: Final = 10
"""The box at work comes first."""


class DrillButton:
    """Starts drills, one at a time. `press` never waits; for one thread."""

    def __init__(self, clock: Clock, command: Sequence[str]) -> None:
        self._clock = clock
        self._command = command
        self._pressed_at: float | None = None
        self._running: threading.Thread | None = None

    def press(self) -> None:
        now = self._clock.now()
        busy = self._running is not None and self._running.is_alive()
        if busy or (self._pressed_at is not None and now - self._pressed_at < EVERY_S):
            _log.warning("a drill was asked for again within %.0f minutes: not done", EVERY_S / 60)
            return
        self._pressed_at = now
        self._running = threading.Thread(target=self._run, name="drill", daemon=True)
        self._running.start()

    def join(self, timeout: float) -> None:
        """Wait for the drill that runs."""
        if self._running is not None:
            self._running.join(timeout)

    def _run(self) -> None:
        _log.info("a drill begins")
        try:
            done = subprocess.run(
                self._command,
                env=_environment(os.environ),
                timeout=LONGEST_S,
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            _log.error("the drill did not come to an end: %s", error)
            return
        if done.returncode:
            _log.error("the drill did NOT go through; `denwaban drill` tells why")
        else:
            _log.info("the drill went through")


def drill_command(config_file: Path | None) -> tuple[str, ...]:
    """What to run: with the box's own configuration, after everything else on the computer."""
    program = (sys.executable, "-m", "denwaban", "drill", "--json")
    polite = ("nice", "-n", str(_NICE), *program)
    return polite if config_file is None else (*polite, "--config", str(config_file))


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in ours.items() if name != HEARTBEAT_ENV}
