"""The main loop: events in, effects out through the ports, deadlines by the clock."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from denwaban import events as ev
from denwaban.ears import HANG_AFTER_S, Ears
from denwaban.effects import AllowNumber, Answer, HangUp, MarkHarmless, Play, Record, ReportHealth, UseLetThrough
from denwaban.events import SAMPLE_RATE, CallerId, Pcm, Utterance
from denwaban.listener import MixedListener
from denwaban.loop import INBOX_LIMIT, LAST_WORDS_S, Loop, Ports
from denwaban.phases import RELEASE_LIMIT_S, SessionState
from denwaban.ports import Recognizer, StreamCounts
from denwaban.rules import LetThrough, ScreeningRules
from denwaban.rules_watch import RulesWatch
from denwaban.store.lists import ListEditor, RulesReader
from denwaban.store.rows import NumberEntry
from tests.fakes.ports import (
    FakeAlerts,
    FakeCallRecognizer,
    FakeClock,
    FakeJudge,
    FakeLine,
    FakePanel,
    FakeRecognizer,
    FakeRecorder,
    FakeSides,
    FakeSpeaker,
    FakeStore,
)
from tests.fixtures_broker import until

NUMBER = "0312345678"


class Box:
    """A box of fakes around the real loop, session and ears."""

    def __init__(self, recognizer: Recognizer, alerts: FakeAlerts | None) -> None:
        self.clock, self.line, self.store, self.speaker = FakeClock(), FakeLine(), FakeStore(), FakeSpeaker()
        self.alerts, self.tape, self.panel = alerts, FakeRecorder(), FakePanel()
        self.deleted: list[str] = []
        self.real_time = FakeClock()
        ears = Ears(
            lambda _caller: MixedListener(recognizer.start(), FakeSides("far"), FakeJudge()),
            lambda _id: self.tape,
            self.deleted.append,
            line_waits=False,
            real_time=self.real_time.now,
        )
        self.seen: list[object] = []
        ports = Ports(self.clock, self.line, ears, self.store, alerts, self.speaker, self.panel)
        self.beats = 0
        self.loop = Loop(SessionState("boot"), ports, self.seen.append, self._beat)

    def _beat(self) -> None:
        self.beats += 1

    def saw(self, *kinds: type[object]) -> bool:
        return all(any(isinstance(thing, kind) for thing in self.seen) for kind in kinds)

    def until_command(self, *commands: object) -> None:
        until(lambda: self.line.commands == list(commands), f"commands {commands}, not {self.line.commands}")

    def rules(self) -> ScreeningRules:
        told = [thing.rules for thing in self.seen if isinstance(thing, ev.RulesChanged)]
        return told[-1] if told else ScreeningRules()

    def wish(self) -> LetThrough | None:
        return self.rules().let_through

    def ring(self) -> None:
        self.line.say(ev.CallerIdShown(CallerId(NUMBER)))
        self.line.say(ev.RingHeard())

    def answer_a_call(self) -> None:
        self.line.say(ev.RingHeard())
        self.line.say(ev.CallerIdShown(CallerId(NUMBER)))
        self.line.say(ev.RingHeard())
        self.until_command(Answer())
        self.line.say(ev.Answered())
        self.until_command(Answer(), Play("recording_warning"))
        self.line.say(ev.PromptFinished("recording_warning"))
        self.until_command(Answer(), Play("recording_warning"), Record())
        self.line.say(ev.RecordingStarted())
        self.line.say(ev.HandsetLifted())

    def whole_call(self, n: int) -> None:
        """The nth of this box, closed when this returns."""
        self.line.commands.clear()
        self.answer_a_call()
        self.talk(1)
        self.line.say(ev.HandsetReplaced())
        until(lambda: len(self.store.closed) == n, f"call {n} is closed")

    def passes_turns(self) -> None:
        """Return when the main loop has had time to do what it would do by itself."""
        before = self.beats
        until(lambda: self.beats >= before + 3, "the loop goes on")

    def talk(self, seconds: int) -> None:
        for _ in range(seconds):
            self.line.hear(np.ones(SAMPLE_RATE, np.int16))


@contextmanager
def running(recognizer: Recognizer | None = None, alerts: FakeAlerts | None = None) -> Iterator[Box]:
    box = Box(recognizer or FakeRecognizer(), alerts)
    thread = threading.Thread(target=box.loop.run, name="main-under-test")
    thread.start()
    try:
        until(lambda: box.saw(ev.LineReady), "the line is ready")
        yield box
    finally:
        box.loop.stop()
        thread.join(60)
        assert not thread.is_alive()


def test_scam_call_runs_from_ring_to_closed_record() -> None:
    alerts = FakeAlerts()
    with running(FakeRecognizer("hello", "caution money", "alert card", "bye"), alerts) as box:
        box.answer_a_call()
        box.talk(4)
        until(lambda: len(box.store.noted) == 4, "every utterance is noted")
        box.line.say(ev.HandsetReplaced())
        until(lambda: box.store.closed, "the call is closed")
    assert [alert.event for alert, _at in alerts.submitted] == ["new", "end"]
    assert {alert.alert_id for alert, _at in alerts.submitted} == {box.store.opened[0].call_id}
    assert box.speaker.said == [
        "chime",
        "phone_for_you",
        "caution_warning",
        "scam_warning",
        "advice_atm",
        "call_ended_advice",
    ]
    assert box.line.commands[-1] == HangUp()
    assert len(box.tape.pcm) == 4 * SAMPLE_RATE
    assert box.store.closed[0].outcome == "screened"


def test_family_that_cannot_be_told_does_not_stop_the_warning() -> None:
    with running(FakeRecognizer("alert card"), alerts=None) as box:
        box.answer_a_call()
        box.talk(1)
        until(lambda: "scam_warning" in box.speaker.said, "the household is warned")


def test_the_running_box_obeys_changed_lists_and_notes_that_the_wish_is_used_up(tmp_path: Path) -> None:
    editor = ListEditor(tmp_path / "box.sqlite")
    with running() as box:
        watch = RulesWatch(ScreeningRules(), RulesReader(tmp_path / "box.sqlite"), box.clock)
        watch.start(box.loop.emit)
        try:
            editor.let_through(box.clock.wall() + 600, box.clock.wall())
            until(lambda: box.wish() is not None, "the wish is known")
            box.ring()
            until(lambda: box.store.opened, "decided")
            box.clock.advance(10)
            until(lambda: box.store.closed, "the call that was let through is over")
            editor.add([NumberEntry("block", NUMBER, "exact", "", 0.0, "by hand", None)])
            until(lambda: NUMBER in box.rules().block.exact, "the block is known")
            box.ring()
            until(lambda: len(box.store.opened) == 2, "decided again")
        finally:
            watch.close()
    assert [opened.decision for opened in box.store.opened] == ["allow:let_through", "refuse:blocked"]
    assert box.store.used == [UseLetThrough(1)]
    assert box.line.commands == [Answer()]


def test_deadline_fires_when_the_clock_says_so() -> None:
    with running() as box:
        box.line.say(ev.RingHeard())
        until(lambda: box.saw(ev.RingHeard), "the ring is taken")
        assert not box.saw(ev.DeadlineReached)
        box.clock.advance(10)
        until(lambda: box.store.closed, "the call that rang no more is closed")
    assert box.store.closed[0].outcome == "unanswered"


def test_deadline_fires_once() -> None:
    with running() as box:
        box.line.say(ev.RingHeard())
        until(lambda: box.saw(ev.RingHeard), "the ring is taken")
        box.clock.advance(10)
        until(lambda: box.store.closed, "closed")
        beats = box.beats
        until(lambda: box.beats > beats + 1, "two more turns")
    assert sum(isinstance(thing, ev.DeadlineReached) for thing in box.seen) == 1


def test_stop_closes_line_and_speaker() -> None:
    with running() as box:
        assert not box.line.closed
    assert box.line.closed
    assert box.speaker.closed


def test_full_inbox_is_an_error_and_forgets_nothing() -> None:
    box = Box(FakeRecognizer(), None)
    for _ in range(INBOX_LIMIT):
        box.loop.emit(ev.RingHeard())
    with pytest.raises(queue.Full):
        box.loop.emit(ev.RingHeard())


def test_one_log_line_per_call_without_numbers_or_words(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(FakeRecognizer("alert secretword"), FakeAlerts()) as box:
        box.answer_a_call()
        box.talk(1)
        until(lambda: box.store.noted, "noted")
        box.line.say(ev.HandsetReplaced())
        until(lambda: box.store.closed, "closed")
    lines = [record.getMessage() for record in caplog.records]
    (line,) = [text for text in lines if text.startswith("call=")]
    assert "outcome=screened level=alert category=refund" in line
    assert not [text for text in lines if NUMBER in text or "secretword" in text]


def test_a_box_that_stays_deaf_tells_household_and_family_once_and_that_it_is_over() -> None:
    alerts = FakeAlerts()
    with running(alerts=alerts) as box:
        box.line.say(ev.LineFailed("gone"))
        until(lambda: box.saw(ev.LineFailed), "the failure is taken")
        box.clock.advance(200)
        until(lambda: alerts.reported, "the family is told")
        box.line.say(ev.LineReady("modem"))
        until(lambda: sum(isinstance(thing, ev.LineReady) for thing in box.seen) == 2, "the modem is back")
        box.clock.advance(100)
        until(lambda: len(alerts.reported) == 2, "the family is told again")
    assert [health.hearing for health, _at in alerts.reported] == ["deaf", "well"]
    assert box.speaker.said == ["line_fault"]


class Flaky:
    """Breaks down in its first two calls; each later call is one word."""

    name = "flaky"

    def __init__(self) -> None:
        self.calls = 0

    def start(self) -> FakeCallRecognizer:
        self.calls += 1
        if self.calls <= 2:
            raise RuntimeError("out of memory")
        return FakeCallRecognizer(("word",), SAMPLE_RATE)


def test_a_box_that_cannot_listen_tells_so_after_the_second_call_shows_it_and_takes_it_back() -> None:
    alerts = FakeAlerts()
    with running(Flaky(), alerts) as box:
        box.clock.advance(61)
        until(lambda: len(alerts.reported) == 1, "it is well for all it knows")
        for n in (1, 2):
            box.whole_call(n)
            if n == 1:
                assert box.panel.shown[-1] == ("off", False)
        until(lambda: len(alerts.reported) == 2, "the family is told")
        until(lambda: box.panel.shown[-1] == ("fault", False), "and it shows")
        assert box.speaker.said[-1] == "line_fault"
        box.whole_call(3)
        until(lambda: len(alerts.reported) == 3, "the family is told again")
        until(lambda: box.panel.shown[-1] == ("off", False), "and it shows")
    told = [report for report, _at in alerts.reported]
    assert told == [ReportHealth("well", "line"), ReportHealth("deaf", "speech"), ReportHealth("well", "speech")]
    assert box.speaker.said.count("line_fault") == 1


def test_nothing_of_the_boxs_health_bursts_into_a_talk() -> None:
    alerts = FakeAlerts()
    with running(Flaky(), alerts) as box:
        box.clock.advance(61)
        box.whole_call(1)
        box.line.commands.clear()
        box.answer_a_call()
        until(lambda: sum(isinstance(thing, ev.ListenerFailed) for thing in box.seen) == 2, "the second failure")
        box.passes_turns()
        assert "line_fault" not in box.speaker.said
        box.line.say(ev.HandsetReplaced())
        until(lambda: box.speaker.said[-1] == "line_fault", "when the call is over")


class Hanging:
    """A recogniser that does not come back until the test is over."""

    name = "hanging"

    def __init__(self) -> None:
        self.hangs, self.freed = threading.Event(), threading.Event()

    def start(self) -> Hanging:
        return self

    @property
    def heard_until(self) -> float:
        return 0.0

    def feed(self, pcm: Pcm) -> list[Utterance]:
        self.hangs.set()
        assert self.freed.wait(60)
        return []

    def finish(self) -> list[Utterance]:
        return []


def test_a_box_whose_listener_hangs_ends_when_the_call_is_over_and_not_before() -> None:
    recognizer = Hanging()
    with running(recognizer) as box:
        box.answer_a_call()
        box.talk(1)
        assert recognizer.hangs.wait(60)
        box.real_time.advance(HANG_AFTER_S)
        until(lambda: box.saw(ev.ListenerFailed), "it is noticed")
        box.passes_turns()
        assert not box.line.closed, "the call keeps its line"
        box.line.say(ev.HandsetReplaced())
        until(lambda: box.line.commands[-1] == HangUp(), "the line is let go of in order")
        box.clock.advance(RELEASE_LIMIT_S)
        until(lambda: box.store.closed, "the call is over")
        box.passes_turns()
        assert not box.line.closed, "advice is not cut off"
        box.clock.advance(LAST_WORDS_S)
        until(lambda: box.line.closed, "the program ends")
        recognizer.freed.set()
    assert box.loop.hung
    assert box.store.closed


def test_lost_sound_stands_in_the_line_of_its_call(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with running() as box:
        box.answer_a_call()
        box.line.stream_counts = StreamCounts(overruns=3, underruns=1)
        box.line.say(ev.HandsetReplaced())
        until(lambda: box.store.closed, "the first call is closed")
        box.line.say(ev.CallerIdShown(CallerId(NUMBER)))
        until(lambda: sum(isinstance(thing, ev.CallerIdShown) for thing in box.seen) == 2, "the second call is there")
        box.clock.advance(10)
        until(lambda: len(box.store.closed) == 2, "the second call is closed")
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("call=")]
    assert "overruns=3 underruns=1" in lines[0]
    assert "overruns=0 underruns=0" in lines[1]


def test_the_listening_lamp_is_lit_while_sound_is_taken_and_only_then() -> None:
    with running(FakeRecognizer("hello", "caution money", "alert card")) as box:
        box.answer_a_call()
        until(lambda: box.panel.shown[-1] == ("listening", True), "lit")
        assert [lit for _lamp, lit in box.panel.shown[:-1]] == [False] * (len(box.panel.shown) - 1), "not before"
        box.talk(3)
        until(lambda: box.panel.shown[-1] == ("alert", True), "the alarm lamp, too")
        assert ("caution", True) in box.panel.shown
        box.loop.emit(ev.ListenerFailed("broken"))
        until(lambda: box.panel.shown[-1] == ("fault", True), "it is recorded still")
        box.line.say(ev.HandsetReplaced())
        until(lambda: box.store.closed, "closed")
        assert box.panel.shown[-1] == ("off", False)
    assert box.panel.closed


def test_stop_button_ends_and_deletes_what_was_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with running(FakeRecognizer("secretword", "alert card")) as box:
        box.answer_a_call()
        box.talk(1)
        until(lambda: box.store.noted, "noted")
        box.panel.press("stop", long=True)
        until(lambda: box.store.closed, "closed")
        until(lambda: box.deleted, "deleted")
        call_id = box.store.opened[0].call_id
        assert (box.deleted, box.store.forgotten) == ([call_id], [call_id])
        assert box.store.closed[0].outcome == "stopped"
        assert box.speaker.said[-1] == "recording_stopped"
        assert box.panel.shown[-1] == ("off", False)
    assert not [record for record in caplog.records if "secretword" in record.getMessage()]


def test_family_button_reaches_the_family_with_no_call_at_all() -> None:
    alerts = FakeAlerts()
    with running(alerts=alerts) as box:
        box.panel.press("family", long=True)
        until(lambda: alerts.submitted, "the family is told")
        until(lambda: box.speaker.said == ["family_told"], "and the household hears so")
    ((alert, _at),) = alerts.submitted
    assert (alert.category, alert.event) == ("help", "new")


def test_fine_button_is_kept() -> None:
    with running(FakeRecognizer("caution money")) as box:
        box.answer_a_call()
        box.panel.press("fine")
        until(lambda: box.store.harmless, "marked")
        box.clock.advance(5)
        box.panel.press("fine")
        until(lambda: box.store.allowed, "allowed")
        assert box.store.harmless == [MarkHarmless(box.store.opened[0].call_id)]
        assert box.store.allowed == [AllowNumber(NUMBER)]
