"""The words of the guided start: steps, what is asked of people, what was found; and its ports. No sentences here.

Every `what`, cue, question and step is a key of `words.toml`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol, get_args

from denwaban.config import Config
from denwaban.effects import LineCommand
from denwaban.events import Event, Pcm
from denwaban.line.probe import ModemFacts
from denwaban.ports import Capabilities

Step = Literal["find", "identify", "call", "answer", "sides", "release", "write", "summary"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
TRIAL_STEPS: Final[tuple[Step, ...]] = ("call", "answer", "sides", "release")
"""One telephone call."""

State = Literal["ok", "note", "bad", "skipped"]
_WORST_FIRST: Final[tuple[State, ...]] = ("bad", "note", "skipped", "ok")

Cue = Literal["line_opens", "call_now", "answering", "warning_plays", "caller_talks", "household_talks", "hang_up"]
"""What people are asked to do, or what they wait for."""

Value = str | int | float


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a step found out; `values` fill its sentence."""

    what: str
    state: State
    values: Mapping[str, Value]


def found(what: str, state: State = "ok", **values: Value) -> Finding:
    """A finding with its values by name."""
    return Finding(what, state, values)


@dataclass(frozen=True, slots=True)
class StepResult:
    """How a step ended."""

    step: Step
    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        """The worst of its findings."""
        states = {finding.state for finding in self.findings}
        return next(state for state in _WORST_FIRST if state in states or state == "ok")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its possible answers. `default` is the answer to an empty line, and nobody's."""

    name: str
    answers: tuple[str, ...]
    default: str
    values: Mapping[str, Value]
    limit_s: float | None = None
    """Real seconds after which `default` is taken: while it waits, the telephone line is held."""


@dataclass(frozen=True, slots=True)
class FoundModem:
    """A serial port at which a modem may be."""

    port: str
    description: str
    stable: bool
    """The name stays when the modem is unplugged and plugged in again."""


class Person(Protocol):
    """Who sits before the screen. Every method may raise to give the whole thing up."""

    def begin(self, step: Step) -> None: ...

    def please(self, cue: Cue) -> None:
        """Ask for something to be done, or say what happens now."""

    def waiting(self, cue: Cue, left_s: float) -> None:
        """Still waiting for it; called several times a second."""

    def ask(self, question: Question) -> str:
        """One of the question's answers."""

    def show(self, result: StepResult) -> None: ...


class OpenLine(Protocol):
    """A telephone line with the driver of `denwaban run` at it."""

    def now(self) -> float:
        """Seconds of line time."""

    def next_event(self, limit_s: float) -> Event | None:
        """What happens next; None after the limit. Raises LineError when the modem is lost."""

    def do(self, command: LineCommand) -> None: ...

    def take_audio(self) -> Pcm:
        """What was recorded since the last time, at most a minute of it."""

    def close(self) -> None:
        """Release the line, whatever it is doing."""


class Bench(Protocol):
    """The computer's serial ports and what is at them."""

    def modems(self) -> Sequence[FoundModem]: ...

    def trouble(self, port: str) -> Literal["", "port_missing", "no_permission"]:
        """Why a port cannot even be opened."""

    def identify(self, port: str) -> ModemFacts:
        """Raises LineError when no modem answers."""

    def open(self, port: str) -> OpenLine: ...

    def capabilities(self, facts: ModemFacts) -> Capabilities: ...


class Keeper(Protocol):
    """Where the configuration is kept."""

    @property
    def path(self) -> Path: ...

    @property
    def existing(self) -> Config:
        """What is there now; the defaults if nothing is."""

    def text(self, config: Config) -> str:
        """How it would be written."""

    def write(self, config: Config) -> Path | None:
        """Write it, checked; the copy of what was there before, if anything was. Raises ConfigError."""
