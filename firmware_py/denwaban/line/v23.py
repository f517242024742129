"""V.23 demodulator: the 1200 bit/s FSK in which a Japanese exchange sends the caller's number, from audio to bytes.

A binary 1 (mark) is 1300 Hz, a 0 (space) 2100 Hz (ITU-T V.23, mode 2); bytes come as on a serial port: start bit, eight
bits from the lowest on, at least one stop bit. Nothing but mark needs to come before, no channel seizure.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from denwaban.events import SAMPLE_RATE, Pcm

_Integers = npt.NDArray[np.int64]
_SAMPLES_PER_BIT: Final = SAMPLE_RATE / 1200
_WINDOW: Final = 8
"""Samples over which the two tones are compared: a little more than a bit, best of 5 to 9 in noise."""
_SCALE: Final = 1024
"""The tones are integers, so that sums are exact and no cut of the audio changes the answer by rounding."""
_BLOCK: Final = 1600
"""Samples looked through at a time: each byte found costs a look at what is left of them."""
_BIT_CENTRES: Final = (np.arange(10) + 0.5) * _SAMPLES_PER_BIT


class V23Demodulator:
    """Audio in, bytes out. In noise and speech it finds bytes as well: whoever reads them must check them."""

    def __init__(self) -> None:
        angles = 2 * np.pi * np.arange(_WINDOW) / SAMPLE_RATE
        self._waves = [
            np.rint(_SCALE * wave(hertz * angles)).astype(np.int64)
            for hertz in (1300.0, 2100.0)
            for wave in (np.cos, np.sin)
        ]
        self._tail: _Integers = np.zeros(_WINDOW - 1, np.int64)
        self._difference: _Integers = np.zeros(1, np.int64)

    def feed(self, pcm: Pcm) -> bytes:
        """The bytes whose stop bit is over by the end of `pcm`."""
        blocks = (pcm[position : position + _BLOCK] for position in range(0, len(pcm), _BLOCK))
        return b"".join(map(self._block, blocks))

    def _block(self, pcm: Pcm) -> bytes:
        samples: _Integers = np.concatenate((self._tail, pcm.astype(np.int64)))
        self._tail = samples[len(samples) - _WINDOW + 1 :]
        self._difference = np.concatenate((self._difference, self._compare(samples)))
        out = bytearray()
        while (byte := self._next_byte()) is not None:
            out += byte
        return bytes(out)

    def _compare(self, samples: _Integers) -> _Integers:
        """Power at mark less power at space, sample by sample."""
        in_phase_1, quadrature_1, in_phase_0, quadrature_0 = (
            np.convolve(samples, wave, "valid") for wave in self._waves
        )
        difference: _Integers = in_phase_1**2 + quadrature_1**2 - in_phase_0**2 - quadrature_0**2
        return difference

    def _next_byte(self) -> bytes | None:
        """The next byte, nothing for a false start, None when more audio is needed."""
        is_space = self._difference < 0
        starts = np.flatnonzero(is_space[1:] & ~is_space[:-1])
        if len(starts) == 0:
            self._difference = self._difference[-1:]
            return None
        self._difference = self._difference[starts[0] :]
        mark, space = (int(level) for level in self._difference[:2])
        centres = np.rint(mark / (mark - space) + _BIT_CENTRES).astype(np.intp)
        if centres[-1] >= len(self._difference):
            return None
        bits = self._difference[centres] >= 0
        if bits[0] or not bits[-1]:
            self._difference = self._difference[1:]
            return b""
        self._difference = self._difference[centres[-1] :]
        return np.packbits(bits[1:9], bitorder="little").tobytes()
