"""A small soak: random calls through the real box on the emulated line. The large one is `bench/line.py`."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import pytest

from bench.line_box import speech_like
from bench.line_plan import Caller, Kind, Stretch, draw_plan, emulated_modems, fingerprint, switched_on
from bench.line_soak import Soak, growth_mb_per_h
from bench.line_watch import Account, Watch
from denwaban.effects import CloseCall, OpenCall
from denwaban.events import CallerId, CallerIdShown, Level, LineFailed, LineReady, RingHeard
from denwaban.sim import line_events as show
from denwaban.sim.callfile import Behaviour, CallFile
from denwaban.sim.faults import Faults
from tests.fakes.ports import FakeClock

NUMBER = "0312345678"


def short_plan(seed: int, calls: int) -> tuple[Stretch, ...]:
    """The plan of a bench, without its long waits and without single bytes, which are slow."""
    plan = draw_plan(seed, calls, calls_a_stretch=4)
    return tuple(
        replace(
            stretch,
            pty_chunk=stretch.pty_chunk and 64,
            repair_after_s=60.0,
            visits=tuple(replace(one, pause_s=2.0, talk_s=min(one.talk_s, 3.0)) for one in stretch.visits),
        )
        for stretch in plan
    )


def test_every_call_of_a_small_soak_is_recorded_or_explained_and_nothing_is_left_over(tmp_path: Path) -> None:
    report = Soak(short_plan(seed=22, calls=12), tmp_path, speed=15, progress=lambda _text: None).run()
    assert report["problems"] == []
    assert report["unaccounted"] == 0
    assert report["balanced"]
    assert report["calls"] + report["not_placed"] >= 12
    assert sum(report["outcomes"].values()) >= 3, "not everything is explained away"
    explained = sum(count for what, count in report["explained"].items() if "second caller shown" not in what)
    assert sum(report["outcomes"].values()) + explained == report["calls"]


# --- the plan ---


def test_the_same_seed_draws_the_same_plan_and_another_one_another() -> None:
    assert draw_plan(3, 200) == draw_plan(3, 200)
    assert fingerprint(draw_plan(3, 200)) != fingerprint(draw_plan(4, 200))


def test_five_hundred_calls_meet_every_fault_switch_every_modem_and_every_behaviour() -> None:
    plan = draw_plan(1, 500)
    assert {name for stretch in plan for name in stretch.wrong} == {one.name for one in fields(Faults)}
    assert {stretch.profile.name for stretch in plan} == {one.name for one in emulated_modems()}
    assert {visit.kind for stretch in plan for visit in stretch.visits} == set(get_args(Kind))
    assert sum(len(visit.callers) for stretch in plan for visit in stretch.visits) >= 500


@pytest.mark.parametrize("name", [one.name for one in fields(Faults)])
def test_a_switch_that_is_drawn_is_on(name: str) -> None:
    hint = get_type_hints(Faults)[name]
    default = getattr(Faults(), name)
    assert all(switched_on(random.Random(seed), name, hint) != default for seed in range(20))


def test_a_switch_of_an_unknown_kind_is_named() -> None:
    with pytest.raises(TypeError, match=r"Faults\.mute"):
        switched_on(random.Random(1), "mute", dict[str, Any])
    assert switched_on(random.Random(1), "mute", Literal["early", "late"]) in ("early", "late")


# --- the account ---


class Line:
    """Exchange and box, as a test wants them to behave; every step takes a second."""

    def __init__(self, caller: Caller) -> None:
        self.clock = FakeClock()
        self.watch = Watch(self.clock)
        self.watch.plugged_in()
        self.watch.box(LineReady("modem"))
        self.clock.advance(100.0)
        self.watch.begin((caller,))
        self.caller = caller

    def arrive(self, rings: int, *, heard: bool = True, shown: CallerId | None = None) -> None:
        silence = speech_like(0)
        call = CallFile("made", "", "", None, self.caller.report, None, None, False, Behaviour(), (), silence, silence)
        self.exchange(show.CallArrived(call, at=0.0))
        if shown is not None:
            self.watch.box(CallerIdShown(shown))
        for n in range(1, rings + 1):
            self.exchange(show.Ringing(n, at=0.0))
            if heard:
                self.watch.box(RingHeard())

    def exchange(self, event: show.LineEvent) -> None:
        self.clock.advance(3.0)
        self.watch.line(event)

    def record(self, decision: str, outcome: Any = "screened") -> None:
        self.watch.box(OpenCall("call", None, decision))
        self.watch.box(CloseCall("call", outcome, Level.QUIET, "", 0.0))

    def account(self, *wrong: str) -> Account:
        self.exchange(show.LineFree(at=0.0))
        account = Account()
        account.settle(self.watch, wrong, reports=True, where="here")
        return account


def test_a_call_with_its_record_balances() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=1)
    line.record("screen:domestic")
    account = line.account()
    assert account.balanced
    assert account.outcomes == {"screened": 1}


def test_rings_that_a_working_box_did_not_record_do_not_balance() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=4, heard=False)
    account = line.account("mute")
    assert account.unaccounted == 1
    assert not account.balanced


def test_rings_while_the_modem_was_away_are_explained() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.watch.unplugged()
    line.arrive(rings=4, heard=False)
    account = line.account()
    assert account.balanced
    assert account.explained["the modem was gone"] == 1


def test_one_ring_that_a_working_modem_could_have_told_is_not_explained_by_a_later_unplugging() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=2, heard=False)
    line.clock.advance(3.0)
    line.watch.unplugged()
    assert line.account().unaccounted == 1


def test_a_modem_that_fell_silent_explains_a_missed_call_once_the_driver_has_noticed() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=4, heard=False)
    line.watch.box(LineFailed("/dev/modem: modem answered nothing to AT"))
    account = line.account("mute_after")
    assert account.balanced
    assert account.failures == {"modem answered nothing to AT [mute_after]": 1}


def test_a_driver_that_gives_up_a_good_modem_does_not_balance() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=1)
    line.watch.box(LineFailed("/dev/modem: modem answered nothing to AT"))
    line.record("screen:domestic", "line_failed")
    assert not line.account().balanced


def test_a_record_that_is_never_closed_does_not_balance() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=1)
    line.watch.box(OpenCall("call", None, "screen:domestic"))
    assert line.account().problems == ["here: a record was never closed"]


@pytest.mark.parametrize(
    ("action", "decision", "right"),
    [
        ("screen", "allow:known", False),
        ("screen", "refuse:blocked", False),
        ("allow", "screen:domestic", False),
        ("allow", "allow:known", True),
        ("refuse", "none", True),
    ],
)
def test_a_caller_the_box_was_told_of_must_be_met_as_the_household_wants(
    action: Any, decision: str, right: bool
) -> None:
    line = Line(Caller(NUMBER, action))
    line.arrive(rings=1, shown=CallerId(NUMBER))
    line.record(decision)
    assert line.account("blank_lines").balanced is right


def test_a_caller_of_whom_a_faulty_modem_told_nothing_may_be_screened() -> None:
    line = Line(Caller(NUMBER, "refuse"))
    line.arrive(rings=2)
    line.record("screen:no_report")
    assert line.account("cid_missing").balanced


@pytest.mark.parametrize(("report", "balanced"), [(None, True), ("0398765432", False)])
def test_a_call_taken_for_the_one_before_is_excused_only_if_nothing_told_them_apart(
    report: str | None, balanced: bool
) -> None:
    line = Line(Caller(None, "screen"))
    line.watch.begin((line.caller, Caller(report, "screen")))
    line.arrive(rings=1)
    line.exchange(show.LineFree(at=0.0))
    line.caller = Caller(report, "screen")
    line.arrive(rings=1, shown=None if report is None else CallerId(report))
    line.record("screen:no_report")
    assert line.account("blank_lines").balanced is balanced


def test_two_records_for_one_call_do_not_balance() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=1)
    line.record("none", "unanswered")
    line.exchange(show.Ringing(2, at=0.0))
    line.watch.box(RingHeard())
    line.record("screen:domestic")
    assert not line.account("blank_lines").balanced


def test_a_caller_cut_off_by_the_box_during_the_alerting_pulses_does_not_balance() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=0)
    line.exchange(show.OffHook("box", at=0.0))
    line.exchange(show.CallLost(at=0.0))
    assert not line.account().balanced


def test_how_long_the_box_holds_a_line_that_the_caller_has_left_is_measured() -> None:
    line = Line(Caller(NUMBER, "screen"))
    line.arrive(rings=1)
    for event in (show.OffHook("box", at=0.0), show.CallerHungUp(at=0.0), show.OnHook("box", at=0.0)):
        line.exchange(event)
    assert line.watch.longest_hold_s == 3.0


def test_growth_of_memory_is_the_slope_behind_the_warm_up() -> None:
    warming = [(0.0, 50.0), (1.0, 80.0)]
    assert growth_mb_per_h([*warming, *((hours, 100.0 + 0.5 * hours) for hours in map(float, range(2, 9)))]) == 0.5
    assert growth_mb_per_h(warming) is None
