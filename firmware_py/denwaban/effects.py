"""What is to be done: frozen, imperative. `session.step` returns effects; `loop.py` carries them out through ports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from denwaban.events import CallerId, Evidence, Level, UtteranceAssessed

Outcome = Literal[
    "left_alone", "refused", "repelled", "unanswered", "message", "fax", "screened", "stopped", "line_failed"
]
"""How a call ended, for the box: `left_alone` it rang for the household only; `refused` turned away by policy;
`repelled` the caller hung up during or right after the recording warning; `unanswered` nobody came to the telephone;
`message` and the caller spoke a message; `fax` the caller is a fax machine; `screened` listened to; `stopped` the
household did not want it listened to; `line_failed` the modem was out of order when it rang or broke down in the call:
it rang through, or was cut off."""

Hearing = Literal["deaf", "well"]

Lamp = Literal["off", "listening", "caution", "alert", "fault"]


# --- to the line ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """Go off-hook in voice mode."""


@dataclass(frozen=True, slots=True)
class Play:
    """Play a prompt into the line."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Record:
    """Send the line's audio to the listener and the recording."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """Go on-hook, whatever the line is doing."""


LineCommand = Answer | Play | Record | HangUp


# --- to the house --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chime:
    """Call the household to the telephone (once; the session repeats it)."""


@dataclass(frozen=True, slots=True)
class Warn:
    """Speak a prompt in the room."""

    prompt: str


@dataclass(frozen=True, slots=True)
class SetLamp:
    """Show the state of the box."""

    lamp: Lamp


# --- to listener, store, family --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A call began: open its record."""

    call_id: str
    caller: CallerId | None
    decision: str


@dataclass(frozen=True, slots=True)
class UseLetThrough:
    """The one unknown caller who was to be let through has rung: note it, so that the wish ends with this call."""

    id: int


@dataclass(frozen=True, slots=True)
class StartListening:
    """Begin recording, transcription and detection for this call."""

    call_id: str
    caller: CallerId | None


@dataclass(frozen=True, slots=True)
class StopListening:
    """No more audio will come; finish what is queued."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Discard:
    """Stop listening to this call and delete what was recorded and judged of it."""

    call_id: str


@dataclass(frozen=True, slots=True)
class NoteUtterance:
    """Keep a judged utterance in the call record."""

    call_id: str
    assessed: UtteranceAssessed


@dataclass(frozen=True, slots=True)
class MarkHarmless:
    """Household or family says that this call was no scam."""

    call_id: str


@dataclass(frozen=True, slots=True)
class AllowNumber:
    """Put a number, as `screening.pattern_of` writes it, on the allow list."""

    pattern: str


@dataclass(frozen=True, slots=True)
class SendAlert:
    """Tell the family. The same `alert_id` goes through new → update → end; a call for help (`category` `help`), which
    may come without a call (`call_id` empty), is only `new`."""

    alert_id: str
    call_id: str
    event: Literal["new", "update", "end"]
    level: Level
    category: str
    score: float
    caller: CallerId | None
    evidence: tuple[Evidence, ...]
    transcript: tuple[tuple[str, str], ...]
    """(side, text) of the last utterances, oldest first."""


@dataclass(frozen=True, slots=True)
class ReportHealth:
    """Tell family and lending office that the box has become deaf (no caller is judged), or is well again."""

    hearing: Hearing
    reason: Literal["line", "speech"]
    """What is or was out of order: `line`, the modem or its port; `speech`, the listening to calls."""


@dataclass(frozen=True, slots=True)
class CloseCall:
    """A call ended: close its record and write the canonical log line."""

    call_id: str
    outcome: Outcome
    level: Level
    category: str
    score: float


Effect = (
    LineCommand
    | Chime
    | Warn
    | SetLamp
    | OpenCall
    | UseLetThrough
    | StartListening
    | StopListening
    | Discard
    | NoteUtterance
    | MarkHarmless
    | AllowNumber
    | SendAlert
    | ReportHealth
    | CloseCall
)
