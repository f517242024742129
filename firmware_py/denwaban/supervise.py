"""Keeps the box alive: a small parent process restarts the worker when it dies or hangs.

A process that dies closes the modem's port, which drops DTR and hangs up; the restarted worker hangs up once more. A
process that hangs would keep the line, so its heartbeat is watched: every thread that owns a device must have beaten
lately, else no beat is passed on, the parent kills, and the line is free within five seconds. Where systemd asks for
it, the parent itself says at least every second that it is awake.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from denwaban.systemd import Notify
from denwaban.vitals import BUTTON, READY, UNHEARD, VitalSigns

_log = logging.getLogger(__name__)

HEARTBEAT_ENV: Final = "DENWABAN_HEARTBEAT_FD"
UNHEARD_ENV: Final = "DENWABAN_UNHEARD"
"""Set for a worker after one that could listen to no calls: that it is well is not proven by its start."""
START_LIMIT_S: Final = 60.0
"""Loading models on a slow card takes a while; a worker that has never beaten gets this long."""
HUNG_AFTER_S: Final = 3.0
BEAT_EVERY_S: Final = 0.5
LOOK_S: Final = 1.0
"""How often the parent looks up while no beat comes."""
RESTART_S: Final = (0.2, 1.0, 2.0, 5.0, 10.0)
STEADY_S: Final = 60.0
CANNOT_START: Final = 78
"""Exit status of a worker that lacks something it needs (EX_CONFIG of sysexits.h)."""
LISTENING_HUNG: Final = 79
"""Exit status of a worker that can listen to no more calls (beyond those of sysexits.h)."""


class Pulse:
    """Collects the beats of threads and passes one on to the parent while all are alive."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        fd = os.environ.get(HEARTBEAT_ENV)
        self._fd = int(fd) if fd else None
        self._parent = os.getppid()
        self._clock = clock
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()
        self._sent = 0.0
        self._ready: bool | None = None
        self._listens = UNHEARD_ENV not in os.environ

    def line(self, ready: bool) -> None:
        """Pass on with the beats whether the line can be used."""
        self._ready = ready

    def listening(self, well: bool) -> None:
        """Pass on, bad news at once, whether calls can be listened to."""
        self._listens = well
        if not well:
            self._write(UNHEARD)

    def button(self) -> None:
        """Pass on at once that somebody has pressed a button of the box."""
        self._write(BUTTON)

    def beater(self, name: str) -> Callable[[], None]:
        """A function for the thread `name` to call at least every second."""

        def beat() -> None:
            now = self._clock()
            with self._lock:
                self._last[name] = now
                self._pass_on(now)

        return beat

    def _pass_on(self, now: float) -> None:
        if self._fd is None or now - self._sent < BEAT_EVERY_S:
            return
        if os.getppid() != self._parent:
            os._exit(75)  # the parent is gone: nobody would notice if we hung, so leave the line alone
        if all(now - last < HUNG_AFTER_S / 2 for last in self._last.values()):
            self._sent = now
            self._write(self._sign())

    def _sign(self) -> bytes:
        if self._ready is None:
            return b"."
        if not self._ready:
            return b"f"
        return READY if self._listens else UNHEARD

    def _write(self, sign: bytes) -> None:
        if self._fd is None:
            return
        try:
            os.write(self._fd, sign)
        except OSError:
            os._exit(75)


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """How a worker ended: exit status, or None when it was killed because it hung."""

    status: int | None
    lived_s: float


class Supervisor:
    """Runs a command again and again until told to stop. `notify` tells systemd, `vitals` whoever asks."""

    def __init__(
        self, command: list[str], notify: Notify = lambda _lines: None, vitals: VitalSigns | None = None
    ) -> None:
        self._command = command
        self._notify = notify
        self._vitals = vitals or VitalSigns()
        self._unheard = False
        self._stopping = threading.Event()
        self._worker: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Until SIGTERM or SIGINT; returns the exit status for the shell."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        failures = 0
        while not self._stopping.is_set():
            self._notify("STATUS=loading")
            end = self._run_once()
            if self._stopping.is_set() or end.status == 0:
                self._notify("STOPPING=1")
                return 0
            if end.status == CANNOT_START:
                return 1  # a clear error was printed, and trying again will not mend it
            failures = 0 if end.lived_s > STEADY_S else failures + 1
            delay = RESTART_S[min(failures, len(RESTART_S) - 1)]
            reason = "hung" if end.status is None else f"ended with status {end.status}"
            _log.error("the box %s after %.0f s; starting it again in %.1f s", reason, end.lived_s, delay)
            self._notify(f"WATCHDOG=1\nSTATUS=the box {reason}; starting it again")
            self._stopping.wait(delay)
        return 0

    def _run_once(self) -> WorkerEnd:
        started = time.monotonic()
        read_end, write_end = os.pipe()
        try:
            environment = {**os.environ, HEARTBEAT_ENV: str(write_end)}
            if self._unheard:
                environment[UNHEARD_ENV] = "1"
            self._worker = subprocess.Popen(self._command, env=environment, pass_fds=(write_end,))
            os.close(write_end)
            hung = self._watch(read_end, self._worker)
            status = self._worker.wait()
            self._vitals.worker_gone()
            return WorkerEnd(None if hung else status, time.monotonic() - started)
        finally:
            os.close(read_end)

    def _watch(self, read_end: int, worker: subprocess.Popen[bytes]) -> bool:
        """Wait for the worker's end; True if it had to be killed."""
        deadline, beaten = time.monotonic() + START_LIMIT_S, False
        while worker.poll() is None:
            self._notify("WATCHDOG=1")
            if self._stopping.is_set():
                worker.terminate()  # again: the signal may have come before there was a worker to hand it on to
            left = max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([read_end], [], [], min(left, LOOK_S))
            if ready and (signs := os.read(read_end, 4096)):
                deadline = time.monotonic() + HUNG_AFTER_S
                self._vitals.beat(signs)
                self._learn(signs)
                if not beaten:
                    self._notify("READY=1\nSTATUS=running")
                beaten = True
            elif ready:  # end of file: the worker is gone or about to be
                worker.wait()
            elif time.monotonic() >= deadline:
                worker.kill()
                return True
        return False

    def _learn(self, signs: bytes) -> None:
        """Whether calls are listened to. Whatever ends a worker, the next one is told; only a worker that is well, and
        says so, makes it forgotten."""
        found = signs.rfind(UNHEARD), signs.rfind(READY)
        if max(found) >= 0:
            self._unheard = found[0] > found[1]

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping.set()
        if self._worker is not None and self._worker.poll() is None:
            self._worker.terminate()
