"""The end of a call in the audio, for modems that do not report it: call-progress tones, or nothing at all.

Japan: 400 Hz throughout; busy 0.5 s on and 0.5 s off, dial tone without a pause.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from denwaban.events import SAMPLE_RATE, Pcm, Tone

BLOCK: Final = 160
"""20 ms: 400 Hz is exactly the eighth bin."""
_TONE_HZ: Final = 400.0
_PURITY: Final = 0.5
"""Share of a block's energy at 400 Hz. Simulated: 0.99 at 20 dB, 0.91 at 10 dB, 0.57 detuned by 20 Hz; speech below."""
_MIN_POWER: Final = (32768 * 10 ** (-50 / 20)) ** 2
_ON_BLOCKS: Final = range(20, 31)
"""0.4–0.6 s, for the on and the off half."""
_CYCLES: Final = 3
_DIAL_BLOCKS: Final = 200
"""4 s without a pause: no other tone of the exchange lasts so long (ringback: 1 s), and nobody sings so purely."""
SILENCE_S: Final = 180.0
"""So long without a sound above `_MIN_POWER`, not even that of a room, nobody holds a handset at either end. Long,
because somebody who is sent to fetch a bank card is away for a while. An estimate."""


class ProgressDetector:
    """Counts on/off halves of busy tone, and the length of a tone without pauses. Same answer for any cut of audio."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)
        angle = 2j * np.pi * _TONE_HZ / SAMPLE_RATE * np.arange(BLOCK)
        self._wave = np.exp(-angle)
        self._on = False
        self._run = 0
        self._good_halves = 0

    def feed(self, pcm: Pcm) -> tuple[Tone, ...]:
        """The tones recognised in `pcm`: busy after three cycles, dial after 4 s; then counting starts anew."""
        samples = np.concatenate((self._rest, pcm))
        whole = len(samples) // BLOCK * BLOCK
        self._rest = samples[whole:]
        blocks = samples[:whole].reshape(-1, BLOCK).astype(np.float64)
        power = (blocks**2).mean(axis=1)
        tone = 2 * np.abs(blocks @ self._wave) ** 2 / BLOCK**2
        is_tone = (power > _MIN_POWER) & (tone > _PURITY * power)
        return tuple(found for on in is_tone if (found := self._block(bool(on))) is not None)

    def _block(self, on: bool) -> Tone | None:
        if on == self._on:
            self._run += 1
            if self._run > _ON_BLOCKS.stop:
                self._good_halves = 0
            return "dial" if on and self._run % _DIAL_BLOCKS == 0 else None
        self._good_halves = self._good_halves + 1 if self._run in _ON_BLOCKS else 0
        self._on, self._run = on, 1
        if self._good_halves < 2 * _CYCLES:
            return None
        self._good_halves = 0
        return "busy"


class SilenceDetector:
    """Adds up silence. Same answer for any cut of the audio."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.int16)
        self._blocks = 0

    def feed(self, pcm: Pcm) -> bool:
        """True when the line has been silent for `SILENCE_S`; then counting starts anew."""
        samples = np.concatenate((self._rest, pcm))
        whole = len(samples) // BLOCK * BLOCK
        self._rest = samples[whole:]
        power = (samples[:whole].reshape(-1, BLOCK).astype(np.float64) ** 2).mean(axis=1)
        return sum(self._block(bool(silent)) for silent in power < _MIN_POWER) > 0

    def _block(self, silent: bool) -> bool:
        self._blocks = self._blocks + 1 if silent else 0
        if self._blocks < SILENCE_S * SAMPLE_RATE / BLOCK:
            return False
        self._blocks = 0
        return True
