"""The log-mel spectrogram that Whisper was trained on, in numpy.

Window, hop and scaling are those of the Whisper paper's reference code (arXiv:2212.04356, `whisper/audio.py`); the
filters are Slaney's (Auditory Toolbox, 1998), which the reference code takes ready-made from librosa.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

RATE: Final = 16_000
WINDOW: Final = 400
HOP: Final = 160
MELS: Final = 80
FRAMES_PER_SECOND: Final = RATE // HOP

_LINEAR_HZ_PER_MEL: Final = 200.0 / 3
_BREAK_HZ: Final = 1000.0
_LOG_STEP: Final = float(np.log(6.4)) / 27


def _hz_to_mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_HZ / _LINEAR_HZ_PER_MEL + float(np.log(hz / _BREAK_HZ)) / _LOG_STEP


def _mel_to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    break_mel = _BREAK_HZ / _LINEAR_HZ_PER_MEL
    curved = _BREAK_HZ * np.exp(_LOG_STEP * np.maximum(mel - break_mel, 0.0))
    return np.where(mel < break_mel, mel * _LINEAR_HZ_PER_MEL, curved)


@cache
def mel_filters() -> Floats:
    """The triangular filters, each of unit area in hertz (Slaney's norm): shape (80, 201)."""
    bins = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)
    edges = _mel_to_hz(np.linspace(0.0, _hz_to_mel(RATE / 2), MELS + 2))
    rising = (bins[None, :] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins[None, :]) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0.0, np.minimum(rising, falling))
    filters = (triangles * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
    filters.setflags(write=False)
    return filters


def log_mel(audio: Floats) -> Floats:
    """The spectrogram of 16 kHz `audio` in -1..1: shape (80, len(audio) // 160), about -1..1.

    At least 201 samples are needed (the ends are mirrored by half a window).
    """
    padded = np.pad(audio, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][: len(audio) // HOP]
    # Periodic Hann, as torch.hann_window makes it; numpy's own `hanning` is the symmetric one.
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)
    power = np.abs(np.fft.rfft(frames * hann.astype(np.float32), axis=1)) ** 2
    logs = np.log10(np.maximum(mel_filters() @ power.T.astype(np.float32), 1e-10))
    scaled = (np.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0
    return np.ascontiguousarray(scaled, dtype=np.float32)
