"""What has happened: frozen, past tense. Adapters emit events into `session.step`; audio goes to the listener."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from denwaban.rules import ScreeningRules

Pcm = npt.NDArray[np.int16]
"""Linear 16-bit mono samples at `SAMPLE_RATE`."""

SAMPLE_RATE: Final = 8000
"""Samples per second of every telephone signal in the program."""

Absence = Literal["P", "O", "C", "S"]
"""Why a number is absent (NTT Number Display): withheld, out of area, payphone, service conflict."""

Side = Literal["far", "near", "unknown"]
Tone = Literal["busy", "dial", "fax"]
Reply = Literal["calling", "false_alarm", "call_later", "hang_up", "ask_hang_up"]
"""What a contact may answer to an alert: I am calling them now; it is nothing; I shall call later; cut the call; where
the line cannot: ask them aloud to hang up."""
Button = Literal["family", "stop", "fine"]
"""Call my family; stop recording this call; this caller is fine."""


class Level(StrEnum):
    """How worried the box is about a call, in rising order."""

    QUIET = "quiet"
    CAUTION = "caution"
    ALERT = "alert"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS: Final = {Level.QUIET: 0, Level.CAUTION: 1, Level.ALERT: 2}


@dataclass(frozen=True, slots=True)
class CallerId:
    """What the exchange told about the caller: either `number` or `absence`, or neither (garbled report)."""

    number: str | None = None
    absence: Absence | None = None


# --- from the line -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LineReady:
    """The modem is initialised and listens for rings; `modem` is what it says it is."""

    modem: str


@dataclass(frozen=True, slots=True)
class LineFailed:
    """The line cannot be used; the driver goes on trying to reopen it."""

    reason: str


@dataclass(frozen=True, slots=True)
class RingHeard:
    """One RING from the modem (Japan: every 3 s; before a caller-id report, about every 1 s)."""


@dataclass(frozen=True, slots=True)
class CallerIdShown:
    """The modem reported the caller."""

    caller: CallerId


@dataclass(frozen=True, slots=True)
class Answered:
    """The modem holds the line off-hook in voice mode."""


@dataclass(frozen=True, slots=True)
class PromptFinished:
    """The last sample of a prompt has left the modem, or playing was broken off."""

    prompt: str


@dataclass(frozen=True, slots=True)
class RecordingStarted:
    """The modem sends audio from now on."""


@dataclass(frozen=True, slots=True)
class HandsetLifted:
    """The household's parallel telephone went off-hook."""


@dataclass(frozen=True, slots=True)
class HandsetReplaced:
    """The household's parallel telephone went on-hook."""


@dataclass(frozen=True, slots=True)
class ToneHeard:
    """The modem or our own detector heard a call-progress tone."""

    tone: Tone


@dataclass(frozen=True, slots=True)
class LineSilent:
    """For minutes there has been no sound at all: whoever held the line is gone without a tone."""


@dataclass(frozen=True, slots=True)
class LineReleased:
    """The modem is on-hook again."""


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A stretch of the two-wire signal while recording. `pcm` must not be changed by anyone; any length."""

    pcm: Pcm
    box_speaks: bool = False
    """The box spoke in the room meanwhile, and the household's handset may have heard it."""


# --- from the listener (transcription and detection) ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Utterance:
    """One stretch of speech as recognised. Seconds since the recording began."""

    text: str
    t0: float
    t1: float
    side: Side


@dataclass(frozen=True, slots=True)
class Evidence:
    """A phrase that counted, as it stands in the utterance's text, with its share of the score (0..1)."""

    phrase: str
    weight: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the detector makes of a call after one utterance. `score` is null for near-end speech."""

    level: Level
    score: float | None
    call_score: float
    stage: int
    category: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class UtteranceAssessed:
    """An utterance was recognised and judged; `decided_at` is the position in the audio at which this was known."""

    utterance: Utterance
    assessment: Assessment
    decided_at: float
    call_id: str = ""
    """Empty where a recording is judged, and there is one call only."""


@dataclass(frozen=True, slots=True)
class TranscriptFinished:
    """All audio of the call has been recognised and judged, or never will be."""

    call_id: str
    heard: bool = False
    """Words were recognised and nothing failed. A call without words proves nothing: it may never have been decoded."""


@dataclass(frozen=True, slots=True)
class ListenerFailed:
    """Recognition or detection broke down; the call goes on unjudged."""

    reason: str
    hung: bool = False
    """It did not come back: no later call can be listened to either, until the program is started anew."""


# --- from the other adapters ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecordingFailed:
    """The recording cannot be written (disk full); the call goes on."""

    reason: str


@dataclass(frozen=True, slots=True)
class RulesChanged:
    """The household's rules are others now, or the clock was set; `wall_offset` is wall time minus the session's."""

    rules: ScreeningRules
    wall_offset: float


@dataclass(frozen=True, slots=True)
class FamilyTold:
    """A contact has received an alert. `role`: how the household calls this person; `age_s`: since it was sent off."""

    alert_id: str
    role: str
    age_s: float


@dataclass(frozen=True, slots=True)
class FamilyAnswered:
    """A contact has answered an alert; who it is and that it is fresh has been proven. Fields as in `FamilyTold`."""

    alert_id: str
    role: str
    reply: Reply
    age_s: float


@dataclass(frozen=True, slots=True)
class ContactsChanged:
    """Contacts were registered or taken away. `anybody`: there is somebody who is told."""

    anybody: bool


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """Somebody pressed a button of the box; `long`: and held it, so it was no accident."""

    button: Button
    long: bool = False


@dataclass(frozen=True, slots=True)
class DeadlineReached:
    """The deadline that the state carried has passed."""


Event = (
    LineReady
    | LineFailed
    | RingHeard
    | CallerIdShown
    | Answered
    | PromptFinished
    | RecordingStarted
    | HandsetLifted
    | HandsetReplaced
    | ToneHeard
    | LineSilent
    | LineReleased
    | UtteranceAssessed
    | TranscriptFinished
    | ListenerFailed
    | RecordingFailed
    | RulesChanged
    | FamilyTold
    | FamilyAnswered
    | ContactsChanged
    | ButtonPressed
    | DeadlineReached
)
