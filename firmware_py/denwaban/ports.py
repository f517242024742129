"""Ports: what the core asks of the outside. Adapters implement them; `app.py` chooses which.

Every port has a hand-written fake in `tests/fakes/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

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
from denwaban.events import Assessment, AudioFrame, Event, Pcm, Side, Utterance

Emit = Callable[[Event], None]
"""Puts an event into the main inbox. Callable from any thread; never blocks."""


class Clock(Protocol):
    """Time. On the virtual line this is line time, which stands still while the recogniser is behind."""

    def now(self) -> float:
        """Seconds, monotonic."""

    def wall(self) -> float:
        """Seconds since the epoch (UTC)."""

    def wait_hint(self, deadline: float) -> float:
        """Real seconds to sleep before looking at `now()` again; at most the time to `deadline`."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this line can do; the code asks, never assumes."""

    can_announce: bool
    can_cut: bool
    hears_outgoing: bool
    separate_sides: bool
    shows_caller: bool


@dataclass(frozen=True, slots=True)
class StreamCounts:
    """How often the line lost sound since the program began. Sound lost behind the line is counted elsewhere."""

    overruns: int = 0
    """The host read too late, or bytes were lost on their way to it: recorded sound is missing."""
    underruns: int = 0
    """The host wrote too late: a gap in a prompt."""


class FrameSink(Protocol):
    """Takes the audio of the line. Called on the line's thread."""

    def has_room(self) -> bool:
        """False asks the line to wait; only the virtual line may be made to wait."""

    def put(self, frame: AudioFrame) -> None:
        """Take a frame; never blocks, never raises."""


class Line(Protocol):
    """A telephone line. `start` begins a thread; results come as events."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def stream_counts(self) -> StreamCounts:
        """May be read from any thread."""

    def start(self, emit: Emit, frames: FrameSink) -> None: ...

    def submit(self, command: LineCommand) -> None:
        """Queue a command; never blocks."""

    def close(self) -> None:
        """Release the line and end the thread."""


class Recognizer(Protocol):
    """A loaded speech model."""

    @property
    def name(self) -> str: ...

    def start(self) -> CallRecognizer:
        """A recogniser for one audio stream."""


class CallRecognizer(Protocol):
    """Recognises one stream of 8 kHz audio. The result does not depend on how the audio is cut into chunks."""

    def feed(self, pcm: Pcm) -> Sequence[Utterance]:
        """Utterances that ended in this audio (side always 'unknown'), in order of their end."""

    def finish(self) -> Sequence[Utterance]:
        """The rest; no more audio comes."""

    @property
    def heard_until(self) -> float:
        """Seconds of audio fed so far."""


class SideEstimator(Protocol):
    """Tells far from near speech on a two-wire tap."""

    def feed(self, pcm: Pcm) -> None: ...

    def side(self, t0: float, t1: float) -> Side:
        """Who spoke between t0 and t1 seconds. Asked in order of time, after the audio was fed."""


class Judge(Protocol):
    """Judges one call, utterance by utterance. Causal: a verdict depends on earlier utterances only."""

    def hear(self, utterance: Utterance) -> Assessment: ...


class Speaker(Protocol):
    """The voice of the box in the room."""

    @property
    def speaking(self) -> bool:
        """Whether the box is heard in the room, or was a moment ago (any thread)."""

    def say(self, prompt: str) -> None:
        """Queue a prompt (a name of `prompts/`); never blocks. Playing failures are logged, not raised."""

    def close(self) -> None: ...


class Panel(Protocol):
    """Lamps and buttons of the box, as far as they are fitted."""

    def start(self, emit: Emit) -> None:
        """Report presses from now on, from a thread of its own."""

    def show(self, lamp: Lamp, *, listening: bool) -> None:
        """Show the state of the box, and whether it listens; never blocks, never raises."""

    def close(self) -> None:
        """Lamps off."""


class CallStore(Protocol):
    """Keeps calls. Methods queue the work for the writer thread and never block."""

    def open_call(self, opened: OpenCall, at: float) -> None: ...

    def note(self, noted: NoteUtterance, at: float) -> None: ...

    def close_call(self, closed: CloseCall, at: float) -> None: ...

    def use_let_through(self, used: UseLetThrough, at: float) -> None: ...

    def forget_words(self, call_id: str) -> None:
        """Delete what was said in a call and what was made of it; that there was one stays."""

    def mark_harmless(self, marked: MarkHarmless, at: float) -> None: ...

    def allow_number(self, allowed: AllowNumber, at: float) -> None: ...


class AlertSink(Protocol):
    """Delivers alerts and reports of the box's health at least once, in order. `at`: seconds since the epoch."""

    def submit(self, alert: SendAlert, at: float) -> None:
        """Have the alert written to the outbox and sent."""

    def report(self, health: ReportHealth, at: float) -> None:
        """The same for a report."""


class Recorder(Protocol):
    """Writes the audio of one call."""

    def write(self, pcm: Pcm) -> None: ...

    def close(self) -> None: ...
