"""NTT Number Display as the exchange sends it: the message in bytes, and its V.23 signal on the line."""

from __future__ import annotations

from typing import Final

import numpy as np

from denwaban.events import SAMPLE_RATE, Pcm

NUMBER: Final = 0x02
ABSENCE: Final = 0x04
_ABSENT: Final = frozenset("POCS")
_DLE: Final = 0x10
_BITS_PER_SECOND: Final = 1200
_MARK_HZ: Final = 1300.0
_SPACE_HZ: Final = 2100.0
_MARK_BITS_BEFORE: Final = 75
"""As spandsp sends; Realtek's exchange side sends 72."""
_MARK_BITS_BEHIND: Final = 10


def message(text: str, extra: tuple[tuple[int, bytes], ...] = (), service: int = 0x40) -> bytes:
    """The message for `text`: digits, or P, O, C, S for their absence; `extra` are more parameters (type, data)."""
    own = (ABSENCE if text in _ABSENT else NUMBER, text.encode("ascii"))
    body = b"".join(bytes((kind, len(data))) + data for kind, data in (own, *extra))
    doubled = bytes((service, len(body))).replace(b"\x10", b"\x10\x10") + body.replace(b"\x10", b"\x10\x10")
    checked = _with_parity(bytes((0x07, _DLE, 0x02)) + doubled + bytes((_DLE, 0x03)))
    return _with_parity(bytes((_DLE, 0x01))) + checked + _crc(checked).to_bytes(2, "little")


def signal(data: bytes, stop_bits: int = 1, level: float = 0.1, phase: float = 0.0, lag: float = 0.0) -> Pcm:
    """`data` in V.23 with mark before and behind.

    `level` is the peak as a share of full scale, `phase` (radians) where the tone begins, `lag` (samples) how far the
    bits are from the grid of samples.
    """
    bits = [1] * _MARK_BITS_BEFORE
    for byte in data:
        bits += [0, *(byte >> place & 1 for place in range(8)), *[1] * stop_bits]
    bits += [1] * _MARK_BITS_BEHIND
    samples = np.arange(int(len(bits) * SAMPLE_RATE / _BITS_PER_SECOND))
    place = np.minimum((samples + lag) * _BITS_PER_SECOND / SAMPLE_RATE, len(bits) - 1).astype(np.intp)
    hertz = np.where(np.array(bits)[place] == 1, _MARK_HZ, _SPACE_HZ)
    wave = np.sin(phase + 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE)
    return np.rint(level * 32767 * wave).astype(np.int16)


def _with_parity(data: bytes) -> bytes:
    return bytes(byte & 0x7F | (byte & 0x7F).bit_count() % 2 << 7 for byte in data)


def _crc(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _bit in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value
