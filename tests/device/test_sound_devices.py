"""Loudspeaker and listen-only line on a real PortAudio, through a sound server without hardware."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from denwaban.app import build_box
from denwaban.audio.device import SoundSystem
from denwaban.audio.line_input import SoundInput
from denwaban.audio.prompts import PromptLibrary
from denwaban.audio.speaker import SoundSpeaker
from denwaban.checks import run_checks
from denwaban.clock import SystemClock
from denwaban.config import Config, LineConfig, SoundConfig, SpeechConfig, UnitConfig
from denwaban.effects import CloseCall, OpenCall, Record, Warn
from denwaban.events import SAMPLE_RATE, Level, LineFailed, LineReady, Pcm, UtteranceAssessed
from denwaban.line.listening import ListenLine
from denwaban.paths import recordings_dir
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import load_call
from denwaban.sound_checks import spoken
from tests.device.sound_server import SoundServer, likeness
from tests.fakes.ports import Gathered, RoomySink
from tests.fixtures_broker import until
from tests.line.line_sound import call_on_line, rest, sine, tone

pytestmark = pytest.mark.sound

PROMPTS = PromptLibrary()
RATE = 24_000
TELLING_WORDS = slice(729 * SAMPLE_RATE // 10, 84 * SAMPLE_RATE)
"""Of the call `telecom-stop`: are you alone, and tell nobody."""
CHIME, ADVICE = PROMPTS.sound("chime")[0], PROMPTS.sound("advice_atm")[0]


@pytest.fixture
def speaker(system: SoundSystem) -> Iterator[SoundSpeaker]:
    """At half the volume prompts are played as they are in the files."""
    speaker = SoundSpeaker(PROMPTS, system, "room", 50)
    yield speaker
    speaker.close()


def test_a_prompt_comes_out_of_the_loudspeaker_as_it_is(sound_server: SoundServer, speaker: SoundSpeaker) -> None:
    tape = sound_server.record("room", RATE)
    speaker.say("chime")
    until(lambda: likeness(tape.pcm, CHIME) > 0.98, "the chime", 10)
    tape.stop()


def test_a_warning_breaks_a_chime_off_and_nothing_is_said_at_once(
    sound_server: SoundServer, speaker: SoundSpeaker
) -> None:
    tape = sound_server.record("room", RATE)
    speaker.say("phone_for_you")
    until(lambda: np.abs(tape.pcm.astype(int)).max() > 2000, "speaking", 10)
    speaker.say("advice_atm")
    until(lambda: likeness(tape.pcm, ADVICE) > 0.98, "the advice, unmixed", 15)
    assert likeness(tape.stop(), PROMPTS.sound("phone_for_you")[0]) < 0.9, "broken off"


def test_a_loudspeaker_that_was_unplugged_while_it_spoke_says_it_again_on_its_return(
    sound_server: SoundServer, speaker: SoundSpeaker, caplog: pytest.LogCaptureFixture
) -> None:
    tape = sound_server.record("room", RATE)
    speaker.say("advice_atm")
    until(lambda: np.abs(tape.pcm.astype(int)).max() > 2000, "speaking", 10)
    sound_server.unplug("room")
    tape.stop()
    until(lambda: "cannot speak" in caplog.text, "the failure is noticed and logged", 10)
    sound_server.plug("room", 44_100)
    tape = sound_server.record("room", RATE)
    until(lambda: likeness(tape.pcm, ADVICE) > 0.98, "the whole advice", 20)
    tape.stop()


def test_a_scam_call_at_the_listen_only_line_is_noticed_and_the_room_is_warned(
    sound_server: SoundServer, system: SoundSystem, tmp_path: Path, models_dir: Path
) -> None:
    call = call_on_line(load_call(shipped_calls() / "telecom-stop"))[TELLING_WORDS]
    config = Config(
        unit=UnitConfig(data_dir=str(tmp_path)),
        line=LineConfig(kind="listen"),
        speech=SpeechConfig(models_dir=str(models_dir)),
        sound=SoundConfig(speaker="room", volume=50, line_input="coupler"),
    )
    seen: list[object] = []
    box = build_box(config, clock=SystemClock(), observer=seen.append)
    thread = threading.Thread(target=box.run, name="box", daemon=True)
    thread.start()
    tape = sound_server.record("room", RATE)
    try:
        until(lambda: any(isinstance(one, LineReady) for one in seen), "ready", 20)
        sound = np.concatenate([rest(1.0), call, rest(3.0), tone("busy", 4.0)])
        started = time.monotonic()
        sound_server.play(sound, SAMPLE_RATE, "coupler").wait(60)
        assert time.monotonic() - started > len(call) / SAMPLE_RATE, "at the speed of a telephone"
        until(lambda: any(isinstance(one, CloseCall) for one in seen), "the record is closed", 30)
        warning = PROMPTS.sound("scam_warning_alone")[0][: 3 * RATE]
        until(lambda: likeness(tape.pcm, warning) > 0.98, "the warning in the room", 10)
    finally:
        box.stop()
        thread.join(30)
        tape.stop()
    (closed,) = [one for one in seen if isinstance(one, CloseCall)]
    assert (closed.outcome, closed.level) == ("screened", Level.ALERT)
    assert [one.decision for one in seen if isinstance(one, OpenCall)] == ["screen:joined"]
    assert seen.index(Warn("scam_warning_alone")) < seen.index(closed)
    assert len([one for one in seen if isinstance(one, UtteranceAssessed)]) >= 2
    pcm, rate = soundfile.read(recordings_dir(config) / f"{closed.call_id}.flac", dtype="int16")
    assert rate == SAMPLE_RATE
    # Four times finer, because what went through 48 kHz comes back between the samples.
    heard, said = soxr.resample(pcm, 1, 4), soxr.resample(call, 1, 4)
    assert likeness(heard, said) > 0.98, "recorded from the first word to the last, with nothing lost or put in"


def test_a_line_input_that_was_unplugged_hears_again_after_its_return(
    sound_server: SoundServer, system: SoundSystem
) -> None:
    events, frames = Gathered(), RoomySink()
    line = ListenLine(SoundInput(system, "coupler"), SystemClock())
    line.start(events, frames)
    sound = sine(1000, 2.0, -20.0)
    try:
        events.wait_for(LineReady, timeout=10)
        sound_server.unplug("room")  # else PulseAudio, unlike a bare sound card, gives the box that to hear instead
        sound_server.unplug("coupler")
        events.wait_for(LineFailed, timeout=10)
        sound_server.plug("room")
        sound_server.plug("coupler", 44_100)
        events.wait_for(LineReady, 2, timeout=20)
        line.submit(Record())
        sound_server.play(sound, SAMPLE_RATE, "coupler").wait(10)
        until(lambda: likeness(recorded(frames), sound[:SAMPLE_RATE]) > 0.98, "the sound of the line", 10)
    finally:
        line.close()


def recorded(frames: RoomySink) -> Pcm:
    """All sound so far."""
    return np.concatenate([np.zeros(0, np.int16), *(frame.pcm for frame in list(frames.frames))])


def test_doctor_finds_the_devices_and_says_what_it_hears(sound_server: SoundServer, system: SoundSystem) -> None:
    del system
    config = Config(line=LineConfig(kind="listen"), sound=SoundConfig(speaker="room", line_input="coupler"))
    found = {one.what: one for one in run_checks(config) if one.what in ("loudspeaker", "telephone's sound")}
    assert found["loudspeaker"].state == "ok"
    assert "no sound at all" in found["telephone's sound"].found


def test_doctor_speaks_in_the_room_when_asked(sound_server: SoundServer, system: SoundSystem) -> None:
    del system
    tape = sound_server.record("room", RATE)
    (told,) = spoken(Config(sound=SoundConfig(speaker="room", volume=50)))
    assert told.state == "ok"
    assert likeness(tape.stop(), PROMPTS.sound("not_recording")[0]) > 0.98
