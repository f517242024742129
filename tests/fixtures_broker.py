"""A real Mosquitto for tests and benches, on a free port of its own, in a folder of its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SKIP = "DENWABAN_SKIP_BROKER"
INSTALL = "sudo apt-get install -y mosquitto"


class BrokerMissing(Exception):
    """Mosquitto is not installed; the message says what to type."""


def until(condition: Callable[[], object], what: str, timeout: float = 60.0) -> None:
    """Look at `condition` again and again; AssertionError naming `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    pause = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}")
        pause.wait(0.01)


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mosquitto_program() -> str:
    """Path of the broker; BrokerMissing with the line to type."""
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise BrokerMissing(f"Mosquitto is not installed. Type:  {INSTALL}   (or set {SKIP}=1 to skip its tests)")
    return program


class Mosquitto:
    """One broker; may be started and stopped again and again on the same port, keeping what it was to keep."""

    host = "127.0.0.1"

    def __init__(self, folder: Path, extra: str = "allow_anonymous true\nset_tcp_nodelay true\n") -> None:
        self.port = free_port()
        self._folder = folder
        self._extra = extra
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when the port accepts connections."""
        config = self._folder / "mosquitto.conf"
        config.write_text(
            f"listener {self.port} {self.host}\n{self._extra}"
            f"persistence true\npersistence_location {self._folder}/\nuser root\n"
        )
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen([mosquitto_program(), "-c", str(config)], stdout=log, stderr=log)
        until(self._answers, f"Mosquitto on port {self.port}; its log: {self.log()[-2000:]}")

    def stop(self) -> None:
        """End it in good order."""
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(subprocess.Popen.kill)

    def log(self) -> str:
        """What the broker has said so far."""
        return (self._folder / "mosquitto.log").read_text("utf-8", "replace")

    def _end(self, how: Callable[[subprocess.Popen[bytes]], None]) -> None:
        if self._process is not None:
            how(self._process)
            self._process.wait(30)
            self._process = None

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError(f"Mosquitto ended at once: {self.log()[-2000:]}")
        try:
            socket.create_connection((self.host, self.port), 1.0).close()
        except OSError:
            return False
        return True


@contextmanager
def running_mosquitto(folder: Path) -> Iterator[Mosquitto]:
    """A started broker that is stopped at the end."""
    broker = Mosquitto(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
