"""Audio encodings: chosen by name, and reversible as far as they can be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.line.encoding import Decoder, Encoding, Law, decode, encode, usable_encodings
from denwaban.sim.profiles import CONEXANT, GENERIC, USR

ALL = np.arange(-32768, 32768).astype(np.int16)
CODES = bytes(range(256))
CONEXANT_ROWS = [row.row for row in CONEXANT.formats]
USR_ROWS = [row.row for row in USR.formats]
BARE_USR_ROWS = ['128,"8-BIT LINEAR",(7200,8000,11025)', '129,"16-BIT LINEAR",(7200,8000,11025)']
BARE_USR_ROWS += ['130,"8-BIT ALAW",(8000)', '131,"8-BIT ULAW",(8000)', '132,"IMA ADPCM",(8000)']


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([row.row for row in GENERIC.formats], Encoding(129, "linear16")),
        (USR_ROWS, Encoding(129, "linear16")),
        (BARE_USR_ROWS, Encoding(129, "linear16")),
        (USR_ROWS[:1] + USR_ROWS[2:], Encoding(131, "ulaw")),
        (CONEXANT_ROWS, Encoding(1, "linear8")),
        (['+VSM: 0,"SIGNED PCM 16",16,0,8000,0,0'], Encoding(0, "linear16")),
        (['4,"MU-LAW",8,0,8000,0,0', '5,"A-LAW",8,0,8000,0,0'], Encoding(4, "ulaw")),
        (['133,"LINEAR",16,0,(7200,8000),(0),(0)', '131,"ULAW",8,0,(7200,8000),(0),(0)'], Encoding(133, "linear16")),
        (['131,"G.711U",8,0,8000', '132,"G.711A",8,0,8000'], Encoding(131, "ulaw")),
        (['132,"G.711A",8,0,8000', '1,"UNSIGNED PCM",8,0,8000'], Encoding(132, "alaw")),
    ],
)
def test_the_best_encoding_is_chosen_by_name(rows: list[str], best: Encoding) -> None:
    assert usable_encodings(rows)[0] == best


def test_the_others_follow_in_order() -> None:
    assert [encoding.law for encoding in usable_encodings(USR_ROWS)] == ["linear16", "ulaw", "alaw", "linear8"]
    assert [encoding.number for encoding in usable_encodings(USR_ROWS)] == [129, 131, 130, 128]


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ["ERROR"],
        ['129,"IMA ADPCM",4,0,8000,0,0'],
        ['140,"2 BIT ADPCM",2,0,8000'],
        ['0,"SIGNED PCM",8,0,8000,0,0'],
        ['9,"LINEAR",8,0,8000'],
    ],
)
def test_what_we_cannot_decode_is_not_usable(rows: list[str]) -> None:
    assert usable_encodings(rows) == []


@given(st.lists(st.text(), max_size=5))
def test_no_listing_raises(rows: list[str]) -> None:
    usable_encodings(rows)


def test_linear16_loses_nothing() -> None:
    assert np.array_equal(decode("linear16", encode("linear16", ALL)), ALL)


@pytest.mark.parametrize("law", ["ulaw", "alaw", "linear8"])
def test_decoding_and_encoding_again_changes_nothing(law: Law) -> None:
    levels = decode(law, CODES)
    assert np.array_equal(decode(law, encode(law, levels)), levels)


@pytest.mark.parametrize("law", ["ulaw", "alaw"])
def test_the_nearest_level_is_sent(law: Law) -> None:
    levels = decode(law, CODES).astype(np.int32)
    for sample in range(-32768, 32768, 97):
        sent = int(decode(law, encode(law, np.array([sample], np.int16)))[0])
        assert abs(sent - sample) == np.abs(levels - sample).min()


def test_g711_reference_points() -> None:
    """ITU-T G.711, tables 1 and 2, scaled to 16 bits: the outermost and innermost values of either sign."""
    assert decode("ulaw", b"\x80\x00\xff\x7f").tolist() == [32124, -32124, 0, 0]
    assert decode("alaw", b"\xaa\x2a\xd5\x55").tolist() == [32256, -32256, 8, -8]


def test_silence_is_silence() -> None:
    zero = np.zeros(10, np.int16)
    for law in ("linear16", "ulaw", "linear8"):
        assert not decode(law, encode(law, zero)).any()
    assert np.abs(decode("alaw", encode("alaw", zero))).max() == 8  # A-law has no zero


@given(st.binary(max_size=200), st.lists(st.integers(1, 7), min_size=1, max_size=60))
def test_a_decoder_does_not_mind_cuts(data: bytes, cuts: list[int]) -> None:
    decoder, parts, at = Decoder("linear16"), [], 0
    for cut in cuts:
        parts.append(decoder.feed(data[at : at + cut]))
        at += cut
    parts.append(decoder.feed(data[at:]))
    whole = data[: len(data) // 2 * 2]
    assert np.concatenate(parts).tobytes() == whole
