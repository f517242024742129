"""Driver and session together: what happens on the line ends in the right call record and with the line released."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from line_bench import Bench, eventually, make_call, noise

from denwaban.effects import Answer, CloseCall, Effect, HangUp, Outcome, Play, Record, StopListening
from denwaban.events import DeadlineReached, Event, LineFailed, LineReady, PromptFinished, TranscriptFinished
from denwaban.session import Phase, SessionState, step
from denwaban.sim.faults import Faults

PROMPTS = {name: noise(6.0, level=500.0) for name in ("recording_warning", "nobody_home")}


class Box:
    """The smallest loop around `step`: no listening, every transcript is finished at once."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.state = SessionState("boot")
        self.effects: list[Effect] = []
        self._seen = 0
        self._own: queue.Queue[Event] = queue.Queue()

    def turn(self) -> None:
        now = self.bench.clock.now()
        if self.state.deadline is not None and now >= self.state.deadline:
            self.state = replace(self.state, deadline=None)
            self._take(DeadlineReached(), now)
        while not self._own.empty():
            self._take(self._own.get(), now)
        new = self.bench.events[self._seen :]
        self._seen += len(new)
        for event in new:
            self._take(event, now)

    def _take(self, event: Event, now: float) -> None:
        self.state, effects = step(self.state, event, now)
        self.effects += effects
        for effect in effects:
            if isinstance(effect, Answer | Play | Record | HangUp):
                self.bench.do(effect)
            elif isinstance(effect, StopListening):
                self._own.put(TranscriptFinished(effect.call_id))

    def outcomes(self) -> list[Outcome]:
        return [effect.outcome for effect in self.effects if isinstance(effect, CloseCall)]

    def run_until(self, condition: Callable[[], object], what: str) -> None:
        def done() -> bool:
            self.turn()
            return bool(condition())

        eventually(done, f"{what} (phase {self.state.phase}, effects {self.effects}, events {self.bench.events})")

    def run_call(self, count: int = 1) -> Outcome:
        self.run_until(lambda: len(self.outcomes()) >= count, f"call {count} closed")
        self.run_until(lambda: not self.bench.line.busy, "line free")
        assert self.state.phase is Phase.IDLE
        return self.outcomes()[count - 1]


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
