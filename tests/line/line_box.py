"""The driver at a virtual line with the real session: the smallest box there is."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import replace

from line_bench import Bench, eventually, noise

from denwaban.effects import Answer, CloseCall, Effect, HangUp, Outcome, Play, Record, StopListening
from denwaban.events import DeadlineReached, Event, TranscriptFinished
from denwaban.phases import Phase, SessionSettings, SessionState
from denwaban.session import step

PROMPTS = {name: noise(6.0, level=500.0) for name in ("recording_warning", "nobody_home", "leave_message")}


class Box:
    """The smallest loop around `step`: no listening, every transcript is finished at once."""

    def __init__(self, bench: Bench, *, line_ready: bool = True, settings: SessionSettings | None = None) -> None:
        self.bench = bench
        self.state = SessionState("boot", settings or SessionSettings(), line_ready=line_ready)
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
