"""Cuts a stream of telephone audio into utterances with the WebRTC voice activity detector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import webrtcvad

from denwaban.events import SAMPLE_RATE, Pcm

FRAME: Final = SAMPLE_RATE // 50
"""Samples in the 20 ms frame on which the detector decides."""

MODE: Final = 2
"""0..3, rising strictness. With 2, recognition was best at 20 dB of white noise."""

HANGOVER: Final = 20
"""Frames of silence (0.4 s) that end an utterance. Shorter cuts inside sentences, longer delays every verdict."""

PREROLL: Final = 10
"""Frames kept before the first speech frame (0.2 s): soft first consonants lie below the detector's threshold."""

TAIL: Final = 10
"""Frames of the hangover that stay with the utterance (0.2 s)."""

LONGEST: Final = 400
"""Frames (8 s): the recogniser's accuracy and delay suffer beyond it."""

CUT_SEARCH: Final = 50
"""An utterance that grows too long is cut in the quietest frame of its last second, to spare the words."""

SHORTEST: Final = 6
"""Speech frames below which (0.12 s) it was a click; はい takes about 0.2 s."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One utterance: its sound, where it lies, and the position in the stream at which its end was known (seconds)."""

    pcm: Pcm
    t0: float
    t1: float
    ended_at: float


class Segmenter:
    """Feeds on audio of any length and yields utterances; the result does not depend on the chunking.

    Holds at most 8 s of audio and a partial frame.
    """

    def __init__(self) -> None:
        self._vad = webrtcvad.Vad(MODE)
        self._rest: Pcm = np.zeros(0, dtype=np.int16)
        self._frames: list[Pcm] = []
        self._voiced: list[bool] = []
        self._seen = 0
        self._speaking = False

    def feed(self, pcm: Pcm) -> list[Segment]:
        """Utterances whose end lies in this audio."""
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) // FRAME * FRAME
        self._rest = audio[whole:].copy()
        ended = [self._take(frame) for frame in audio[:whole].reshape(-1, FRAME)]
        return [segment for segment in ended if segment is not None]

    def finish(self) -> list[Segment]:
        """The utterance that was still going on, if any. Less than one frame of audio is left out."""
        segment = self._cut(len(self._frames)) if self._speaking else None
        return [segment] if segment is not None else []

    def _take(self, frame: Pcm) -> Segment | None:
        self._frames.append(frame)
        self._voiced.append(self._vad.is_speech(frame.tobytes(), SAMPLE_RATE))
        self._seen += 1
        if not self._speaking:
            self._speaking = self._voiced[-1]
            if not self._speaking:
                self._forget_old()
            return None
        if not any(self._voiced[-HANGOVER:]):
            return self._cut(len(self._frames) - HANGOVER + TAIL)
        if len(self._frames) >= LONGEST:
            return self._cut(self._quietest())
        return None

    def _quietest(self) -> int:
        """Where to cut an utterance that is too long: after the quietest of its last frames."""
        energies = [float(np.square(frame, dtype=np.float64).sum()) for frame in self._frames[-CUT_SEARCH:]]
        return len(self._frames) - CUT_SEARCH + int(np.argmin(energies)) + 1

    def _cut(self, count: int) -> Segment | None:
        """Take the first `count` frames away as an utterance; None where they hold only a click."""
        frames, voiced = self._frames[:count], self._voiced[:count]
        start = self._seen - len(self._frames)
        self._frames, self._voiced = self._frames[count:], self._voiced[count:]
        self._speaking = any(self._voiced)
        if not self._speaking:
            self._forget_old()
        if sum(voiced) < SHORTEST:
            return None
        seconds = FRAME / SAMPLE_RATE
        return Segment(np.concatenate(frames), start * seconds, (start + count) * seconds, self._seen * seconds)

    def _forget_old(self) -> None:
        del self._frames[:-PREROLL]
        del self._voiced[:-PREROLL]
