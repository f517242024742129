"""Hand-written stand-ins for every port: they keep what they are told, and do what the test says."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from denwaban.effects import (
    AllowNumber,
    CloseCall,
    Lamp,
    LineCommand,
    MarkHarmless,
    NoteUtterance,
    OpenCall,
    ReportHealth,
    SendAlert,
    UseLetThrough,
)
from denwaban.errors import StoreError
from denwaban.events import (
    SAMPLE_RATE,
    Assessment,
    AudioFrame,
    Button,
    ButtonPressed,
    Event,
    Evidence,
    Level,
    LineReady,
    LineReleased,
    Pcm,
    Side,
    Utterance,
)
from denwaban.ports import Capabilities, Emit, FrameSink, StreamCounts


class FakeClock:
    """Time that passes only when the test lets it."""

    def __init__(self, now: float = 0.0, wall: float = 1_800_000_000.0) -> None:
        self._now = now
        self._wall_at_zero = wall - now

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._wall_at_zero + self._now

    def wait_hint(self, deadline: float) -> float:
        return min(0.005, max(0.0, deadline - self._now))

    def advance(self, seconds: float) -> None:
        self._now += seconds


class FakeLine:
    """A line whose events the test speaks. `HangUp` is answered by `LineReleased` when `releases` is set."""

    def __init__(self) -> None:
        self.commands: list[LineCommand] = []
        self.closed = False
        self.stream_counts = StreamCounts()
        self._emit: Emit | None = None
        self._frames: FrameSink | None = None

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(True, False, False, False, True)

    def start(self, emit: Emit, frames: FrameSink) -> None:
        self._emit, self._frames = emit, frames
        emit(LineReady("fake modem"))

    def submit(self, command: LineCommand) -> None:
        self.commands.append(command)
        if type(command).__name__ == "HangUp":
            self.say(LineReleased())

    def close(self) -> None:
        self.closed = True

    # --- for the test ---

    def say(self, event: Event) -> None:
        assert self._emit is not None, "not started"
        self._emit(event)

    def hear(self, pcm: Pcm) -> None:
        assert self._frames is not None, "not started"
        self._frames.put(AudioFrame(pcm))


@dataclass
class FakeStore:
    """Keeps calls in lists."""

    opened: list[OpenCall] = field(default_factory=list)
    noted: list[NoteUtterance] = field(default_factory=list)
    closed: list[CloseCall] = field(default_factory=list)
    used: list[UseLetThrough] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    harmless: list[MarkHarmless] = field(default_factory=list)
    allowed: list[AllowNumber] = field(default_factory=list)

    def open_call(self, opened: OpenCall, at: float) -> None:
        self.opened.append(opened)

    def note(self, noted: NoteUtterance, at: float) -> None:
        self.noted.append(noted)

    def close_call(self, closed: CloseCall, at: float) -> None:
        self.closed.append(closed)

    def use_let_through(self, used: UseLetThrough, at: float) -> None:
        self.used.append(used)

    def forget_words(self, call_id: str) -> None:
        self.forgotten.append(call_id)

    def mark_harmless(self, marked: MarkHarmless, at: float) -> None:
        self.harmless.append(marked)

    def allow_number(self, allowed: AllowNumber, at: float) -> None:
        self.allowed.append(allowed)


@dataclass
class FakeAlerts:
    """Keeps alerts with the time they were submitted."""

    submitted: list[tuple[SendAlert, float]] = field(default_factory=list)
    reported: list[tuple[ReportHealth, float]] = field(default_factory=list)

    def submit(self, alert: SendAlert, at: float) -> None:
        self.submitted.append((alert, at))

    def report(self, health: ReportHealth, at: float) -> None:
        self.reported.append((health, at))


@dataclass
class FakeSpeaker:
    """Keeps what it was told to say."""

    said: list[str] = field(default_factory=list)
    closed: bool = False
    speaking: bool = False

    def say(self, prompt: str) -> None:
        self.said.append(prompt)

    def close(self) -> None:
        self.closed = True


class FakePanel:
    """Keeps what it was told to show; the test presses."""

    def __init__(self) -> None:
        self.shown: list[tuple[Lamp, bool]] = []
        self.closed = False
        self._emit: Emit | None = None

    def start(self, emit: Emit) -> None:
        self._emit = emit

    def show(self, lamp: Lamp, *, listening: bool) -> None:
        self.shown.append((lamp, listening))

    def close(self) -> None:
        self.closed = True

    # --- for the test ---

    def press(self, button: Button, *, long: bool = False) -> None:
        assert self._emit is not None, "not started"
        self._emit(ButtonPressed(button, long))


class FakeRecorder:
    """Keeps what it was given; a disk of `room` samples, and one that fails at the end if `fails_at_end`."""

    def __init__(self, room: int | None = None, *, fails_at_end: bool = False) -> None:
        self._room = room
        self._fails_at_end = fails_at_end
        self._failed = False
        self._parts: list[Pcm] = []
        self.closed = False

    @property
    def pcm(self) -> Pcm:
        return np.concatenate([np.zeros(0, np.int16), *self._parts])

    def write(self, pcm: Pcm) -> None:
        if self.closed or self._failed:
            return
        if self._room is not None and len(self.pcm) + len(pcm) > self._room:
            self._failed = True
            raise StoreError("recording stopped, the disk is full; check with df")
        self._parts.append(pcm)

    def close(self) -> None:
        first, self.closed = not self.closed, True
        if first and self._fails_at_end:
            raise StoreError("the end of the recording was not written; check with df")


class FakeRecognizer:
    """Says the next of `texts` at the end of every second of sound, whatever the sound is."""

    def __init__(self, *texts: str, second: float = 1.0) -> None:
        self._texts = texts
        self._second = second
        self.started = 0

    @property
    def name(self) -> str:
        return "fake"

    def start(self) -> FakeCallRecognizer:
        self.started += 1
        return FakeCallRecognizer(self._texts, round(self._second * SAMPLE_RATE))


class FakeCallRecognizer:
    """One call of `FakeRecognizer`."""

    def __init__(self, texts: Sequence[str], samples_each: int) -> None:
        self._texts = list(texts)
        self._each = samples_each
        self._samples = 0
        self._said = 0

    def feed(self, pcm: Pcm) -> Sequence[Utterance]:
        self._samples += len(pcm)
        return self._upto(self._samples // self._each)

    def finish(self) -> Sequence[Utterance]:
        return self._upto(-(-self._samples // self._each))

    @property
    def heard_until(self) -> float:
        return self._samples / SAMPLE_RATE

    def _upto(self, count: int) -> list[Utterance]:
        first, self._said = self._said, max(self._said, min(count, len(self._texts)))
        seconds = self._each / SAMPLE_RATE
        return [
            Utterance(self._texts[i], i * seconds, min((i + 1) * seconds, self.heard_until), "unknown")
            for i in range(first, self._said)
        ]


class EnergyRecognizer:
    """Tells loud from quiet: each loud stretch that 0.4 s of quiet follows is an utterance, its text its loudness."""

    name = "energy"

    def start(self) -> EnergyCallRecognizer:
        return EnergyCallRecognizer()


class EnergyCallRecognizer:
    """One call of `EnergyRecognizer`."""

    frame = SAMPLE_RATE // 50
    hangover = 20

    def __init__(self) -> None:
        self._rest: Pcm = np.zeros(0, np.int16)
        self._samples = 0
        self._frames = 0
        self._loud: list[tuple[int, float]] = []

    def feed(self, pcm: Pcm) -> Sequence[Utterance]:
        self._samples += len(pcm)
        audio = np.concatenate((self._rest, pcm))
        whole = len(audio) // self.frame * self.frame
        self._rest = audio[whole:]
        heard = (self._take(frame) for frame in audio[:whole].reshape(-1, self.frame))
        return [utterance for utterance in heard if utterance is not None]

    def finish(self) -> Sequence[Utterance]:
        return [self._utterance()] if self._loud else []

    @property
    def heard_until(self) -> float:
        return self._samples / SAMPLE_RATE

    def _take(self, frame: Pcm) -> Utterance | None:
        level = float(np.sqrt(np.mean(np.square(frame, dtype=np.float64))))
        if level > 300:
            self._loud.append((self._frames, level))
        self._frames += 1
        if self._loud and self._frames - self._loud[-1][0] > self.hangover:
            return self._utterance()
        return None

    def _utterance(self) -> Utterance:
        loud, self._loud = self._loud, []
        text = f"{np.mean([level for _at, level in loud]):.1f}"
        return Utterance(text, loud[0][0] / 50, (loud[-1][0] + 1) / 50, "unknown")


class FakeSides:
    """Answers with the given sides in turn, the last for ever."""

    def __init__(self, *sides: Side) -> None:
        self._sides = list(sides)

    def feed(self, pcm: Pcm) -> None:
        pass

    def side(self, t0: float, t1: float) -> Side:
        return self._sides.pop(0) if len(self._sides) > 1 else self._sides[0]


class FakeJudge:
    """The level is what the text says: `alert…`, `caution…`, else quiet; it never falls."""

    def __init__(self) -> None:
        self._level = Level.QUIET

    def hear(self, utterance: Utterance) -> Assessment:
        said = next((level for level in Level if utterance.text.startswith(level)), Level.QUIET)
        self._level = max(self._level, said, key=lambda level: level.rank)
        score = {Level.QUIET: 0.0, Level.CAUTION: 0.6, Level.ALERT: 0.95}[self._level]
        evidence = (Evidence(utterance.text, score),) if said.rank else ()
        return Assessment(self._level, score, score, 4, "refund" if self._level.rank else "", evidence)


class Gathered:
    """An `Emit` that keeps events and lets a test wait for one."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    @property
    def events(self) -> list[Event]:
        with self._changed:
            return list(self._events)

    def wait_for(self, kind: type[Event], count: int = 1, timeout: float = 60.0) -> list[Event]:
        """The events of a kind once there are `count` of them; AssertionError if they do not come."""

        def found() -> list[Event]:
            return [event for event in self._events if isinstance(event, kind)]

        with self._changed:
            enough = self._changed.wait_for(lambda: len(found()) >= count, timeout)
            assert enough, f"no {count} × {kind.__name__} within {timeout:g} s, only {self._events}"
            return found()


class RoomySink:
    """A `FrameSink` that keeps everything."""

    def __init__(self) -> None:
        self.frames: list[AudioFrame] = []

    def has_room(self) -> bool:
        return True

    def put(self, frame: AudioFrame) -> None:
        self.frames.append(frame)
