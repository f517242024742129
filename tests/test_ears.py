"""The listening threads: each call's audio goes to its own listener and recording, whatever breaks."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import numpy as np
import pytest

from denwaban.ears import BEHIND_LIMIT_S, HANG_AFTER_S, Ears, FrameQueue
from denwaban.errors import StoreError
from denwaban.events import (
    SAMPLE_RATE,
    AudioFrame,
    CallerId,
    ListenerFailed,
    Pcm,
    RecordingFailed,
    TranscriptFinished,
    UtteranceAssessed,
)
from denwaban.listener import CallListener, MixedListener
from denwaban.ports import Recorder
from tests.fakes.ports import FakeClock, FakeJudge, FakeRecognizer, FakeRecorder, FakeSides, FakeSpeaker, Gathered
from tests.fixtures_broker import until

T = TypeVar("T")


def second(value: int = 1) -> AudioFrame:
    return AudioFrame(np.full(SAMPLE_RATE, value, np.int16))


class Broken:
    """A listener that fails in `feed` or in `finish`."""

    def __init__(self, at: str) -> None:
        self._at = at

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:
        if self._at == "feed":
            raise RuntimeError("0312345678 said something")
        return []

    def finish(self) -> list[UtteranceAssessed]:
        raise RuntimeError("broken")


class Slow:
    """A listener that hears a word at the end, when it is allowed to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:
        return []

    def finish(self) -> list[UtteranceAssessed]:
        assert self.go_on.wait(60)
        return listener("late").feed(second().pcm)


class Stuck:
    """A listener that does not come back from a step until it is freed."""

    def __init__(self, at: str) -> None:
        self._at = at
        self.hangs, self.freed = threading.Event(), threading.Event()

    def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:
        return self._step("feed")

    def finish(self) -> list[UtteranceAssessed]:
        return self._step("finish")

    def _step(self, name: str) -> list[UtteranceAssessed]:
        if name == self._at:
            self.hangs.set()
            assert self.freed.wait(60)
        return []


class Household:
    """Ears with fakes: what happens with call n is what `listeners[n]` and `recorders[n]` do."""

    def __init__(self, listeners: list[CallListener | Exception], recorders: list[Recorder | Exception | None]) -> None:
        self.events = Gathered()
        self._listeners, self._recorders = iter(listeners), iter(recorders)
        self.deleted: list[str] = []
        self.speaker, self.real_time = FakeSpeaker(), FakeClock()
        self.ears = Ears(
            lambda _caller: give(self._listeners),
            lambda _id: give(self._recorders),
            self._delete,
            line_waits=False,
            speaker=self.speaker,
            real_time=self.real_time.now,
        )

    def _delete(self, call_id: str) -> None:
        self.deleted.append(call_id)
        if call_id == "stuck":
            raise StoreError("stuck.flac: the recording cannot be deleted")

    def call(self, call_id: str, seconds: int = 2, value: int = 1) -> None:
        """A whole call, as the main loop and the line bring it."""
        self.ears.begin(call_id, CallerId("0312345678"))
        for _ in range(seconds):
            self.ears.put(second(value))
        self.ears.end()


def give(source: Iterator[T | Exception]) -> T:
    made = next(source)
    if isinstance(made, Exception):
        raise made
    return made


@contextmanager
def household(
    listeners: list[CallListener | Exception], recorders: list[Recorder | Exception | None]
) -> Iterator[Household]:
    home = Household(listeners, recorders)
    home.ears.start(home.events)
    try:
        yield home
    finally:
        home.ears.close()


def listener(*texts: str) -> MixedListener:
    return MixedListener(FakeRecognizer(*texts).start(), FakeSides("far"), FakeJudge())


def texts(home: Household) -> list[str]:
    return [event.utterance.text for event in home.events.events if isinstance(event, UtteranceAssessed)]


def test_call_is_heard_recorded_and_finished() -> None:
    tape = FakeRecorder()
    with household([listener("one", "two", "three")], [tape]) as home:
        home.call("a")
        assert home.events.wait_for(TranscriptFinished) == [TranscriptFinished("a", heard=True)]
        until(lambda: tape.closed, "the recording is closed")
    assert texts(home) == ["one", "two"]
    assert len(tape.pcm) == 2 * SAMPLE_RATE


def test_each_call_has_its_own_audio() -> None:
    tapes = [FakeRecorder(), FakeRecorder()]
    with household([listener("a1", "a2"), listener("b1", "b2")], list(tapes)) as home:
        home.call("a", value=1)
        home.call("b", value=2)
        home.events.wait_for(TranscriptFinished, 2)
        until(lambda: tapes[1].closed, "the second recording is closed")
    assert [set(tape.pcm) for tape in tapes] == [{1}, {2}]
    assert texts(home) == ["a1", "a2", "b1", "b2"]


