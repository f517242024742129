"""`<DLE>` shielding of voice data (V.253 §10.1, IS-101): 0x10 introduces a code, a literal 0x10 is sent twice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DLE: Final = 0x10
ETX: Final = 0x03
CAN: Final = 0x18
ESC: Final = 0x1B
SUB: Final = 0x1A
"""`<DLE><SUB>` is short for two literal 0x10."""


def shield(data: bytes) -> bytes:
    """Make audio safe for the wire."""
    return data.replace(b"\x10", b"\x10\x10")


def code(char: int | str) -> bytes:
    """The two bytes of an event or action code."""
    return bytes((DLE, ord(char) if isinstance(char, str) else char))


@dataclass(frozen=True, slots=True)
class ShieldedCode:
    """A `<DLE>` code found in a stream."""

    char: int


def take(stream: bytearray) -> bytes | ShieldedCode | None:
    """Remove the next run of data or the next code from `stream`; None when nothing or half a code is left.

    Taking one thing at a time matters: behind an end code the bytes are commands again, not data.
    """
    at = stream.find(DLE)
    if at:
        run = bytes(stream if at < 0 else stream[:at])
        del stream[: len(run)]
        return run or None
    if len(stream) < 2:
        return None
    char = stream[1]
    del stream[:2]
    if char == DLE:
        return b"\x10"
    if char == SUB:
        return b"\x10\x10"
    return ShieldedCode(char)
