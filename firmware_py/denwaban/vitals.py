"""How the box is, told by its parent process to programs beside it: one line of JSON for each who connects.

A Unix socket, not a file: nothing is written to the card, and what cannot be asked does not run.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

_log = logging.getLogger(__name__)

ASK_LIMIT_S: Final = 1.0
BUTTON: Final = b"b"
"""A sign beside the beats: somebody has pressed a button."""
READY: Final = b"r"
UNHEARD: Final = b"u"
LineState = Literal["unknown", "ready", "failed", "unheard"]
"""`unheard`: ready, but calls cannot be listened to."""
_SIGNS: Final[dict[bytes, LineState]] = {b".": "unknown", READY: "ready", b"f": "failed", UNHEARD: "unheard"}


@dataclass(frozen=True, slots=True)
class Vitals:
    """`beat_s`: seconds since the worker's last sign of life, None before the first. `line_s`: seconds the line has
    been as it is. `button_s`: seconds since somebody pressed a button of the box, None where nobody has."""

    line: LineState
    line_s: float
    beat_s: float | None
    button_s: float | None = None


class VitalSigns:
    """Takes the worker's heartbeat and answers who asks. `serve` starts a thread that never holds up the parent."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._line: LineState = "unknown"
        self._since = clock()
        self._beat: float | None = None
        self._button: float | None = None

    def beat(self, signs: bytes) -> None:
        """Bytes of the heartbeat: see `supervise.Pulse`."""
        self._beat = self._clock()
        if BUTTON in signs:
            self._button = self._beat
        if states := signs.replace(BUTTON, b""):
            self._set(_SIGNS.get(states[-1:], "unknown"))

    def worker_gone(self) -> None:
        """The worker has ended; nobody listens."""
        self._beat = None
        self._set("unknown")

    def now(self) -> Vitals:
        at, beat = self._clock(), self._beat
        button = self._button
        return Vitals(
            self._line,
            at - self._since,
            None if beat is None else at - beat,
            None if button is None else at - button,
        )

    def serve(self, path: Path) -> None:
        """Answer on the socket `path`. Where that cannot be made, a log line says so and nothing else changes."""
        server = socket.socket(socket.AF_UNIX)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            server.bind(str(path))
            path.chmod(0o600)
            server.listen(4)
        except OSError as error:
            server.close()
            _log.warning("%s: nobody can ask how the box is (%s)", path, error)
            return
        threading.Thread(target=self._answer, args=(server,), name="vitals", daemon=True).start()

    def _answer(self, server: socket.socket) -> None:
        while True:
            with contextlib.suppress(OSError), server.accept()[0] as asking:
                asking.settimeout(ASK_LIMIT_S)
                asking.sendall(json.dumps(asdict(self.now())).encode())

    def _set(self, line: LineState) -> None:
        if line != self._line:
            self._line, self._since = line, self._clock()


def ask(path: Path) -> Vitals | None:
    """How the box is; None where it does not run or does not answer."""
    try:
        with socket.socket(socket.AF_UNIX) as box:
            box.settimeout(ASK_LIMIT_S)
            box.connect(str(path))
            return Vitals(**json.loads(box.makefile("rb").read(1000)))
    except (OSError, ValueError, TypeError):
        return None