def test_what_comes_while_the_box_speaks_is_judged_and_recorded_but_nobodys() -> None:
    tape = FakeRecorder()
    with household([listener("one", "two", "three", "four")], [tape]) as home:
        home.ears.begin("a", None)
        for speaks in (False, True, False):
            home.speaker.speaking = speaks
            home.ears.put(second())
        home.ears.end()
        home.events.wait_for(TranscriptFinished)
        until(lambda: tape.closed, "the recording is closed")
    heard = [one.utterance for one in home.events.events if isinstance(one, UtteranceAssessed)]
    assert [(one.text, one.side) for one in heard] == [("one", "far"), ("two", "unknown"), ("three", "far")]
    assert len(tape.pcm) == 3 * SAMPLE_RATE


@pytest.mark.parametrize("at", ["feed", "finish"])
def test_broken_listener_costs_its_own_call_only(at: str) -> None:
    tapes = [FakeRecorder(), FakeRecorder()]
    with household([Broken(at), listener("b1", "b2")], list(tapes)) as home:
        home.call("a")
        home.call("b")
        finished = home.events.wait_for(TranscriptFinished, 2)
    assert finished == [TranscriptFinished("a"), TranscriptFinished("b", heard=True)]
    assert texts(home) == ["b1", "b2"]
    assert home.events.wait_for(ListenerFailed) == [ListenerFailed("RuntimeError")], "what was said is not repeated"


def test_listener_that_cannot_be_made_costs_its_own_call_only() -> None:
    with household([StoreError("no"), listener("b1")], [None, None]) as home:
        home.call("a")
        home.call("b")
        home.events.wait_for(TranscriptFinished, 2)
    assert texts(home) == ["b1"]
    assert home.events.wait_for(ListenerFailed) == [ListenerFailed("no")]


@pytest.mark.parametrize(
    "made", [lambda: Broken("finish"), listener, lambda: StoreError("no")], ids=["broken", "mute", "no"]
)
def test_a_call_that_broke_off_or_had_no_words_does_not_count_as_heard(made: Callable[[], CallListener]) -> None:
    with household([made()], [None]) as home:
        home.call("a")
        assert home.events.wait_for(TranscriptFinished) == [TranscriptFinished("a", heard=False)]


def test_words_before_a_break_down_do_not_make_a_call_heard() -> None:
    class BreaksLater(Broken):
        def feed(self, *channels: Pcm, box_speaks: bool = False) -> list[UtteranceAssessed]:
            return listener("one").feed(*channels)

    with household([BreaksLater("finish")], [None]) as home:
        home.call("a")
        assert home.events.wait_for(TranscriptFinished) == [TranscriptFinished("a", heard=False)]
    assert texts(home)


@pytest.mark.parametrize("at", ["feed", "finish"])
def test_a_listener_that_does_not_come_back_is_told_once(at: str) -> None:
    stuck = Stuck(at)
    with household([stuck], [None]) as home:
        home.call("a")
        assert stuck.hangs.wait(60)
        home.real_time.advance(HANG_AFTER_S - 1)
        home.ears.look(home.events)
        assert home.events.events == [], "slow, not stuck"
        home.real_time.advance(1)
        for _ in range(3):
            home.ears.look(home.events)
        (failed,) = home.events.events
        assert isinstance(failed, ListenerFailed)
        assert failed.hung
        assert home.ears.hung
        stuck.freed.set()
        home.events.wait_for(TranscriptFinished)
        assert not home.ears.hung, "it did come back"


def test_a_long_call_and_a_long_silence_are_no_hang() -> None:
    with household([listener("a1", "a2", "a3")], [None]) as home:
        home.ears.begin("a", None)
        for n in range(3):
            home.ears.put(second())
            home.events.wait_for(UtteranceAssessed, n + 1)
            home.real_time.advance(2 * HANG_AFTER_S)
            home.ears.look(home.events)
    assert not [one for one in home.events.events if isinstance(one, ListenerFailed)]


def test_what_hangs_does_not_hold_up_the_end_of_the_program() -> None:
    stuck = Stuck("feed")
    with household([stuck], [None]) as home:
        home.call("a")
        assert stuck.hangs.wait(60)
        home.real_time.advance(HANG_AFTER_S)
        home.ears.look(home.events)
        home.ears.close()
        assert [thread.name for thread in threading.enumerate() if thread.name in ("transcribe", "tape")] == [
            "transcribe"
        ]
        stuck.freed.set()
        home.events.wait_for(TranscriptFinished)


@pytest.mark.parametrize(
    "first",
    [
        lambda: FakeRecorder(room=SAMPLE_RATE),
        lambda: FakeRecorder(fails_at_end=True),
        lambda: StoreError("disk full"),
        lambda: PermissionError("recordings/"),
    ],
    ids=["full in mid-call", "fails at the end", "cannot be made", "no permission"],
)
def test_full_disk_keeps_the_call_and_the_next_recording(first: Callable[[], FakeRecorder | Exception]) -> None:
    tape = FakeRecorder()
    with household([listener("a1", "a2"), listener("b1", "b2")], [first(), tape]) as home:
        home.call("a", seconds=3, value=1)
        home.call("b", seconds=2, value=2)
        home.events.wait_for(TranscriptFinished, 2)
        home.events.wait_for(RecordingFailed)
        until(lambda: tape.closed, "the second recording is closed")
    assert texts(home) == ["a1", "a2", "b1", "b2"]
    assert set(tape.pcm) == {2}
    assert len(tape.pcm) == 2 * SAMPLE_RATE


