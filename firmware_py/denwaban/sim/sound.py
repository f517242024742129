"""Reads sound files for the virtual line: 16-bit mono at 8 kHz comes out, whatever went in."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
import soxr

from denwaban.errors import AudioError
from denwaban.events import SAMPLE_RATE, Pcm

_RATES: Final = (8000, 48000)
_LONGEST_S: Final = 7200
_BLOCK: Final = 1 << 16
"""Samples converted at a time, so that an hour at 48 kHz does not take a gigabyte."""
_UNKNOWN_SIZE: Final = (0, 0xFFFFFFFF)
"""What programs that write to a pipe leave in a WAV header."""


def read_sound(path: Path, rate: int | None = None) -> Pcm:
    """Mono sound of `path` at 8 kHz. With `rate`, any other sample rate is an error instead of being converted.

    Raises AudioError: not there, not sound, truncated, not mono, too slow or fast, empty or hours long.
    """
    if not path.is_file():
        raise AudioError(f"{path.name}: no such file ({path})")
    try:
        if path.suffix.lower() == ".wav":
            _refuse_truncated_wav(path)
        with soundfile.SoundFile(path) as file:
            found = int(file.samplerate)
            _check(path, found, file.channels, file.frames, rate)
            parts, got = _converted(file, found)
            promised = file.frames
    except (OSError, soundfile.SoundFileError) as error:
        raise AudioError(
            f"{path.name}: cannot be read as sound ({_reason(path, error)}); copy or convert it again"
        ) from error
    if got < promised:
        raise AudioError(f"{path.name}: is cut off after {got} of {promised} samples; copy it again")
    return np.concatenate(parts)


def _converted(file: soundfile.SoundFile, found: int) -> tuple[list[Pcm], int]:
    """The sound in 8 kHz blocks, and how many samples the file really held."""
    resampler = None if found == SAMPLE_RATE else soxr.ResampleStream(found, SAMPLE_RATE, 1, dtype="float32")
    parts: list[Pcm] = []
    got = 0
    while True:
        # Read as float: libsndfile would turn a floating-point WAV into integers without scaling it.
        block = file.read(_BLOCK, dtype="float32")
        got += len(block)
        last = len(block) < _BLOCK
        sound = block if resampler is None else resampler.resample_chunk(block, last=last)
        parts.append(np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16))
        if last:
            return parts, got


def _check(path: Path, found: int, channels: int, frames: int, rate: int | None) -> None:
    if channels != 1:
        raise AudioError(f"{path.name}: has {channels} channels; give each side of the call as a mono file of its own")
    if rate is not None and found != rate:
        raise AudioError(f"{path.name}: is sampled at {found} Hz, must be {rate} Hz")
    if not _RATES[0] <= found <= _RATES[1]:
        raise AudioError(f"{path.name}: is sampled at {found} Hz; use {_RATES[0]} to {_RATES[1]} Hz")
    if not 0 < frames <= _LONGEST_S * found:
        raise AudioError(
            f"{path.name}: holds {frames / found:.0f} s of sound; use more than 0 and at most {_LONGEST_S} s"
        )


def _refuse_truncated_wav(path: Path) -> None:
    """libsndfile silently shortens a WAV whose data chunk promises more than the file holds, so we look ourselves."""
    with path.open("rb") as file:
        if file.read(4) != b"RIFF":
            return
        file.seek(12)
        size = path.stat().st_size
        while len(header := file.read(8)) == 8:
            name, length = struct.unpack("<4sI", header)
            missing = file.tell() + length - size
            if name == b"data":
                if missing > 0 and length not in _UNKNOWN_SIZE:
                    raise AudioError(
                        f"{path.name}: is cut off, {missing} bytes of its sound are missing; copy it again"
                    )
                return
            file.seek(length + length % 2, 1)
    raise AudioError(f"{path.name}: is cut off before its sound begins; copy it again")


def _reason(path: Path, error: Exception) -> str:
    return str(error).replace(str(path), path.name).rstrip(".")
