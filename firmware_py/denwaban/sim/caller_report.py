"""How a modem prints a caller-id report."""

from __future__ import annotations

import random

from denwaban.sim.faults import Faults

_ABSENT = frozenset("POCS")
_DATE = b"11220930"
"""Month, day, hour, minute, of which the single message format always tells."""


def formatted(text: str, faults: Faults, garble: random.Random) -> list[bytes]:
    """The lines of +VCID=1. Japan sends neither date, time nor name, so NMBR stands alone."""
    number = text.encode("ascii")
    if faults.cid_garbled:
        # 0x80–0xFF only: a broken report loses parity, it does not forge line ends.
        number = bytes(garble.randrange(0x80, 0x100) for _ in range(max(4, len(text))))
    if faults.cid_name_first:
        return [b"NAME=A=B \x83\x94", b"NMBR=" + number]
    if not faults.cid_other_keys:
        return [b"NMBR = " + number]
    return [b"DATE=1122", b"TIME=0930", b"NMBR=" + number, b"NAME=A=B \x83\x94"]


def hexadecimal(text: str, single: bool = False) -> list[bytes]:
    """The line of +VCID=2: multiple data message format, or the older `single` one; sum of all bytes 0 modulo 256."""
    number = text.encode("ascii")
    if single:
        message = bytes((0x04, len(_DATE) + len(number))) + _DATE + number
    else:
        body = bytes((0x04 if text in _ABSENT else 0x02, len(number))) + number
        message = bytes((0x80, len(body))) + body
    checksum = -sum(message) & 0xFF
    return [(message + bytes((checksum,))).hex().upper().encode("ascii")]
