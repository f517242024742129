"""Who gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.events import CallerId
from denwaban.screening import ScreeningRules, classify, decide, normalise_number

NATIONAL = st.from_regex(r"0[1-9][0-9]{7,9}", fullmatch=True).filter(lambda n: not n.startswith("010"))
CALLERS = st.one_of(
    st.none(),
    st.builds(CallerId),
    st.builds(CallerId, number=st.text(alphabet="0123456789+-()０９ ", max_size=20)),
    st.builds(CallerId, absence=st.sampled_from("POCS")),
)


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("03-1234-5678", "0312345678"),
        ("０３（１２３４）５６７８", "0312345678"),
        ("+81312345678", "0312345678"),
        ("+81 (0)3-1234-5678", "0312345678"),
        ("010 81 3 1234 5678", "0312345678"),
        ("0081312345678", "0312345678"),
        ("090-1234-5678", "09012345678"),
        ("011-222-3333", "0112223333"),  # Sapporo, not the prefix 010
        ("+1 555 123 4567", "+15551234567"),
        ("0101555123456", "+1555123456"),
        ("15551234567", "+15551234567"),
        ("110", "110"),
    ],
)
def test_a_number_has_one_form(written: str, normal: str) -> None:
    assert normalise_number(written) == normal


@given(NATIONAL)
def test_a_japanese_number_is_the_same_however_it_is_dialled(number: str) -> None:
    spellings = [number, "+81" + number[1:], "01081" + number[1:], f"{number[:2]}-{number[2:6]}-{number[6:]}"]
    assert {normalise_number(spelling) for spelling in spellings} == {number}


@given(st.text(max_size=30))
def test_any_text_normalises_to_digits(text: str) -> None:
    assert "-" not in normalise_number(text)
    assert " " not in normalise_number(text)


@pytest.mark.parametrize(
    ("caller", "reason"),
    [
        (CallerId("0312345678"), "screen:domestic"),
        (CallerId("+15551234567"), "refuse:international"),
        (CallerId("0101555123456"), "refuse:international"),
        (CallerId("+81312345678"), "screen:domestic"),
        (CallerId(absence="P"), "refuse:withheld"),
        (CallerId(absence="C"), "screen:payphone"),
        (CallerId(absence="O"), "screen:out_of_area"),
        (CallerId(absence="S"), "screen:out_of_area"),
        (CallerId(), "screen:no_report"),
        (None, "screen:no_report"),
    ],
)
def test_defaults_refuse_only_withheld_and_international(caller: CallerId | None, reason: str) -> None:
    assert decide(ScreeningRules(), caller).reason == reason


def test_known_number_rings_through_even_from_abroad() -> None:
    rules = ScreeningRules(allow=frozenset(["+15551234567"]))
    assert decide(rules, CallerId("0101 555 123 4567".replace(" ", ""))).action == "allow"


def test_blocked_wins_over_known() -> None:
    rules = ScreeningRules(allow=frozenset(["0312345678"]), block=frozenset(["0312345678"]))
    assert decide(rules, CallerId("0312345678")).reason == "refuse:blocked"


@given(CALLERS)
def test_a_refused_caller_always_hears_why(caller: CallerId | None) -> None:
    decision = decide(ScreeningRules(), caller)
    assert (decision.prompt is not None) == (decision.action == "refuse")


@given(st.sampled_from([CallerId(absence=absence) for absence in "POCS"] + [CallerId(), None]))  # type: ignore[arg-type]
def test_a_line_without_number_service_locks_nobody_out(caller: CallerId | None) -> None:
    rules = ScreeningRules(number_service=False)
    assert classify(rules, caller) == "no_report"
    assert decide(rules, caller).action == "screen"


@given(CALLERS)
def test_nobody_is_allowed_through_an_empty_list(caller: CallerId | None) -> None:
    assert decide(ScreeningRules(), caller).action != "allow"
