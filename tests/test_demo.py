"""The whole box on the virtual line: the demo's contract, and what happens when disk, broker or recogniser fail."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import soundfile

from denwaban.alert.keys import new_private_key, public_text
from denwaban.app import Box, build_box
from denwaban.config import AlertsConfig, Config, ContactConfig, LineConfig, SoundConfig, UnitConfig
from denwaban.effects import CloseCall, Warn
from denwaban.events import SAMPLE_RATE, ButtonPressed, Level, LineReady, ListenerFailed, Pcm, RecordingFailed
from denwaban.paths import database_path, recordings_dir
from denwaban.ports import Recognizer
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import CallFile
from denwaban.sim.clock import LineClock
from denwaban.sim.virtual_line import VirtualLine
from denwaban.store.reading import CallReader
from tests.conftest import ROOT
from tests.fakes.ports import FakeCallRecognizer, FakeRecognizer
from tests.fixtures_broker import free_port, until
from tests.sim.sim_desk import make_call, speech_like
from training.calls import load_corpus

SPEED = 20.0
TALK_S = 60.0
SCAM = tuple(turn.text for turn in next(c for c in load_corpus() if c.category == "card_theft" and c.whole).far_turns)


class House:
    """A box of the real parts on a virtual line; only the recogniser's words are ours, and nobody is at the broker."""

    def __init__(self, box: Box, line: VirtualLine, config: Config, seen: list[object]) -> None:
        self.box, self.line, self.config, self.seen = box, line, config, seen

    def call(self, call: CallFile) -> CloseCall:
        """Place the call and wait until its record is closed and the line is free."""
        self.line.ring(call)
        until(lambda: self.saw(CloseCall), "the call is closed", 240)
        assert self.line.wait_call_over(120)
        until(lambda: not self.line.off_hook, "the line is free")
        assert self.box.database.flush(60)
        return self.saw(CloseCall)[-1]  # type: ignore[no-any-return]

    def saw(self, kind: type[Any]) -> list[Any]:
        return [happening for happening in list(self.seen) if isinstance(happening, kind)]

    @property
    def reader(self) -> CallReader:
        return CallReader(database_path(self.config))


@contextmanager
def house(folder: Path, recognizer: Recognizer) -> Iterator[House]:
    key_file = folder / "contact.jwk"
    key_file.write_text(public_text(new_private_key()), "utf-8")
    clock = LineClock(SPEED)
    seen: list[object] = []
    with VirtualLine(clock) as line:
        config = Config(
            unit=UnitConfig(name="test", data_dir=str(folder / "data")),
            line=LineConfig(port=line.port),
            alerts=AlertsConfig(host="127.0.0.1", port=free_port()),
            sound=SoundConfig(speaker="none"),
            contacts=(ContactConfig(name="daughter", key_file=str(key_file)),),
        )
        box = build_box(config, clock=clock, observer=seen.append, line_waits=True, recognizer=recognizer)
        thread = threading.Thread(target=box.run, name="box", daemon=True)
        thread.start()
        try:
            until(lambda: any(isinstance(one, LineReady) for one in seen), "the line is ready")
            yield House(box, line, config, seen)
        finally:
            box.stop()
            thread.join(60)
            assert not thread.is_alive()


def stranger_talks(seconds: float = TALK_S) -> CallFile:
    return make_call("0312345678", far=speech_like(seconds))


def scripted() -> FakeRecognizer:
    return FakeRecognizer(*SCAM, second=TALK_S / (len(SCAM) + 3))


def test_no_broker_keeps_the_call_and_the_alert_waits(tmp_path: Path) -> None:
    with house(tmp_path, scripted()) as home:
        closed = home.call(stranger_talks())
        assert (closed.outcome, closed.level) == ("screened", Level.ALERT)
        assert Warn("scam_warning") in home.seen
        assert home.reader.pending_alerts() >= 4, "new and end, for the contact and for all"
    waiting = home.reader
    assert waiting.pending_alerts() >= 4, "still there after the box has stopped"
    detail = waiting.call(closed.call_id)
    assert detail is not None
    assert [said.text for said in detail.utterances] == list(SCAM)
    pcm, rate = soundfile.read(recordings_dir(home.config) / f"{closed.call_id}.flac", dtype="int16")
    assert rate == SAMPLE_RATE
    assert len(pcm) > TALK_S * SAMPLE_RATE


