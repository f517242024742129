"""A line that can only be listened to, with the real session: what the household lifts, the box hears."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from line_bench import Sink, eventually
from line_sound import call_on_line, rest, tone

from denwaban.effects import Answer, CloseCall, Effect, HangUp, OpenCall, Play, Record, StopListening
from denwaban.errors import AudioError
from denwaban.events import (
    CallerId,
    CallerIdShown,
    DeadlineReached,
    Event,
    LineFailed,
    LineReady,
    Pcm,
    PromptFinished,
    RingHeard,
    TranscriptFinished,
)
from denwaban.line.call_finder import SILENCE_S
from denwaban.line.listening import ListenLine
from denwaban.phases import Phase, SessionSettings, SessionState
from denwaban.rules import NumberList, ScreeningRules
from denwaban.session import step
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import load_call
from denwaban.sim.number_display import message, signal
from tests.fakes.ports import FakeClock, FakeLine

CALL = call_on_line(load_call(shipped_calls() / "gives-up"))
STRANGER, FRIEND = CallerId("0312345678"), CallerId("0399998888")
SETTINGS = SessionSettings(ScreeningRules(allow=NumberList.of(["0399998888"])), can_answer=False)
HUNG_UP = rest(SILENCE_S + 1.0)
CHUNK = 800


class FakeSource:
    """A sound device whose sound the test gives, 0.1 s at a read; unplugged at will."""

    name = "coupler"
    losses = 0

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sound: list[Pcm] = []
        self.trouble = ""
        self.opened = 0

    def play(self, *sounds: Pcm) -> None:
        audio = np.concatenate(sounds)
        with self._lock:
            self._sound += [audio[i : i + CHUNK] for i in range(0, len(audio), CHUNK)]

    @property
    def played(self) -> bool:
        with self._lock:
            return not self._sound

    def open(self) -> None:
        if self.trouble:
            raise AudioError(self.trouble)
        self.opened += 1

    def read(self) -> Pcm:
        if self.trouble:
            raise AudioError(self.trouble)
        with self._lock:
            if not self._sound:
                return np.zeros(0, np.int16)
            pcm = self._sound.pop(0)
        self._clock.advance(len(pcm) / 8000)
        return pcm

    def close(self) -> None:
        pass


class Desk:
    """Source, line and session; every transcript is finished at once."""

    def __init__(self, settings: SessionSettings, numbers: FakeLine | None) -> None:
        self.clock = FakeClock()
        self.source = FakeSource(self.clock)
        self.sink = Sink()
        self.events: list[Event] = []
        self.effects: list[Effect] = []
        self.state = SessionState("boot", settings)
        self._seen = 0
        self._lock = threading.Lock()
        self.numbers = numbers
        self.line = ListenLine(self.source, self.clock, numbers=numbers)
        self.line.start(self._take, self.sink)

    def _take(self, event: Event) -> None:
        """On the line's thread: as if the main loop took every event at once."""
        with self._lock:
            self.events.append(event)
            now = self.clock.now()
            if self.state.deadline is not None and now >= self.state.deadline:
                self.state = replace(self.state, deadline=None)
                self._step(DeadlineReached(), now)
            self._step(event, now)

    def _step(self, event: Event, now: float) -> None:
        self.state, effects = step(self.state, event, now)
        self.effects += effects
        for effect in effects:
            if isinstance(effect, Answer | Play | Record | HangUp):
                self.line.submit(effect)
            elif isinstance(effect, StopListening):
                self._step(TranscriptFinished(effect.call_id), now)

    def hear(self, *sounds: Pcm) -> Desk:
        self.source.play(*sounds)
        eventually(lambda: self.source.played, "all sound heard")
        return self

    def of(self, *kinds: type[object]) -> list[object]:
        return [one for one in (*self.events, *self.effects) if isinstance(one, kinds)]

    def wait(self, condition: Callable[[], object], what: str) -> None:
        eventually(condition, f"{what} (phase {self.state.phase}, {self.events}, {self.effects})")

    @property
    def decisions(self) -> list[str]:
        return [effect.decision for effect in self.effects if isinstance(effect, OpenCall)]

    @property
    def outcomes(self) -> list[str]:
        return [effect.outcome for effect in self.effects if isinstance(effect, CloseCall)]


MakeDesk = Callable[..., Desk]


@pytest.fixture
def desk() -> Iterator[MakeDesk]:
    made: list[Desk] = []

    def make(settings: SessionSettings = SETTINGS, numbers: FakeLine | None = None) -> Desk:
        made.append(Desk(settings, numbers))
        made[-1].wait(lambda: made[-1].of(LineReady), "ready")
        return made[-1]

    yield make
    for one in made:
        one.line.close()


def test_it_says_of_itself_that_it_only_listens(desk: MakeDesk) -> None:
    can = desk().line.capabilities
    assert not can.can_announce
    assert not can.can_cut
    assert not can.separate_sides
    assert not can.shows_caller
    assert can.hears_outgoing


def test_a_call_that_the_household_answers_is_heard_from_its_first_word_to_its_end(desk: MakeDesk) -> None:
    one = desk().hear(rest(4.0), CALL, HUNG_UP)
    one.wait(lambda: one.outcomes, "closed")
    assert one.outcomes == ["screened"]
    assert one.decisions == ["screen:joined"]
    assert one.of(Play) == [], "nothing is played"
    assert CALL.tobytes() in one.sink.pcm.tobytes()
    one.hear(CALL, HUNG_UP)
    one.wait(lambda: len(one.outcomes) == 2, "the next call")


