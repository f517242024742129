"""What every implementation of a port promises: fake and real pass the same tests, so the fakes may be believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from denwaban.alert.keys import UnitKey, new_private_key, public_text
from denwaban.alert.mqtt import MqttAlerts
from denwaban.alert.queued import QueuedAlerts
from denwaban.alert.settings import Contact, MqttSettings
from denwaban.audio.prompts import PromptLibrary
from denwaban.audio.sides import FixedSide, LevelSides
from denwaban.audio.speaker import SilentSpeaker
from denwaban.clock import SystemClock
from denwaban.detect.judge import CallJudge
from denwaban.detect.model import load_model
from denwaban.detect.text import Reader
from denwaban.effects import (
    AllowNumber,
    Answer,
    CloseCall,
    HangUp,
    MarkHarmless,
    NoteUtterance,
    OpenCall,
    Play,
    SendAlert,
    UseLetThrough,
)
from denwaban.events import (
    Answered,
    Assessment,
    CallerId,
    Evidence,
    Level,
    LineReady,
    LineReleased,
    Utterance,
    UtteranceAssessed,
)
from denwaban.line.modem import ModemLine
from denwaban.ports import AlertSink, CallStore, Clock, Judge, Line, Recorder, SideEstimator, Speaker
from denwaban.shipped import shipped_models
from denwaban.sim.clock import LineClock
from denwaban.sim.virtual_line import VirtualLine
from denwaban.store.database import Database
from denwaban.store.outbox import SqliteOutbox
from denwaban.store.recordings import FlacRecorder
from tests.fakes.ports import (
    FakeAlerts,
    FakeClock,
    FakeJudge,
    FakeLine,
    FakeRecorder,
    FakeSides,
    FakeSpeaker,
    FakeStore,
    Gathered,
    RoomySink,
)
from tests.fixtures_broker import free_port, until

SOUND = np.random.default_rng(5).integers(-9000, 9000, 20_000).astype(np.int16)

# --- Clock ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [FakeClock, SystemClock, LineClock])
def test_clock_runs_forward_and_never_sleeps_beyond_a_deadline(make: Callable[[], Clock]) -> None:
    clock = make()
    first = clock.now()
    assert clock.now() >= first
    assert clock.wall() > 1_700_000_000
    assert 0 <= clock.wait_hint(clock.now() + 0.5) <= 0.5
    assert clock.wait_hint(clock.now() - 5.0) <= 0.001


# --- Recorder ------------------------------------------------------------------------------------------------------


def fake_tape(folder: Path) -> tuple[Recorder, Callable[[], object]]:
    tape = FakeRecorder()
    return tape, lambda: tape.pcm


def flac_tape(folder: Path) -> tuple[Recorder, Callable[[], object]]:
    path = folder / "call.flac"
    return FlacRecorder(path), lambda: soundfile.read(path, dtype="int16")[0]


@pytest.mark.parametrize("make", [fake_tape, flac_tape])
def test_recorder_keeps_every_sample_in_any_chunking_and_closes_twice(
    tmp_path: Path, make: Callable[[Path], tuple[Recorder, Callable[[], object]]]
) -> None:
    tape, content = make(tmp_path)
    for start in range(0, len(SOUND), 777):
        tape.write(SOUND[start : start + 777])
    tape.write(SOUND[:0])
    tape.close()
    tape.close()
    tape.write(SOUND)
    assert np.array_equal(np.asarray(content()), SOUND)


# --- CallStore -----------------------------------------------------------------------------------------------------

HEARD = UtteranceAssessed(
    Utterance("口座", 0.0, 1.0, "far"), Assessment(Level.ALERT, 0.9, 0.9, 4, "refund", (Evidence("口座", 0.5),)), 1.4
)


@pytest.fixture(params=["fake", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[CallStore, Callable[[], object]]]:
    if request.param == "fake":
        fake = FakeStore()
        yield fake, lambda: [(one.call_id, one.outcome, one.level) for one in reversed(fake.closed)]
        return
    errors: list[object] = []
    database = Database(tmp_path / "calls.sqlite", errors.append)

    def closed() -> object:
        assert database.flush(60)
        return [(call.id, call.outcome, call.level) for call in database.calls() if call.outcome]

    yield database, closed
    database.close()
    assert errors == []


def test_store_keeps_calls_newest_first(store: tuple[CallStore, Callable[[], object]]) -> None:
    keeper, closed = store
    for n, outcome in enumerate(("screened", "refused")):
        keeper.open_call(OpenCall(f"c{n}", CallerId("0312345678"), "screen:domestic"), 100.0 + n)
        keeper.note(NoteUtterance(f"c{n}", HEARD), 101.0 + n)
        keeper.close_call(CloseCall(f"c{n}", outcome, Level.ALERT, "refund", 0.9), 102.0 + n)  # type: ignore[arg-type]
    keeper.use_let_through(UseLetThrough(1), 105.0)  # a wish that is gone meanwhile is no error
    keeper.mark_harmless(MarkHarmless("gone"), 106.0)
    keeper.allow_number(AllowNumber("0312345678"), 106.0)
    keeper.forget_words("gone")
    assert closed() == [("c1", "refused", Level.ALERT), ("c0", "screened", Level.ALERT)]


# --- AlertSink -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "mqtt without a broker"])
def alerts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[AlertSink, Callable[[], int]]]:
    if request.param == "fake":
        fake = FakeAlerts()
        yield fake, lambda: len(fake.submitted)
        return
    contact = Contact("musume", "娘さん", public_text(new_private_key()))
    outbox = SqliteOutbox(tmp_path / "calls.sqlite")
    sink = MqttAlerts(
        settings=MqttSettings(port=free_port()),
        unit="unit1",
        contacts=lambda: [contact],
        key=UnitKey.load_or_create(tmp_path / "key.json"),
        outbox=outbox,
        clock=SystemClock(),
    )
    sink.start()
    # Two messages an alert: one for the contact, one for all.
    yield sink, lambda: outbox.pending_count(time.time()) // 2
    sink.close()
    outbox.close()


def test_alert_is_kept_when_submit_returns(alerts: tuple[AlertSink, Callable[[], int]]) -> None:
    sink, kept = alerts
    for n, event in enumerate(("new", "update", "end")):
        alert = SendAlert("a", "a", event, Level.ALERT, "refund", 0.9, None, (), ())  # type: ignore[arg-type]
        sink.submit(alert, time.time())
        assert kept() == n + 1


def test_a_queue_before_a_sink_is_a_sink(alerts: tuple[AlertSink, Callable[[], int]]) -> None:
    sink, kept = alerts
    queued = QueuedAlerts(sink)
    queued.submit(SendAlert("a", "a", "new", Level.ALERT, "refund", 0.9, None, (), ()), time.time())
    queued.close()
    assert kept() == 1


# --- Speaker, Judge, SideEstimator ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [FakeSpeaker, SilentSpeaker])
def test_speaker_takes_every_prompt_and_closes(make: Callable[[], Speaker]) -> None:
    speaker = make()
    for name in ("chime", "scam_warning", "no such prompt"):
        speaker.say(name)
    speaker.close()


def real_judge() -> Judge:
    return CallJudge(load_model(shipped_models() / "scam-ja"), Reader())


@pytest.mark.parametrize("make", [FakeJudge, real_judge])
def test_judge_never_lowers_a_level(make: Callable[[], Judge]) -> None:
    judge, before = make(), Level.QUIET
    for text in ("alert", "カードを封筒に入れてください", "暗証番号を教えてください", "はい", "caution", ""):
        found = judge.hear(Utterance(text, 0.0, 1.0, "far"))
        assert found.level.rank >= before.rank
        assert 0 <= found.call_score <= 1
        before = found.level


@pytest.mark.parametrize("make", [lambda: FakeSides("far"), lambda: FixedSide("near"), LevelSides])
def test_sides_answer_in_order_of_time(make: Callable[[], SideEstimator]) -> None:
    sides = make()
    sides.feed(SOUND)
    assert {sides.side(t, t + 0.5) for t in (0.0, 0.5, 1.0)} <= {"far", "near", "unknown"}
    assert sides.side(500.0, 501.0) in ("far", "near", "unknown"), "beyond the audio"


# --- Line ----------------------------------------------------------------------------------------------------------


@pytest.fixture(params=["fake", "modem on the virtual line"])
def line(request: pytest.FixtureRequest) -> Iterator[Line]:
    if request.param == "fake":
        fake = FakeLine()
        yield fake
        assert fake.closed
        return
    clock = LineClock(10)
    with VirtualLine(clock) as virtual:
        yield ModemLine(virtual.port, clock, PromptLibrary().line_pcm)
        until(lambda: not virtual.off_hook, "the line is released by close")


def test_line_is_ready_then_released_on_command_and_by_close(line: Line) -> None:
    events = Gathered()
    line.start(events, RoomySink())
    try:
        events.wait_for(LineReady)
        line.submit(HangUp())
        events.wait_for(LineReleased)
        line.submit(Answer())
        if not isinstance(line, FakeLine):
            events.wait_for(Answered)
        line.submit(Play("recording_warning"))
        line.submit(HangUp())
        events.wait_for(LineReleased, 2)
        line.submit(Answer())
    finally:
        line.close()
