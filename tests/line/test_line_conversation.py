"""Modems that go wrong in ways the virtual line has no switch for, at a port that answers by a table."""

from __future__ import annotations

import contextlib
import math
import queue
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denwaban.effects import Answer, LineCommand, Record
from denwaban.errors import LineError
from denwaban.events import AudioFrame, Event, LineSilent, Pcm, RingHeard
from denwaban.line.conversation import AUDIO_GAP_LIMIT_S, IDLE_CHECK_S, Conversation, Wiring
from denwaban.line.probe import TEXT_LENGTH
from denwaban.line.tones import SILENCE_S

TABLE = {
    b"AT+FCLASS=?": b"0,1,8",
    b"AT+VSM=?": b'129,"16-BIT LINEAR",16,0,8000,0,0',
    b"AT+GMM": b"Table",
}


WORDS = (
    *(b"\r\nRING\r\n", b"\r\nOK\r\n", b"\r\nERROR\r\n", b"\r\nCONNECT\r\n", b"\r\nNO CARRIER\r\n", b"NMBR=A=\xff\r\n"),
    *(b"\x10\x03", b"\x10\x10", b"\x10\x1a", b"\x10X", b"\x10P", b"\x10h", b"\x10o", b"\x10\x7f", b"\x10"),
)


class Time:
    """Passes only while somebody waits for the port."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def wall(self) -> float:
        return self.seconds

    def wait_hint(self, deadline: float) -> float:
        return deadline - self.seconds


class TablePort:
    """Answers commands by `answers`, anything else with OK, streams with CONNECT. Once recording, sends `stream`."""

    def __init__(self, time: Time, answers: dict[bytes, bytes], stream: bytes = b"") -> None:
        self._time = time
        self._answers = answers
        self._stream = stream
        self._out = b""
        self.written = b""
        self.garble_next = 0
        self.read_at_once = 1 << 20
        self.after_connect = b""

    def say(self, data: bytes) -> None:
        self._out += data

    @property
    def in_waiting(self) -> int:
        return len(self._out)

    def read(self, size: int = 1, /) -> bytes:
        if not self._out:
            self._time.seconds += 0.02
        size = min(size, self.read_at_once)
        out, self._out = self._out[:size], self._out[size:]
        return out

    def write(self, data: bytes, /) -> int:
        self.written += data
        command = data.removesuffix(b"\r")
        if command in (b"AT+VTX", b"AT+VRX"):
            self._out += b"\r\nCONNECT\r\n" + self._stream + self.after_connect
        elif command == b"AT" and self.garble_next:
            self.garble_next -= 1
            self._out += b"\r\n\xff#\r\n"
        elif command.startswith(b"AT"):
            answer = self._answers.get(command, b"")
            self._out += answer if b"ERROR" in answer else answer + b"\r\nOK\r\n"
        return len(data)


class Nowhere:
    def has_room(self) -> bool:
        return True

    def put(self, frame: AudioFrame) -> None:
        pass


class Desk:
    def __init__(self, stream: bytes = b"", **answers: bytes) -> None:
        self.time = Time()
        self.port = TablePort(self.time, {**TABLE, **{b"AT+" + k.encode(): v for k, v in answers.items()}}, stream)
        self.events: list[Event] = []
        self.lost: list[str] = []
        self.commands: queue.Queue[LineCommand] = queue.Queue()
        self.wiring = Wiring(
            clock=self.time,
            prompts=self._no_prompt,
            profile=None,
            heartbeat=self._beat,
            commands=self.commands,
            closing=threading.Event(),
            emit=self.events.append,
            frames=Nowhere(),
            count_loss=self.lost.append,
        )
        self.conversation = Conversation(self.wiring, self.port)
        self.stop_at = math.inf

    def _beat(self) -> None:
        if self.time.now() >= self.stop_at:
            self.wiring.closing.set()

    def idle(self, seconds: float) -> None:
        """Let a modem that was just initialised wait for calls."""
        self.stop_at = self.time.now() + seconds
        self.conversation.serve()

    def _no_prompt(self, name: str) -> Pcm:
        raise AssertionError(name)

    def record(self) -> None:
        """Answer, record, and go on until something fails."""
        self.conversation.initialise()
        self.commands.put(Answer())
        self.commands.put(Record())
        self.conversation.serve()


def test_a_recording_without_audio_is_a_failure() -> None:
    desk = Desk()
    with pytest.raises(LineError, match="no audio for 3 s"):
        desk.record()
    assert desk.time.now() < AUDIO_GAP_LIMIT_S + 2.0


def test_a_recording_that_ends_by_itself_is_a_failure() -> None:
    desk = Desk(stream=b"ab\x10\x03\r\nOK\r\n")
    with pytest.raises(LineError, match="ended its recording by itself"):
        desk.record()


def test_a_modem_without_usable_audio_is_named() -> None:
    desk = Desk(**{"VSM=?": b'129,"IMA ADPCM",4,0,8000,0,0'})
    with pytest.raises(LineError, match=r"no audio encoding we know \(AT\+VSM=\?\)"):
        desk.conversation.initialise()


@pytest.mark.parametrize("classes", [b"0,1,2", b"0,1,2.0,80", b"ERROR"])
def test_a_modem_without_voice_is_named(classes: bytes) -> None:
    desk = Desk(**{"FCLASS=?": classes + b"\r\n"})
    with pytest.raises(LineError, match="no voice mode"):
        desk.conversation.initialise()


@pytest.mark.parametrize("classes", [b"0,1,8", b"(0,1,8)", b"+FCLASS: 0,1,1.0,2,8", b"8"])
def test_voice_mode_is_found_however_it_is_listed(classes: bytes) -> None:
    assert Desk(**{"FCLASS=?": classes}).conversation.initialise().name == "Table"


def test_optional_commands_may_be_unknown() -> None:
    errors = {"GCI=00": b"ERROR\r\n", "VCID=1": b"ERROR\r\n", "VSD=128,0": b"ERROR\r\n", "GMM": b"ERROR\r\n"}
    desk = Desk(stream=b"\x00\x00\x10\x03", **errors)
    with pytest.raises(LineError, match="by itself"):
        desk.record()


def test_an_endless_name_is_cut() -> None:
    assert len(Desk(GMM=b"x" * 400).conversation.initialise().name) == TEXT_LENGTH


def test_an_idle_modem_is_asked_for_a_sign_of_life_and_told_its_country_again() -> None:
    desk = Desk()
    desk.conversation.initialise()
    desk.port.written = b""
    desk.stop_at = desk.time.now() + IDLE_CHECK_S * 2.5
    desk.conversation.serve()
    assert desk.port.written.count(b"AT\r") == 2
    for text in (b"AT+GCI=00\r", b"AT+VCID=1\r"):
        assert desk.port.written.count(text) == 3  # and once after hanging up


def test_a_ring_is_a_sign_of_life_and_not_asked_about() -> None:
    desk = Desk()
    desk.conversation.initialise()
    desk.port.written = b""
    for _ in range(10):
        desk.wiring.closing.clear()
        desk.port.say(b"\r\nRING\r\n")
        desk.idle(IDLE_CHECK_S * 0.9)
    assert b"AT\r" not in desk.port.written
    assert desk.events.count(RingHeard()) == 10


def test_what_the_modem_may_have_forgotten_is_told_again_while_it_is_idle() -> None:
    desk = Desk()
    desk.conversation.initialise()
    desk.port.written = b""
    desk.idle(IDLE_CHECK_S * 1.5)
    for text in (b"AT+GCI=00\r", b"AT+VCID=1\r"):
        assert text in desk.port.written


def test_a_garbled_answer_to_the_sign_of_life_is_asked_again() -> None:
    desk = Desk()
    desk.conversation.initialise()
    desk.port.garble_next = 2
    desk.idle(IDLE_CHECK_S * 1.5)
    assert desk.port.garble_next == 0


def test_losses_of_sound_are_counted() -> None:
    desk = Desk(stream=b"\x10o\x00\x00\x10Y\x10u\x10\x03")
    with pytest.raises(LineError):
        desk.record()
    assert desk.lost == ["o", "Y", "u"]


def test_minutes_without_a_sound_are_told_once() -> None:
    second = bytes(2 * 8000)
    desk = Desk(stream=second * round(SILENCE_S + 5))
    with pytest.raises(LineError, match="no audio"):
        desk.record()
    assert desk.events.count(LineSilent()) == 1


def test_a_sound_in_the_silence_begins_it_anew() -> None:
    second = bytes(2 * 8000)
    knock = b"\x00\x40" * 800
    desk = Desk(stream=second * 100 + knock + second * 100)
    with pytest.raises(LineError, match="no audio"):
        desk.record()
    assert LineSilent() not in desk.events


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(WORDS)), max_size=15), st.integers(1, 40))
@settings(max_examples=200)
def test_nothing_a_modem_says_raises_anything_but_our_error(said: list[bytes], read_at_once: int) -> None:
    desk = Desk()
    desk.conversation.initialise()
    desk.port.read_at_once = read_at_once
    desk.commands.put(Answer())
    desk.commands.put(Record())
    desk.port.after_connect = b"".join(said)
    desk.stop_at = desk.time.now() + 5.0
    with contextlib.suppress(LineError):
        desk.conversation.serve()


@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from(WORDS)), max_size=15))
def test_an_idle_modem_may_say_anything(said: list[bytes]) -> None:
    desk = Desk()
    desk.conversation.initialise()
    for piece in said:
        desk.port.say(piece)
    with contextlib.suppress(LineError):
        desk.idle(2.0)
