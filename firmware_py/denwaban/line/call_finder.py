"""Where calls begin and end, from nothing but the sound of the telephone: for lines that can only be listened to. Pure.

A call begins with voices above the ground noise, or with the dial tone when the household itself telephones; it ends
with busy tone, dial tone, or half a minute of silence. None of the thresholds has been tried on a real recorder or
coupler: they are estimates, proven on our call files only.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from denwaban.events import Event, HandsetLifted, HandsetReplaced, Pcm, RingHeard, ToneHeard
from denwaban.line.tones import BLOCK, ProgressDetector

_BLOCKS_PER_S: Final = 50
_HZ_PER_BIN: Final = 50
_BAND: Final = slice(300 // _HZ_PER_BIN, 3400 // _HZ_PER_BIN + 1)
_TONE_BIN: Final = 400 // _HZ_PER_BIN
_LEAST_VOICE_DB: Final = -55.0
"""dBFS in the telephone band."""
_ABOVE_GROUND_DB: Final = 10.0
_GROUND_RISE_DB: Final = 1.0 / _BLOCKS_PER_S
"""The ground noise is the quietest block of late. A louder one is believed in seconds, a pause in a talk at once."""
_LOW_SHARE: Final = 30.0
"""Sound with this many times more power below 300 Hz is mains hum or ringing current (16 Hz), whatever lies above."""
_PURITY: Final = 0.5
_LATELY: Final = 75
"""1.5 s."""
_VOICE_BLOCKS: Final = 25
"""Of those so many voiced ones (0.5 s) begin a call; the message with the caller's number lasts 0.4 s at most."""
_DIAL_BLOCKS: Final = 40
"""0.8 s of 400 Hz without a pause: busy tone lasts 0.5 s. Ringback lasts 1 s, but it is modulated and comes later."""
SILENCE_S: Final = 30.0
"""An estimate. A talk that is silent for longer, because somebody fetches a bank card, becomes two calls."""


@dataclass(frozen=True, slots=True)
class _Block:
    voice: bool
    tone: bool


class CallFinder:
    """Audio in, events out. Same answer for any cut of the audio."""

    def __init__(self) -> None:
        self._rest: Pcm = np.zeros(0, np.int16)
        self._ground_db: float | None = None
        self._lately: deque[bool] = deque(maxlen=_LATELY)
        self._tone_run = 0
        self._silent_run = 0
        self._in_call = False
        self._talked = False
        self._progress = ProgressDetector()

    @property
    def in_call(self) -> bool:
        return self._in_call

    def feed(self, pcm: Pcm) -> list[Event]:
        """What happens in `pcm`: lifted (after a ring where the household was called), tones, replaced."""
        samples = np.concatenate((self._rest, pcm))
        whole = len(samples) // BLOCK * BLOCK
        self._rest = samples[whole:]
        return [event for block in samples[:whole].reshape(-1, BLOCK) for event in self._block(block)]

    def new_call(self) -> list[Event]:
        """It rings, says somebody else: whatever call there was is over."""
        return self._end(HandsetReplaced()) if self._in_call else []

    def _block(self, pcm: Pcm) -> list[Event]:
        tones = self._progress.feed(pcm)
        heard = self._listen(pcm)
        self._tone_run = self._tone_run + 1 if heard.tone else 0
        self._silent_run = 0 if heard.voice or heard.tone else self._silent_run + 1
        self._lately.append(heard.voice)
        if not self._in_call:
            return self._begin()
        self._talked |= sum(self._lately) >= _VOICE_BLOCKS
        for tone in tones:
            if tone == "busy" or self._talked:  # a dial tone before anybody has talked: the household telephones
                return self._end(ToneHeard(tone))
        return self._end(HandsetReplaced()) if self._silent_run >= SILENCE_S * _BLOCKS_PER_S else []

    def _begin(self) -> list[Event]:
        dials = self._tone_run >= _DIAL_BLOCKS
        self._talked = sum(self._lately) >= _VOICE_BLOCKS
        if not dials and not self._talked:
            return []
        self._in_call = True
        # Nobody is called who hears a dial tone; and who hears voices at once was called.
        return [ToneHeard("dial") if dials else RingHeard(), HandsetLifted()]

    def _end(self, event: Event) -> list[Event]:
        self._in_call = False
        self._silent_run = 0
        self._lately.clear()
        self._progress = ProgressDetector()
        return [event]

    def _listen(self, pcm: Pcm) -> _Block:
        power = _spectrum(pcm)
        band, low = float(power[_BAND].sum()), float(power[: _BAND.start].sum())
        level = 10 * np.log10(band + 1e-12)
        ground = level if self._ground_db is None else min(level, self._ground_db + _GROUND_RISE_DB)
        self._ground_db = ground
        loud = level > max(_LEAST_VOICE_DB, ground + _ABOVE_GROUND_DB) and band * _LOW_SHARE > low
        tone = level > _LEAST_VOICE_DB and float(power[_TONE_BIN]) > _PURITY * (band + low)
        return _Block(loud and not tone, tone)


def _spectrum(pcm: Pcm) -> npt.NDArray[np.float64]:
    """Power in bins of 50 Hz; full scale is 1."""
    bins = np.abs(np.fft.rfft(pcm / 32768.0)) ** 2 * 2 / BLOCK**2
    return np.asarray(bins, np.float64)
