"""What `doctor` finds out about sound: the loudspeaker in the room, the input of a line that is only listened to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from denwaban.audio.device import SoundSystem
from denwaban.audio.line_input import SoundInput
from denwaban.audio.prompts import PromptLibrary
from denwaban.audio.speaker import SoundSpeaker
from denwaban.config import Config
from denwaban.errors import AudioError
from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.finding import Finding

ROOM_RATE: Final = 24_000
QUIET_VOLUME: Final = 30
"""Percent; below it speech is 10 dB and more under full volume."""
SPOKEN: Final = "not_recording"
"""A short prompt that is true while nobody calls."""
SPEAK_LIMIT_S: Final = 10.0
LISTEN_S: Final = 1.0
ARRIVES_WITHIN_S: Final = 10.0
"""For that second of sound; a busy machine takes its time."""
SILENT_DBFS: Final = -90.0
"""The last bit of 16; every real input has more noise of its own."""
LOUD_DBFS: Final = -40.0


def check_speaker(config: Config) -> Iterator[Finding]:
    """Whether the household can hear the box."""
    if config.sound.speaker == "none":
        yield Finding("loudspeaker", "note", "switched off: the household hears no warning", 'set [sound] speaker = ""')
        return
    system = SoundSystem()
    try:
        stream = system.open(config.sound.speaker, "output", ROOM_RATE, 0.2)
    except AudioError as error:
        yield Finding("loudspeaker", "note", f"the household hears no warning: {error}")
        return
    system.close(stream)
    if config.sound.volume < QUIET_VOLUME:
        yield Finding(
            "loudspeaker",
            "note",
            f"{stream.name}, {config.sound.volume} % may be too soft",
            "raise [sound] volume",
        )
    else:
        yield Finding("loudspeaker", "ok", f"{stream.name}, {stream.rate} Hz, volume {config.sound.volume} %")


def spoken(config: Config) -> Iterator[Finding]:
    """Say a sentence in the room, for somebody to hear."""
    if config.sound.speaker == "none":
        return
    system, prompts = SoundSystem(), PromptLibrary()
    speaker = SoundSpeaker(prompts, system, config.sound.speaker, config.sound.volume)
    try:
        speaker.say(SPOKEN)
        deadline, began = time.monotonic() + SPEAK_LIMIT_S, False
        while time.monotonic() < deadline and not (began and not speaker.speaking):
            began |= speaker.speaking
            time.sleep(0.05)
    finally:
        speaker.close()
    if began:
        do = "if nobody heard it: the loudspeaker's own knob and power, then [sound] speaker and volume"
        yield Finding("loudspeaker", "ok", f"was told to say: {prompts[SPOKEN].text}", do)
    else:
        yield Finding("loudspeaker", "note", "could not be told to say anything")


def check_line_input(config: Config) -> Iterator[Finding]:
    """Whether the box can hear a telephone that it only listens to."""
    if config.line.kind != "listen":
        return
    source = SoundInput(SoundSystem(), config.sound.line_input)
    try:
        source.open()
        name = source.name
        pcm = _heard(source)
    except AudioError as error:
        yield Finding("telephone's sound", "bad", str(error))
        return
    finally:
        source.close()
    yield explain_level(name, pcm)


def _heard(source: SoundInput) -> Pcm:
    """A second of sound. Raises AudioError if it does not come."""
    parts: list[Pcm] = []
    deadline = time.monotonic() + ARRIVES_WITHIN_S
    while sum(map(len, parts)) < LISTEN_S * SAMPLE_RATE:
        if time.monotonic() > deadline:
            raise AudioError(f"sound input {source.name!r} delivers nothing; is another program using it?")
        parts.append(source.read())
        time.sleep(0.05)
    return np.concatenate(parts)


def explain_level(name: str, pcm: Pcm) -> Finding:
    """What a second of the telephone's sound, with the handset on its rest, tells about the wiring."""
    what = "telephone's sound"
    level = 10 * np.log10(np.mean((pcm / 32768.0) ** 2) + 1e-12)
    if level < SILENT_DBFS:
        return Finding(
            what, "note", f"{name}: no sound at all, not even noise", "is it the right input, and not muted?"
        )
    if level > LOUD_DBFS:
        do = "put the handset on its rest; if it stays loud, look for hum in cable and plug"
        return Finding(what, "note", f"{name}: {level:.0f} dBFS, which is loud for a telephone at rest", do)
    return Finding(what, "ok", f"{name}: {level:.0f} dBFS at rest")