def test_full_disk_while_recording_keeps_the_call_the_words_and_the_alert(tmp_path: Path) -> None:
    """Files may grow to 400 kB: enough for the database, not for a minute of sound."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with house(tmp_path, scripted()) as home:
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
        try:
            closed = home.call(stranger_talks())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        (failed,) = home.saw(RecordingFailed)
        assert "disk" in failed.reason
        assert (closed.outcome, closed.level) == ("screened", Level.ALERT)
        detail = home.reader.call(closed.call_id)
        assert detail is not None
        assert len(detail.utterances) == len(SCAM)
        assert home.reader.pending_alerts() >= 4
    pcm, _rate = soundfile.read(recordings_dir(home.config) / f"{closed.call_id}.flac", dtype="int16")
    assert len(pcm) > 5 * SAMPLE_RATE, "what was written before stays readable"


def test_stop_button_leaves_neither_sound_nor_words_in_the_house(tmp_path: Path) -> None:
    with house(tmp_path, scripted()) as home:
        home.line.ring(stranger_talks())
        until(lambda: Warn("scam_warning") in home.seen, "words were kept and the family told", 240)
        (recording,) = recordings_dir(home.config).iterdir()
        home.box.loop.emit(ButtonPressed("stop", long=True))
        until(lambda: home.saw(CloseCall), "the call is closed", 240)
        (closed,) = home.saw(CloseCall)
        until(lambda: not recording.exists(), "the recording is deleted")
        assert home.line.wait_call_over(120)
        assert home.box.database.flush(60)
    assert (closed.outcome, closed.level) == ("stopped", Level.QUIET)
    detail = home.reader.call(closed.call_id)
    assert detail is not None
    assert detail.utterances == ()
    assert detail.call.number == "0312345678"
    for path in (home.config.data_dir).glob("denwaban.sqlite*"):
        assert not [words for words in SCAM if words.encode() in path.read_bytes()], path.name


class BrokenRecognizer:
    """Breaks down in the middle of its first call."""

    name = "broken"

    def __init__(self) -> None:
        self.calls = 0

    def start(self) -> FakeCallRecognizer:
        self.calls += 1
        return _Breaking(SCAM, SAMPLE_RATE) if self.calls == 1 else FakeCallRecognizer(SCAM, SAMPLE_RATE)


class _Breaking(FakeCallRecognizer):
    def feed(self, pcm: Pcm) -> Any:
        if self.heard_until > 2:
            raise RuntimeError("out of memory")
        return super().feed(pcm)


def test_recogniser_that_breaks_down_costs_one_call_its_judgement_and_nothing_else(tmp_path: Path) -> None:
    with house(tmp_path, BrokenRecognizer()) as home:
        first = home.call(stranger_talks(8.0))
        assert len(home.saw(ListenerFailed)) == 1
        assert first.outcome == "screened"
        home.line.ring(stranger_talks(len(SCAM) + 2.0))
        until(lambda: len(home.saw(CloseCall)) == 2, "the second call is closed", 240)
        assert home.saw(CloseCall)[1].level is Level.ALERT


# --- the demo ------------------------------------------------------------------------------------------------------


def denwaban(*arguments: str, home: Path) -> tuple[int, list[dict[str, Any]], str]:
    """Exit status, JSON lines and standard error of the command, in a folder without configuration."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "firmware_py"), "XDG_CONFIG_HOME": str(home)}
    environment.pop("DENWABAN_CONFIG", None)
    command = [sys.executable, "-m", "denwaban", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=home, env=environment, timeout=290, check=False)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.speech
@pytest.mark.usefixtures("models_dir")
def test_demo_ends_every_call_as_its_file_says(tmp_path: Path) -> None:
    names = ["withheld-robocall", "gives-up", "telecom-stop"]
    status, records, error = denwaban("demo", "--json", "--speed", "16", "--calls", *names, home=tmp_path)
    ended = [record for record in records if record["event"] == "call_ended"]
    assert [record["call"] for record in ended] == names, error
    for record in ended:
        assert {"call", "expected", "outcome", "ok"} <= set(record)
        assert record["expected"] == record["outcome"], record
        assert record["ok"] is True
    assert status == 0, error
    assert [record["outcome"]["outcome"] for record in ended] == ["refused", "repelled", "screened"]
    check_alerts([record for record in records if record["event"] == "alert_received"])


def check_alerts(received: list[dict[str, Any]]) -> None:
    for record in received:
        assert {"call", "id", "level", "delay_s"} <= set(record)
        assert record["call"] == "telecom-stop"
        assert record["level"] == "alert"
    assert received[0]["delay_s"] > 0
    assert len({record["id"] for record in received}) == 1
    kinds = [record["kind"] for record in received]
    assert (kinds[0], kinds[-1]) == ("new", "end")
    assert received[0]["evidence"]


@pytest.mark.speech
@pytest.mark.usefixtures("models_dir")
def test_call_that_does_not_end_as_expected_fails(tmp_path: Path) -> None:
    shipped = shipped_calls() / "withheld-robocall"
    folder = tmp_path / "wrong"
    folder.mkdir()
    for path in shipped.iterdir():
        (folder / path.name).write_bytes(path.read_bytes().replace(b'outcome = "refused"', b'outcome = "screened"'))
    status, records, _error = denwaban("simulate", str(folder), "--json", "--speed", "16", home=tmp_path)
    assert status == 1
    (ended,) = [record for record in records if record["event"] == "call_ended"]
    assert ended["ok"] is False
    assert (ended["expected"]["outcome"], ended["outcome"]["outcome"]) == ("screened", "refused")


def test_call_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    status, records, error = denwaban("simulate", "no-such-call", "--json", home=tmp_path)
    assert (status, records) == (1, [])
    assert "telecom-stop" in error
