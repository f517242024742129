"""The sound of a telephone as a recorder on its handset's cord, or a coupler on its line, gives it."""

from __future__ import annotations

import numpy as np

from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.sim.audio_path import TICK_SAMPLES, LineLevels, LineTone, TwoWire
from denwaban.sim.callfile import CallFile

NOTHING = np.zeros(0, np.int16)


def on_line(far: Pcm = NOTHING, near: Pcm = NOTHING, levels: LineLevels | None = None) -> Pcm:
    """What both say, on one pair of wires with its noise."""
    wires = TwoWire(levels or LineLevels())
    ticks = -(-max(len(far), len(near)) // TICK_SAMPLES)
    cuts = (slice(i * TICK_SAMPLES, (i + 1) * TICK_SAMPLES) for i in range(ticks))
    waves = [wires.tick(far[cut], near[cut], None) for cut in cuts]
    return np.clip(np.rint(np.concatenate([NOTHING, *waves])), -32768, 32767).astype(np.int16)


def call_on_line(call: CallFile, levels: LineLevels | None = None) -> Pcm:
    return on_line(call.far, call.near, levels)


def tone(name: LineTone, seconds: float, noise_dbfs: float = -60.0) -> Pcm:
    wires = TwoWire(LineLevels(noise_dbfs=noise_dbfs))
    waves = [wires.tick(NOTHING, NOTHING, name) for _ in range(round(seconds * SAMPLE_RATE / TICK_SAMPLES))]
    return np.rint(np.concatenate(waves)).astype(np.int16)


def rest(seconds: float, dbfs: float = -70.0, seed: int = 3) -> Pcm:
    """A telephone at rest: the noise of the recorder's own input."""
    noise = np.random.default_rng(seed).standard_normal(round(seconds * SAMPLE_RATE))
    return np.rint(noise * 32768 * 10 ** (dbfs / 20)).astype(np.int16)


def sine(hertz: float, seconds: float, dbfs: float) -> Pcm:
    wave = np.sin(2 * np.pi * hertz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)
    return np.rint(wave * np.sqrt(2) * 32768 * 10 ** (dbfs / 20)).astype(np.int16)


def added(*sounds: Pcm) -> Pcm:
    """Sounds of the same length, one over the other."""
    total = np.sum([sound.astype(np.int32) for sound in sounds], axis=0)
    return np.asarray(np.clip(total, -32768, 32767), np.int16)
