"""Audio encodings of voice modems (V.253 `+VSM`), chosen by their printed name: the numbers differ between makers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from denwaban.events import Pcm

Law = Literal["linear16", "ulaw", "alaw", "linear8"]

_BY_NAME: Final[tuple[tuple[Law, re.Pattern[str]], ...]] = (
    ("linear16", re.compile(r"16[- ]?BIT.*LINEAR|LINEAR.*16|(?<!UN)SIGNED PCM.*16", re.I)),
    ("ulaw", re.compile(r"(µ|U|MU)[- ]?LAW|G\.?711U", re.I)),
    ("alaw", re.compile(r"\bA[- ]?LAW|G\.?711A", re.I)),
    ("linear8", re.compile(r"8[- ]?BIT.*LINEAR|LINEAR.*8[- ]?BIT|UNSIGNED PCM", re.I)),
)
"""Best first: a far end at −35 dBFS keeps 37 dB of signal to noise in µ-law but only 18 dB in 8-bit linear."""
_ENTRY: Final = re.compile(r'^(?:\+VSM:)?\s*(?P<number>\d+)\s*,\s*"(?P<name>[^"]+)"\s*,\s*(?P<bits>\d+\b)?', re.I)
"""Number, name, bits per sample; the list of rates follows. Some makers leave the bits out."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """One encoding as this modem numbers it."""

    number: int
    law: Law

    @property
    def bytes_per_sample(self) -> int:
        return 2 if self.law == "linear16" else 1


def usable_encodings(lines: list[str]) -> list[Encoding]:
    """Those of the `AT+VSM=?` listing that we can decode, best first: 16-bit linear, µ-law, A-law, 8-bit linear."""
    entries = [match for line in lines if (match := _ENTRY.match(line.strip()))]
    return [
        Encoding(int(entry["number"]), law)
        for law, pattern in _BY_NAME
        for entry in entries
        # With the bits behind the name: some list plain LINEAR with 16 of them (USRobotics).
        if pattern.search(f"{entry['name']} {entry['bits']}")
        and entry["bits"] in (None, "16" if law == "linear16" else "8")
    ]


def _ulaw_table() -> npt.NDArray[np.int16]:
    """ITU-T G.711 µ-law code → linear sample."""
    code = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> npt.NDArray[np.int16]:
    """ITU-T G.711 A-law code → linear sample."""
    code = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 0x0F
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


_TABLES: Final = {"ulaw": _ulaw_table(), "alaw": _alaw_table()}


def decode(law: Law, data: bytes) -> Pcm:
    """Modem bytes → linear samples. For 16-bit linear (little-endian) `data` must hold whole samples."""
    if law == "linear16":
        return np.frombuffer(data, dtype="<i2").astype(np.int16)
    codes = np.frombuffer(data, dtype=np.uint8)
    if law == "linear8":
        return ((codes.astype(np.int16) - 128) << 8).astype(np.int16)
    return _TABLES[law][codes]


def encode(law: Law, pcm: Pcm) -> bytes:
    """Linear samples → modem bytes."""
    if law == "linear16":
        return pcm.astype("<i2").tobytes()
    if law == "linear8":
        return ((pcm.astype(np.int32) >> 8) + 128).astype(np.uint8).tobytes()
    table = _TABLES[law].astype(np.int32)
    order = np.argsort(table, kind="stable")
    sorted_levels = table[order]
    middles = (sorted_levels[1:] + sorted_levels[:-1]) / 2
    return order[np.searchsorted(middles, pcm)].astype(np.uint8).tobytes()


class Decoder:
    """Decodes a byte stream cut anywhere, also in the middle of a 16-bit sample."""

    def __init__(self, law: Law) -> None:
        self._law: Law = law
        self._odd = b""

    def feed(self, data: bytes) -> Pcm:
        data = self._odd + data
        keep = len(data) % 2 if self._law == "linear16" else 0
        self._odd = data[len(data) - keep :]
        return decode(self._law, data[: len(data) - keep])
