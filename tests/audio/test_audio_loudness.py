"""Prompts loud and clear."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from denwaban.audio.loudness import CEILING, FULL_GAIN, amplified
from denwaban.audio.prompts import PromptLibrary
from denwaban.events import Pcm

RATE = 24_000


@given(arrays.arrays(np.int16, st.integers(0, 3000)), st.integers(1, 100), st.sampled_from([8000, 24_000]))
def test_no_sample_is_clipped_and_the_length_stays(pcm: Pcm, volume: int, rate: int) -> None:
    loud = amplified(pcm, rate, volume)
    assert len(loud) == len(pcm)
    assert np.abs(loud.astype(np.int32)).max(initial=0) <= CEILING + 1


def test_half_the_volume_is_half_the_amplitude() -> None:
    pcm = (3000 * np.sin(np.arange(RATE) / 20)).astype(np.int16)
    np.testing.assert_allclose(amplified(pcm, RATE, 50), pcm * FULL_GAIN / 2, atol=1)
    np.testing.assert_allclose(amplified(pcm, RATE, 25), pcm * FULL_GAIN / 4, atol=1)


@pytest.mark.parametrize("name", ["scam_warning", "caution_warning", "call_ended_advice", "advice_atm", "chime"])
def test_a_prompt_at_full_volume_is_six_decibels_louder_and_little_is_limited(name: str) -> None:
    pcm, rate = PromptLibrary().sound(name)
    loud = amplified(pcm, rate, 100)
    gained = 10 * np.log10(np.mean(loud.astype(float) ** 2) / np.mean(pcm.astype(float) ** 2))
    assert 5.5 < gained <= 6.05
