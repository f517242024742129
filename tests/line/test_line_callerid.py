"""Caller-id reports in all the ways modems print them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.events import CallerId
from denwaban.line.callerid import is_report_line, parse_report_line


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
    ],
)
def test_a_reason_for_no_number_is_read(line: str, absence: str) -> None:
    caller = parse_report_line(line)
    assert caller is not None
    assert (caller.number, caller.absence) == (None, absence)


@pytest.mark.parametrize("line", ["NMBR = ", "NMBR =", "NMBR = 0\ufffd3x", "NMBR = 12", "NMBR = " + "9" * 40])
def test_a_garbled_number_is_a_caller_without_number(line: str) -> None:
    assert parse_report_line(line) == CallerId()


@pytest.mark.parametrize("line", ["RING", "OK", "DATE=1122", "TIME = 0930", "NAME=A=B", "", "=", "+GMM: x", "NMBR"])
def test_other_lines_tell_no_caller(line: str) -> None:
    assert parse_report_line(line) is None


@pytest.mark.parametrize("line", ["DATE=1122", "TIME = 0930", "NAME=A=B", "DRON=5", "MESG = 0304", "REASON NO NAME=P"])
def test_the_rest_of_a_report_is_known_as_such(line: str) -> None:
    assert is_report_line(line)


@pytest.mark.parametrize("line", ["OK", "USR 5637", "TIMEOUT", "128,128"])
def test_answers_are_no_report(line: str) -> None:
    assert not is_report_line(line)


@given(st.text())
def test_no_line_raises_and_no_number_holds_anything_but_digits(text: str) -> None:
    for line in (text, f"NMBR = {text}"):
        caller = parse_report_line(line)
        number = caller.number if caller else None
        assert number is None or (number.lstrip("+").isascii() and number.lstrip("+").isdigit())
