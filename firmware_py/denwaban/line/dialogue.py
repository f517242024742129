"""Commands and answers on an opened port: what the modem says by itself is told apart from what it answers."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from denwaban.errors import LineError, ModemRefused
from denwaban.line.at import Item, Reply, Stream, VoiceParser, result_of
from denwaban.ports import Clock

COMMAND_LIMIT_S: Final = 5.0
SETTLE_S: Final = 0.2
"""Silence for this long, four times an ordinary answer, means that no answer is under way any more."""
SETTLE_LIMIT_S: Final = 2.0
SIGNS_ASKED_FOR: Final = 3
SIGN_LIMIT_S: Final = 1.0
MOST_LINES: Final = 64
"""Lines kept of one answer; `AT+VSM=?` has at most a dozen."""

_OK: Final = ("OK", "VCON")
_CONNECT: Final = ("CONNECT", "VCON")
"""Old modems say VCON for the end of playing and for the beginning of a stream (mgetty)."""


class Port(Protocol):
    """The part of a pyserial port that is used. Reads wait at most its timeout, writes at most its write timeout."""

    @property
    def in_waiting(self) -> int: ...

    def read(self, size: int = 1, /) -> bytes: ...

    def write(self, data: bytes, /) -> int | None: ...


class Dialogue:
    """One opened port and its parser. `notice` gets every item and says whether it was news rather than an answer."""

    def __init__(self, port: Port, clock: Clock, heartbeat: Callable[[], None], notice: Callable[[Item], bool]) -> None:
        self._port = port
        self._clock = clock
        self._heartbeat = heartbeat
        self._notice = notice
        self._parser = VoiceParser()
        self._items: deque[Item] = deque()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._port.write(data)

    def listen(self) -> None:
        """Read what has come, waiting at most one poll, and notice all of it. Answers to nothing are dropped."""
        self._read()
        self._notice_all()

    def command(self, text: str, limit_s: float = COMMAND_LIMIT_S) -> list[str]:
        """Send a command and wait for OK; returns the lines before it. Raises ModemRefused."""
        lines: list[str] = []
        for reply in self._ask(text, limit_s):
            if result_of(reply) in _OK:
                return lines
            if len(lines) < MOST_LINES:
                lines.append(reply)
        raise ModemRefused(text, "")

    def try_command(self, text: str) -> list[str] | None:
        """Like `command`, but None where the modem answers ERROR.

        Silence raises here too: an answer that came later would be taken for that of the next command.
        """
        try:
            return self.command(text)
        except ModemRefused as refused:
            if not refused.answer:
                raise
            return None

    def open_stream(self, text: str, stream: Stream) -> None:
        """Send `AT+VTX` or `AT+VRX` and wait for CONNECT; nothing else begins a stream. Raises ModemRefused."""
        self._parser.expect(stream)
        for reply in self._ask(text, COMMAND_LIMIT_S):
            if result_of(reply) in _CONNECT:
                return
        raise ModemRefused(text, "")

    def await_ok(self, limit_s: float) -> bool:
        """Wait for the OK behind a stream; False if it does not come."""
        return any(result_of(reply) in _OK for reply in self._replies(limit_s))

    def listen_until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Notice items until one makes `condition` true; what came behind that one is kept. False after the limit."""
        deadline = self._clock.now() + limit_s
        while not condition():
            if self._items:
                self._notice(self._items.popleft())
            elif self._clock.now() < deadline:
                self._read()
            else:
                return False
        return True

    def settle(self) -> None:
        """Read until the modem is silent and forget all of it, leftovers of a stream or late answers, but for rings."""
        quiet_since = self._clock.now()
        end = quiet_since + SETTLE_LIMIT_S
        while (now := self._clock.now()) < end and now - quiet_since < SETTLE_S:
            self._heartbeat()
            if data := self._port.read(max(1, self._port.in_waiting)):
                quiet_since = self._clock.now()
                self._items += self._parser.feed(data)
        for item in self._items:
            if item == Reply("RING"):  # a caller is a caller, also when nobody could answer
                self._notice(item)
        self._parser = VoiceParser()
        self._items.clear()

    def is_there(self) -> bool:
        """Ask for a sign of life, more than once: an answer may be garbled or another program may ask meanwhile."""
        for _ in range(SIGNS_ASKED_FOR):
            try:
                self.command("AT", limit_s=SIGN_LIMIT_S)
            except ModemRefused:
                continue
            return True
        return False

    def _ask(self, text: str, limit_s: float) -> Iterator[str]:
        # A late answer to an earlier command must not pass for the answer to this one.
        if self._port.in_waiting:
            self._read()
        self._notice_all()
        self._port.write(text.encode("ascii") + b"\r")
        for reply in self._replies(limit_s):
            if result_of(reply) == "ERROR":
                raise ModemRefused(text, reply)
            if reply != text:  # its echo
                yield reply

    def _replies(self, limit_s: float) -> Iterator[str]:
        """Lines that are no news, as they come, until the time is up. What the caller leaves untaken is kept."""
        deadline = self._clock.now() + limit_s
        while self._clock.now() < deadline:
            self._read()
            while self._items:
                item = self._items.popleft()
                if not self._notice(item) and isinstance(item, Reply):
                    yield item.text

    def _notice_all(self) -> None:
        while self._items:
            self._notice(self._items.popleft())

    def _read(self) -> None:
        self._heartbeat()
        self._items += self._parser.feed(self._port.read(max(1, self._port.in_waiting)))


def await_modem(dialogue: Dialogue, attempts: int = 3) -> None:
    """Bring the modem to answer commands, whatever it was doing. Raises LineError if nobody answers."""
    for _ in range(attempts):
        dialogue.settle()
        try:
            dialogue.command("AT", limit_s=1.0)
        except ModemRefused:
            continue
        dialogue.settle()  # the answer may have been a late one to an earlier attempt
        return
    raise LineError("no modem answers to AT; wrong port, or the modem needs its power cut")
