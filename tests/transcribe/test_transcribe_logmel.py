from __future__ import annotations

import numpy as np
import pytest

from denwaban.transcribe.logmel import HOP, MELS, RATE, WINDOW, log_mel, mel_filters


@pytest.mark.parametrize(
    ("mel", "fft_bin", "weight"),
    [
        (0, 1, 0.02486259490251541),
        (1, 1, 0.001990821911022067),
        (1, 2, 0.022871771827340126),
        (20, 20, 0.013890394),
        (39, 41, 0.011486922390758991),
        (40, 43, 0.014735566),
        (69, 131, 0.00487553421407938),
        (79, 190, 0.0022320549469441175),
        (79, 192, 0.0031647116411477327),
        (79, 199, 0.0004487590049393475),
    ],
)
def test_filters_are_those_whisper_was_trained_on(mel: int, fft_bin: int, weight: float) -> None:
    """Values of librosa.filters.mel(sr=16000, n_fft=400, n_mels=80), as published with Whisper (mel_filters.npz)."""
    assert mel_filters()[mel, fft_bin] == pytest.approx(weight, rel=1e-6)


@pytest.mark.parametrize(("mel", "total"), [(0, 0.024862593984), (40, 0.026664860535), (79, 0.024925339739)])
def test_filters_have_slaneys_norm(mel: int, total: float) -> None:
    assert mel_filters()[mel].sum() == pytest.approx(total, rel=1e-6)


def test_filters_cannot_be_changed_by_a_user() -> None:
    with pytest.raises(ValueError, match="read-only"):
        mel_filters()[0, 0] = 1.0


def test_spectrogram_equals_the_definition_computed_slowly() -> None:
    audio = np.random.default_rng(0).normal(0, 0.1, 3200).astype(np.float32)
    padded = np.pad(audio.astype(np.float64), WINDOW // 2, mode="reflect")
    n = np.arange(WINDOW)
    hann = np.sin(np.pi * n / WINDOW) ** 2
    bins = np.exp(-2j * np.pi * np.outer(np.arange(WINDOW // 2 + 1), n) / WINDOW)
    power = [np.abs(bins @ (padded[i * HOP : i * HOP + WINDOW] * hann)) ** 2 for i in range(len(audio) // HOP)]
    logs = np.log10(np.maximum(mel_filters() @ np.array(power).T, 1e-10))
    expected = (np.maximum(logs, logs.max() - 8) + 4) / 4
    assert log_mel(audio) == pytest.approx(expected, abs=1e-4)


def test_a_tone_lights_up_its_band() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    spectrogram = log_mel(tone.astype(np.float32))
    assert spectrogram.shape == (MELS, 100)
    assert spectrogram.dtype == np.float32
    assert int(spectrogram[:, 50].argmax()) == int(mel_filters()[:, 25].argmax())


def test_digital_silence_is_flat_and_finite() -> None:
    # Not exactly: the last bit depends on the processor's matrix kernels.
    np.testing.assert_allclose(log_mel(np.zeros(1600, np.float32)), -1.5, rtol=0, atol=1e-6)
