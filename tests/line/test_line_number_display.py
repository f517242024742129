"""NTT Number Display, from bytes and from the signal on the line."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.events import CallerId, Pcm
from denwaban.line.number_display import NumberDisplayDecoder, NumberDisplayReceiver
from denwaban.line.v23 import V23Demodulator
from denwaban.sim.number_display import _crc, message, signal

VECTORS = {
    "0312345678": "90 81 87 90 82 c0 0c 82 0a 30 33 b1 b2 33 b4 35 36 b7 b8 90 03 fb 52",
    "09012345678": "90 81 87 90 82 c0 8d 82 8b 30 39 30 b1 b2 33 b4 35 36 b7 b8 90 03 47 9c",
    "01012125551234": "90 81 87 90 82 c0 90 90 82 8e 30 b1 30 b1 b2 b1 b2 35 35 35 b1 b2 33 b4 90 03 da b3",
    "P": "90 81 87 90 82 c0 03 84 81 50 90 03 1e ee",
    "O": "90 81 87 90 82 c0 03 84 81 cf 90 03 a0 2d",
    "C": "90 81 87 90 82 c0 03 84 81 c3 90 03 03 88",
    "S": "90 81 87 90 82 c0 03 84 81 53 90 03 7a 01",
}
"""Messages as spandsp's and Asterisk's algorithms make them. The third is 16 bytes long: a doubled DLE as length."""

CALLERS = st.sampled_from("POCS") | st.from_regex(r"[0-9]{3,20}", fullmatch=True)
EXTRA = st.lists(st.tuples(st.sampled_from([0x01, 0x07, 0x09, 0x0B, 0x10, 0x21, 0x22]), st.binary(max_size=20)))
IN_NOISE = 40


def told(text: str) -> CallerId:
    return CallerId(absence=text) if text in "POCS" else CallerId(number=text)  # type: ignore[arg-type]


def cut(data: bytes, lengths: list[int]) -> list[bytes]:
    """The data in pieces of these lengths, and the rest."""
    pieces = []
    for length in lengths:
        pieces.append(data[:length])
        data = data[length:]
    return [*pieces, data]


def decoded(*pieces: bytes) -> list[CallerId]:
    decoder = NumberDisplayDecoder()
    return [caller for piece in pieces for caller in decoder.feed(piece)]


def noisy(pcm: Pcm, decibels: float, random: np.random.Generator) -> Pcm:
    """With white noise over the whole band, so much below the signal."""
    deviation = np.sqrt(np.mean(pcm.astype(np.float64) ** 2) / 10 ** (decibels / 10))
    return np.clip(np.rint(pcm + random.normal(0, deviation, len(pcm))), -32768, 32767).astype(np.int16)


def read_in_noise(decibels: float, text: str = "01012125551234") -> int:
    """How many of `IN_NOISE` messages, each at its own phase, are read."""
    random = np.random.default_rng(2026)
    read = 0
    for _ in range(IN_NOISE):
        clean = signal(message(text), phase=random.uniform(0, 6.28), lag=random.uniform(0, 6.67))
        read += NumberDisplayReceiver().feed(noisy(clean, decibels, random)) == [told(text)]
    return read


# --- the message in bytes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", VECTORS)
def test_messages_of_other_implementations_are_read_and_written(text: str) -> None:
    data = bytes.fromhex(VECTORS[text])
    assert decoded(data) == [told(text)]
    assert message(text) == data


def test_a_number_of_14_digits_is_not_cut_short() -> None:
    assert decoded(message("01012125551234")) == [CallerId(number="01012125551234")]


@given(CALLERS, EXTRA, st.lists(st.integers(0, 30)), st.binary(max_size=20))
def test_any_cut_reads_the_same(text: str, extra: list[tuple[int, bytes]], lengths: list[int], before: bytes) -> None:
    seven_bits = tuple((kind, bytes(byte & 0x7F for byte in data)) for kind, data in extra[:4])
    data = before + message(text, seven_bits)
    assert decoded(data) == decoded(*cut(data, lengths)) == [told(text)]


@given(st.sampled_from(list(VECTORS)), st.data())
def test_a_damaged_message_never_names_a_caller(text: str, data: st.DataObject) -> None:
    sent = bytearray(message(text))
    place = data.draw(st.integers(5, len(sent) - 1))
    sent[place] ^= data.draw(st.integers(1, 255))
    assert decoded(bytes(sent)) in ([CallerId()], [])
    # and what comes behind it is read, unless it was taken for the damaged message's checksum
    assert decoded(bytes(sent) + b"\xff\xff" + message("0312345678"))[-1] == told("0312345678")


@given(st.binary(max_size=400))
def test_noise_tells_nothing_and_hides_no_message(noise: bytes) -> None:
    assert decoded(noise) == []
    assert decoded(noise, message("P")) == [told("P")]


@given(st.binary(max_size=400))
def test_a_header_with_noise_behind_it_ends(noise: bytes) -> None:
    header = bytes.fromhex("9081879082")
    assert set(decoded(header + noise)) <= {CallerId()}
    assert decoded(header + bytes(400)) == [CallerId()]


def test_a_message_broken_off_and_sent_again_is_one_report() -> None:
    data = message("0312345678")
    assert decoded(data[:12] + data) == [told("0312345678")]


@pytest.mark.parametrize("place", [6, 8], ids=["of the message", "of the number"])
def test_a_length_that_does_not_fit_is_a_report_without_content(place: int) -> None:
    sent = bytearray(message("0312345678"))
    sent[place] ^= 0x03  # two bits: parity still holds
    sent[-2:] = _crc(bytes(sent[2:-2])).to_bytes(2, "little")
    assert decoded(bytes(sent)) == [CallerId()]


def test_another_service_is_no_ringing_caller() -> None:
    assert decoded(message("0312345678", service=0x41)) == []


def test_a_message_without_number_and_reason_is_a_report_without_content() -> None:
    assert decoded(message("", ((0x09, b"0399999999"),))) == [CallerId()]


# --- the signal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop_bits", [1, 2, 4])
def test_any_number_of_stop_bits_will_do(stop_bits: int) -> None:
    assert NumberDisplayReceiver().feed(signal(message("0312345678"), stop_bits)) == [told("0312345678")]


@given(st.binary(min_size=1, max_size=12), st.floats(0, 6.28), st.floats(0, 6.66), st.floats(0.001, 0.9))
def test_any_bytes_come_through_at_any_level_and_phase(data: bytes, phase: float, lag: float, level: float) -> None:
    assert data in V23Demodulator().feed(signal(data, 1, level, phase, lag))


@given(st.lists(st.integers(0, 700), max_size=30), st.integers(0, 1000))
def test_any_cut_of_the_audio_gives_the_same_bytes(lengths: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    pcm = noisy(signal(message("01012125551234"), phase=random.uniform(0, 6.28)), 5, random)
    demodulator = V23Demodulator()
    pieces = np.split(pcm, np.minimum(np.cumsum(lengths), len(pcm)).astype(int)) if lengths else [pcm]
    assert b"".join(map(demodulator.feed, pieces)) == V23Demodulator().feed(pcm)


def test_speech_level_noise_and_silence_name_nobody() -> None:
    noise = np.random.default_rng(1).normal(0, 3000, 80_000).astype(np.int16)
    assert NumberDisplayReceiver().feed(np.zeros(8000, np.int16)) == []
    assert NumberDisplayReceiver().feed(noise) == []


@pytest.mark.parametrize(("decibels", "promised"), [(20, 40), (15, 40), (12, 38)])
def test_messages_are_read_in_noise(decibels: float, promised: int) -> None:
    read = read_in_noise(decibels)
    sys.stdout.write(f"{decibels} dB: {read} of {IN_NOISE}\n")  # shown by pytest -rP
    assert read >= promised
