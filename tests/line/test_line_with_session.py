"""Driver and session together: what happens on the line ends in the right call record and with the line released."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from line_bench import Bench, make_call, noise
from line_box import PROMPTS, Box

from denwaban.events import LineFailed, LineReady, PromptFinished
from denwaban.phases import Phase
from denwaban.sim.faults import Faults


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Callable[..., Box]]:
    made: list[Bench] = []

    def make(**options: object) -> Box:
        made.append(Bench(tmp_path, **{"prompts": PROMPTS, "speed": 10, **options}))  # type: ignore[arg-type]
        return Box(made[-1].ready())

    yield make
    for one in made:
        one.close()


def test_a_caller_who_hangs_up_during_the_warning_is_repelled_and_the_warning_broken_off(
    box: Callable[..., Box],
) -> None:
    one = box()
    one.bench.line.ring(make_call("0312345678", hangs_up="announcement"))
    assert one.run_call() == "repelled"
    assert len(one.bench.line.heard_by_caller()) < len(PROMPTS["recording_warning"])
    assert one.bench.of(PromptFinished)
    one.bench.line.ring(make_call("0312345679", far=noise(1.0), lift_after_s=0.5))
    assert one.run_call(2) == "screened"


def test_a_talk_is_screened_whether_or_not_the_modem_reports_its_end(box: Callable[..., Box]) -> None:
    one = box(faults=Faults(no_busy_code=True, never_ok_after_rx=True, bogus_h_after_vls=True))
    one.bench.line.ring(make_call("0312345678", far=noise(1.0), lift_after_s=0.5))
    assert one.run_call() == "screened"


def test_a_garbled_number_is_screened(box: Callable[..., Box]) -> None:
    one = box(faults=Faults(cid_garbled=True))
    one.bench.line.ring(make_call("0312345678", far=noise(1.0), lift_after_s=0.5))
    assert one.run_call() == "screened"


def test_pulses_before_the_number_are_not_answered(box: Callable[..., Box]) -> None:
    one = box(faults=Faults(ring_per_car=True))
    one.bench.line.ring(make_call("0312345678", far=noise(1.0), lift_after_s=0.5))
    assert one.run_call() == "screened"


@pytest.mark.parametrize("until", [Phase.ANNOUNCING, Phase.AWAITING_HANDSET])
def test_an_unplugged_modem_closes_the_call_record_and_the_next_call_is_taken(
    box: Callable[..., Box], until: Phase
) -> None:
    one = box()
    one.bench.line.ring(make_call("0312345678", answers=False))
    one.run_until(lambda: one.state.phase is until, str(until))
    one.bench.unplug()
    assert one.run_call() == "line_failed"
    assert one.bench.of(LineFailed)
    one.bench.plug()
    one.run_until(lambda: len(one.bench.of(LineReady)) == 2, "modem back")
    one.bench.line.ring(make_call("0312345679", far=noise(1.0), lift_after_s=0.5))
    assert one.run_call(2) == "screened"
