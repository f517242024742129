"""What a modem in parallel with the telephone can hear and do, and what not: one test for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from line_bench import Bench, eventually, make_call, noise
from line_box import PROMPTS, Box

from denwaban.effects import Answer, HangUp, OpenCall, Play
from denwaban.events import HandsetLifted, HandsetReplaced
from denwaban.phases import Phase, SessionSettings
from denwaban.sim.faults import Faults

MakeBox = Callable[..., Box]
SENSES = Faults(hook_codes_on_hook=True)
FAR = noise(4.0)
HOUSEHOLD_FIRST = {"far": FAR, "lift_after_rings": 1}
"""Without a report the box may answer at the second ring only; this household is quicker."""


@pytest.fixture
def box(tmp_path: Path) -> Iterator[MakeBox]:
    made: list[Bench] = []

    def make(settings: SessionSettings | None = None, **options: object) -> Box:
        made.append(Bench(tmp_path, **{"prompts": PROMPTS, "speed": 10, **options}))  # type: ignore[arg-type]
        return Box(made[-1].ready(), settings=settings)

    yield make
    for one in made:
        one.close()


def test_a_household_that_lifts_first_is_not_heard_by_a_modem_that_does_not_sense_it(box: MakeBox) -> None:
    one = box()
    one.bench.line.ring(make_call(**HOUSEHOLD_FIRST))
    one.run_until(one.outcomes, "call closed")
    assert one.outcomes() == ["unanswered"]
    assert not [effect for effect in one.effects if isinstance(effect, Answer)]
    assert not one.bench.line.off_hook


def test_a_household_that_lifts_first_is_joined_without_a_word_by_a_modem_that_senses_it(box: MakeBox) -> None:
    one = box(faults=SENSES)
    one.bench.line.ring(make_call(**HOUSEHOLD_FIRST))
    assert one.run_call() == "screened"
    assert not [effect for effect in one.effects if isinstance(effect, Play)]
    assert not len(one.bench.line.heard_by_caller()), "no announcement into a live talk"
    joined = one.bench.sink.pcm.tobytes()
    assert FAR[len(FAR) // 2 :].tobytes() in joined, "it hears what is said from then on"


def test_a_known_caller_whom_the_household_answers_is_not_joined(box: MakeBox) -> None:
    one = box(faults=SENSES, settings=SessionSettings(joins_calls=False))
    one.bench.line.ring(make_call(**HOUSEHOLD_FIRST))
    assert one.run_call() == "left_alone"
    assert not len(one.bench.sink.pcm)


def test_an_outgoing_call_is_not_noticed_by_a_modem_that_does_not_sense_it(box: MakeBox) -> None:
    one = box()
    one.bench.line.lift_handset()
    one.bench.wait_line_time(5.0)
    one.turn()
    assert one.state.phase is Phase.IDLE
    assert one.state.called_out_until < one.bench.clock.now()
    assert not one.bench.line.off_hook


def test_after_an_outgoing_call_that_was_sensed_callers_ring_through(box: MakeBox) -> None:
    one = box(faults=SENSES)
    one.bench.line.lift_handset()
    one.bench.wait(HandsetLifted)
    one.bench.line.replace_handset()
    one.bench.wait(HandsetReplaced)
    one.bench.line.ring(make_call("P", rings=4, answers=False))
    assert one.run_call() == "left_alone"
    assert [effect.decision for effect in one.effects if isinstance(effect, OpenCall)] == ["allow:called_back"]


def test_an_outgoing_call_is_joined_where_the_household_wants_it_and_left_with_the_handset(box: MakeBox) -> None:
    one = box(faults=SENSES, settings=SessionSettings(joins_outgoing=True))
    one.bench.line.lift_handset()
    one.run_until(lambda: one.state.phase is Phase.TALKING, "joined")
    one.bench.wait_line_time(6.0)  # dial tone, until the household has dialled
    one.turn()
    assert one.state.phase is Phase.TALKING
    one.bench.line.replace_handset()
    one.run_until(one.outcomes, "call closed")
    eventually(lambda: not one.bench.line.off_hook, "line free")
    assert one.outcomes() == ["screened"]


def test_hanging_up_does_not_cut_a_call_that_the_household_holds(box: MakeBox) -> None:
    one = box(settings=replace(SessionSettings(), max_call_s=2.0))
    one.bench.line.ring(make_call("0312345678", far=noise(20.0), lift_after_s=0.5))
    one.run_until(lambda: HangUp() in one.effects, "the box letting go")
    eventually(lambda: not one.bench.line.off_hook, "box on-hook")
    assert one.bench.line.handset_off_hook
    assert not one.bench.modem.capabilities.can_cut
    assert one.run_call() == "screened"
    assert np.any(one.bench.sink.pcm)