def test_nothing_of_a_telephone_at_rest_is_kept(desk: MakeDesk) -> None:
    one = desk().hear(rest(30.0))
    assert not one.of(RingHeard, Answer, OpenCall)
    assert len(one.sink.pcm) == 0


def test_a_known_caller_whose_number_the_line_carries_is_neither_listened_to_nor_recorded(desk: MakeDesk) -> None:
    one = desk().hear(rest(1.0), signal(message(str(FRIEND.number))), rest(20.0), CALL, HUNG_UP)
    one.wait(lambda: one.outcomes, "closed")
    assert one.decisions[0] == "allow:known"
    assert one.outcomes[0] == "left_alone"
    assert len(one.sink.pcm) == 0
    assert one.line.capabilities.shows_caller


def test_an_unknown_caller_whose_number_the_line_carries_is_listened_to_under_it(desk: MakeDesk) -> None:
    one = desk().hear(rest(1.0), signal(message(str(STRANGER.number))), rest(20.0), CALL, HUNG_UP)
    one.wait(lambda: one.outcomes, "closed")
    assert [effect.caller for effect in one.effects if isinstance(effect, OpenCall)] == [STRANGER]
    assert one.outcomes == ["screened"]


def test_a_new_number_in_the_silence_after_a_call_ends_that_call(desk: MakeDesk) -> None:
    one = desk().hear(CALL, rest(10.0), signal(message(str(FRIEND.number))), rest(5.0), CALL)
    one.wait(lambda: one.decisions == ["screen:joined", "allow:known"], "both calls")
    assert one.outcomes[0] == "screened"


def test_what_the_household_dials_is_not_listened_to_unless_it_wants_that(desk: MakeDesk) -> None:
    one = desk().hear(rest(2.0), tone("dial", 3.0), CALL, HUNG_UP)
    assert one.decisions == []
    assert len(one.sink.pcm) == 0
    other = desk(replace(SETTINGS, joins_outgoing=True)).hear(rest(2.0), tone("dial", 3.0), CALL, HUNG_UP)
    other.wait(lambda: other.outcomes, "closed")
    assert other.decisions == ["screen:outgoing"]


def test_a_household_that_dials_right_after_a_missed_call_is_not_taken_for_its_answer(desk: MakeDesk) -> None:
    one = desk().hear(signal(message(str(STRANGER.number))), rest(20.0), tone("dial", 3.0), CALL, HUNG_UP)
    assert one.decisions == ["none"]
    assert one.outcomes == ["unanswered"]
    assert len(one.sink.pcm) == 0


def test_a_modem_beside_it_tells_numbers_and_rings_only(desk: MakeDesk) -> None:
    modem = FakeLine()
    one = desk(numbers=modem)
    modem.say(LineFailed("unplugged"))
    for event in (RingHeard(), CallerIdShown(STRANGER), RingHeard()):
        modem.say(event)
    one.wait(lambda: len(one.of(RingHeard)) == 2, "rings")
    assert one.state.phase is Phase.RINGING, "nothing is answered"
    one.hear(CALL, HUNG_UP)
    one.wait(lambda: one.outcomes, "closed")
    assert [effect.caller for effect in one.effects if isinstance(effect, OpenCall)] == [STRANGER]
    assert modem.commands == []
    assert not one.of(LineFailed), "without numbers the box still hears"
    assert one.line.capabilities.shows_caller


def test_a_number_in_a_call_is_of_one_that_waits_unless_it_rings(desk: MakeDesk) -> None:
    modem = FakeLine()
    one = desk(numbers=modem).hear(CALL)
    one.wait(lambda: one.state.phase is Phase.TALKING, "talking")
    modem.say(CallerIdShown(FRIEND))
    one.hear(rest(1.0))
    assert one.state.phase is Phase.TALKING
    assert not one.of(CallerIdShown)
    modem.say(RingHeard())
    one.wait(lambda: one.of(CallerIdShown), "the number of the next call")
    one.wait(lambda: one.outcomes == ["screened"], "the call before closed")


def test_a_device_that_is_unplugged_ends_the_call_and_is_waited_for(desk: MakeDesk) -> None:
    one = desk().hear(CALL)
    one.wait(lambda: one.state.phase is Phase.TALKING, "talking")
    one.source.trouble = "sound device 'coupler' is gone"
    one.wait(lambda: one.of(LineFailed), "failure told")
    one.wait(lambda: one.outcomes == ["line_failed"], "call closed")
    one.source.trouble = ""
    one.wait(lambda: len(one.of(LineReady)) == 2, "back")
    assert len(one.of(LineFailed)) == 1, "the same trouble is told once"
    one.hear(CALL, HUNG_UP)
    one.wait(lambda: len(one.outcomes) == 2, "the next call")


def test_a_device_that_falls_silent_altogether_has_failed(desk: MakeDesk) -> None:
    one = desk().hear(rest(1.0))
    deadline = time.monotonic() + 20
    while not one.of(LineFailed) and time.monotonic() < deadline:
        one.clock.advance(0.5)
    assert "has delivered nothing" in str(one.of(LineFailed))


def test_asked_to_play_it_says_that_it_is_done(desk: MakeDesk) -> None:
    one = desk()
    one.line.submit(Play("recording_warning"))
    one.wait(lambda: one.of(PromptFinished), "finished")
