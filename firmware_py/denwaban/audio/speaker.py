"""The voice of the box in the room. One thread plays one prompt at a time, so that the box never talks over itself."""

from __future__ import annotations

import logging
import math
import threading
import time
from typing import Final

import numpy as np
import soxr

from denwaban.audio.device import SoundSystem, Stream
from denwaban.audio.loudness import amplified
from denwaban.audio.playlist import Playlist, Waiting
from denwaban.audio.prompts import PromptLibrary
from denwaban.errors import AudioError
from denwaban.events import Pcm

_log = logging.getLogger(__name__)

BUFFER_S: Final = 0.4
"""Sound in the device's buffer: soon played out for a warning, and enough while the recogniser has every core. With
eight busy processes on two cores 0.2 s ran dry, 0.4 s did not."""
ECHO_S: Final = 0.6
"""Out of the device's buffer, through the room and the modem, into the box again; an estimate."""
POLL_S: Final = 0.02
FADE_S: Final = 0.03
STUCK_S: Final = 3.0
"""A device that takes no sound for so long hangs."""
RETRY_S: Final = 5.0
DISTURB_EVERY_S: Final = 30.0
"""So often a listen-only line is interrupted for a moment to look for a loudspeaker that is missing."""
CLOSE_LIMIT_S: Final = 2.0


class SilentSpeaker:
    """No loudspeaker fitted or wanted."""

    speaking = False

    def say(self, prompt: str) -> None:
        del prompt

    def close(self) -> None:
        pass


class SoundSpeaker:
    """Plays prompts on a sound device. While it is missing, prompts wait for its return, each for its own time."""

    def __init__(self, prompts: PromptLibrary, system: SoundSystem, device: str, volume: int) -> None:
        """`device`: (part of) a name, empty the default one. `volume`: percent."""
        self._prompts = prompts
        self._system = system
        self._device = device
        self._volume = volume
        self._list = Playlist()
        self._changed = threading.Condition()
        self._interrupted = False
        self._closing = False
        self._trouble = ""
        self._disturb_from = -math.inf
        self._heard_until = -math.inf
        self._thread = threading.Thread(target=self._run, name="speaker", daemon=True)
        self._thread.start()

    @property
    def speaking(self) -> bool:
        return time.monotonic() < self._heard_until

    def say(self, prompt: str) -> None:
        with self._changed:
            self._interrupted |= self._list.add(prompt, time.monotonic())
            self._changed.notify()

    def close(self) -> None:
        """Fall silent."""
        with self._changed:
            self._closing = self._interrupted = True
            self._changed.notify()
        self._thread.join(CLOSE_LIMIT_S)

    # --- the thread ---

    def _run(self) -> None:
        while (waiting := self._next()) is not None:
            try:
                pcm, rate = self._sound(waiting.prompts)
            except AudioError as error:
                _log.error("cannot speak: %s", error)
                continue
            try:
                self._play(pcm, rate)
            except AudioError as error:
                self._wait_for_device(waiting, error)
            else:
                self._works()

    def _sound(self, prompts: tuple[str, ...]) -> tuple[Pcm, int]:
        sounds = [self._prompts.sound(one) for one in prompts]
        return np.concatenate([pcm for pcm, _rate in sounds]), sounds[0][1]  # all for the room have one rate

    def _next(self) -> Waiting | None:
        """The next prompt; None when the program ends."""
        with self._changed:
            while not self._closing:
                self._interrupted = False
                if (waiting := self._list.begin(time.monotonic())) is not None:
                    return waiting
                self._changed.wait(1.0)
            return None

    def _wait_for_device(self, waiting: Waiting, error: AudioError) -> None:
        if str(error) != self._trouble:
            self._trouble = str(error)
            _log.error("cannot speak: %s", error)
        with self._changed:
            self._list.put_back(waiting)
            if not self._closing:
                self._changed.wait(RETRY_S)

    def _works(self) -> None:
        if self._trouble:
            _log.info("the loudspeaker works again")
            self._trouble = ""

    def _play(self, pcm: Pcm, rate: int) -> None:
        try:
            stream = self._system.open(self._device, "output", rate, BUFFER_S)
        except AudioError:
            if not self._look_again():
                raise
            stream = self._system.open(self._device, "output", rate, BUFFER_S)
        try:
            self._write(stream, amplified(pcm, rate, self._volume), rate)
        finally:
            self._system.close(stream)

    def _look_again(self) -> bool:
        """Whether the devices were looked for anew."""
        now = time.monotonic()
        disturb = now >= self._disturb_from
        if disturb:
            self._disturb_from = now + DISTURB_EVERY_S
        return self._system.refresh(disturb=disturb)

    def _write(self, stream: Stream, pcm: Pcm, rate: int) -> None:
        sound = pcm if stream.rate == rate else np.asarray(soxr.resample(pcm, rate, stream.rate), np.int16)
        at, moved, fading = 0, time.monotonic(), False
        while at < len(sound) and not self._closing:
            if self._interrupted and not fading:
                sound, fading = _faded(sound, at, stream.rate), True
            self._heard_until = time.monotonic() + BUFFER_S + ECHO_S
            taken = stream.write(sound[at:])
            if taken:
                at, moved = at + taken, time.monotonic()
            elif time.monotonic() - moved > STUCK_S:
                raise AudioError(f"sound device {stream.name!r} hangs; unplug it and plug it in again")
            else:
                time.sleep(POLL_S)
        time.sleep(BUFFER_S + POLL_S)  # until the last sample is out


def _faded(pcm: Pcm, at: int, rate: int) -> Pcm:
    """The sound up to `at`, and its end within a moment: breaking off at once would click."""
    end = min(len(pcm), at + int(FADE_S * rate))
    fade = np.linspace(1.0, 0.0, end - at)
    return np.concatenate((pcm[:at], (pcm[at:end] * fade).astype(np.int16)))
