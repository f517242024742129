"""Who gets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.events import CallerId
from denwaban.screening import ScreeningRules, classify, decide

CALLERS = st.one_of(
    st.none(),
    st.builds(CallerId),
    st.builds(CallerId, number=st.text(alphabet="0123456789+-()０９ ", max_size=20)),
    st.builds(CallerId, absence=st.sampled_from("POCS")),
)


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
