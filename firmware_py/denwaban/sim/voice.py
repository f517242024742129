"""The two voice data states of a modem: a play buffer that drains, and the codes it hears on the line."""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.sim.audio_path import TICK_S, TICK_SAMPLES, LineTone
from denwaban.sim.codec import Coding, decode

BUFFER_BYTES: Final = 4096
"""Play buffer; the sizes of real modems are not published, 2 to 8 KiB are likely."""
REMEMBERED_S: Final = 120
"""How much of what the box played is kept for inspection."""


class PlayBuffer:
    """Bytes from the host on their way to the line, `TICK_SAMPLES` at a time."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._flowing = False
        self.paused = False
        self.ending = False
        """The host sent the end code: drain, then finish."""

    @property
    def room(self) -> int:
        return max(0, BUFFER_BYTES - len(self._bytes))

    def put(self, data: bytes) -> None:
        self._bytes += data
        self._flowing = self._flowing or bool(data)

    def flush(self) -> None:
        self._bytes.clear()
        self._flowing = False

    def drain(self, coding: Coding) -> tuple[Pcm, bool]:
        """Sound of one tick (shorter when the buffer runs dry), and whether this is the beginning of a gap."""
        if self.paused:
            return np.zeros(0, np.int16), False
        samples = min(TICK_SAMPLES, len(self._bytes) // coding.width)
        sound = decode(bytes(self._bytes[: samples * coding.width]), coding)
        del self._bytes[: samples * coding.width]
        gap = samples < TICK_SAMPLES and self._flowing and not self.ending
        if gap:
            self._flowing = False
        return sound, gap

    def finished(self, coding: Coding) -> bool:
        """The end code came and no whole sample is left."""
        return self.ending and len(self._bytes) < coding.width


class Heard:
    """What the caller has heard from the box, the last two minutes of it."""

    def __init__(self) -> None:
        self._parts: deque[Pcm] = deque(maxlen=REMEMBERED_S * SAMPLE_RATE // TICK_SAMPLES)

    def put(self, sound: Pcm) -> None:
        if len(sound):
            self._parts.append(sound)

    def clear(self) -> None:
        self._parts.clear()

    def all(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self._parts])


_FIRST_AND_THEN: Final[dict[LineTone, tuple[float, float]]] = {"busy": (2.0, 4.0), "dial": (1.0, 3.0)}
"""Seconds of tone before the first code (a detector wants two cycles of busy tone) and between codes."""


class ToneWatch:
    """Says when a tone is due to be reported."""

    def __init__(self) -> None:
        self._tone: LineTone | None = None
        self._next = 0.0

    def due(self, tone: LineTone | None) -> LineTone | None:
        """Called once a tick with the tone on the line."""
        if tone is None or tone != self._tone:
            self._tone = tone
            self._next = _FIRST_AND_THEN[tone][0] if tone else 0.0
            return None
        self._next -= TICK_S
        if self._next > 0:
            return None
        self._next += _FIRST_AND_THEN[tone][1]
        return tone