def test_recording_that_failed_keeps_what_it_has() -> None:
    tape = FakeRecorder(room=SAMPLE_RATE)
    with household([listener("a1")], [tape]) as home:
        home.call("a", seconds=3)
        home.events.wait_for(RecordingFailed)
        until(lambda: tape.closed, "closed")
    assert len(tape.pcm) == SAMPLE_RATE


def test_closing_in_mid_call_ends_both_threads() -> None:
    tape = FakeRecorder()
    with household([listener("a1", "a2")], [tape]) as home:
        home.ears.begin("a", None)
        home.ears.put(second())
        until(lambda: len(tape.pcm), "the first frame is on tape")
    assert tape.closed
    assert not [thread for thread in threading.enumerate() if thread.name in ("transcribe", "tape")]


def test_audio_of_no_call_is_kept_by_nobody() -> None:
    """A modem records on after the household has stopped the listening, so that it reports the end of the call."""
    tapes = [FakeRecorder(), FakeRecorder()]
    with household([listener("a1"), listener("b1")], list(tapes)) as home:
        home.ears.put(second(7))
        home.call("a", seconds=1, value=1)
        home.ears.put(second(8))
        home.call("b", seconds=1, value=2)
        home.events.wait_for(TranscriptFinished, 2)
        until(lambda: tapes[1].closed, "the second recording is closed")
    assert [set(tape.pcm) for tape in tapes] == [{1}, {2}]


def test_a_discarded_call_is_deleted_and_says_no_more_and_the_next_one_is_heard() -> None:
    tapes = [FakeRecorder(), FakeRecorder()]
    with household([listener("a1", "a2", "a3"), listener("b1", "b2")], list(tapes)) as home:
        home.ears.begin("a", None)
        home.ears.put(second())
        home.events.wait_for(UtteranceAssessed)
        home.ears.discard("a")
        home.ears.put(second())
        home.events.wait_for(TranscriptFinished)
        home.call("b", value=2)
        home.events.wait_for(TranscriptFinished, 2)
        until(lambda: tapes[1].closed, "the second recording is closed")
    assert texts(home) == ["a1", "b1", "b2"]
    assert home.deleted == ["a"]
    assert tapes[0].closed, "before it was deleted"
    assert set(tapes[1].pcm) == {2}


def test_a_call_that_is_only_being_judged_can_be_discarded_too() -> None:
    tape, slow = FakeRecorder(), Slow()
    with household([slow], [tape]) as home:
        home.call("a", seconds=1)
        until(lambda: tape.closed, "the recording is whole")
        home.ears.discard("a")
        until(lambda: home.deleted == ["a"], "deleted")
        slow.go_on.set()
        home.events.wait_for(TranscriptFinished)
    assert texts(home) == []


def test_a_recording_that_cannot_be_deleted_is_told_and_the_next_call_is_recorded() -> None:
    tapes = [FakeRecorder(), FakeRecorder()]
    with household([listener("a1"), listener("b1")], list(tapes)) as home:
        home.ears.begin("stuck", None)
        home.ears.discard("stuck")
        (failed,) = home.events.wait_for(RecordingFailed)
        home.call("b", seconds=1)
        until(lambda: tapes[1].closed, "the second recording is closed")
    assert isinstance(failed, RecordingFailed)
    assert "cannot be deleted" in failed.reason
    assert len(tapes[1].pcm) == SAMPLE_RATE


def test_virtual_line_is_made_to_wait_and_a_real_one_never() -> None:
    waiting, real = (
        Ears(lambda _: Broken("feed"), lambda _: None, lambda _: None, line_waits=waits) for waits in (True, False)
    )
    for ears in (waiting, real):
        ears.begin("a", None)
        assert ears.has_room()
        ears.begin("a", None)
        ears.put(second())
    assert not waiting.has_room()
    assert real.has_room()


def test_audio_behind_is_bounded_and_what_is_dropped_is_counted() -> None:
    waiting = FrameQueue()
    for value in range(100):
        waiting.put(second(value))
    assert waiting.seconds <= BEHIND_LIMIT_S
    assert waiting.dropped_samples == (100 - BEHIND_LIMIT_S) * SAMPLE_RATE
    first = waiting.get(0)
    assert first is not None
    assert first.pcm[0] == 40, "the oldest went"


def test_audio_behind_is_bounded_over_the_ends_of_calls() -> None:
    """A recogniser that hangs at the end of a call must not let the next one fill the memory."""
    waiting = FrameQueue()
    for call in range(3):
        for _ in range(50):
            waiting.put(second(call))
        waiting.put(None)
    assert waiting.seconds <= BEHIND_LIMIT_S
    ends = 0
    while waiting.seconds or ends < 3:
        ends += waiting.get(0) is None
    assert ends == 3, "no end of a call is ever dropped"
    with pytest.raises(queue.Empty):
        waiting.get(0)
