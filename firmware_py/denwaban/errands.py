"""What takes longer than showing a page: pairing a telephone, trying a contact, a drill. Each is a command of the box,
run as a process of its own: it can be broken off, and what it loads goes with it."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from denwaban.supervise import HEARTBEAT_ENV

_log = logging.getLogger(__name__)

MOST_LINES: Final = 500
LONGEST_LINE: Final = 4000
END_LIMIT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Errand:
    """How one stands. `about`: as who started it says; `status`: its exit status, None while it runs."""

    about: tuple[str, str]
    began_at: float
    lines: tuple[str, ...]
    status: int | None
    broken_off: bool = False


@dataclass(slots=True)
class _Running:
    about: tuple[str, str]
    began_at: float
    process: subprocess.Popen[str]
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    broken_off: bool = False


class Errands:
    """At most one of each kind runs; the last one stays to be looked at. Any thread."""

    def __init__(self, program: Sequence[str], options: Sequence[str], wall: Callable[[], float]) -> None:
        """`program` and `options` stand before and after the words of every command."""
        self._program, self._options = tuple(program), tuple(options)
        self._wall = wall
        self._last: dict[str, _Running] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, about: tuple[str, str], words: Sequence[str]) -> bool:
        """Whether it was started: not while one of its kind runs. Raises OSError where no process can be made."""
        with self._lock:
            if (last := self._last.get(kind)) is not None and last.process.poll() is None:
                return False
            process = subprocess.Popen(
                [*self._program, *words, *self._options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                env={**_environment(), "PYTHONUNBUFFERED": "1"},
                text=True,
                errors="replace",
            )
            running = self._last[kind] = _Running(about, self._wall(), process)
        threading.Thread(target=self._follow, args=(kind, running), name=f"errand-{kind}", daemon=True).start()
        return True

    def now(self, kind: str) -> Errand | None:
        """The errand of that kind that runs, or ran last."""
        running = self._last.get(kind)
        if running is None:
            return None
        status = running.process.poll()
        return Errand(running.about, running.began_at, tuple(running.lines), status, running.broken_off)

    def stop(self, kind: str) -> None:
        """Break it off, if it runs."""
        running = self._last.get(kind)
        if running is not None and running.process.poll() is None:
            running.broken_off = True
            running.process.terminate()

    def close(self) -> None:
        """Break off all and wait for their end."""
        for kind, running in self._last.items():
            self.stop(kind)
            try:
                running.process.wait(END_LIMIT_S)
            except subprocess.TimeoutExpired:
                running.process.kill()

    def _follow(self, kind: str, running: _Running) -> None:
        if running.process.stdout is not None:
            with running.process.stdout as said:
                for line in said:
                    running.lines.append(line.rstrip("\n")[:LONGEST_LINE])
        _log.info("errand %s ended with status %d", kind, running.process.wait())


def _environment() -> dict[str, str]:
    """Ours, without what would make a process take itself for the box at work."""
    return {name: value for name, value in os.environ.items() if name != HEARTBEAT_ENV}
