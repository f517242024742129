"""Audio arithmetic of rendered speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.voices import telephone
from training.voices.telephone import LINE_RATE, Signal


def tone(hz: float, seconds: float, rate: int, amplitude: float = 0.5) -> Signal:
    return np.asarray(amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate), np.float32)


@pytest.mark.parametrize(("hz", "passes"), [(100, False), (500, True), (1000, True), (3000, True), (3900, False)])
def test_telephone_band_keeps_300_to_3400_hz(hz: float, passes: bool) -> None:
    out = telephone.telephone_band(tone(hz, 1.0, 24000), 24000)[800:-800]
    loss = telephone.to_db(0.5 / np.sqrt(2)) - rms_db(out)
    assert loss < 0.5 if passes else loss > 30


def test_telephone_band_does_not_move_speech_in_time() -> None:
    click = np.zeros(24000, np.float32)
    click[12000] = 1.0
    assert abs(int(np.argmax(np.abs(telephone.telephone_band(click, 24000)))) - 4000) <= 1


def test_telephone_band_of_nothing_is_nothing() -> None:
    assert telephone.telephone_band(np.zeros(0, np.float32), 24000).size == 0


def rms_db(signal: Signal) -> float:
    return telephone.to_db(float(np.sqrt((signal.astype(np.float64) ** 2).mean())))


@pytest.mark.parametrize("amplitude", [0.01, 0.1, 0.9])
def test_mulaw_round_trip_stays_30_db_clear_at_any_level(amplitude: float) -> None:
    signal = tone(440, 0.5, LINE_RATE, amplitude)
    assert rms_db(signal) - rms_db(telephone.mulaw_round_trip(signal) - signal) > 30


def test_speech_level_leaves_pauses_out() -> None:
    speech = tone(300, 1.0, LINE_RATE)
    with_pause = np.concatenate([speech, np.zeros(3 * LINE_RATE, np.float32), speech])
    assert telephone.speech_db(with_pause, LINE_RATE) == pytest.approx(telephone.speech_db(speech, LINE_RATE), abs=0.1)


def test_speech_level_of_silence_is_the_floor() -> None:
    assert telephone.speech_db(np.zeros(LINE_RATE, np.float32), LINE_RATE) == telephone.to_db(0.0)
    assert telephone.speech_db(np.zeros(0, np.float32), LINE_RATE) == telephone.to_db(0.0)


def test_levelling_reaches_the_level_and_no_peak_passes_the_ceiling() -> None:
    random = np.random.default_rng(1)
    spiky = tone(250, 2.0, LINE_RATE, 0.05)
    spiky[random.integers(0, spiky.size, 40)] += 0.7
    levelled = telephone.level(spiky, LINE_RATE, -20.0, -4.0)
    assert telephone.peak_db(levelled) <= -4.0 + 1e-3
    assert telephone.speech_db(levelled, LINE_RATE) == pytest.approx(-20.0, abs=1.0)


def test_limiter_leaves_quiet_signals_alone() -> None:
    quiet = tone(400, 0.5, LINE_RATE, 0.1)
    np.testing.assert_allclose(telephone.limit(quiet, LINE_RATE, -3.0), quiet, rtol=1e-6)


def test_twelve_bit_samples_stay_in_range_and_on_the_grid() -> None:
    pcm = telephone.to_pcm(np.array([-2.0, -1.0, -0.3, 0.0, 0.3, 1.0, 2.0], np.float32), 12)
    assert not (pcm.astype(int) % 16).any()
    assert pcm[0] == pcm[1] == -32768
    assert pcm[-1] == pcm[-2] == 32752


def test_flac_carries_samples_and_the_digest_of_its_source(tmp_path: Path) -> None:
    pcm = telephone.to_pcm(tone(400, 0.2, LINE_RATE))
    telephone.write_flac(tmp_path / "a" / "x.flac", pcm, LINE_RATE, digest="abc123", title="x", rights="r")
    file = telephone.read_flac(tmp_path / "a" / "x.flac")
    assert (file.digest, file.rate, file.channels, file.subtype) == ("abc123", LINE_RATE, 1, "PCM_16")
    np.testing.assert_array_equal(np.round(file.signal * 32768).astype(np.int16), pcm)


@pytest.mark.parametrize("content", [None, b"", b"fLaC", b"RIFF1234WAVE"])
def test_unreadable_audio_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "far.flac"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(telephone.AudioFileError, match=r"far\.flac"):
        telephone.read_flac(path)
