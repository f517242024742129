from __future__ import annotations

import numpy as np
import pytest
from sim_desk import NO_AGC, rms, speech_like, tone

from denwaban.events import Pcm
from denwaban.sim.audio_path import TICK_SAMPLES, Agc, AgcSettings, LineLevels, TwoWire, gain

NOTHING = np.zeros(0, np.int16)


def summed(far: Pcm, near: Pcm, levels: LineLevels) -> np.ndarray:
    wires = TwoWire(levels)
    ticks = range(0, len(far), TICK_SAMPLES)
    return np.concatenate([wires.tick(far[at : at + TICK_SAMPLES], near[at : at + TICK_SAMPLES], None) for at in ticks])


def through(agc: Agc, wave: np.ndarray) -> Pcm:
    return np.concatenate([agc.process(part.astype(np.float32)) for part in wave.reshape(-1, TICK_SAMPLES)])


def test_the_household_is_9_db_louder_than_the_caller() -> None:
    voice = speech_like(2.0)
    silence = np.zeros_like(voice)
    levels = LineLevels(noise_dbfs=None)
    far, near = rms(summed(voice, silence, levels)), rms(summed(silence, voice, levels))
    assert 20 * np.log10(near / far) == pytest.approx(9.0, abs=0.01)


def test_both_sides_and_the_noise_add_up() -> None:
    far, near = tone(500, 2.0), tone(1100, 2.0)
    levels = LineLevels()
    expected = np.sqrt((rms(far) * gain(-12)) ** 2 + (rms(near) * gain(-3)) ** 2 + (32768 * gain(-60)) ** 2)
    assert rms(summed(far, near, levels)) == pytest.approx(expected, rel=0.01)


def test_an_open_line_hisses_at_minus_60_dbfs_and_the_same_seed_hisses_the_same() -> None:
    silence = np.zeros(16000, np.int16)
    noise = summed(silence, silence, LineLevels())
    assert 20 * np.log10(rms(noise) / 32768) == pytest.approx(-60, abs=0.3)
    assert np.array_equal(noise, summed(silence, silence, LineLevels()))
    assert not np.array_equal(noise, summed(silence, silence, LineLevels(noise_seed=2)))


def test_busy_tone_is_400_hz_half_a_second_on_and_off() -> None:
    wires = TwoWire(LineLevels(noise_dbfs=None))
    wave = np.concatenate([wires.tick(NOTHING, NOTHING, "busy") for _ in range(100)])
    assert rms(wave[:4000]) == pytest.approx(32768 * gain(-15), rel=0.01)
    assert rms(wave[4000:8000]) == 0
    assert rms(wave[8000:12000]) > 0
    spectrum = np.abs(np.fft.rfft(wave[:4000]))
    assert np.argmax(spectrum) * 2 == 400


def test_agc_raises_a_weak_caller_at_most_12_db() -> None:
    weak = tone(500, 3.0, 32768 * gain(-45) * np.sqrt(2)).astype(np.float32)
    after = through(Agc(AgcSettings()), weak)[-8000:]
    assert 20 * np.log10(rms(after) / rms(weak)) == pytest.approx(12.0, abs=0.2)


def test_agc_brings_speech_to_its_target() -> None:
    wave = tone(500, 3.0, 32768 * gain(-25) * np.sqrt(2)).astype(np.float32)
    assert 20 * np.log10(rms(through(Agc(AgcSettings()), wave)[-8000:]) / 32768) == pytest.approx(
        AgcSettings().target_dbfs, abs=0.5
    )


def test_agc_falls_fast_and_rises_slowly() -> None:
    loud, weak = 32768 * gain(-14) * np.sqrt(2), 32768 * gain(-28) * np.sqrt(2)
    wave = np.concatenate([tone(500, 1.0, weak), tone(500, 1.0, loud), tone(500, 2.0, weak)]).astype(np.float32)
    out = through(Agc(AgcSettings()), wave)
    settled_loud = rms(out[14400:16000])
    assert rms(out[8000 + 640 : 8000 + 1040]) < settled_loud * gain(2)
    just_after, much_later = rms(out[16000:16800]), rms(out[-4000:])
    assert just_after < much_later * gain(-6)


def test_agc_can_be_switched_off_and_everything_is_limited() -> None:
    wave = np.full(TICK_SAMPLES, 1e6, np.float32)
    assert through(Agc(NO_AGC), wave).max() == 32767
    soft = tone(500, 0.02, 100).astype(np.float32)
    assert np.array_equal(through(Agc(NO_AGC), soft), soft.astype(np.int16))
