"""Prompts as loud as the loudspeaker can play them cleanly. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from denwaban.events import Pcm

FULL_GAIN: Final = 2.0
"""Amplification at volume 100. Prompts hold speech at −18 dBFS; this makes it −12 dBFS, the peaks held below."""
CEILING: Final = 32768 * 10 ** (-1 / 20)
"""Peaks stay 1 dB below full scale, so that resampling does not clip them."""
_BLOCK_S: Final = 0.001
_REACH: Final = 5
"""Blocks of 1 ms over which the limiter closes and opens: too slow to distort, too fast to be heard pumping."""


def amplified(pcm: Pcm, rate: int, volume: int) -> Pcm:
    """The sound at a volume of 0 to 100 percent (of amplitude), with no sample clipped."""
    sound = pcm.astype(np.float64) * (FULL_GAIN * volume / 100)
    size = int(rate * _BLOCK_S)
    count = -(-len(sound) // size)
    if not count:
        return pcm
    peaks = np.abs(np.pad(sound, (0, count * size - len(sound)))).reshape(count, size).max(axis=1)
    needed = np.minimum(1.0, CEILING / np.maximum(peaks, 1.0))
    # The lowest gain within reach and one block more: neither the mean nor the slope between two blocks exceeds it.
    around = np.pad(needed, 2 * _REACH + 1, mode="edge")
    lowest = np.lib.stride_tricks.sliding_window_view(around, 2 * _REACH + 3).min(axis=1)
    gains = np.convolve(lowest, np.full(2 * _REACH + 1, 1 / (2 * _REACH + 1)), "valid")
    at = (np.arange(len(sound)) + 0.5) / size - 0.5
    return np.rint(sound * np.interp(at, np.arange(count), gains)).astype(np.int16)
