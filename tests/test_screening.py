"""Who gets through."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from denwaban.detect.policy import SHIFT_LIMIT, caller_shift
from denwaban.events import CallerId
from denwaban.phone_number import normalise_number
from denwaban.reasons import explain, short
from denwaban.rules import (
    NEVER,
    LetThrough,
    NumberList,
    QuietHours,
    ScreeningRules,
    parse_quiet_hours,
)
from denwaban.screening import Decision, classify, decide, on_stop_list, pattern_of, used_up

NOW = 1_800_000_000.0
"""15 January 2027, 17:00 in Japan."""
NIGHT = NOW + 7 * 3600
FRIEND, STRANGER, ABROAD = CallerId("0399998888"), CallerId("0312345678"), CallerId("+15551234567")
WITHHELD, PAYPHONE = CallerId(absence="P"), CallerId(absence="C")

CALLERS = st.one_of(
    st.none(),
    st.builds(CallerId),
    st.builds(CallerId, number=st.text(alphabet="0123456789+-()０９ ", max_size=20)),
    st.builds(CallerId, absence=st.sampled_from("POCS")),
)
ACTIONS = st.sampled_from(["allow", "screen", "refuse"])
NUMBERS = st.sampled_from(["0312345678", "0399998888", "+15551234567", "0120000000"])
LISTS = st.builds(
    NumberList,
    st.dictionaries(NUMBERS, st.sampled_from([NEVER, NOW - 1, NOW + 1]), max_size=3),
    st.dictionaries(st.sampled_from(["03", "0120", "+1", "+"]), st.sampled_from([NEVER, NOW - 1]), max_size=2),
)
RULES = st.builds(
    ScreeningRules,
    **dict.fromkeys(("allow", "block", "stop", "called"), LISTS),
    **dict.fromkeys(("domestic", "international", "withheld", "payphone", "out_of_area", "no_report"), ACTIONS),
    quiet=st.none() | st.builds(QuietHours, st.integers(0, 1439), st.integers(0, 1439)),
    let_through=st.none() | st.builds(LetThrough, st.integers(1, 9), st.floats(NOW - 60, NOW + 60)),
    number_service=st.booleans(),
)
LISTED = st.one_of(CALLERS, st.builds(CallerId, number=NUMBERS))


def reason(rules: ScreeningRules, caller: CallerId | None, at: float = NOW) -> str:
    return decide(rules, caller, at).reason


# --- for every rule and every caller -------------------------------------------------------------------------------


@given(RULES, LISTED)
def test_any_caller_id_yields_a_decision_with_words_for_people(rules: ScreeningRules, caller: CallerId | None) -> None:
    decision = decide(rules, caller, NOW)
    assert decision.reason.split(":")[0] == decision.action
    assert (decision.prompt is not None) == (decision.action == "refuse")
    words = explain(decision.reason)
    assert words.ja.endswith("。")
    assert words.en.endswith(".")
    assert decision.reason not in (words.ja, words.en)
    assert short(decision.reason).startswith(f"{decision.action}: ")


@given(RULES, LISTED)
def test_the_allow_list_always_wins(rules: ScreeningRules, caller: CallerId | None) -> None:
    number = normalise_number(caller.number or "") if caller else ""
    if rules.allow.match(number, NOW) is not None:
        assert decide(rules, caller, NOW).action == "allow"


@given(RULES, LISTED)
def test_without_number_service_nobody_is_refused(rules: ScreeningRules, caller: CallerId | None) -> None:
    assert decide(replace(rules, number_service=False), caller, NOW).action != "refuse"


@given(RULES, LISTED)
def test_a_number_of_the_stop_list_rings_through_only_if_the_household_vouches_for_it(
    rules: ScreeningRules, caller: CallerId | None
) -> None:
    if on_stop_list(rules, caller, NOW):
        assert decide(rules, caller, NOW).action != "allow"


@given(RULES, LISTED)
def test_a_reason_never_holds_the_number_of_the_caller(rules: ScreeningRules, caller: CallerId | None) -> None:
    number = normalise_number(caller.number or "") if caller else ""
    prefixes = {number[:n]: NEVER for n in range(2, len(number) + 1)}
    decision = decide(replace(rules, block=NumberList({}, prefixes)), caller, NOW)
    assert len(number) < 8 or number not in decision.reason


@given(LISTED)
def test_nobody_is_allowed_through_empty_lists(caller: CallerId | None) -> None:
    assert decide(ScreeningRules(), caller, NOW).action != "allow"


# --- classes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (STRANGER, "screen:domestic"),
        (ABROAD, "refuse:international"),
        (CallerId("0101555123456"), "refuse:international"),
        (CallerId("+67012340110"), "refuse:reported_abroad"),
        (CallerId("+2951234567"), "refuse:reported_abroad"),
        (CallerId("+81312345678"), "screen:domestic"),
        (WITHHELD, "refuse:withheld"),
        (PAYPHONE, "screen:payphone"),
        (CallerId(absence="O"), "screen:out_of_area"),
        (CallerId(absence="S"), "screen:out_of_area"),
        (CallerId(), "screen:no_report"),
        (CallerId(number=" - "), "screen:no_report"),
        (None, "screen:no_report"),
    ],
)
def test_defaults_refuse_only_withheld_and_international(caller: CallerId | None, expected: str) -> None:
    assert reason(ScreeningRules(), caller) == expected


@pytest.mark.parametrize("action", ["allow", "screen", "refuse"])
@pytest.mark.parametrize(
    ("kind", "caller"),
    [
        ("domestic", STRANGER),
        ("international", ABROAD),
        ("withheld", WITHHELD),
        ("payphone", PAYPHONE),
        ("out_of_area", CallerId(absence="O")),
        ("no_report", None),
    ],
)
def test_each_class_can_be_allowed_screened_or_refused(kind: str, caller: CallerId | None, action: str) -> None:
    assert reason(ScreeningRules(**{kind: action}), caller) == f"{action}:{kind}"  # type: ignore[arg-type]


@given(st.sampled_from([CallerId(absence=absence) for absence in "POCS"] + [CallerId(), None]))  # type: ignore[arg-type]
def test_without_number_service_a_missing_number_says_nothing(caller: CallerId | None) -> None:
    rules = ScreeningRules(number_service=False, no_report="refuse")
    assert classify(rules, caller) == "no_report"
    assert decide(rules, caller, NOW) == Decision("screen", "screen:no_service")


def test_a_withheld_caller_hears_how_to_get_through_by_day_and_by_night() -> None:
    for withheld in ("refuse", "screen"):
        rules = ScreeningRules(withheld=withheld, quiet=QuietHours(22 * 60, 6 * 60))  # type: ignore[arg-type]
        assert decide(rules, WITHHELD, NIGHT).prompt == "refuse_withheld"
    assert decide(ScreeningRules(), WITHHELD, NOW).prompt == "refuse_withheld"
    assert "186" in explain("refuse:withheld").en


# --- lists ---------------------------------------------------------------------------------------------------------


def test_known_number_rings_through_even_from_abroad() -> None:
    rules = ScreeningRules(allow=NumberList.of(["+15551234567"]))
    assert reason(rules, CallerId("01015551234567")) == "allow:known"


def test_known_wins_over_blocked_stopped_and_quiet() -> None:
    numbers = NumberList.of(["0399998888"])
    rules = ScreeningRules(allow=numbers, block=numbers, stop=numbers, quiet=QuietHours(0, 1439))
    assert reason(rules, FRIEND) == "allow:known"
    assert not on_stop_list(rules, FRIEND, NOW)


def test_a_beginning_stands_for_all_numbers_that_begin_so_and_the_longest_is_named() -> None:
    rules = ScreeningRules(block=NumberList.of(prefixes=["0120", "012055"]), allow=NumberList.of(["0120111222"]))
    assert reason(rules, CallerId("0120-000-111")) == "refuse:blocked:prefix:0120"
    assert reason(rules, CallerId("0120-555-111")) == "refuse:blocked:prefix:012055"
    assert reason(rules, CallerId("0120-111-222")) == "allow:known"
    assert reason(rules, CallerId("012")) == "screen:domestic"


def test_an_entry_counts_until_its_moment() -> None:
    rules = ScreeningRules(
        allow=NumberList({"0399998888": NOW + 10}), block=NumberList({}, {"0120": NOW + 10, "01": NOW + 20})
    )
    assert reason(rules, FRIEND, NOW + 9) == "allow:known"
    assert reason(rules, FRIEND, NOW + 10) == "screen:domestic"
    assert reason(rules, CallerId("0120000111"), NOW + 10) == "refuse:blocked:prefix:01"
    assert reason(rules, CallerId("0120000111"), NOW + 20) == "screen:domestic"


def test_joined_lists_keep_the_later_end() -> None:
    joined = NumberList({"a": 1.0, "b": NEVER}).joined(NumberList({"a": 2.0, "b": 1.0, "c": 3.0}))
    assert joined.exact == {"a": 2.0, "b": NEVER, "c": 3.0}


def test_a_stop_list_screens_whom_the_class_would_allow_and_refuses_whom_it_would_refuse() -> None:
    stop = NumberList.of(["0312345678"], ["+1"])
    assert reason(ScreeningRules(stop=stop, domestic="allow"), STRANGER) == "screen:stop_list"
    assert reason(ScreeningRules(stop=stop), STRANGER) == "screen:stop_list"
    assert reason(ScreeningRules(stop=stop), ABROAD) == "refuse:international"
    assert reason(ScreeningRules(stop=stop, international="allow"), ABROAD) == "screen:stop_list:prefix:+1"


def test_a_stop_list_raises_suspicion_and_leaves_room_for_the_rest() -> None:
    assert caller_shift(STRANGER) < caller_shift(STRANGER, on_stop_list=True) < SHIFT_LIMIT
    assert caller_shift(ABROAD, on_stop_list=True) > caller_shift(ABROAD)


def test_who_was_called_lately_rings_through_until_its_moment_but_not_from_a_stop_list() -> None:
    called = NumberList({"0312345678": NOW + 10})
    assert reason(ScreeningRules(called=called), STRANGER) == "allow:called"
    assert reason(ScreeningRules(called=called), STRANGER, NOW + 10) == "screen:domestic"
    assert reason(ScreeningRules(called=called, domestic="refuse"), STRANGER) == "allow:called"
    warned_of = ScreeningRules(called=called, stop=NumberList.of(["0312345678"]))
    assert reason(warned_of, STRANGER) == "screen:stop_list"


# --- let through ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [STRANGER, ABROAD, WITHHELD, PAYPHONE, CallerId(), None], ids=str)
def test_the_next_unknown_caller_is_let_through_whoever_it_is_even_at_night(caller: CallerId | None) -> None:
    rules = ScreeningRules(let_through=LetThrough(1, NIGHT + 60), quiet=QuietHours(22 * 60, 6 * 60))
    assert reason(rules, caller, NIGHT) == "allow:let_through"
    assert reason(rules, caller, NIGHT + 60) != "allow:let_through"
    assert reason(used_up(rules), caller, NIGHT) != "allow:let_through"


def test_letting_through_spares_no_blocked_number_and_none_of_a_stop_list() -> None:
    wish, numbers = LetThrough(1, NOW + 60), NumberList.of(["0312345678"])
    assert reason(ScreeningRules(let_through=wish, block=numbers), STRANGER) == "refuse:blocked"
    assert reason(ScreeningRules(let_through=wish, stop=numbers), STRANGER) == "screen:stop_list"


# --- quiet hours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "clock", "inside"),
    [
        ("22:00-06:30", "21:59", False),
        ("22:00-06:30", "22:00", True),
        ("22:00-06:30", "06:29", True),
        ("22:00-06:30", "06:30", False),
        ("13:00 〜 15:00", "14:59", True),
        ("13:00-15:00", "12:59", False),
        ("13:00-15:00", "15:00", False),
    ],
)
def test_quiet_hours_are_japanese_time_from_their_first_minute_up_to_their_last(
    hours: str, clock: str, inside: bool
) -> None:
    quiet = parse_quiet_hours(hours)
    hour, minute = map(int, clock.split(":"))
    midnight_in_japan = NOW + 7 * 3600
    assert quiet is not None
    assert quiet.contains(midnight_in_japan + hour * 3600 + minute * 60) is inside


@pytest.mark.parametrize("text", ["22-6", "24:00-06:00", "22:00", "08:00-08:00", "22:60-06:00", "late"])
def test_quiet_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"22:00-06:30|same"):
        parse_quiet_hours(text)


def test_quiet_hours_are_off_unless_set() -> None:
    assert parse_quiet_hours("") is None
    assert reason(ScreeningRules(), STRANGER, NIGHT) == "screen:domestic"


def test_unknown_callers_are_refused_kindly_at_night_known_ones_never() -> None:
    rules = ScreeningRules(allow=NumberList.of(["0399998888"]), quiet=QuietHours(22 * 60, 6 * 60), domestic="allow")
    assert decide(rules, STRANGER, NIGHT) == Decision("refuse", "refuse:quiet_hours", "quiet_hours")
    assert decide(rules, FRIEND, NIGHT).action == "allow"
    assert decide(rules, STRANGER, NOW).action == "allow"


@pytest.mark.parametrize("caller", [PAYPHONE, CallerId(), None], ids=str)
def test_payphones_and_lost_reports_are_not_turned_away_at_night(caller: CallerId | None) -> None:
    assert decide(ScreeningRules(quiet=QuietHours(22 * 60, 6 * 60)), caller, NIGHT).action == "screen"


# --- what people write ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("03-1234-5678", ("0312345678", "exact")),
        ("０１２０*", ("0120", "prefix")),
        ("+1 800 *", ("+1800", "prefix")),
        ("110", ("110", "exact")),
    ],
)
def test_a_pattern_is_a_number_or_its_beginning(text: str, pattern: tuple[str, str]) -> None:
    assert pattern_of(text) == pattern


@pytest.mark.parametrize("text", ["", "12", "abc", "*", "0*", "x0312345678", "0" * 30, "312345678", "1234-5678"])
def test_what_is_no_number_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match=r"telephone number|too short|area code") as caught:
        pattern_of(text)
    assert len(text) < 3 or text not in str(caught.value)


@given(st.text(max_size=30))
def test_any_text_gives_a_pattern_or_a_reason(text: str) -> None:
    try:
        pattern, kind = pattern_of(text)
    except ValueError:
        return
    assert pattern_of(pattern + ("*" if kind == "prefix" else "")) == (pattern, kind)


# --- words ---------------------------------------------------------------------------------------------------------


def test_words_name_the_beginning_that_counted() -> None:
    words = explain("refuse:blocked:prefix:0120")
    assert "0120" in words.ja
    assert "0120" in words.en
    assert short("refuse:blocked:prefix:0120") == "refuse: blocked 0120…"


@pytest.mark.parametrize("code", ["", "screen", "refuse:nonsense", "nonsense", "screen:prefix:{}"])
def test_a_code_of_another_version_is_shown_as_it_is(code: str) -> None:
    assert explain(code).en == explain(code).ja == code
    assert short(code).startswith(code.partition(":")[0])


def test_a_call_without_a_decision_has_words_too() -> None:
    assert "household answered first" in explain("none").en


def test_countries_with_reported_abuse_are_a_class_of_their_own() -> None:
    rules = ScreeningRules(international="screen")
    assert reason(rules, ABROAD) == "screen:international"
    assert reason(rules, CallerId("+67012340110")) == "refuse:reported_abroad"
    assert reason(replace(rules, reported_abroad="screen"), CallerId("+67012340110")) == "screen:reported_abroad"
