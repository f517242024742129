"""AT command lines (V.250 §5): characters in, commands out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST_LINE: Final = 256
"""Characters; V.250 asks for at least 40, modems of this kind take about this many."""

_BACKSPACE: Final = 0x08
_CR: Final = 0x0D
_PRINTABLE: Final = range(0x20, 0x7F)

_COMMAND: Final = re.compile(
    r"""(?P<extended>[+\-][A-Z]+)(?P<rest>=\?|\?|=(?:\[[^\]]*\]|\{[^}]*\}|"[^"]*"|[^;+"\[{])*)?
      | (?P<register>S\d+)(?P<assign>=\d*|\?)?
      | (?P<basic>&?[A-Z])(?P<number>\d*)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Command:
    """One command: `name` in capitals, `rest` is '', '?', '=?', '=value' or (basic commands) digits."""

    name: str
    rest: str = ""

    @property
    def value(self) -> str:
        """What stands behind the `=`."""
        return self.rest[1:] if self.rest.startswith("=") else self.rest


class LineReader:
    """Collects characters up to the carriage return."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._too_long = False

    def push(self, byte: int) -> str | None:
        """Take one character; a whole line (without its end) when it is complete, the empty line included."""
        if byte == _CR:
            line = "AT?too long" if self._too_long else self._line.decode("ascii")
            self.clear()
            return line
        if byte == _BACKSPACE:
            del self._line[-1:]
        elif byte in _PRINTABLE:
            self._too_long = self._too_long or len(self._line) >= LONGEST_LINE
            if not self._too_long:
                self._line.append(byte)
        return None

    def clear(self) -> None:
        self._line.clear()
        self._too_long = False


def parse_line(line: str) -> list[Command] | None:
    """The commands of a line that begins with AT, [] for a bare AT; None if it is not a command line at all.

    What cannot be read becomes a command named '?', which no modem knows.
    """
    text = line.strip().upper()
    if not text.startswith("AT"):
        return None
    body = text[2:].replace(" ", "")
    commands: list[Command] = []
    at = 0
    while at < len(body):
        if body[at] == ";":
            at += 1
            continue
        match = _COMMAND.match(body, at)
        if match is None:
            return [*commands, Command("?")]
        commands.append(_command(match))
        at = match.end()
    return commands


def _command(match: re.Match[str]) -> Command:
    if match["extended"]:
        return Command(match["extended"], match["rest"] or "")
    if match["register"]:
        return Command(match["register"], match["assign"] or "")
    return Command(match["basic"], match["number"])
