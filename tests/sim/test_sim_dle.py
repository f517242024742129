from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from sim_desk import unshield

from denwaban.sim import dle

tricky = st.lists(st.sampled_from([0x10, 0x03, 0x1A, 0x21, 0x00, 0x80]), max_size=60).map(bytes)


def in_chunks(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in pairwise(edges)]


def take_all(chunks: list[bytes]) -> tuple[bytes, list[int]]:
    stream, sound, codes = bytearray(), bytearray(), []
    for chunk in chunks:
        stream += chunk
        while (item := dle.take(stream)) is not None:
            if isinstance(item, bytes):
                sound += item
            else:
                codes.append(item.char)
    return bytes(sound), codes


@given(st.binary() | tricky, st.lists(st.integers(min_value=0), max_size=8))
@settings(deadline=None)
def test_shielded_data_comes_back_whatever_the_chunks(data: bytes, cuts: list[int]) -> None:
    assert take_all(in_chunks(dle.shield(data), cuts)) == (data, [])


@given(st.binary() | tricky)
@settings(deadline=None)
def test_an_independent_reader_understands_our_shielding(data: bytes) -> None:
    assert unshield(dle.shield(data)) == (data, b"")


@given(st.lists(st.tuples(tricky, st.sampled_from("!ub")), max_size=6), st.lists(st.integers(min_value=0), max_size=8))
@settings(deadline=None)
def test_codes_are_found_between_data(parts: list[tuple[bytes, str]], cuts: list[int]) -> None:
    wire = b"".join(dle.shield(data) + dle.code(char) for data, char in parts)
    sound, codes = take_all(in_chunks(wire, cuts))
    assert sound == b"".join(data for data, _ in parts)
    assert codes == [ord(char) for _, char in parts]


def test_sub_stands_for_two_dle() -> None:
    assert take_all([b"a\x10\x1ab"]) == (b"a\x10\x10b", [])


def test_half_a_code_waits() -> None:
    stream = bytearray(b"\x10")
    assert dle.take(stream) is None
    stream += b"\x03AT"
    assert dle.take(stream) == dle.ShieldedCode(0x03)
    assert stream == b"AT"
