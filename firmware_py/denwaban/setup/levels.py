"""How loud a voice arrives. What counts as speech is decided by the detector that cuts utterances in a real call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import webrtcvad

from denwaban.audio.sides import SMALLEST_GAP_DB
from denwaban.audio.vad import FRAME, MODE
from denwaban.events import SAMPLE_RATE, Pcm

ENOUGH_S: Final = 4.0
"""Of speech, pauses not counted: somebody who talks for five seconds."""
TOO_LITTLE_S: Final = 0.6
"""Less than this is a click, a cough or nothing."""
QUIET_DBFS: Final = -40.0
QUIET_8_BIT_DBFS: Final = -30.0
"""Estimates. Eight linear bits have their noise near -59 dBFS, so they need a louder voice."""
TELLING_DB: Final = SMALLEST_GAP_DB
"""Two voices nearer than this are not told apart in a real call."""
CLIPPED_SHARE: Final = 0.01
_LIMIT: Final = 32_000
"""µ-law, A-law and eight bits end at 32124, 32256 and 32512."""


@dataclass(frozen=True, slots=True)
class VoiceLevel:
    """One voice, over all frames of speech."""

    speech_s: float
    dbfs: float
    clipped: float
    """Share of samples at the limit."""


class LevelMeter:
    """Takes audio in chunks of any size; the result does not depend on them."""

    def __init__(self) -> None:
        self._vad = webrtcvad.Vad(MODE)
        self._rest: Pcm = np.zeros(0, np.int16)
        self._frames = 0
        self._energy = 0.0
        self._clipped = 0

    def feed(self, pcm: Pcm) -> None:
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) // FRAME * FRAME
        self._rest = audio[whole:]
        for frame in audio[:whole].reshape(-1, FRAME):
            if self._vad.is_speech(frame.tobytes(), SAMPLE_RATE):
                self._frames += 1
                self._energy += float(np.square(frame, dtype=np.float64).sum())
                self._clipped += int((np.abs(frame.astype(np.int32)) >= _LIMIT).sum())

    @property
    def enough(self) -> bool:
        return self._frames * FRAME >= ENOUGH_S * SAMPLE_RATE

    def level(self) -> VoiceLevel | None:
        """None when nobody spoke."""
        samples = self._frames * FRAME
        if samples < TOO_LITTLE_S * SAMPLE_RATE:
            return None
        dbfs = 10 * np.log10(max(self._energy / samples, 1.0)) - 20 * np.log10(32768)
        return VoiceLevel(samples / SAMPLE_RATE, float(dbfs), self._clipped / samples)
