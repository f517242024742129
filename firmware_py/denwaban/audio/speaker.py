"""The voice of the box in the room, through sounddevice (PortAudio). One thread plays prompts one after another."""

from __future__ import annotations

import logging
import queue
import threading
from typing import Any, Final

from denwaban.audio.prompts import PromptLibrary
from denwaban.errors import AudioError

_log = logging.getLogger(__name__)

WAITING_LIMIT: Final = 16
"""More prompts than this waiting means that the device hangs; the newest are then dropped and logged."""


class SilentSpeaker:
    """No loudspeaker fitted or wanted."""

    def say(self, prompt: str) -> None:
        del prompt

    def close(self) -> None:
        pass


class SoundSpeaker:
    """Plays prompts on a sound device. A missing device is logged at each prompt and tried again at the next."""

    def __init__(self, prompts: PromptLibrary, device: str) -> None:
        self._prompts = prompts
        self._device = device or None
        self._waiting: queue.Queue[str | None] = queue.Queue(maxsize=WAITING_LIMIT)
        self._thread = threading.Thread(target=self._run, name="speaker", daemon=True)
        self._thread.start()

    def say(self, prompt: str) -> None:
        try:
            self._waiting.put_nowait(prompt)
        except queue.Full:
            _log.error("the sound device hangs; prompt %s is dropped", prompt)

    def close(self) -> None:
        self.say_nothing_more()
        self._thread.join(timeout=5)

    def say_nothing_more(self) -> None:
        """Let the thread end after what is waiting."""
        try:
            self._waiting.put_nowait(None)
        except queue.Full:
            _log.error("the sound device hangs at the end of the program")

    def _run(self) -> None:
        while (name := self._waiting.get()) is not None:
            try:
                pcm, rate = self._prompts.sound(name)
                device = load_sounddevice()
                device.play(pcm, rate, device=self._device, blocking=True)
            except AudioError as error:
                _log.error("cannot speak: %s", error)
            except Exception as error:  # noqa: BLE001 - the thread's top; PortAudio has errors of its own
                _log.error("cannot speak on device %s: %s", self._device or "default", error)


def load_sounddevice() -> Any:
    """The sounddevice module. Raises AudioError that says what to install."""
    try:
        import sounddevice  # noqa: PLC0415 - PortAudio is optional and loaded when first needed
    except ImportError as error:
        raise AudioError("sounddevice is not installed; install denwaban[audio]") from error
    except OSError as error:
        raise AudioError(
            'PortAudio is missing; `sudo apt install libportaudio2`, or set [sound] speaker = "none"'
        ) from error
    return sounddevice
