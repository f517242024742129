"""The parser of what a modem says: any bytes, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.line.at import (
    MAX_LINE,
    MAX_PACKET,
    Audio,
    Code,
    Item,
    Reply,
    Stream,
    StreamEnded,
    VoiceParser,
    result_of,
    shield,
)

INTERESTING = st.sampled_from(
    (b"\r\nCONNECT\r\n", b"CONNECT\r", b"VCON\r\n", b"\x10\x03", b"\x10\x10", b"\x10\x1a", b"\x10X", b".", b"\x10b")
)
PIECES = st.lists(st.one_of(st.binary(max_size=20), INTERESTING), max_size=12)
STREAMS = st.sampled_from((None, "receive", "transmit"))


def parse(pieces: list[bytes], stream: Stream | None) -> tuple[list[Item], bool]:
    """Items with neighbouring audio joined: where it is cut depends on the reads and means nothing."""
    parser = VoiceParser()
    if stream is not None:
        parser.expect(stream)
    joined: list[Item] = []
    for item in (item for piece in pieces for item in parser.feed(piece)):
        if isinstance(item, Audio) and joined and isinstance(joined[-1], Audio):
            joined[-1] = Audio(joined[-1].data + item.data)
        else:
            joined.append(item)
    return joined, parser.receiving


@given(PIECES, STREAMS)
def test_any_cut_of_any_bytes_gives_the_same_items(pieces: list[bytes], stream: Stream | None) -> None:
    whole = b"".join(pieces)
    expected = parse([whole], stream)
    assert parse(pieces, stream) == expected
    assert parse([whole[at : at + 1] for at in range(len(whole))], stream) == expected


@given(st.binary(max_size=300))
def test_audio_comes_out_as_it_went_in(audio: bytes) -> None:
    wire = b"\r\nCONNECT\r\n" + shield(audio) + b"\x10\x03\r\nOK\r\n"
    for cut in range(len(wire)):
        items, receiving = parse([wire[:cut], wire[cut:]], "receive")
        assert items == [Reply("CONNECT"), *([Audio(audio)] if audio else []), StreamEnded(), Reply("OK")]
        assert not receiving


def test_the_line_feed_behind_connect_is_no_audio_and_one_in_the_audio_is() -> None:
    items, _ = parse([b"\r\nCONNECT\r", b"\n", b"\n\x01"], "receive")
    assert items == [Reply("CONNECT"), Audio(b"\n\x01")]


def test_codes_between_audio_keep_their_place() -> None:
    items, _ = parse([b"CONNECT\r\nab\x10bcd\x10Pe"], "receive")
    assert items == [Reply("CONNECT"), Audio(b"ab"), Code("b"), Audio(b"cd"), Code("P"), Audio(b"e")]


def test_sub_is_two_literal_dle() -> None:
    assert parse([b"CONNECT\r\na\x10\x1ab"], "receive")[0] == [Reply("CONNECT"), Audio(b"a\x10\x10b")]


def test_connect_to_playing_begins_no_audio() -> None:
    items, receiving = parse([b"\r\nCONNECT\r\n\x10u\r\nOK\r\n"], "transmit")
    assert items == [Reply("CONNECT"), Code("u"), Reply("OK")]
    assert not receiving


def test_an_unexpected_connect_begins_no_audio() -> None:
    assert parse([b"CONNECT\r\nRING\r\n"], None) == ([Reply("CONNECT"), Reply("RING")], False)


def test_a_packet_in_voice_mode_is_passed_over() -> None:
    items, _ = parse([b"CONNECT\r\nab\x10XNMBR = 03", b"12\x10.cd"], "receive")
    assert items == [Reply("CONNECT"), Audio(b"abcd")]


def test_a_packet_without_end_costs_a_bounded_part_of_the_audio() -> None:
    items, _ = parse([b"CONNECT\r\n\x10X" + b"x" * (MAX_PACKET + 5)], "receive")
    assert items == [Reply("CONNECT"), Audio(b"x" * 5)]


def test_a_line_without_end_is_cut() -> None:
    parser = VoiceParser()
    for _ in range(1000):
        assert parser.feed(b"x" * 1000) == []
    assert parser.feed(b"\r\n") == [Reply("x" * MAX_LINE)]


@pytest.mark.parametrize("wire", [b"\r\nOK\r\n", b"OK\r", b"OK\n", b"\r\r\nOK\r\n\r\n"])
def test_any_line_end_will_do(wire: bytes) -> None:
    assert parse([wire], None)[0] == [Reply("OK")]


@pytest.mark.parametrize("end", [b"~", b"\x7f"])
def test_the_end_of_a_dtmf_digit_is_one_code_however_it_is_printed(end: bytes) -> None:
    assert parse([b"\x10/\x105\x10" + end], None)[0] == [Code("/"), Code("5"), Code("~")]


@pytest.mark.parametrize("code", [chr(byte) for byte in range(0x21, 0x7F) if chr(byte) != "X"])
def test_upper_and_lower_case_codes_are_told_apart_in_both_modes(code: str) -> None:
    assert parse([b"\x10" + code.encode()], None)[0] == [Code(code)]
    assert parse([b"CONNECT\r\n\x10", code.encode() + b"z"], "receive")[0] == [
        *(Reply("CONNECT"), Code(code), Audio(b"z"))
    ]


@pytest.mark.parametrize(
    ("text", "result"),
    [
        *((word, word) for word in ("OK", "VCON", "CONNECT", "RING", "ERROR")),
        *(("K", "OK"), ("OOK", "OK"), ("OKK", "OK"), ("RROR", "ERROR"), ("ONNECT", "CONNECT"), ("ING", "RING")),
        *(("CONNECT 115200", "CONNECT"), ("ONNECT 115200", "CONNECT"), ("+CME ERROR: 3", "ERROR")),
        *((text, None) for text in ("", "0,1,8", "NO CARRIER", "BUSY", "OK computer", "KO", "NMBR=1", "BRING", "SING")),
    ],
)
def test_a_result_is_known_with_one_character_lost_or_doubled_and_nothing_else_is(
    text: str, result: str | None
) -> None:
    assert result_of(text) == result


@given(st.text(max_size=40))
def test_any_text_is_a_result_or_none(text: str) -> None:
    assert result_of(text) in (None, "OK", "VCON", "CONNECT", "RING", "ERROR")
