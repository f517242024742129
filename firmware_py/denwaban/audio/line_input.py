"""The telephone's sound from a sound card: a handset-cord recorder or a line coupler at its input."""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr

from denwaban.audio.device import SoundSystem, Stream
from denwaban.errors import AudioError
from denwaban.events import SAMPLE_RATE, Pcm

RATE: Final = 48_000
BUFFER_S: Final = 0.2
"""So long the program may be busy elsewhere before sound is lost."""


class SoundInput:
    """A sound device as a source of line audio: `open`, `read` again and again, `close`. For one thread."""

    def __init__(self, system: SoundSystem, device: str) -> None:
        """`device`: (part of) a name, empty the default input."""
        self._system = system
        self._device = device
        self._stream: Stream | None = None
        self._to_line = soxr.ResampleStream(RATE, SAMPLE_RATE, 1, "int16", quality="MQ")
        self.losses = 0
        """How often sound was lost because the program read too late."""

    @property
    def name(self) -> str:
        return self._stream.name if self._stream else self._device or "default"

    def open(self) -> None:
        """Raises AudioError when the device is not there, also after a look for new ones."""
        try:
            stream = self._system.open(self._device, "input", RATE, BUFFER_S)
        except AudioError:
            if not self._system.refresh():
                raise
            stream = self._system.open(self._device, "input", RATE, BUFFER_S)
        self._stream = stream
        self._to_line = soxr.ResampleStream(stream.rate, SAMPLE_RATE, 1, "int16", quality="MQ")

    def read(self) -> Pcm:
        """What has come since, at 8 kHz; possibly nothing. Raises AudioError when the device is gone."""
        if self._stream is None:
            raise AudioError("the sound input is closed")
        if self._system.must_make_way:
            self._make_way()
        pcm, lost = self._stream.read()
        self.losses += lost
        return np.asarray(self._to_line.resample_chunk(pcm), np.int16) if len(pcm) else pcm

    def _make_way(self) -> None:
        """The loudspeaker looks for its device: a third of a second is lost, a warning is worth it."""
        self.close()
        self.losses += 1
        self.open()

    def close(self) -> None:
        if self._stream is not None:
            stream, self._stream = self._stream, None
            self._system.close(stream)
