"""How a modem codes samples for the host (V.253 +VSM): linear 8 and 16 bit, G.711 µ-law and A-law."""

from __future__ import annotations

from enum import Enum
from typing import Final

import numpy as np
import numpy.typing as npt

from denwaban.events import Pcm

_ULAW_BIAS: Final = 132
_ULAW_CLIP: Final = 32635
_ALAW_TOGGLE: Final = 0x55
"""G.711: even bits are inverted on the line."""


class Coding(Enum):
    """A sample format; the value is its name for people."""

    SIGNED_8 = "signed PCM 8 bit"
    UNSIGNED_8 = "unsigned PCM 8 bit"
    SIGNED_16 = "signed PCM 16 bit, low byte first"
    ULAW = "G.711 µ-law"
    ALAW = "G.711 A-law"

    @property
    def width(self) -> int:
        """Bytes per sample."""
        return 2 if self is Coding.SIGNED_16 else 1


def encode(pcm: Pcm, coding: Coding) -> bytes:
    """Samples as the modem sends them."""
    match coding:
        case Coding.SIGNED_16:
            return pcm.astype("<i2").tobytes()
        case Coding.SIGNED_8:
            return (pcm >> 8).astype(np.int8).tobytes()
        case Coding.UNSIGNED_8:
            return ((pcm >> 8) + 128).astype(np.uint8).tobytes()
        case Coding.ULAW:
            return _encode_ulaw(pcm)
        case Coding.ALAW:
            return _encode_alaw(pcm)


def decode(data: bytes, coding: Coding) -> Pcm:
    """Samples as the caller hears them; `data` is whole samples."""
    match coding:
        case Coding.SIGNED_16:
            return np.frombuffer(data, "<i2").astype(np.int16)
        case Coding.SIGNED_8:
            return np.frombuffer(data, np.int8).astype(np.int16) << 8
        case Coding.UNSIGNED_8:
            return (np.frombuffer(data, np.uint8).astype(np.int16) - 128) << 8
        case Coding.ULAW:
            return _ULAW_LEVELS[np.frombuffer(data, np.uint8)]
        case Coding.ALAW:
            return _ALAW_LEVELS[np.frombuffer(data, np.uint8)]


def _encode_ulaw(pcm: Pcm) -> bytes:
    wide = pcm.astype(np.int32)
    magnitude = np.minimum(np.abs(wide), _ULAW_CLIP) + _ULAW_BIAS
    exponent = _highest_bit(magnitude) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(wide < 0, 0x80, 0)
    return _bytes(~(sign | (exponent << 4) | mantissa) & 0xFF)


def _encode_alaw(pcm: Pcm) -> bytes:
    wide = pcm.astype(np.int32) >> 3
    # G.711: negative values are coded by their one's complement, so that −1 falls into the first negative step.
    magnitude = np.where(wide < 0, ~wide, wide)
    exponent = np.maximum(_highest_bit(np.maximum(magnitude, 1)) - 4, 0)
    mantissa = (magnitude >> np.maximum(exponent, 1)) & 0x0F
    sign = np.where(wide < 0, 0, 0x80)
    return _bytes((sign | (exponent << 4) | mantissa) ^ _ALAW_TOGGLE)


def _bytes(values: npt.NDArray[np.int32]) -> bytes:
    return bytes(values.astype(np.uint8))


def _highest_bit(values: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    return (np.frexp(values.astype(np.float64))[1] - 1).astype(np.int32)


def _ulaw_levels() -> Pcm:
    codes = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitude = ((((codes & 0x0F) << 3) + _ULAW_BIAS) << ((codes >> 4) & 7)) - _ULAW_BIAS
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_levels() -> Pcm:
    codes = np.arange(256, dtype=np.int32) ^ _ALAW_TOGGLE
    exponent = (codes >> 4) & 7
    step = ((codes & 0x0F) << 4) + 8
    magnitude = np.where(exponent == 0, step, (step + 0x100) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


_ULAW_LEVELS: Final = _ulaw_levels()
_ALAW_LEVELS: Final = _alaw_levels()
