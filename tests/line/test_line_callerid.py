"""Caller-id reports in all the ways modems print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.events import CallerId
from denwaban.line.callerid import is_report_line, parse_report_line
from denwaban.sim.caller_report import hexadecimal


@pytest.mark.parametrize(
    "line",
    [
        "NMBR = 0312345678",
        "NMBR=0312345678",
        "nmbr= 03-1234-5678",
        "NBR=0312345678",
        "NDID=(03)12345678",
        "DDN_NMBR= 0312345678",
        "CALLER'S NUMBER: 0312345678",
        'NMBR = "0312345678"',
        "NMBR = ０３１２３４５６７８",
        "04123033323232343035" + "30333132333435363738",
        "04123033323232343035" + "30333132333435363738" + "51",
        "800C020A30333132333435363738",
        "80 0c 02 0a 30 33 31 32 33 34 35 36 37 38 61",
        "MESG = 030A30333132333435363738",
        "MESG=020A30333132333435363738",
        "MESG = 800C020A30333132333435363738",
    ],
)
def test_a_number_is_read(line: str) -> None:
    assert parse_report_line(line) == CallerId(number="0312345678")


def test_a_number_from_abroad_keeps_its_plus() -> None:
    assert parse_report_line("NMBR = +12125551234") == CallerId(number="+12125551234")


@pytest.mark.parametrize(
    ("line", "absence"),
    [
        ("NMBR = P", "P"),
        ("NMBR=O", "O"),
        ("NMBR = C", "C"),
        ("NMBR = S", "S"),
        ("NMBR = p", "P"),
        ("NMBR = PRIVATE", "P"),
        ("REASON FOR NO CALLER NUMBER: OUT OF AREA", "O"),
        ("NMBR = 非通知", "P"),
        ("NMBR=ﾋﾂｳﾁ", "P"),
        ("NMBR=公衆電話", "C"),
        ("NMBR = コウシュウデンワ", "C"),
        ("NMBR = 表示圏外", "O"),
        ("NMBR = ﾋｮｳｼﾞｹﾝｶﾞｲ", "O"),
    ],
)
def test_a_reason_for_no_number_is_read(line: str, absence: str) -> None:
    caller = parse_report_line(line)
    assert caller is not None
    assert (caller.number, caller.absence) == (None, absence)


@pytest.mark.parametrize("line", ["NMBR = ", "NMBR =", "NMBR = 0\ufffd3x", "NMBR = 12", "NMBR = " + "9" * 40])
def test_a_garbled_number_is_a_caller_without_number(line: str) -> None:
    assert parse_report_line(line) == CallerId()


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("0412303332323234303539313435353132333435", "9145512345"),
        ("802001083039313131363231020A3531323535353132333407084A4F484E5F444F4540", "5125551234"),
        ("MESG = 030735353531323132", "5551212"),
    ],
    ids=["single format", "multiple format with checksum", "unknown parameter"],
)
def test_examples_of_makers_manuals_are_read(line: str, number: str) -> None:
    assert parse_report_line(line) == CallerId(number=number)


@pytest.mark.parametrize("letter", "POCS")
def test_an_absent_number_is_read_from_hexadecimal_reports(letter: str) -> None:
    byte = f"{ord(letter):02X}"
    for line in (f"80030401{byte}", f"04093033323232343035{byte}", f"MESG = 0401{byte}"):
        assert parse_report_line(line) == CallerId(absence=letter)  # type: ignore[arg-type]


def test_the_dialled_number_is_not_the_callers() -> None:
    dialled, calling = "090A30333939393939393939", "020A30333132333435363738"
    assert parse_report_line("8018" + dialled + calling) == CallerId(number="0312345678")
    assert parse_report_line("800C" + dialled) == CallerId()
    assert parse_report_line("MESG = " + dialled) is None


@pytest.mark.parametrize(
    "line",
    [
        "800C020A3033313233343536373800",  # checksum
        "800C020A303331323334",  # cut off
        "800C020B30333132333435363738",  # a length beyond the end
        "0412303332323234303530333132333435363738FFFF",  # more than a checksum behind
        "041230333232323430353033FF32333435363738",  # not a digit
        "MESG = 020A3033313233",
        "MESG = 80030401",
    ],
)
def test_a_garbled_hexadecimal_report_is_a_caller_without_number(line: str) -> None:
    assert parse_report_line(line) == CallerId()


@pytest.mark.parametrize("line", ["56000", "8000", "80000000", "0412", "128,8000,0,0", "MESG = 0708414243", "MESG = ?"])
def test_numbers_that_modems_answer_with_are_no_report(line: str) -> None:
    assert parse_report_line(line) is None


@pytest.mark.parametrize("line", ["NMBR = E", "NMBR = 受信エラー", "NMBR = ﾅﾏｴ"])
def test_an_error_shown_for_the_number_is_a_caller_without_number(line: str) -> None:
    assert parse_report_line(line) == CallerId()


@pytest.mark.parametrize("line", ["NMBR = 0312345678", "CALLER'S NUMBER: 0312345678"])
def test_only_the_first_separator_ends_the_key(line: str) -> None:
    assert parse_report_line(line) == CallerId(number="0312345678")
    assert parse_report_line("NAME = NMBR = 0312345678") is None
    assert parse_report_line("NAME: NMBR=0312345678") is None


@pytest.mark.parametrize("line", ["RING", "OK", "DATE=1122", "TIME = 0930", "NAME=A=B", "", "=", "+GMM: x", "NMBR"])
def test_other_lines_tell_no_caller(line: str) -> None:
    assert parse_report_line(line) is None


@pytest.mark.parametrize("line", ["DATE=1122", "TIME = 0930", "NAME=A=B", "DRON=5", "MESG = 0304", "REASON NO NAME=P"])
def test_the_rest_of_a_report_is_known_as_such(line: str) -> None:
    assert is_report_line(line)


@pytest.mark.parametrize("line", ["OK", "USR 5637", "TIMEOUT", "128,128"])
def test_answers_are_no_report(line: str) -> None:
    assert not is_report_line(line)


@given(st.sampled_from("POCS") | st.from_regex(r"[0-9]{3,20}", fullmatch=True), st.booleans())
def test_the_reports_of_the_virtual_modem_are_read(text: str, single: bool) -> None:
    told = CallerId(absence=text) if text in "POCS" else CallerId(number=text)  # type: ignore[arg-type]
    (line,) = hexadecimal(text, single)
    assert parse_report_line(line.decode()) == told
    assert parse_report_line(line.decode()[:-2]) == told


@given(st.text() | st.binary(max_size=60).map(bytes.hex))
def test_no_line_raises_and_no_number_holds_anything_but_digits(text: str) -> None:
    for line in (text, f"NMBR = {text}", f"MESG = {text}", f"80{text}", f"04{text}"):
        caller = parse_report_line(line)
        number = caller.number if caller else None
        assert number is None or (number.lstrip("+").isascii() and number.lstrip("+").isdigit())
