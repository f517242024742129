"""What the wires do to sound: tones, noise, the two-wire sum, and the modem's automatic gain."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from denwaban.events import SAMPLE_RATE, Pcm

TICK_SAMPLES: Final = 160
"""Samples in one tick of line time: 20 ms."""
TICK_S: Final = TICK_SAMPLES / SAMPLE_RATE

Wave = npt.NDArray[np.float32]
"""One tick of the signal on the line, in units of 16-bit steps, not yet limited to them."""

LineTone = Literal["busy", "dial"]

_TONE_HZ: Final = 400
_TONE_DBFS: Final = -15.0
_BUSY_HALF_SAMPLES: Final = SAMPLE_RATE // 2
_FULL_SCALE: Final = 32768.0


def gain(decibels: float) -> float:
    """Amplitude factor of a level difference."""
    return float(10 ** (decibels / 20))


@dataclass(frozen=True, slots=True)
class LineLevels:
    """How loud the sides of a call file arrive at the modem. The household's handset is on the same two wires,
    the caller behind the loss of two loops: about 9 dB apart (estimate)."""

    far_db: float = -12.0
    near_db: float = -3.0
    noise_dbfs: float | None = -60.0
    noise_seed: int = 1


PLAIN_LEVELS: Final = LineLevels()


class TwoWire:
    """Sums everything that is on the line."""

    def __init__(self, levels: LineLevels) -> None:
        self._far = gain(levels.far_db)
        self._near = gain(levels.near_db)
        self._noise = 0.0 if levels.noise_dbfs is None else _FULL_SCALE * gain(levels.noise_dbfs)
        self._seed = levels.noise_seed
        self._random = np.random.default_rng(self._seed)
        self._tone_samples = 0

    def restart_noise(self) -> None:
        """Begin the noise anew, so that a recording holds the same samples whenever it is made."""
        self._random = np.random.default_rng(self._seed)

    def tick(self, far: Pcm, near: Pcm, tone: LineTone | None) -> Wave:
        """One tick of the sum. `far` and `near` hold at most a tick; the rest is silence."""
        wave: Wave = self._random.standard_normal(TICK_SAMPLES, dtype=np.float32) * np.float32(self._noise)
        wave[: len(far)] += far * np.float32(self._far)
        wave[: len(near)] += near * np.float32(self._near)
        if tone is None:
            self._tone_samples = 0
        else:
            wave += self._tone(tone)
        return wave

    def _tone(self, tone: LineTone) -> Wave:
        """Japan: 400 Hz; dial tone continuous, busy tone 0.5 s on and 0.5 s off."""
        at = np.arange(self._tone_samples, self._tone_samples + TICK_SAMPLES)
        self._tone_samples += TICK_SAMPLES
        amplitude = _FULL_SCALE * gain(_TONE_DBFS) * math.sqrt(2)
        sound = amplitude * np.sin(2 * np.pi * _TONE_HZ / SAMPLE_RATE * at)
        if tone == "busy":
            sound *= at // _BUSY_HALF_SAMPLES % 2 == 0
        wave: Wave = sound.astype(np.float32)
        return wave


@dataclass(frozen=True, slots=True)
class AgcSettings:
    """The modem's receive gain control. Time constants and target are typical of the kind, not measured on one.

    With our call files the target of −14 dBFS leaves about 3 of the 9 dB between the household and the caller; a target
    of −20 dBFS left none, no gain control leaves all (measured over all turns of two calls).
    """

    on: bool = True
    target_dbfs: float = -14.0
    most_gain_db: float = 12.0
    least_gain_db: float = -12.0
    attack_s: float = 0.020
    release_s: float = 0.500


PLAIN_AGC: Final = AgcSettings()


class Agc:
    """Follows the level in 5 ms steps and turns it towards the target; ends in 16-bit samples, limited."""

    _STEP: Final = 40

    def __init__(self, settings: AgcSettings) -> None:
        self._settings = settings
        self._target = _FULL_SCALE * gain(settings.target_dbfs)
        self._bounds = (gain(settings.least_gain_db), gain(settings.most_gain_db))
        self._attack = math.exp(-self._STEP / SAMPLE_RATE / settings.attack_s)
        self._release = math.exp(-self._STEP / SAMPLE_RATE / settings.release_s)
        self._level = self._target
        self._gain = 1.0

    def process(self, wave: Wave) -> Pcm:
        """One tick through the gain control."""
        if self._settings.on:
            wave = wave * np.concatenate([self._ramp(part) for part in wave.reshape(-1, self._STEP)])
        return np.clip(np.rint(wave), -32768, 32767).astype(np.int16)

    def _ramp(self, part: Wave) -> Wave:
        heard = math.sqrt(float(np.dot(part, part)) / self._STEP)
        keep = self._attack if heard > self._level else self._release
        self._level = heard + keep * (self._level - heard)
        wanted = min(self._bounds[1], max(self._bounds[0], self._target / max(self._level, 1e-6)))
        before, self._gain = self._gain, wanted
        # A ramp, not a jump: a stepped gain would click 200 times a second.
        return np.linspace(before, wanted, self._STEP, endpoint=False, dtype=np.float32)
