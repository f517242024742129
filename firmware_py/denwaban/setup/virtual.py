"""The guided start on a desk: a virtual line whose caller and household do what the wizard asks of people."""

from __future__ import annotations

from typing import Final

import numpy as np

from denwaban.events import SAMPLE_RATE, Pcm
from denwaban.setup.steps import Cue, FoundModem, Question
from denwaban.shipped import shipped_calls
from denwaban.sim.callfile import Behaviour, CallFile, TurnSide, load_call
from denwaban.sim.virtual_line import VirtualLine

CALLER_ID: Final = "09012345678"
_VOICES_FROM: Final = "daughter-warns"
_SPEECH_S: Final = 8.0
_PATIENCE_S: Final = 600
_HEARD_S: Final = 3.0


class VirtualHousehold:
    """Plays both people. A subclass may let them behave otherwise."""

    def __init__(self, line: VirtualLine, caller_id: str | None = CALLER_ID, rings: int = 20) -> None:
        self.line = line
        self._call = _patient_call(caller_id, rings)
        self._voices = load_call(shipped_calls() / _VOICES_FROM)

    def modems(self) -> tuple[FoundModem, ...]:
        """The only modem here."""
        return (FoundModem(self.line.port, "virtual", stable=True),)

    def act(self, cue: Cue) -> None:
        """Do what people were asked for."""
        match cue:
            case "call_now":
                self.call()
            case "caller_talks":
                self.caller_talks()
            case "household_talks":
                self.household_talks()
            case "hang_up":
                self.hang_up()

    def answer(self, question: Question) -> str:
        """Only what can be known: whether sound of the box has arrived at the caller. Else the question's default."""
        if question.name != "warning_heard":
            return question.default
        heard = self.line.heard_by_caller()
        return "yes" if np.count_nonzero(np.abs(heard) > 100) > 0.1 * _HEARD_S * SAMPLE_RATE else "no"

    def call(self) -> None:
        self.line.ring(self._call)

    def caller_talks(self) -> None:
        self.line.say("far", self._speech("far"))

    def household_talks(self) -> None:
        self.line.lift_handset()
        self.line.say("near", self._speech("near"))

    def hang_up(self) -> None:
        self.line.caller_hangs_up()
        self.line.replace_handset()

    def _speech(self, side: TurnSide) -> Pcm:
        """What this side says in a shipped call, one sentence behind the other."""
        sound: Pcm = self._voices.far if side == "far" else self._voices.near
        turns = [turn for turn in self._voices.turns if turn.side == side]
        spoken = [sound[round(turn.t0 * SAMPLE_RATE) : round(turn.t1 * SAMPLE_RATE)] for turn in turns]
        return np.concatenate(spoken)[: round(_SPEECH_S * SAMPLE_RATE)]


def _patient_call(caller_id: str | None, rings: int) -> CallFile:
    """Nobody lifts, speaks or hangs up by itself."""
    silence: Pcm = np.zeros(_PATIENCE_S * SAMPLE_RATE, np.int16)
    return CallFile(
        id="setup",
        title="",
        title_en="",
        label=None,
        caller_id=caller_id,
        outcome=None,
        level=None,
        known=False,
        behaviour=Behaviour(rings=rings, answers=False),
        turns=(),
        far=silence,
        near=silence,
    )
