"""Audio arithmetic for rendered speech: band, level, µ-law, FLAC. All signals are float32 mono, full scale ±1.

Pure functions of numpy arrays except `read_flac` and `write_flac`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Signal = npt.NDArray[np.float32]

LINE_RATE: Final = 8000
ROOM_RATE: Final = 24000
LOW_HZ: Final = 300.0
HIGH_HZ: Final = 3400.0
_TAPS: Final = 255
"""Length of the band filter at 8 kHz: a transition of about 110 Hz, enough to leave little under 200 Hz."""
_FRAME_S: Final = 0.02
_ACTIVE_BELOW_PEAK_DB: Final = 25.0
"""A frame this far under the loudest frames is a pause and does not count for the speech level."""
_SILENCE: Final = 1e-6


def to_db(amplitude: float) -> float:
    """Decibels relative to full scale; silence is −120."""
    return 20.0 * float(np.log10(max(amplitude, _SILENCE)))


def resample(signal: Signal, rate: int, to: int) -> Signal:
    """Change the sample rate."""
    return signal if rate == to else np.asarray(soxr.resample(signal, rate, to, quality="VHQ"), np.float32)


def _band_filter(low: float, high: float, rate: int) -> npt.NDArray[np.float64]:
    n = np.arange(_TAPS) - (_TAPS - 1) / 2
    ideal = 2 * high / rate * np.sinc(2 * high / rate * n) - 2 * low / rate * np.sinc(2 * low / rate * n)
    return np.asarray(ideal * np.hamming(_TAPS), np.float64)


def telephone_band(signal: Signal, rate: int) -> Signal:
    """The signal as a telephone carries it: 300–3400 Hz at 8 kHz, same timing (the filter is linear-phase, centred)."""
    narrow = resample(signal, rate, LINE_RATE)
    if not narrow.size:
        return narrow
    return np.asarray(np.convolve(narrow, _band_filter(LOW_HZ, HIGH_HZ, LINE_RATE), "full"), np.float32)[
        (_TAPS - 1) // 2 : (_TAPS - 1) // 2 + narrow.size
    ]


def mulaw_round_trip(signal: Signal) -> Signal:
    """What is left after G.711 µ-law coding (continuous companding law, 8 bits)."""
    mu = 255.0
    folded = np.sign(signal) * np.log1p(mu * np.minimum(np.abs(signal), 1.0)) / np.log1p(mu)
    steps = np.round(folded * 127.0) / 127.0
    return np.asarray(np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(mu)) / mu, np.float32)


def _frame_powers(signal: Signal, rate: int) -> npt.NDArray[np.float64]:
    size = int(rate * _FRAME_S)
    whole = signal[: signal.size // size * size].reshape(-1, size).astype(np.float64)
    return np.asarray((whole**2).mean(axis=1), np.float64)


def speech_db(signal: Signal, rate: int) -> float:
    """Level of the speech in dBFS: RMS over the frames that hold speech, pauses left out."""
    powers = _frame_powers(signal, rate)
    if not powers.size or powers.max() <= _SILENCE**2:
        return to_db(0.0)
    threshold = np.percentile(powers[powers > _SILENCE**2], 95) * 10 ** (-_ACTIVE_BELOW_PEAK_DB / 10)
    return to_db(float(np.sqrt(powers[powers >= threshold].mean())))


def peak_db(signal: Signal) -> float:
    """The highest sample in dBFS."""
    return to_db(float(np.abs(signal).max(initial=0.0)))


def limit(signal: Signal, rate: int, ceiling_db: float) -> Signal:
    """Hold peaks under the ceiling by a smooth gain (5 ms look-ahead, 5 ms smoothing): no sample is clipped."""
    if not signal.size:
        return signal
    reach = int(rate * 0.005)
    ceiling = 10 ** (ceiling_db / 20)
    needed = np.minimum(1.0, ceiling / np.maximum(np.abs(signal).astype(np.float64), _SILENCE))
    padded = np.pad(needed, 2 * reach, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).min(axis=1)
    gain = np.convolve(lowest, np.full(2 * reach + 1, 1 / (2 * reach + 1)), "valid")
    return np.asarray(signal * gain, np.float32)


def level(signal: Signal, rate: int, speech: float, ceiling: float) -> Signal:
    """Bring speech to the level `speech` dBFS with all peaks under `ceiling` dBFS."""
    for _ in range(3):  # limiting lowers the level a little: approach the target
        now = speech_db(signal, rate)
        if now <= to_db(0.0):
            return signal
        signal = limit(np.asarray(signal * 10 ** ((speech - now) / 20), np.float32), rate, ceiling)
    return signal


def band_share_outside(signal: Signal, rate: int) -> float:
    """Share of the power outside 250–3450 Hz (the telephone band and its filter's skirts)."""
    spectrum = np.abs(np.fft.rfft(signal)) ** 2
    hz = np.fft.rfftfreq(signal.size, 1 / rate)
    return float(spectrum[(hz < LOW_HZ - 50) | (hz > HIGH_HZ + 50)].sum() / max(spectrum.sum(), _SILENCE))


def to_pcm(signal: Signal, bits: int = 16) -> npt.NDArray[np.int16]:
    """16-bit samples; with `bits` < 16 the low bits are zero, which FLAC stores for nothing."""
    step = 1 << (16 - bits)
    top = 32768 // step - 1
    return np.asarray(np.clip(np.round(signal * (32768 / step)), -top - 1, top) * step, np.int16)


@dataclass(frozen=True, slots=True)
class FlacFile:
    """A FLAC file as read: samples, rate, and the digest of what it was rendered from."""

    signal: Signal
    rate: int
    channels: int
    subtype: str
    digest: str


def write_flac(path: Path, pcm: npt.NDArray[np.int16], rate: int, *, digest: str, title: str, rights: str) -> None:
    """Write 16-bit mono FLAC. `digest` names the source text and voice, so that `--check` finds a stale file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16", format="FLAC") as file:
        file.title, file.copyright, file.comment = title, rights, digest
        file.write(pcm)


class AudioFileError(ValueError):
    """A file that is missing or is not readable audio; the message names it."""


def read_flac(path: Path) -> FlacFile:
    """Read a FLAC file; raises AudioFileError."""
    try:
        with soundfile.SoundFile(path) as file:
            samples = file.read(dtype="float32", always_2d=True)
            return FlacFile(samples[:, 0].copy(), file.samplerate, file.channels, file.subtype, file.comment or "")
    except soundfile.LibsndfileError as error:
        raise AudioFileError(f"{path}: {error}") from error
