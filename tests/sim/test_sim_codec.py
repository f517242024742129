from __future__ import annotations

import numpy as np
import pytest

from denwaban.sim.codec import Coding, decode, encode

EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)


@pytest.mark.parametrize("coding", [Coding.ULAW, Coding.ALAW])
def test_every_g711_code_survives_a_round_trip(coding: Coding) -> None:
    codes = bytes(range(256))
    again = encode(decode(codes, coding), coding)
    # µ-law has two zeros, 0x7F and 0xFF, which sound the same.
    assert [a for a in range(256) if again[a] != a] in ([], [0x7F])


@pytest.mark.parametrize(("coding", "worst"), [(Coding.ULAW, 1 / 16), (Coding.ALAW, 1 / 16)])
def test_g711_error_stays_below_half_a_step(coding: Coding, worst: float) -> None:
    error = np.abs(decode(encode(EVERY_SAMPLE, coding), coding).astype(int) - EVERY_SAMPLE)
    assert np.all(error <= np.maximum(np.abs(EVERY_SAMPLE.astype(int)) * worst, 16))


def test_known_g711_codes() -> None:
    assert encode(np.array([0, 32767, -32768], np.int16), Coding.ULAW) == b"\xff\x80\x00"
    assert encode(np.array([0, 32767, -32768], np.int16), Coding.ALAW) == b"\xd5\xaa\x2a"


def test_16_bit_is_exact_and_low_byte_first() -> None:
    assert encode(np.array([0x1234], np.int16), Coding.SIGNED_16) == b"\x34\x12"
    assert np.array_equal(decode(encode(EVERY_SAMPLE, Coding.SIGNED_16), Coding.SIGNED_16), EVERY_SAMPLE)


def test_silence_of_8_bit_linear_is_128() -> None:
    assert encode(np.zeros(1, np.int16), Coding.UNSIGNED_8) == b"\x80"
    assert decode(b"\x00\x80\xff", Coding.UNSIGNED_8).tolist() == [-32768, 0, 32512]
    assert decode(b"\x80\x00\x7f", Coding.SIGNED_8).tolist() == [-32768, 0, 32512]
